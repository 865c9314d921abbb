// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changed and cut IPv6 frames through policy_out, judged by a second, strict reading of the bytes. Part of
 * bpf_policy6; RAST_SEED=N repeats a run.
 */
#include "selftests/bpf/policy_stage.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOP = 0, DEST = 60, SYN = 0x02 };

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* A second, strict reading: from whom, and that it is all there. Link-local sources are ND's. */
static bool must_drop(const struct frame *f)
{
	const struct pod *web = &stage.pods[WEB];
	static const uint8_t none[16];
	uint8_t local[16];

	stage_local6(web, local);
	if (f->len < 54 || memcmp(f->b + 6, web->mac, 6) != 0 || f->b[12] != 0x86 ||
	    f->b[13] != 0xdd || f->b[14] >> 4 != 6 || 54u + (f->b[18] << 8 | f->b[19]) > f->len)
		return true;
	if (memcmp(f->b + 22, web->addr6, 16) != 0)
		return f->b[21] != 255 ||
		       (memcmp(f->b + 22, local, 16) != 0 && memcmp(f->b + 22, none, 16) != 0);
	/* Ports of a plain packet: 81 is denied. */
	return (f->b[20] == IPPROTO_TCP || f->b[20] == IPPROTO_UDP) && f->b[56] == 0 &&
	       f->b[57] == 81;
}

void stage_mutate6(void)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMPV6,
					    47};
	uint64_t x = (uint64_t)time(NULL) << 20 | 1, counted = 0;
	const char *given = getenv("RAST_SEED");
	unsigned int n = 0, wrong = 0, passed = 0, refused = stage.refused;
	time_t end = time(NULL) + 3;
	struct rast_link_counters c;
	struct frame f, quoted;

	if (given)
		x = strtoull(given, NULL, 10);
	printf("# RAST_SEED=%llu\n", (unsigned long long)x);
	stage_reset_image();
	stage_forget();
	for (int k = 0; k < N_PEER; k++)
		stage_cell(OUT, WEB, k, -1, true, 20);
	/* TCP and UDP 81 are in the class of the rest, with everything random: so give them their own. */
	stage.image->port_class[RAST_PROTO_TCP][81] = PORT_53;
	stage.image->port_class[RAST_PROTO_UDP][81] = PORT_53;
	stage.image->port_class[RAST_PROTO_UDP][53] = PORT_REST;
	for (int k = 0; k < N_PEER; k++)
		stage_cell(OUT, WEB, k, PORT_53, false, 21);
	stage_apply();
	for (; n < 200000 && time(NULL) < end; n++) {
		struct frame6_spec s = stage_spec6(WEB, API);
		unsigned int changes = next_random(&x) % 4, headers = next_random(&x) % 4;
		int verdict;

		s.l4.sport = 1000;
		s.l4.dport = next_random(&x) % 2 ? 80 : 81;
		s.l4.tcp_flags = SYN;
		s.l4.protocol = protocols[next_random(&x) % sizeof(protocols)];
		s.l4.payload = (uint16_t)(next_random(&x) % 100);
		s.l4.icmp_type = (uint8_t)next_random(&x);
		if (next_random(&x) % 2)
			headers = 0;
		while (headers--)
			switch (next_random(&x) % 5) {
			case 0:
				frame6_options(&s, next_random(&x) % 4 ? DEST : HOP,
					       (uint8_t)(1 + next_random(&x) % 3));
				break;
			case 1:
				frame6_routing(&s, (uint8_t)(next_random(&x) % 5),
					       next_random(&x) % 4 == 0);
				break;
			case 2:
				frame6_auth(&s);
				break;
			default:
				frame6_fragment(&s, (uint16_t)(next_random(&x) % 3 * 8 & 0xfff8),
						next_random(&x) & 1, 7);
			}
		if (next_random(&x) % 8 == 0) {
			frame6(&quoted, &s);
			frame6_error(&f, &s, (uint8_t)(next_random(&x) % 6), &quoted, 60);
		} else if (next_random(&x) % 8 == 0) {
			frame6_neighbour(&f, &s, (uint8_t)(133 + next_random(&x) % 5),
					 (uint8_t)next_random(&x), s.src, 2, s.l4.smac);
		} else {
			frame6(&f, &s);
		}
		while (changes--)
			f.b[next_random(&x) % (next_random(&x) % 2 ? 70 : f.len)] =
				(uint8_t)next_random(&x);
		if (next_random(&x) % 4 == 0)
			f.len = 34 + next_random(&x) % (f.len - 33);
		f.b[12] = 0x86;
		f.b[13] = 0xdd;
		verdict = stage_run(WEB, OUT, &f);
		passed += verdict == PASS;
		if ((verdict != PASS && verdict != DROP) || (verdict == PASS && must_drop(&f))) {
			for (size_t i = 0; !wrong && i < f.len; i++)
				printf("%s%02x%s", i % 32 ? "" : "# ", f.b[i],
				       i % 32 == 31 || i + 1 == f.len ? "\n" : "");
			wrong++;
		}
	}
	ok(wrong == 0 && n > 1000, "no changed frame passes that a strict reading drops (%u of %u)",
	   wrong, n);
	ok(passed > n / 20 && passed < n, "some pass, some do not (%u)", passed);
	c = stage_counters(stage.pods[WEB].slot, OUT);
	for (int i = 0; i < RAST_DROP_MAX; i++)
		counted += c.dropped[i];
	ok(c.packets == passed && counted + stage.refused - refused == n - passed,
	   "every one is counted once");
	stage_events();
}
