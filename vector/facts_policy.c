// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a NetworkPolicy means, as sentences: a selector on its own says "app: api", only the rule
 * around it says that api may connect to db. This is for finding, not for enforcement: the policy
 * compiler is the one that decides.
 */
#include "vector/facts_add.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Appends " word"; what does not fit is left out. */
static void add(char *buf, size_t size, const char *word)
{
	size_t n = strlen(buf);

	(void)snprintf(buf + n, size - n, "%s%s", n ? " " : "", word);
}

static void add_selector(char *buf, size_t size, const json_t *sel, const char *empty)
{
	json_t *labels = json_object_get(sel, "matchLabels");
	json_t *exprs = json_object_get(sel, "matchExpressions"), *e, *v;
	const char *name;
	size_t i, k;

	if (!json_object_size(labels) && !json_array_size(exprs)) {
		add(buf, size, empty);
		return;
	}
	json_object_foreach(labels, name, v) {
		if (json_is_string(v))
			add(buf, size, json_string_value(v));
	}
	json_array_foreach(exprs, i, e) {
		if (!strncmp(rast_json_str(e, "operator"), "Not", 3))
			add(buf, size, "except");
		json_array_foreach(json_object_get(e, "values"), k, v) {
			if (json_is_string(v))
				add(buf, size, json_string_value(v));
		}
	}
}

/* rast.os/v1: peers that are no pods and no blocks. */
static void add_entities(char *buf, size_t size, const json_t *list)
{
	static const struct {
		const char *name, *text;
	} known[] = {{"host", "this node"},
		     {"node", "other nodes"},
		     {"cluster", "whole cluster"},
		     {"world", "outside world internet"},
		     {"all", "everyone"}};
	const char *s;
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		s = json_string_value(e);
		for (size_t k = 0; s && k < ARRAY_SIZE(known); k++)
			if (!strcmp(s, known[k].name))
				add(buf, size, known[k].text);
	}
}

static void add_names(char *buf, size_t size, const json_t *list)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		add(buf, size, "domain");
		add(buf, size, rast_json_str(e, "name"));
		add(buf, size, rast_json_str(e, "pattern"));
	}
}

static void add_peers(char *buf, size_t size, const json_t *peers)
{
	json_t *p;
	size_t i;

	if (!json_array_size(peers)) {
		add(buf, size, "everyone");
		return;
	}
	json_array_foreach(peers, i, p) {
		json_t *pods = json_object_get(p, "podSelector");
		json_t *ns = json_object_get(p, "namespaceSelector");
		json_t *block = json_object_get(p, "ipBlock");

		if (pods)
			add_selector(buf, size, pods, "every pod");
		if (ns) {
			add(buf, size, "namespace");
			add_selector(buf, size, ns, "every namespace");
		}
		if (block) {
			add(buf, size, "external address");
			add(buf, size, rast_json_str(block, "cidr"));
		}
		add_entities(buf, size, json_object_get(p, "entities"));
		add_names(buf, size, json_object_get(p, "fqdns"));
	}
}

static void add_ports(char *buf, size_t size, const json_t *ports)
{
	char num[32];
	json_t *p;
	size_t i;

	json_array_foreach(ports, i, p) {
		json_t *port = json_object_get(p, "port");

		(void)snprintf(num, sizeof(num), " port %lld", (long long)json_integer_value(port));
		if (json_is_string(port)) {
			add(buf, size, "port");
			add(buf, size, json_string_value(port));
		} else if (port) {
			add(buf, size, num + 1);
		}
	}
}

/* One rule in words: who to whom, and by which ports. */
static void rule_text(const json_t *rule, bool ingress, const char *verb, const char *subject,
		      char *text, size_t size, char *peer, size_t peer_size, char *ports,
		      size_t ports_size)
{
	peer[0] = ports[0] = '\0';
	add_peers(peer, peer_size, json_object_get(rule, ingress ? "from" : "to"));
	add_ports(ports, ports_size, json_object_get(rule, "ports"));
	if (json_array_size(json_object_get(rule, "icmp")))
		add(ports, ports_size, "icmp ping");
	if (json_array_size(json_object_get(rule, "dns"))) {
		add(ports, ports_size, "dns questions for");
		add_names(ports, ports_size, json_object_get(rule, "dns"));
	}
	(void)snprintf(text, size, "%s %s to connect to %s%s%s", verb, ingress ? peer : subject,
		       ingress ? subject : peer, ports[0] ? " on " : "", ports);
	if (json_object_get(rule, "rateLimit"))
		add(text, size, "with a rate limit");
}

static int rules(struct rast_facts *f, const json_t *list, const char *key, const char *subject,
		 bool ingress, const char *verb)
{
	char text[2048], peer[512], ports[384], path[32];
	json_t *rule;
	size_t i;
	int r;

	json_array_foreach(list, i, rule) {
		rule_text(rule, ingress, verb, subject, text, sizeof(text), peer, sizeof(peer),
			  ports, sizeof(ports));
		(void)snprintf(path, sizeof(path), "%s[%zu]", key, i);
		r = rast_facts_add(f, path, key, text, 1.5f, ingress ? peer : subject,
				   ingress ? subject : peer);
		/* The side that the policy selects is whom it is about: its role counts twice. */
		add(ports, sizeof(ports), subject);
		if (!r)
			r = rast_facts_add(f, path, "", "", 0, ingress ? NULL : subject,
					   ingress ? ports : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int allow(struct rast_facts *f, const json_t *spec, const char *subject, bool ingress)
{
	const char *key = ingress ? "ingress" : "egress";
	json_t *list = json_object_get(spec, key);
	char text[512];

	if (json_array_size(list))
		return rules(f, list, key, subject, ingress, "allow");
	(void)snprintf(text, sizeof(text),
		       ingress ? "deny all ingress traffic to %s, isolated by default"
			       : "deny all egress traffic from %s, isolated by default",
		       subject);
	return rast_facts_add(f, "", "", text, 1.5f, NULL, NULL);
}

int rast_facts_policy(struct rast_facts *f, const json_t *body)
{
	json_t *spec = json_object_get(body, "spec"), *types = json_object_get(spec, "policyTypes"),
	       *t;
	const char *kind = rast_json_str(body, "kind");
	bool rast = !strcmp(kind, "ContainerNetworkPolicy") || !strcmp(kind, "NodeNetworkPolicy");
	/* Only Kubernetes' kind isolates without a list being there. */
	bool in = !rast || json_object_get(spec, "ingress") != NULL;
	bool out = json_object_get(spec, "egress") != NULL;
	char subject[256] = "";
	size_t i;
	int r = 0;

	if (!rast && strcmp(kind, "NetworkPolicy") != 0)
		return 0;
	if (json_array_size(types)) {
		in = out = false;
		json_array_foreach(types, i, t) {
			const char *s = json_string_value(t);

			in |= s && !strcmp(s, "Ingress");
			out |= s && !strcmp(s, "Egress");
		}
	}
	if (!strcmp(kind, "NodeNetworkPolicy"))
		add(subject, sizeof(subject), "the node host");
	else
		add_selector(subject, sizeof(subject), json_object_get(spec, "podSelector"),
			     "every pod");
	if (in)
		r = allow(f, spec, subject, true);
	if (!r && out)
		r = allow(f, spec, subject, false);
	if (!r && rast)
		r = rules(f, json_object_get(spec, "ingressDeny"), "ingressDeny", subject, true,
			  "deny");
	if (!r && rast)
		r = rules(f, json_object_get(spec, "egressDeny"), "egressDeny", subject, false,
			  "deny");
	if (!r && !strcmp(rast_json_str(spec, "mode"), "Staged"))
		r = rast_facts_add(f, "mode", "", "staged: dry run, reported and not enforced",
				   1.0f, NULL, NULL);
	return r;
}
