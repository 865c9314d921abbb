/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a kernel half hands an event to user space, and the one place where event_stats is counted:
 *
 *	struct rast_event_exit *ev = emit_begin(RAST_RING_PRIORITY, RAST_EVENT_EXIT, sizeof(*ev));
 *	if (!ev)
 *		return 0;                     // counted as dropped already
 *	... fill all of it but what emit_begin filled: the memory is not zeroed ...
 *	emit_end(&ev->hdr);                   // counted as sent; emit_abort() counts as dropped
 *
 * `size` must be a compile-time constant (the verifier wants one). A record of variable length is
 * built in a per-CPU buffer of the caller and handed to emit_copy().
 *
 * attempted = sent + dropped, exactly, also when an interrupt runs another program in between: the
 * counters are atomic although they are per CPU. `attempted` of this CPU is the sequence number.
 */
#ifndef RAST_BPF_LIB_EMIT_H
#define RAST_BPF_LIB_EMIT_H

#include "bpf/lib/maps.bpf.h"

/* type, size, ring, cpu, seq and time; the caller's own fields are zeroed. */
static __always_inline void emit_header(struct rast_event *ev, __u32 ring, __u16 type, __u16 size,
					__u64 seq)
{
	ev->type = type;
	ev->size = size;
	ev->ring = ring;
	ev->pad = 0;
	ev->cpu = bpf_get_smp_processor_id();
	ev->seq = seq;
	ev->time_ns = bpf_ktime_get_boot_ns();
	ev->cgroup_id = 0;
	ev->slot = RAST_SLOT_NONE;
	ev->identity = 0;
	ev->pid = ev->tid = ev->uid = ev->pad2 = 0;
	__builtin_memset(ev->comm, 0, sizeof(ev->comm));
}

/* Takes the next sequence number; NULL cannot happen (array), but the verifier wants the check. */
static __always_inline struct rast_event_stats *emit_attempt(__u32 ring, __u64 *ret_seq)
{
	struct rast_event_stats *st = bpf_map_lookup_elem(&event_stats, &ring);

	if (st)
		*ret_seq = __sync_fetch_and_add(&st->attempted, 1) + 1;
	return st;
}

static __always_inline void *emit_begin(__u32 ring, __u16 type, __u16 size)
{
	struct rast_event *ev = NULL;
	struct rast_event_stats *st;
	__u64 seq = 0;

	st = emit_attempt(ring, &seq);
	if (!st)
		return NULL;
	if (ring == RAST_RING_PRIORITY) {
		ev = bpf_ringbuf_reserve(&priority_ring, size, 0);
	} else {
		__u32 cpu = bpf_get_smp_processor_id();
		void *inner = bpf_map_lookup_elem(&ring_by_cpu, &cpu);

		if (inner)
			ev = bpf_ringbuf_reserve(inner, size, 0);
	}
	if (!ev) {
		__sync_fetch_and_add(&st->dropped, 1);
		return NULL;
	}
	emit_header(ev, ring, type, size, seq);
	return ev;
}

/* `ring` must be the one that emit_begin was called with. */
static __always_inline void emit_end_on(__u32 ring, void *ev)
{
	struct rast_event_stats *st = bpf_map_lookup_elem(&event_stats, &ring);

	bpf_ringbuf_submit(ev, 0);
	if (st)
		__sync_fetch_and_add(&st->sent, 1);
}

static __always_inline void emit_abort_on(__u32 ring, void *ev)
{
	struct rast_event_stats *st = bpf_map_lookup_elem(&event_stats, &ring);

	bpf_ringbuf_discard(ev, 0);
	if (st)
		__sync_fetch_and_add(&st->dropped, 1);
}

static __always_inline void emit_end(struct rast_event *ev)
{
	emit_end_on(ev->ring, ev);
}

static __always_inline void emit_abort(struct rast_event *ev)
{
	emit_abort_on(ev->ring, ev);
}

/*
 * Sends `size` bytes of a record that the caller built in its own memory; fills its header, keeping
 * the attribution fields. `size` may vary, within what the verifier can prove of the buffer.
 * Returns 0, or -1 when it was dropped.
 */
static __always_inline int emit_copy(__u32 ring, __u16 type, struct rast_event *ev, __u64 size)
{
	struct rast_event_stats *st;
	__u64 seq = 0;
	long rc = -1;

	st = emit_attempt(ring, &seq);
	if (!st)
		return -1;
	ev->type = type;
	ev->size = size;
	ev->ring = ring;
	ev->pad = 0;
	ev->cpu = bpf_get_smp_processor_id();
	ev->seq = seq;
	ev->time_ns = bpf_ktime_get_boot_ns();
	if (ring == RAST_RING_PRIORITY) {
		rc = bpf_ringbuf_output(&priority_ring, ev, size, 0);
	} else {
		__u32 cpu = bpf_get_smp_processor_id();
		void *inner = bpf_map_lookup_elem(&ring_by_cpu, &cpu);

		if (inner)
			rc = bpf_ringbuf_output(inner, ev, size, 0);
	}
	if (rc)
		__sync_fetch_and_add(&st->dropped, 1);
	else
		__sync_fetch_and_add(&st->sent, 1);
	return rc ? -1 : 0;
}

/* Who runs now: pid, tid, uid, comm. Not in packet programs, where "now" is nobody in particular. */
static __always_inline void emit_task(struct rast_event *ev)
{
	__u64 id = bpf_get_current_pid_tgid();

	ev->pid = id >> 32;
	ev->tid = (__u32)id;
	ev->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
}

#endif
