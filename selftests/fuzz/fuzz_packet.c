// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet parser against a second one that is slow and written from the RFCs. Byte 0: 1 is an offloaded
 * packet, 2 a VLAN tag beside the frame; byte 1: how much of the frame is linear (255: all). Both must
 * agree on what is well-formed, and then on every field; and what is linear must make no difference.
 */
#include "fuzz.h"
#include "packet_shim.h"
#include "selftests/unit/packet_oracle.h"

#include "bpf/event.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM 20480u

/* Ends where a page begins that nobody may touch. */
static uint8_t *region(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	MUST(p != MAP_FAILED && !mprotect(p + ROOM, page, PROT_NONE));
	return p + ROOM;
}

void shim_move(struct shim_frame *f, unsigned int n)
{
	/* What is left behind reads as nonsense. */
	memset(f->linear, 0xa5, f->linear_len);
	f->moved++;
	f->linear = f->region_end[f->moved & 1] - n;
	f->linear_len = n;
	memcpy(f->linear, f->all, n);
}

static void parse(const uint8_t *frame, size_t len, uint8_t flags, size_t linear,
		  struct shim_packet *ret)
{
	static uint8_t *ends[2];
	struct shim_frame f = {.all = frame,
			       .len = (unsigned int)len,
			       .gso_size = flags & 1 ? 1400 : 0,
			       .vlan_present = flags >> 1 & 1};

	for (int i = 0; i < 2; i++)
		if (!ends[i])
			ends[i] = region();
	memcpy(f.region_end, ends, sizeof(ends));
	f.linear = ends[0] - linear;
	f.linear_len = (unsigned int)linear;
	memcpy(f.linear, frame, linear);
	shim_parse(&f, ret);
}

static uint32_t word(const unsigned char *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void compare(const struct shim_packet *p, const struct oracle *o)
{
	MUST((int)o->kind == p->kind);
	MUST(!memcmp(p->src_mac, o->src_mac, 6) && !memcmp(p->dst_mac, o->dst_mac, 6));
	MUST(p->multicast == (o->dst_mac[0] & 1));
	if (o->kind == ORACLE_ARP) {
		MUST(!memcmp(p->arp_mac, o->arp_mac, 6));
		MUST(word(p->src) == o->src && word(p->dst) == o->dst);
		return;
	}
	if (o->kind == ORACLE_IPV6) {
		MUST(!memcmp(p->src6, o->src6, 16) && !memcmp(p->dst6, o->dst6, 16));
	} else {
		MUST(word(p->src) == o->src && word(p->dst) == o->dst);
	}
	if (o->kind == ORACLE_IPV6 && !p->chains)
		return;
	MUST(p->protocol == o->protocol && p->fragment == (int)o->fragment);
	MUST(p->l4_off == o->l4);
	if (o->fragment != ORACLE_WHOLE && o->kind == ORACLE_IPV4)
		MUST(ntohs((uint16_t)p->id) == o->id);
	else if (o->fragment != ORACLE_WHOLE)
		MUST(ntohl(p->id) == o->id);
	if (o->fragment == ORACLE_LATER)
		return;
	MUST((p->src_port[0] << 8 | p->src_port[1]) == o->sport);
	MUST((p->dst_port[0] << 8 | p->dst_port[1]) == o->dport);
	MUST(p->tcp_flags == o->tcp_flags);
	MUST(p->icmp_type == o->icmp_type && p->icmp_code == o->icmp_code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shim_packet p, again;
	struct oracle o;
	size_t linear;

	if (size < 2 || size - 2 > ROOM)
		return 0;
	linear = data[1] == 255 || data[1] > size - 2 ? size - 2 : data[1];
	parse(data + 2, size - 2, data[0], linear, &p);
	parse(data + 2, size - 2, data[0], size - 2, &again);
	MUST(p.reason == again.reason);
	if (!p.reason)
		MUST(!memcmp(&p, &again, sizeof(p)));
	MUST(p.reason == RAST_DROP_NONE || p.reason == RAST_DROP_MALFORMED ||
	     p.reason == RAST_DROP_PROTOCOL);
	oracle_read(&o, data + 2, size - 2, data[0] & 1, data[0] >> 1 & 1);
	if (o.kind == ORACLE_IPV6 && !p.chains) {
		if (!p.reason)
			compare(&p, &o);
		return 0;
	}
	MUST(o.good == !p.reason);
	if (o.good)
		compare(&p, &o);
	return 0;
}
