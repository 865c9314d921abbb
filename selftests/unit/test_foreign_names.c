// SPDX-License-Identifier: BSD-2-Clause
/* What a container of another runtime is called, by the annotations of each client. */
#include "node/foreign_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123"

static int names(const char *annotations, struct rast_foreign_names *ret, json_t **ret_labels,
		 struct rast_err *err)
{
	json_t *o = annotations ? json_loads(annotations, 0, NULL) : NULL;
	int r;

	assert_true(!annotations || o);
	r = rast_foreign_names(ID, o, ret, ret_labels, err);
	json_decref(o);
	return r;
}

static void test_names_come_from_the_first_client_that_gives_them(void **state)
{
	static const struct {
		const char *annotations, *ns, *pod, *container;
		bool named;
	} cases[] = {
		{NULL, "default", "0123456789ab", "", false},
		{"{\"io.container.manager\":\"libpod\"}", "default", "0123456789ab", "", false},
		{"{\"rast.os/namespace\":\"shop\",\"rast.os/name\":\"web.1\","
		 "\"rast.os/container\":\"main\",\"io.kubernetes.pod.name\":\"other\"}",
		 "shop", "web.1", "main", true},
		{"{\"io.kubernetes.cri.container-type\":\"sandbox\","
		 "\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\","
		 "\"io.kubernetes.cri.sandbox-name\":\"dns-1\"}",
		 "kube-system", "dns-1", "sandbox", true},
		{"{\"io.kubernetes.cri.container-type\":\"container\","
		 "\"io.kubernetes.cri.container-name\":\"dns\","
		 "\"io.kubernetes.cri.sandbox-name\":\"dns-1\"}",
		 "default", "dns-1", "dns", true},
		{"{\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
		 "\"io.kubernetes.pod.namespace\":\"a\",\"io.kubernetes.pod.name\":\"b\","
		 "\"io.kubernetes.container.name\":\"POD1\"}",
		 NULL, NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rast_foreign_names n;
		struct rast_err err = {0};
		json_t *labels = NULL;
		int r = names(cases[i].annotations, &n, &labels, &err);

		if (!cases[i].ns) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(err.text, "io.kubernetes.container.name"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(n.ns, cases[i].ns);
		assert_string_equal(n.pod, cases[i].pod);
		assert_string_equal(n.container, cases[i].container);
		assert_int_equal(n.pod_is_named, cases[i].named);
		json_decref(labels);
	}
}

static void test_labels_are_ours_and_cri_os(void **state)
{
	struct rast_foreign_names n;
	struct rast_err err = {0};
	json_t *labels = NULL;

	(void)state;
	assert_int_equal(names("{\"rast.os/label.app\":\"web\","
			       "\"rast.os/label.app.kubernetes.io/part-of\":\"shop\","
			       "\"io.kubernetes.cri-o.Labels\":\"{\\\"app\\\":\\\"x\\\","
			       "\\\"tier\\\":\\\"front\\\"}\"}",
			       &n, &labels, &err),
			 0);
	assert_int_equal(json_object_size(labels), 3);
	assert_string_equal(rast_json_str(labels, "app"), "web");
	assert_string_equal(rast_json_str(labels, "tier"), "front");
	assert_string_equal(rast_json_str(labels, "app.kubernetes.io/part-of"), "shop");
	json_decref(labels);
}

static void test_what_policy_could_not_select_is_refused_and_named(void **state)
{
	static const struct {
		const char *annotations, *says;
	} cases[] = {
		{"{\"rast.os/namespace\":\"Shop\"}", "rast.os/namespace: \"Shop\""},
		{"{\"rast.os/name\":\"../x\"}", "rast.os/name"},
		{"{\"rast.os/container\":\"a/b\"}", "rast.os/container"},
		{"{\"rast.os/label.\":\"x\"}", "rast.os/label."},
		{"{\"rast.os/label.app\":\"a b\"}", "rast.os/label.app"},
		{"{\"io.kubernetes.cri-o.Labels\":\"[]\"}", "no JSON object"},
		{"{\"io.kubernetes.cri-o.Labels\":\"{\\\"a\\\":1}\"}", "is no string"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rast_foreign_names n;
		struct rast_err err = {0};
		json_t *labels = NULL;

		assert_int_equal(names(cases[i].annotations, &n, &labels, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(labels);
	}
}

static void test_an_id_becomes_a_name(void **state)
{
	static const struct {
		const char *id, *name;
		bool whole;
	} cases[] = {
		{ID, "0123456789ab", false},
		{ID, ID, true},
		{"My_Box.1", "my-box-1", false},
		{"__a__", "a", false},
		{"+++", "x", false},
		{"0123456789abc", "0123456789abc", false},
	};
	char buf[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rast_foreign_id_name(cases[i].id, cases[i].whole, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].name);
	}
	rast_foreign_id_name("abc-def", true, buf, 5);
	assert_string_equal(buf, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_come_from_the_first_client_that_gives_them),
		cmocka_unit_test(test_labels_are_ours_and_cri_os),
		cmocka_unit_test(test_what_policy_could_not_select_is_refused_and_named),
		cmocka_unit_test(test_an_id_becomes_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
