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
	uint32_t src, dst, id, protocol;
} pieces[MAX_PIECES];
static unsigned int n_pieces;

static bool piece_known(const struct piece *p)
{
	for (unsigned int i = 0; i < n_pieces; i++)
		if (!memcmp(p, &pieces[i], sizeof(*p)))
			return true;
	return false;
}

static enum answer right(const struct frame *f)
{
	const struct pod *web = &stage.pods[WEB];
	struct piece piece;
	struct oracle o;
	bool allowed;

	oracle_read(&o, f->b, f->len, false, false);
	/* What of IPv6 passes without any policy is neighbour discovery: not for this table. */
	if (o.kind == ORACLE_IPV6)
		return o.good && o.protocol == 58 && o.icmp_type >= 130 ? EITHER : REFUSED;
	if (!o.good || memcmp(o.src_mac, web->mac, 6) != 0)
		return REFUSED;
	if (o.kind == ORACLE_ARP)
		return !memcmp(o.arp_mac, web->mac, 6) && (o.src == web->addr || !o.src) ? PASSES
											 : REFUSED;
	if (o.src != web->addr)
		return REFUSED;
	piece = (struct piece){o.src, o.dst, o.id, o.protocol};
	if (o.fragment == ORACLE_LATER)
		return piece_known(&piece) ? PASSES : REFUSED;
	allowed = (o.dst == stage.pods[API].addr && o.protocol == IPPROTO_TCP && o.dport == 80) ||
		  (o.dst == stage.pods[DB].addr && o.protocol == IPPROTO_UDP && o.dport == 53);
	if (allowed && o.fragment == ORACLE_FIRST && n_pieces < MAX_PIECES)
		pieces[n_pieces++] = piece;
	return allowed ? PASSES : REFUSED;
}

/* ---- what is tried ---- */

static const uint8_t protocols[] = {
	IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
	IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6, 0,           255};
static const uint16_t ports[] = {80, 80, 53, 53, 0, 81, 0x5000, 0x3500, 65535};

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
	case 2: {
		uint8_t a[16] = {0xfd, 0}, b[16] = {0xfd, 1};

		s.payload = (uint16_t)random_below(80);
		frame_ipv6(f, &s, a, b, protocols[random_below(sizeof(protocols))]);
		return;
	}
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
