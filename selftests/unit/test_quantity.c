// SPDX-License-Identifier: BSD-2-Clause
/* Kubernetes quantities: every suffix, rounding up, and the edges of 63 bits. */
#include "base/quantity.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void whole_units_follow_every_suffix(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
		{"0", 0},
		{"1", 1},
		{"+1", 1},
		{"1.", 1},
		{".5", 1},
		{"007", 7},
		{"64Ki", 65536},
		{"64Mi", 67108864},
		{"1.5Gi", 1610612736},
		{"1Ti", 1099511627776},
		{"1Pi", 1125899906842624},
		{"7Ei", 8070450532247928832u},
		{"1k", 1000},
		{"1M", 1000000},
		{"1G", 1000000000},
		{"1T", 1000000000000},
		{"1P", 1000000000000000},
		{"9E", 9000000000000000000u},
		{"1e3", 1000},
		{"1E3", 1000},
		{"12e-1", 2},
		{"9223372036854775807", INT64_MAX},
		{"0.000000000000000000000000000000000000000001", 1},
		{"0e30", 0},
		/* A part of a unit is a unit. */
		{"1n", 1},
		{"1500m", 2},
		{"1000001u", 2},
		{"1.0000001", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 99;

		assert_int_equal(rast_quantity_parse(rows[i].text, &v), 0);
		assert_int_equal(v, rows[i].want);
	}
}

static void milli_units_round_up(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
		{"250m", 250}, {"2", 2000}, {"0.1", 100},    {"1u", 1},
		{"1001u", 2},  {"1e-3", 1}, {"1k", 1000000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 99;

		assert_int_equal(rast_quantity_parse_milli(rows[i].text, &v), 0);
		assert_int_equal(v, rows[i].want);
	}
}

static void what_is_no_quantity_is_refused(void **state)
{
	static const char *const bad[] = {"",      " 1",   "1 ",    "-1",  ".",    "1..2",
					  "1.2.3", "Mi",   "1mi",   "1KI", "1ki",  "1K",
					  "1MiB",  "0x10", "1e",    "1e+", "1e31", "1ee",
					  "1e1k",  "+",    "1e3.5", "e3",  "١"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t v = 99;

		assert_int_equal(rast_quantity_parse(bad[i], &v), -EINVAL);
		assert_int_equal(v, 99);
	}
}

static void what_does_not_fit_is_out_of_range(void **state)
{
	static const char *const big[] = {"9223372036854775808",
					  "8Ei",
					  "10E",
					  "1e30",
					  "9999999999Ei",
					  "99999999999999999999999999999999999999999999999999"};

	for (size_t i = 0; i < ARRAY_SIZE(big); i++) {
		uint64_t v = 99;

		assert_int_equal(rast_quantity_parse(big[i], &v), -ERANGE);
		assert_int_equal(v, 99);
	}
	{
		uint64_t v = 99;

		assert_int_equal(rast_quantity_parse_milli("9223372036854775807", &v), -ERANGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_units_follow_every_suffix),
		cmocka_unit_test(milli_units_round_up),
		cmocka_unit_test(what_is_no_quantity_is_refused),
		cmocka_unit_test(what_does_not_fit_is_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
