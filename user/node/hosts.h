/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of pods: every pod sees the others as NAME.NAMESPACE (those of its own namespace also as NAME)
 * through a hosts file that is mounted into its containers.
 */
#ifndef RAST_NODE_HOSTS_H
#define RAST_NODE_HOSTS_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

/*
 * The text of one pod's hosts file. `pods` as rast_state_pods() gives them; the caller frees. NULL when
 * out of memory.
 */
char *rast_hosts_text(const json_t *pods, const json_t *pod, uint32_t gateway);
/* Writes every pod's file anew, in place: containers hold the inode. Hold the node lock. */
int rast_hosts_update(const struct rast_instance *in, struct rast_err *err);

#endif
