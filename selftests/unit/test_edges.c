// SPDX-License-Identifier: BSD-2-Clause
/* How flow events become edges: which are one edge, what is counted, which rules are named. */
#include "policy/edges.h"
#include "policy/flow_top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* web → api, TCP 8080, as seen at one end. */
static json_t *flow(const char *direction, const char *verdict, int packets)
{
	bool in = !strcmp(direction, "ingress");
	json_t *f = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:s,s:s}", "type", "flow", "direction",
			      direction, "verdict", verdict, "protocol", "TCP", "dst_port", 8080,
			      "packets", packets, "src", "10.0.0.2", "dst", "10.0.0.3", "time",
			      "2026-01-01T00:00:01Z");

	(void)json_object_set_new(f, "namespace", json_string("shop"));
	(void)json_object_set_new(f, "peer_namespace", json_string("shop"));
	(void)json_object_set_new(f, "pod", json_string(in ? "api" : "web"));
	(void)json_object_set_new(f, "peer_pod", json_string(in ? "web" : "api"));
	(void)json_object_set_new(f, "rule",
				  in ? json_pack("{s:s,s:s,s:s}", "name", "shop/api ingress[0]",
						 "policy", "api", "namespace", "shop")
				     : json_pack("{s:s,s:s,s:s}", "name", "shop/front egress[0]",
						 "policy", "front", "namespace", "shop"));
	return f;
}

static void add(struct rast_edges *e, json_t *f)
{
	rast_edges_add(e, f);
	json_decref(f);
}

static int setup(void **state)
{
	*state = rast_edges_create();
	return !*state;
}

static int teardown(void **state)
{
	rast_edges_destroy(*state);
	return 0;
}

static json_t *edge(const json_t *list, size_t i)
{
	json_t *o = json_array_get(list, i);

	assert_non_null(o);
	return o;
}

static void test_both_ends_of_a_connection_make_one_edge_with_both_rules(void **state)
{
	_cleanup_json_ json_t *list = NULL, *want = NULL;

	add(*state, flow("egress", "allow", 1));
	add(*state, flow("ingress", "allow", 1));
	list = rast_edges_to_json(*state);
	want = json_pack("[{s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:i,s:s}]", "from", "web",
			 "from_namespace", "shop", "to", "api", "to_namespace", "shop", "port",
			 8080, "protocol", "TCP", "verdict", "allow", "policy",
			 "shop/front, shop/api", "rule",
			 "shop/front egress[0], shop/api ingress[0]", "flows", 1, "packets", 2,
			 "last", "2026-01-01T00:00:01Z");
	assert_true(json_equal(list, want));
}

static void test_the_order_of_the_ends_does_not_matter(void **state)
{
	_cleanup_json_ json_t *list = NULL;

	add(*state, flow("ingress", "allow", 1));
	add(*state, flow("egress", "allow", 1));
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(rast_json_str(edge(list, 0), "policy"), "shop/front, shop/api");
	assert_int_equal(rast_json_int(edge(list, 0), "flows"), 1);
}

static void test_verdict_port_protocol_and_namespace_make_edges_of_their_own(void **state)
{
	static const char *const keys[] = {"verdict", "protocol", "namespace"};
	static const char *const values[] = {"deny", "UDP", "bank"};
	_cleanup_json_ json_t *list = NULL;
	json_t *f;

	add(*state, flow("egress", "allow", 1));
	for (size_t i = 0; i < 3; i++) {
		f = flow("egress", "allow", 1);
		(void)json_object_set_new(f, keys[i], json_string(values[i]));
		add(*state, f);
	}
	f = flow("egress", "allow", 1);
	(void)json_object_set_new(f, "dst_port", json_integer(8081));
	add(*state, f);
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 5);
}

static void test_the_source_port_does_not_make_an_edge(void **state)
{
	_cleanup_json_ json_t *list = NULL;

	for (int port = 1000; port < 1010; port++) {
		json_t *f = flow("egress", "deny", 3);

		(void)json_object_set_new(f, "src_port", json_integer(port));
		add(*state, f);
	}
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(rast_json_int(edge(list, 0), "flows"), 10);
	assert_int_equal(rast_json_int(edge(list, 0), "packets"), 30);
}

static void test_a_default_deny_names_what_isolates(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *f = flow("ingress", "deny", 1);

	(void)json_object_set_new(f, "rule",
				  json_pack("{s:s,s:[s,s]}", "name", "denied by default",
					    "isolated_by", "shop/api", "shop/all"));
	add(*state, f);
	list = rast_edges_to_json(*state);
	assert_string_equal(rast_json_str(edge(list, 0), "policy"), "shop/api, shop/all");
	assert_string_equal(rast_json_str(edge(list, 0), "rule"), "denied by default");
}

static void test_the_same_rule_at_both_ends_is_named_once(void **state)
{
	_cleanup_json_ json_t *list = NULL;

	for (int i = 0; i < 2; i++) {
		json_t *f = flow(i ? "ingress" : "egress", "allow", 1);

		(void)json_object_set_new(f, "rule", json_pack("{s:s}", "name", "no policy"));
		add(*state, f);
	}
	list = rast_edges_to_json(*state);
	assert_string_equal(rast_json_str(edge(list, 0), "policy"), "no policy");
}

static void test_an_end_that_is_no_pod_goes_by_entity_or_address(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *f = flow("ingress", "allow", 1);

	(void)json_object_del(f, "peer_pod");
	(void)json_object_del(f, "peer_namespace");
	(void)json_object_set_new(f, "peer_entity", json_string("host"));
	add(*state, f);
	f = flow("egress", "allow", 1);
	(void)json_object_del(f, "peer_pod");
	(void)json_object_del(f, "peer_namespace");
	(void)json_object_set_new(f, "peer_entity", json_string("world"));
	(void)json_object_set_new(f, "dst", json_string("192.0.2.1"));
	add(*state, f);
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(rast_json_str(edge(list, 0), "to"), "192.0.2.1");
	assert_string_equal(rast_json_str(edge(list, 1), "from"), "host");
	/* Only one end is a pod, so that end's event is the flow. */
	assert_int_equal(rast_json_int(edge(list, 1), "flows"), 1);
}

static void test_packets_that_no_rule_judged_make_no_edge(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *f = flow("egress", "deny", 1);

	(void)json_object_del(f, "rule");
	(void)json_object_set_new(f, "reason", json_string("spoofed"));
	add(*state, f);
	f = flow("egress", "allow", 1);
	(void)json_object_set_new(f, "type", json_string("stream"));
	add(*state, f);
	add(*state, flow("egress", "allow_reply", 1));
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 0);
}

static void test_the_edge_changed_last_comes_first_and_keeps_its_newest_time(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *f = flow("egress", "allow", 1);

	add(*state, flow("egress", "deny", 1));
	(void)json_object_set_new(f, "time", json_string("2026-01-01T00:00:09Z"));
	add(*state, f);
	add(*state, flow("ingress", "allow", 1)); /* told of late, with an older time */
	list = rast_edges_to_json(*state);
	assert_string_equal(rast_json_str(edge(list, 0), "verdict"), "allow");
	assert_string_equal(rast_json_str(edge(list, 0), "last"), "2026-01-01T00:00:09Z");
}

static void test_when_full_the_quietest_edge_makes_room(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	bool first = false, second = false;
	json_t *f, *one;
	size_t i;

	for (i = 0; i <= RAST_EDGES_MAX; i++) {
		/* The first edge is used again just before the table overflows. */
		int port = (int)(i == RAST_EDGES_MAX ? 60000 : i + 1);

		if (i == RAST_EDGES_MAX) {
			f = flow("egress", "deny", 1);
			(void)json_object_set_new(f, "dst_port", json_integer(1));
			add(*state, f);
		}
		f = flow("egress", "deny", 1);
		(void)json_object_set_new(f, "dst_port", json_integer(port));
		add(*state, f);
	}
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), RAST_EDGES_MAX);
	json_array_foreach(list, i, one) {
		first |= rast_json_int(one, "port") == 1;
		second |= rast_json_int(one, "port") == 2;
	}
	assert_true(first);
	assert_false(second);
}

static void test_overlong_names_are_cut_not_overrun(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *f = flow("ingress", "deny", 1), *by = json_array();
	char name[254];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 10; i++)
		(void)json_array_append_new(by, json_string(name));
	(void)json_object_set_new(f, "rule",
				  json_pack("{s:s,s:o}", "name", name, "isolated_by", by));
	(void)json_object_set_new(f, "pod", json_string(name));
	(void)json_object_set_new(f, "peer_pod", json_string(name));
	add(*state, f);
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 1);
	assert_true(strlen(rast_json_str(edge(list, 0), "policy")) >= sizeof(name) - 1);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

static json_t *ended(const char *direction, int out, int back)
{
	json_t *f = flow(direction, "allow", 0);

	(void)json_object_set_new(f, "type", json_string("flow_end"));
	(void)json_object_set_new(f, "bytes_out", json_integer(out));
	(void)json_object_set_new(f, "bytes_back", json_integer(back));
	return f;
}

static void test_what_an_ended_flow_carried_counts_once(void **state)
{
	_cleanup_json_ json_t *list = NULL;

	add(*state, ended("egress", 5, 5)); /* of an edge that nobody saw begin */
	add(*state, flow("egress", "allow", 1));
	add(*state, flow("ingress", "allow", 1));
	add(*state, ended("ingress", 10, 100));
	add(*state, ended("egress", 10, 100));
	list = rast_edges_to_json(*state);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(rast_json_int(edge(list, 0), "ended"), 1);
	assert_int_equal(rast_json_int(edge(list, 0), "bytes"), 110);
	assert_int_equal(rast_json_int(edge(list, 0), "flows"), 1);
}

static void test_top_shows_what_moved_between_two_looks(void **state)
{
	_cleanup_json_ json_t *before = NULL, *after = NULL, *by_flows = NULL, *by_pod = NULL,
			      *still = NULL;
	json_t *other;

	add(*state, flow("egress", "allow", 1));
	before = rast_edges_to_json(*state);
	for (int i = 0; i < 4; i++)
		add(*state, flow("egress", "allow", 1));
	add(*state, ended("egress", 10, 100));
	other = flow("egress", "deny", 20);
	(void)json_object_set_new(other, "dst_port", json_integer(22));
	add(*state, other);
	after = rast_edges_to_json(*state);
	by_flows = rast_flow_top(before, after, 2, false, RAST_FLOW_SORT_FLOWS);
	assert_int_equal(json_array_size(by_flows), 2);
	assert_string_equal(rast_json_str(edge(by_flows, 0), "from"), "shop/web");
	assert_int_equal(json_real_value(json_object_get(edge(by_flows, 0), "flows_s")), 2);
	assert_int_equal(json_real_value(json_object_get(edge(by_flows, 0), "bytes_s")), 55);
	assert_int_equal(rast_json_int(edge(by_flows, 1), "port"), 22);
	assert_int_equal(json_real_value(json_object_get(edge(by_flows, 1), "denied_s")), 10);
	by_pod = rast_flow_top(before, after, 2, true, RAST_FLOW_SORT_DENIED);
	assert_int_equal(json_array_size(by_pod), 2);
	assert_string_equal(rast_json_str(edge(by_pod, 0), "pod"), "shop/api");
	still = rast_flow_top(after, after, 1, false, RAST_FLOW_SORT_BYTES);
	assert_int_equal(json_array_size(still), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_ends_of_a_connection_make_one_edge_with_both_rules),
		T(the_order_of_the_ends_does_not_matter),
		T(verdict_port_protocol_and_namespace_make_edges_of_their_own),
		T(the_source_port_does_not_make_an_edge),
		T(a_default_deny_names_what_isolates),
		T(the_same_rule_at_both_ends_is_named_once),
		T(an_end_that_is_no_pod_goes_by_entity_or_address),
		T(packets_that_no_rule_judged_make_no_edge),
		T(the_edge_changed_last_comes_first_and_keeps_its_newest_time),
		T(when_full_the_quietest_edge_makes_room),
		T(what_an_ended_flow_carried_counts_once),
		T(top_shows_what_moved_between_two_looks),
		T(overlong_names_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
