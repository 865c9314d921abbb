// SPDX-License-Identifier: BSD-2-Clause
/*
 * The look-up of many IPv4 ranges against a walk through the ranges themselves, at every edge and at random
 * addresses: ranges scattered, crowded into one /16 or /24, and all of both.
 */
#include "policy/addr_trie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_N 60000u

static uint32_t seed = 1;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static int cmp(const void *a, const void *b)
{
	const struct rast_range4 *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static uint32_t walk(const struct rast_range4 *r, size_t n, uint32_t addr)
{
	size_t lo = 0, hi = n;

	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (r[mid].start <= addr)
			lo = mid;
		else
			hi = mid;
	}
	return r[lo].klass;
}

/* n starts below `prefix`, which has `bits` bits that are free; the first range begins at 0.0.0.0. */
static void compare(uint32_t prefix, unsigned int bits, size_t n)
{
	struct rast_range4 *r = calloc(n, sizeof(*r));
	uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
	struct rast_line *lines = NULL;
	size_t n_lines = 0, kept = 1;

	assert_non_null(r);
	for (size_t i = 1; i < n; i++)
		r[i].start = prefix | (draw() & mask);
	qsort(r, n, sizeof(*r), cmp);
	for (size_t i = 1; i < n; i++)
		if (r[i].start != r[kept - 1].start)
			r[kept++] = r[i];
	for (size_t i = 0; i < kept; i++)
		r[i].klass = draw() & 0xfffff;
	assert_int_equal(rast_addr_trie_build(r, kept, &lines, &n_lines), 0);
	for (size_t i = 0; i < kept; i++)
		for (uint32_t d = 0; d < 3; d++)
			assert_int_equal(rast_addr_trie_find(lines, r[i].start - 1 + d),
					 walk(r, kept, r[i].start - 1 + d));
	for (int i = 0; i < 20000; i++) {
		uint32_t a = i & 1 ? draw() : prefix | (draw() & mask);

		assert_int_equal(rast_addr_trie_find(lines, a), walk(r, kept, a));
	}
	free(lines);
	free(r);
}

static void test_every_address_has_the_class_of_its_range(void **state)
{
	(void)state;
	compare(0, 32, 1);
	compare(0, 32, 100);
	compare(0, 32, MAX_N);
	compare(0x0b000000, 24, MAX_N);
	compare(0x0b0c0000, 16, 9);
	compare(0x0b0c0000, 16, 3000);
	compare(0x0b0c0000, 16, MAX_N);
	compare(0x0b0c0d00, 8, 16);
	compare(0x0b0c0d00, 8, 200);
	compare(0xffffff00, 8, 200);
	for (size_t n = 2; n < 40; n++) {
		compare(0xffff0000, 16, n);
		compare(0x01020300, 8, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_has_the_class_of_its_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
