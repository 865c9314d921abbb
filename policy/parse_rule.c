// SPDX-License-Identifier: BSD-2-Clause
/*
 * One ingress or egress rule of a NetworkPolicy: its peers and its ports.
 *
 * An absent or empty list of peers means every peer, of ports every port; a list of which each
 * entry matches nothing matches nothing.
 */
#include "policy/names.h"
#include "policy/set.h"

#include <errno.h>
#include <string.h>

static int cidr(const struct rast_yaml_node *n, struct rast_cidr *ret, struct rast_err *err)
{
	if (rast_yaml_want(n, RAST_YAML_SCALAR, err) < 0)
		return -EINVAL;
	if (rast_cidr_parse(n->value, ret) < 0)
		return rast_yaml_err(
			n, err, "\"%.64s\" is no CIDR (such as 10.0.0.0/8 or fd00::/8)", n->value);
	return 0;
}

static int block(const struct rast_yaml_node *map, struct rast_arena *a,
		 struct rast_policy_block *ret, struct rast_err *err)
{
	static const char *const fields[] = {"cidr", "except", NULL};
	const struct rast_yaml_node *excepts = NULL;
	const char *text = NULL;
	int r;

	r = rast_yaml_check_fields(map, fields, err);
	if (!r)
		r = rast_yaml_str(map, "cidr", true, &text, err);
	if (!r)
		r = cidr(rast_yaml_get(map, "cidr"), &ret->cidr, err);
	if (!r)
		r = rast_yaml_seq(map, "except", false, &excepts, err);
	if (r < 0 || !excepts)
		return r;
	ret->excepts = rast_arena_take(a, excepts->count, sizeof(*ret->excepts));
	if (excepts->count && !ret->excepts)
		return rast_err_sys(err, ENOMEM, "except");
	rast_yaml_foreach(e, excepts) {
		struct rast_cidr *c = &ret->excepts[ret->n_excepts++];

		r = cidr(e, c, err);
		if (r < 0)
			return r;
		if (!rast_cidr_strictly_within(c, &ret->cidr))
			return rast_yaml_err(e, err,
					     "%.64s is not within cidr %.64s, or is all of it",
					     e->value, text);
	}
	return 0;
}

int rast_policy_parse_peer(const struct rast_yaml_node *n, struct rast_arena *a,
			   struct rast_policy_peer *ret, struct rast_err *err)
{
	static const char *const fields[] = {"podSelector", "namespaceSelector", "ipBlock", NULL};
	const struct rast_yaml_node *pods = NULL, *namespaces = NULL, *ip = NULL;
	int r;

	r = rast_yaml_want(n, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_yaml_map(n, "podSelector", false, &pods, err);
	if (!r)
		r = rast_yaml_map(n, "namespaceSelector", false, &namespaces, err);
	if (!r)
		r = rast_yaml_map(n, "ipBlock", false, &ip, err);
	if (r < 0)
		return r;
	if (ip && (pods || namespaces))
		return rast_yaml_err(ip, err, "ipBlock and selectors may not stand in one peer");
	if (!ip && !pods && !namespaces)
		return rast_yaml_err(n, err,
				     "want podSelector, namespaceSelector or ipBlock in each peer");
	if (ip) {
		ret->kind = RAST_PEER_BLOCK;
		return block(ip, a, &ret->block, err);
	}
	ret->kind = RAST_PEER_PODS;
	ret->any_ns = namespaces;
	if (namespaces)
		r = rast_policy_parse_selector(namespaces, a, &ret->namespaces, err);
	if (!r && pods)
		r = rast_policy_parse_selector(pods, a, &ret->pods, err);
	return r;
}

int rast_policy_parse_proto(const struct rast_yaml_node *map, const char *key,
			    enum rast_policy_proto *ret, struct rast_err *err)
{
	const char *text = "TCP";
	int r = rast_yaml_str(map, key, false, &text, err);

	if (r < 0)
		return r;
	if (!strcmp(text, "TCP"))
		*ret = RAST_PROTO_TCP;
	else if (!strcmp(text, "UDP"))
		*ret = RAST_PROTO_UDP;
	else if (!strcmp(text, "SCTP"))
		*ret = RAST_PROTO_SCTP;
	else
		return rast_yaml_err(rast_yaml_get(map, key), err,
				     "want TCP, UDP or SCTP, got \"%.64s\"", text);
	return 0;
}

int rast_policy_parse_port(const struct rast_yaml_node *n, struct rast_arena *a,
			   struct rast_policy_port *ret, struct rast_err *err)
{
	static const char *const fields[] = {"protocol", "port", "endPort", NULL};
	const struct rast_yaml_node *p, *end;
	int64_t lo = 0, hi = 0;
	const char *why;
	int r;

	r = rast_yaml_want(n, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_policy_parse_proto(n, "protocol", &ret->proto, err);
	if (r < 0)
		return r;
	p = rast_yaml_get(n, "port");
	end = rast_yaml_get(n, "endPort");
	if (!p && end)
		return rast_yaml_err(end, err, "endPort needs a port");
	if (!p) {
		ret->lo = 0;
		ret->hi = UINT16_MAX;
		return 0;
	}
	if (rast_yaml_want(p, RAST_YAML_SCALAR, err) < 0)
		return -EINVAL;
	if (rast_yaml_is_string(p)) {
		why = rast_name_port(p->value);
		if (why)
			return rast_yaml_err(p, err, "port name \"%.64s\" %s", p->value, why);
		if (end)
			return rast_yaml_err(end, err, "endPort needs a port that is a number");
		ret->name = rast_arena_str(a, p->value);
		return ret->name ? 0 : rast_err_sys(err, ENOMEM, "port");
	}
	r = rast_yaml_int(n, "port", true, 1, UINT16_MAX, &lo, err);
	hi = lo;
	if (!r)
		r = rast_yaml_int(n, "endPort", false, 1, UINT16_MAX, &hi, err);
	if (r < 0)
		return r;
	if (hi < lo)
		return rast_yaml_err(end, err, "endPort %d is below port %d", (int)hi, (int)lo);
	ret->lo = (uint16_t)lo;
	ret->hi = (uint16_t)hi;
	return 0;
}

int rast_policy_parse_rule(const struct rast_yaml_node *map, enum rast_direction dir,
			   struct rast_arena *a, struct rast_policy_rule *ret, struct rast_err *err)
{
	static const char *const fields[2][3] = {{"from", "ports", NULL}, {"to", "ports", NULL}};
	const struct rast_yaml_node *peers = NULL, *ports = NULL;
	int r;

	r = rast_yaml_want(map, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_check_fields(map, fields[dir], err);
	if (!r)
		r = rast_yaml_seq(map, fields[dir][0], false, &peers, err);
	if (!r)
		r = rast_yaml_seq(map, "ports", false, &ports, err);
	if (r < 0)
		return r;
	ret->line = map->line;
	ret->action = RAST_ACTION_ALLOW;
	ret->any_peer = !peers || !peers->count;
	ret->any_port = !ports || !ports->count;
	if (!ret->any_peer)
		ret->peers = rast_arena_take(a, peers->count, sizeof(*ret->peers));
	if (!ret->any_port)
		ret->ports = rast_arena_take(a, ports->count, sizeof(*ret->ports));
	if ((!ret->any_peer && !ret->peers) || (!ret->any_port && !ret->ports))
		return rast_err_sys(err, ENOMEM, "rule");
	rast_yaml_foreach(n, peers) {
		r = rast_policy_parse_peer(n, a, &ret->peers[ret->n_peers++], err);
		if (r < 0)
			return r;
	}
	rast_yaml_foreach(n, ports) {
		r = rast_policy_parse_port(n, a, &ret->ports[ret->n_ports++], err);
		if (r < 0)
			return r;
	}
	return 0;
}
