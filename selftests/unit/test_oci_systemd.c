// SPDX-License-Identifier: BSD-2-Clause
/* What systemd is told of a container: names of units, values of annotations, limits as properties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/systemd_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct name_row {
	const char *path, *slice, *unit, *error;
};

static void test_a_unit_is_named_by_slice_prefix_and_name(void **state)
{
	static char long_name[300];
	const struct name_row t[] = {
		{"system.slice:pre:n", "system.slice", "pre-n.scope", NULL},
		{NULL, "system.slice", "rast-oci-a\\x2bb.scope", NULL},
		{":pre:n", "system.slice", "pre-n.scope", NULL},
		{"::n", "system.slice", "n.scope", NULL},
		{"-:a:n", "-.slice", "a-n.scope", NULL},
		{"-.slice:a:n", "-.slice", "a-n.scope", NULL},
		{"a-b-c.slice:cri-containerd:0a1b", "a-b-c.slice", "cri-containerd-0a1b.scope",
		 NULL},
		{"x.slice:a.b:c_d\\x2d", "x.slice", "a.b-c_d\\x2d.scope", NULL},
		{"", NULL, NULL, "want \"slice:prefix:name\""},
		{"/a/b", NULL, NULL, "want \"slice:prefix:name\""},
		{"a.slice:b", NULL, NULL, "want \"slice:prefix:name\""},
		{"a.slice:b:c:d", NULL, NULL, "want \"slice:prefix:name\""},
		{"a:b:c", NULL, NULL, "\"a\" is no name of a slice"},
		{".slice:b:c", NULL, NULL, "\".slice\" is no name of a slice"},
		{"a.slice.service:b:c", NULL, NULL, "is no name of a slice"},
		{"-a.slice:b:c", NULL, NULL, "is no name of a slice"},
		{"a-.slice:b:c", NULL, NULL, "is no name of a slice"},
		{"a--b.slice:b:c", NULL, NULL, "is no name of a slice"},
		{"a/b.slice:b:c", NULL, NULL, "is no name of a slice"},
		{"a@b.slice:b:c", NULL, NULL, "is no name of a slice"},
		{"a.slice:b:", NULL, NULL, "has an empty name"},
		{"a.slice:b:c/d", NULL, NULL, "\"b-c/d\" is no name of a unit"},
		{"a.slice:b c:d", NULL, NULL, "is no name of a unit"},
		{"a.slice:b@:d", NULL, NULL, "is no name of a unit"},
		{long_name, NULL, NULL, "at most 255"},
	};
	size_t i;

	memset(long_name, 'x', sizeof(long_name) - 1);
	memcpy(long_name, "a.slice:b:", 10);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct oci_unit_name u = {.unit = "untouched"};
		struct rast_err err = {0};
		int r = oci_unit_name_parse(t[i].path, "a+b", false, &u, &err);

		if (t[i].error) {
			assert_int_equal(r, -err.code);
			assert_non_null(strstr(err.text, t[i].error));
			assert_non_null(strstr(err.text, "linux.cgroupsPath: "));
			assert_string_equal(u.unit, "untouched");
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(u.slice, t[i].slice);
		assert_string_equal(u.unit, t[i].unit);
	}
}

static void test_a_users_containers_are_in_user_slice(void **state)
{
	struct oci_unit_name u;

	assert_int_equal(oci_unit_name_parse(NULL, "i", true, &u, NULL), 0);
	assert_string_equal(u.slice, "user.slice");
	assert_int_equal(oci_unit_name_parse(":p:n", "i", true, &u, NULL), 0);
	assert_string_equal(u.slice, "user.slice");
}

/* All words, with a bar between. */
static const char *joined(const struct oci_words *w)
{
	static char buf[4096];
	size_t n = 0, i;

	buf[0] = '\0';
	for (i = 0; i < w->n; i++)
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s", i ? "|" : "", w->v[i]);
	return buf;
}

struct value_row {
	const char *text, *words, *error;
};

static void run_values(const struct value_row *t, size_t n, bool usec)
{
	struct oci_words *w = malloc(sizeof(*w));
	size_t i;

	assert_non_null(w);
	for (i = 0; i < n; i++) {
		struct rast_err err = {0};
		int r;

		w->n = w->used = 0;
		w->full = false;
		r = oci_words_add_value(w, "k", t[i].text, usec, &err);
		if (t[i].error) {
			if (r == 0)
				fail_msg("%s is taken as %s", t[i].text, joined(w));
			assert_int_equal(r, -err.code);
			if (!strstr(err.text, t[i].error) || !strstr(err.text, "annotations.k: "))
				fail_msg("%s: \"%s\"", t[i].text, err.text);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", t[i].text, err.text);
		assert_string_equal(joined(w), t[i].words);
	}
	free(w);
}

static void test_values_are_read_as_gvariant_writes_them(void **state)
{
	static const struct value_row t[] = {
		{"true", "b|true", NULL},
		{" false ", "b|false", NULL},
		{"boolean true", "b|true", NULL},
		{"15", "i|15", NULL},
		{"-15", "i|-15", NULL},
		{"+7", "i|7", NULL},
		{"0x1f", "i|31", NULL},
		{"uint64 18446744073709551615", "t|18446744073709551615", NULL},
		{"int64 -9223372036854775808", "x|-9223372036854775808", NULL},
		{"int64 -9223372036854775809", NULL, "out of the range"},
		{"@t 5", "t|5", NULL},
		{"byte 0xff", "y|255", NULL},
		{"byte 256", NULL, "out of the range"},
		{"int16 -32768", "n|-32768", NULL},
		{"uint16 -1", NULL, "out of the range"},
		{"uint32 4294967296", NULL, "out of the range"},
		{"uint64 18446744073709551616", NULL, "no number"},
		{"2147483647", "i|2147483647", NULL},
		{"2147483648", NULL, "out of the range"},
		{"-0", "i|0", NULL},
		{"1.5", "d|1.5", NULL},
		{"double 2", "d|2", NULL},
		{"1e3", "d|1000", NULL},
		{"inf", NULL, "no number"},
		{"'text'", "s|text", NULL},
		{"\"it's\"", "s|it's", NULL},
		{"'a\\'b\\\\c\\n\\u00e4\\U0001f600'", "s|a'b\\c\n\xc3\xa4\xf0\x9f\x98\x80", NULL},
		{"'\\u0000'", NULL, "no character"},
		{"'\\ud800'", NULL, "no character"},
		{"'\\u12'", NULL, "no character"},
		{"'\\U00110000'", NULL, "no character"},
		{"''", "s|", NULL},
		{"objectpath '/a'", "o|/a", NULL},
		{"['a', 'b']", "as|2|a|b", NULL},
		{"[ 1 ,2 ]", "ai|2|1|2", NULL},
		{"[1, 2.5]", "ad|2|1|2.5", NULL},
		{"[uint32 1, 2]", "au|2|1|2", NULL},
		{"@as []", "as|0", NULL},
		{"@au [1]", "au|1|1", NULL},
		{"@ay [0x01, 255]", "ay|2|1|255", NULL},
		{"[]", NULL, "without a type"},
		{"[uint32 1, uint64 2]", NULL, "different types"},
		{"[1, 'a']", NULL, "another type"},
		{"[true, 1]", NULL, "another type"},
		{"['a' 'b']", NULL, "want , or ]"},
		{"['a',]", NULL, "no value"},
		{"['a'", NULL, "want , or ]"},
		{"[", NULL, "no value"},
		{"", NULL, "no value"},
		{"   ", NULL, "no value"},
		{"'open", NULL, "does not end"},
		{"'open\\", NULL, "does not end"},
		{"1 2", NULL, "more than one"},
		{"uint64 'a'", NULL, "another type"},
		{"uint64 1.5", NULL, "another type"},
		{"string 5", NULL, "another type"},
		{"uint64", NULL, "no value"},
		{"uint64 [1]", NULL, "want a value of the type"},
		{"@t [1]", NULL, "want a value of the type"},
		{"@as 'a'", NULL, "want a value of the type"},
		{"@a{sv} {}", NULL, "type that is not known"},
		{"@", NULL, "type that is not known"},
		{"@a", NULL, "type that is not known"},
		{"(1, 2)", NULL, "no value"},
		{"{'a': 1}", NULL, "no value"},
		{"<1>", NULL, "no value"},
		{"[[1]]", NULL, "no value"},
		{"maybe", NULL, "no number"},
		{"--5", NULL, "no number"},
		{"5x", NULL, "no number"},
	};

	run_values(t, ARRAY_SIZE(t), false);
}

static void test_seconds_become_microseconds(void **state)
{
	static const struct value_row t[] = {
		{"5", "t|5000000", NULL},
		{"uint64 7", "t|7000000", NULL},
		{"1.5", "t|1500000", NULL},
		{"-1", NULL, "no number of seconds"},
		{"-1.5", NULL, "no number of seconds"},
		{"uint64 18446744073709551615", NULL, "no number of seconds"},
		{"1e30", NULL, "no number of seconds"},
		{"'5'", NULL, "no number of seconds"},
		{"[5]", NULL, "no number of seconds"},
	};

	run_values(t, ARRAY_SIZE(t), true);
}

static void test_annotations_name_properties(void **state)
{
	static const struct {
		struct rast_oci_kv kv;
		const char *words, *error;
	} t[] = {
		{{"org.systemd.property.KillSignal", "15"}, "KillSignal|i|15", NULL},
		{{"org.systemd.property.TimeoutStopSec", "3"}, "TimeoutStopUSec|t|3000000", NULL},
		{{"org.systemd.property.Sec", "3"}, "Sec|i|3", NULL},
		{{"org.systemd.propertyX", "("}, "", NULL},
		{{"other", "("}, "", NULL},
		{{"org.systemd.property.", "1"}, NULL, "no name of a property"},
		{{"org.systemd.property.A b", "1"}, NULL, "no name of a property"},
		{{"org.systemd.property.?X", "1"}, NULL, "no name of a property"},
		{{"org.systemd.property.Slice", "'a.slice'"}, NULL, "sets this itself"},
		{{"org.systemd.property.PIDs", "[uint32 1]"}, NULL, "sets this itself"},
	};
	struct oci_words *w = malloc(sizeof(*w));
	size_t i;

	assert_non_null(w);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct rast_oci_spec spec = {.annotations = &t[i].kv, .n_annotations = 1};
		struct rast_err err = {0};
		int r;

		w->n = w->used = 0;
		w->full = false;
		r = oci_words_add_annotations(w, &spec, &err);
		assert_int_equal(r < 0, t[i].error != NULL);
		if (t[i].error)
			assert_non_null(strstr(err.text, t[i].error));
		else
			assert_string_equal(joined(w), t[i].words);
	}
	free(w);
}

static void test_too_many_words_are_an_error(void **state)
{
	struct oci_words *w = calloc(1, sizeof(*w));
	struct rast_err err = {0};
	size_t i;

	assert_non_null(w);
	for (i = 0; i < OCI_MAX_WORDS; i++)
		oci_words_add(w, "%zu", i);
	assert_int_equal(oci_words_check(w, &err), 0);
	oci_words_add(w, "one more");
	assert_int_equal(oci_words_check(w, &err), -E2BIG);
	assert_null(w->v[w->n]);
	free(w);
}

static void limits(const struct rast_oci_resources *res, unsigned int v2, const char *want)
{
	struct oci_words *w = calloc(1, sizeof(*w));
	struct oci_resources *files = malloc(sizeof(*files));

	assert_non_null(w);
	assert_non_null(files);
	assert_int_equal(oci_resources_init(files, res, NULL), 0);
	assert_int_equal(oci_words_add_limits(w, files, v2, NULL), 0);
	assert_string_equal(joined(w), want);
	free(w);
	free(files);
}

static void test_limits_are_properties_under_either_versions_names(void **state)
{
	struct rast_oci_resources res = {
		.memory.limit = {1 << 20, true},
		.memory.reservation = {4096, true},
		.memory.swap = {3 << 20, true},
		.cpu.shares = {1024, true},
		.cpu.quota = {12345, true},
		.cpu.cpus = "0-1,9",
		.pids_limit = {7, true},
	};

	limits(&res, ~0u,
	       "MemoryMax|t|1048576|MemoryLow|t|4096|MemorySwapMax|t|2097152|CPUWeight|t|100|"
	       "CPUQuotaPerSecUSec|t|130000|?CPUQuotaPeriodUSec|t|100000|?AllowedCPUs|ay|2|3|2|"
	       "TasksMax|t|7");
	limits(&res, 0,
	       "MemoryLimit|t|1048576|CPUShares|t|1024|CPUQuotaPerSecUSec|t|130000|"
	       "?CPUQuotaPeriodUSec|t|100000|TasksMax|t|7");
}

static void test_no_limit_is_infinity(void **state)
{
	struct rast_oci_resources res = {
		.memory.limit = {-1, true},
		.cpu.quota = {-1, true},
		.pids_limit = {-1, true},
	};

	limits(&res, ~0u,
	       "MemoryMax|t|18446744073709551615|CPUQuotaPerSecUSec|t|18446744073709551615|"
	       "?CPUQuotaPeriodUSec|t|100000|TasksMax|t|18446744073709551615");
	limits(&res, 1u << RAST_CG_CPU,
	       "MemoryLimit|t|18446744073709551615|CPUQuotaPerSecUSec|t|18446744073709551615|"
	       "?CPUQuotaPeriodUSec|t|100000|TasksMax|t|18446744073709551615");
}

static void test_files_of_unified_are_known_by_their_names(void **state)
{
	static const struct rast_oci_kv files[] = {
		{"memory.high", "4096"},     {"cpu.max", "50000 200000"}, {"cpuset.mems", "0"},
		{"io.weight", "default 50"}, {"cpu.max.burst", "1"},      {"memory.oom.group", "1"},
	};
	struct rast_oci_resources res = {.unified = files, .n_unified = ARRAY_SIZE(files)};

	limits(&res, ~0u,
	       "MemoryHigh|t|4096|CPUQuotaPerSecUSec|t|250000|?CPUQuotaPeriodUSec|t|200000|"
	       "?AllowedMemoryNodes|ay|1|1|IOWeight|t|50");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_unit_is_named_by_slice_prefix_and_name),
		cmocka_unit_test(test_a_users_containers_are_in_user_slice),
		cmocka_unit_test(test_values_are_read_as_gvariant_writes_them),
		cmocka_unit_test(test_seconds_become_microseconds),
		cmocka_unit_test(test_annotations_name_properties),
		cmocka_unit_test(test_too_many_words_are_an_error),
		cmocka_unit_test(test_limits_are_properties_under_either_versions_names),
		cmocka_unit_test(test_no_limit_is_infinity),
		cmocka_unit_test(test_files_of_unified_are_known_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
