/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The end of a flow is told: as an event, or, when its ring is full, added to a sum. Whoever tells fills the
 * record in the scratch memory of its kind of program, for the packet programs' stack has no room.
 */
#ifndef RAST_BPF_LIB_FLOW_END_H
#define RAST_BPF_LIB_FLOW_END_H

#include <bpf/bpf_endian.h>

#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/policy_maps.bpf.h"

/* One of each may be at work on a CPU: softirq interrupts a socket's process, and that the sweep. */
enum flow_scratch_of {
	FLOW_SCRATCH_PACKET,
	FLOW_SCRATCH_SOCKET,
	FLOW_SCRATCH_SWEEP,
	FLOW_SCRATCH_MAX
};

struct flow_scratch {
	struct rast_flow fresh;
	struct rast_event_flow_end end;
	struct rast_event_flow_end
		replaced[2]; /* by enum rast_flow_end; told when hdr.size is not 0 */
	struct rast_flow_sum_key key;
	struct rast_flow_sum zero; /* nobody writes to it */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct flow_scratch);
} flow_scratch SEC(".maps");

/* Both banks together; 170 bytes an entry. */
#define RAST_MAX_FLOW_SUMS 4096
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_FLOW_SUMS);
	__type(key, struct rast_flow_sum_key);
	__type(value, struct rast_flow_sum);
} flow_sum_by_edge SEC(".maps");

/* Bank → what found no entry there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct rast_flow_sum);
} flow_sum_rest SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_flow_control);
} flow_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_flow_stats);
} flow_stats SEC(".maps");

static __always_inline struct flow_scratch *flow_scratch_of(__u32 kind)
{
	return bpf_map_lookup_elem(&flow_scratch, &kind);
}

static __always_inline struct rast_flow_stats *flow_stats_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_stats, &zero);
}

/* Makes the entry when there is none; NULL: no room. */
static __always_inline struct rast_flow_sum *flow_sum_of(struct flow_scratch *s)
{
	struct rast_flow_sum *sum = bpf_map_lookup_elem(&flow_sum_by_edge, &s->key);

	if (sum)
		return sum;
	bpf_map_update_elem(&flow_sum_by_edge, &s->key, &s->zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flow_sum_by_edge, &s->key);
}

static __always_inline void flow_sum_add(struct flow_scratch *s,
					 const struct rast_event_flow_end *ev)
{
	struct rast_flow_control *control;
	struct rast_flow_sum *sum;
	__u32 bank = 0;

	control = bpf_map_lookup_elem(&flow_control, &bank);
	if (control)
		bank = *(volatile __u32 *)&control->bank & 1;
	__builtin_memset(&s->key, 0, sizeof(s->key));
	s->key.identity = ev->hdr.identity;
	s->key.peer_identity = ev->peer_identity;
	s->key.rule = ev->rule;
	s->key.generation = ev->generation;
	s->key.dst_port = ev->dst_port;
	s->key.protocol = ev->protocol;
	s->key.direction = ev->direction;
	s->key.verdict = ev->verdict;
	s->key.bank = bank;
	sum = flow_sum_of(s);
	if (!sum) {
		s->key.dst_port = 0;
		sum = flow_sum_of(s);
	}
	if (!sum)
		sum = bpf_map_lookup_elem(&flow_sum_rest, &bank);
	if (!sum) /* an array: there always is one */
		return;
	__sync_fetch_and_add(&sum->flows, 1);
	__sync_fetch_and_add(&sum->duration_ns, ev->duration_ns);
	__sync_fetch_and_add(&sum->counts.packets[0], ev->counts.packets[0]);
	__sync_fetch_and_add(&sum->counts.packets[1], ev->counts.packets[1]);
	__sync_fetch_and_add(&sum->counts.bytes[0], ev->counts.bytes[0]);
	__sync_fetch_and_add(&sum->counts.bytes[1], ev->counts.bytes[1]);
	__sync_fetch_and_add(&sum->ended[ev->ended & 7], 1);
}

/* *ev, in s, is complete, but for what emit_copy() fills. */
static __noinline int flow_end_tell(struct flow_scratch *s, struct rast_event_flow_end *ev)
{
	struct rast_flow_stats *st = flow_stats_here();

	if (!st)
		return 0;
	__sync_fetch_and_add(&st->ended, 1);
	if (!(ev->known & RAST_FLOW_KNOWS_START))
		__sync_fetch_and_add(&st->strangers, 1);
	if (!emit_copy(RAST_RING_ORDINARY, RAST_EVENT_FLOW_END, &ev->hdr, sizeof(*ev))) {
		__sync_fetch_and_add(&st->told, 1);
		return 0;
	}
	flow_sum_add(s, ev);
	__sync_fetch_and_add(&st->summed, 1);
	return 0;
}

/* The controller asks for it; without one that ever ran, nobody would read. */
static __always_inline bool flow_end_wanted(void)
{
	__u32 zero = 0;
	const struct rast_policy_control *control = bpf_map_lookup_elem(&policy_control, &zero);

	return control && (*(const volatile __u32 *)&control->flags & RAST_POLICY_LOG_ENDED);
}

static __always_inline void flow_end_clear(struct rast_event_flow_end *ev)
{
	__builtin_memset(ev, 0, sizeof(*ev));
}

/* The flow's key, and that is all of the record that depends on how a key looks. */
static __always_inline void flow_end_key(struct rast_event_flow_end *ev,
					 const struct rast_flow_key *key)
{
	bool v6 = key->src[0] || key->src[1] || key->src[2] != bpf_htonl(0xffff);

	ev->family = v6 ? 10 : 2;
	ev->protocol = key->protocol;
	if (v6) {
		__builtin_memcpy(ev->src, key->src, 16);
		__builtin_memcpy(ev->dst, key->dst, 16);
	} else {
		__builtin_memcpy(ev->src, &key->src[3], 4);
		__builtin_memcpy(ev->dst, &key->dst[3], 4);
	}
	ev->src_port = bpf_ntohs(key->src_port);
	ev->dst_port = bpf_ntohs(key->dst_port);
}

/* What the entry knows of end `at`. */
static __always_inline void flow_end_side(struct rast_event_flow_end *ev, const struct rast_flow *f,
					  __u32 at)
{
	const struct rast_flow_side *side = &f->side[at & 1];

	ev->hdr.slot = side->slot;
	ev->hdr.identity = side->identity;
	ev->direction = at == RAST_FLOW_SRC ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	ev->verdict = RAST_VERDICT_ALLOW;
	ev->rule = side->rule;
	ev->generation = side->generation;
	ev->ifindex = side->ifindex;
	ev->peer_identity = side->peer_identity;
	ev->tcp_flags = f->tcp_flags;
	ev->counts = side->counts;
}

#endif
