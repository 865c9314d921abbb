/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Raising an anomaly from a program that counts something: the limits, which user space may change at
 * any time, and the event. Shared by anomaly.bpf.c (destinations, execs) and account.bpf.c (which
 * alone sees a system call for the first time).
 */
#ifndef RAST_BPF_LIB_ANOMALY_H
#define RAST_BPF_LIB_ANOMALY_H

#include "bpf/anomaly.h"
#include "bpf/lib/container.bpf.h"
#include "bpf/lib/emit.bpf.h"

/* Slot → limits; see struct rast_anomaly_limit. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RAST_MAX_CONTAINERS + 1);
	__type(key, __u32);
	__type(value, struct rast_anomaly_limit);
} anomaly_limit_by_slot __weak SEC(".maps");

static __always_inline const struct rast_anomaly_limit *anomaly_limit(__u32 slot, __u64 id)
{
	struct rast_anomaly_limit *l = bpf_map_lookup_elem(&anomaly_limit_by_slot, &slot);
	__u32 last = RAST_MAX_CONTAINERS;

	if (l && l->cgroup_id == id)
		return l;
	return bpf_map_lookup_elem(&anomaly_limit_by_slot, &last);
}

static __always_inline void anomaly_emit(const struct rast_container *c, __u64 id, __u32 kind,
					 __u32 value, __u32 threshold, __u32 window_ms)
{
	struct rast_event_anomaly *ev;

	ev = emit_begin(RAST_RING_PRIORITY, RAST_EVENT_ANOMALY, sizeof(*ev));
	if (!ev)
		return;
	emit_task(&ev->hdr);
	ev->hdr.cgroup_id = id;
	ev->hdr.slot = c->slot;
	ev->hdr.identity = c->identity;
	ev->kind = kind;
	ev->value = value;
	ev->threshold = threshold;
	ev->window_ms = window_ms;
	emit_end_on(RAST_RING_PRIORITY, ev);
}

/* The running task's container has used system call `nr` for the first time. Rare: not inlined. */
__weak __noinline int anomaly_first_syscall(__u32 slot, __u32 nr)
{
	const struct rast_anomaly_limit *l;
	struct rast_container *c;
	__u64 id;

	c = container_current(&id);
	if (!c)
		return 0;
	l = anomaly_limit(slot, id);
	if (l && (l->flags & RAST_ANOMALY_NEW_SYSCALL))
		anomaly_emit(c, id, RAST_ANOMALY_SYSCALL, nr, 0, 0);
	return 0;
}

#endif
