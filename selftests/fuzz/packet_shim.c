// SPDX-License-Identifier: BSD-2-Clause
/* See packet_shim.h. */
#pragma clang diagnostic ignored "-Wunknown-attributes"
#pragma clang diagnostic ignored "-Wignored-attributes"
#pragma clang diagnostic ignored "-Waddress-of-packed-member"
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wpointer-arith"
#include "vmlinux.h"

#include "packet_shim.h"

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

static struct shim_frame *frame;

static void point(struct __sk_buff *skb)
{
	skb->data = (__u32)(unsigned long)frame->linear;
	skb->data_end = skb->data + frame->linear_len;
}

static long bpf_skb_pull_data(struct __sk_buff *skb, __u32 len)
{
	if (len > frame->len)
		return -12;
	if (len > frame->linear_len)
		shim_move(frame, len);
	point(skb);
	return 0;
}

__attribute__((unused)) static long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 off,
						       void *to, __u32 len)
{
	if (off > frame->len || len > frame->len - off)
		return -14;
	for (__u32 i = 0; i < len; i++)
		((unsigned char *)to)[i] = frame->all[off + i];
	return 0;
}

/* Headers lie where they lie; the machines that run this do not mind. */
#pragma clang attribute push(__attribute__((no_sanitize("alignment"))), apply_to = function)
#include "bpf/lib/packet.bpf.h"

static void copy(void *to, const void *from, int n)
{
	__builtin_memcpy(to, from, (unsigned long)n);
}

void shim_parse(struct shim_frame *f, struct shim_packet *ret)
{
	struct __sk_buff skb = {
		.len = f->len, .gso_size = f->gso_size, .vlan_present = f->vlan_present};
	struct packet p = {};

	frame = f;
	point(&skb);
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->reason = packet_parse(&skb, &p);
	ret->kind = p.kind;
	ret->fragment = p.fragment;
	ret->multicast = p.multicast;
	ret->protocol = p.protocol;
	ret->icmp_type = p.icmp_type;
	ret->icmp_code = p.icmp_code;
	ret->tcp_flags = p.tcp_flags;
	ret->id = p.ip_id;
	ret->l4_off = p.l4_off;
	copy(ret->src, &p.src, 4);
	copy(ret->dst, &p.dst, 4);
	copy(ret->src_port, &p.src_port, 2);
	copy(ret->dst_port, &p.dst_port, 2);
	copy(ret->src6, &p.src6, 16);
	copy(ret->dst6, &p.dst6, 16);
	copy(ret->src_mac, p.src_mac, 6);
	copy(ret->dst_mac, p.dst_mac, 6);
	copy(ret->arp_mac, p.arp_mac, 6);
#ifdef PACKET6_MAX_HEADERS
	ret->chains = 1;
#endif
}
#pragma clang attribute pop
