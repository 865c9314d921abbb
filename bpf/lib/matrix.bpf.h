/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is at the other end of a packet, and which cell of the image in force says what becomes of it.
 * Whatever lies outside the image's bounds is denied.
 */
#ifndef RAST_BPF_LIB_MATRIX_H
#define RAST_BPF_LIB_MATRIX_H

#include "bpf/lib/packet.bpf.h"
#include "bpf/lib/policy_maps.bpf.h"
#include "bpf/lib/ranges.bpf.h"

/* What is known of the packet at hand beside its bytes. */
struct look {
	struct rast_endpoint ep; /* a copy: the entry may be replaced meanwhile */
	__u32 ifindex; /* of the link that is judged: not always the one the packet is on */
	__u32 dir;
	__u32 image_slot, generation;
	__u32 peer_addr[4], peer_identity; /* the address as in struct packet */
	__u32 addr_class; /* of peer_addr when that is nobody's, and 1; 0: not looked up, denied */
	__u32 rule, reason;
	__u32 staged;       /* the cell of the second matrix, 0: not asked */
	__u32 told;         /* enum rast_told: what is being reported */
	__u32 marks;        /* enum rast_flow_event_flags */
	__u32 flow_forward; /* which way the first packet of the flow in question went on this link */
	__u32 packets, bytes; /* that a packet which is not TCP's stands for; see flow_count() */
	__u8 v6;
	__u8 names; /* enum rast_names_flags; after judge(): whether names_watch() is to see the packet */
	__u8 by_name; /* allowed by the name that pattern_in_use has */
	__u8 pad;
};

#define NO_POD RAST_MAX_POD_ADDRS

/* Index of an address in the tables of pods, or NO_POD. Of both its addresses a pod has the same one. */
static __always_inline __u32 pod_index(const __u32 *addr, bool v6)
{
	__u32 i = bpf_ntohl(addr[3]);

	if (!v6)
		i -= pod_base;
	else if (!pod6_net[0] || addr[0] != pod6_net[0] || addr[1] != pod6_net[1] ||
		 addr[2] != pod6_net[2] || i - bpf_ntohl(pod6_net[3]) >= RAST_MAX_POD_ADDRS)
		return NO_POD;
	else
		i &= RAST_MAX_POD_ADDRS - 1;
	return i < pod_count ? i : NO_POD;
}

/* Of an address outside the pod range. */
static __always_inline __u32 identity_of_foreign(const __u32 *addr)
{
	__u32 zero = 0, *identity;
	const struct rast_foreign *f = bpf_map_lookup_elem(&foreign_control, &zero);
	struct rast_addr key;

	if (!f || !*(const volatile __u32 *)&f->addresses)
		return RAST_IDENTITY_WORLD;
	__builtin_memcpy(&key, addr, sizeof(key));
	identity = bpf_map_lookup_elem(&identity_by_foreign, &key);
	return identity ? *identity : RAST_IDENTITY_WORLD;
}

static __always_inline __u32 identity_of(const __u32 *addr, bool v6)
{
	__u32 zero = 0, i = pod_index(addr, v6);
	const struct rast_addr_table *t;

	if (i >= RAST_MAX_POD_ADDRS)
		return identity_of_foreign(addr);
	t = bpf_map_lookup_elem(&identity_by_addr, &zero);
	return t ? t->identity[i] : RAST_IDENTITY_WORLD;
}

static __always_inline __u32 class_of(const struct rast_policy_image *img, __u32 identity)
{
	return identity < RAST_MAX_IDENTITIES ? img->class_by_identity[identity] : 0xffff;
}

static __always_inline __u32 addr_class(const struct rast_policy_image *img, const struct look *l)
{
	if (!l->v6)
		return range_class(img, l->image_slot, bpf_ntohl(l->peer_addr[3]));
	if (img->n_range6 > RAST_FEW_RANGES)
		return range6_in_table(
			l->image_slot,
			(__u64)bpf_ntohl(l->peer_addr[0]) << 32 | bpf_ntohl(l->peer_addr[1]),
			(__u64)bpf_ntohl(l->peer_addr[2]) << 32 | bpf_ntohl(l->peer_addr[3]));
	return range6_class(img, l->peer_addr);
}

/* To be called for each l->peer_addr before cell_of(). */
static __always_inline void addr_class_find(const struct rast_policy_image *img, struct look *l)
{
	if (l->peer_identity == RAST_IDENTITY_WORLD)
		l->addr_class = addr_class(img, l) + 1;
}

/* What a rule's ports are about: the destination's port, of ICMP type and code. Network byte order. */
static __always_inline __u16 number_of(const struct packet *p)
{
	return packet_is_icmp(p) ? bpf_htons(p->icmp_type << 8 | p->icmp_code) : p->dst_port;
}

/* `port`: of ICMP type and code. 0 (denied, no rule) for all that lies outside the image's bounds. */
static __always_inline __u32 cell_of_peer(const struct rast_policy_image *img, const struct look *l,
					  __u64 peer, __u32 dir, __u32 protocol, __u16 port)
{
	__u64 klass = class_of(img, l->ep.identity), n_class = img->n_class, at;
	__u32 pc, proto, number = bpf_ntohs(port);
	const struct rast_line *line;

	/* To the verifier of 6.1 a byte swap may yield anything; the compiler knows better, so: hide it. */
	asm volatile("" : "+r"(number));
	number &= 0xffff;
	if (protocol == IPPROTO_TCP)
		proto = RAST_PROTO_TCP;
	else if (protocol == IPPROTO_UDP)
		proto = RAST_PROTO_UDP;
	else if (protocol == IPPROTO_SCTP)
		proto = RAST_PROTO_SCTP;
	else if (protocol == (l->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		proto = l->v6 ? RAST_PROTO_ICMP6 : RAST_PROTO_ICMP;
	else
		proto = RAST_PROTO_OTHER;
	if (proto < RAST_PROTO_PORTED)
		pc = img->port_class[proto][number];
	else
		pc = img->port_class_other;
	/* An unknown identity has class 0xffff, which no image reaches. */
	if (klass >= n_class || peer >= img->n_peer || pc >= img->n_port)
		return 0;
	at = ((dir * n_class + klass) * img->n_peer + peer) * img->n_port + pc;
	if (at >= RAST_MAX_CELLS)
		return 0;
	line = table_line(l->image_slot, at / 16);
	return line ? line->w[at % 16] : 0;
}

static __always_inline __u32 cell_of(const struct rast_policy_image *img, const struct look *l,
				     __u32 dir, __u32 protocol, __u16 port)
{
	__u64 peer;

	if (l->peer_identity != RAST_IDENTITY_WORLD)
		peer = class_of(img, l->peer_identity);
	else if (l->addr_class)
		peer = (__u64)img->n_class + l->addr_class - 1;
	else
		return 0;
	return cell_of_peer(img, l, peer, dir, protocol, port);
}

#endif
