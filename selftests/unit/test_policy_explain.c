// SPDX-License-Identifier: BSD-2-Clause
/* explain on a small shop, the applied set on disk, and compiled files that are damaged. */
#include "base/fd.h"
#include "policy/applied.h"
#include "policy/explain.h"
#include "policy/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char shop[] =
	"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}}\n"
	"---\n"
	"{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}}\n"
	"---\n"
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: database, namespace: shop}\n"
	"spec:\n"
	"  podSelector: {matchLabels: {app: db}}\n"
	"  ingress:\n"
	"  - from: [{podSelector: {matchLabels: {app: web}}}]\n"
	"    ports: [{port: 6379}]\n";

struct built {
	struct rast_policy_set *set;
	struct rast_policy_world world;
	struct rast_policy_image *im;
	struct rast_policy_rules *rules;
};

static void build(struct built *b)
{
	struct rast_yaml *y = NULL;
	struct rast_policy_pod *pod;

	memset(b, 0, sizeof(*b));
	assert_int_equal(rast_policy_set_create(&b->set), 0);
	assert_int_equal(rast_yaml_parse("shop.yaml", shop, strlen(shop), &y, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			rast_policy_world_add_manifest(&b->world, rast_yaml_root(y, i), &pod, NULL),
			0);
	assert_int_equal(rast_policy_set_parse(rast_yaml_root(y, 2), b->set, NULL), 0);
	assert_int_equal(rast_policy_world_number(&b->world, 0x0a4d0000, 16, NULL), 0);
	assert_int_equal(rast_policy_compile(b->set, &b->world, 3, &b->im, &b->rules, NULL, NULL),
			 0);
	rast_yaml_destroy(y);
}

static void drop(struct built *b)
{
	rast_policy_set_destroy(b->set);
	rast_policy_world_finish(&b->world);
	rast_policy_rules_destroy(b->rules);
	free(b->im);
}

static json_t *explain(const struct built *b, const char *from, const char *to, uint16_t port)
{
	struct rast_policy_question q = {from, to, RAST_PROTO_TCP, port};
	json_t *out = NULL;

	assert_int_equal(rast_policy_explain(b->set, &b->world, b->im, b->rules, &q, &out, NULL),
			 0);
	return out;
}

static void test_an_allowed_edge_names_its_rule_file_and_line(void **state)
{
	struct built b;
	json_t *o;
	const json_t *rule;

	(void)state;
	build(&b);
	o = explain(&b, "web", "shop/db", 6379);
	assert_string_equal(rast_json_str(o, "verdict"), "allow");
	rule = json_object_get(json_object_get(o, "ingress"), "rule");
	assert_string_equal(rast_json_str(rule, "name"), "shop/database ingress[0]");
	assert_string_equal(rast_json_str(rule, "file"), "shop.yaml");
	assert_int_equal(rast_json_int(rule, "line"), 11);
	json_decref(o);
	drop(&b);
}

static void test_a_denied_edge_says_what_nearly_matched_and_what_to_add(void **state)
{
	struct built b;
	json_t *o;
	const json_t *in;

	(void)state;
	build(&b);
	o = explain(&b, "web", "db", 80);
	assert_string_equal(rast_json_str(o, "verdict"), "deny");
	in = json_object_get(o, "ingress");
	assert_string_equal(
		rast_json_str(json_array_get(json_object_get(in, "near"), 0), "missing"), "port");
	assert_string_equal(rast_json_str(json_object_get(in, "suggestion"), "yaml"),
			    "- from:\n  - podSelector:\n      matchLabels:\n        app: \"web\"\n"
			    "  ports:\n  - protocol: TCP\n    port: 80\n");
	json_decref(o);
	drop(&b);
}

static void test_what_is_applied_compiles_to_the_same_image_again(void **state)
{
	struct rast_instance in = {};
	char dir[] = "/tmp/rast-applied.XXXXXX";
	struct rast_policy_image *again;
	struct rast_policy_rules *rules = NULL;
	struct built b, c = {};
	uint32_t generation = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(in.run_dir, sizeof(in.run_dir), "%s", dir);
	build(&b);
	assert_int_equal(rast_policy_applied_store_rules(&in, b.rules, NULL), 0);
	assert_int_equal(rast_policy_applied_store(&in, b.set, &b.world, 3, NULL), 0);
	assert_int_equal(rast_policy_applied_load(&in, &c.set, &c.world, &generation, NULL), 0);
	assert_int_equal(generation, 3);
	assert_int_equal(
		rast_policy_compile(c.set, &c.world, generation, &again, &c.rules, NULL, NULL), 0);
	assert_memory_equal(again, b.im, rast_policy_image_size(b.im));
	assert_int_equal(c.rules->rules[0].line, 11);
	assert_string_equal(c.rules->policies[0].file, "shop.yaml");
	assert_int_equal(rast_policy_applied_rules(&in, 3, &rules, NULL), 0);
	assert_int_equal(rules->n_rules, 1);
	rast_policy_rules_destroy(rules);
	assert_int_equal(rast_policy_applied_rules(&in, 2, &rules, NULL), -ENOENT);
	(void)rast_remove_tree(-100, dir);
	free(again);
	drop(&b);
	drop(&c);
}

static void test_a_rule_table_as_text_is_its_json(void **state)
{
	const char *members[] = {"shop/\"web\"", "tab\tnewline\nbell\a", "gr\u00fc\u00df\\"};
	uint32_t isolated_by[] = {0, 4000000000u};
	struct rast_policy_class_ref classes[] = {
		{members, 3, {isolated_by, NULL}, {2, 0}},
		{members, 1, {NULL, isolated_by}, {0, 1}},
	};
	struct rast_policy_ref policies[] = {{"NetworkPolicy", "shop", "a", "-", 1, false},
					     {"ClusterNetworkPolicy", "", "b", "x y", -3, true}};
	struct rast_policy_rule_ref list[] = {{16, 0, 0, RAST_DIR_INGRESS, "allow", 0},
					      {70000, 7, 1, RAST_DIR_EGRESS, "deny", INT32_MAX}};
	const struct rast_policy_rules all = {.generation = UINT32_MAX,
					      .policies = policies,
					      .n_policies = 2,
					      .rules = list,
					      .n_rules = 2,
					      .classes = classes,
					      .n_classes = 2,
					      .addr_classes = members,
					      .n_addr_classes = 2};
	const struct rast_policy_rules none = {0}, *const tables[] = {&all, &none};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_json_ json_t *v = rast_policy_rules_to_json(tables[i]);
		_cleanup_free_ char *want = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
		_cleanup_free_ char *text = NULL;
		size_t len;

		assert_int_equal(rast_policy_rules_to_text(tables[i], &text, &len), 0);
		assert_string_equal(text, want);
		assert_int_equal(len, strlen(text));
	}
}

/* Its JSON is larger than a file of YAML may be. */
static void test_a_large_document_that_was_applied_can_be_read_again(void **state)
{
	static const char head[] = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
				   "metadata: {name: p, annotations: {note: 'x";
	static const char tail[] = "'}}\nspec: {podSelector: {}}\n";
	size_t n = RAST_YAML_MAX_BYTES / 2 + 1, len = strlen(head) + n + strlen(tail);
	_cleanup_policy_set_ struct rast_policy_set *set = NULL, *again = NULL;
	struct rast_policy_world world = {};
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	const struct rast_policy_rules rules = {.generation = 1};
	_cleanup_free_ char *text = malloc(len + 1);
	char dir[] = "/tmp/rast-applied.XXXXXX";
	struct rast_instance in = {};

	(void)state;
	assert_non_null(text);
	(void)strcpy(text, head);
	memset(text + strlen(head), '"', n);
	(void)strcpy(text + strlen(head) + n, tail);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(in.run_dir, sizeof(in.run_dir), "%s", dir);
	assert_int_equal(rast_yaml_parse("f", text, len, &y, NULL), 0);
	assert_int_equal(rast_policy_set_create(&set), 0);
	assert_int_equal(rast_policy_set_parse(rast_yaml_root(y, 0), set, NULL), 0);
	assert_int_equal(rast_policy_applied_store_rules(&in, &rules, NULL), 0);
	assert_int_equal(rast_policy_applied_store(&in, set, &world, 1, NULL), 0);
	assert_int_equal(rast_policy_applied_load(&in, &again, NULL, NULL, NULL), 0);
	assert_int_equal(rast_policy_set_count(again), 1);
	assert_true(rast_policy_applied_has(&in, set->policies[0]->doc));
	assert_true(json_equal(again->policies[0]->doc, set->policies[0]->doc));
	(void)json_object_set_new(again->policies[0]->doc, "more", json_null());
	assert_false(rast_policy_applied_has(&in, again->policies[0]->doc));
	(void)rast_remove_tree(-100, dir);
}

static void test_a_compiled_file_that_is_damaged_anywhere_is_refused(void **state)
{
	struct built b;
	void *data = NULL;
	size_t len = 0;

	(void)state;
	build(&b);
	assert_int_equal(rast_policy_file_write(b.im, b.rules, &data, &len), 0);
	for (size_t at = 0; at < len; at += at < 64 ? 1 : len / 23) {
		struct rast_policy_image *im = NULL;
		struct rast_policy_rules *rules = NULL;

		((uint8_t *)data)[at] ^= 0x10;
		assert_int_equal(rast_policy_file_read("f", data, len, &im, &rules, NULL), -EINVAL);
		((uint8_t *)data)[at] ^= 0x10;
	}
	free(data);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_allowed_edge_names_its_rule_file_and_line),
		cmocka_unit_test(test_a_denied_edge_says_what_nearly_matched_and_what_to_add),
		cmocka_unit_test(test_what_is_applied_compiles_to_the_same_image_again),
		cmocka_unit_test(test_a_rule_table_as_text_is_its_json),
		cmocka_unit_test(test_a_large_document_that_was_applied_can_be_read_again),
		cmocka_unit_test(test_a_compiled_file_that_is_damaged_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
