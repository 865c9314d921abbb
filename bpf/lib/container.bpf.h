/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose is this task, socket or packet: the cgroup at the contract's level above it, looked up in
 * container_by_cgroup. NULL means "not one of ours", and every observing program leaves then.
 *
 * A process in a cgroup that the container made for itself has the container's cgroup as ancestor;
 * one that is not that deep gets id 0 from the helper and costs no hash lookup.
 */
#ifndef RAST_BPF_LIB_CONTAINER_H
#define RAST_BPF_LIB_CONTAINER_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "bpf/lib/maps.bpf.h"

/* Depth of a container's cgroup; only a test or a nested cgroup root changes it. */
const volatile __u32 container_level = RAST_CONTAINER_LEVEL;

static __always_inline struct rast_container *container_of_id(__u64 id)
{
	return id ? bpf_map_lookup_elem(&container_by_cgroup, &id) : NULL;
}

/* Of the running task. */
static __always_inline struct rast_container *container_current(__u64 *ret_id)
{
	*ret_id = bpf_get_current_ancestor_cgroup_id(container_level);
	return container_of_id(*ret_id);
}

/* Id of the container-level cgroup at or above `cgrp`; 0 when it is not that deep. */
static __always_inline __u64 container_id_of_cgroup(struct cgroup *cgrp)
{
	__u32 level = container_level;
	struct cgroup *anc = NULL;

	if (!cgrp || BPF_CORE_READ(cgrp, level) < (int)level)
		return 0;
	/* CO-RE wants a constant index, so the rest is done by hand. */
	if (bpf_probe_read_kernel(&anc, sizeof(anc),
				  (void *)&cgrp->ancestors[0] + level * sizeof(anc)))
		return 0;
	return BPF_CORE_READ(anc, kn, id);
}

/* Of another task than the running one. */
static __always_inline struct rast_container *container_of_task(struct task_struct *task,
								__u64 *ret_id)
{
	*ret_id = container_id_of_cgroup(BPF_CORE_READ(task, cgroups, dfl_cgrp));
	return container_of_id(*ret_id);
}

#endif
