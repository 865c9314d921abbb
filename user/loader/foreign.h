/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of another runtime (rast-oci) as the kernel halves see them. Their record in
 * container_by_cgroup is like any other; what differs is where their cgroup is: at a level of its own
 * (foreign_control), and not below the instance's cgroup, so that the cgroup programs of account,
 * audit and anomaly have to be attached at each of them. Those links are pinned as
 * link/<program>@<cgroup id>.
 */
#ifndef RAST_LOADER_FOREIGN_H
#define RAST_LOADER_FOREIGN_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/container.h"

#include <stdint.h>

/* -ENOENT with err when what is loaded is older than this. */
int rast_foreign_control(const struct rast_instance *in, const struct rast_foreign *control,
			 struct rast_err *err);
/* Each cgroup program that is attached at the instance's cgroup, at this one too. */
int rast_foreign_attach(const struct rast_instance *in, int cgroup_fd, struct rast_err *err);
/* The same for each foreign container on record whose cgroup is still there: after a load. */
int rast_foreign_attach_all(const struct rast_instance *in, struct rast_err *err);
void rast_foreign_detach(const struct rast_instance *in, uint64_t cgroup_id);
/* Detaches what belongs to a cgroup for which is_live answers 0; returns how many links that were. */
unsigned int rast_foreign_sweep(const struct rast_instance *in,
				int (*is_live)(void *arg, uint64_t cgroup_id), void *arg);

#endif
