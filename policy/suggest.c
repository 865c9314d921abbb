// SPDX-License-Identifier: BSD-2-Clause
/*
 * Edges → policies; see suggest.h. Pods with the same labels are one group, which is what a selector can
 * tell apart; each group collects, for each direction, its peers with their ports, and peers with the same
 * ports become one rule.
 */
#include "policy/suggest.h"

#include "policy/ends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who may be spoken to: a group (then ports by "TCP/80"), or addresses by port. */
struct group {
	const struct rast_policy_pod *first;
	json_t *peers[2]; /* by enum rast_direction: {"group 3" or "10.0.0.1": {"TCP/80": true}} */
	bool told;        /* gets a policy */
};

struct work {
	const struct rast_policy_world *world;
	struct group *groups;
	size_t n_groups;
	size_t *group_of; /* by pod */
	json_t *policies, *left_out;
};

static void finish(struct work *w)
{
	for (size_t i = 0; w->groups && i < w->n_groups; i++)
		for (int d = 0; d < 2; d++)
			json_decref(w->groups[i].peers[d]);
	free(w->groups);
	free(w->group_of);
}

/* ---- groups ---- */

static const char *label(const struct rast_policy_pod *p, const char *key)
{
	for (size_t i = 0; i < p->n_labels; i++)
		if (!strcmp(p->labels[i].key, key))
			return p->labels[i].value;
	return NULL;
}

/* Does b have all that a has? */
static bool labels_within(const struct rast_policy_pod *a, const struct rast_policy_pod *b)
{
	for (size_t i = 0; i < a->n_labels; i++) {
		const char *v = label(b, a->labels[i].key);

		if (!v || strcmp(v, a->labels[i].value) != 0)
			return false;
	}
	return !strcmp(a->ns, b->ns);
}

static int make_groups(struct work *w, const char *ns)
{
	w->groups = calloc(w->world->n_pods + 1, sizeof(*w->groups));
	w->group_of = calloc(w->world->n_pods + 1, sizeof(*w->group_of));
	if (!w->groups || !w->group_of)
		return -ENOMEM;
	for (size_t i = 0; i < w->world->n_pods; i++) {
		const struct rast_policy_pod *p = &w->world->pods[i];
		size_t g;

		for (g = 0; g < w->n_groups; g++)
			if (labels_within(p, w->groups[g].first) &&
			    labels_within(w->groups[g].first, p))
				break;
		w->group_of[i] = g;
		if (g < w->n_groups)
			continue;
		w->groups[g] = (struct group){.first = p,
					      .peers = {json_object(), json_object()},
					      .told = !ns || !strcmp(ns, p->ns)};
		w->n_groups++;
		if (!w->groups[g].peers[0] || !w->groups[g].peers[1])
			return -ENOMEM;
	}
	return 0;
}

/* ---- edges ---- */

static int leave_out(struct work *w, const json_t *edge, const char *why)
{
	json_t *o =
		json_pack("{s:s, s:s, s:s, s:I, s:s}", "from", rast_json_str(edge, "from"), "to",
			  rast_json_str(edge, "to"), "protocol", rast_json_str(edge, "protocol"),
			  "port", (json_int_t)rast_json_int(edge, "port"), "why", why);

	return json_array_append_new(w->left_out, o) ? -ENOMEM : 0;
}

/* What stands for one end of an edge: "group N", an address, "node", or "" when nobody knows it. */
static const char *end_key(const struct work *w, const json_t *edge, const char *end,
			   const char *end_ns, char *buf, size_t size)
{
	const char *name = rast_json_str(edge, end), *ns = rast_json_str(edge, end_ns);
	rast_u128 addr;
	bool v6;

	buf[0] = '\0';
	for (size_t i = 0; *ns && i < w->world->n_pods; i++)
		if (!strcmp(w->world->pods[i].name, name) && !strcmp(w->world->pods[i].ns, ns)) {
			(void)snprintf(buf, size, "group %zu", w->group_of[i]);
			return buf;
		}
	if (!strcmp(name, "host") || !strcmp(name, "node"))
		(void)snprintf(buf, size, "node");
	else if (!rast_addr_parse(name, &v6, &addr))
		(void)snprintf(buf, size, "%s", name);
	return buf;
}

static int add_peer(struct work *w, const char *own, enum rast_direction dir, const char *peer,
		    const char *port)
{
	size_t g = strtoul(own + strlen("group "), NULL, 10);
	json_t *peers = w->groups[g].peers[dir], *ports = json_object_get(peers, peer);

	if (!ports) {
		ports = json_object();
		if (json_object_set_new(peers, peer, ports))
			return -ENOMEM;
	}
	return json_object_set_new(ports, port, json_true()) ? -ENOMEM : 0;
}

static int add_edge(struct work *w, const json_t *edge)
{
	const char *proto = rast_json_str(edge, "protocol"), *from, *to;
	char from_buf[96], to_buf[96], port[32];
	int r = 0;

	if (strcmp(rast_json_str(edge, "verdict"), "allow") != 0)
		return 0;
	from = end_key(w, edge, "from", "from_namespace", from_buf, sizeof(from_buf));
	to = end_key(w, edge, "to", "to_namespace", to_buf, sizeof(to_buf));
	if (!*from || !*to)
		return leave_out(w, edge, "an end of it is gone");
	if (strcmp(proto, "TCP") != 0 && strcmp(proto, "UDP") != 0 && strcmp(proto, "SCTP") != 0)
		return leave_out(w, edge, "a rule for it would allow every port");
	(void)snprintf(port, sizeof(port), "%s/%d", proto, (int)rast_json_int(edge, "port"));
	/* The node is always let in; what a pod opens to it is an address like any other. */
	if (!strncmp(to, "group ", 6) && strcmp(from, "node") != 0)
		r = add_peer(w, to, RAST_DIR_INGRESS, from, port);
	if (!r && !strncmp(from, "group ", 6))
		r = add_peer(w, from, RAST_DIR_EGRESS, to, port);
	return r;
}

/* ---- documents ---- */

static json_t *labels_of(const struct rast_policy_pod *p)
{
	json_t *o = json_object();

	for (size_t i = 0; i < p->n_labels; i++)
		(void)json_object_set_new(o, p->labels[i].key, json_string(p->labels[i].value));
	return o;
}

/* All its labels; and of groups that have these and more, one key each that must not be there. */
static json_t *selector_of(const struct work *w, const struct group *g)
{
	json_t *absent = json_object(), *list = json_array(), *out = json_object();
	const char *key;
	json_t *v;

	for (size_t i = 0; i < w->n_groups; i++) {
		const struct rast_policy_pod *more = w->groups[i].first;
		const char *pick = NULL;

		if (more == g->first || !labels_within(g->first, more))
			continue;
		for (size_t k = 0; k < more->n_labels; k++) {
			if (label(g->first, more->labels[k].key))
				continue;
			if (!pick || json_object_get(absent, more->labels[k].key))
				pick = more->labels[k].key;
		}
		if (pick)
			(void)json_object_set_new(absent, pick, json_true());
	}
	if (g->first->n_labels)
		(void)json_object_set_new(out, "matchLabels", labels_of(g->first));
	json_object_foreach(absent, key, v)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s}", "key", key, "operator", "DoesNotExist"));
	if (json_array_size(list))
		(void)json_object_set(out, "matchExpressions", list);
	json_decref(list);
	json_decref(absent);
	return out;
}

static json_t *peer_of(const struct work *w, const struct group *own, const char *peer)
{
	const struct group *g;
	char cidr[128];
	json_t *o;

	if (strncmp(peer, "group ", 6) != 0) {
		(void)snprintf(cidr, sizeof(cidr), "%s/%d", peer, strchr(peer, ':') ? 128 : 32);
		return json_pack("{s:{s:s}}", "ipBlock", "cidr", cidr);
	}
	g = &w->groups[strtoul(peer + strlen("group "), NULL, 10)];
	o = json_pack("{s:o}", "podSelector", selector_of(w, g));
	if (strcmp(g->first->ns, own->first->ns) != 0)
		(void)json_object_set_new(o, "namespaceSelector",
					  json_pack("{s:{s:s}}", "matchLabels",
						    "kubernetes.io/metadata.name", g->first->ns));
	return o;
}

static json_t *ports_of(const json_t *ports)
{
	json_t *list = json_array(), *v;
	const char *text;

	json_object_foreach((json_t *)(uintptr_t)ports, text, v) {
		const char *slash = strchr(text, '/');

		(void)json_array_append_new(list, json_pack("{s:s%, s:i}", "protocol", text,
							    (size_t)(slash - text), "port",
							    atoi(slash + 1)));
	}
	return list;
}

/* Many addresses behind the same ports are anybody. */
static void widen(json_t *addrs)
{
	if (json_array_size(addrs) <= RAST_SUGGEST_MAX_ADDRS)
		return;
	(void)json_array_clear(addrs);
	(void)json_array_append_new(addrs, json_pack("{s:{s:s}}", "ipBlock", "cidr", "0.0.0.0/0"));
	(void)json_array_append_new(addrs, json_pack("{s:{s:s}}", "ipBlock", "cidr", "::/0"));
}

/* The node's address is an address; a name alone is nothing a rule could say. */
static const char *address_of_node(const struct work *w, char *buf, size_t size)
{
	return w->world->host4 ? rast_addr_format(false, w->world->host4, buf, size) : "";
}

/* Everybody in `peers` who has just these ports. */
static json_t *members_with(const struct work *w, const struct group *g, json_t *peers,
			    const json_t *ports)
{
	json_t *members = json_array(), *addrs = json_array(), *other;
	const char *who;

	json_object_foreach(peers, who, other) {
		char node[64];

		if (!json_equal(other, ports))
			continue;
		if (!strcmp(who, "node"))
			who = address_of_node(w, node, sizeof(node));
		if (*who)
			(void)json_array_append_new(strncmp(who, "group ", 6) ? addrs : members,
						    peer_of(w, g, who));
	}
	widen(addrs);
	(void)json_array_extend(members, addrs);
	json_decref(addrs);
	return members;
}

static json_t *rules_of(const struct work *w, const struct group *g, enum rast_direction dir)
{
	json_t *rules = json_array(), *told = json_array(), *peers = g->peers[dir], *ports, *seen;
	const char *peer;
	size_t i;

	json_object_foreach(peers, peer, ports) {
		json_t *members;

		json_array_foreach(told, i, seen)
			if (json_equal(seen, ports))
				break;
		if (i < json_array_size(told))
			continue;
		(void)json_array_append(told, ports);
		members = members_with(w, g, peers, ports);
		if (json_array_size(members))
			(void)json_array_append_new(
				rules,
				json_pack("{s:O, s:o}", dir == RAST_DIR_INGRESS ? "from" : "to",
					  members, "ports", ports_of(ports)));
		json_decref(members);
	}
	json_decref(told);
	return rules;
}

static int write_policies(struct work *w)
{
	for (size_t i = 0; i < w->n_groups; i++) {
		const struct group *g = &w->groups[i];
		json_t *doc;

		if (!g->told)
			continue;
		doc = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:o, s:[s,s], s:o, s:o}}",
				"apiVersion", "networking.k8s.io/v1", "kind", "NetworkPolicy",
				"metadata", "name", g->first->name, "namespace", g->first->ns,
				"spec", "podSelector", selector_of(w, g), "policyTypes", "Ingress",
				"Egress", "ingress", rules_of(w, g, RAST_DIR_INGRESS), "egress",
				rules_of(w, g, RAST_DIR_EGRESS));
		if (json_array_append_new(w->policies, doc))
			return -ENOMEM;
	}
	return 0;
}

int rast_policy_suggest(const struct rast_policy_world *world, const json_t *edges, const char *ns,
			json_t **ret)
{
	_cleanup_(finish) struct work w = {
		.world = world, .policies = json_array(), .left_out = json_array()};
	const json_t *edge;
	size_t i;
	int r = w.policies && w.left_out ? make_groups(&w, ns) : -ENOMEM;

	json_array_foreach((json_t *)(uintptr_t)edges, i, edge) {
		if (r < 0)
			break;
		r = add_edge(&w, edge);
	}
	if (!r)
		r = write_policies(&w);
	if (r < 0) {
		json_decref(w.policies);
		json_decref(w.left_out);
		return r;
	}
	*ret = json_pack("{s:o, s:o}", "policies", w.policies, "left_out", w.left_out);
	return *ret ? 0 : -ENOMEM;
}
