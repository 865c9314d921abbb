/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf/lib/packet.bpf.h compiled for this machine. The frame lies below 4 GB, its linear part against a page
 * that cannot be touched; pulling more of it in moves it, so that a pointer kept too long is seen.
 */
#ifndef RAST_FUZZ_PACKET_SHIM_H
#define RAST_FUZZ_PACKET_SHIM_H

/* The kernel's headers and libc's do not go together: plain types alone. */
struct shim_packet {
	int reason; /* enum rast_drop_reason */
	int kind, fragment, multicast;
	unsigned char protocol, icmp_type, icmp_code, tcp_flags;
	unsigned char src[4], dst[4], src_port[2], dst_port[2];
	unsigned char src6[16], dst6[16];
	unsigned char src_mac[6], dst_mac[6], arp_mac[6];
	unsigned int id, l4_off;
	int chains; /* this parser walks IPv6's extension headers */
};

/* What the kernel's helpers see; memory is the caller's: two regions of `room` bytes below 4 GB. */
struct shim_frame {
	const unsigned char *all;
	unsigned int len, gso_size, vlan_present;
	unsigned char *linear; /* the linear part of the moment */
	unsigned char *region_end[2];
	unsigned int linear_len, moved;
};

void shim_parse(struct shim_frame *f, struct shim_packet *ret);
/* fuzz_packet.c: brings the first n bytes into the linear part, elsewhere. */
void shim_move(struct shim_frame *f, unsigned int n);

#endif
