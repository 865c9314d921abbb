/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet frames made by hand, for BPF_PROG_TEST_RUN. Addresses and ports in host byte order. */
#ifndef RAST_SELFTESTS_BPF_FRAMES_H
#define RAST_SELFTESTS_BPF_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint8_t b[2048];
	size_t len;
};

struct frame_spec {
	uint8_t smac[6], dmac[6];
	uint32_t src, dst;
	uint8_t protocol; /* IPPROTO_* */
	uint16_t sport, dport;
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id;
	uint16_t ip_id, frag; /* frag: the header's field: offset in 8-byte units, 0x2000 more */
	uint8_t options;      /* words of IP options */
	uint16_t payload;     /* bytes behind the headers */
};

void frame_ipv4(struct frame *f, const struct frame_spec *s);
/* An ICMP error from s->src to s->dst that quotes `quoted` from its IP header on, 8 bytes behind it. */
void frame_icmp_error(struct frame *f, const struct frame_spec *s, uint8_t type,
		      const struct frame *quoted);
/* op 1: request, 2: reply. smac of the frame and of the sender field may differ. */
void frame_arp(struct frame *f, const uint8_t smac[6], const uint8_t dmac[6], uint16_t op,
	       const uint8_t sender_mac[6], uint32_t sender, uint32_t target);
void frame_ipv6(struct frame *f, const struct frame_spec *s, const uint8_t src[16],
		const uint8_t dst[16], uint8_t next);

/* An extension header; its first byte, what follows, is filled in by frame6(). */
struct frame6_ext {
	uint8_t type, b[32];
	size_t len;
};

struct frame6_spec {
	struct frame_spec
		l4; /* MACs, protocol, ports …; frag: not 0 leaves the transport header out */
	uint8_t src[16], dst[16];
	uint8_t hop_limit;
	struct frame6_ext ext[12];
	size_t n_ext;
};

void frame6(struct frame *f, const struct frame6_spec *s);
/* Adds a header of 8 * words bytes of padding: type 0 hop-by-hop, 60 destination options. */
void frame6_options(struct frame6_spec *s, uint8_t type, uint8_t words);
/* offset in bytes */
void frame6_fragment(struct frame6_spec *s, uint16_t offset, bool more, uint32_t id);
void frame6_routing(struct frame6_spec *s, uint8_t type, uint8_t left);
void frame6_auth(struct frame6_spec *s);
/* Neighbour discovery: the message's four bytes of flags (their first), target and, when mac is given, an option. */
void frame6_neighbour(struct frame *f, const struct frame6_spec *s, uint8_t type, uint8_t flags,
		      const uint8_t target[16], uint8_t option, const uint8_t *mac);
/* An ICMPv6 error from s that quotes n bytes of `quoted` from its IP header on. */
void frame6_error(struct frame *f, const struct frame6_spec *s, uint8_t type,
		  const struct frame *quoted, size_t n);

#endif
