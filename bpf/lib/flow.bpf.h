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

#include "bpf/lib/matrix.bpf.h"

static __always_inline void flow_key_of(struct rast_flow_key *k, const struct packet *p)
{
	k->src = p->src;
	k->dst = p->dst;
	k->src_port = p->src_port;
	k->dst_port = p->dst_port;
	k->protocol = p->protocol;
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
	if (protocol == IPPROTO_ICMP)
		return 30 * SECONDS;
	return 600 * SECONDS;
}

static __always_inline bool flow_fresh(const struct rast_flow *f, __u32 protocol, __u64 now)
{
	return now - f->last_ns < flow_timeout(protocol, f->state) || now < f->last_ns;
}

/* An entry is written once a second at most, not once a packet. */
static __always_inline void flow_touch(struct rast_flow *f, const struct packet *p, __u32 bits,
				       __u64 now)
{
	if (p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_FIN | TCP_RST)))
		bits |= RAST_FLOW_CLOSING;
	if ((f->state & bits) != bits)
		__sync_fetch_and_or(&f->state, bits);
	if (now - f->last_ns > SECONDS)
		f->last_ns = now;
}

/* After an allow. Returns 1 when this packet opened the flow on this link. */
static __noinline int flow_record(const struct packet *p, const struct look *l)
{
	__u32 bit = l->dir == RAST_DIR_EGRESS ? RAST_FLOW_AT_SRC : RAST_FLOW_AT_DST;
	bool tcp = p->protocol == IPPROTO_TCP;
	/* Of TCP only a SYN opens; SYN+ACK answers. Of ICMP only an echo request. */
	bool syn = tcp && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow_key key = {};
	struct rast_flow fresh = {};
	struct rast_flow *f;

	if (p->protocol == IPPROTO_ICMP && p->icmp_type != ICMP_ECHO)
		return 0;
	flow_key_of(&key, p);
	f = bpf_map_lookup_elem(&flow_by_tuple, &key);
	if (f && flow_fresh(f, p->protocol, now)) {
		/* A SYN at the opener's link starts anew whatever was there. */
		bool again = syn && bit == RAST_FLOW_AT_SRC;

		if (!again && f->opened_ns >= l->ep.since_ns) {
			__u32 had = f->state & bit;

			if (!tcp || syn || had)
				flow_touch(f, p, tcp && !syn ? 0 : bit, now);
			return !had && (!tcp || syn);
		}
		if (bit == RAST_FLOW_AT_DST)
			fresh.state = f->state & RAST_FLOW_AT_SRC;
	}
	if (tcp && !syn)
		return 0;
	fresh.opened_ns = fresh.last_ns = now;
	fresh.state |= bit;
	if (l->dir == RAST_DIR_INGRESS && l->peer_identity == RAST_IDENTITY_HOST)
		fresh.state |= RAST_FLOW_HOST;
	fresh.rule = l->rule;
	bpf_map_update_elem(&flow_by_tuple, &key, &fresh, BPF_ANY);
	return 1;
}

/*
 * Is there such a flow, and would its first packet still be allowed on this link? `port` is that
 * packet's destination port, l->dir the direction of the packet at hand, which is the other one;
 * l->peer_addr is the flow's other end.
 */
static __noinline int flow_stands(const struct rast_policy_image *img, const struct packet *p,
				  const struct look *l, const struct rast_flow_key *key)
{
	__u32 forward = l->flow_forward, port = key->dst_port;
	__u32 bit = forward == RAST_DIR_EGRESS ? RAST_FLOW_AT_SRC : RAST_FLOW_AT_DST;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow *f;
	struct look other;
	__u32 cell;

	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	if (!f || !(f->state & bit) || f->opened_ns < l->ep.since_ns ||
	    !flow_fresh(f, key->protocol, now))
		return 0;
	other.ep.identity = l->ep.identity;
	other.peer_addr = l->peer_addr;
	other.peer_identity = l->peer_identity;
	if (forward == RAST_DIR_INGRESS && (f->state & RAST_FLOW_HOST))
		other.peer_identity = RAST_IDENTITY_HOST;
	cell = cell_of(img, &other, forward, key->protocol, port);
	if (!(cell & RAST_CELL_ALLOW))
		return 0;
	flow_touch(f, p, RAST_FLOW_REPLIED, now);
	return 1;
}

/*
 * An ICMP error belongs to the flow of the packet it quotes, be that the flow's first direction or an
 * answer. The quoted packet went the other way on this link, so one end of it is the container.
 */
static __noinline int flow_quoted(struct __sk_buff *skb, const struct rast_policy_image *img,
				  const struct packet *p, struct look *l)
{
	/* *l is lent and put back: the stack of the longest chain of calls ends at 512 bytes. */
	__u32 peer_addr = l->peer_addr, peer_identity = l->peer_identity;
	int stands;
	struct rast_flow_key key = {}, back = {};
	__u32 at = p->l4_off + sizeof(struct icmphdr), own;
	struct iphdr ip;
	__u16 ports[4]; /* TCP, UDP, SCTP: ports first; ICMP: type and code, checksum, identifier */

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    (ip.frag_off & bpf_htons(IP_OFFSET)))
		return 0;
	if (bpf_skb_load_bytes(skb, at + ip.ihl * 4, ports, sizeof(ports)))
		return 0;
	own = l->dir == RAST_DIR_INGRESS ? ip.saddr : ip.daddr;
	if (own != l->ep.addr4)
		return 0;
	/* An error goes to whoever sent the quoted packet. */
	if (p->dst != ip.saddr)
		return 0;
	key.src = back.dst = ip.saddr;
	key.dst = back.src = ip.daddr;
	key.protocol = back.protocol = ip.protocol;
	if (ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP ||
	    ip.protocol == IPPROTO_SCTP) {
		key.src_port = back.dst_port = ports[0];
		key.dst_port = back.src_port = ports[1];
	} else if (ip.protocol == IPPROTO_ICMP) {
		/* Errors about errors do not exist (RFC 1122). */
		if ((ports[0] & bpf_htons(0xff00)) != bpf_htons(ICMP_ECHO << 8) &&
		    (ports[0] & bpf_htons(0xff00)) != bpf_htons(ICMP_ECHOREPLY << 8))
			return 0;
		key.src_port = back.src_port = ports[2];
	}
	l->peer_addr = l->dir == RAST_DIR_INGRESS ? ip.daddr : ip.saddr;
	l->peer_identity = identity_of(l->peer_addr);
	/* The quoted packet went against this one: it is the flow's first direction, or … */
	l->flow_forward = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	stands = flow_stands(img, p, l, &key);
	if (!stands) {
		/* … an answer. */
		l->flow_forward = l->dir;
		stands = flow_stands(img, p, l, &back);
	}
	l->peer_addr = peer_addr;
	l->peer_identity = peer_identity;
	return stands;
}

/* Only for what the matrix denied. */
static __noinline int flow_is_reply(struct __sk_buff *skb, const struct rast_policy_image *img,
				    const struct packet *p, struct look *l)
{
	struct rast_flow_key back = {.src = p->dst,
				     .dst = p->src,
				     .src_port = p->dst_port,
				     .dst_port = p->src_port,
				     .protocol = p->protocol};

	if (p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return 0;
	if (p->protocol == IPPROTO_ICMP) {
		if (p->icmp_type == ICMP_DEST_UNREACH || p->icmp_type == ICMP_TIME_EXCEEDED ||
		    p->icmp_type == ICMP_PARAMETERPROB)
			return p->fragment == PACKET_WHOLE ? flow_quoted(skb, img, p, l) : 0;
		if (p->icmp_type != ICMP_ECHOREPLY)
			return 0;
	}
	l->flow_forward = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	return flow_stands(img, p, l, &back);
}

#endif
