/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pod and container a slot, an address or an identity is: read from the state files of the node
 * (container/state.h), again whenever they change. A container whose file is not written yet when its
 * first event comes is named by its cgroup's path.
 */
#ifndef RAST_CONTROLLER_NAMES_H
#define RAST_CONTROLLER_NAMES_H

#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

struct rast_names;
struct rast_state_cache;

/* `pods` must outlive it. */
struct rast_names *rast_names_create(const struct rast_instance *in, struct rast_state_cache *pods);
void rast_names_destroy(struct rast_names *n);
/* Inotify; -1 when there is none. Readable: something changed; rast_names_changed() reads it. */
int rast_names_fd(const struct rast_names *n);
void rast_names_changed(struct rast_names *n);

/* Adds container, pod, namespace, labels. False when nobody is known by it. */
bool rast_names_add_slot(struct rast_names *n, uint32_t slot, uint64_t cgroup_id, json_t *json);

#endif
