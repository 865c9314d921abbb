// SPDX-License-Identifier: BSD-2-Clause
/*
 * Documents of rast.os/v1: what is refused, with the exact words and place; what is taken, and as
 * what; and that nothing is taken which no program enforces.
 */
#include "policy/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CNP "apiVersion: rast.os/v1\nkind: ContainerNetworkPolicy\n"
#define SPEC CNP "metadata: {name: p}\nspec:\n  podSelector: {}\n"
#define NNP "apiVersion: rast.os/v1\nkind: NodeNetworkPolicy\nmetadata: {name: n}\nspec:\n"
#define IN(rule) SPEC "  ingress:\n  - " rule "\n"
#define OUT(rule) SPEC "  egress:\n  - " rule "\n"
#define L63 "a23456789012345678901234567890123456789012345678901234567890123"
#define RATE(map) IN("rateLimit: " map)

/* One document, without asking whether it can be enforced. */
static int parse(const char *text, struct rast_policy **ret, struct rast_err *err)
{
	struct rast_yaml *y = NULL;
	int r = rast_yaml_parse("f.yaml", text, strlen(text), &y, err);

	if (!r && strstr(text, "kind: NodeNetworkPolicy"))
		r = rast_policy_parse_node(rast_yaml_root(y, 0), ret, err);
	else if (!r)
		r = rast_policy_parse_container(rast_yaml_root(y, 0), ret, err);
	rast_yaml_destroy(y);
	return r;
}

static struct rast_policy *must_parse(const char *text)
{
	struct rast_policy *p = NULL;
	struct rast_err err = {};
	char buf[1024];

	if (parse(text, &p, &err) < 0)
		fail_msg("%s\n%s", rast_err_format(&err, buf, sizeof(buf)), text);
	return p;
}

struct bad {
	const char *text, *error;
};

static void refuse_all(const struct bad *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rast_policy *p = NULL;
		struct rast_err err = {};
		char buf[1024];

		if (!parse(t[i].text, &p, &err))
			fail_msg("taken, but should not be:\n%s", t[i].text);
		rast_err_format(&err, buf, sizeof(buf));
		if (strcmp(buf, t[i].error) != 0)
			fail_msg("got:  %s\nwant: %s\nfor:\n%s", buf, t[i].error, t[i].text);
	}
}

static void test_impossible_documents_are_refused(void **state)
{
	static const struct bad t[] = {
		{"apiVersion: v1\nkind: ContainerNetworkPolicy\nmetadata: {name: p}\nspec: {}\n",
		 "f.yaml:1:1: apiVersion: want \"rast.os/v1\", got \"v1\""},
		{CNP "metadata: {name: p}\nspec:\n  ingress: []\n",
		 "f.yaml:4:1: spec: field \"podSelector\" is missing"},
		{CNP "metadata: {name: p}\nspec: {}\nstatus: {}\n",
		 "f.yaml:5:1: status: unknown field"},
		{SPEC "  ingresDeny: []\n",
		 "f.yaml:6:3: spec.ingresDeny: unknown field (did you mean \"ingressDeny\"?)"},
		{SPEC, "f.yaml:4:1: spec: decides nothing: want ingress, egress, ingressDeny, "
		       "egressDeny or policyTypes"},
		{SPEC "  ingressDeny: []\n",
		 "f.yaml:4:1: spec: decides nothing: want ingress, egress, ingressDeny, "
		 "egressDeny or policyTypes"},
		{SPEC "  mode: staged\n  ingress: []\n",
		 "f.yaml:6:3: spec.mode: want Enforce or Staged, got \"staged\""},
		{SPEC "  log: yes\n  ingress: []\n",
		 "f.yaml:6:3: spec.log: want true or false, got \"yes\""},
		{SPEC "  log: true\n  ingress: [{log: false}]\n",
		 "f.yaml:7:14: spec.ingress[0].log: the whole policy has log: true"},
		{SPEC "  policyTypes: [Egress]\n  ingress: []\n",
		 "f.yaml:7:3: spec.ingress: these rules never count: policyTypes has no Ingress"},
		{SPEC "  policyTypes: [Egress, Egress]\n",
		 "f.yaml:6:25: spec.policyTypes[1]: Egress appears twice"},
		{SPEC "  policyTypes: [egress]\n",
		 "f.yaml:6:17: spec.policyTypes[0]: want Ingress or Egress, got \"egress\""},
		{SPEC "  nodeSelector: {}\n",
		 "f.yaml:6:3: spec.nodeSelector: unknown field (did you mean \"podSelector\"?)"},
		{NNP "  podSelector: {}\n",
		 "f.yaml:5:3: spec.podSelector: unknown field (did you mean \"nodeSelector\"?)"},
		{"apiVersion: rast.os/v1\nkind: NodeNetworkPolicy\n"
		 "metadata: {name: n, namespace: d}\nspec: {}\n",
		 "f.yaml:3:21: metadata.namespace: a NodeNetworkPolicy is in no namespace"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_impossible_rules_are_refused(void **state)
{
	static const struct bad t[] = {
		{IN("to: []"),
		 "f.yaml:7:5: spec.ingress[0].to: unknown field (did you mean \"log\"?)"},
		{IN("from: []"), "f.yaml:7:5: spec.ingress[0].from: an empty list is none: leave "
				 "from out for every peer"},
		{IN("ports: []"), "f.yaml:7:5: spec.ingress[0].ports: an empty list is none: leave "
				  "ports out for every port"},
		{IN("icmp: []"), "f.yaml:7:5: spec.ingress[0].icmp: an empty list is none: leave "
				 "icmp out for every type"},
		{IN("from: [{}]"),
		 "f.yaml:7:12: spec.ingress[0].from[0]: want podSelector, namespaceSelector, "
		 "ipBlock, entities or fqdns in each peer"},
		{IN("from: [{entites: [host]}]"),
		 "f.yaml:7:13: spec.ingress[0].from[0].entites: unknown field (did you mean "
		 "\"entities\"?)"},
		{IN("from: [{entities: []}]"),
		 "f.yaml:7:13: spec.ingress[0].from[0].entities: want at least one entity"},
		{IN("from: [{entities: [Host]}]"),
		 "f.yaml:7:24: spec.ingress[0].from[0].entities[0]: want host, node, cluster, world "
		 "or all, got \"Host\""},
		{IN("from: [{entities: [host, host]}]"),
		 "f.yaml:7:30: spec.ingress[0].from[0].entities[1]: host is there twice"},
		{IN("from: [{entities: [world, all]}]"),
		 "f.yaml:7:31: spec.ingress[0].from[0].entities[1]: all is all: want no other "
		 "beside it"},
		{IN("from: [{entities: [host], podSelector: {}}]"),
		 "f.yaml:7:13: spec.ingress[0].from[0].entities: entities may not stand with another "
		 "in one peer"},
		{IN("from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]"),
		 "f.yaml:7:13: spec.ingress[0].from[0].ipBlock: ipBlock and selectors may not stand "
		 "in one peer"},
		{IN("ports: [{port: 90, endPort: 80}]"),
		 "f.yaml:7:24: spec.ingress[0].ports[0].endPort: endPort 80 is below port 90"},
		{IN("ports: [{port: 80, endPort: 90}, {port: 90}]"),
		 "f.yaml:7:38: spec.ingress[0].ports[1]: overlaps ports[0]"},
		{IN("ports: [{port: web}, {port: web}]"),
		 "f.yaml:7:26: spec.ingress[0].ports[1]: overlaps ports[0]"},
		{SPEC "  ingressDeny: [{rateLimit: {packets: 1}}]\n",
		 "f.yaml:6:18: spec.ingressDeny[0].rateLimit: what is denied has no rate"},
		{SPEC "  egressDeny: [{to: [{fqdns: [{name: a.b}]}]}]\n",
		 "f.yaml:6:23: spec.egressDeny[0].to[0].fqdns: names are only for egress of a "
		 "ContainerNetworkPolicy"},
		{SPEC "  egressDeny: [{dns: [{name: a.b}]}]\n",
		 "f.yaml:6:17: spec.egressDeny[0].dns: dns is only for egress of a "
		 "ContainerNetworkPolicy"},
		{IN("dns: [{name: a.b}]"),
		 "f.yaml:7:5: spec.ingress[0].dns: dns is only for egress "
		 "of a ContainerNetworkPolicy"},
		{IN("from: [{fqdns: [{name: a.b}]}]"),
		 "f.yaml:7:13: spec.ingress[0].from[0].fqdns: names are only for egress of a "
		 "ContainerNetworkPolicy"},
		{NNP "  egress: [{to: [{fqdns: [{name: a.b}]}]}]\n",
		 "f.yaml:5:19: spec.egress[0].to[0].fqdns: names are only for egress of a "
		 "ContainerNetworkPolicy"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_impossible_icmp_is_refused(void **state)
{
	static const struct bad t[] = {
		{IN("icmp: [{type: 8}]"),
		 "f.yaml:7:12: spec.ingress[0].icmp[0]: field \"family\" is missing"},
		{IN("icmp: [{family: IPv4}]"),
		 "f.yaml:7:12: spec.ingress[0].icmp[0]: field \"type\" is missing"},
		{IN("icmp: [{family: ipv4, type: 8}]"),
		 "f.yaml:7:13: spec.ingress[0].icmp[0].family: want IPv4 or IPv6, got \"ipv4\""},
		{IN("icmp: [{family: IPv4, type: 256}]"),
		 "f.yaml:7:27: spec.ingress[0].icmp[0].type: 256 is not within 0 to 255"},
		{IN("icmp: [{family: IPv4, type: -1}]"),
		 "f.yaml:7:27: spec.ingress[0].icmp[0].type: -1 is not within 0 to 255"},
		{IN("icmp: [{family: IPv4, type: 8, code: 256}]"),
		 "f.yaml:7:36: spec.ingress[0].icmp[0].code: 256 is not within 0 to 255"},
		{IN("icmp: [{family: IPv4, type: 8, code: -1}]"),
		 "f.yaml:7:36: spec.ingress[0].icmp[0].code: -1 is not within 0 to 255"},
		{IN("icmp: [{family: IPv4, type: 8}, {family: IPv4, type: 8, code: 0}]"),
		 "f.yaml:7:37: spec.ingress[0].icmp[1]: overlaps icmp[0]"},
		{IN("{icmp: [{family: IPv6, type: 128}], from: [{ipBlock: {cidr: 10.0.0.0/8}}]}"),
		 "f.yaml:7:14: spec.ingress[0].icmp[0].family: every peer is an ipBlock of the other "
		 "family"},
		{IN("{icmp: [{family: IPv4, type: 8}], from: [{ipBlock: {cidr: \"fd00::/8\"}}]}"),
		 "f.yaml:7:14: spec.ingress[0].icmp[0].family: every peer is an ipBlock of the other "
		 "family"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

#define NAME(n) OUT("to: [{fqdns: [{name: " n "}]}]")
#define PATTERN(n) OUT("to: [{fqdns: [{pattern: " n "}]}]")

static void test_impossible_names_are_refused(void **state)
{
	static const struct bad t[] = {
		{OUT("to: [{fqdns: []}]"), "f.yaml:7:11: spec.egress[0].to[0].fqdns: want at least "
					   "one name or pattern"},
		{OUT("to: [{fqdns: [a.b]}]"),
		 "f.yaml:7:19: spec.egress[0].to[0].fqdns[0]: want a map, got a single value"},
		{OUT("to: [{fqdns: [{}]}]"),
		 "f.yaml:7:19: spec.egress[0].to[0].fqdns[0]: want one of name and pattern"},
		{OUT("to: [{fqdns: [{name: a.b, pattern: \"*.b\"}]}]"),
		 "f.yaml:7:19: spec.egress[0].to[0].fqdns[0]: want one of name and pattern"},
		{OUT("to: [{fqdns: [{name: a.b}, {name: A.B.}]}]"),
		 "f.yaml:7:32: spec.egress[0].to[0].fqdns[1]: \"a.b\" is there twice"},
		{NAME("\"\""), "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"\" is empty"},
		{NAME("a..b"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"a..b\" has an empty label"},
		{NAME(".b"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \".b\" has an empty label"},
		{NAME("a_b.c"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"a_b.c\" may have "
		 "only letters, digits, \"-\" and \".\""},
		{NAME("_sip.c"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"_sip.c\" may have "
		 "only letters, digits, \"-\" and \".\""},
		{NAME("-a.c"), "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"-a.c\" has a "
			       "label with \"-\" at an end"},
		{NAME("a-.c"), "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"a-.c\" has a "
			       "label with \"-\" at an end"},
		{NAME("\"*.c\""), "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"*.c\" has a "
				  "\"*\": want pattern, not name"},
		{NAME("10.0.0.1"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"10.0.0.1\" is "
		 "no name but an address: want ipBlock"},
		{NAME(L63 "4.c"), "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: \"" L63
				  "4\" has a label of more than 63 characters"},
		{NAME(L63 "." L63 "." L63 "." L63),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].name: "
		 "\"" L63 ".\" has more than 253 characters"},
		{PATTERN("a.c"),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].pattern: \"a.c\" has no "
		 "\"*\": want name, not pattern"},
		{PATTERN("\"**.c\""),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].pattern: \"**.c\" "
		 "has \"**\": one \"*\" says as much"},
		{PATTERN("\"a.*\""),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].pattern: \"a.*\" has "
		 "a \"*\" in its last label, and so means names of anybody's"},
		{PATTERN("\"a*.c\""),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].pattern: \"a*.c\" has "
		 "a \"*\" that is not all of its first label"},
		{PATTERN("\"*.a.*.c\""),
		 "f.yaml:7:20: spec.egress[0].to[0].fqdns[0].pattern: \"*.a.*.c\" has "
		 "a \"*\" that is not all of its first label"},
		{OUT("{ports: [{port: 443}], dns: [{name: a.b}]}"),
		 "f.yaml:7:28: spec.egress[0].dns: the rule allows no question: want UDP or TCP 53 "
		 "in ports"},
		{OUT("{ports: [{port: 53, protocol: SCTP}], dns: [{name: a.b}]}"),
		 "f.yaml:7:43: spec.egress[0].dns: the rule allows no question: want UDP or TCP 53 "
		 "in ports"},
		{OUT("{icmp: [{family: IPv4, type: 8}], dns: [{name: a.b}]}"),
		 "f.yaml:7:39: spec.egress[0].dns: the rule allows no question: want UDP or TCP 53 "
		 "in ports"},
		{OUT("dns: [{name: a.b_c}]"),
		 "f.yaml:7:12: spec.egress[0].dns[0].name: \"a.b_c\" may have only letters, digits, "
		 "\"-\", \".\", and \"_\" at the front of a label"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_impossible_rates_are_refused(void **state)
{
	static const struct bad t[] = {
		{RATE("{}"),
		 "f.yaml:7:5: spec.ingress[0].rateLimit: want one of packets, bytes and "
		 "connections"},
		{RATE("{burst: 5}"),
		 "f.yaml:7:5: spec.ingress[0].rateLimit: want one of packets, bytes and "
		 "connections"},
		{RATE("{packets: 1, bytes: 1}"),
		 "f.yaml:7:5: spec.ingress[0].rateLimit: want one of packets, bytes and connections, "
		 "not both packets and bytes"},
		{RATE("{packets: 0}"), "f.yaml:7:17: spec.ingress[0].rateLimit.packets: 0 is not "
				       "within 1 to 1000000000"},
		{RATE("{packets: 1.5}"),
		 "f.yaml:7:17: spec.ingress[0].rateLimit.packets: want a whole number, got \"1.5\""},
		{RATE("{bytes: 100000, burst: 1500}"),
		 "f.yaml:7:32: spec.ingress[0].rateLimit.burst: 1500 is not within 65536 to "
		 "1000000000000"},
		{RATE("{packet: 1}"),
		 "f.yaml:7:17: spec.ingress[0].rateLimit.packet: unknown field "
		 "(did you mean \"packets\"?)"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_every_field_arrives(void **state)
{
	struct rast_policy *p = must_parse(
		CNP "metadata: {name: api, namespace: shop}\nspec:\n"
		    "  podSelector: {matchLabels: {app: api}}\n"
		    "  mode: Staged\n"
		    "  ingress:\n"
		    "  - from: [{podSelector: {}}, {entities: [host, node, world]}]\n"
		    "    ports: [{protocol: TCP, port: 80, endPort: 90}]\n"
		    "    icmp: [{family: IPv4, type: 8, code: 0}, {family: IPv6, type: 128}]\n"
		    "    log: true\n"
		    "    rateLimit: {packets: 1000, burst: 2000}\n"
		    "  egress:\n"
		    "  - to: [{fqdns: [{name: API.example.com.}, {pattern: \"*.example.com\"}]}]\n"
		    "    ports: [{port: 443}]\n"
		    "    rateLimit: {bytes: 100}\n"
		    "  - to: [{entities: [all]}]\n"
		    "    ports: [{protocol: UDP, port: 53}]\n"
		    "    dns: [{name: _sip._tcp.example.com}, {pattern: \"*\"}]\n"
		    "  ingressDeny:\n"
		    "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]\n"
		    "  - {}\n");
	const struct rast_policy_rule *r = p->rules[RAST_DIR_INGRESS];

	(void)state;
	assert_string_equal(p->kind, "ContainerNetworkPolicy");
	assert_string_equal(p->ns, "shop");
	assert_true(p->staged && p->isolates[0] && p->isolates[1]);
	assert_int_equal(p->tier, RAST_TIER_NETPOL);
	/* Deny rules stand in front. */
	assert_int_equal(p->n_rules[RAST_DIR_INGRESS], 3);
	assert_int_equal(p->n_deny[RAST_DIR_INGRESS], 2);
	assert_int_equal(p->n_deny[RAST_DIR_EGRESS], 0);
	assert_int_equal(r[0].action, RAST_ACTION_DENY);
	assert_int_equal(r[0].line, 21);
	assert_int_equal(r[0].peers[0].block.n_excepts, 1);
	assert_true(r[1].any_peer && r[1].any_port && r[1].action == RAST_ACTION_DENY);
	r += 2;
	assert_int_equal(r->action, RAST_ACTION_ALLOW);
	assert_int_equal(r->line, 8);
	assert_true(r->log && !r->any_peer && !r->any_port);
	assert_int_equal(r->peers[0].kind, RAST_PEER_PODS);
	assert_int_equal(r->peers[1].kind, RAST_PEER_ENTITIES);
	assert_int_equal(r->peers[1].entities,
			 RAST_ENTITY_HOST | RAST_ENTITY_NODE | RAST_ENTITY_WORLD);
	assert_int_equal(r->ports[0].hi, 90);
	/* ICMP stands behind the ports, as numbers. */
	assert_int_equal(r->n_ports, 3);
	assert_int_equal(r->ports[1].proto, RAST_PROTO_ICMP);
	assert_true(r->ports[1].lo == 0x800 && r->ports[1].hi == 0x800);
	assert_int_equal(r->ports[2].proto, RAST_PROTO_ICMP6);
	assert_true(r->ports[2].lo == 0x8000 && r->ports[2].hi == 0x80ff);
	assert_int_equal(r->rate.kind, RAST_RATE_PACKETS);
	assert_int_equal(r->rate.rate, 1000);
	assert_int_equal(r->rate.burst, 2000);
	r = p->rules[RAST_DIR_EGRESS];
	assert_int_equal(r[0].peers[0].kind, RAST_PEER_FQDNS);
	assert_int_equal(r[0].peers[0].n_fqdns, 2);
	assert_string_equal(r[0].peers[0].fqdns[0].text, "api.example.com");
	assert_false(r[0].peers[0].fqdns[0].wildcard);
	assert_string_equal(r[0].peers[0].fqdns[1].text, "*.example.com");
	assert_true(r[0].peers[0].fqdns[1].wildcard && r[0].peers[0].fqdns[1].line == 14);
	/* A bucket always holds one packet of the largest size. */
	assert_int_equal(r[0].rate.burst, 65536);
	assert_int_equal(r[0].rate.rate, 100);
	assert_int_equal(r[1].peers[0].entities, RAST_ENTITY_ALL);
	assert_int_equal(r[1].n_dns, 2);
	assert_string_equal(r[1].dns[0].text, "_sip._tcp.example.com");
	assert_false(r[1].log);
	rast_policy_destroy(p);
}

static void test_a_list_that_is_there_isolates_and_deny_rules_do_not(void **state)
{
	static const struct {
		const char *spec;
		bool in, out;
	} t[] = {
		{"  ingress: []\n", true, false},
		{"  egress: []\n", false, true},
		{"  ingress: [{}]\n  egress:\n", true, false},
		{"  ingressDeny: [{}]\n", false, false},
		{"  egressDeny: [{}]\n  policyTypes: [Ingress]\n", true, false},
		{"  policyTypes: [Egress, Ingress]\n", true, true},
		{"  policyTypes: []\n  ingressDeny: [{}]\n", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct rast_policy *p;
		char text[512];

		(void)snprintf(text, sizeof(text), "%s%s", SPEC, t[i].spec);
		p = must_parse(text);
		assert_int_equal(p->isolates[RAST_DIR_INGRESS], t[i].in);
		assert_int_equal(p->isolates[RAST_DIR_EGRESS], t[i].out);
		rast_policy_destroy(p);
	}
}

static void test_log_of_the_policy_is_that_of_each_rule(void **state)
{
	struct rast_policy *p =
		must_parse(SPEC "  log: true\n  ingress: [{}, {log: true}]\n  ingressDeny: [{}]\n");

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(p->rules[RAST_DIR_INGRESS][i].log);
	rast_policy_destroy(p);
}

static void test_a_node_policy_has_the_node_as_subject_and_pods_of_all_namespaces(void **state)
{
	struct rast_policy *p = must_parse(NNP "  ingress: [{from: [{podSelector: {}}]}]\n");

	(void)state;
	assert_string_equal(p->kind, "NodeNetworkPolicy");
	assert_string_equal(p->ns, "");
	assert_int_equal(p->subject.kind, RAST_PEER_NODES);
	assert_true(p->rules[RAST_DIR_INGRESS][0].peers[0].any_ns);
	rast_policy_destroy(p);
}

/* Into a set, which is what is enforced. */
static int insert(const char *text, struct rast_policy_set *set, struct rast_err *err)
{
	struct rast_yaml *y = NULL;
	int r = rast_yaml_parse("f.yaml", text, strlen(text), &y, err);

	for (size_t i = 0; !r && i < rast_yaml_count(y); i++)
		r = rast_policy_set_parse(rast_yaml_root(y, i), set, err);
	rast_yaml_destroy(y);
	return r;
}

static void test_what_no_program_enforces_is_not_taken(void **state)
{
	static const struct bad t[] = {
		{NNP "  ingress: []\n", "f.yaml:2:1: kind: NodeNetworkPolicy is not enforced yet"},
		{SPEC "  mode: Staged\n  egress: [{to: [{fqdns: [{name: a.b}]}]}]\n",
		 "f.yaml:7:19: spec.egress[0].to[0].fqdns: names of a staged policy are not enforced "
		 "yet"},
		{SPEC "  mode: Staged\n  egress: [{dns: [{name: a.b}]}]\n",
		 "f.yaml:7:13: spec.egress[0].dns: dns of a staged policy is not enforced yet"},
		{RATE("{packets: 1}"),
		 "f.yaml:7:5: spec.ingress[0].rateLimit: rateLimit is not enforced yet"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct rast_policy_set *set = NULL;
		struct rast_err err = {};
		char buf[1024];

		assert_int_equal(rast_policy_set_create(&set), 0);
		assert_int_equal(insert(t[i].text, set, &err), -EINVAL);
		rast_err_format(&err, buf, sizeof(buf));
		assert_string_equal(buf, t[i].error);
		assert_int_equal(rast_policy_set_count(set), 0);
		rast_policy_set_destroy(set);
	}
}

static void test_kinds_of_one_name_live_side_by_side_and_one_kind_does_not(void **state)
{
	struct rast_policy_set *set = NULL;
	struct rast_err err = {};
	char buf[1024];

	(void)state;
	assert_int_equal(rast_policy_set_create(&set), 0);
	assert_int_equal(insert(SPEC "  ingress: []\n---\napiVersion: networking.k8s.io/v1\n"
				     "kind: NetworkPolicy\nmetadata: {name: p}\n"
				     "spec: {podSelector: {}}\n",
				set, &err),
			 0);
	assert_int_equal(rast_policy_set_count(set), 2);
	assert_int_equal(insert(SPEC "  ingress: []\n", set, &err), -EEXIST);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "f.yaml:1:1: metadata.name: ContainerNetworkPolicy \"default/p\" is "
			    "already defined at f.yaml:1");
	rast_policy_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_documents_are_refused),
		cmocka_unit_test(test_impossible_rules_are_refused),
		cmocka_unit_test(test_impossible_icmp_is_refused),
		cmocka_unit_test(test_impossible_names_are_refused),
		cmocka_unit_test(test_impossible_rates_are_refused),
		cmocka_unit_test(test_every_field_arrives),
		cmocka_unit_test(test_a_list_that_is_there_isolates_and_deny_rules_do_not),
		cmocka_unit_test(test_log_of_the_policy_is_that_of_each_rule),
		cmocka_unit_test(
			test_a_node_policy_has_the_node_as_subject_and_pods_of_all_namespaces),
		cmocka_unit_test(test_what_no_program_enforces_is_not_taken),
		cmocka_unit_test(test_kinds_of_one_name_live_side_by_side_and_one_kind_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
