// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stages behind the parser: which classes there are, who is in which, which rule decides a cell,
 * and what happens at the limits. Verdicts as such are test_policy_random's affair.
 */
#include "policy/policy.h"
#include "policy/reach.h"
#include "policy/stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define POLICY(name, spec)                                                                   \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name \
	"}\nspec:\n" spec

struct built {
	struct rast_policy_set *set;
	struct rast_policy_world world;
	struct rast_policy_image *im;
	struct rast_policy_rules *rules;
	json_t *report;
	struct rast_err err;
};

static void parse(struct built *b, const char *text, size_t len)
{
	struct rast_yaml *y = NULL;
	char buf[1024];

	assert_int_equal(rast_policy_set_create(&b->set), 0);
	if (rast_yaml_parse("f.yaml", text, len, &y, &b->err) < 0)
		fail_msg("%s", rast_err_format(&b->err, buf, sizeof(buf)));
	for (size_t i = 0; i < rast_yaml_count(y); i++)
		if (rast_policy_set_parse(rast_yaml_root(y, i), b->set, &b->err) < 0)
			fail_msg("%s", rast_err_format(&b->err, buf, sizeof(buf)));
	rast_yaml_destroy(y);
}

/* Pods a, b, … with label app=NAME, addresses 10.0.0.1, 10.0.0.2, … and identities 16, 17, … */
static void add_pods(struct built *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[16];
		struct rast_policy_label label = {"app", name};
		struct rast_policy_pod pod = {.ns = "default",
					      .name = name,
					      .labels = &label,
					      .n_labels = 1,
					      .identity = RAST_IDENTITY_FIRST + (uint32_t)i,
					      .addr4 = 0x0a000001 + (uint32_t)i};

		if (i < 26)
			(void)snprintf(name, sizeof(name), "%c", (char)('a' + i));
		else
			(void)snprintf(name, sizeof(name), "p%zu", i);
		assert_int_equal(rast_policy_world_add_pod(&b->world, &pod), 0);
	}
}

static int compile(struct built *b)
{
	free(b->im);
	b->im = NULL;
	return rast_policy_compile(b->set, &b->world, 1, &b->im, &b->rules, &b->report, &b->err);
}

static void must_compile(struct built *b, const char *text, size_t n_pods)
{
	char buf[1024];

	parse(b, text, strlen(text));
	add_pods(b, n_pods);
	if (compile(b) < 0)
		fail_msg("%s", rast_err_format(&b->err, buf, sizeof(buf)));
	assert_int_equal(rast_policy_image_check(b->im, &b->err), 0);
}

static void drop(struct built *b)
{
	rast_policy_set_destroy(b->set);
	rast_policy_world_finish(&b->world);
	rast_policy_rules_destroy(b->rules);
	json_decref(b->report);
	free(b->im);
	memset(b, 0, sizeof(*b));
}

static unsigned int class_of(const struct built *b, char pod)
{
	return b->im->class_by_identity[RAST_IDENTITY_FIRST + (unsigned int)(pod - 'a')];
}

static const char *rule_of(const struct built *b, enum rast_direction dir, char subject, char peer,
			   uint16_t port, char *buf, size_t size)
{
	struct rast_policy_end end = {.identity = RAST_IDENTITY_FIRST + (unsigned int)(peer - 'a')};
	uint32_t cell = rast_policy_image_verdict(
		b->im, dir, RAST_IDENTITY_FIRST + (unsigned int)(subject - 'a'), &end,
		RAST_PROTO_TCP, port);
	char name[640];

	(void)snprintf(buf, size, "%s: %s", cell & RAST_CELL_ALLOW ? "allow" : "deny",
		       rast_policy_rules_name(b->rules, cell & RAST_CELL_RULE, name, sizeof(name)));
	return buf;
}

static void test_without_policies_everything_is_one_class_and_allowed(void **state)
{
	struct built b = {};
	char buf[700];

	(void)state;
	must_compile(&b, "", 3);
	assert_int_equal(b.im->n_class, 2); /* the node, and all pods */
	assert_int_equal(b.im->n_peer, 3);
	assert_int_equal(b.im->n_port, 1);
	assert_int_equal(b.im->n_range4, 1);
	assert_string_equal(rule_of(&b, RAST_DIR_INGRESS, 'a', 'b', 80, buf, sizeof(buf)),
			    "allow: no policy");
	assert_int_equal(b.im->class_by_identity[RAST_IDENTITY_WORLD], 0xffff);
	drop(&b);
}

static void test_pods_that_no_rule_tells_apart_are_one_class(void **state)
{
	struct built b = {};

	(void)state;
	must_compile(&b,
		     POLICY("p", "  podSelector: {matchLabels: {app: a}}\n"
				 "  ingress: [{from: [{podSelector: {matchExpressions: [{key: app, "
				 "operator: In, values: [b, c]}]}}]}]\n"),
		     5);
	assert_int_equal(b.im->n_class, 4);
	assert_int_equal(class_of(&b, 'a'), 1);
	assert_int_equal(class_of(&b, 'b'), class_of(&b, 'c'));
	assert_int_equal(class_of(&b, 'd'), class_of(&b, 'e'));
	assert_int_not_equal(class_of(&b, 'b'), class_of(&b, 'd'));
	drop(&b);
}

static void test_a_policy_that_selects_nobody_splits_nothing_and_is_named(void **state)
{
	struct built b = {};
	const json_t *w;

	(void)state;
	must_compile(&b,
		     POLICY("idle", "  podSelector: {matchLabels: {app: nobody}}\n"
				    "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: "
				    "[{port: 80}]}]\n"),
		     2);
	assert_int_equal(b.im->n_class, 2);
	assert_int_equal(b.im->n_port, 1);
	assert_int_equal(b.im->n_range4, 1);
	w = json_array_get(json_object_get(b.report, "warnings"), 0);
	assert_string_equal(rast_json_str(w, "text"), "selects no pod that runs");
	assert_int_equal(rast_json_int(w, "line"), 2);
	drop(&b);
}

static void test_a_block_tells_pods_of_the_same_labels_apart(void **state)
{
	struct built b = {};

	(void)state;
	must_compile(&b,
		     POLICY("p", "  podSelector: {}\n  policyTypes: [Egress]\n"
				 "  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/30, except: "
				 "[10.0.0.2/32]}}]}]\n"),
		     4);
	/* .1 and .3 are in it, .2 and .4 are not. */
	assert_int_equal(class_of(&b, 'a'), class_of(&b, 'c'));
	assert_int_equal(class_of(&b, 'b'), class_of(&b, 'd'));
	assert_int_not_equal(class_of(&b, 'a'), class_of(&b, 'b'));
	drop(&b);
}

static void test_addresses_become_ranges_merged_by_who_covers_them(void **state)
{
	static const struct {
		uint32_t start;
		uint16_t klass;
	} want[] = {{0, 0},          {0x0a000000, 1}, {0x0a010000, 0}, {0x0a020000, 1},
		    {0x0b000000, 0}, {0xc0a80000, 1}, {0xc0a90000, 0}};
	struct built b = {};

	(void)state;
	/* Two halves that touch are one range; both blocks have one class, as one rule has both. */
	must_compile(&b,
		     POLICY("p", "  podSelector: {}\n"
				 "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/9, except: "
				 "[10.1.0.0/16]}}, {ipBlock: {cidr: 10.128.0.0/9}}, {ipBlock: "
				 "{cidr: 192.168.0.0/16}}]}]\n"),
		     1);
	assert_int_equal(b.im->n_range4, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(rast_policy_image_ranges4(b.im)[i].start, want[i].start);
		assert_int_equal(rast_policy_image_ranges4(b.im)[i].klass, want[i].klass);
	}
	assert_int_equal(b.im->n_peer - b.im->n_class, 2);
	assert_string_equal(b.rules->addr_classes[1],
			    "10.0.0.0/16, 10.2.0.0-10.255.255.255, 192.168.0.0/16");
	drop(&b);
}

static void test_a_range_may_end_with_the_last_address(void **state)
{
	struct built b = {};
	struct rast_policy_end end = {.kind = RAST_END_ADDR4, .addr4 = UINT32_MAX};
	struct rast_policy_end end6 = {.kind = RAST_END_ADDR6};

	(void)state;
	must_compile(&b,
		     POLICY("p",
			    "  podSelector: {}\n  policyTypes: [Egress]\n"
			    "  egress: [{to: [{ipBlock: {cidr: 255.255.255.255/32}}, {ipBlock: "
			    "{cidr: \"ffff::/16\"}}]}]\n"),
		     1);
	memset(end6.addr6, 0xff, 16);
	assert_true(rast_policy_image_verdict(b.im, RAST_DIR_EGRESS, 16, &end, RAST_PROTO_TCP, 1) &
		    RAST_CELL_ALLOW);
	assert_true(rast_policy_image_verdict(b.im, RAST_DIR_EGRESS, 16, &end6, RAST_PROTO_TCP, 1) &
		    RAST_CELL_ALLOW);
	end.addr4--;
	end6.addr6[0] = 0xfe;
	assert_int_equal(
		rast_policy_image_verdict(b.im, RAST_DIR_EGRESS, 16, &end, RAST_PROTO_TCP, 1),
		RAST_RULE_DEFAULT_DENY);
	assert_int_equal(
		rast_policy_image_verdict(b.im, RAST_DIR_EGRESS, 16, &end6, RAST_PROTO_TCP, 1),
		RAST_RULE_DEFAULT_DENY);
	drop(&b);
}

static void test_equal_port_lists_are_one_and_ranges_are_cut_at_each_edge(void **state)
{
	struct built b = {};

	(void)state;
	must_compile(&b,
		     POLICY("p", "  podSelector: {}\n  ingress:\n"
				 "  - ports: [{port: 80}, {port: 443}]\n"
				 "  - ports: [{port: 443}, {port: 80}]\n"
				 "  - ports: [{port: 400, endPort: 500}]\n"
				 "  - ports: [{port: 65535}, {port: 65534}]\n"),
		     1);
	assert_int_equal(b.im->n_port, 5);
	assert_int_equal(b.im->port_class[RAST_PROTO_TCP][79], 0);
	assert_string_equal(b.rules->port_classes[b.im->port_class[RAST_PROTO_TCP][80]], "TCP 80");
	assert_string_equal(b.rules->port_classes[b.im->port_class[RAST_PROTO_TCP][443]],
			    "TCP 443");
	assert_string_equal(b.rules->port_classes[b.im->port_class[RAST_PROTO_TCP][400]],
			    "TCP 400-442, TCP 444-500");
	assert_string_equal(b.rules->port_classes[b.im->port_class[RAST_PROTO_TCP][65535]],
			    "TCP 65534-65535");
	assert_int_equal(b.im->port_class[RAST_PROTO_UDP][80], 0);
	assert_int_equal(b.im->port_class_other, 0);
	drop(&b);
}

static void test_a_port_name_means_what_each_destination_calls_so(void **state)
{
	static const char text[] = POLICY("p", "  podSelector: {}\n  policyTypes: [Egress]\n"
					       "  egress: [{ports: [{port: http}]}]\n");
	struct rast_policy_named_port http = {"http", RAST_PROTO_TCP, 80};
	struct built b = {};
	char buf[700];

	(void)state;
	parse(&b, text, strlen(text));
	add_pods(&b, 3);
	b.world.pods[0].ports = &http;
	b.world.pods[0].n_ports = 1;
	b.world.pods[1].ports = &(struct rast_policy_named_port){"http", RAST_PROTO_TCP, 8080};
	b.world.pods[1].n_ports = 1;
	assert_int_equal(compile(&b), 0);
	assert_string_equal(rule_of(&b, RAST_DIR_EGRESS, 'c', 'a', 80, buf, sizeof(buf)),
			    "allow: default/p egress[0]");
	assert_string_equal(rule_of(&b, RAST_DIR_EGRESS, 'c', 'a', 8080, buf, sizeof(buf)),
			    "deny: default deny");
	assert_string_equal(rule_of(&b, RAST_DIR_EGRESS, 'c', 'b', 8080, buf, sizeof(buf)),
			    "allow: default/p egress[0]");
	assert_string_equal(rule_of(&b, RAST_DIR_EGRESS, 'c', 'b', 80, buf, sizeof(buf)),
			    "deny: default deny");
	assert_string_equal(rule_of(&b, RAST_DIR_EGRESS, 'c', 'c', 80, buf, sizeof(buf)),
			    "deny: default deny");
	drop(&b);
}

static void test_a_cell_names_the_first_rule_by_policy_name_and_index(void **state)
{
	struct built b = {};
	char buf[700];

	(void)state;
	must_compile(&b,
		     POLICY("z", "  podSelector: {}\n  ingress: [{}]\n")
			     POLICY("m", "  podSelector: {}\n  ingress:\n  - ports: [{port: 81}]\n"
					 "  - ports: [{port: 80}]\n"),
		     2);
	assert_string_equal(rule_of(&b, RAST_DIR_INGRESS, 'a', 'b', 80, buf, sizeof(buf)),
			    "allow: default/m ingress[1]");
	assert_string_equal(rule_of(&b, RAST_DIR_INGRESS, 'a', 'b', 82, buf, sizeof(buf)),
			    "allow: default/z ingress[0]");
	assert_int_equal(b.rules->classes[1].n_isolated_by[RAST_DIR_INGRESS], 2);
	assert_int_equal(b.rules->classes[1].n_isolated_by[RAST_DIR_EGRESS], 0);
	drop(&b);
}

static void test_the_node_is_always_let_in(void **state)
{
	struct built b = {};
	struct rast_policy_end node = {.identity = RAST_IDENTITY_HOST};

	(void)state;
	must_compile(&b, POLICY("p", "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n"), 1);
	assert_int_equal(
		rast_policy_image_verdict(b.im, RAST_DIR_INGRESS, 16, &node, RAST_PROTO_OTHER, 0),
		RAST_CELL_ALLOW | RAST_RULE_NODE);
	assert_int_equal(
		rast_policy_image_verdict(b.im, RAST_DIR_EGRESS, 16, &node, RAST_PROTO_OTHER, 0),
		RAST_RULE_DEFAULT_DENY);
	drop(&b);
}

static void test_the_matrix_is_readable(void **state)
{
	struct built b = {};
	json_t *reach;
	const json_t *rows;

	(void)state;
	must_compile(&b,
		     POLICY("p", "  podSelector: {matchLabels: {app: b}}\n"
				 "  ingress: [{from: [{podSelector: {matchLabels: {app: a}}}], "
				 "ports: [{port: 80}, {port: 53, protocol: UDP}]}]\n"),
		     3);
	reach = rast_policy_reach(b.im, b.rules);
	rows = json_object_get(reach, "rows");
	/* node, a, b, c, everything else */
	assert_int_equal(json_array_size(rows), 5);
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 1), 2)),
			    "TCP 80, UDP 53");
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 3), 2)), "-");
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 2), 1)), "all");
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 0), 2)), "all");
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 4), 4)), "");
	json_decref(reach);
	drop(&b);
}

static void test_worlds_with_two_of_a_kind_are_refused(void **state)
{
	static const struct {
		size_t pod;
		uint32_t identity, addr4;
		const char *name, *error;
	} t[] = {
		{1, 16, 99, "b", "pods default/a and default/b both have identity 16"},
		{1, 17, 0x0a000001, "b", "pods default/a and default/b both have address 10.0.0.1"},
		{1, 17, 99, "a", "pod default/a is there twice"},
		{1, 15, 99, "b", "pod default/b has identity 15, not one of 16 to 8191"},
		{1, 8192, 99, "b", "pod default/b has identity 8192, not one of 16 to 8191"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct built b = {};

		parse(&b, "", 0);
		add_pods(&b, 3);
		b.world.pods[t[i].pod].identity = t[i].identity;
		b.world.pods[t[i].pod].addr4 = t[i].addr4;
		b.world.pods[t[i].pod].name = t[i].name;
		assert_true(compile(&b) < 0);
		assert_string_equal(b.err.text, t[i].error);
		drop(&b);
	}
}

/* One text of many policies, made by `fn`. */
static void too_large(struct built *b, size_t n, size_t pods, void (*fn)(FILE *, size_t),
		      const char *error)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < n; i++)
		fn(f, i);
	assert_int_equal(fclose(f), 0);
	parse(b, text, len);
	add_pods(b, pods);
	assert_int_equal(compile(b), -E2BIG);
	assert_string_equal(b->err.text, error);
	assert_null(b->im);
	assert_null(b->rules);
	assert_null(b->report);
	free(text);
	drop(b);
}

static void one_port_each(FILE *f, size_t i)
{
	(void)fprintf(f, POLICY("p%zu", "  podSelector: {}\n  ingress: [{ports: [{port: %zu}]}]\n"),
		      i, 2 * i + 1);
}

static void one_pod_each(FILE *f, size_t i)
{
	(void)fprintf(
		f, POLICY("p%zu", "  podSelector: {matchLabels: {app: p%zu}}\n  ingress: [{}]\n"),
		i, i + 26);
}

static void test_what_is_too_large_says_so_and_is_no_image(void **state)
{
	struct built b = {};

	(void)state;
	too_large(&b, 300, 1, one_port_each,
		  "policy is too large: 301 classes of ports, more than 255");
	too_large(&b, 1500, 1600, one_pod_each,
		  "policy is too large: 2 directions x 1502 classes of pods x 1503 of peers (1502 "
		  "of pods and 1 of addresses) x 1 of ports are 4515012 cells, more than 4194304");
}

static void test_a_thousand_pods_and_policies_compile_in_a_moment(void **state)
{
	struct built b = {};
	struct timespec t0, t1;
	char *text = NULL, buf[1024];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	double ms;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)fprintf(f,
			      POLICY("p%d",
				     "  podSelector: {matchLabels: {team: t%d}}\n"
				     "  policyTypes: [Ingress, Egress]\n"
				     "  ingress: [{from: [{podSelector: {matchLabels: {team: "
				     "t%d}}}], ports: [{port: %d}]}]\n"
				     "  egress: [{to: [{podSelector: {matchLabels: {team: "
				     "t%d}}}, {ipBlock: {cidr: 192.168.%d.0/24}}]}]\n"),
			      i, i % 50, (i * 7) % 50, 8000 + i % 40, (i * 3) % 50, i % 60);
	assert_int_equal(fclose(f), 0);
	parse(&b, text, len);
	free(text);
	for (size_t i = 0; i < 1000; i++) {
		char name[16], team[16];
		struct rast_policy_label label = {"team", team};
		struct rast_policy_pod pod = {.ns = "default",
					      .name = name,
					      .labels = &label,
					      .n_labels = 1,
					      .identity = RAST_IDENTITY_FIRST + (uint32_t)i,
					      .addr4 = 0x0a000001 + (uint32_t)i};

		(void)snprintf(name, sizeof(name), "pod%zu", i);
		(void)snprintf(team, sizeof(team), "t%zu", i % 50);
		assert_int_equal(rast_policy_world_add_pod(&b.world, &pod), 0);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	if (compile(&b) < 0)
		fail_msg("%s", rast_err_format(&b.err, buf, sizeof(buf)));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
	print_message("# 1000 pods, 1000 policies, %lld cells: %.1f ms of CPU\n",
		      (long long)rast_json_int(b.report, "cells"), ms);
	/* Sanitizers and busy machines have their allowance in this; it takes some 25 ms. */
	assert_true(ms < 1000);
	drop(&b);
}

/* A rule for each second address from 11.0.0.0 on. */
static void
test_a_rule_for_each_of_many_addresses_costs_by_their_number_not_its_square(void **state)
{
	enum { RULES = 70000 }; /* more than 16 bits have numbers for */
	struct rast_policy_image *again = NULL;
	struct rast_policy_rules *rules = NULL;
	void *file = NULL;
	struct built b = {};
	struct timespec t0, t1;
	char *text = NULL, buf[1024];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	double ms;

	(void)state;
	(void)fputs(POLICY("p", "  podSelector: {}\n  ingress: [\n"), f);
	for (unsigned int i = 0; i < RULES; i++)
		(void)fprintf(f, "    {from: [{ipBlock: {cidr: 11.%u.%u.%u/32}}]},\n", i >> 15,
			      i >> 7 & 255, i << 1 & 255);
	(void)fputs("    ]\n", f);
	assert_int_equal(fclose(f), 0);
	parse(&b, text, len);
	free(text);
	add_pods(&b, 2);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	if (compile(&b) < 0)
		fail_msg("%s", rast_err_format(&b.err, buf, sizeof(buf)));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
	print_message("# %d rules of one block each: %.1f ms of CPU\n", RULES, ms);
	assert_int_equal(rast_policy_image_check(b.im, &b.err), 0);
	assert_int_equal(b.im->n_range4, 2 * RULES + 1);
	assert_int_equal(b.im->n_peer - b.im->n_class, RULES + 1);
	for (uint32_t i = 0; i < RULES; i += 997) {
		struct rast_policy_end end = {.kind = RAST_END_ADDR4,
					      .addr4 = 0x0b000000 | (i >> 15) << 16 |
						       (i >> 7 & 255) << 8 | (i << 1 & 255)};

		assert_int_equal(rast_policy_image_verdict(b.im, RAST_DIR_INGRESS,
							   RAST_IDENTITY_FIRST, &end,
							   RAST_PROTO_TCP, 80),
				 RAST_CELL_ALLOW | (RAST_RULE_FIRST + i));
		end.addr4++;
		assert_int_equal(rast_policy_image_verdict(b.im, RAST_DIR_INGRESS,
							   RAST_IDENTITY_FIRST, &end,
							   RAST_PROTO_TCP, 80),
				 RAST_RULE_DEFAULT_DENY);
	}
	assert_int_equal(rast_policy_file_write(b.im, b.rules, &file, &len), 0);
	assert_int_equal(rast_policy_file_read("f", file, len, &again, &rules, &b.err), 0);
	assert_int_equal(rules->n_rules, RULES);
	assert_int_equal(rules->rules[RULES - 1].id, RAST_RULE_FIRST + RULES - 1);
	assert_int_equal(rules->rules[RULES - 1].index, RULES - 1);
	rast_policy_rules_destroy(rules);
	free(again);
	free(file);
	assert_true(ms < 5000);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_policies_everything_is_one_class_and_allowed),
		cmocka_unit_test(test_pods_that_no_rule_tells_apart_are_one_class),
		cmocka_unit_test(test_a_policy_that_selects_nobody_splits_nothing_and_is_named),
		cmocka_unit_test(test_a_block_tells_pods_of_the_same_labels_apart),
		cmocka_unit_test(test_addresses_become_ranges_merged_by_who_covers_them),
		cmocka_unit_test(test_a_range_may_end_with_the_last_address),
		cmocka_unit_test(test_equal_port_lists_are_one_and_ranges_are_cut_at_each_edge),
		cmocka_unit_test(test_a_port_name_means_what_each_destination_calls_so),
		cmocka_unit_test(test_a_cell_names_the_first_rule_by_policy_name_and_index),
		cmocka_unit_test(test_the_node_is_always_let_in),
		cmocka_unit_test(test_the_matrix_is_readable),
		cmocka_unit_test(
			test_a_rule_for_each_of_many_addresses_costs_by_their_number_not_its_square),
		cmocka_unit_test(test_worlds_with_two_of_a_kind_are_refused),
		cmocka_unit_test(test_what_is_too_large_says_so_and_is_no_image),
		cmocka_unit_test(test_a_thousand_pods_and_policies_compile_in_a_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
