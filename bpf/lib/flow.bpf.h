/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is remembered of flows, so that replies are let through which the matrix denies.
 *
 * A flow entry never allows by itself: it lets a reply ask whether the opposite direction is allowed
 * by the image in force. The two ends of a flow share the entry but not its permission: each link
 * sets and needs its own bit, or else a packet that the server's link refused would open that link
 * for answers.
 */
#ifndef RAST_BPF_LIB_FLOW_H
#define RAST_BPF_LIB_FLOW_H

#include "bpf/lib/flow_end.bpf.h"
#include "bpf/lib/pattern.bpf.h"

enum flow_recorded { FLOW_OPENED = 1 << 0, FLOW_REPLACED = 1 << 1 };

static __always_inline void flow_key_of(struct rast_flow_key *k, const struct packet *p)
{
	__builtin_memcpy(k->src, p->src6, 32);
	k->src_port = p->src_port;
	k->dst_port = p->dst_port;
	k->protocol = p->protocol;
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

/* The same for a packet that answers. */
static __always_inline void flow_key_back(struct rast_flow_key *k, const struct packet *p)
{
	__builtin_memcpy(k->src, p->dst6, 16);
	__builtin_memcpy(k->dst, p->src6, 16);
	k->src_port = p->dst_port;
	k->dst_port = p->src_port;
	k->protocol = p->protocol;
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

/* number_of() the packet that opened the flow: of ICMP only an echo request does. */
static __always_inline __u16 flow_number(const struct rast_flow_key *k)
{
	if (k->protocol == IPPROTO_ICMP)
		return bpf_htons(ICMP_ECHO << 8);
	if (k->protocol == IPPROTO_ICMPV6)
		return bpf_htons(ICMPV6_ECHO_REQUEST << 8);
	return k->dst_port;
}

static __always_inline void flow_key_turn(struct rast_flow_key *k)
{
	__u16 port = k->src_port;

	for (int i = 0; i < 4; i++) {
		__u32 w = k->src[i];

		k->src[i] = k->dst[i];
		k->dst[i] = w;
	}
	k->src_port = k->dst_port;
	k->dst_port = port;
}

/* How long a flow may be silent. The figures are netfilter's, TCP's excepted (there: 5 days). */
static __always_inline __u64 flow_timeout(__u32 protocol, __u32 state)
{
	if (protocol == IPPROTO_TCP)
		return (state & RAST_FLOW_CLOSING) ? 120 * SECONDS : 86400 * SECONDS;
	if (protocol == IPPROTO_UDP)
		return (state & RAST_FLOW_REPLIED) ? 120 * SECONDS : 30 * SECONDS;
	if (protocol == IPPROTO_SCTP)
		return 900 * SECONDS;
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return 30 * SECONDS;
	return 600 * SECONDS;
}

static __always_inline bool flow_fresh(const struct rast_flow *f, __u32 protocol, __u64 now)
{
	/* Another CPU's clock may be ahead. */
	return (__s64)(now - f->last_ns) < (__s64)flow_timeout(protocol, f->state);
}

/* TCP's entry is written once a second at most, not once a packet. */
static __always_inline void flow_touch(struct rast_flow *f, const struct packet *p, __u32 bits,
				       __u64 now)
{
	__u32 flags = p->tcp_flags;

	if (p->protocol == IPPROTO_TCP && (flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
		if (flags & (TCP_FIN | TCP_RST))
			bits |= RAST_FLOW_CLOSING;
		if ((f->tcp_flags & flags) != flags)
			__sync_fetch_and_or(&f->tcp_flags, flags);
	}
	if ((f->state & bits) != bits)
		__sync_fetch_and_or(&f->state, bits);
	if (p->protocol == IPPROTO_TCP ? now - f->last_ns > SECONDS : now != f->last_ns)
		f->last_ns = now;
}

/* TCP is counted by its sockets; see bpf/flow.h. `way`: 0 with the flow, 1 against it. */
static __always_inline void flow_count(struct rast_flow *f, const struct packet *p,
				       const struct look *l, __u32 end, __u32 way)
{
	struct rast_flow_counts *c = &f->side[end & 1].counts;

	if (p->protocol == IPPROTO_TCP)
		return;
	__sync_fetch_and_add(&c->packets[way & 1], l->packets);
	__sync_fetch_and_add(&c->bytes[way & 1], l->bytes);
}

/* The first packet of the flow on this link. */
static __always_inline void flow_side_open(struct rast_flow_side *side, const struct look *l)
{
	struct rast_flow_stats *st = flow_stats_here();

	/* A SYN that was sent again finds itself here. */
	if (st && side->ifindex != l->ifindex)
		__sync_fetch_and_add(&st->opened, 1);
	side->ifindex = l->ifindex;
	side->identity = l->ep.identity;
	side->peer_identity = l->peer_identity;
	side->rule = l->rule;
	side->generation = l->generation;
	side->slot = l->ep.slot;
}

/*
 * Another flow takes the entry over. What it counted at this end, and no sweep has told of, is to be told,
 * by flow_tell_replaced(). (Of TCP its socket tells.)
 */
static __always_inline int flow_replaced(struct flow_scratch *s, const struct rast_flow_key *key,
					 const struct rast_flow *f, const struct look *l)
{
	struct rast_event_flow_end *ev;
	int any = 0;
	__u32 at;

	if (!flow_end_wanted())
		return 0;
	for (at = RAST_FLOW_SRC; at <= RAST_FLOW_DST; at++) {
		ev = &s->replaced[at];
		flow_end_clear(ev);
		if (!(f->state & RAST_FLOW_AT_SRC << at) ||
		    (f->state & (RAST_FLOW_TOLD_SRC | RAST_FLOW_SOCKET_SRC) << at))
			continue;
		flow_end_key(ev, key);
		flow_end_side(ev, f, at);
		if (ev->ifindex == l->ifindex && f->opened_ns >= l->ep.since_ns)
			ev->hdr.cgroup_id = l->ep.cgroup_id;
		ev->known = RAST_FLOW_KNOWS_START;
		if (key->protocol != IPPROTO_TCP)
			ev->known |= RAST_FLOW_KNOWS_COUNTS;
		ev->ended = RAST_FLOW_ENDED_TIMEOUT;
		ev->duration_ns = f->last_ns > f->opened_ns ? f->last_ns - f->opened_ns : 0;
		ev->hdr.size = sizeof(*ev);
		any = FLOW_REPLACED;
	}
	return any;
}

/* Not from flow_record(): there the stack has no room for it. */
static __noinline int flow_tell_replaced(void)
{
	struct flow_scratch *s = flow_scratch_of(FLOW_SCRATCH_PACKET);

	if (s && s->replaced[RAST_FLOW_SRC].hdr.size)
		flow_end_tell(s, &s->replaced[RAST_FLOW_SRC]);
	if (s && s->replaced[RAST_FLOW_DST].hdr.size)
		flow_end_tell(s, &s->replaced[RAST_FLOW_DST]);
	return 0;
}

/* A FIN or RST that needs no flow to pass: is it an answer? Then the flow closes. */
static __always_inline int flow_answered_last(const struct packet *p, struct rast_flow_key *key,
					      __u64 now)
{
	struct rast_flow *f;

	flow_key_turn(key);
	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	if (f)
		flow_touch(f, p, 0, now);
	return 0;
}

/* Nobody has seen more of it than its SYN: another one is the same SYN again. */
static __always_inline bool flow_unanswered(const struct rast_flow *f)
{
	return !(f->state & (RAST_FLOW_SOCKET_SRC | RAST_FLOW_SOCKET_DST | RAST_FLOW_TOLD_SRC |
			     RAST_FLOW_TOLD_DST | RAST_FLOW_CLOSING | RAST_FLOW_REPLIED));
}

/* The flow's first packet on this link; f: an entry that it takes over, or NULL. */
static __always_inline int flow_open(const struct packet *p, const struct look *l,
				     const struct rast_flow_key *key, struct rast_flow *f)
{
	struct flow_scratch *s = flow_scratch_of(FLOW_SCRATCH_PACKET);
	__u32 end = l->dir == RAST_DIR_EGRESS ? RAST_FLOW_SRC : RAST_FLOW_DST;
	__u32 state = RAST_FLOW_AT_SRC << end;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow *fresh;
	int replaced = 0;

	if (!s)
		return 0;
	fresh = &s->fresh;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	if (f && flow_fresh(f, p->protocol, now) && end == RAST_FLOW_DST) {
		/* The opener's link has just seen it. */
		state |= f->state & (RAST_FLOW_AT_SRC | RAST_FLOW_SOCKET_SRC | RAST_FLOW_TOLD_SRC);
		fresh->side[RAST_FLOW_SRC] = f->side[RAST_FLOW_SRC];
	} else if (f && p->protocol == IPPROTO_TCP && flow_unanswered(f)) {
		fresh->side[RAST_FLOW_SRC] = f->side[RAST_FLOW_SRC];
		fresh->side[RAST_FLOW_DST] = f->side[RAST_FLOW_DST];
	} else if (f) {
		replaced = flow_replaced(s, key, f, l);
	}
	fresh->opened_ns = bpf_ktime_get_ns();
	fresh->last_ns = now;
	if (l->dir == RAST_DIR_INGRESS && l->peer_identity == RAST_IDENTITY_HOST)
		state |= RAST_FLOW_HOST;
	fresh->state = state;
	fresh->tcp_flags = p->tcp_flags;
	if (l->by_name)
		fresh->pattern = pattern_used();
	flow_side_open(&fresh->side[end & 1], l);
	flow_count(fresh, p, l, end, 0);
	bpf_map_update_elem(&flow_by_tuple, key, fresh, BPF_ANY);
	return FLOW_OPENED | replaced;
}

/* After an allow. Returns enum flow_recorded: FLOW_OPENED when this packet opened the flow on this link. */
static __noinline int flow_record(const struct packet *p, const struct look *l)
{
	__u32 end = l->dir == RAST_DIR_EGRESS ? RAST_FLOW_SRC : RAST_FLOW_DST;
	__u32 bit = RAST_FLOW_AT_SRC << end;
	bool tcp = p->protocol == IPPROTO_TCP;
	/* Of TCP only a SYN opens; SYN+ACK answers. Of ICMP only an echo request. */
	bool syn = tcp && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow_key key;
	struct rast_flow *f;

	if (packet_is_icmp(p) && !packet_is_echo(p))
		return 0;
	flow_key_of(&key, p);
	f = bpf_map_lookup_elem(&flow_by_tuple, &key);
	if (f && flow_fresh(f, p->protocol, now)) {
		/* A SYN at the opener's link starts anew whatever was there. */
		bool again = syn && bit == RAST_FLOW_AT_SRC;

		if (!again && f->opened_ns >= l->ep.since_ns) {
			__u32 had = f->state & bit;

			if (!had && (!tcp || syn))
				flow_side_open(&f->side[end & 1], l);
			flow_count(f, p, l, end, 0);
			if (!tcp || syn || had)
				flow_touch(f, p, tcp && !syn ? 0 : bit, now);
			return !had && (!tcp || syn);
		}
	}
	if (!tcp || syn)
		return flow_open(p, l, &key, f);
	return f ? 0 : flow_answered_last(p, &key, now);
}

/* Was it a name that allowed this flow to the world, and does a rule still have the name's pattern? */
static __noinline int flow_named(const struct rast_policy_image *img, const struct look *l,
				 const struct rast_flow_key *key)
{
	const struct rast_flow *f;

	if (l->flow_forward != RAST_DIR_EGRESS || l->peer_identity != RAST_IDENTITY_WORLD)
		return 0;
	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	return f &&
	       pattern_cell(img, l, f->pattern, key->protocol, flow_number(key)) & RAST_CELL_ALLOW;
}

/*
 * Is there this flow, and would its first packet still be allowed on this link? l->flow_forward is
 * the way that packet went.
 */
static __noinline int flow_stands(const struct rast_policy_image *img, const struct packet *p,
				  struct look *l, const struct rast_flow_key *key)
{
	__u32 forward = l->flow_forward, peer = l->peer_identity, cell;
	__u32 bit = forward == RAST_DIR_EGRESS ? RAST_FLOW_AT_SRC : RAST_FLOW_AT_DST;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow *f;

	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	if (!f || !(f->state & bit) || f->opened_ns < l->ep.since_ns ||
	    !flow_fresh(f, key->protocol, now))
		return 0;
	if (forward == RAST_DIR_INGRESS && (f->state & RAST_FLOW_HOST))
		l->peer_identity = RAST_IDENTITY_HOST;
	cell = cell_of(img, l, forward, key->protocol, flow_number(key));
	l->peer_identity = peer;
	if (!(cell & RAST_CELL_ALLOW) &&
	    ((cell & RAST_CELL_RULE) != RAST_RULE_DEFAULT_DENY || !flow_named(img, l, key)))
		return 0;
	/* An ICMP error about the flow is none of its packets. */
	if (!packet_is_icmp(p) || !packet_is_icmp_error(p))
		flow_count(f, p, l, forward == RAST_DIR_EGRESS ? RAST_FLOW_SRC : RAST_FLOW_DST, 1);
	flow_touch(f, p, RAST_FLOW_REPLIED, now);
	return 1;
}

/* The quoted packet's addresses and protocol → *k. Returns where its transport header is, or 0. */
static __noinline __u32 flow_quote4(struct __sk_buff *skb, const struct packet *p,
				    struct rast_flow_key *k)
{
	__u32 at = p->l4_off + sizeof(struct icmphdr);
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    (ip.frag_off & bpf_htons(IP_OFFSET)))
		return 0;
	k->src[0] = k->src[1] = k->dst[0] = k->dst[1] = 0;
	k->src[2] = k->dst[2] = bpf_htonl(0xffff);
	k->src[3] = ip.saddr;
	k->dst[3] = ip.daddr;
	k->protocol = ip.protocol;
	return at + ip.ihl * 4;
}

static __noinline __u32 flow_quote6(struct __sk_buff *skb, const struct packet *p,
				    struct rast_flow_key *k)
{
	struct packet6_chain c = {.off = p->l4_off + sizeof(struct icmphdr)};
	__u8 fixed[8]; /* of the header: version …, length, next header, hop limit */

	if (bpf_skb_load_bytes(skb, c.off, fixed, 8) || fixed[0] >> 4 != 6 ||
	    bpf_skb_load_bytes(skb, c.off + 8, k->src, 32))
		return 0;
	c.off += sizeof(struct ipv6hdr);
	c.next = fixed[6];
	/* The quote is cut: what it has must be here, what it says need not be. */
	c.end = skb->len;
	if (packet6_walk(skb, &c) || c.fragment == PACKET_LATER)
		return 0;
	k->protocol = c.next;
	return c.off;
}

/*
 * An ICMP error belongs to the flow of the packet it quotes, be that the flow's first direction or an
 * answer: *k becomes the quoted packet. It went the other way on this link, so one end of it is the
 * container, and the error goes to whoever sent it. Returns 0 when there is no such flow to ask for.
 */
static __noinline int flow_quoted(struct __sk_buff *skb, const struct packet *p, struct look *l,
				  struct rast_flow_key *k)
{
	__u32 at = p->kind == PACKET_IPV6 ? flow_quote6(skb, p, k) : flow_quote4(skb, p, k);
	const __u32 *own, *peer;
	__u16 ports[4]; /* TCP, UDP, SCTP: ports first; ICMP: type and code, checksum, identifier */
	__u8 type;

	if (!at || bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return 0;
	for (int i = 0; i < 4; i++)
		if (p->dst6[i] != k->src[i])
			return 0;
	k->src_port = k->dst_port = 0;
	if (k->protocol == IPPROTO_TCP || k->protocol == IPPROTO_UDP ||
	    k->protocol == IPPROTO_SCTP) {
		k->src_port = ports[0];
		k->dst_port = ports[1];
	} else if (k->protocol == (p->kind == PACKET_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		/* Errors about errors do not exist (RFC 1122). */
		type = *(__u8 *)ports;
		if (p->kind == PACKET_IPV6
			    ? type != ICMPV6_ECHO_REQUEST && type != ICMPV6_ECHO_REPLY
			    : type != ICMP_ECHO && type != ICMP_ECHOREPLY)
			return 0;
		k->src_port = ports[2];
	}
	if (l->dir == RAST_DIR_INGRESS) {
		own = k->src;
		peer = k->dst;
	} else {
		own = k->dst;
		peer = k->src;
	}
	for (int i = 0; i < 4; i++)
		l->peer_addr[i] = peer[i];
	if (!l->v6)
		return own[3] == l->ep.addr4;
	for (int i = 0; i < 4; i++)
		if (own[i] != l->ep.addr6[i])
			return 0;
	return 1;
}

/* Only for what the matrix denied. */
static __noinline int flow_is_reply(struct __sk_buff *skb, const struct rast_policy_image *img,
				    const struct packet *p, struct look *l)
{
	__u32 opposite = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	__u32 identity = l->peer_identity, zero = 0;
	struct rast_flow_key *k = bpf_map_lookup_elem(&flow_in_question, &zero);
	int stands;

	if (!k)
		return 0;
	if (p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return 0;
	l->flow_forward = opposite;
	if (packet_is_icmp(p) && packet_is_icmp_error(p)) {
		/* l->peer_addr is lent, and nobody wants it back. */
		if (p->fragment != PACKET_WHOLE || !flow_quoted(skb, p, l, k))
			return 0;
		l->peer_identity = identity_of(l->peer_addr, l->v6);
		addr_class_find(img, l);
		/* The quoted packet went against this one: it is the flow's first direction, or … */
		stands = flow_stands(img, p, l, k);
		if (!stands) {
			/* … an answer. Of an echo the identifier stays in its place. */
			bool echo = k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6;

			flow_key_turn(k);
			if (echo) {
				k->src_port = k->dst_port;
				k->dst_port = 0;
			}
			l->flow_forward = l->dir;
			stands = flow_stands(img, p, l, k);
		}
		l->peer_identity = identity;
		return stands;
	}
	if (packet_is_icmp(p) && !packet_is_echo_reply(p))
		return 0;
	flow_key_back(k, p);
	return flow_stands(img, p, l, k);
}

#endif
