/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a frame → struct packet, for programs on Ethernet devices (tc). Nothing is trusted: what is
 * cut short, contradicts itself or could be read two ways is RAST_DROP_MALFORMED, and what is not
 * IPv4, ARP or IPv6 is RAST_DROP_PROTOCOL. Bad checksums are left to the receiver's stack.
 *
 * Ports and addresses stay in network byte order. Packet pointers do not outlive packet_parse(): it
 * may have to pull data into the linear part.
 */
#ifndef RAST_BPF_LIB_PACKET_H
#define RAST_BPF_LIB_PACKET_H

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
#define IPPROTO_SCTP 132

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum packet_kind { PACKET_OTHER, PACKET_IPV4, PACKET_ARP, PACKET_IPV6 };
enum packet_fragment { PACKET_WHOLE, PACKET_FIRST, PACKET_LATER };

struct packet {
	__u32 src, dst;           /* IPv4; ARP: sender and target */
	__u16 src_port, dst_port; /* ICMP echo: see struct rast_flow_key */
	__u8 protocol;
	__u8 kind;     /* enum packet_kind */
	__u8 fragment; /* enum packet_fragment */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u16 ip_id;
	__u32 l4_off;   /* from the start of the frame */
	__u8 quiet;     /* chatter that every stack makes unasked: drop without an event */
	__u8 multicast; /* destination MAC */
	__u8 dst_mac[6], src_mac[6];
	__u8 arp_mac[6]; /* ARP: sender */
	__u8 src6[16], dst6[16];
};

static __always_inline bool packet_mac_equal(const __u8 *a, const __u8 *b)
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		(a[5] ^ b[5])) == 0;
}

struct packet_arp {
	struct arphdr hdr;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
} __attribute__((packed));

static __always_inline int packet_parse_arp(void *at, void *end, struct packet *p)
{
	struct packet_arp *arp = at;

	if ((void *)(arp + 1) > end)
		return RAST_DROP_MALFORMED;
	if (arp->hdr.ar_hrd != bpf_htons(1) || arp->hdr.ar_pro != bpf_htons(ETH_P_IP) ||
	    arp->hdr.ar_hln != 6 || arp->hdr.ar_pln != 4)
		return RAST_DROP_MALFORMED;
	__builtin_memcpy(p->arp_mac, arp->sender_mac, 6);
	__builtin_memcpy(&p->src, arp->sender, 4);
	__builtin_memcpy(&p->dst, arp->target, 4);
	return RAST_DROP_NONE;
}

/* `room`: bytes of the IP packet from `at` on, as its header has them. */
static __always_inline int packet_parse_l4(void *at, void *end, __u32 room, struct packet *p)
{
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
		/* A length of 0 means "see IP" only in jumbograms, which IPv4 does not have. */
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
	} else if (p->protocol == IPPROTO_ICMP) {
		struct icmphdr *icmp = at;

		if ((void *)(icmp + 1) > end || room < sizeof(*icmp))
			return RAST_DROP_MALFORMED;
		p->icmp_type = icmp->type;
		p->icmp_code = icmp->code;
		if (icmp->type == ICMP_ECHO)
			p->src_port = *(__be16 *)&icmp->rest;
		else if (icmp->type == ICMP_ECHOREPLY)
			p->dst_port = *(__be16 *)&icmp->rest;
	}
	return RAST_DROP_NONE;
}

static __always_inline int packet_parse_ipv4(struct __sk_buff *skb, void *at, void *end,
					     struct packet *p)
{
	struct iphdr *ip = at;
	__u32 total, hlen, frag;

	if ((void *)(ip + 1) > end)
		return RAST_DROP_MALFORMED;
	hlen = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	/* An offloaded packet of more than 64 KB ("BIG TCP") has 0 here. */
	if (!total && skb->gso_size)
		total = skb->len - ETH_HLEN;
	if (ip->version != 4 || hlen < sizeof(*ip) || total < hlen || total + ETH_HLEN > skb->len)
		return RAST_DROP_MALFORMED;
	p->src = ip->saddr;
	p->dst = ip->daddr;
	p->protocol = ip->protocol;
	p->l4_off = ETH_HLEN + hlen;
	frag = bpf_ntohs(ip->frag_off);
	if (frag & (IP_MF | IP_OFFSET)) {
		p->ip_id = ip->id;
		if (frag & IP_OFFSET) {
			/* RFC 1858: an offset of 8 bytes rewrites the flags of a TCP header. */
			if (p->protocol == IPPROTO_TCP && (frag & IP_OFFSET) == 1)
				return RAST_DROP_MALFORMED;
			p->fragment = PACKET_LATER;
			return RAST_DROP_NONE;
		}
		p->fragment = PACKET_FIRST;
	}
	return packet_parse_l4(at + hlen, end, total - hlen, p);
}

static __always_inline int packet_parse_ipv6(void *at, void *end, struct packet *p)
{
	struct ipv6hdr *ip = at;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return RAST_DROP_MALFORMED;
	__builtin_memcpy(p->src6, &ip->saddr, 16);
	__builtin_memcpy(p->dst6, &ip->daddr, 16);
	p->protocol = ip->nexthdr;
	/* Neighbour discovery, multicast listener reports, mDNS: link-local or to a group. */
	p->quiet = p->dst6[0] == 0xff || (p->src6[0] == 0xfe && (p->src6[1] & 0xc0) == 0x80);
	return RAST_DROP_NONE;
}

/* *p must be zeroed. Returns enum rast_drop_reason. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	__u32 want = ETH_HLEN + 40;

	/*
	 * All headers are looked at in the linear part; few packets have less than that there. Not
	 * always 94 bytes: payload in page fragments, the usual case, would be copied for nothing.
	 */
	if (data + ETH_HLEN + 1 <= end && (((__u8 *)data)[ETH_HLEN] & 0xf) > 5)
		want = 94;
	if (data + want > end && end - data < skb->len) {
		bpf_skb_pull_data(skb, skb->len < 94 ? skb->len : 94);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		eth = data;
	}
	if ((void *)(eth + 1) > end)
		return RAST_DROP_MALFORMED;
	__builtin_memcpy(p->dst_mac, eth->h_dest, 6);
	__builtin_memcpy(p->src_mac, eth->h_source, 6);
	p->multicast = eth->h_dest[0] & 1;
	if (skb->vlan_present)
		return RAST_DROP_PROTOCOL;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		p->kind = PACKET_IPV4;
		return packet_parse_ipv4(skb, eth + 1, end, p);
	}
	if (eth->h_proto == bpf_htons(ETH_P_ARP)) {
		p->kind = PACKET_ARP;
		return packet_parse_arp(eth + 1, end, p);
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		p->kind = PACKET_IPV6;
		return packet_parse_ipv6(eth + 1, end, p);
	}
	/* 802.2 frames (spanning tree of the bridge) */
	p->quiet = bpf_ntohs(eth->h_proto) < 0x600;
	return RAST_DROP_PROTOCOL;
}

#endif
