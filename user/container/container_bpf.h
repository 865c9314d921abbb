/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * container_by_cgroup (bpf/container.h) as the launcher sees it: told before the first instruction, read
 * for the exit status. Where nothing is pinned (no BPF, nothing loaded yet) these do nothing and say
 * so: launching must work without.
 */
#ifndef RAST_CONTAINER_CONTAINER_BPF_H
#define RAST_CONTAINER_CONTAINER_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/container.h"

#include <stdbool.h>

/* 0 also when nothing is pinned. A full map is an error: an unknown container would go unwatched. */
int rast_container_bpf_register(const struct rast_instance *in, uint64_t cgroup_id,
				const struct rast_container *rec, struct rast_err *err);
/* -ENOENT when it is not registered, or nothing is pinned. */
int rast_container_bpf_read(const struct rast_instance *in, uint64_t cgroup_id,
			    struct rast_container *ret);
int rast_container_bpf_unregister(const struct rast_instance *in, uint64_t cgroup_id);
/* Takes out each record for which is_live answers 0; *ret_removed counts them. */
int rast_container_bpf_sweep(const struct rast_instance *in,
			     int (*is_live)(void *arg, uint64_t cgroup_id), void *arg,
			     unsigned int *ret_removed);

#endif
