// SPDX-License-Identifier: BSD-2-Clause
/*
 * The set of parsed documents: what it does with those of one name, and with many.
 */
#include "policy_docs.h"

#include "policy/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NP "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
#define NAMED NP "metadata: {name: p}\nspec:\n"
#define PODS "  podSelector: {}\n"

static int apply(struct rast_policy_set *set, const char *text, bool remove, struct rast_err *err)
{
	const struct rast_yaml_node *docs[8];
	struct rast_yaml *y = NULL;
	size_t n;
	int r;

	assert_int_equal(rast_yaml_parse("g.yaml", text, strlen(text), &y, err), 0);
	n = rast_yaml_count(y);
	for (size_t i = 0; i < n; i++)
		docs[i] = rast_yaml_root(y, i);
	r = rast_policy_set_apply(set, docs, n, remove, err);
	rast_yaml_destroy(y);
	return r;
}

static void test_apply_replaces_adds_and_removes_all_or_nothing(void **state)
{
	static const char other[] = "---\n" NP "metadata: {name: q}\nspec:\n" PODS;
	struct rast_policy_set *set = must_parse(NAMED PODS);
	struct rast_err err = {};
	char both[512], buf[1024];

	(void)state;
	(void)snprintf(both, sizeof(both), "%s%s", NAMED PODS "  ingress: [{}]\n", other);
	assert_int_equal(apply(set, both, false, &err), 0);
	assert_int_equal(rast_policy_set_count(set), 2);
	assert_string_equal(set->policies[0]->file, "g.yaml");
	assert_int_equal(set->policies[0]->n_rules[RAST_DIR_INGRESS], 1);

	/* The second one is bad: the first is not taken either. */
	(void)snprintf(both, sizeof(both), "%s---\n%s", NAMED PODS, NP "metadata: {name: q}\n");
	assert_int_equal(apply(set, both, false, &err), -EINVAL);
	assert_int_equal(set->policies[0]->n_rules[RAST_DIR_INGRESS], 1);
	rast_err_clear(&err);
	(void)snprintf(both, sizeof(both), "%s---\n%s", NAMED PODS, NAMED PODS);
	assert_int_equal(apply(set, both, false, &err), -EEXIST);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "g.yaml:7:1: metadata.name: NetworkPolicy \"default/p\" is already "
			    "defined at g.yaml:1");

	rast_err_clear(&err);
	(void)snprintf(both, sizeof(both), "%s%s", NAMED PODS,
		       "---\n{kind: NetworkPolicy, metadata: {name: r}}\n");
	assert_int_equal(apply(set, both, true, &err), -ENOENT);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "g.yaml:7:1: NetworkPolicy \"default/r\" is not applied");
	assert_int_equal(rast_policy_set_count(set), 2);
	rast_err_clear(&err);
	assert_int_equal(apply(set, "{kind: NetworkPolicy, metadata: {name: p}}\n", true, &err), 0);
	assert_int_equal(rast_policy_set_count(set), 1);
	assert_string_equal(set->policies[0]->name, "q");
	rast_policy_set_destroy(set);
}

static void test_ten_thousand_policies_are_parsed_at_once(void **state)
{
	struct rast_policy_set *set = NULL;
	struct rast_err err = {};
	char *text = NULL, buf[1024];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	for (int i = 0; i < 10000; i++)
		(void)fprintf(f, "---\n" NP "metadata: {name: p%d}\nspec:\n" PODS,
			      (i * 7919) % 10000);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rast_policy_set_create(&set), 0);
	if (parse(text, set, &err) < 0)
		fail_msg("%s", rast_err_format(&err, buf, sizeof(buf)));
	assert_int_equal(rast_policy_set_count(set), 10000);
	for (size_t i = 1; i < set->n_policies; i++)
		assert_true(strcmp(set->policies[i - 1]->name, set->policies[i]->name) < 0);
	rast_policy_set_destroy(set);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply_replaces_adds_and_removes_all_or_nothing),
		cmocka_unit_test(test_ten_thousand_policies_are_parsed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
