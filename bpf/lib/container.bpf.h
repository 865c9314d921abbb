/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose is this task, socket or packet: the cgroup at the contract's level above it, looked up in
 * container_by_cgroup. NULL means "not one of ours", and every observing program leaves then.
 *
 * A process in a cgroup that the container made for itself has the container's cgroup as ancestor;
 * one that is not that deep gets id 0 from the helper and costs no hash lookup. Containers of other
 * runtimes have their cgroups at other levels; while there are none, nobody looks there.
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

/*
 * The search for who is registered among the cgroups at several levels, outermost first. Only while there
 * are containers of other runtimes. bpf_loop(), because a loop that is walked by the verifier costs it ten
 * times as much as everything else in these small programs.
 */
struct container_search {
	__u64 found;     /* id; 0: none */
	__u64 ancestors; /* address of the array, of a cgroup that is not the running task's */
	__u32 levels, n;
};

/* False: nothing to look for but container_level. */
static __always_inline bool container_search_wanted(struct container_search *s)
{
	__u32 zero = 0;
	const struct rast_foreign *f = bpf_map_lookup_elem(&foreign_control, &zero);

	s->levels = f ? *(const volatile __u32 *)&f->levels : 0;
	if (!s->levels)
		return false;
	s->levels |= 1u << (container_level & 31);
	s->n = f->end > container_level ? f->end : container_level + 1;
	s->found = 0;
	s->ancestors = 0;
	return true;
}

/* Is `id` registered? Then the search is over. */
static __always_inline long container_search_end(struct container_search *s, __u64 id)
{
	if (!container_of_id(id))
		return 0;
	s->found = id;
	return 1;
}

static __attribute__((unused)) long container_search_current(__u64 level,
							     struct container_search *s)
{
	if (!(s->levels >> (level & 31) & 1))
		return 0;
	return container_search_end(s, bpf_get_current_ancestor_cgroup_id(level));
}

/* What the running task's container would be registered by; 0: not that deep. */
static __always_inline __u64 container_id_current(void)
{
	struct container_search s;

	if (!container_search_wanted(&s))
		return bpf_get_current_ancestor_cgroup_id(container_level);
	bpf_loop(s.n, container_search_current, &s, 0);
	return s.found;
}

/* Of the running task. */
static __always_inline struct rast_container *container_current(__u64 *ret_id)
{
	*ret_id = container_id_current();
	return container_of_id(*ret_id);
}

/* `ancestors`: of a cgroup that is at least that deep. CO-RE wants a constant index, so this is by hand. */
static __always_inline __u64 ancestor_id(__u64 ancestors, __u32 level)
{
	struct cgroup *anc = NULL;

	if (bpf_probe_read_kernel(&anc, sizeof(anc), (void *)ancestors + level * sizeof(anc)))
		return 0;
	return BPF_CORE_READ(anc, kn, id);
}

static __attribute__((unused)) long container_search_cgroup(__u64 level, struct container_search *s)
{
	if (!(s->levels >> (level & 31) & 1))
		return 0;
	return container_search_end(s, ancestor_id(s->ancestors, level));
}

/* What the container of `cgrp` would be registered by; 0 when it is not that deep. */
static __always_inline __u64 container_id_of_cgroup(struct cgroup *cgrp)
{
	struct container_search s;
	__u32 depth;

	if (!cgrp)
		return 0;
	depth = BPF_CORE_READ(cgrp, level);
	if (!container_search_wanted(&s))
		return depth < container_level
			       ? 0
			       : ancestor_id((__u64)&cgrp->ancestors[0], container_level);
	s.ancestors = (__u64)&cgrp->ancestors[0];
	/* Past its own level there is nothing. */
	bpf_loop(s.n <= depth ? s.n : depth + 1, container_search_cgroup, &s, 0);
	return s.found;
}

/* Of another task than the running one. */
static __always_inline struct rast_container *container_of_task(struct task_struct *task,
								__u64 *ret_id)
{
	*ret_id = container_id_of_cgroup(BPF_CORE_READ(task, cgroups, dfl_cgrp));
	return container_of_id(*ret_id);
}

#endif
