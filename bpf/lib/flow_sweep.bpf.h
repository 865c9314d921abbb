/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows that end without anybody saying so: silent for too long, or their link is gone. A run of flow_sweep
 * looks at the whole table; between runs an entry keeps its counts, also when nothing of ours runs.
 *
 * UDP whose answers policy allows by themselves has an entry for each way: the older one tells of both.
 */
#ifndef RAST_BPF_LIB_FLOW_SWEEP_H
#define RAST_BPF_LIB_FLOW_SWEEP_H

#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/flow_end.bpf.h"

struct flow_sweep {
	__u64 now;
	__u32 live; /* ends that go on */
	__u32 told;
};

/* The link that the end hung on is another's by now, or nobody's. */
static __always_inline bool flow_side_removed(const struct rast_flow *f, __u32 at)
{
	__u32 ifindex = f->side[at & 1].ifindex;
	const struct rast_endpoint *ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &ifindex);

	return !ep || ep->since_ns > f->opened_ns;
}

/* End `at` of f has ended; back: the entry of the other way, or NULL. */
static __noinline int flow_sweep_tell(const struct rast_flow_key *key, struct rast_flow *f,
				      struct rast_flow *back, __u32 at)
{
	struct flow_scratch *s = flow_scratch_of(FLOW_SCRATCH_SWEEP);
	const struct rast_endpoint *ep;
	struct rast_event_flow_end *ev;
	__u64 last = f->last_ns;
	__u32 ifindex;

	if (!s)
		return 0;
	ev = &s->end;
	flow_end_clear(ev);
	flow_end_key(ev, key);
	flow_end_side(ev, f, at);
	if (back) {
		const struct rast_flow_side *other = &back->side[(at ^ 1) & 1];

		ev->counts.packets[1] += other->counts.packets[0];
		ev->counts.bytes[1] += other->counts.bytes[0];
		if (back->last_ns > last)
			last = back->last_ns;
	}
	ev->ended = ev->tcp_flags & TCP_RST   ? RAST_FLOW_ENDED_RST
		    : ev->tcp_flags & TCP_FIN ? RAST_FLOW_ENDED_FIN
					      : RAST_FLOW_ENDED_TIMEOUT;
	ev->known = RAST_FLOW_KNOWS_START;
	if (key->protocol != IPPROTO_TCP)
		ev->known |= RAST_FLOW_KNOWS_COUNTS;
	ifindex = ev->ifindex;
	ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &ifindex);
	if (ep && ep->since_ns <= f->opened_ns)
		ev->hdr.cgroup_id = ep->cgroup_id;
	else
		ev->ended = RAST_FLOW_ENDED_REMOVED;
	ev->duration_ns = last > f->opened_ns ? last - f->opened_ns : 0;
	return flow_end_tell(s, ev);
}

/* May end `at` be told now? The flow is silent for too long if not `fresh`. */
static __always_inline bool flow_side_over(const struct rast_flow *f, __u32 at, bool fresh)
{
	if (f->state & RAST_FLOW_SOCKET_SRC << at)
		return flow_side_removed(f, at);
	return !fresh;
}

static long flow_sweep_one(void *map, struct rast_flow_key *key, struct rast_flow *f,
			   struct flow_sweep *ctx)
{
	struct rast_flow *back = NULL;
	struct rast_flow_key reverse;
	bool fresh = flow_fresh(f, key->protocol, ctx->now), wanted = flow_end_wanted();
	__u32 at, open = 0;

	if (!fresh && key->protocol != IPPROTO_TCP) {
		reverse = *key;
		flow_key_turn(&reverse);
		back = bpf_map_lookup_elem(&flow_by_tuple, &reverse);
		/* The other way still lives, or began first and tells. */
		if (back &&
		    (flow_fresh(back, key->protocol, ctx->now) || back->opened_ns < f->opened_ns)) {
			ctx->live++;
			return 0;
		}
	}
	for (at = RAST_FLOW_SRC; at <= RAST_FLOW_DST; at++) {
		if (!(f->state & RAST_FLOW_AT_SRC << at) || (f->state & RAST_FLOW_TOLD_SRC << at))
			continue;
		if (!flow_side_over(f, at, fresh)) {
			open++;
			continue;
		}
		if (__sync_fetch_and_or(&f->state, RAST_FLOW_TOLD_SRC << at) & RAST_FLOW_TOLD_SRC
										       << at)
			continue;
		if (wanted)
			flow_sweep_tell(key, f, back, at);
		if (back)
			__sync_fetch_and_or(&back->state, RAST_FLOW_TOLD_SRC << (at ^ 1));
		ctx->told++;
	}
	ctx->live += open;
	/* An answer may still ask while it is fresh, also when both ends are told. */
	if (!open && !fresh)
		bpf_map_delete_elem(&flow_by_tuple, key);
	return 0;
}

#endif
