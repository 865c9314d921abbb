// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames full of mistakes through the loaded programs, at the link of a pod that may do two things: TCP to
 * port 80 of api, UDP to port 53 of db. What passes must be exactly what a slow parser written from the
 * RFCs and five lines of rules say. RAST_SEED=N repeats a run.
 */
#include "selftests/bpf/policy_stage.h"
#include "selftests/unit/packet_oracle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 100000u
#define SECONDS_AT_MOST 8
#define MAX_PIECES 4096u

static uint64_t seed;

/* xorshift64 */
static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % n;
}

/* ---- what is right ---- */

enum answer { REFUSED, PASSES, EITHER };

static struct piece {
	uint8_t src[16], dst[16];
	uint32_t id, protocol, kind;
} pieces[MAX_PIECES];
static unsigned int n_pieces;

static bool piece_known(const struct piece *p)
{
	for (unsigned int i = 0; i < n_pieces; i++)
		if (!memcmp(p, &pieces[i], sizeof(*p)))
			return true;
	return false;
}

static bool is(const struct oracle *o, int pod)
{
	return o->kind == ORACLE_IPV6 ? !memcmp(o->dst6, stage.pods[pod].addr6, 16)
				      : o->dst == stage.pods[pod].addr;
}

static enum answer right(const struct frame *f)
{
	const struct pod *web = &stage.pods[WEB];
	struct piece piece = {.kind = 0};
	struct oracle o;
	bool allowed;

	oracle_read(&o, f->b, f->len, false, false);
	if (!o.good || memcmp(o.src_mac, web->mac, 6) != 0)
		return REFUSED;
	if (o.kind == ORACLE_ARP)
		return !memcmp(o.arp_mac, web->mac, 6) && (o.src == web->addr || !o.src) ? PASSES
											 : REFUSED;
	piece.id = o.id;
	piece.protocol = o.protocol;
	piece.kind = o.kind;
	if (o.kind == ORACLE_IPV6) {
		/* Neighbour discovery passes without any policy: not for this table. */
		if (o.protocol == IPPROTO_ICMPV6 && o.icmp_type >= 130)
			return EITHER;
		if (memcmp(o.src6, web->addr6, 16) != 0)
			return REFUSED;
		/* RFC 8200: pieces belong together by addresses and number alone. */
		piece.protocol = 0;
		memcpy(piece.src, o.src6, 16);
		memcpy(piece.dst, o.dst6, 16);
	} else if (o.src != web->addr) {
		return REFUSED;
	} else {
		memcpy(piece.dst, &o.dst, 4);
	}
	if (o.fragment == ORACLE_LATER)
		return piece_known(&piece) ? PASSES : REFUSED;
	allowed = (is(&o, API) && o.protocol == IPPROTO_TCP && o.dport == 80) ||
		  (is(&o, DB) && o.protocol == IPPROTO_UDP && o.dport == 53);
	if (allowed && o.fragment == ORACLE_FIRST && n_pieces < MAX_PIECES)
		pieces[n_pieces++] = piece;
	return allowed ? PASSES : REFUSED;
}

/* ---- what is tried ---- */

static const uint8_t protocols[] = {
	IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
	IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6, 0,           255};
static const uint16_t ports[] = {80, 80, 53, 53, 0, 81, 0x5000, 0x3500, 65535};

/* With a chain of headers in front of what it carries, in an order that may be wrong. */
static void make6(struct frame *f, const struct frame_spec *l4, int to)
{
	struct frame6_spec s = stage_spec6(WEB, to);

	s.l4 = *l4;
	s.l4.frag = 0;
	s.l4.options = 0;
	if (s.l4.protocol == IPPROTO_ICMP)
		s.l4.protocol = IPPROTO_ICMPV6;
	for (uint32_t n = random_below(3) ? 0 : random_below(10); n--;)
		switch (random_below(7)) {
		case 0:
			frame6_options(&s, 0, (uint8_t)(1 + random_below(3)));
			break;
		case 1:
			frame6_routing(&s, (uint8_t)random_below(5), (uint8_t)random_below(2));
			break;
		case 2:
			frame6_fragment(&s, (uint16_t)(random_below(3) * 8), random_below(2),
					random_below(8));
			break;
		case 3:
			frame6_auth(&s);
			break;
		default:
			frame6_options(&s, 60, (uint8_t)(1 + random_below(3)));
			break;
		}
	frame6(f, &s);
}

static void make(struct frame *f)
{
	struct frame_spec s = stage_spec(WEB, random_below(2) ? API : DB);
	struct frame inner;

	s.protocol = protocols[random_below(sizeof(protocols))];
	s.sport = ports[random_below(sizeof(ports) / sizeof(ports[0]))];
	s.dport = ports[random_below(sizeof(ports) / sizeof(ports[0]))];
	s.tcp_flags = (uint8_t)random_below(256);
	s.icmp_type = (uint8_t)random_below(19);
	s.options = random_below(3) ? 0 : (uint8_t)random_below(11);
	s.payload = random_below(3) ? (uint16_t)random_below(64) : (uint16_t)random_below(1200);
	s.ip_id = (uint16_t)random_below(8);
	if (!random_below(3))
		s.frag =
			(uint16_t)(random_below(2) << 13 | (random_below(2) ? random_below(4) : 0));
	switch (random_below(12)) {
	case 0:
		frame_arp(f, s.smac, s.dmac, 1, random_below(4) ? s.smac : s.dmac,
			  random_below(4) ? s.src : s.dst, s.dst);
		return;
	case 1:
		frame_ipv4(&inner, &s);
		frame_icmp_error(f, &s, (uint8_t)random_below(19), &inner);
		return;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		make6(f, &s, memcmp(s.dmac, stage.pods[API].mac, 6) ? DB : API);
		return;
	default:
		frame_ipv4(f, &s);
	}
}

/* Bytes anywhere, but most in the headers; numbers that mean something; cuts and more at the end. */
static void spoil(struct frame *f)
{
	static const uint8_t special[] = {0, 1, 0x45, 0x46, 0x4f, 0x60, 6, 17, 8, 20, 0xff, 0x80};

	for (uint32_t n = random_below(4); n--;) {
		size_t at =
			random_below(3) ? 12 + random_below(42) : random_below((uint32_t)f->len);

		if (at >= f->len)
			continue;
		f->b[at] = random_below(2) ? special[random_below(sizeof(special))]
					   : (uint8_t)random_below(256);
	}
	if (!random_below(5))
		f->len = 14 + random_below((uint32_t)f->len - 13);
	else if (!random_below(5) && f->len < 1800)
		f->len += random_below(64);
}

static void show(const struct frame *f)
{
	for (size_t i = 0; i < f->len && i < 128; i++)
		printf("%s%02x%s", i % 32 ? "" : "# ", f->b[i],
		       i % 32 == 31 || i + 1 == f->len ? "\n" : "");
}

int main(void)
{
	const char *given = getenv("RAST_SEED");
	unsigned int n = 0, passed = 0, leaked = 0, lost = 0, count[3] = {0};
	time_t end = time(NULL) + SECONDS_AT_MOST;
	struct frame f, bad = {.len = 0};

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) << 20 | (uint64_t)getpid();
	printf("# RAST_SEED=%llu\n", (unsigned long long)seed);
	stage_open("tpfuzz");
	stage_cell(OUT, WEB, API, PORT_80, true, 20);
	stage_cell(OUT, WEB, DB, PORT_53, true, 21);
	stage_apply();
	stage_forget();
	for (; n < FRAMES && time(NULL) < end; n++) {
		enum answer want;
		bool pass;

		make(&f);
		spoil(&f);
		want = right(&f);
		pass = stage_run(WEB, OUT, &f) == PASS;
		count[want]++;
		passed += pass;
		/* Fragments of before are forgotten on both sides at once. */
		if (n_pieces > 1000) {
			n_pieces = 0;
			stage_forget();
		}
		if (want == EITHER || pass == (want == PASSES))
			continue;
		leaked += pass;
		lost += !pass;
		bad = f;
	}
	show(&bad);
	ok(!leaked && n > 1000, "of %u frames none passes that rules and RFCs refuse (%u)", n,
	   leaked);
	ok(!lost, "and none is refused that they allow (%u)", lost);
	ok(count[PASSES] > n / 50 && count[REFUSED] > n / 2,
	   "there are both: %u pass, %u are refused", count[PASSES], count[REFUSED]);
	stage_events();
	return done();
}
