// SPDX-License-Identifier: BSD-2-Clause
/*
 * Suggested policies on random clusters: whatever was seen is allowed, and of everything else only what pods
 * with the same labels as those that were seen do.
 */
#include "policy_random.h"

#include "policy/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EDGES 12

struct seen {
	int from, to, proto, port;
};

static const char *const protos[] = {"TCP", "UDP", "SCTP"};
static const int ports[] = {53, 80, 443, 6379};

static bool same_group(const struct pr_cluster *r, int a, int b)
{
	return r->c.pods[a].ns == r->c.pods[b].ns &&
	       !memcmp(&r->c.pods[a].labels, &r->c.pods[b].labels, sizeof(r->c.pods[a].labels));
}

static json_t *make_edges(const struct pr_cluster *r, struct seen *seen, uint64_t *s)
{
	json_t *edges = json_array();

	for (int i = 0; i < EDGES; i++) {
		struct seen *e = &seen[i];
		const struct rast_policy_pod *a, *b;

		e->from = (int)(m_next(s) % (uint64_t)r->c.n_pods);
		e->to = (int)(m_next(s) % (uint64_t)r->c.n_pods);
		e->proto = (int)(m_next(s) % 3);
		e->port = ports[m_next(s) % 4];
		a = &r->world.pods[e->from];
		b = &r->world.pods[e->to];
		assert_int_equal(
			json_array_append_new(
				edges, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "from", a->name,
						 "from_namespace", a->ns, "to", b->name,
						 "to_namespace", b->ns, "port", e->port, "protocol",
						 protos[e->proto], "verdict", "allow")),
			0);
	}
	return edges;
}

static bool was_seen(const struct pr_cluster *r, const struct seen *seen, int from, int to,
		     int proto, int port)
{
	for (int i = 0; i < EDGES; i++)
		if (seen[i].proto == proto && seen[i].port == port &&
		    same_group(r, seen[i].from, from) && same_group(r, seen[i].to, to))
			return true;
	return false;
}

/* Every pair of pods on every port, as edges that were denied: those now allowed are in also_allowed. */
static void compare(const struct pr_cluster *r, const json_t *policies, const struct seen *seen)
{
	struct rast_err err = {0};
	json_t *all = json_array(), *check = NULL, *more;
	size_t want = 0;

	for (int a = 0; a < r->c.n_pods; a++)
		for (int b = 0; b < r->c.n_pods; b++)
			for (int k = 0; k < 12; k++) {
				bool yes = was_seen(r, seen, a, b, k % 3, ports[k / 3]);

				want += yes;
				(void)json_array_append_new(
					all,
					json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:b}", "from",
						  r->world.pods[a].name, "from_namespace",
						  r->world.pods[a].ns, "to", r->world.pods[b].name,
						  "to_namespace", r->world.pods[b].ns, "port",
						  ports[k / 3], "protocol", protos[k % 3],
						  "verdict", "deny", "want", yes));
			}
	assert_int_equal(rast_policy_suggest_check(&r->world, policies, all, &check, &err), 0);
	more = json_object_get(check, "also_allowed");
	for (size_t i = 0; i < json_array_size(more); i++)
		if (!rast_json_bool(json_array_get(more, i), "want"))
			fail_msg("seed %llu: allowed though nobody did it: %s\n%s",
				 (unsigned long long)r->seed,
				 json_dumps(json_array_get(more, i), JSON_COMPACT),
				 json_dumps(policies, JSON_INDENT(1)));
	assert_int_equal(json_array_size(more), want);
	json_decref(check);
	json_decref(all);
}

static void test_what_was_seen_is_allowed_and_nothing_else(void **state)
{
	struct pr_cluster r = {.image = malloc(sizeof(*r.image))};
	struct pr_seeds seeds = pr_seeds_begin();
	double began = pr_now();

	(void)state;
	assert_non_null(r.image);
	for (; pr_seeds_more(&seeds, began, 3); seeds.count++) {
		uint64_t s = seeds.next++;
		struct seen seen[EDGES];
		struct rast_err err = {0};
		json_t *edges, *suggestion = NULL, *check = NULL, *policies;

		pr_make(&r, &s);
		edges = make_edges(&r, seen, &s);
		assert_int_equal(rast_policy_suggest(&r.world, edges, NULL, &suggestion), 0);
		assert_int_equal(json_array_size(json_object_get(suggestion, "left_out")), 0);
		policies = json_object_get(suggestion, "policies");
		if (rast_policy_suggest_check(&r.world, policies, edges, &check, &err) < 0)
			fail_msg("seed %llu: %s", (unsigned long long)r.seed, err.text);
		assert_int_equal(json_array_size(json_object_get(check, "missing")), 0);
		assert_int_equal(rast_json_int(check, "allowed"), EDGES);
		compare(&r, policies, seen);
		json_decref(check);
		json_decref(suggestion);
		json_decref(edges);
		pr_finish(&r);
	}
	print_message("# seeds %llu to %llu: %llu clusters\n", (unsigned long long)seeds.first,
		      (unsigned long long)seeds.next - 1, (unsigned long long)seeds.count);
	free(r.image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_seen_is_allowed_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
