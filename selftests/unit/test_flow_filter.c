// SPDX-License-Identifier: BSD-2-Clause
/* Filters of flow events: what is refused, and what each lets through. */
#include "policy/flow_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const json_t *labels_of(void *arg, const char *ns, const char *pod)
{
	(void)ns;
	return json_object_get(arg, pod);
}

/* web of shop calls db; db's end tells. */
static json_t *event(void)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:{s:s,s:s,s:s}}", "type",
			 "flow_end", "direction", "ingress", "namespace", "shop", "pod", "db",
			 "peer_namespace", "shop", "peer_pod", "web", "src", "10.77.0.2", "dst",
			 "10.77.0.3", "protocol", "TCP", "ended", "fin", "dst_port", 5432, "rule",
			 "policy", "db-in", "namespace", "shop", "name",
			 "NetworkPolicy shop/db-in ingress 0");
}

static bool matches(const char *option, const char *value)
{
	struct rast_flow_filter *f = rast_flow_filter_create();
	json_t *ev = event(), *labels = json_pack("{s:{s:s,s:s},s:{s:s}}", "web", "app", "web",
						  "tier", "front", "db", "app", "db");
	struct rast_err err = {0};
	bool r;

	(void)json_object_set_new(ev, "verdict", json_string("allow"));
	if (rast_flow_filter_add(f, option, value, &err) < 0)
		fail_msg("%s", err.text);
	r = rast_flow_filter_match(f, ev, labels_of, labels);
	json_decref(ev);
	json_decref(labels);
	rast_flow_filter_destroy(f);
	return r;
}

static void test_every_option_picks_by_its_field(void **state)
{
	static const struct {
		const char *option, *yes, *no;
	} rows[] = {
		{"from", "web", "db"},
		{"to", "db", "web"},
		{"pod", "web", "api"},
		{"from", "shop/web", "prod/web"},
		{"from", "shop/", "prod/"},
		{"from", "10.77.0.0/30", "10.78.0.0/16"},
		{"to", "10.77.0.3", "10.77.0.2"},
		{"from", "app=web", "app=db"},
		{"from", "app=web,tier=front", "app=web,tier=back"},
		{"from", "app!=db", "app!=web"},
		{"from", "cluster", "world"},
		{"port", "5432", "5433"},
		{"port", "5000-6000", "1-5431"},
		{"protocol", "tcp", "udp"},
		{"verdict", "allow", "deny"},
		{"direction", "ingress", "egress"},
		{"namespace", "shop", "prod"},
		{"policy", "db-in", "db"},
		{"policy", "shop/db-in", "prod/db-in"},
		{"rule", "ingress 0", "egress"},
		{"how", "fin", "rst"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!matches(rows[i].option, rows[i].yes) || matches(rows[i].option, rows[i].no))
			fail_msg("--%s %s | %s", rows[i].option, rows[i].yes, rows[i].no);
	}
}

static void test_nonsense_is_refused_with_option_and_value(void **state)
{
	static const char *const rows[][2] = {
		{"from", "10.77.0.0/33"},
		{"from", "10.77.0"},
		{"to", "a/b/c"},
		{"to", ""},
		{"to", "=x"},
		{"from", "app=web,"},
		{"port", "65536"},
		{"port", "9-1"},
		{"port", "http"},
		{"port", ""},
		{"port", "1-"},
		{"port", "-1"},
		{"protocol", "tpc"},
		{"protocol", "256"},
		{"verdict", "no"},
		{"how", "ack"},
		{"direction", "in"},
		{"namespace", "a b"},
		{"reason", "X"},
		{"rule", ""},
	};
	struct rast_flow_filter *f = rast_flow_filter_create();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rast_err err = {0};

		if (rast_flow_filter_add(f, rows[i][0], rows[i][1], &err) != -22)
			fail_msg("--%s '%s' is taken", rows[i][0], rows[i][1]);
		assert_non_null(strstr(err.text, rows[i][0]));
		assert_non_null(strstr(err.text, rows[i][1]));
	}
	rast_flow_filter_destroy(f);
}

static void test_values_are_joined_by_or_and_options_by_and(void **state)
{
	struct rast_flow_filter *f = rast_flow_filter_create();
	json_t *ev = event();

	(void)state;
	assert_int_equal(rast_flow_filter_add(f, "port", "80", NULL), 0);
	assert_false(rast_flow_filter_match(f, ev, NULL, NULL));
	assert_int_equal(rast_flow_filter_add(f, "port", "5432", NULL), 0);
	assert_true(rast_flow_filter_match(f, ev, NULL, NULL));
	assert_int_equal(rast_flow_filter_add(f, "from", "db", NULL), 0);
	assert_false(rast_flow_filter_match(f, ev, NULL, NULL));
	json_decref(ev);
	rast_flow_filter_destroy(f);
}

static void test_new_and_ended_flows_are_told_apart(void **state)
{
	struct rast_flow_filter *f = rast_flow_filter_create();
	json_t *ev = event();

	(void)state;
	rast_flow_filter_set_kind(f, true, false);
	assert_false(rast_flow_filter_match(f, ev, NULL, NULL));
	rast_flow_filter_set_kind(f, false, true);
	assert_true(rast_flow_filter_match(f, ev, NULL, NULL));
	rast_flow_filter_set_kind(f, true, true);
	assert_true(rast_flow_filter_match(f, ev, NULL, NULL));
	(void)json_object_set_new(ev, "type", json_string("stream"));
	assert_false(rast_flow_filter_match(f, ev, NULL, NULL));
	json_decref(ev);
	rast_flow_filter_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_picks_by_its_field),
		cmocka_unit_test(test_nonsense_is_refused_with_option_and_value),
		cmocka_unit_test(test_values_are_joined_by_or_and_options_by_and),
		cmocka_unit_test(test_new_and_ended_flows_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
