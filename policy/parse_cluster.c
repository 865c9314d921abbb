// SPDX-License-Identifier: BSD-2-Clause
/*
 * policy.networking.k8s.io ClusterNetworkPolicy, v1alpha2 or v1beta1 (the fields are the same):
 * tiers, priorities, and rules that accept, deny or pass. Unlike a NetworkPolicy it isolates nobody:
 * what no rule matches goes on to the next tier. Peers by domain name are refused: nothing here
 * resolves names. As with the API's own schema, a list that is there has 1 to 25 entries.
 */
#include "policy/names.h"
#include "policy/set.h"

#include <errno.h>
#include <string.h>

#define MAX_ITEMS 25      /* of rules, peers, CIDRs, protocols: maxItems of the schema */
#define MAX_RULE_NAME 100 /* characters */
#define API "policy.networking.k8s.io/"

/* The list `key`, of as many entries as the schema lets it have. */
static int list_of(const struct rast_yaml_node *map, const char *key, bool required,
		   const char *what, const struct rast_yaml_node **ret, struct rast_err *err)
{
	const struct rast_yaml_node *seq = NULL;
	int r = rast_yaml_seq(map, key, required, &seq, err);

	if (r < 0 || !seq)
		return r;
	if (!seq->count)
		return rast_yaml_err(seq, err, "want at least one %s", what);
	if (seq->count > MAX_ITEMS)
		return rast_yaml_err(seq, err, "more than %d entries", MAX_ITEMS);
	*ret = seq;
	return 0;
}

/* `namespaces: SELECTOR` or `pods: {namespaceSelector, podSelector}`; no namespaceSelector: all. */
static int pods_of(const struct rast_yaml_node *namespaces, const struct rast_yaml_node *pods,
		   struct rast_arena *a, struct rast_policy_peer *ret, struct rast_err *err)
{
	static const char *const fields[] = {"namespaceSelector", "podSelector", NULL};
	const struct rast_yaml_node *ns = namespaces, *pod = NULL;
	int r = 0;

	ret->kind = RAST_PEER_PODS;
	ret->any_ns = true;
	if (pods) {
		r = rast_yaml_check_fields(pods, fields, err);
		if (!r)
			r = rast_yaml_map(pods, "namespaceSelector", false, &ns, err);
		if (!r)
			r = rast_yaml_map(pods, "podSelector", true, &pod, err);
	}
	if (!r && ns)
		r = rast_policy_parse_selector(ns, a, &ret->namespaces, err);
	if (!r && pod)
		r = rast_policy_parse_selector(pod, a, &ret->pods, err);
	return r;
}

static int subject(const struct rast_yaml_node *map, struct rast_arena *a,
		   struct rast_policy_peer *ret, struct rast_err *err)
{
	static const char *const fields[] = {"namespaces", "pods", NULL};
	const struct rast_yaml_node *ns = NULL, *pods = NULL;
	int r = rast_yaml_check_fields(map, fields, err);

	if (!r)
		r = rast_yaml_map(map, "namespaces", false, &ns, err);
	if (!r)
		r = rast_yaml_map(map, "pods", false, &pods, err);
	if (r < 0)
		return r;
	if (!ns == !pods)
		return rast_yaml_err(map, err, "want one of namespaces and pods");
	return pods_of(ns, pods, a, ret, err);
}

/* Fills one peer, or with `networks` as many as there are CIDRs. */
static int peer(const struct rast_yaml_node *n, enum rast_direction dir, struct rast_arena *a,
		struct rast_policy_peer *ret, size_t *n_peers, struct rast_err *err)
{
	static const char *const fields[2][6] = {
		{"namespaces", "pods", NULL},
		{"namespaces", "pods", "networks", "nodes", "domainNames", NULL}};
	const struct rast_yaml_node *ns = NULL, *pods = NULL, *nets = NULL, *nodes = NULL;
	struct rast_policy_selector of_nodes = {};
	int r = rast_yaml_check_fields(n, fields[dir], err);

	if (!r && rast_yaml_get(n, "domainNames"))
		return rast_yaml_err(rast_yaml_get(n, "domainNames"), err,
				     "nothing here resolves domain names: want networks");
	if (!r)
		r = rast_yaml_map(n, "namespaces", false, &ns, err);
	if (!r)
		r = rast_yaml_map(n, "pods", false, &pods, err);
	if (!r)
		r = list_of(n, "networks", false, "CIDR", &nets, err);
	if (!r)
		r = rast_yaml_map(n, "nodes", false, &nodes, err);
	if (r < 0)
		return r;
	if (!!ns + !!pods + !!nets + !!nodes != 1)
		return rast_yaml_err(n, err, "want one of %s in each peer",
				     dir == RAST_DIR_INGRESS
					     ? "namespaces and pods"
					     : "namespaces, pods, networks and nodes");
	if (nodes) {
		/* There is one node and it has no labels: only what asks for none selects it. */
		r = rast_policy_parse_selector(nodes, a, &of_nodes, err);
		if (r < 0)
			return r;
		if (of_nodes.n_reqs)
			return rast_yaml_err(nodes, err, "nodes have no labels here: want {}");
		ret[(*n_peers)++].kind = RAST_PEER_NODES;
		return 0;
	}
	if (!nets)
		return pods_of(ns, pods, a, &ret[(*n_peers)++], err);
	rast_yaml_foreach(c, nets) {
		struct rast_policy_peer *to = &ret[(*n_peers)++];

		if (rast_yaml_want(c, RAST_YAML_SCALAR, err) < 0)
			return -EINVAL;
		to->kind = RAST_PEER_BLOCK;
		if (rast_cidr_parse(c->value, &to->block.cidr) < 0)
			return rast_yaml_err(
				c, err, "\"%.64s\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)",
				c->value);
	}
	return 0;
}

static int numbers(const struct rast_yaml_node *proto, struct rast_policy_port *ret,
		   struct rast_err *err)
{
	static const char *const fields[] = {"destinationPort", NULL};
	static const char *const port_fields[] = {"number", "range", NULL};
	static const char *const range_fields[] = {"start", "end", NULL};
	const struct rast_yaml_node *port = NULL, *range = NULL;
	int64_t lo = 0, hi = 0;
	int r = rast_yaml_want(proto, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(proto, fields, err);
	if (!r)
		r = rast_yaml_map(proto, "destinationPort", true, &port, err);
	if (!r)
		r = rast_yaml_check_fields(port, port_fields, err);
	if (!r)
		r = rast_yaml_map(port, "range", false, &range, err);
	if (!r && !range == !rast_yaml_get(port, "number"))
		r = rast_yaml_err(port, err, "want one of number and range");
	if (!r && range)
		r = rast_yaml_check_fields(range, range_fields, err);
	if (!r)
		r = rast_yaml_int(range ? range : port, range ? "start" : "number", true, 1,
				  UINT16_MAX, &lo, err);
	hi = lo;
	if (!r && range)
		r = rast_yaml_int(range, "end", true, 1, UINT16_MAX, &hi, err);
	if (!r && range && hi <= lo)
		r = rast_yaml_err(range, err, "end %d is not above start %d", (int)hi, (int)lo);
	if (r < 0)
		return r;
	ret->lo = (uint16_t)lo;
	ret->hi = (uint16_t)hi;
	return 0;
}

static int protocol(const struct rast_yaml_node *n, struct rast_arena *a,
		    struct rast_policy_port *ret, size_t *n_ports, struct rast_err *err)
{
	static const char *const fields[] = {"tcp", "udp", "sctp", "destinationNamedPort", NULL};
	const char *name = NULL, *why;
	int r = rast_yaml_want(n, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r && n->count != 1)
		r = rast_yaml_err(n, err, "want one of tcp, udp, sctp and destinationNamedPort");
	if (!r)
		r = rast_yaml_str(n, "destinationNamedPort", false, &name, err);
	if (r < 0)
		return r;
	if (!name) {
		for (int p = 0; p < (int)RAST_PROTO_PORTS; p++)
			if (!strcmp(n->first->key, fields[p]))
				ret[*n_ports].proto = (enum rast_policy_proto)p;
		return numbers(n->first, &ret[(*n_ports)++], err);
	}
	why = rast_name_port(name);
	if (why)
		return rast_yaml_err(n->first, err, "port name \"%.64s\" %s", name, why);
	/* A name stands for the port that has it, of whatever protocol. */
	for (int p = 0; p < (int)RAST_PROTO_PORTS; p++) {
		ret[*n_ports].proto = (enum rast_policy_proto)p;
		ret[*n_ports].name = rast_arena_str(a, name);
		if (!ret[(*n_ports)++].name)
			return rast_err_sys(err, ENOMEM, "port");
	}
	return 0;
}

static int action(const struct rast_yaml_node *map, enum rast_policy_action *ret,
		  struct rast_err *err)
{
	static const char *const names[] = {"Accept", "Deny", "Pass"};
	const char *text = NULL;
	int r = rast_yaml_str(map, "action", true, &text, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i])) {
			*ret = (enum rast_policy_action)i;
			return 0;
		}
	return rast_yaml_err(rast_yaml_get(map, "action"), err,
			     "want Accept, Deny or Pass, got \"%.64s\"", text);
}

static int rule_name(const struct rast_yaml_node *map, struct rast_err *err)
{
	const char *name = NULL;
	size_t n = 0;
	int r = rast_yaml_str(map, "name", false, &name, err);

	for (const char *c = name; c && *c; c++)
		n += (*c & 0xc0) != 0x80; /* every character has one byte that is no continuation */
	if (!r && n > MAX_RULE_NAME)
		r = rast_yaml_err(rast_yaml_get(map, "name"), err, "more than %d characters",
				  MAX_RULE_NAME);
	return r;
}

static int rule(const struct rast_yaml_node *map, enum rast_direction dir, struct rast_arena *a,
		struct rast_policy_rule *ret, struct rast_err *err)
{
	static const char *const fields[2][5] = {{"name", "action", "from", "protocols", NULL},
						 {"name", "action", "to", "protocols", NULL}};
	const struct rast_yaml_node *peers = NULL, *protos = NULL;
	bool outside = false;
	size_t n = 0;
	int r = rast_yaml_want(map, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(map, fields[dir], err);
	if (!r)
		r = rule_name(map, err);
	if (!r)
		r = action(map, &ret->action, err);
	if (!r)
		r = list_of(map, fields[dir][2], true, "peer", &peers, err);
	if (!r)
		r = list_of(map, "protocols", false, "protocol", &protos, err);
	if (r < 0)
		return r;
	rast_yaml_foreach(p, peers) {
		const struct rast_yaml_node *nets = rast_yaml_get(p, "networks");

		r = rast_yaml_want(p, RAST_YAML_MAP, err);
		if (r < 0)
			return r;
		n += nets ? nets->count + 1 : 1;
	}
	ret->line = map->line;
	ret->any_port = !protos;
	ret->peers = rast_arena_take(a, n, sizeof(*ret->peers));
	ret->ports = rast_arena_take(a, protos ? protos->count * 3 + 1 : 1, sizeof(*ret->ports));
	if (!ret->peers || !ret->ports)
		return rast_err_sys(err, ENOMEM, "rule");
	rast_yaml_foreach(p, peers) {
		r = peer(p, dir, a, ret->peers, &ret->n_peers, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ret->n_peers; i++)
		outside |= ret->peers[i].kind != RAST_PEER_PODS;
	rast_yaml_foreach(p, protos) {
		if (outside && rast_yaml_get(p, "destinationNamedPort"))
			return rast_yaml_err(rast_yaml_get(p, "destinationNamedPort"), err,
					     "only pods have named ports: want no networks or "
					     "nodes in the same rule");
		r = protocol(p, a, ret->ports, &ret->n_ports, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int rules(const struct rast_yaml_node *spec, const char *key, enum rast_direction dir,
		 struct rast_policy *p, struct rast_err *err)
{
	const struct rast_yaml_node *seq = rast_yaml_get(spec, key);

	/* Of all lists only these may be empty. */
	if (seq && seq->type == RAST_YAML_SEQ && seq->count > MAX_ITEMS)
		return rast_yaml_err(seq, err, "more than %d entries", MAX_ITEMS);
	return rast_policy_parse_rules(spec, key, dir, rule, p, err);
}

static int cluster(const struct rast_yaml_node *doc, struct rast_policy *p, struct rast_err *err)
{
	static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", "status", NULL};
	static const char *const fields[] = {"tier",    "priority", "subject",
					     "ingress", "egress",   NULL};
	const struct rast_yaml_node *spec = NULL, *labels = NULL, *sub = NULL;
	const char *ns = NULL, *name = NULL, *tier = NULL;
	const struct rast_yaml_node *version = rast_yaml_get(doc, "apiVersion");
	bool beta = version && !strcmp(version->value, API "v1beta1");
	struct rast_policy_label *ignored;
	int64_t priority = 0;
	size_t n;
	int r;

	p->kind = "ClusterNetworkPolicy";
	r = rast_policy_parse_meta(doc, beta ? API "v1beta1" : API "v1alpha2", top, &ns, &name,
				   &labels, err);
	if (!r && ns)
		r = rast_yaml_err(rast_yaml_get(rast_yaml_get(doc, "metadata"), "namespace"), err,
				  "a ClusterNetworkPolicy is in no namespace");
	if (!r)
		r = rast_policy_parse_labels(labels, &p->arena, &ignored, &n, err);
	if (!r)
		r = rast_yaml_map(doc, "spec", true, &spec, err);
	if (!r)
		r = rast_yaml_check_fields(spec, fields, err);
	if (!r)
		r = rast_yaml_str(spec, "tier", true, &tier, err);
	if (!r)
		r = rast_yaml_int(spec, "priority", true, 0, 1000, &priority, err);
	if (!r)
		r = rast_yaml_map(spec, "subject", true, &sub, err);
	if (r < 0)
		return r;
	if (!strcmp(tier, "Admin"))
		p->tier = RAST_TIER_ADMIN;
	else if (!strcmp(tier, "Baseline"))
		p->tier = RAST_TIER_BASELINE;
	else
		return rast_yaml_err(rast_yaml_get(spec, "tier"), err,
				     "want Admin or Baseline, got \"%.64s\"", tier);
	p->priority = (int)priority;
	p->line = doc->line;
	p->ns = "";
	p->name = rast_arena_str(&p->arena, name);
	p->file = rast_policy_file_of(doc, &p->arena);
	p->doc = rast_yaml_to_json(doc);
	if (!p->name || !p->file || !p->doc)
		return rast_err_sys(err, ENOMEM, "%s", name);
	r = subject(sub, &p->arena, &p->subject, err);
	if (!r)
		r = rules(spec, "ingress", RAST_DIR_INGRESS, p, err);
	if (!r)
		r = rules(spec, "egress", RAST_DIR_EGRESS, p, err);
	p->isolates[RAST_DIR_INGRESS] = p->n_rules[RAST_DIR_INGRESS] > 0;
	p->isolates[RAST_DIR_EGRESS] = p->n_rules[RAST_DIR_EGRESS] > 0;
	return r;
}

int rast_policy_parse_cluster(const struct rast_yaml_node *doc, struct rast_policy **ret,
			      struct rast_err *err)
{
	struct rast_policy *p = calloc(1, sizeof(*p));
	int r = p ? cluster(doc, p, err) : rast_err_sys(err, ENOMEM, "policy");

	if (r < 0) {
		rast_policy_destroy(p);
		return r;
	}
	*ret = p;
	return 0;
}
