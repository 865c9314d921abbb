/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv6 → struct packet. A packet without extension headers, the usual one, is read in place; a chain of
 * them is walked in copies, eight headers at most.
 *
 * What a receiver would accept but a verdict could not rest on is refused: longer chains, routing headers
 * that still have somewhere to go (and type 0 altogether, RFC 5095), a second fragment header, a first
 * fragment without all headers (RFC 7112), jumbograms that are no offloaded packets of this host.
 */
#ifndef RAST_BPF_LIB_PACKET6_H
#define RAST_BPF_LIB_PACKET6_H

#include "bpf/lib/packet_fields.bpf.h"

#define NEXTHDR_HOP 0
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_DEST 60

#define PACKET6_MAX_HEADERS 8

struct packet6_chain {
	__u32 off, end; /* from the start of the frame; end: of the packet, as its header has it */
	__u32 id;       /* of a fragment, network byte order */
	__u8 next;      /* what is at `off` */
	__u8 fragment;  /* enum packet_fragment */
	__u8 pad[2];
};

static __always_inline bool packet6_is_extension(__u8 next)
{
	return next == NEXTHDR_HOP || next == NEXTHDR_ROUTING || next == NEXTHDR_FRAGMENT ||
	       next == NEXTHDR_AUTH || next == NEXTHDR_DEST;
}

/* h: a fragment header's eight bytes. */
static __always_inline int packet6_fragment(struct packet6_chain *c, const __u8 *h)
{
	__u32 offset = (h[2] << 8 | h[3]) & 0xfff8, more = h[3] & 1, body = c->end - c->off - 8;

	/* RFC 6946: offset 0 and nothing more is a whole packet. */
	if (!offset && !more)
		return RAST_DROP_NONE;
	if (c->fragment != PACKET_WHOLE || (more && (body & 7)) || offset + body > 65535)
		return RAST_DROP_MALFORMED;
	/* Eight bytes in, it would rewrite the flags of a TCP header; no honest first one is that short. */
	if (offset == 8)
		return RAST_DROP_MALFORMED;
	c->fragment = offset ? PACKET_LATER : PACKET_FIRST;
	__builtin_memcpy(&c->id, h + 4, 4);
	return RAST_DROP_NONE;
}

/*
 * From *c on to the first header that is none of the chain's, or to a later fragment's bytes. Global, as is
 * what is below: so the verifier looks at it once.
 */
__noinline int packet6_walk(struct __sk_buff *skb, struct packet6_chain *c)
{
	__u32 first, size;
	__u8 h[8], fragments = 0;
	int reason;

	if (!c)
		return RAST_DROP_MALFORMED;
	first = c->off;
	for (int i = 0; i < PACKET6_MAX_HEADERS; i++) {
		__u8 next = c->next;

		if (!packet6_is_extension(next))
			return RAST_DROP_NONE;
		/* Hop-by-hop options come first or are an error. */
		if (next == NEXTHDR_HOP && c->off != first)
			return RAST_DROP_MALFORMED;
		if (c->off + 8 > c->end || bpf_skb_load_bytes(skb, c->off, h, sizeof(h)))
			return RAST_DROP_MALFORMED;
		size = (h[1] + 1) * 8;
		if (next == NEXTHDR_AUTH) {
			size = (h[1] + 2) * 4;
		} else if (next == NEXTHDR_ROUTING) {
			if (!h[2] || h[3])
				return RAST_DROP_PROTOCOL;
		} else if (next == NEXTHDR_FRAGMENT) {
			size = 8;
			if (fragments++)
				return RAST_DROP_MALFORMED;
			reason = packet6_fragment(c, h);
			if (reason)
				return reason;
		}
		c->off += size;
		if (c->off > c->end)
			return RAST_DROP_MALFORMED;
		c->next = h[0];
		if (c->fragment == PACKET_LATER)
			return RAST_DROP_NONE;
	}
	return packet6_is_extension(c->next) ? RAST_DROP_PROTOCOL : RAST_DROP_NONE;
}

static __always_inline __u32 packet6_l4_size(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6:
		return 8;
	default:
		return 0;
	}
}

/* Extension headers and what follows them. */
__noinline int packet6_parse_chain(struct __sk_buff *skb, struct packet *p)
{
	__u8 l4[sizeof(struct tcphdr)] __attribute__((aligned(8))) = {};
	struct packet6_chain c = {};
	__u32 size;
	int reason;

	if (!p)
		return RAST_DROP_MALFORMED;
	c.off = p->l4_off;
	c.end = p->l4_off + p->l4_len;
	c.next = p->protocol;
	reason = packet6_walk(skb, &c);
	if (reason)
		return reason;
	p->protocol = c.next;
	p->fragment = c.fragment;
	p->ip_id = c.id;
	p->l4_off = c.off;
	p->l4_len = c.end - c.off;
	if (p->fragment == PACKET_LATER)
		return RAST_DROP_NONE;
	size = packet6_l4_size(p->protocol);
	if (!size)
		return RAST_DROP_NONE;
	if (size > p->l4_len)
		return RAST_DROP_MALFORMED;
	if (size == 8    ? bpf_skb_load_bytes(skb, c.off, l4, 8)
	    : size == 12 ? bpf_skb_load_bytes(skb, c.off, l4, 12)
			 : bpf_skb_load_bytes(skb, c.off, l4, sizeof(l4)))
		return RAST_DROP_MALFORMED;
	return packet_parse_l4(l4, l4 + sizeof(l4), true, p);
}

/* What no packet on a link may have: IPv4 in IPv6's clothes, loopback, a sender that is a group. */
static __always_inline bool packet6_addresses_odd(const struct packet *p)
{
	const __u32 *s = p->src6, *d = p->dst6;
	const __u32 mapped = bpf_htonl(0xffff), one = bpf_htonl(1);

	if ((bpf_ntohl(s[0]) >> 24) == 0xff)
		return true;
	if (!s[0] && !s[1] && (s[2] == mapped || (!s[2] && s[3] == one)))
		return true;
	return !d[0] && !d[1] && (d[2] == mapped || (!d[2] && (d[3] == one || !d[3])));
}

static __always_inline int packet_parse_ipv6(struct __sk_buff *skb, void *at, void *end,
					     struct packet *p)
{
	struct ipv6hdr *ip = at;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return RAST_DROP_MALFORMED;
	__builtin_memcpy(p->src6, &ip->saddr, 16);
	__builtin_memcpy(p->dst6, &ip->daddr, 16);
	p->protocol = ip->nexthdr;
	p->hop_limit = ip->hop_limit;
	p->l4_off = ETH_HLEN + sizeof(*ip);
	p->l4_len = bpf_ntohs(ip->payload_len);
	/* An offloaded packet of more than 64 KB ("BIG TCP") has 0 here, and on kernels before 6.19 a jumbo
	 * option, which is an extension header like any. */
	if (!p->l4_len && skb->gso_size)
		p->l4_len = skb->len - p->l4_off;
	if (p->l4_off + p->l4_len > skb->len || packet6_addresses_odd(p))
		return RAST_DROP_MALFORMED;
	if (packet6_is_extension(p->protocol))
		return packet6_parse_chain(skb, p);
	return packet_parse_l4(ip + 1, end, true, p);
}

#endif
