// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changed and cut frames through policy_out, judged by a second, strict reading of the bytes. Part of
 * bpf_policy; RAST_SEED=N repeats a run.
 */
#include "selftests/bpf/policy_stage.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* xorshift64 */
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* What is right for one receiver must hold whatever bytes come: who it is for, and from whom. */
static bool must_drop(const struct frame *f)
{
	const struct pod *web = &stage.pods[WEB];
	uint32_t src = (uint32_t)f->b[26] << 24 | (uint32_t)f->b[27] << 16 |
		       (uint32_t)f->b[28] << 8 | f->b[29];
	unsigned int hlen = (f->b[14] & 0xfu) * 4, total = (unsigned int)f->b[16] << 8 | f->b[17];

	if (f->len < 14 || memcmp(f->b + 6, web->mac, 6) != 0)
		return true;
	if (f->b[12] == 8 && f->b[13] == 6)
		return f->len < 42 || memcmp(f->b + 22, web->mac, 6) != 0;
	if (f->b[12] != 8 || f->b[13] != 0 || f->len < 34)
		return true;
	return f->b[14] >> 4 != 4 || hlen < 20 || total < hlen || total + 14 > f->len ||
	       src != web->addr;
}

/*
 * Frames with a few bytes changed or cut, for at most three seconds. Everything is allowed, so that a
 * wrong parse shows as a pass; and each frame must be counted once, as passed or as dropped.
 */
void stage_mutate(void)
{
	uint64_t x = (uint64_t)time(NULL) << 20 | (uint64_t)getpid(), seed;
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
					    47};
	const char *given = getenv("RAST_SEED");
	unsigned int n = 0, wrong = 0, passed = 0, refused = stage.refused;
	struct rast_link_counters c;
	uint64_t counted = 0;
	time_t end = time(NULL) + 3;
	struct frame f, whole, bad = {.len = 0};

	if (given)
		x = strtoull(given, NULL, 10);
	seed = x;
	printf("# RAST_SEED=%llu\n", (unsigned long long)seed);
	stage_reset_image();
	stage_forget();
	for (int dir = 0; dir < 2; dir++)
		for (int k = 0; k < N_CLASS; k++)
			for (int peer = 0; peer < N_PEER; peer++)
				stage_cell(dir, k, peer, -1, true, 20);
	stage_apply();
	for (; n < 200000 && time(NULL) < end; n++) {
		struct frame_spec s = stage_spec(WEB, API);
		unsigned int changes = next_random(&x) % 5;
		int verdict;

		s.sport = 1000;
		s.dport = 80;
		s.tcp_flags = (uint8_t)next_random(&x);
		s.protocol = protocols[next_random(&x) % sizeof(protocols)];
		s.options = next_random(&x) % 4 ? 0 : (uint8_t)(next_random(&x) % 11);
		s.payload = next_random(&x) % 2 ? 0 : (uint16_t)(next_random(&x) % 200);
		s.frag = next_random(&x) % 4 ? 0 : (uint16_t)next_random(&x);
		s.icmp_type = (uint8_t)(next_random(&x) % 16);
		if (next_random(&x) % 8 == 0) {
			frame_ipv4(&whole, &s);
			frame_icmp_error(&f, &s, (uint8_t)(next_random(&x) % 16), &whole);
		} else {
			frame_ipv4(&f, &s);
		}
		while (changes--)
			f.b[next_random(&x) % (next_random(&x) % 2 ? 64 : f.len)] =
				(uint8_t)next_random(&x);
		if (next_random(&x) % 4 == 0)
			f.len = 14 + next_random(&x) % (f.len - 13);
		verdict = stage_run(WEB, OUT, &f);
		passed += verdict == PASS;
		if ((verdict != PASS && verdict != DROP) || (verdict == PASS && must_drop(&f))) {
			wrong++;
			bad = f;
		}
	}
	for (size_t i = 0; i < bad.len; i++)
		printf("%s%02x%s", i % 32 ? "" : "# ", bad.b[i], i % 32 == 31 ? "\n" : "");
	if (bad.len)
		putchar('\n');
	ok(wrong == 0 && n > 1000,
	   "no changed frame passes that a strict reading drops (%u frames)", n);
	ok(passed > n / 20 && passed < n, "some pass, some do not (%u)", passed);
	c = stage_counters(stage.pods[WEB].slot, OUT);
	for (int i = 0; i < RAST_DROP_MAX; i++)
		counted += c.dropped[i];
	ok(c.packets == passed && counted + stage.refused - refused == n - passed,
	   "every one is counted once");
	stage_events();
}
