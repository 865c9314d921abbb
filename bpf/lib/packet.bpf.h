/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a frame → struct packet, for programs on Ethernet devices (tc). Nothing is trusted: what is
 * cut short, contradicts itself or could be read two ways is RAST_DROP_MALFORMED, and what is not
 * IPv4, ARP or IPv6 is RAST_DROP_PROTOCOL. Bad checksums are left to the receiver's stack.
 *
 * Ports and addresses stay in network byte order. An IPv4 address is the last word of its IPv6-mapped
 * form, so that one flow key serves both. Packet pointers do not outlive packet_parse(): it may have to
 * pull data into the linear part.
 */
#ifndef RAST_BPF_LIB_PACKET_H
#define RAST_BPF_LIB_PACKET_H

#include "bpf/lib/packet6.bpf.h"

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
	p->l4_len = total - hlen;
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
	return packet_parse_l4(at + hlen, end, false, p);
}

/* *p must be zeroed. Returns enum rast_drop_reason. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	__u32 want = ETH_HLEN + 40;

	/*
	 * All headers are looked at in the linear part, IPv6's extension headers excepted; few packets
	 * have less than that there. Not always 94 bytes: payload in page fragments, the usual case,
	 * would be copied for nothing. 0x45: IPv4 without options.
	 */
	if (data + ETH_HLEN + 1 <= end && ((__u8 *)data)[ETH_HLEN] != 0x45)
		want = eth->h_proto == bpf_htons(ETH_P_IPV6) ? ETH_HLEN + 60 : 94;
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
		p->src_mapped[2] = p->dst_mapped[2] = bpf_htonl(0xffff);
		return packet_parse_ipv4(skb, eth + 1, end, p);
	}
	if (eth->h_proto == bpf_htons(ETH_P_ARP)) {
		p->kind = PACKET_ARP;
		return packet_parse_arp(eth + 1, end, p);
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		p->kind = PACKET_IPV6;
		return packet_parse_ipv6(skb, eth + 1, end, p);
	}
	/* 802.2 frames (spanning tree of the bridge) */
	p->quiet = bpf_ntohs(eth->h_proto) < 0x600;
	return RAST_DROP_PROTOCOL;
}

#endif
