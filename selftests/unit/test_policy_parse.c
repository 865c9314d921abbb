// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy documents: what is refused, with the exact words and place; what is taken, and as what.
 */
#include "policy_docs.h"

#include "policy/names.h"
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
#define CNP                                                                           \
	"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n" \
	"metadata: {name: c}\nspec:\n"
#define CNP_SPEC CNP "  tier: Admin\n  priority: 5\n  subject: {namespaces: {}}\n"
#define FROM NAMED PODS "  ingress:\n  - from:\n"
#define PORTS NAMED PODS "  ingress:\n  - ports:\n"

struct bad {
	const char *text, *error;
};

static void refuse_all(const struct bad *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rast_policy_set *set = NULL;
		struct rast_err err = {};
		char buf[1024];

		assert_int_equal(rast_policy_set_create(&set), 0);
		if (!parse(t[i].text, set, &err))
			fail_msg("taken, but should not be:\n%s", t[i].text);
		rast_err_format(&err, buf, sizeof(buf));
		if (strcmp(buf, t[i].error) != 0)
			fail_msg("got:  %s\nwant: %s\nfor:\n%s", buf, t[i].error, t[i].text);
		rast_policy_set_destroy(set);
	}
}

static void test_documents_that_are_no_policy_are_refused(void **state)
{
	static const struct bad t[] = {
		{"- a\n", "f.yaml:1:1: want a map, got a list"},
		{"kind: NetworkPolicy\n", "f.yaml:1:1: field \"apiVersion\" is missing"},
		{"kind: Service\n",
		 "f.yaml:1:1: kind: want NetworkPolicy, ClusterNetworkPolicy, ContainerNetworkPolicy, NodeNetworkPolicy or Namespace, got \"Service\""},
		{"apiVersion: v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  podSelector: {}\n",
		 "f.yaml:1:1: apiVersion: want \"networking.k8s.io/v1\", got \"v1\""},
		{NP "spec:\n  podSelector: {}\n", "f.yaml:1:1: field \"metadata\" is missing"},
		{NP "metadata: {}\nspec:\n  podSelector: {}\n",
		 "f.yaml:3:1: metadata: field \"name\" is missing"},
		{NP "metadata: {name: P}\nspec:\n  podSelector: {}\n",
		 "f.yaml:3:12: metadata.name: name \"P\" must be lower case letters, digits, \"-\" and \".\", with a letter or digit at both ends of each part"},
		{NP "metadata: {name: p, namespace: a.b}\nspec:\n  podSelector: {}\n",
		 "f.yaml:3:21: metadata.namespace: name \"a.b\" must be lower case letters, digits and \"-\", with a letter or digit at both ends"},
		{NP "metadata: {name: p, labls: {}}\nspec:\n  podSelector: {}\n",
		 "f.yaml:3:21: metadata.labls: unknown field (did you mean \"labels\"?)"},
		{NP "metadata: {name: p, labels: {a: 1}}\nspec:\n  podSelector: {}\n",
		 "f.yaml:3:30: metadata.labels.a: want a string, got 1 (put it in quotes)"},
		{NP "metadata: {name: p}\n", "f.yaml:1:1: field \"spec\" is missing"},
		{NAMED "  ingress: []\n", "f.yaml:4:1: spec: field \"podSelector\" is missing"},
		{NAMED "  podSelector:\n", "f.yaml:4:1: spec: field \"podSelector\" is missing"},
		{NAMED "  podSelector: []\n",
		 "f.yaml:5:3: spec.podSelector: want a map, got a list"},
		{NAMED PODS "  ingres: []\n",
		 "f.yaml:6:3: spec.ingres: unknown field (did you mean \"ingress\"?)"},
		{NAMED PODS "  podSelector: {}\n",
		 "f.yaml:6:3: field \"podSelector\" appears twice (first on line 5)"},
		{NAMED PODS "  policyTypes: [ingress]\n",
		 "f.yaml:6:17: spec.policyTypes[0]: want Ingress or Egress, got \"ingress\""},
		{NAMED PODS "  policyTypes: [Egress, Egress]\n",
		 "f.yaml:6:25: spec.policyTypes[1]: Egress appears twice"},
		{NAMED PODS "  ingress: {}\n", "f.yaml:6:3: spec.ingress: want a list, got a map"},
		{NAMED PODS "  ingress: [~]\n",
		 "f.yaml:6:13: spec.ingress[0]: want a map, got nothing"},
		{NAMED PODS "  ingress: [{to: []}]\n",
		 "f.yaml:6:14: spec.ingress[0].to: unknown field"},
		{NAMED PODS "---\n" NAMED PODS,
		 "f.yaml:7:1: metadata.name: NetworkPolicy \"default/p\" is already defined at f.yaml:1"},
		{"apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n",
		 "f.yaml:3:12: metadata.name: name \"a.b\" must be lower case letters, digits and \"-\", with a letter or digit at both ends"},
		{"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n",
		 "f.yaml:3:21: metadata.namespace: a Namespace is in no namespace"},
		{"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels:\n"
		 "    kubernetes.io/metadata.name: b\n",
		 "f.yaml:6:5: metadata.labels.kubernetes.io/metadata.name: must be the namespace's name, \"a\""},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_impossible_selectors_are_refused(void **state)
{
	static const struct bad t[] = {
		{NAMED "  podSelector: {matchLabel: {}}\n",
		 "f.yaml:5:17: spec.podSelector.matchLabel: unknown field (did you mean \"matchLabels\"?)"},
		{NAMED "  podSelector: {matchLabels: {a: true}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.a: want a string, got true (put it in quotes)"},
		{NAMED "  podSelector: {matchLabels: {a: [b]}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.a: want a single value, got a list"},
		{NAMED "  podSelector: {matchLabels: {-a: b}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.-a: label key \"-a\" must begin and end with a letter or digit"},
		{NAMED "  podSelector: {matchLabels: {A/b: c}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.A/b: label key \"A/b\" has a prefix that is no DNS name"},
		{NAMED "  podSelector: {matchLabels: {a/b/c: d}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.a/b/c: label key \"a/b/c\" has more than one \"/\""},
		{NAMED "  podSelector: {matchLabels: {a/: d}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.a/: label key \"a/\" has no name"},
		{NAMED "  podSelector: {matchLabels: {a: b c}}\n",
		 "f.yaml:5:31: spec.podSelector.matchLabels.a: label value \"b c\" may have only letters, digits, \"-\", \"_\" and \".\""},
		{NAMED "  podSelector: {matchLabels: {a: b, a: c}}\n",
		 "f.yaml:5:37: field \"a\" appears twice (first on line 5)"},
		{NAMED "  podSelector: {matchExpressions: [{key: a}]}\n",
		 "f.yaml:5:36: spec.podSelector.matchExpressions[0]: field \"operator\" is missing"},
		{NAMED "  podSelector: {matchExpressions: [{key: a, operator: in}]}\n",
		 "f.yaml:5:45: spec.podSelector.matchExpressions[0].operator: want In, NotIn, Exists or DoesNotExist, got \"in\""},
		{NAMED "  podSelector: {matchExpressions: [{key: a, operator: In}]}\n",
		 "f.yaml:5:36: spec.podSelector.matchExpressions[0]: In needs at least one value"},
		{NAMED
		 "  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}\n",
		 "f.yaml:5:62: spec.podSelector.matchExpressions[0].values: NotIn needs at least one value"},
		{NAMED
		 "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}\n",
		 "f.yaml:5:63: spec.podSelector.matchExpressions[0].values: Exists takes no values"},
		{NAMED
		 "  podSelector: {matchExpressions: [{key: a, operator: DoesNotExist, values: "
		 "[b]}]}\n",
		 "f.yaml:5:69: spec.podSelector.matchExpressions[0].values: DoesNotExist takes no values"},
		{NAMED "  podSelector: {matchExpressions: [{key: a, operator: In, values: [1]}]}\n",
		 "f.yaml:5:68: spec.podSelector.matchExpressions[0].values[0]: want a string, got 1 (put it in quotes)"},
		{NAMED
		 "  podSelector: {matchExpressions: [{key: a, operator: In, values: [\"-\"]}]}\n",
		 "f.yaml:5:68: spec.podSelector.matchExpressions[0].values[0]: label value \"-\" must begin and end with a letter or digit"},
		{NAMED "  podSelector: {matchExpressions: [{operator: Exists}]}\n",
		 "f.yaml:5:36: spec.podSelector.matchExpressions[0]: field \"key\" is missing"},
		{NAMED "  podSelector: {matchExpressions: [{key: \"\", operator: Exists}]}\n",
		 "f.yaml:5:37: spec.podSelector.matchExpressions[0].key: label key \"\" has no name"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_bad_peers_and_blocks_are_refused(void **state)
{
	static const struct bad t[] = {
		{FROM "    - {}\n",
		 "f.yaml:8:7: spec.ingress[0].from[0]: want podSelector, namespaceSelector or ipBlock in each peer"},
		{FROM "    - web\n",
		 "f.yaml:8:7: spec.ingress[0].from[0]: want a map, got a single value"},
		{FROM "    - {ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}\n",
		 "f.yaml:8:8: spec.ingress[0].from[0].ipBlock: ipBlock and selectors may not stand in one peer"},
		{FROM "    - {pods: {}}\n",
		 "f.yaml:8:8: spec.ingress[0].from[0].pods: unknown field"},
		{FROM "    - ipBlock: {}\n",
		 "f.yaml:8:7: spec.ingress[0].from[0].ipBlock: field \"cidr\" is missing"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/33}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0/33\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/08}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0/08\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0/8}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0/8\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/-1}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0/-1\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: \"fd00::/129\"}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"fd00::/129\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: \"::ffff:10.0.0.0/104\"}\n",
		 "f.yaml:8:17: spec.ingress[0].from[0].ipBlock.cidr: \"::ffff:10.0.0.0/104\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}\n",
		 "f.yaml:8:44: spec.ingress[0].from[0].ipBlock.except[0]: 11.0.0.0/16 is not within cidr 10.0.0.0/8, or is all of it"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}\n",
		 "f.yaml:8:44: spec.ingress[0].from[0].ipBlock.except[0]: 10.0.0.0/8 is not within cidr 10.0.0.0/8, or is all of it"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/8, except: [\"fd00::/16\"]}\n",
		 "f.yaml:8:44: spec.ingress[0].from[0].ipBlock.except[0]: fd00::/16 is not within cidr 10.0.0.0/8, or is all of it"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1]}\n",
		 "f.yaml:8:44: spec.ingress[0].from[0].ipBlock.except[0]: \"10.1\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{FROM "    - ipBlock: {cidr: 10.0.0.0/8, expect: []}\n",
		 "f.yaml:8:35: spec.ingress[0].from[0].ipBlock.expect: unknown field (did you mean \"except\"?)"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_bad_ports_are_refused(void **state)
{
	static const struct bad t[] = {
		{PORTS "    - 80\n",
		 "f.yaml:8:7: spec.ingress[0].ports[0]: want a map, got a single value"},
		{PORTS "    - {port: 0}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: 0 is not within 1 to 65535"},
		{PORTS "    - {port: 65536}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: 65536 is not within 1 to 65535"},
		{PORTS "    - {port: -1}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: -1 is not within 1 to 65535"},
		{PORTS "    - {port: 1.5}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: want a whole number, got \"1.5\""},
		{PORTS "    - {port: \"80\"}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: port name \"80\" must have a letter (a number goes without quotes)"},
		{PORTS "    - {port: Web}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: port name \"Web\" may have only lower case letters, digits and \"-\""},
		{PORTS "    - {port: a--b}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: port name \"a--b\" may have \"-\" only between letters and digits"},
		{PORTS "    - {port: sixteen-letters-x}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].port: port name \"sixteen-letters-x\" must have 1 to 15 characters"},
		{PORTS "    - {port: 80, protocol: tcp}\n",
		 "f.yaml:8:18: spec.ingress[0].ports[0].protocol: want TCP, UDP or SCTP, got \"tcp\""},
		{PORTS "    - {port: 80, protocol: ICMP}\n",
		 "f.yaml:8:18: spec.ingress[0].ports[0].protocol: want TCP, UDP or SCTP, got \"ICMP\""},
		{PORTS "    - {endPort: 80}\n",
		 "f.yaml:8:8: spec.ingress[0].ports[0].endPort: endPort needs a port"},
		{PORTS "    - {port: web, endPort: 80}\n",
		 "f.yaml:8:19: spec.ingress[0].ports[0].endPort: endPort needs a port that is a number"},
		{PORTS "    - {port: 80, endPort: 79}\n",
		 "f.yaml:8:18: spec.ingress[0].ports[0].endPort: endPort 79 is below port 80"},
		{PORTS "    - {port: 80, endPort: 65536}\n",
		 "f.yaml:8:18: spec.ingress[0].ports[0].endPort: 65536 is not within 1 to 65535"},
		{PORTS "    - {port: 80, endport: 90}\n",
		 "f.yaml:8:18: spec.ingress[0].ports[0].endport: unknown field (did you mean \"endPort\"?)"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

static void test_bad_cluster_policies_are_refused(void **state)
{
	static const struct bad t[] = {
		{CNP "  tier: Admin\n  priority: 5\n",
		 "f.yaml:4:1: spec: field \"subject\" is missing"},
		{CNP "  tier: admin\n  priority: 5\n  subject: {namespaces: {}}\n",
		 "f.yaml:5:3: spec.tier: want Admin or Baseline, got \"admin\""},
		{CNP "  tier: Admin\n  priority: 1001\n  subject: {namespaces: {}}\n",
		 "f.yaml:6:3: spec.priority: 1001 is not within 0 to 1000"},
		{CNP "  tier: Admin\n  priority: 5\n  subject: {}\n",
		 "f.yaml:7:3: spec.subject: want one of namespaces and pods"},
		{CNP "  tier: Admin\n  priority: 5\n  subject: {pods: {namespaceSelector: {}}}\n",
		 "f.yaml:7:13: spec.subject.pods: field \"podSelector\" is missing"},
		{CNP_SPEC "  ingress: [{from: [{namespaces: {}}]}]\n",
		 "f.yaml:8:13: spec.ingress[0]: field \"action\" is missing"},
		{CNP_SPEC "  ingress: [{action: Allow, from: [{namespaces: {}}]}]\n",
		 "f.yaml:8:14: spec.ingress[0].action: want Accept, Deny or Pass, got \"Allow\""},
		{CNP_SPEC "  ingress: [{action: Deny}]\n",
		 "f.yaml:8:13: spec.ingress[0]: field \"from\" is missing"},
		{CNP_SPEC "  ingress: [{action: Deny, from: []}]\n",
		 "f.yaml:8:28: spec.ingress[0].from: want at least one peer"},
		{CNP_SPEC "  ingress: [{action: Deny, from: [{networks: [10.0.0.0/8]}]}]\n",
		 "f.yaml:8:36: spec.ingress[0].from[0].networks: unknown field"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{networks: []}]}]\n",
		 "f.yaml:8:33: spec.egress[0].to[0].networks: want at least one CIDR"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{networks: [x]}]}]\n",
		 "f.yaml:8:44: spec.egress[0].to[0].networks[0]: \"x\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{domainNames: [a.b]}]}]\n",
		 "f.yaml:8:33: spec.egress[0].to[0].domainNames: nothing here resolves domain names: want networks"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {matchLabels: {a: b}}}]}]\n",
		 "f.yaml:8:33: spec.egress[0].to[0].nodes: nodes have no labels here: want {}"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}, namespaces: {}}]}]\n",
		 "f.yaml:8:32: spec.egress[0].to[0]: want one of namespaces, pods, networks and nodes in each peer"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [{}]}]\n",
		 "f.yaml:8:58: spec.egress[0].protocols[0]: want one of tcp, udp, sctp and destinationNamedPort"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [{tcp: "
			  "{destinationPort: {}}}]}]\n",
		 "f.yaml:8:65: spec.egress[0].protocols[0].tcp.destinationPort: want one of number and range"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [{tcp: "
			  "{destinationPort: {range: {start: 9, end: 8}}}}]}]\n",
		 "f.yaml:8:83: spec.egress[0].protocols[0].tcp.destinationPort.range: end 8 is not above start 9"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [{tcp: "
			  "{destinationPort: {range: {start: 9, end: 9}}}}]}]\n",
		 "f.yaml:8:83: spec.egress[0].protocols[0].tcp.destinationPort.range: end 9 is not above start 9"},
		{CNP_SPEC
		 "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [{sctp: {}}]}]\n",
		 "f.yaml:8:59: spec.egress[0].protocols[0].sctp: field \"destinationPort\" is missing"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: []}]\n",
		 "f.yaml:8:46: spec.egress[0].protocols: want at least one protocol"},
		{CNP_SPEC
		 "  egress: [{action: Deny, to: [{namespaces: {}}, {networks: [\"::/0\"]}], "
		 "protocols: [{destinationNamedPort: web}]}]\n",
		 "f.yaml:8:86: spec.egress[0].protocols[0].destinationNamedPort: only pods have named ports: want no networks or nodes in the same rule"},
		{"apiVersion: policy.networking.k8s.io/v1alpha1\nkind: ClusterNetworkPolicy\n"
		 "metadata: {name: c}\nspec: {}\n",
		 "f.yaml:1:1: apiVersion: want \"policy.networking.k8s.io/v1alpha2\", got \"policy.networking.k8s.io/v1alpha1\""},
		{"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
		 "metadata: {name: c, namespace: d}\nspec: {}\n",
		 "f.yaml:3:21: metadata.namespace: a ClusterNetworkPolicy is in no namespace"},
	};

	(void)state;
	refuse_all(t, ARRAY_SIZE(t));
}

/* `n` times `item`, with commas, between `head` and `tail`. */
static char *repeated(const char *head, const char *item, int n, const char *tail)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)fputs(head, f);
	for (int i = 0; i < n; i++)
		(void)fprintf(f, "%s%s", i ? ", " : "", item);
	(void)fputs(tail, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_a_cluster_policy_has_lists_of_25_and_no_more(void **state)
{
	static const struct {
		const char *head, *item, *tail;
		const char *error;
	} t[] = {
		{CNP_SPEC "  ingress: [", "{action: Deny, from: [{namespaces: {}}]}", "]\n",
		 "f.yaml:8:3: spec.ingress: more than 25 entries"},
		{CNP_SPEC "  egress: [", "{action: Deny, to: [{nodes: {}}]}", "]\n",
		 "f.yaml:8:3: spec.egress: more than 25 entries"},
		{CNP_SPEC "  egress: [{action: Deny, to: [", "{nodes: {}}", "]}]\n",
		 "f.yaml:8:27: spec.egress[0].to: more than 25 entries"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{networks: [", "10.0.0.0/8", "]}]}]\n",
		 "f.yaml:8:33: spec.egress[0].to[0].networks: more than 25 entries"},
		{CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], protocols: [",
		 "{tcp: {destinationPort: {number: 80}}}", "]}]\n",
		 "f.yaml:8:46: spec.egress[0].protocols: more than 25 entries"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		char *most = repeated(t[i].head, t[i].item, 25, t[i].tail);
		char *more = repeated(t[i].head, t[i].item, 26, t[i].tail);
		struct bad bad = {more, t[i].error};

		rast_policy_set_destroy(must_parse(most));
		refuse_all(&bad, 1);
		free(most);
		free(more);
	}
}

static void test_a_name_of_a_cluster_rule_has_100_characters_of_any_width(void **state)
{
	static const char head[] = CNP_SPEC "  egress: [{action: Deny, to: [{nodes: {}}], name: \"";

	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		char names[2][512] = {"", ""}, text[1024];
		struct bad bad = {text,
				  "f.yaml:8:46: spec.egress[0].name: more than 100 characters"};

		for (int i = 0; i < 101; i++) {
			if (i < 100)
				strcat(names[0], wide ? "\u00e9" : "e");
			strcat(names[1], wide ? "\u00e9" : "e");
		}
		(void)snprintf(text, sizeof(text), "%s%s\"}]\n", head, names[0]);
		rast_policy_set_destroy(must_parse(text));
		(void)snprintf(text, sizeof(text), "%s%s\"}]\n", head, names[1]);
		refuse_all(&bad, 1);
	}
}

static void test_a_cluster_policy_is_taken_as_the_api_has_it(void **state)
{
	struct rast_policy_set *set = must_parse(
		"apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\n"
		"metadata: {name: c}\nspec:\n  tier: Baseline\n  priority: 1000\n"
		"  subject: {pods: {podSelector: {matchLabels: {app: db}}}}\n"
		"  ingress:\n  - name: from-all\n    action: Deny\n    from:\n"
		"    - pods: {podSelector: {matchExpressions: [{key: house, operator: Exists}]}}\n"
		"    protocols: [{destinationNamedPort: web}]\n"
		"  egress:\n  - action: Pass\n    to:\n    - nodes: {matchLabels: {}}\n"
		"    - networks: [10.0.0.0/8, \"::/0\"]\n"
		"    protocols: [{udp: {destinationPort: {range: {start: 53, end: 5353}}}}]\n");
	const struct rast_policy *p = set->policies[0];
	const struct rast_policy_rule *in = p->rules[RAST_DIR_INGRESS];
	const struct rast_policy_rule *out = p->rules[RAST_DIR_EGRESS];

	(void)state;
	assert_int_equal(p->tier, RAST_TIER_BASELINE);
	assert_int_equal(p->priority, 1000);
	/* No namespaceSelector: every namespace, not the policy's own, for it has none. */
	assert_true(p->subject.any_ns);
	assert_int_equal(p->subject.namespaces.n_reqs, 0);
	assert_int_equal(p->subject.pods.n_reqs, 1);
	assert_int_equal(in->action, RAST_ACTION_DENY);
	assert_true(in->peers[0].any_ns);
	assert_int_equal(in->peers[0].namespaces.n_reqs, 0);
	assert_int_equal(in->peers[0].pods.reqs[0].op, RAST_OP_EXISTS);
	assert_int_equal(in->n_ports, 3);
	assert_string_equal(in->ports[2].name, "web");
	assert_int_equal(out->action, RAST_ACTION_PASS);
	assert_int_equal(out->n_peers, 3);
	assert_int_equal(out->peers[0].kind, RAST_PEER_NODES);
	assert_int_equal(out->peers[2].kind, RAST_PEER_BLOCK);
	assert_int_equal(out->ports[0].proto, RAST_PROTO_UDP);
	assert_int_equal(out->ports[0].lo, 53);
	assert_int_equal(out->ports[0].hi, 5353);
	rast_policy_set_destroy(set);
}

static void test_policy_types_default_to_what_the_policy_speaks_of(void **state)
{
	static const struct {
		const char *spec;
		bool ingress, egress;
	} t[] = {
		{"", true, false},
		{"  policyTypes: []\n", true, false},
		{"  ingress: []\n", true, false},
		{"  egress: []\n", true, false},
		{"  egress: [{}]\n", true, true},
		{"  policyTypes: [Egress]\n", false, true},
		{"  policyTypes: [Egress]\n  ingress: [{}]\n", false, true},
		{"  policyTypes: [Ingress]\n  egress: [{}]\n", true, false},
		{"  policyTypes: [Egress, Ingress]\n", true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		char text[512];
		struct rast_policy_set *set;

		(void)snprintf(text, sizeof(text), "%s%s%s", NAMED, PODS, t[i].spec);
		set = must_parse(text);
		assert_int_equal(set->n_policies, 1);
		assert_int_equal(set->policies[0]->isolates[RAST_DIR_INGRESS], t[i].ingress);
		assert_int_equal(set->policies[0]->isolates[RAST_DIR_EGRESS], t[i].egress);
		rast_policy_set_destroy(set);
	}
}

static void test_a_policy_keeps_what_it_was_given(void **state)
{
	struct rast_policy_set *set = must_parse(
		NP
		"metadata:\n  name: p\n  namespace: shop\n  uid: x\n  labels: {a: \"1\"}\nspec:\n"
		"  podSelector:\n    matchLabels: {app: web}\n"
		"    matchExpressions: [{key: x/y, operator: NotIn, values: [a, \"\"]}]\n"
		"  ingress:\n  - from:\n    - namespaceSelector: {}\n"
		"    - ipBlock: {cidr: 10.1.2.3/8, except: [10.1.0.0/16]}\n"
		"    ports: [{port: 80, endPort: 90, protocol: UDP}, {port: http}, {}]\n"
		"  - {}\n");
	const struct rast_policy *p = set->policies[0];
	const struct rast_policy_rule *r = p->rules[RAST_DIR_INGRESS];
	char buf[128];

	(void)state;
	assert_string_equal(p->ns, "shop");
	assert_string_equal(p->file, "f.yaml");
	assert_int_equal(p->line, 1);
	assert_int_equal(p->subject.pods.n_reqs, 2);
	assert_int_equal(p->subject.pods.reqs[1].op, RAST_OP_NOT_IN);
	assert_string_equal(p->subject.pods.reqs[1].key, "x/y");
	assert_string_equal(p->subject.pods.reqs[1].values[1], "");
	assert_int_equal(p->n_rules[RAST_DIR_INGRESS], 2);
	assert_int_equal(r[0].line, 13);
	assert_int_equal(r[1].line, 17);
	assert_true(r[0].peers[0].any_ns);
	assert_false(r[0].any_peer);
	assert_true(r[1].any_peer);
	assert_true(r[1].any_port);
	/* Host bits count as zero. */
	assert_string_equal(rast_addr_format_range(false, r[0].peers[1].block.cidr.lo,
						   r[0].peers[1].block.cidr.hi, buf, sizeof(buf)),
			    "10.0.0.0/8");
	assert_int_equal(r[0].ports[0].proto, RAST_PROTO_UDP);
	assert_int_equal(r[0].ports[0].hi, 90);
	assert_string_equal(r[0].ports[1].name, "http");
	assert_int_equal(r[0].ports[2].proto, RAST_PROTO_TCP);
	assert_int_equal(r[0].ports[2].hi, 65535);
	rast_policy_set_destroy(set);
}

static void test_addresses_and_ranges_are_written_as_people_do(void **state)
{
	static const struct {
		bool v6;
		const char *lo, *hi, *text;
	} t[] = {
		{false, "0.0.0.0", "255.255.255.255", "0.0.0.0/0"},
		{false, "10.0.0.0", "10.0.0.255", "10.0.0.0/24"},
		{false, "10.0.0.1", "10.0.0.1", "10.0.0.1/32"},
		{false, "10.0.0.1", "10.0.0.2", "10.0.0.1-10.0.0.2"},
		{false, "10.0.0.128", "10.0.1.127", "10.0.0.128-10.0.1.127"},
		{true, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"},
		{true, "fd00::", "fd00::ffff", "fd00::/112"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		rast_u128 lo, hi;
		char buf[128];
		bool v6;

		assert_int_equal(rast_addr_parse(t[i].lo, &v6, &lo), 0);
		assert_int_equal(v6, t[i].v6);
		assert_int_equal(rast_addr_parse(t[i].hi, &v6, &hi), 0);
		assert_string_equal(rast_addr_format_range(v6, lo, hi, buf, sizeof(buf)),
				    t[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents_that_are_no_policy_are_refused),
		cmocka_unit_test(test_impossible_selectors_are_refused),
		cmocka_unit_test(test_bad_peers_and_blocks_are_refused),
		cmocka_unit_test(test_bad_ports_are_refused),
		cmocka_unit_test(test_bad_cluster_policies_are_refused),
		cmocka_unit_test(test_a_cluster_policy_has_lists_of_25_and_no_more),
		cmocka_unit_test(test_a_name_of_a_cluster_rule_has_100_characters_of_any_width),
		cmocka_unit_test(test_a_cluster_policy_is_taken_as_the_api_has_it),
		cmocka_unit_test(test_policy_types_default_to_what_the_policy_speaks_of),
		cmocka_unit_test(test_a_policy_keeps_what_it_was_given),
		cmocka_unit_test(test_addresses_and_ranges_are_written_as_people_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
