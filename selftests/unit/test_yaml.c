// SPDX-License-Identifier: BSD-2-Clause
/* The YAML front end: what a tree looks like, and the exact words about what is refused. */
#include "base/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Parses a whole text; on failure says the message, on success the documents as JSON lines. */
static char *outcome_len(const char *text, size_t len)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	char line[1100], *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	if (rast_yaml_parse("f.yaml", text, len, &y, &err) < 0) {
		assert_null(y);
		(void)fputs(rast_err_format(&err, line, sizeof(line)), f);
	}
	for (size_t i = 0; y && i < rast_yaml_count(y); i++) {
		_cleanup_json_ json_t *v = rast_yaml_to_json(rast_yaml_root(y, i));
		_cleanup_free_ char *s = NULL;

		assert_non_null(v);
		s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		assert_non_null(s);
		(void)fprintf(f, "%s%s", i ? "|" : "", s);
	}
	(void)fclose(f);
	return out;
}

static void check(const char *text, const char *want)
{
	_cleanup_free_ char *got = outcome_len(text, strlen(text));

	assert_string_equal(got, want);
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(rows[i].text, rows[i].want);
}

static void scalars_are_resolved_by_the_core_schema(void **state)
{
	static const struct row rows[] = {
		{"a: 1", "{\"a\":1}"},
		{"a: -12", "{\"a\":-12}"},
		{"a: +12", "{\"a\":12}"},
		{"a: 0x1F", "{\"a\":31}"},
		{"a: 0o17", "{\"a\":15}"},
		{"a: 0o", "{\"a\":\"0o\"}"},
		{"a: 0o-5", "{\"a\":\"0o-5\"}"},
		{"a: 0o8", "{\"a\":\"0o8\"}"},
		{"a: 0x", "{\"a\":\"0x\"}"},
		{"a: 08", "{\"a\":8}"},
		{"a: 1_000", "{\"a\":\"1_000\"}"},
		{"a: 9223372036854775807", "{\"a\":9223372036854775807}"},
		{"a: 1.5", "{\"a\":1.5}"},
		{"a: 1e999", "{\"a\":\"1e999\"}"},
		{"a: -", "f.yaml:1:4: block sequence entries are not allowed in this context"},
		{"a: .", "{\"a\":\".\"}"},
		{"a: +", "{\"a\":\"+\"}"},
		{"a: e", "{\"a\":\"e\"}"},
		{"a: .inf", "{\"a\":\".inf\"}"},
		{"a: true", "{\"a\":true}"},
		{"a: FALSE", "{\"a\":false}"},
		{"a: yes", "{\"a\":\"yes\"}"}, /* YAML 1.1's booleans are words */
		{"a: ~", "{\"a\":null}"},
		{"a:", "{\"a\":null}"},
		{"a: Null", "{\"a\":null}"},
		{"a: 'null'", "{\"a\":\"null\"}"},
		{"a: \"12\"", "{\"a\":\"12\"}"},
		{"a: !!str 12", "{\"a\":\"12\"}"},
		{"a: ! 12", "{\"a\":\"12\"}"},
		{"a: !!int 12", "{\"a\":12}"},
		{"a: |\n  1\n  2\n", "{\"a\":\"1\\n2\\n\"}"},
		{"a: >\n  1\n  2\n", "{\"a\":\"1 2\\n\"}"},
		{"<<: {a: 1}", "{\"<<\":{\"a\":1}}"}, /* merge keys are not in the core schema */
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void streams_hold_several_documents_and_skip_empty_ones(void **state)
{
	static const struct row rows[] = {
		{"", ""},
		{"# only a comment\n", ""},
		{"---\n---\na: 1\n---\n[2]\n...\n---\n", "{\"a\":1}|[2]"},
		{"{\"a\": [1, {\"b\": null}]}", "{\"a\":[1,{\"b\":null}]}"},
		{"- - - x", "[[[\"x\"]]]"},
		{"plain", "\"plain\""},
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void aliases_become_copies(void **state)
{
	check("a: &x {p: [1, 2]}\nb: *x\n", "{\"a\":{\"p\":[1,2]},\"b\":{\"p\":[1,2]}}");
	check("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
}

static void what_is_refused_is_named_with_its_place(void **state)
{
	static const struct row rows[] = {
		{"a: [1,2", "f.yaml:2:1: did not find expected ',' or ']'"},
		{"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: field \"a\" appears twice (first on line 1)"},
		{"x: {a: 1, \"a\": 2}", "f.yaml:1:11: field \"a\" appears twice (first on line 1)"},
		{"? [x]\n: y\n", "f.yaml:1:3: a map's key must be a plain name"},
		{"? {x: 1}\n: y\n", "f.yaml:1:3: a map's key must be a plain name"},
		{"a: *b", "f.yaml:1:4: alias to an anchor that is not defined before it"},
		{"a: &b [*b]", "f.yaml:1:8: alias to an anchor that is not defined before it"},
		{"---\na: &b 1\n---\na: *b\n",
		 "f.yaml:4:4: alias to an anchor that is not defined before it"},
		{"a: !foo x",
		 "f.yaml:1:4: tag that does not fit here or is outside the YAML core schema"},
		{"a: !!python/object x",
		 "f.yaml:1:4: tag that does not fit here or is outside the YAML core schema"},
		{"a: !!seq x",
		 "f.yaml:1:4: tag that does not fit here or is outside the YAML core schema"},
		{"a: !!map [1]",
		 "f.yaml:1:4: tag that does not fit here or is outside the YAML core schema"},
		{"a:\n\t- b\n", "f.yaml:2:1: found character that cannot start any token"},
		{"a: \"\\0\"", "f.yaml:1:4: NUL byte in a string"},
		{"\"a\\0b\": 1", "f.yaml:1:1: NUL byte in a string"},
		{"b: 1\na: \xff", "f.yaml:2:4: invalid leading UTF-8 octet"},
		{"b: \xc3\xa9 \xc3\x28", "f.yaml:1:7: invalid trailing UTF-8 octet"},
		{"a: \x01", "f.yaml:1:4: control characters are not allowed"},
		{"a b: c: d", "f.yaml:1:7: mapping values are not allowed in this context"},
		{"%YAML 1.3\n---\na: b\n", "f.yaml:1:1: found incompatible YAML document"},
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void a_nul_byte_in_the_text_is_refused(void **state)
{
	static const char text[] = "a: b\0c";
	_cleanup_free_ char *got = outcome_len(text, sizeof(text) - 1);

	assert_string_equal(got, "f.yaml:1:5: control characters are not allowed");
}

static void an_alias_bomb_is_stopped(void **state)
{
	char text[2048];
	size_t n = 0;

	n += (size_t)snprintf(text + n, sizeof(text) - n, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	check(text, "f.yaml:6:38: more than 1000000 nodes, aliases expanded");
}

static void deep_nesting_is_stopped(void **state)
{
	char text[256];

	memset(text, '[', 65);
	text[65] = '\0';
	check(text, "f.yaml:1:65: nested deeper than 64 levels");
	/* By way of aliases too: 40 levels in 40 levels. */
	memset(text, 0, sizeof(text));
	(void)strcpy(text, "- &a ");
	memset(text + 5, '[', 40);
	memset(text + 45, ']', 40);
	(void)strcpy(text + 85, "\n- ");
	memset(text + 88, '[', 40);
	(void)strcpy(text + 128, "*a");
	memset(text + 130, ']', 40);
	check(text, "f.yaml:2:43: nested deeper than 64 levels");
}

static void too_many_anchors_are_refused(void **state)
{
	_cleanup_free_ char *text = calloc(1, 20000);
	size_t n = 0;

	assert_non_null(text);
	for (int i = 0; i <= (int)RAST_YAML_MAX_ANCHORS; i++)
		n += (size_t)sprintf(text + n, "- &a%d 1\n", i);
	check(text, "f.yaml:1001:3: more than 1000 anchors in one document");
}

static void a_text_past_the_limit_is_refused_before_it_is_read(void **state)
{
	struct rast_err err = {0};
	struct rast_yaml *y = NULL;

	assert_int_equal(rast_yaml_parse("f.yaml", "", RAST_YAML_MAX_BYTES + 1, &y, &err), -EFBIG);
	assert_null(y);
	assert_string_equal(err.text, "larger than 16 MiB");
}

static void a_message_about_bad_text_is_good_text(void **state)
{
	/* 39 letters, then a two-byte letter that %.40s cuts in the middle. */
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	int64_t v = 0;
	static const char text[] = "a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa9";

	assert_int_equal(rast_yaml_parse("f.yaml", text, strlen(text), &y, &err), 0);
	assert_int_equal(rast_yaml_int(rast_yaml_root(y, 0), "a", true, 0, 9, &v, &err), -EINVAL);
	assert_string_equal(
		err.text, "want a whole number, got \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?\"");
}

/* The document the getters are tried on. */
static const char getters[] = "s: text\n"
			      "n: 42\n"
			      "b: true\n"
			      "z: null\n"
			      "q: '42'\n"
			      "m: {inner: {list: [a, {deep: -1}]}}\n"
			      "l: []\n";

struct fixture {
	struct rast_yaml *y;
	const struct rast_yaml_node *root;
	struct rast_err err;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	if (rast_yaml_parse("g.yaml", getters, strlen(getters), &f.y, &f.err) < 0)
		return -1;
	f.root = rast_yaml_root(f.y, 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	rast_yaml_destroy(((struct fixture *)*state)->y);
	return 0;
}

static void assert_err(struct fixture *f, const char *want)
{
	char line[1100];

	assert_int_equal(f->err.code, EINVAL);
	assert_string_equal(rast_err_format(&f->err, line, sizeof(line)), want);
	rast_err_clear(&f->err);
}

static void getters_return_what_is_there(void **state)
{
	struct fixture *f = *state;
	const struct rast_yaml_node *m = NULL, *l = NULL;
	const char *s = NULL;
	int64_t n = 0;
	bool b = false;

	assert_int_equal(rast_yaml_str(f->root, "s", true, &s, &f->err), 0);
	assert_string_equal(s, "text");
	assert_int_equal(rast_yaml_str(f->root, "q", true, &s, &f->err), 0);
	assert_string_equal(s, "42");
	assert_int_equal(rast_yaml_int(f->root, "n", true, 42, 42, &n, &f->err), 0);
	assert_int_equal(n, 42);
	assert_int_equal(rast_yaml_bool(f->root, "b", true, &b, &f->err), 0);
	assert_true(b);
	assert_int_equal(rast_yaml_map(f->root, "m", true, &m, &f->err), 0);
	assert_int_equal(m->count, 1);
	assert_int_equal(rast_yaml_seq(f->root, "l", true, &l, &f->err), 0);
	assert_int_equal(l->count, 0);
}

static void absent_and_null_leave_the_default(void **state)
{
	struct fixture *f = *state;
	const struct rast_yaml_node *m = f->root;
	const char *s = "default";
	int64_t n = 7;
	bool b = true;

	assert_int_equal(rast_yaml_str(f->root, "none", false, &s, &f->err), 0);
	assert_int_equal(rast_yaml_str(f->root, "z", false, &s, &f->err), 0);
	assert_int_equal(rast_yaml_int(f->root, "z", false, 0, 1, &n, &f->err), 0);
	assert_int_equal(rast_yaml_bool(f->root, "none", false, &b, &f->err), 0);
	assert_int_equal(rast_yaml_map(f->root, "none", false, &m, &f->err), 0);
	assert_string_equal(s, "default");
	assert_int_equal(n, 7);
	assert_true(b);
	assert_ptr_equal(m, f->root);
	assert_null(rast_yaml_get(f->root, "z"));
	assert_null(rast_yaml_get(NULL, "s"));
}

static void wrong_types_are_one_line_with_file_line_and_field(void **state)
{
	struct fixture *f = *state;
	const struct rast_yaml_node *m = NULL, *deep, *list;
	const char *s = NULL;
	int64_t n = 7;
	bool b = false;

	assert_int_equal(rast_yaml_str(f->root, "n", true, &s, &f->err), -EINVAL);
	assert_err(f, "g.yaml:2:1: n: want a string, got 42 (put it in quotes)");
	assert_int_equal(rast_yaml_str(f->root, "m", true, &s, &f->err), -EINVAL);
	assert_err(f, "g.yaml:6:1: m: want a single value, got a map");
	assert_int_equal(rast_yaml_int(f->root, "q", true, 0, 99, &n, &f->err), -EINVAL);
	assert_err(f, "g.yaml:5:1: q: want a whole number, got \"42\"");
	assert_int_equal(rast_yaml_int(f->root, "n", true, 0, 41, &n, &f->err), -EINVAL);
	assert_err(f, "g.yaml:2:1: n: 42 is not within 0 to 41");
	assert_int_equal(rast_yaml_bool(f->root, "s", true, &b, &f->err), -EINVAL);
	assert_err(f, "g.yaml:1:1: s: want true or false, got \"text\"");
	assert_int_equal(rast_yaml_seq(f->root, "m", true, &m, &f->err), -EINVAL);
	assert_err(f, "g.yaml:6:1: m: want a list, got a map");
	assert_int_equal(rast_yaml_str(f->root, "none", true, &s, &f->err), -EINVAL);
	assert_err(f, "g.yaml:1:1: field \"none\" is missing");
	assert_null(s);
	assert_int_equal(n, 7);

	list = rast_yaml_get(rast_yaml_get(rast_yaml_get(f->root, "m"), "inner"), "list");
	deep = rast_yaml_get(list->first->next, "deep");
	assert_int_equal(rast_yaml_err(deep, &f->err, "is %s", "wrong"), -EINVAL);
	assert_err(f, "g.yaml:6:24: m.inner.list[1].deep: is wrong");
}

static void unknown_fields_are_refused_with_a_hint(void **state)
{
	static const char *const near[] = {"s", "n", "b", "z", "q", "map", "l", NULL};
	static const char *const none[] = {"s", "n", "b", "z", "q", "m", NULL};
	static const char *const far[] = {"something", NULL};
	static const char *const all[] = {"s", "n", "b", "z", "q", "m", "l", NULL};
	struct fixture *f = *state;

	assert_int_equal(rast_yaml_check_fields(f->root, all, &f->err), 0);
	assert_int_equal(rast_yaml_check_fields(f->root, near, &f->err), -EINVAL);
	assert_string_equal(f->err.field, "m");
	rast_err_clear(&f->err);
	assert_int_equal(rast_yaml_check_fields(f->root, none, &f->err), -EINVAL);
	assert_err(f, "g.yaml:7:1: l: unknown field (did you mean \"s\"?)");
	assert_int_equal(rast_yaml_check_fields(f->root, far, &f->err), -EINVAL);
	assert_err(f, "g.yaml:1:1: s: unknown field");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	struct rast_err err = {0};
	struct rast_yaml *y = NULL;
	char line[1100];

	assert_int_equal(rast_yaml_load("/nonexistent/x.yaml", &y, &err), -ENOENT);
	assert_string_equal(rast_err_format(&err, line, sizeof(line)),
			    "/nonexistent/x.yaml: No such file or directory");
	rast_err_clear(&err);
	assert_int_equal(rast_yaml_load("/", &y, &err), -EISDIR);
	assert_null(y);
}

/* Strings that look like something else, and text that YAML gives a meaning, come back as they were. */
static void what_is_written_reads_back(void **state)
{
	static const char *const docs[] = {
		"{\"a\":\"1\",\"b\":1,\"c\":\"true\",\"d\":true,\"e\":\"null\",\"f\":\"~\",\"g\":\"\"}",
		"[\"- x\",\"a: b\",\"#c\",\"*d\",\"&e\",\"!f\",\"%g\",\"@h\",\"`i\",\"{j\",\"[k\"]",
		"{\"x y\":[],\"z\":{},\"0x1f\":\"0o17\",\"1.5\":1.5,\"-\":\"1e3\",\"true\":[[1,2],[\"3\"]]}",
		"{\"n\":[1,2,3,4,5,6,7,8,9,10],\"s\":\"l\\\"i'ne\\n two\\ttab\",\"u\":\"gr\u00fc\u00df\"}",
		"[{\"deep\":[{\"er\":[{\"still\":[\" lead\",\"trail \",\"---\",\"...\",\"2026-11-24\"]}]}]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		_cleanup_json_ json_t *v = json_loads(docs[i], 0, NULL);
		_cleanup_free_ char *text = NULL, *want = json_dumps(v, JSON_COMPACT), *got = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		assert_non_null(v);
		assert_non_null(f);
		assert_int_equal(rast_yaml_write(v, f), 0);
		(void)fclose(f);
		assert_memory_equal(text, "---\n", 4);
		got = outcome_len(text, strlen(text));
		assert_string_equal(got, want);
	}
}

/* The tree of a JSON value and that of its text: the same but for the places. */
static void assert_same_tree(const struct rast_yaml_node *a, const struct rast_yaml_node *b)
{
	const struct rast_yaml_node *x = a->first, *y = b->first;

	assert_int_equal(a->type, b->type);
	assert_int_equal(a->quoted, b->quoted);
	assert_int_equal(a->index, b->index);
	assert_int_equal(a->count, b->count);
	assert_string_equal(a->value, b->value);
	assert_string_equal(a->key ? a->key : "none", b->key ? b->key : "none");
	for (; x && y; x = x->next, y = y->next) {
		assert_ptr_equal(x->parent, a);
		assert_same_tree(x, y);
	}
	assert_true(!x && !y);
}

static void a_json_value_gives_the_tree_of_its_text(void **state)
{
	static const char *const docs[] = {
		"{\"a\":\"1\",\"b\":1,\"c\":\"true\",\"d\":true,\"e\":null,\"f\":\"null\",\"g\":\"\"}",
		"[[],{},[[1,-2],[\"3\"]],false,{\"x y\":[{\"z\":[]}]}]",
		"{\"r\":[1.5,80.0,-0.0],\"u\":\"gr\u00fc\u00df\\n\\\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		_cleanup_yaml_ struct rast_yaml *of_text = NULL, *of_json = NULL;
		_cleanup_json_ json_t *v = json_loads(docs[i], 0, NULL);
		_cleanup_free_ char *text = json_dumps(v, JSON_COMPACT);
		json_t *back;

		assert_non_null(text);
		assert_int_equal(rast_yaml_parse("t", text, strlen(text), &of_text, NULL), 0);
		assert_int_equal(rast_yaml_from_json("j", v, &of_json, NULL), 0);
		assert_same_tree(rast_yaml_root(of_text, 0), rast_yaml_root(of_json, 0));
		back = rast_yaml_to_json(rast_yaml_root(of_json, 0));
		assert_ptr_equal(back, v);
		json_decref(back);
	}
}

static void a_json_value_past_the_limits_is_refused(void **state)
{
	json_t *v = json_array();
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};

	(void)state;
	for (unsigned int i = 0; i < RAST_YAML_MAX_DEPTH; i++)
		v = json_pack("[o]", v);
	assert_int_equal(rast_yaml_from_json("j", v, &y, &err), -EINVAL);
	assert_string_equal(err.text, "nested deeper than 64 levels");
	assert_int_equal(rast_yaml_from_json("j", json_array_get(v, 0), &y, NULL), 0);
	rast_yaml_destroy(y);
	y = NULL;
	json_decref(v);
	rast_err_clear(&err);
	v = json_stringn("a\0b", 3);
	assert_int_equal(rast_yaml_from_json("j", v, &y, &err), -EINVAL);
	assert_string_equal(err.text, "NUL byte in a string");
	assert_null(y);
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_resolved_by_the_core_schema),
		cmocka_unit_test(streams_hold_several_documents_and_skip_empty_ones),
		cmocka_unit_test(aliases_become_copies),
		cmocka_unit_test(what_is_refused_is_named_with_its_place),
		cmocka_unit_test(a_nul_byte_in_the_text_is_refused),
		cmocka_unit_test(an_alias_bomb_is_stopped),
		cmocka_unit_test(deep_nesting_is_stopped),
		cmocka_unit_test(too_many_anchors_are_refused),
		cmocka_unit_test(a_text_past_the_limit_is_refused_before_it_is_read),
		cmocka_unit_test(a_message_about_bad_text_is_good_text),
		cmocka_unit_test_setup_teardown(getters_return_what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_and_null_leave_the_default, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_types_are_one_line_with_file_line_and_field,
						setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_fields_are_refused_with_a_hint, setup,
						teardown),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_json_value_gives_the_tree_of_its_text),
		cmocka_unit_test(a_json_value_past_the_limits_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
