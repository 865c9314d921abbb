// SPDX-License-Identifier: BSD-2-Clause
/* Differences of JSON values, their view for people, and YAML text that reads back. */
#include "store_dir.h"

#include "base/yaml.h"

#include <string.h>

/* "path op old new; …" */
static char *diff_line(const char *a, const char *b)
{
	json_t *old = a ? json_of(a) : NULL, *new = b ? json_of(b) : NULL;
	json_t *d = rast_diff(old, new), *e;
	char *text = calloc(1, 4096);
	size_t i, n = 0;

	assert_non_null(d);
	json_array_foreach(d, i, e) {
		json_t *eo = json_object_get(e, "old"), *en = json_object_get(e, "new");
		char *o = eo ? rast_json_canonical(eo) : NULL;
		char *w = en ? rast_json_canonical(en) : NULL;

		n += (size_t)snprintf(text + n, 4096 - n, "%s%s %s %s>%s", i ? "; " : "",
				      json_string_value(json_object_get(e, "path")),
				      json_string_value(json_object_get(e, "op")), o ? o : "",
				      w ? w : "");
		free(o);
		free(w);
	}
	json_decref(d);
	json_decref(old);
	json_decref(new);
	return text;
}

static void a_difference_names_path_old_and_new(void **state)
{
	static const struct {
		const char *old, *new, *want;
	} table[] = {
		{"{\"a\":1}", "{\"a\":1}", ""},
		{"{\"a\":1}", "{\"a\":2}", "a change 1>2"},
		{"{\"a\":1}", "{\"a\":1.0}", "a change 1>1.0"},
		{"{}", "{\"a\":null}", "a add >null"},
		{"{\"a\":{\"b\":[1,2]}}", "{\"a\":{\"b\":[1,3]}}", "a.b[1] change 2>3"},
		{"{\"a\":{}}", "{\"a\":[]}", "a change {}>[]"},
		{"{\"b\":1,\"a\":1}", "{}", "a remove 1>; b remove 1>"},
		{"{\"l\":{\"app.io/x\":\"1\"}}", "{\"l\":{\"app.io/x\":\"2\"}}",
		 "l[\"app.io/x\"] change \"1\">\"2\""},
		{"[1,2,3]", "[0,1,2,3]", "[0] add >0"},
		{"[1,2,3]", "[1,3]", "[1] remove 2>"},
		{"[{\"n\":1,\"v\":1},{\"n\":2}]", "[{\"n\":1,\"v\":5},{\"n\":2}]",
		 "[0].v change 1>5"},
		{"[1,2,3,4]", "[2,9,4,5]", "[0] remove 1>; [1] change 3>9; [3] add >5"},
		{NULL, "{\"a\":1}", " add >{\"a\":1}"},
		{"3", NULL, " remove 3>"},
		{NULL, NULL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char *got = diff_line(table[i].old, table[i].new);

		assert_string_equal(got, table[i].want);
		free(got);
	}
}

static char *text_of(const char *a, const char *b)
{
	json_t *old = a ? json_of(a) : NULL, *new = b ? json_of(b) : NULL;
	char *text = rast_diff_text(old, new, "one", "two");

	json_decref(old);
	json_decref(new);
	assert_non_null(text);
	return text;
}

static void the_text_is_a_unified_diff_of_yaml(void **state)
{
	char *t = text_of("{\"kind\":\"X\",\"spec\":{\"p\":[{\"port\":1},{\"port\":2}]}}",
			  "{\"kind\":\"X\",\"spec\":{\"p\":[{\"port\":1},{\"port\":3}]}}");

	assert_string_equal(t, "--- one\n+++ two\n@@ -2,4 +2,4 @@\n spec:\n   p:\n"
			       "   - port: 1\n-  - port: 2\n+  - port: 3\n");
	free(t);
	t = text_of("{\"a\":1}", "{\"a\":1}");
	assert_string_equal(t, "");
	free(t);
	t = text_of(NULL, "{\"a\":1}");
	assert_string_equal(t, "--- one\n+++ two\n@@ -0,0 +1,1 @@\n+a: 1\n");
	free(t);
}

static void changes_that_are_far_apart_get_hunks_of_their_own(void **state)
{
	char *t = text_of("[0,1,2,3,4,5,6,7,8,9,10,11]", "[99,1,2,3,4,5,6,7,8,9,10,98]");

	assert_string_equal(t, "--- one\n+++ two\n@@ -1,4 +1,4 @@\n-- 0\n+- 99\n - 1\n - 2\n - 3\n"
			       "@@ -9,4 +9,4 @@\n - 8\n - 9\n - 10\n-- 11\n+- 98\n");
	free(t);
}

static void yaml_text_reads_back_as_the_same_value(void **state)
{
	static const char *const table[] = {
		"{\"a\":\"yes\",\"b\":\"1\",\"c\":\"null\",\"d\":\"\",\"e\":\"x: y\",\"f\":\"-\"}",
		"{\"a\":[[1,[2]],{\"b\":[]},{}],\"c\":{\"d\":{\"e\":null}}}",
		"{\"text\":\"two\\nlines\\n\\ttab \\\"quoted\\\" #no comment\",\"n\":-1.5e10}",
		"{\"y\":\"a\",\"on\":true,\"app.io/x\":\"v\",\"with space\":1,\"0\":\"0x1f\"}",
		"[]",
		"[{\"k\":[{\"z\":1,\"a\":\"\u00fc\"}]},\"/usr/bin/x\",\"*alias\",\"&a\",\"!t\"]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		json_t *v = json_of(table[i]), *back;
		char *text = rast_json_yaml(v);
		struct rast_yaml *y = NULL;
		struct rast_err err = {0};

		if (rast_yaml_parse("text", text, strlen(text), &y, &err) < 0)
			fail_msg("%s in:\n%s", err.text, text);
		back = rast_yaml_to_json(rast_yaml_root(y, 0));
		if (!json_equal(v, back))
			fail_msg("not the same:\n%s", text);
		json_decref(back);
		json_decref(v);
		rast_yaml_destroy(y);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference_names_path_old_and_new),
		cmocka_unit_test(the_text_is_a_unified_diff_of_yaml),
		cmocka_unit_test(changes_that_are_far_apart_get_hunks_of_their_own),
		cmocka_unit_test(yaml_text_reads_back_as_the_same_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
