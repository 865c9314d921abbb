/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct packet: what a verdict needs to know of a frame, and the questions about it that differ between
 * IPv4 and IPv6; transport headers, which do not. Ports and addresses are in network byte order.
 */
#ifndef RAST_BPF_LIB_PACKET_FIELDS_H
#define RAST_BPF_LIB_PACKET_FIELDS_H

#include <bpf/bpf_endian.h>

#include "bpf/event.h"

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86dd
#define ETH_HLEN 14
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PARAMPROB 4 /* the last of the errors that say something about a flow */
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum packet_kind { PACKET_OTHER, PACKET_IPV4, PACKET_ARP, PACKET_IPV6 };
enum packet_fragment { PACKET_WHOLE, PACKET_FIRST, PACKET_LATER };

struct packet {
	/* Contiguous and first, as in struct rast_flow_key. */
	union {
		__u32 src6[4];
		struct {
			__u32 src_mapped[3];
			__u32 src; /* IPv4; ARP: sender */
		};
	};
	union {
		__u32 dst6[4];
		struct {
			__u32 dst_mapped[3];
			__u32 dst; /* IPv4; ARP: target */
		};
	};
	__u16 src_port, dst_port; /* ICMP echo: see struct rast_flow_key */
	__u8 protocol;            /* IPv6: behind all extension headers */
	__u8 kind;                /* enum packet_kind */
	__u8 fragment;            /* enum packet_fragment */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u8 hop_limit; /* IPv6 */
	__u8 quiet;     /* chatter that every stack makes unasked: drop without an event */
	__u32 ip_id;    /* of a fragment */
	__u32 l4_off;   /* from the start of the frame */
	__u32 l4_len;   /* from there to the packet's end, as its IP header has it */
	__u8 multicast; /* destination MAC */
	__u8 neighbour; /* neighbour discovery, which is no policy's matter */
	__u8 dst_mac[6], src_mac[6];
	__u8 arp_mac[6]; /* ARP: sender */
};

static __always_inline bool packet_is_icmp(const struct packet *p)
{
	return p->protocol == (p->kind == PACKET_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* ICMP's numbers for both families. */
static __always_inline bool packet_is_echo(const struct packet *p)
{
	return p->icmp_type == (p->kind == PACKET_IPV6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
}

static __always_inline bool packet_is_echo_reply(const struct packet *p)
{
	return p->icmp_type == (p->kind == PACKET_IPV6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
}

/* About a packet that it quotes. Redirects are none: they would change where a container sends. */
static __always_inline bool packet_is_icmp_error(const struct packet *p)
{
	if (p->kind == PACKET_IPV6)
		return p->icmp_type >= ICMPV6_DEST_UNREACH && p->icmp_type <= ICMPV6_PARAMPROB;
	return p->icmp_type == ICMP_DEST_UNREACH || p->icmp_type == ICMP_TIME_EXCEEDED ||
	       p->icmp_type == ICMP_PARAMETERPROB;
}

static __always_inline bool packet_mac_equal(const __u8 *a, const __u8 *b)
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		(a[5] ^ b[5])) == 0;
}

/* p->l4_len is what the IP header leaves from `at` on. */
static __always_inline int packet_parse_l4(void *at, void *end, bool v6, struct packet *p)
{
	__u32 room = p->l4_len;

	if (p->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = at;

		if ((void *)(tcp + 1) > end || room < sizeof(*tcp))
			return RAST_DROP_MALFORMED;
		if (tcp->doff < 5 || (p->fragment == PACKET_WHOLE && tcp->doff * 4 > room))
			return RAST_DROP_MALFORMED;
		p->src_port = tcp->source;
		p->dst_port = tcp->dest;
		p->tcp_flags = ((__u8 *)tcp)[13];
	} else if (p->protocol == IPPROTO_UDP) {
		struct udphdr *udp = at;

		if ((void *)(udp + 1) > end || room < sizeof(*udp))
			return RAST_DROP_MALFORMED;
		/* A length of 0 means "see IP" only in jumbograms, which nobody gets through. */
		if (bpf_ntohs(udp->len) < sizeof(*udp) ||
		    (p->fragment == PACKET_WHOLE && bpf_ntohs(udp->len) > room))
			return RAST_DROP_MALFORMED;
		p->src_port = udp->source;
		p->dst_port = udp->dest;
	} else if (p->protocol == IPPROTO_SCTP) {
		__be16 *ports = at;

		/* common header of 12 bytes */
		if ((void *)(ports + 6) > end || room < 12)
			return RAST_DROP_MALFORMED;
		p->src_port = ports[0];
		p->dst_port = ports[1];
	} else if (p->protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		struct icmphdr *icmp = at; /* ICMPv6: the same first eight bytes */

		if ((void *)(icmp + 1) > end || room < sizeof(*icmp))
			return RAST_DROP_MALFORMED;
		p->icmp_type = icmp->type;
		p->icmp_code = icmp->code;
		if (packet_is_echo(p))
			p->src_port = *(__be16 *)&icmp->rest;
		else if (packet_is_echo_reply(p))
			p->dst_port = *(__be16 *)&icmp->rest;
	}
	return RAST_DROP_NONE;
}

#endif
