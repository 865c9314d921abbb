// SPDX-License-Identifier: BSD-2-Clause
/*
 * One rule of rast.os/v1. Where a NetworkPolicy takes an empty list to mean everything, this refuses
 * it: what means everything is the absence of the field. What a rule cannot do in the place where it
 * stands (a rate of what is denied, names in ingress) is an error at that field.
 */
#include "policy/set.h"

#include <errno.h>
#include <string.h>

enum flavour { ALLOW, DENY, NODE_ALLOW, NODE_DENY };

/* One packet may be as long: a bucket that is smaller would never let it through. */
#define MIN_BURST_BYTES 65536
#define MAX_RATE 1000000000ll
#define MAX_RATE_BYTES 1000000000000ll

static int list_of(const struct rast_yaml_node *map, const char *key, const char *what,
		   const struct rast_yaml_node **ret, struct rast_err *err)
{
	int r = rast_yaml_seq(map, key, false, ret, err);

	if (!r && *ret && !(*ret)->count)
		r = rast_yaml_err(*ret, err, "an empty list is none: leave %s out for every %s",
				  key, what);
	return r;
}

static int entities(const struct rast_yaml_node *seq, unsigned int *ret, struct rast_err *err)
{
	static const char *const names[] = {"host", "node", "cluster", "world", "all"};

	if (!seq->count)
		return rast_yaml_err(seq, err, "want at least one entity");
	rast_yaml_foreach(e, seq) {
		unsigned int bit = 0;

		if (rast_yaml_want(e, RAST_YAML_SCALAR, err) < 0)
			return -EINVAL;
		for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(e->value, names[i]))
				bit = 1u << i;
		if (!bit)
			return rast_yaml_err(
				e, err, "want host, node, cluster, world or all, got \"%.64s\"",
				e->value);
		if (*ret & bit)
			return rast_yaml_err(e, err, "%s is there twice", e->value);
		*ret |= bit;
		if ((*ret & RAST_ENTITY_ALL) && *ret != RAST_ENTITY_ALL)
			return rast_yaml_err(e, err, "all is all: want no other beside it");
	}
	return 0;
}

static int peer(const struct rast_yaml_node *n, enum rast_direction dir, enum flavour fl,
		struct rast_arena *a, struct rast_policy_peer *ret, struct rast_err *err)
{
	static const char *const fields[] = {
		"podSelector", "namespaceSelector", "ipBlock", "entities", "fqdns", NULL};
	const struct rast_yaml_node *ents = NULL, *names = NULL;
	int r = rast_yaml_want(n, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_yaml_seq(n, "entities", false, &ents, err);
	if (!r)
		r = rast_yaml_seq(n, "fqdns", false, &names, err);
	if (r < 0)
		return r;
	if ((ents || names) && n->count != 1)
		return rast_yaml_err(ents ? ents : names, err,
				     "%s may not stand with another in one peer",
				     ents ? "entities" : "fqdns");
	if (names && (dir != RAST_DIR_EGRESS || fl != ALLOW))
		return rast_yaml_err(names, err,
				     "names are only for egress of a ContainerNetworkPolicy");
	if (ents) {
		ret->kind = RAST_PEER_ENTITIES;
		return entities(ents, &ret->entities, err);
	}
	if (names) {
		ret->kind = RAST_PEER_FQDNS;
		return rast_policy_parse_fqdns(names, false, a, &ret->fqdns, &ret->n_fqdns, err);
	}
	if (!n->count)
		return rast_yaml_err(n, err,
				     "want podSelector, namespaceSelector, ipBlock, entities or "
				     "fqdns in each peer");
	r = rast_policy_parse_peer(n, a, ret, err);
	/* A node is in no namespace: pods of it are pods of any. */
	if (!r && ret->kind == RAST_PEER_PODS && (fl == NODE_ALLOW || fl == NODE_DENY))
		ret->any_ns = true;
	return r;
}

static bool overlap(const struct rast_policy_port *a, const struct rast_policy_port *b)
{
	if (a->proto != b->proto || !a->name != !b->name)
		return false;
	return a->name ? !strcmp(a->name, b->name) : a->lo <= b->hi && b->lo <= a->hi;
}

static int ports(const struct rast_yaml_node *seq, struct rast_arena *a,
		 struct rast_policy_rule *ret, struct rast_err *err)
{
	rast_yaml_foreach(n, seq) {
		struct rast_policy_port *p = &ret->ports[ret->n_ports];
		int r = rast_policy_parse_port(n, a, p, err);

		for (size_t i = 0; !r && i < ret->n_ports; i++)
			if (overlap(&ret->ports[i], p))
				r = rast_yaml_err(n, err, "overlaps ports[%zu]", i);
		if (r < 0)
			return r;
		ret->n_ports++;
	}
	return 0;
}

static int icmp(const struct rast_yaml_node *n, struct rast_policy_port *ret, struct rast_err *err)
{
	static const char *const fields[] = {"family", "type", "code", NULL};
	const char *family = NULL;
	int64_t type = 0, code = -1;
	int r = rast_yaml_want(n, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_yaml_str(n, "family", true, &family, err);
	if (!r)
		r = rast_yaml_int(n, "type", true, 0, UINT8_MAX, &type, err);
	if (!r)
		r = rast_yaml_int(n, "code", false, 0, UINT8_MAX, &code, err);
	if (r < 0)
		return r;
	if (strcmp(family, "IPv4") != 0 && strcmp(family, "IPv6") != 0)
		return rast_yaml_err(rast_yaml_get(n, "family"), err,
				     "want IPv4 or IPv6, got \"%.64s\"", family);
	ret->proto = strcmp(family, "IPv6") != 0 ? RAST_PROTO_ICMP : RAST_PROTO_ICMP6;
	ret->lo = (uint16_t)(type << 8 | (code < 0 ? 0 : code));
	ret->hi = (uint16_t)(type << 8 | (code < 0 ? UINT8_MAX : code));
	return 0;
}

/* Can a packet of this family come from or go to any peer of the rule? */
static bool has_family(const struct rast_policy_rule *r, bool v6)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (r->peers[i].kind != RAST_PEER_BLOCK || r->peers[i].block.cidr.v6 == v6)
			return true;
	return r->any_peer;
}

/* They stand behind the ports. */
static int icmps(const struct rast_yaml_node *seq, struct rast_policy_rule *ret,
		 struct rast_err *err)
{
	size_t first = ret->n_ports;

	rast_yaml_foreach(n, seq) {
		struct rast_policy_port *p = &ret->ports[ret->n_ports];
		int r = icmp(n, p, err);

		if (!r && !has_family(ret, p->proto == RAST_PROTO_ICMP6))
			r = rast_yaml_err(rast_yaml_get(n, "family"), err,
					  "every peer is an ipBlock of the other family");
		for (size_t i = first; !r && i < ret->n_ports; i++)
			if (overlap(&ret->ports[i], p))
				r = rast_yaml_err(n, err, "overlaps icmp[%zu]", i - first);
		if (r < 0)
			return r;
		ret->n_ports++;
	}
	return 0;
}

static int rate(const struct rast_yaml_node *map, struct rast_policy_rate *ret,
		struct rast_err *err)
{
	static const char *const fields[] = {"packets", "bytes", "connections", "burst", NULL};
	const char *key = NULL;
	int64_t n = 0, burst, max;
	int r = rast_yaml_check_fields(map, fields, err);

	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++) {
		if (!rast_yaml_get(map, fields[i]))
			continue;
		if (key)
			return rast_yaml_err(map, err,
					     "want one of packets, bytes and connections, not both "
					     "%s and %s",
					     key, fields[i]);
		key = fields[i];
		ret->kind = (enum rast_policy_rate_kind)(RAST_RATE_PACKETS + i);
	}
	if (!key)
		return rast_yaml_err(map, err, "want one of packets, bytes and connections");
	max = ret->kind == RAST_RATE_BYTES ? MAX_RATE_BYTES : MAX_RATE;
	r = rast_yaml_int(map, key, true, 1, max, &n, err);
	burst = n;
	if (ret->kind == RAST_RATE_BYTES && burst < MIN_BURST_BYTES)
		burst = MIN_BURST_BYTES;
	if (!r)
		r = rast_yaml_int(map, "burst", false,
				  ret->kind == RAST_RATE_BYTES ? MIN_BURST_BYTES : 1, max, &burst,
				  err);
	ret->rate = (uint64_t)n;
	ret->burst = (uint64_t)burst;
	return r;
}

static int dns(const struct rast_yaml_node *seq, struct rast_arena *a, struct rast_policy_rule *ret,
	       struct rast_err *err)
{
	bool asks = ret->any_port;

	for (size_t i = 0; i < ret->n_ports; i++)
		asks |= !ret->ports[i].name &&
			(ret->ports[i].proto == RAST_PROTO_UDP ||
			 ret->ports[i].proto == RAST_PROTO_TCP) &&
			ret->ports[i].lo <= 53 && ret->ports[i].hi >= 53;
	if (!asks)
		return rast_yaml_err(seq, err,
				     "the rule allows no question: want UDP or TCP 53 in ports");
	return rast_policy_parse_fqdns(seq, true, a, &ret->dns, &ret->n_dns, err);
}

/* Fields that are known but not for a rule of this sort. */
static int check_place(const struct rast_yaml_node *map, enum rast_direction dir, enum flavour fl,
		       struct rast_err *err)
{
	const struct rast_yaml_node *limit = rast_yaml_get(map, "rateLimit");
	const struct rast_yaml_node *names = rast_yaml_get(map, "dns");

	if (limit && (fl == DENY || fl == NODE_DENY))
		return rast_yaml_err(limit, err, "what is denied has no rate");
	if (names && (fl != ALLOW || dir != RAST_DIR_EGRESS))
		return rast_yaml_err(names, err,
				     "dns is only for egress of a ContainerNetworkPolicy");
	return 0;
}

static int rule(const struct rast_yaml_node *map, enum rast_direction dir, enum flavour fl,
		struct rast_arena *a, struct rast_policy_rule *ret, struct rast_err *err)
{
	static const char *const fields[2][7] = {
		{"from", "ports", "icmp", "log", "rateLimit", "dns", NULL},
		{"to", "ports", "icmp", "log", "rateLimit", "dns", NULL}};
	const struct rast_yaml_node *peers = NULL, *port_list = NULL, *icmp_list = NULL;
	const struct rast_yaml_node *limit = NULL, *names = NULL;
	int r = rast_yaml_want(map, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(map, fields[dir], err);
	if (!r)
		r = check_place(map, dir, fl, err);
	if (!r)
		r = list_of(map, fields[dir][0], "peer", &peers, err);
	if (!r)
		r = list_of(map, "ports", "port", &port_list, err);
	if (!r)
		r = list_of(map, "icmp", "type", &icmp_list, err);
	if (!r)
		r = rast_yaml_bool(map, "log", false, &ret->log, err);
	if (!r)
		r = rast_yaml_map(map, "rateLimit", false, &limit, err);
	if (!r)
		r = rast_yaml_seq(map, "dns", false, &names, err);
	if (r < 0)
		return r;
	ret->line = map->line;
	ret->action = fl == DENY || fl == NODE_DENY ? RAST_ACTION_DENY : RAST_ACTION_ALLOW;
	ret->any_peer = !peers;
	ret->any_port = !port_list && !icmp_list;
	ret->peers = rast_arena_take(a, peers ? peers->count : 1, sizeof(*ret->peers));
	ret->ports = rast_arena_take(
		a, (port_list ? port_list->count : 0) + (icmp_list ? icmp_list->count : 0) + 1,
		sizeof(*ret->ports));
	if (!ret->peers || !ret->ports)
		return rast_err_sys(err, ENOMEM, "rule");
	rast_yaml_foreach(n, peers) {
		r = peer(n, dir, fl, a, &ret->peers[ret->n_peers++], err);
		if (r < 0)
			return r;
	}
	if (port_list)
		r = ports(port_list, a, ret, err);
	if (!r && icmp_list)
		r = icmps(icmp_list, ret, err);
	if (!r && names)
		r = dns(names, a, ret, err);
	return r || !limit ? r : rate(limit, &ret->rate, err);
}

int rast_policy_parse_allow(const struct rast_yaml_node *map, enum rast_direction dir,
			    struct rast_arena *a, struct rast_policy_rule *ret,
			    struct rast_err *err)
{
	return rule(map, dir, ALLOW, a, ret, err);
}

int rast_policy_parse_deny(const struct rast_yaml_node *map, enum rast_direction dir,
			   struct rast_arena *a, struct rast_policy_rule *ret, struct rast_err *err)
{
	return rule(map, dir, DENY, a, ret, err);
}

int rast_policy_parse_node_allow(const struct rast_yaml_node *map, enum rast_direction dir,
				 struct rast_arena *a, struct rast_policy_rule *ret,
				 struct rast_err *err)
{
	return rule(map, dir, NODE_ALLOW, a, ret, err);
}

int rast_policy_parse_node_deny(const struct rast_yaml_node *map, enum rast_direction dir,
				struct rast_arena *a, struct rast_policy_rule *ret,
				struct rast_err *err)
{
	return rule(map, dir, NODE_DENY, a, ret, err);
}
