// SPDX-License-Identifier: BSD-2-Clause
/* Error text beside errno: the first error wins, and text is always printable. */
#include "base/err.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_code_comes_back_negative_with_or_without_a_struct(void **state)
{
	struct rast_err err = {0};

	assert_int_equal(rast_err_set(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(rast_err_set(&err, EPERM, "x"), -EPERM);
	assert_int_equal(err.code, EPERM);
}

static void the_first_error_wins(void **state)
{
	struct rast_err err = {0};

	(void)rast_err_set(&err, ENOENT, "cause %d", 1);
	assert_int_equal(rast_err_sys(&err, EBUSY, "cleanup"), -EBUSY);
	assert_int_equal(rast_err_at(&err, EINVAL, "f", 1, 2, "x", "later"), -EINVAL);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "cause 1");
	assert_string_equal(err.file, "");
	rast_err_clear(&err);
	(void)rast_err_sys(&err, EBUSY, "/dev/x");
	assert_string_equal(err.text, "/dev/x: Device or resource busy");
}

static void formats_only_the_parts_that_are_set(void **state)
{
	struct rast_err err = {0};
	char buf[1100];

	(void)rast_err_set(&err, EINVAL, "text");
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)), "text");
	rast_err_clear(&err);
	(void)rast_err_at(&err, EINVAL, "a.yaml", 0, 0, NULL, "text");
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)), "a.yaml: text");
	rast_err_clear(&err);
	(void)rast_err_at(&err, EINVAL, "a.yaml", 3, 7, "spec.x", "text");
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)), "a.yaml:3:7: spec.x: text");
	assert_int_equal(rast_err_prefix(&err, "pod %s", "web"), -EINVAL);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "a.yaml:3:7: spec.x: pod web: text");
}

static void long_text_is_cut_and_stays_a_string(void **state)
{
	struct rast_err err = {0};
	char big[4096], buf[1100];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)rast_err_at(&err, EINVAL, big, 1, 1, big, "%s", big);
	assert_int_equal(strlen(err.file), sizeof(err.file) - 1);
	assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)rast_err_prefix(&err, "%s", "p");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_in_range(strlen(rast_err_format(&err, buf, sizeof(buf))), 1, sizeof(buf) - 1);
}

static void text_that_is_not_utf8_or_moves_the_cursor_is_replaced(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac \xf0\x9f\x90\x9d", "\xe2\x82\xac \xf0\x9f\x90\x9d"},
		{"cut \xc3", "cut ?"},
		{"cut \xe2\x82", "cut ??"},
		{"bad \xff\xfe", "bad ??"},
		{"overlong \xc0\xaf", "overlong ??"},
		{"surrogate \xed\xa0\x80", "surrogate ???"},
		{"beyond \xf4\x90\x80\x80", "beyond ????"},
		{"\x1b[31mred", "?[31mred"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rast_err err = {0};

		(void)rast_err_set(&err, EINVAL, "%s", rows[i].in);
		assert_string_equal(err.text, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_comes_back_negative_with_or_without_a_struct),
		cmocka_unit_test(the_first_error_wins),
		cmocka_unit_test(formats_only_the_parts_that_are_set),
		cmocka_unit_test(long_text_is_cut_and_stays_a_string),
		cmocka_unit_test(text_that_is_not_utf8_or_moves_the_cursor_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
