// SPDX-License-Identifier: BSD-2-Clause
/*
 * What rast_policy_reach_diff() says against the verdicts of the two images themselves, on random clusters of
 * which the second set lacks some policies of the first: each change is told in exactly one row, and nothing
 * else is.
 */
#include "policy_random.h"

#include "policy/reach_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool has_member(const json_t *row, const char *end, const char *name)
{
	const json_t *members = json_object_get(json_object_get(row, end), "members");

	for (size_t i = 0; i < json_array_size(members); i++)
		if (!strcmp(json_string_value(json_array_get(members, i)), name))
			return true;
	return false;
}

/* "", " 8", " 8/0", " 0-8", " 8/1-255", " 0/1 to 8/3" */
static bool has_type(const char *text, int port)
{
	int a = 0, b = 0, c = 0, d = 0, n = 0;

	if (*text != ' ')
		return true;
	if (sscanf(text, " %d/%d to %d/%d%n", &a, &b, &c, &d, &n) == 4)
		return a * 256 + b <= port && port <= c * 256 + d;
	if (sscanf(text, " %d/%d-%d", &a, &b, &c) == 3)
		return a * 256 + b <= port && port <= a * 256 + c;
	if (sscanf(text, " %d/%d", &a, &b) == 2)
		return port == a * 256 + b;
	if (sscanf(text, " %d-%d", &a, &b) == 2)
		return a <= port / 256 && port / 256 <= b;
	return sscanf(text, " %d", &a) == 1 && port / 256 == a;
}

/* "TCP 80, UDP 1-5, SCTP, ICMP 8/0, without ports", "all" */
static bool has_port(const char *text, int proto, int port)
{
	static const char *const names[] = {"TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "without"};

	if (!strcmp(text, "all"))
		return true;
	for (const char *p = text; p; p = strchr(p, ',')) {
		char name[16];
		int lo = 0, hi = 0, n;

		p += strspn(p, ", ");
		assert_null(strstr(p, "…"));
		n = sscanf(p, "%15[A-Za-z6] %d-%d", name, &lo, &hi);
		if (strcmp(name, names[proto]) != 0)
			continue;
		if (proto == 3 || proto == 4) {
			if (has_type(p + strlen(name), port))
				return true;
			continue;
		}
		if (proto == 5 || n == 1 || (n == 2 ? port == lo : lo <= port && port <= hi))
			return true;
	}
	return false;
}

static const char *pod_name(const struct pr_cluster *r, int i, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s", r->world.pods[i].ns, r->world.pods[i].name);
	return buf;
}

static bool pods_allow(const struct rast_policy_image *im, uint32_t from, uint32_t to, int proto,
		       int port)
{
	struct rast_policy_end a = {.kind = RAST_END_IDENTITY, .identity = from};
	struct rast_policy_end b = {.kind = RAST_END_IDENTITY, .identity = to};

	return rast_policy_image_verdict(im, RAST_DIR_EGRESS, from, &b,
					 (enum rast_policy_proto)proto, (uint16_t)port) &
	       rast_policy_image_verdict(im, RAST_DIR_INGRESS, to, &a,
					 (enum rast_policy_proto)proto, (uint16_t)port) &
	       RAST_CELL_ALLOW;
}

static void compare(const struct pr_cluster *r, const struct rast_policy_image *now,
		    const json_t *rows, uint64_t *s)
{
	static const int ports[] = {0, 1, 79, 80, 81, 82, 443, 444, 8080, 8081, 65535};

	for (int k = 0; k < 300; k++) {
		int i = (int)(m_next(s) % (uint64_t)r->c.n_pods),
		    j = (int)(m_next(s) % (uint64_t)r->c.n_pods);
		int proto = (int)(m_next(s) % 6), port = ports[m_next(s) % 11], told = 0;
		uint32_t a = PR_IDENTITY(i), b = PR_IDENTITY(j);
		char from[64], to[64];
		bool was, is;
		json_t *row;
		size_t n;

		if (i == j)
			continue;
		if (proto == 3 || proto == 4)
			port = (int)(m_next(s) % 256) * 256 + (int)(m_next(s) % 3);
		was = pods_allow(r->image, a, b, proto, port);
		is = pods_allow(now, a, b, proto, port);
		(void)pod_name(r, i, from, sizeof(from));
		(void)pod_name(r, j, to, sizeof(to));
		json_array_foreach((json_t *)rows, n, row)
			if (has_member(row, "from", from) && has_member(row, "to", to) &&
			    has_port(rast_json_str(row, "ports"), proto, port)) {
				told++;
				assert_string_equal(rast_json_str(row, "was"),
						    was ? "allow" : "deny");
				assert_string_equal(rast_json_str(row, "now"),
						    is ? "allow" : "deny");
			}
		if (told != (was != is))
			fail_msg(
				"seed %llu: %s -> %s proto %d port %d: was %d, is %d, told %d times\n%s",
				(unsigned long long)r->seed, from, to, proto, port, was, is, told,
				r->yaml);
	}
}

static void test_each_change_of_a_verdict_is_told_once(void **state)
{
	struct pr_cluster r = {};
	struct rast_policy_image *now = NULL;
	struct pr_seeds seeds = pr_seeds_begin();
	double began = pr_now();
	uint64_t rows_seen = 0;

	(void)state;
	for (; pr_seeds_more(&seeds, began, 3); seeds.count++) {
		uint64_t s = seeds.next++;
		struct rast_policy_rules *rules = NULL;
		int kept;
		json_t *rows;

		pr_make(&r, &s);
		pr_forget_set(&r);
		kept = r.c.n_policies;
		r.c.n_policies -= (int)(m_next(&s) % 3);
		r.c.n_policies = r.c.n_policies < 0 ? 0 : r.c.n_policies;
		pr_parse(&r, 0);
		pr_compile(&r, &now, &rules);
		rows = rast_policy_reach_diff(&r.world, (struct rast_reach_side){r.image, r.rules},
					      (struct rast_reach_side){now, rules});
		assert_non_null(rows);
		if (r.c.n_policies == kept)
			assert_int_equal(json_array_size(rows), 0);
		rows_seen += json_array_size(rows);
		compare(&r, now, rows, &s);
		json_decref(rows);
		rast_policy_rules_destroy(rules);
		pr_finish(&r);
	}
	print_message("# seeds %llu to %llu: %llu clusters, %llu changes\n",
		      (unsigned long long)seeds.first, (unsigned long long)seeds.next - 1,
		      (unsigned long long)seeds.count, (unsigned long long)rows_seen);
	assert_true(seeds.given || rows_seen > 0);
	free(now);
}

/* In force before: nothing. Numbers of rules once had 16 bits here. */
static void test_a_rule_past_the_65535th_is_named(void **state)
{
	enum { RULES = 70000 };
	_cleanup_policy_set_ struct rast_policy_set *empty = NULL;
	_cleanup_policy_rules_ struct rast_policy_rules *none = NULL, *rules = NULL;
	_cleanup_policy_world_ struct rast_policy_world world = {0};
	struct rast_policy_image *was = NULL, *now = NULL;
	const struct rast_policy_pod pod = {
		.ns = "n", .name = "p", .identity = RAST_IDENTITY_FIRST, .addr4 = 0x0a4d0002};
	struct rast_policy_set *set = NULL;
	struct rast_yaml *y = NULL;
	char *text = NULL;
	size_t size = 0;
	bool told = false;
	json_t *rows, *row;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	(void)fprintf(f, "apiVersion: rast.os/v1\nkind: ContainerNetworkPolicy\n"
			 "metadata: {name: d, namespace: n}\nspec:\n  podSelector: {}\n"
			 "  ingressDeny:\n");
	for (int i = 0; i < RULES; i++)
		(void)fprintf(f,
			      "  - {from: [{ipBlock: {cidr: 192.0.2.0/24}}], "
			      "ports: [{protocol: TCP, port: %d}]}\n",
			      i == RULES - 1 ? 2 : 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rast_yaml_parse("d.yaml", text, size, &y, NULL), 0);
	assert_int_equal(rast_policy_set_create(&empty), 0);
	assert_int_equal(rast_policy_set_create(&set), 0);
	assert_int_equal(rast_policy_set_parse(rast_yaml_root(y, 0), set, NULL), 0);
	assert_int_equal(rast_policy_world_add_pod(&world, &pod), 0);
	assert_int_equal(rast_policy_compile(empty, &world, 1, &was, &none, NULL, NULL), 0);
	assert_int_equal(rast_policy_compile(set, &world, 2, &now, &rules, NULL, NULL), 0);
	rows = rast_policy_reach_diff(&world, (struct rast_reach_side){was, none},
				      (struct rast_reach_side){now, rules});
	json_array_foreach(rows, size, row)
		told |= !strcmp(rast_json_str(row, "ports"), "TCP 2") &&
			strstr(rast_json_str(row, "rule"), "ingressDeny[69999]");
	assert_true(told);
	json_decref(rows);
	rast_policy_set_destroy(set);
	rast_yaml_destroy(y);
	free(text);
	free(was);
	free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_change_of_a_verdict_is_told_once),
		cmocka_unit_test(test_a_rule_past_the_65535th_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
