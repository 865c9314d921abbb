/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rules of a link for IPv6, before any policy. A container has two addresses: the one it was given and
 * the link-local one that its MAC makes (EUI-64). The latter serves neighbour discovery and nothing else,
 * so that no traffic goes past the addresses that policy knows.
 *
 * Neighbour discovery passes when it speaks for its sender alone: solicitations and advertisements whose
 * target and link-layer options are the container's own; to a container, what asks for it or tells of
 * somebody else, with the MAC it came from. Routers are nobody's to announce: a container's routes are set
 * when it starts. Solicitations for routers and reports of group members are dropped without an event, as
 * every stack sends them.
 */
#ifndef RAST_BPF_LIB_NEIGHBOUR_H
#define RAST_BPF_LIB_NEIGHBOUR_H

#include "bpf/lib/matrix.bpf.h"

#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define ND_REDIRECT 137
#define MLD_FIRST 130
#define MLD_LAST 132
#define MLD2_REPORT 143

#define ND_FROM_ROUTER 0x80 /* of an advertisement's flags */
#define ND_MAX_OPTIONS 4    /* stacks send two: address and nonce (RFC 7527) */

struct nd_message {
	__u8 type, code;
	__u16 checksum;
	__u8 flags, reserved[3];
	__u32 target[4];
};

static __always_inline bool addr6_equal(const __u32 *a, const __u32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool addr6_link_local(const __u32 *a)
{
	return (bpf_ntohl(a[0]) & 0xffc00000) == 0xfe800000;
}

static __always_inline bool addr6_none(const __u32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* One of the container's two. */
static __always_inline bool addr6_own(const __u32 *a, const struct look *l)
{
	const __u8 *m = l->ep.mac;

	if (addr6_equal(a, l->ep.addr6))
		return true;
	return a[0] == bpf_htonl(0xfe800000) && !a[1] &&
	       a[2] == bpf_htonl((m[0] ^ 2u) << 24 | m[1] << 16 | m[2] << 8 | 0xff) &&
	       a[3] == bpf_htonl(0xfe000000 | m[3] << 16 | m[4] << 8 | m[5]);
}

/* ff02::1:ffXX:XXXX of `target`: where solicitations for it go. */
static __always_inline bool addr6_solicits(const __u32 *a, const __u32 *target)
{
	return a[0] == bpf_htonl(0xff020000) && !a[1] && a[2] == bpf_htonl(1) &&
	       a[3] == (target[3] | bpf_htonl(0xff000000));
}

/* Every link-layer address among the options must be this one. */
static __noinline int neighbour_options(struct __sk_buff *skb, const struct packet *p,
					const __u8 *mac)
{
	__u32 at = p->l4_off + sizeof(struct nd_message), end = p->l4_off + p->l4_len;
	__u8 option[8]; /* type, length in words of eight, MAC */

	for (int i = 0; i < ND_MAX_OPTIONS; i++) {
		if (at == end)
			return RAST_DROP_NONE;
		if (at + 8 > end || bpf_skb_load_bytes(skb, at, option, sizeof(option)) ||
		    !option[1])
			return RAST_DROP_MALFORMED;
		if (option[0] == 1 || option[0] == 2) {
			if (option[1] != 1)
				return RAST_DROP_MALFORMED;
			if (!packet_mac_equal(option + 2, mac))
				return RAST_DROP_SPOOFED;
		}
		at += option[1] * 8;
	}
	return at == end ? RAST_DROP_NONE : RAST_DROP_MALFORMED;
}

/* What the container sends. */
static __always_inline bool neighbour_honest(const struct packet *p, const struct look *l,
					     const struct nd_message *m)
{
	if (p->icmp_type == ND_NEIGHBOUR_ADVERT)
		return addr6_own(p->src6, l) && addr6_own(m->target, l) &&
		       !(m->flags & ND_FROM_ROUTER);
	if (addr6_none(p->src6))
		return addr6_own(m->target, l) && addr6_solicits(p->dst6, m->target);
	return addr6_own(p->src6, l);
}

/* What it is to receive. */
static __always_inline bool neighbour_welcome(const struct packet *p, const struct look *l,
					      const struct nd_message *m)
{
	if (p->icmp_type == ND_NEIGHBOUR_ADVERT)
		return !addr6_own(m->target, l);
	return addr6_own(m->target, l) &&
	       (addr6_own(p->dst6, l) || addr6_solicits(p->dst6, m->target));
}

static __noinline int neighbour_check(struct __sk_buff *skb, struct packet *p, const struct look *l)
{
	bool out = l->dir == RAST_DIR_EGRESS;
	struct nd_message m;

	/* RFC 6980: never in pieces. A hop limit of 255 says that no router was between. */
	if (p->fragment != PACKET_WHOLE || p->hop_limit != 255 || p->l4_len < sizeof(m) ||
	    bpf_skb_load_bytes(skb, p->l4_off, &m, sizeof(m)))
		return RAST_DROP_MALFORMED;
	if (out ? !neighbour_honest(p, l, &m) : !neighbour_welcome(p, l, &m))
		return RAST_DROP_SPOOFED;
	p->neighbour = 1;
	return neighbour_options(skb, p, out ? l->ep.mac : p->src_mac);
}

/* The whole of a link's rules for an IPv6 packet, MACs excepted. Global: verified once. */
__noinline int link6_check(struct __sk_buff *skb, struct packet *p, const struct look *l)
{
	__u32 type;

	if (!p || !l)
		return RAST_DROP_MALFORMED;
	type = p->icmp_type;
	if (addr6_none(l->ep.addr6)) {
		/* A container without an address: no IPv6 source can be its own. */
		p->quiet = addr6_link_local(p->src6) || (bpf_ntohl(p->dst6[0]) >> 24) == 0xff;
		return RAST_DROP_PROTOCOL;
	}
	if (p->protocol == IPPROTO_ICMPV6 && p->fragment != PACKET_LATER) {
		if (type == ND_NEIGHBOUR_SOLICIT || type == ND_NEIGHBOUR_ADVERT)
			return neighbour_check(skb, p, l);
		if (type == ND_ROUTER_ADVERT || type == ND_REDIRECT)
			return RAST_DROP_SPOOFED;
		if (type == ND_ROUTER_SOLICIT || type == MLD2_REPORT ||
		    (type >= MLD_FIRST && type <= MLD_LAST)) {
			p->quiet = 1;
			return RAST_DROP_PROTOCOL;
		}
	}
	if (addr6_link_local(p->src6) || addr6_link_local(p->dst6)) {
		/* Multicast DNS and the like; what is for one neighbour is worth an event. */
		p->quiet = p->multicast && addr6_own(p->src6, l);
		if (l->dir == RAST_DIR_EGRESS && !addr6_own(p->src6, l))
			return RAST_DROP_SPOOFED;
		return RAST_DROP_PROTOCOL;
	}
	if (l->dir == RAST_DIR_EGRESS && !addr6_equal(p->src6, l->ep.addr6))
		return RAST_DROP_SPOOFED;
	return RAST_DROP_NONE;
}

#endif
