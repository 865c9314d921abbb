// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tens of thousands of address ranges through the programs: each verdict must be the image's own, at the
 * edges of ranges and at random addresses. Which of two classes an address has is all that differs.
 */
#include "policy/policy.h"
#include "selftests/bpf/policy_stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED 20000u

static uint32_t seed;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static int cmp4(const void *a, const void *b)
{
	const struct rast_range4 *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int cmp6(const void *a, const void *b)
{
	const struct rast_range6 *x = a, *y = b;

	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Ranges begin below prefix/mask; classes alternate at random. What is there twice falls out. */
static void apply(uint32_t n4, uint32_t prefix, uint32_t mask, uint32_t n6)
{
	struct rast_policy_image *im = stage.image;
	struct rast_range4 *r4 = calloc(n4, sizeof(*r4));
	struct rast_range6 *r6 = calloc(n6, sizeof(*r6));
	uint32_t kept4 = 1, kept6 = 1;

	if (!r4 || !r6)
		bail("out of memory");
	for (uint32_t i = 1; i < n4; i++)
		r4[i].start = prefix | (draw() & mask);
	for (uint32_t i = 1; i < n6; i++) {
		r6[i].hi = 0x20010db800000000 | (draw() & 0xffff);
		r6[i].lo = draw() & 1 ? 0 : (uint64_t)draw() << 32;
	}
	qsort(r4, n4, sizeof(*r4), cmp4);
	qsort(r6, n6, sizeof(*r6), cmp6);
	for (uint32_t i = 1; i < n4; i++)
		if (cmp4(&r4[i], &r4[kept4 - 1]) != 0)
			r4[kept4++] = r4[i];
	for (uint32_t i = 1; i < n6; i++)
		if (cmp6(&r6[i], &r6[kept6 - 1]) != 0)
			r6[kept6++] = r6[i];
	for (uint32_t i = 0; i < kept4; i++)
		r4[i].klass = (draw() & 1 ? BLOCKED : WORLD) - N_CLASS;
	for (uint32_t i = 0; i < kept6; i++)
		r6[i].klass = (draw() & 1 ? BLOCKED : WORLD) - N_CLASS;
	im->n_range4 = kept4;
	im->n_range6 = kept6;
	memcpy(rast_policy_image_ranges4(im), r4, kept4 * sizeof(*r4));
	memcpy(rast_policy_image_ranges6(im), r6, kept6 * sizeof(*r6));
	stage_deny_all();
	stage_cell(IN, API, WORLD, -1, true, 31);
	stage_cell(IN, API, BLOCKED, -1, false, 32);
	stage_apply();
	free(r4);
	free(r6);
}

static bool image_allows(const struct rast_policy_end *end)
{
	return rast_policy_image_verdict(stage.image, RAST_DIR_INGRESS, stage.pods[API].identity,
					 end, RAST_PROTO_UDP, 7) &
	       RAST_CELL_ALLOW;
}

static unsigned int wrong4(uint32_t prefix, uint32_t mask)
{
	const struct rast_range4 *r = rast_policy_image_ranges4(stage.image);
	unsigned int wrong = 0, allowed = 0;

	for (uint32_t i = 0; i < ASKED; i++) {
		struct rast_policy_end end = {.kind = RAST_END_ADDR4};
		struct frame_spec s = stage_spec(WEB, API);
		struct frame f;
		bool want;

		end.addr4 = i % 4 ? r[draw() % stage.image->n_range4].start - i % 2
				  : prefix | (draw() & mask);
		if (end.addr4 - stage.in.pod_cidr < 65536)
			continue;
		s.protocol = IPPROTO_UDP;
		s.src = end.addr4;
		s.dport = 7;
		frame_ipv4(&f, &s);
		want = image_allows(&end);
		wrong += (stage_run(API, IN, &f) == PASS) != want;
		allowed += want;
	}
	/* Else nothing was compared. */
	return allowed < ASKED / 8 ? ASKED : wrong;
}

static unsigned int wrong6(void)
{
	const struct rast_range6 *r = rast_policy_image_ranges6(stage.image);
	unsigned int wrong = 0, allowed = 0;

	for (uint32_t i = 0; i < ASKED; i++) {
		const struct rast_range6 *at = &r[draw() % stage.image->n_range6];
		struct rast_policy_end end = {.kind = RAST_END_ADDR6};
		struct frame6_spec s = stage_spec6(WEB, API);
		uint64_t hi = at->hi, lo = at->lo;
		struct frame f;
		bool want;

		if (i % 2)
			hi -= !lo--;
		if (i % 8 == 0)
			lo = (uint64_t)draw() << 32 | draw();
		/* No address that a packet may not come from. */
		if (hi >> 56 != 0x20)
			continue;
		for (int b = 0; b < 8; b++) {
			end.addr6[b] = (uint8_t)(hi >> (56 - 8 * b));
			end.addr6[8 + b] = (uint8_t)(lo >> (56 - 8 * b));
		}
		memcpy(s.src, end.addr6, 16);
		s.l4.protocol = IPPROTO_UDP;
		s.l4.dport = 7;
		frame6(&f, &s);
		want = image_allows(&end);
		wrong += (stage_run(API, IN, &f) == PASS) != want;
		allowed += want;
	}
	return allowed < ASKED / 8 ? ASKED : wrong;
}

static void round_of(uint32_t n4, uint32_t prefix, uint32_t mask, uint32_t n6)
{
	unsigned int w4, w6;

	apply(n4, prefix, mask, n6);
	w4 = wrong4(prefix, mask);
	w6 = wrong6();
	ok(!w4, "%u IPv4 ranges below %08x/%08x: the program says what the image says (%u wrong)",
	   stage.image->n_range4, prefix, ~mask, w4);
	ok(!w6, "%u IPv6 ranges: the program says what the image says (%u wrong)",
	   stage.image->n_range6, w6);
}

int main(void)
{
	const char *given = getenv("RAST_SEED");

	seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)(uintptr_t)&given | 1;
	printf("# RAST_SEED=%u\n", seed);
	stage_open("tscale");
	round_of(RAST_FEW_RANGES, 0, UINT32_MAX, RAST_FEW_RANGES);
	round_of(RAST_FEW_RANGES + 40, 0, UINT32_MAX, RAST_FEW_RANGES + 40);
	round_of(50000, 0, UINT32_MAX, 20000);
	round_of(50000, 0x0b000000, 0x00ffffff, 300);
	round_of(20000, 0x0b0c0000, 0x0000ffff, 3);
	round_of(200, 0xfffffe00, 0x000001ff, 100);
	return done();
}
