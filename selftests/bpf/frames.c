// SPDX-License-Identifier: BSD-2-Clause
/* The frames of frames.h. IP checksums are right, those behind them 0: nobody looks. */
#include "selftests/bpf/frames.h"

#include <netinet/in.h>
#include <string.h>

static void put8(struct frame *f, uint8_t v)
{
	f->b[f->len++] = v;
}

static void put16(struct frame *f, uint16_t v)
{
	put8(f, (uint8_t)(v >> 8));
	put8(f, (uint8_t)v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, (uint16_t)(v >> 16));
	put16(f, (uint16_t)v);
}

static void put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->b + f->len, p, n);
	f->len += n;
}

static void ethernet(struct frame *f, const uint8_t dmac[6], const uint8_t smac[6], uint16_t type)
{
	memset(f, 0, sizeof(*f));
	put(f, dmac, 6);
	put(f, smac, 6);
	put16(f, type);
}

static void checksum(uint8_t *ip, size_t hlen)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < hlen; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
}

static size_t l4_size(const struct frame_spec *s)
{
	if (s->frag & 0x1fff)
		return 0;
	switch (s->protocol) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 8;
	case IPPROTO_SCTP:
		return 12;
	default:
		return 0;
	}
}

static void ip_header(struct frame *f, const struct frame_spec *s, size_t body)
{
	size_t hlen = 20 + s->options * 4u, at = f->len;

	put8(f, (uint8_t)(0x40 | hlen / 4));
	put8(f, 0);
	put16(f, (uint16_t)(hlen + body));
	put16(f, s->ip_id);
	put16(f, s->frag);
	put8(f, 64);
	put8(f, s->protocol);
	put16(f, 0);
	put32(f, s->src);
	put32(f, s->dst);
	for (size_t i = 0; i < s->options * 4u; i++)
		put8(f, 1); /* no operation */
	checksum(f->b + at, hlen);
}

static void transport(struct frame *f, const struct frame_spec *s)
{
	size_t l4 = l4_size(s);

	if (l4 == 8 && s->protocol != IPPROTO_UDP) {
		put8(f, s->icmp_type);
		put8(f, s->icmp_code);
		put16(f, 0);
		put16(f, s->icmp_id);
		put16(f, 1);
	} else if (l4) {
		put16(f, s->sport);
		put16(f, s->dport);
		if (s->protocol == IPPROTO_TCP) {
			put32(f, 1000);
			put32(f, 0);
			put8(f, 0x50);
			put8(f, s->tcp_flags);
			put16(f, 65535);
			put32(f, 0);
		} else if (s->protocol == IPPROTO_UDP) {
			/* A first fragment says how long the whole datagram is. */
			put16(f, (uint16_t)(8 + s->payload + (s->frag & 0x2000 ? 1000 : 0)));
			put16(f, 0);
		} else {
			put32(f, 0);
			put32(f, 0);
		}
	}
	f->len += s->payload;
}

void frame_ipv4(struct frame *f, const struct frame_spec *s)
{
	ethernet(f, s->dmac, s->smac, 0x0800);
	ip_header(f, s, l4_size(s) + s->payload);
	transport(f, s);
}

void frame_icmp_error(struct frame *f, const struct frame_spec *s, uint8_t type,
		      const struct frame *quoted)
{
	struct frame_spec outer = *s;
	size_t n = (quoted->b[14] & 0xf) * 4u + 8;

	outer.protocol = IPPROTO_ICMP;
	ethernet(f, s->dmac, s->smac, 0x0800);
	ip_header(f, &outer, 8 + n);
	put8(f, type);
	put8(f, s->icmp_code);
	put16(f, 0);
	put32(f, 0);
	put(f, quoted->b + 14, n);
}

void frame_arp(struct frame *f, const uint8_t smac[6], const uint8_t dmac[6], uint16_t op,
	       const uint8_t sender_mac[6], uint32_t sender, uint32_t target)
{
	static const uint8_t none[6];

	ethernet(f, dmac, smac, 0x0806);
	put16(f, 1);
	put16(f, 0x0800);
	put8(f, 6);
	put8(f, 4);
	put16(f, op);
	put(f, sender_mac, 6);
	put32(f, sender);
	put(f, none, 6);
	put32(f, target);
}

void frame_ipv6(struct frame *f, const struct frame_spec *s, const uint8_t src[16],
		const uint8_t dst[16], uint8_t next)
{
	ethernet(f, s->dmac, s->smac, 0x86dd);
	put32(f, 0x60000000);
	put16(f, s->payload);
	put8(f, next);
	put8(f, 64);
	put(f, src, 16);
	put(f, dst, 16);
	f->len += s->payload;
}

static void header6(struct frame *f, const struct frame6_spec *s, size_t body)
{
	size_t chain = 0;

	for (size_t i = 0; i < s->n_ext; i++)
		chain += s->ext[i].len;
	ethernet(f, s->l4.dmac, s->l4.smac, 0x86dd);
	put32(f, 0x60000000);
	put16(f, (uint16_t)(chain + body));
	put8(f, s->n_ext ? s->ext[0].type : s->l4.protocol);
	put8(f, s->hop_limit ? s->hop_limit : 64);
	put(f, s->src, 16);
	put(f, s->dst, 16);
	for (size_t i = 0; i < s->n_ext; i++) {
		put8(f, i + 1 < s->n_ext ? s->ext[i + 1].type : s->l4.protocol);
		put(f, s->ext[i].b + 1, s->ext[i].len - 1);
	}
}

void frame6(struct frame *f, const struct frame6_spec *s)
{
	header6(f, s, l4_size(&s->l4) + s->l4.payload);
	transport(f, &s->l4);
}

static struct frame6_ext *add_ext(struct frame6_spec *s, uint8_t type, size_t len)
{
	struct frame6_ext *e = &s->ext[s->n_ext++];

	memset(e, 0, sizeof(*e));
	e->type = type;
	e->len = len;
	return e;
}

void frame6_options(struct frame6_spec *s, uint8_t type, uint8_t words)
{
	struct frame6_ext *e = add_ext(s, type, words * 8u);

	e->b[1] = (uint8_t)(words - 1);
	e->b[2] = 1; /* PadN */
	e->b[3] = (uint8_t)(words * 8 - 4);
}

void frame6_fragment(struct frame6_spec *s, uint16_t offset, bool more, uint32_t id)
{
	struct frame6_ext *e = add_ext(s, IPPROTO_FRAGMENT, 8);

	e->b[2] = (uint8_t)(offset >> 8);
	e->b[3] = (uint8_t)(offset | more);
	for (int i = 0; i < 4; i++)
		e->b[4 + i] = (uint8_t)(id >> (24 - 8 * i));
	s->l4.frag = offset;
}

void frame6_routing(struct frame6_spec *s, uint8_t type, uint8_t left)
{
	struct frame6_ext *e = add_ext(s, IPPROTO_ROUTING, 24);

	e->b[1] = 2;
	e->b[2] = type;
	e->b[3] = left;
}

void frame6_auth(struct frame6_spec *s)
{
	add_ext(s, IPPROTO_AH, 24)->b[1] = 4;
}

void frame6_neighbour(struct frame *f, const struct frame6_spec *s, uint8_t type, uint8_t flags,
		      const uint8_t target[16], uint8_t option, const uint8_t *mac)
{
	struct frame6_spec outer = *s;

	outer.l4.protocol = IPPROTO_ICMPV6;
	outer.hop_limit = s->hop_limit ? s->hop_limit : 255;
	header6(f, &outer, 24 + (mac ? 8 : 0));
	put8(f, type);
	put8(f, 0);
	put16(f, 0);
	put32(f, (uint32_t)flags << 24);
	put(f, target, 16);
	if (!mac)
		return;
	put8(f, option);
	put8(f, 1);
	put(f, mac, 6);
}

void frame6_error(struct frame *f, const struct frame6_spec *s, uint8_t type,
		  const struct frame *quoted, size_t n)
{
	struct frame6_spec outer = *s;

	outer.l4.protocol = IPPROTO_ICMPV6;
	header6(f, &outer, 8 + n);
	put8(f, type);
	put8(f, 0);
	put16(f, 0);
	put32(f, 0);
	put(f, quoted->b + 14, n);
}
