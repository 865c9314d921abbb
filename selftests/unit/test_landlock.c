// SPDX-License-Identifier: BSD-2-Clause
/* The annotation for Landlock: what its document becomes, how it is refused, and how it fits a kernel. */
#include "oci_doc.h"

#include "container/landlock.h"

static int parse_landlock(const char *value, struct rast_oci_spec **ret, struct rast_err *err)
{
	json_t *doc = json_loads(small, 0, NULL), *map = json_object();
	char *text;
	int r;

	json_object_set_new(map, RAST_OCI_LANDLOCK, json_string(value));
	json_object_set_new(doc, "annotations", map);
	text = json_dumps(doc, 0);
	r = parse(text, ret, err);
	free(text);
	json_decref(doc);
	return r;
}

static struct rast_oci_spec *must_parse_landlock(const char *value)
{
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};

	if (parse_landlock(value, &spec, &err) < 0)
		fail_msg("%s: %s\n%s", err.field, err.text, value);
	assert_non_null(spec->landlock);
	return spec;
}

static void test_rules_become_one_entry_a_path_and_port(void **state)
{
	struct rast_oci_spec *spec = must_parse_landlock(
		"{\"handledAccessFs\": [\"all\"], \"rules\": [{\"paths\": [\"/usr\", \"/lib\"],"
		"\"access\": [\"execute\", \"read_file\"]}, {\"paths\": [\"/tmp\"], \"access\": "
		"[\"read\", \"write\"]}], \"handledAccessNet\": [\"bind_tcp\", \"connect_tcp\"],"
		"\"netRules\": [{\"ports\": [53, 443], \"access\": [\"connect_tcp\"]}],"
		"\"scoped\": [\"signal\"], \"compatibility\": \"best_effort\"}");
	const struct rast_landlock *ll = spec->landlock;

	(void)state;
	assert_int_equal(ll->fs, 0xffff);
	assert_int_equal(ll->net, 3);
	assert_int_equal(ll->scopes, 2);
	assert_true(ll->best_effort);
	assert_int_equal(ll->n_paths, 3);
	assert_string_equal(ll->paths[1].path, "/lib");
	assert_int_equal(ll->paths[1].access, 1 << 0 | 1 << 2);
	assert_string_equal(ll->paths[2].path, "/tmp");
	/* All but to execute and to control devices. */
	assert_int_equal(ll->paths[2].access, 0x7ffe);
	assert_int_equal(ll->n_ports, 2);
	assert_int_equal(ll->ports[1].port, 443);
	assert_int_equal(ll->ports[1].access, 2);
	rast_oci_spec_destroy(spec);
}

static void test_without_the_annotation_there_is_no_plan(void **state)
{
	struct rast_oci_spec *spec = must_parse(small);

	(void)state;
	assert_null(spec->landlock);
	rast_oci_spec_destroy(spec);
}

static void test_what_is_not_understood_is_refused_by_its_field(void **state)
{
	static const struct {
		const char *value, *field, *text;
	} t[] = {
		{"", "", "is no JSON"},
		{"{\"scoped\": [\"signal\"]", "", "is no JSON"},
		{"{\"scoped\": [\"signal\"], \"scoped\": [\"signal\"]}", "", "duplicate"},
		{"[]", "", "want an object, got a list"},
		{"{}", "", "restricts nothing"},
		{"{\"handledAccessFs\": []}", "", "restricts nothing"},
		{"{\"rules\": [{\"paths\": [\"/\"], \"access\": [\"read\"]}]}", "", "nothing"},
		{"{\"handledAccessFS\": [\"read\"]}", ".handledAccessFS", "is not known"},
		{"{\"handledAccessFs\": \"read\"}", ".handledAccessFs", "want a list"},
		{"{\"handledAccessFs\": [\"read\", \"raed\"]}", ".handledAccessFs[1]",
		 "\"raed\" is not known"},
		{"{\"handledAccessNet\": [\"read\"]}", ".handledAccessNet[0]", "is not known"},
		{"{\"scoped\": [\"signals\"]}", ".scoped[0]", "is not known"},
		{"{\"scoped\": [\"signal\"], \"compatibility\": \"soft\"}", ".compatibility",
		 "is not known"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [\"/\"]}]}",
		 ".rules[0]", "\"access\" is missing"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"access\": [\"read\"]}]}",
		 ".rules[0]", "\"paths\" is missing"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [\"/\"], \"access\": "
		 "[]}]}",
		 ".rules[0].access", "is empty"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [], \"access\": "
		 "[\"read\"]}]}",
		 ".rules[0].paths", "is empty"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [\"etc\"], "
		 "\"access\": [\"read\"]}]}",
		 ".rules[0].paths[0]", "is not an absolute path"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [\"/\", \"\"], "
		 "\"access\": [\"read\"]}]}",
		 ".rules[0].paths[1]", "is empty"},
		{"{\"handledAccessFs\": [\"read_file\"], \"rules\": [{\"paths\": [\"/\"], "
		 "\"access\": [\"read\"]}]}",
		 ".rules[0].access", "read_dir is not among what is handled"},
		{"{\"handledAccessFs\": [\"read\"], \"rules\": [{\"paths\": [\"/\"], \"access\": "
		 "[\"read\"]}, {\"path\": [\"/\"], \"access\": [\"read\"]}]}",
		 ".rules[1].path", "is not known"},
		{"{\"handledAccessNet\": [\"bind_tcp\"], \"netRules\": [{\"ports\": [65536], "
		 "\"access\": [\"bind_tcp\"]}]}",
		 ".netRules[0].ports[0]", "want a number from 0 to 65535"},
		{"{\"handledAccessNet\": [\"bind_tcp\"], \"netRules\": [{\"ports\": [1], "
		 "\"access\": [\"all\"]}]}",
		 ".netRules[0].access", "connect_tcp is not among what is handled"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rast_oci_spec *spec = NULL;
		struct rast_err err = {0};
		char field[128];

		(void)snprintf(field, sizeof(field), "annotations." RAST_OCI_LANDLOCK "%s",
			       t[i].field);
		if (parse_landlock(t[i].value, &spec, &err) != -EINVAL)
			fail_msg("taken: %s", t[i].value);
		if (strcmp(err.field, field) != 0 || !strstr(err.text, t[i].text))
			fail_msg("%s\nis refused as %s: %s", t[i].value, err.field, err.text);
	}
}

static void test_more_paths_than_the_limit_are_refused(void **state)
{
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};
	json_t *paths = json_array(), *doc;
	char *text;

	(void)state;
	for (int i = 0; i <= RAST_LANDLOCK_MAX_RULES; i++)
		json_array_append_new(paths, json_string("/"));
	doc = json_pack("{s:[s],s:[{s:o,s:[s]}]}", "handledAccessFs", "read", "rules", "paths",
			paths, "access", "read");
	text = json_dumps(doc, 0);
	assert_int_equal(parse_landlock(text, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.text, "4097 paths or ports; at most 4096"));
	free(text);
	json_decref(doc);
}

static void test_a_kernel_that_lacks_a_right_is_named_it(void **state)
{
	static const struct {
		int abi;
		const char *missing;
		uint64_t fs, net, scopes;
	} t[] = {
		{0, "execute", 0, 0, 0},        {1, "refer", 0x1fff, 0, 0},
		{2, "truncate", 0x3fff, 0, 0},  {3, "ioctl_dev", 0x7fff, 0, 0},
		{4, "ioctl_dev", 0x7fff, 3, 0}, {5, "abstract_unix_socket", 0xffff, 3, 0},
		{6, NULL, 0xffff, 3, 3},        {99, NULL, 0xffff, 3, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct rast_landlock whole = {.fs = 0xffff, .net = 3, .scopes = 3};
		struct rast_landlock hard = whole, best = whole;
		const char *missing = "x";

		(void)rast_landlock_fit(&hard, t[i].abi, &missing);
		if (t[i].missing)
			assert_string_equal(missing, t[i].missing);
		else
			assert_null(missing);
		/* Nothing is taken from it in silence. */
		assert_memory_equal(&hard, &whole, sizeof(hard));
		best.best_effort = true;
		assert_int_equal(rast_landlock_fit(&best, t[i].abi, &missing), t[i].abi > 0);
		assert_int_equal(best.fs, t[i].fs);
		assert_int_equal(best.net, t[i].net);
		assert_int_equal(best.scopes, t[i].scopes);
	}
}

static void test_only_what_is_asked_for_is_missed(void **state)
{
	struct rast_landlock ll = {.fs = 1 << 2};
	const char *missing = "x";

	(void)state;
	assert_true(rast_landlock_fit(&ll, 1, &missing));
	assert_null(missing);
	ll = (struct rast_landlock){.scopes = 2};
	(void)rast_landlock_fit(&ll, 5, &missing);
	assert_string_equal(missing, "signal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_become_one_entry_a_path_and_port),
		cmocka_unit_test(test_without_the_annotation_there_is_no_plan),
		cmocka_unit_test(test_what_is_not_understood_is_refused_by_its_field),
		cmocka_unit_test(test_more_paths_than_the_limit_are_refused),
		cmocka_unit_test(test_a_kernel_that_lacks_a_right_is_named_it),
		cmocka_unit_test(test_only_what_is_asked_for_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
