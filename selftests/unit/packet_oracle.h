/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second, slow opinion about frames, written from the RFCs (791, 793, 768, 4960, 792, 826, 8200, 4443): a
 * cursor that reads one byte at a time and knows where the packet ends. It shares no code with
 * bpf/lib/packet.bpf.h and no struct; addresses and ports are numbers.
 */
#ifndef RAST_SELFTESTS_PACKET_ORACLE_H
#define RAST_SELFTESTS_PACKET_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle_kind { ORACLE_OTHER, ORACLE_IPV4, ORACLE_ARP, ORACLE_IPV6 };
enum oracle_fragment { ORACLE_WHOLE, ORACLE_FIRST, ORACLE_LATER };

struct oracle {
	bool good; /* well-formed, and of a kind that policy can decide */
	enum oracle_kind kind;
	enum oracle_fragment fragment;
	uint8_t dst_mac[6], src_mac[6], arp_mac[6];
	uint32_t src, dst;
	uint8_t src6[16], dst6[16];
	uint8_t protocol, icmp_type, icmp_code, tcp_flags;
	uint16_t sport, dport; /* echo: the identifier is who asks' port */
	uint32_t id;           /* of a fragment */
	size_t l4;             /* where it begins */
};

/* gso: an offloaded packet, whose length fields may be 0. */
void oracle_read(struct oracle *o, const uint8_t *frame, size_t len, bool gso, bool vlan_tag);

#endif
