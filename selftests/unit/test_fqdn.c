// SPDX-License-Identifier: BSD-2-Clause
/* DNS names of rules: as text, on the wire, and what a compiled policy says to a name. */
#include "policy/ends.h"
#include "policy/fqdn.h"
#include "policy/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rast_fqdn parsed(const char *text)
{
	struct rast_fqdn f;

	assert_int_equal(rast_fqdn_parse(text, &f), 0);
	return f;
}

static void test_names_on_the_wire(void **state)
{
	struct rast_fqdn f = parsed("Api.example.COM.");

	(void)state;
	assert_false(f.suffix);
	assert_int_equal(f.len, 17);
	assert_memory_equal(f.wire, "\3api\7example\3com", 17);
	f = parsed("*.example.com");
	assert_true(f.suffix);
	assert_memory_equal(f.wire, "\7example\3com", 13);
	f = parsed("*");
	assert_true(f.suffix);
	assert_int_equal(f.len, 1);
}

static void test_what_is_no_name(void **state)
{
	static const char *const bad[] = {"",      ".",    "a..b",  ".a",         "*.",
					  "a.*.b", "*a.b", "a*.b",  "**.b",       "a b",
					  "a/b",   "*b",   "*.*.b", "\303\274.de"};
	char label[80] = "";
	struct rast_fqdn f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rast_fqdn_parse(bad[i], &f) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	memset(label, 'a', 63);
	assert_int_equal(rast_fqdn_parse(label, &f), 0);
	label[63] = 'a';
	assert_int_equal(rast_fqdn_parse(label, &f), -EINVAL);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} t[] = {
		{"a.b", "a.b", true},       {"a.b", "x.a.b", false},     {"a.b", "b", false},
		{"*.a.b", "x.a.b", true},   {"*.a.b", "y.x.a.b", true},  {"*.a.b", "a.b", false},
		{"*.a.b", "xa.b", false},   {"*.a.b", "x.a.b.c", false}, {"*", "a", true},
		{"*", "a.b.c.d", true},     {"*.b", "b.b", true},        {"*.com", "a.com", true},
		{"*.a.b", "x.aa.b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rast_fqdn p = parsed(t[i].pattern), n = parsed(t[i].name);

		if (rast_fqdn_matches(&p, &n) != t[i].matches)
			fail_msg("%s, %s", t[i].pattern, t[i].name);
	}
}

static void test_names_as_text(void **state)
{
	char buf[RAST_FQDN_TEXT_SIZE];

	(void)state;
	assert_string_equal(rast_fqdn_format((const uint8_t *)"\3api\1b", 7, buf), "api.b");
	assert_string_equal(rast_fqdn_format((const uint8_t *)"", 1, buf), ".");
	assert_string_equal(rast_fqdn_format((const uint8_t *)"\3a.\n", 5, buf), "a\\046\\010");
	assert_string_equal(rast_fqdn_format((const uint8_t *)"\3api\7exam", 9, buf), "api.exam…");
	assert_string_equal(rast_fqdn_format((const uint8_t *)"", 0, buf), "…");
}

static void test_numbers_differ(void **state)
{
	struct rast_fqdn a = parsed("a.b"), b = parsed("*.a.b"), c = parsed("A.B.");

	(void)state;
	assert_true(rast_fqdn_id(&a) != rast_fqdn_id(&b));
	assert_true(rast_fqdn_id(&a) == rast_fqdn_id(&c));
}

/* ---- through the compiler ---- */

#define HEAD                                                                            \
	"{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}}\n---\n" \
	"{apiVersion: v1, kind: Pod, metadata: {name: dns, labels: {app: dns}}}\n---\n" \
	"apiVersion: rast.os/v1\nkind: ContainerNetworkPolicy\nmetadata: {name: out}\n" \
	"spec:\n  podSelector: {matchLabels: {app: web}}\n"

struct compiled {
	struct rast_yaml *y;
	struct rast_policy_world world;
	struct rast_policy_set *set;
	struct rast_policy_image *image;
	struct rast_policy_rules *rules;
};

static void compile(const char *text, struct compiled *c)
{
	struct rast_policy_pod *pod;
	struct rast_err err = {0};

	memset(c, 0, sizeof(*c));
	assert_int_equal(rast_yaml_parse("f.yaml", text, strlen(text), &c->y, &err), 0);
	assert_int_equal(rast_policy_set_create(&c->set), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(rast_policy_world_add_manifest(&c->world, rast_yaml_root(c->y, i),
								&pod, &err),
				 0);
	for (size_t i = 2; rast_yaml_root(c->y, i); i++)
		if (rast_policy_set_parse(rast_yaml_root(c->y, i), c->set, &err) < 0)
			fail_msg("%s", err.text);
	assert_int_equal(rast_policy_world_number(&c->world, 0x0a4d0000, 16, &err), 0);
	if (rast_policy_compile(c->set, &c->world, 1, &c->image, &c->rules, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rast_policy_image_check(c->image, &err), 0);
}

static void drop(struct compiled *c)
{
	free(c->image);
	rast_policy_rules_destroy(c->rules);
	rast_policy_set_destroy(c->set);
	rast_policy_world_finish(&c->world);
	rast_yaml_destroy(c->y);
}

static bool allowed(const struct compiled *c, const char *to, uint16_t port)
{
	struct rast_end web, end;
	bool ok;

	assert_int_equal(rast_end_find(&c->world, "web", &web, NULL), 0);
	assert_int_equal(rast_end_find(&c->world, to, &end, NULL), 0);
	(void)rast_end_verdict(c->image, &web, &end, RAST_PROTO_TCP, port, &ok);
	return ok;
}

static void test_names_of_a_policy(void **state)
{
	struct compiled c;

	(void)state;
	compile(HEAD "  egress:\n"
		     "  - {to: [{fqdns: [{name: api.example.com}, {pattern: \"*.wild.example\"}]}, "
		     "{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 443}]}\n"
		     "  - {to: [{fqdns: [{name: api.example.com}]}], ports: [{port: 80}]}\n",
		&c);
	assert_true(allowed(&c, "api.example.com", 443));
	assert_true(allowed(&c, "api.example.com", 80));
	assert_true(allowed(&c, "x.wild.example", 443));
	assert_false(allowed(&c, "x.wild.example", 80));
	assert_false(allowed(&c, "wild.example", 443));
	assert_false(allowed(&c, "other.example", 443));
	assert_true(allowed(&c, "192.0.2.1", 443));
	assert_false(allowed(&c, "192.0.2.1", 80));
	assert_false(allowed(&c, "198.51.100.1", 443));
	assert_int_equal(c.image->names.n_patterns, 2);
	assert_int_equal(c.image->names.flags_by_class
					 [c.image->class_by_identity[c.world.pods[0].identity]] |
				 c.image->names.flags_by_class
					 [c.image->class_by_identity[c.world.pods[1].identity]],
			 RAST_NAMES_PEERS);
	drop(&c);
}

static void test_deny_wins_over_names(void **state)
{
	struct compiled c;

	(void)state;
	compile(HEAD "  egress:\n  - to: [{fqdns: [{pattern: \"*\"}]}]\n---\n"
		     "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
		     "metadata: {name: d}\nspec:\n  tier: Admin\n  priority: 1\n"
		     "  subject: {namespaces: {}}\n"
		     "  egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}], "
		     "protocols: [{tcp: {destinationPort: {number: 25}}}]}]\n",
		&c);
	assert_true(allowed(&c, "a.example", 80));
	assert_false(allowed(&c, "198.51.100.1", 25));
	drop(&c);
}

/* A rule with `dns` decides only what no rule without it allows. */
static void test_dns_of_a_policy(void **state)
{
	struct compiled c;
	uint32_t groups = 0;

	(void)state;
	compile(HEAD "  egress:\n"
		     "  - {to: [{podSelector: {}}], ports: [{port: 53, protocol: UDP}], "
		     "dns: [{name: a.example}, {pattern: \"*.b.example\"}]}\n"
		     "  - {to: [{podSelector: {matchLabels: {app: dns}}}]}\n",
		&c);
	for (uint32_t i = 0; i < c.image->names.n_patterns; i++)
		groups += c.image->names.patterns[i].group >= RAST_RULE_FIRST;
	assert_int_equal(groups, 2);
	{
		struct rast_end web, dns;
		bool ok;

		assert_int_equal(rast_end_find(&c.world, "web", &web, NULL), 0);
		assert_int_equal(rast_end_find(&c.world, "dns", &dns, NULL), 0);
		(void)rast_end_verdict(c.image, &web, &dns, RAST_PROTO_UDP, 53, &ok);
		assert_true(ok);
		for (uint32_t i = 0; i < c.image->names.n_patterns; i++) {
			struct rast_policy_end end = rast_end_image(&dns);
			uint32_t out = rast_policy_image_verdict(c.image, RAST_DIR_EGRESS,
								 web.pod->identity, &end,
								 RAST_PROTO_UDP, 53);

			assert_int_not_equal(out & RAST_CELL_RULE,
					     c.image->names.patterns[i].group);
		}
	}
	drop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_on_the_wire),
		cmocka_unit_test(test_what_is_no_name),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_names_as_text),
		cmocka_unit_test(test_numbers_differ),
		cmocka_unit_test(test_names_of_a_policy),
		cmocka_unit_test(test_deny_wins_over_names),
		cmocka_unit_test(test_dns_of_a_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
