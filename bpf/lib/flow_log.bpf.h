/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is told and counted of packets: counters of a link, hits of a rule, events of flows. Denied packets
 * of one flow become one event a second at most, with how many they were.
 */
#ifndef RAST_BPF_LIB_FLOW_LOG_H
#define RAST_BPF_LIB_FLOW_LOG_H

#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/flow.bpf.h"
#ifndef FLOW_LOG_AT_CONNECT /* 1: the programs of connect.bpf.c, which the asking process runs */
#define FLOW_LOG_AT_CONNECT 0
#endif

#define RAST_DENY_EVERY_NS 1000000000ull

static __always_inline void count(const struct __sk_buff *skb, __u32 slot, __u32 dir, __u32 reason)
{
	__u32 key = slot * 2 + dir;
	struct rast_link_counters *c = bpf_map_lookup_elem(&counters_by_link, &key);

	if (!c)
		return;
	if (reason) {
		c->dropped[reason < RAST_DROP_MAX ? reason : RAST_DROP_PROTOCOL]++;
	} else {
		c->packets++;
		c->bytes += skb->len;
	}
}

static __always_inline void count_rule(const struct rast_policy_image *img, const struct look *l,
				       __u32 rule)
{
	__u32 of_cpu = (bpf_get_smp_processor_id() & img->hits_mask) * img->hits_lines;
	struct rast_line *line = table_line(l->image_slot, img->hits_at + of_cpu + rule / 8);

	if (!line)
		return;
	if (img->hits_shared)
		__sync_fetch_and_add(&line->q[rule % 8], 1);
	else
		line->q[rule % 8]++;
}

/* The process that asked. Packets have none. */
static __always_inline void report_process(struct rast_event_flow *ev)
{
#if FLOW_LOG_AT_CONNECT
	ev->flags |= RAST_FLOW_EVENT_AT_CONNECT;
	/* The link that refuses is another pod's: nobody there has asked for anything. */
	if (ev->direction == RAST_DIR_EGRESS)
		emit_task(&ev->hdr);
#endif
}

static __always_inline __u32 told_rule(const struct look *l)
{
	return l->told == RAST_TOLD_STAGED ? l->staged & RAST_CELL_RULE : l->rule;
}

static __always_inline __u32 told_verdict(const struct look *l)
{
	if (l->told == RAST_TOLD_STAGED)
		return l->staged & RAST_CELL_ALLOW ? RAST_VERDICT_ALLOW : RAST_VERDICT_DENY;
	return l->reason ? RAST_VERDICT_DENY : RAST_VERDICT_ALLOW;
}

/* Returns 0 when it reached a ring. */
static __noinline int report(const struct packet *p, const struct look *l, __u32 packets)
{
	struct rast_event_flow *ev;

	ev = emit_begin(RAST_RING_ORDINARY, RAST_EVENT_FLOW, sizeof(*ev));
	if (!ev)
		return -1;
	__builtin_memset((void *)ev + sizeof(ev->hdr), 0, sizeof(*ev) - sizeof(ev->hdr));
	ev->hdr.slot = l->ep.slot;
	ev->hdr.identity = l->ep.identity;
	ev->hdr.cgroup_id = l->ep.cgroup_id;
	ev->protocol = p->protocol;
	ev->direction = l->dir;
	ev->verdict = told_verdict(l);
	ev->reason = ev->verdict == RAST_VERDICT_DENY && !l->reason ? RAST_DROP_POLICY : l->reason;
	ev->flags |= l->told == RAST_TOLD_STAGED ? RAST_FLOW_EVENT_STAGED : l->marks;
	ev->tcp_flags = p->tcp_flags;
	ev->rule = told_rule(l);
	ev->generation = l->generation;
	ev->ifindex = l->ifindex;
	ev->peer_identity = l->peer_identity;
	ev->packets = packets;
	if (p->kind == PACKET_IPV6) {
		ev->family = 10;
		__builtin_memcpy(ev->src, p->src6, 16);
		__builtin_memcpy(ev->dst, p->dst6, 16);
	} else {
		ev->family = p->kind == PACKET_OTHER ? 0 : 2;
		__builtin_memcpy(ev->src, &p->src, 4);
		__builtin_memcpy(ev->dst, &p->dst, 4);
	}
	if (packet_is_icmp(p)) {
		ev->src_port = p->icmp_type;
		ev->dst_port = p->icmp_code;
	} else {
		ev->src_port = bpf_ntohs(p->src_port);
		ev->dst_port = bpf_ntohs(p->dst_port);
	}
	report_process(ev);
	emit_end(&ev->hdr);
	return 0;
}

/* l->told says of what: at most one event a flow and second. */
static __noinline int report_told(const struct packet *p, const struct look *l)
{
	struct rast_deny_key key = {.ifindex = l->ifindex,
				    .direction = l->dir,
				    .reason = l->told ? 0 : l->reason,
				    .told = l->told};
	struct rast_deny *d;
	__u64 now = bpf_ktime_get_coarse_ns(), last, n;

	if (l->told || l->reason == RAST_DROP_POLICY) {
		flow_key_of(&key.flow, p);
		if (packet_is_icmp(p))
			key.flow.dst_port = bpf_htons(p->icmp_type << 8 | p->icmp_code);
	}
	d = bpf_map_lookup_elem(&deny_by_tuple, &key);
	if (!d) {
		struct rast_deny fresh = {.cgroup_id = l->ep.cgroup_id,
					  .slot = l->ep.slot,
					  .identity = l->ep.identity,
					  .peer_identity = l->peer_identity,
					  .generation = l->generation,
					  .rule = told_rule(l),
					  .verdict = told_verdict(l),
					  .at_connect = FLOW_LOG_AT_CONNECT};

		bpf_map_update_elem(&deny_by_tuple, &key, &fresh, BPF_NOEXIST);
		d = bpf_map_lookup_elem(&deny_by_tuple, &key);
		/* Evicted at once: say it now rather than lose it. */
		if (!d)
			return report(p, l, 1);
	}
	__sync_fetch_and_add(&d->pending, 1);
	last = d->last_ns;
	if (last && now - last < RAST_DENY_EVERY_NS)
		return 0;
	/* Of several CPUs that get here at once, one reports. */
	if (__sync_val_compare_and_swap(&d->last_ns, last, now) != last)
		return 0;
	d->rule = told_rule(l);
	d->verdict = told_verdict(l);
	d->generation = l->generation;
	d->peer_identity = l->peer_identity;
	n = __sync_lock_test_and_set(&d->pending, 0);
	if (n && report(p, l, n))
		__sync_fetch_and_add(&d->pending, n);
	return 0;
}

/* An answer, or a message about a flow: no policy is asked about it. */
static __noinline int staged_is_answer(const struct packet *p)
{
	struct rast_flow_key key;
	struct rast_flow *f;

	if (p->protocol == IPPROTO_TCP)
		return (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
	if (packet_is_icmp(p) && (packet_is_icmp_error(p) || packet_is_echo_reply(p)))
		return 1;
	flow_key_back(&key, p);
	f = bpf_map_lookup_elem(&flow_by_tuple, &key);
	return f && flow_fresh(f, p->protocol, bpf_ktime_get_coarse_ns());
}

/*
 * What staged policies would have done to a packet that was allowed or denied: counted for the rule, told when
 * it is the opposite. Once they are enforced, answers will be let through by their flow.
 */
static __noinline int staged_tell(const struct packet *p, struct look *l, __u32 allowed)
{
	__u32 allow = l->staged & RAST_CELL_ALLOW, slot = l->image_slot;
	__u32 rule = l->staged & RAST_CELL_RULE;
	const struct rast_policy_image *img = bpf_map_lookup_elem(&policy_image, &slot);

	if (!img || (!allow && staged_is_answer(p)))
		return 0;
	if (rule >= RAST_RULE_FIRST)
		count_rule(img, l, rule);
	if (!allow == !allowed)
		return 0;
	l->told = RAST_TOLD_STAGED;
	report_told(p, l);
	l->told = RAST_TOLD_DENY;
	return 0;
}

#endif
