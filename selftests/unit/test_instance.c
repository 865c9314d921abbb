// SPDX-License-Identifier: BSD-2-Clause
/* Names and places of an instance: the default, others beside it, and what is refused. */
#include "base/instance.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	return unsetenv("RAST_INSTANCE") || unsetenv("RAST_POD_CIDR");
}

static void the_default_has_the_well_known_places(void **state)
{
	struct rast_instance in;

	assert_int_equal(rast_instance_init(&in, NULL, NULL), 0);
	assert_string_equal(in.name, "rastos");
	assert_string_equal(in.run_dir, "/run/rastos");
	assert_string_equal(in.lib_dir, "/var/lib/rastos");
	assert_string_equal(in.bpf_dir, "/sys/fs/bpf/rastos");
	assert_string_equal(in.cgroup, "rastos");
	assert_string_equal(in.bridge, "rastos0");
	assert_string_equal(in.socket, "/run/rastos/rastd.sock");
	assert_int_equal(in.pod_cidr, 10 << 24 | 77 << 16);
	assert_int_equal(in.pod_prefix, 16);
}

static void the_argument_comes_before_the_environment(void **state)
{
	struct rast_instance in;

	assert_int_equal(setenv("RAST_INSTANCE", "fromenv", 1), 0);
	assert_int_equal(rast_instance_init(&in, NULL, NULL), 0);
	assert_string_equal(in.name, "fromenv");
	assert_int_equal(rast_instance_init(&in, "arg", NULL), 0);
	assert_string_equal(in.name, "arg");
	assert_int_equal(setenv("RAST_INSTANCE", "", 1), 0);
	assert_int_equal(rast_instance_init(&in, NULL, NULL), 0);
	assert_string_equal(in.name, "rastos");
}

static void other_instances_stay_out_of_the_default_range(void **state)
{
	char name[16];

	for (int i = 0; i < 5000; i++) {
		struct rast_instance in;

		(void)snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(rast_instance_init(&in, name, NULL), 0);
		assert_int_equal(in.pod_prefix, 20);
		assert_int_equal(in.pod_cidr & 0xfff, 0);
		assert_int_equal(in.pod_cidr >> 22, 10 << 2 | 1); /* 10.64.0.0/10 */
		assert_int_not_equal(in.pod_cidr >> 16, 10 << 8 | 77);
	}
}

static void the_longest_name_fits_everywhere(void **state)
{
	struct rast_instance in;

	assert_int_equal(rast_instance_init(&in, "abcdefghijk", NULL), 0);
	assert_string_equal(in.bridge, "abcdefghijk0");
	assert_string_equal(in.socket, "/run/abcdefghijk/rastd.sock");
}

static void bad_names_and_ranges_are_refused(void **state)
{
	static const char *const names[] = {"abcdefghijkl", "1abc", "Abc", "a-b",
					    "a/b",          "..",   "a b", "\xc3\xa4"};
	static const char *const ranges[] = {
		"10.0.0.0",     "10.0.0.0/8", "10.0.0.0/29", "10.0.0.1/16", "10.0.0/16",
		"10.0.0.0/16x", "x/16",       "/16",         "fd00::/16",   "10.0.0.0/"};
	struct rast_instance in = {.name = "untouched"};
	struct rast_err err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		rast_err_clear(&err);
		assert_int_equal(rast_instance_init(&in, names[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "instance name"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		rast_err_clear(&err);
		assert_int_equal(setenv("RAST_POD_CIDR", ranges[i], 1), 0);
		assert_int_equal(rast_instance_init(&in, NULL, &err), -EINVAL);
		assert_non_null(strstr(err.text, "RAST_POD_CIDR="));
	}
	assert_string_equal(in.name, "untouched");
	assert_int_equal(setenv("RAST_POD_CIDR", "192.168.16.0/24", 1), 0);
	assert_int_equal(rast_instance_init(&in, NULL, &err), 0);
	assert_int_equal(in.pod_cidr, 192u << 24 | 168 << 16 | 16 << 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_default_has_the_well_known_places, setup),
		cmocka_unit_test_setup(the_argument_comes_before_the_environment, setup),
		cmocka_unit_test_setup(other_instances_stay_out_of_the_default_range, setup),
		cmocka_unit_test_setup(the_longest_name_fits_everywhere, setup),
		cmocka_unit_test_setup(bad_names_and_ranges_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
