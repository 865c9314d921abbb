// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast.os/v1: ContainerNetworkPolicy and NodeNetworkPolicy, one document → one policy.
 *
 * Unlike in a NetworkPolicy a direction is isolated because its list is there, be it empty, or because
 * policyTypes names it; rules that could never count are an error. Deny rules isolate nothing.
 */
#include "policy/set.h"

#include <errno.h>
#include <string.h>

#define API "rast.os/v1"

static const char *const allows[] = {"ingress", "egress"};
static const char *const denies[] = {"ingressDeny", "egressDeny"};

static int mode(const struct rast_yaml_node *spec, struct rast_policy *p, struct rast_err *err)
{
	const char *text = "Enforce";
	int r = rast_yaml_str(spec, "mode", false, &text, err);

	if (r < 0)
		return r;
	p->staged = !strcmp(text, "Staged");
	if (!p->staged && strcmp(text, "Enforce") != 0)
		return rast_yaml_err(rast_yaml_get(spec, "mode"), err,
				     "want Enforce or Staged, got \"%.64s\"", text);
	return 0;
}

static int isolation(const struct rast_yaml_node *spec, struct rast_policy *p, struct rast_err *err)
{
	static const char *const names[] = {"Ingress", "Egress"};
	const struct rast_yaml_node *types = NULL;
	int r = rast_yaml_seq(spec, "policyTypes", false, &types, err);

	if (r < 0)
		return r;
	for (int d = 0; !types && d < 2; d++)
		p->isolates[d] = rast_yaml_get(spec, allows[d]);
	rast_yaml_foreach(t, types) {
		int d = 0;

		if (rast_yaml_want(t, RAST_YAML_SCALAR, err) < 0)
			return -EINVAL;
		while (d < 2 && strcmp(t->value, names[d]) != 0)
			d++;
		if (d == 2)
			return rast_yaml_err(t, err, "want Ingress or Egress, got \"%.64s\"",
					     t->value);
		if (p->isolates[d])
			return rast_yaml_err(t, err, "%s appears twice", t->value);
		p->isolates[d] = true;
	}
	for (int d = 0; d < 2; d++)
		if (rast_yaml_get(spec, allows[d]) && !p->isolates[d])
			return rast_yaml_err(rast_yaml_get(spec, allows[d]), err,
					     "these rules never count: policyTypes has no %s",
					     names[d]);
	if (!p->isolates[0] && !p->isolates[1] && !p->n_deny[0] && !p->n_deny[1])
		return rast_yaml_err(spec, err,
				     "decides nothing: want ingress, egress, ingressDeny, "
				     "egressDeny or policyTypes");
	return 0;
}

/* log: true of the policy is that of each rule. */
static int log_all(const struct rast_yaml_node *spec, enum rast_direction d, struct rast_policy *p,
		   struct rast_err *err)
{
	const char *const lists[] = {denies[d], allows[d]};

	for (size_t i = 0; i < 2; i++)
		rast_yaml_foreach(n, rast_yaml_get(spec, lists[i])) {
			bool log = true;
			int r = rast_yaml_bool(n, "log", false, &log, err);

			if (r < 0)
				return r;
			if (!log)
				return rast_yaml_err(rast_yaml_get(n, "log"), err,
						     "the whole policy has log: true");
		}
	for (size_t j = 0; j < p->n_rules[d]; j++)
		p->rules[d][j].log = true;
	return 0;
}

static int rules(const struct rast_yaml_node *spec, rast_policy_rule_parser *allow,
		 rast_policy_rule_parser *deny, struct rast_policy *p, struct rast_err *err)
{
	bool log = false;
	int r = rast_yaml_bool(spec, "log", false, &log, err);

	for (int i = 0; !r && i < 2; i++) {
		enum rast_direction d = (enum rast_direction)i;

		r = rast_policy_parse_rules(spec, denies[d], d, deny, p, err);
		p->n_deny[d] = p->n_rules[d];
		if (!r)
			r = rast_policy_parse_rules(spec, allows[d], d, allow, p, err);
		if (!r && log)
			r = log_all(spec, d, p, err);
	}
	return r ? r : isolation(spec, p, err);
}

/* What both kinds have; *ret_spec is the checked spec. */
static int head(const struct rast_yaml_node *doc, const char *const *fields, struct rast_policy *p,
		const struct rast_yaml_node **ret_spec, struct rast_err *err)
{
	static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", NULL};
	bool node = !strcmp(p->kind, "NodeNetworkPolicy");
	const struct rast_yaml_node *labels = NULL;
	const char *ns = NULL, *name = NULL;
	struct rast_policy_label *ignored;
	size_t n;
	int r;

	p->tier = RAST_TIER_NETPOL;
	r = rast_policy_parse_meta(doc, API, top, &ns, &name, &labels, err);
	if (!r && node && ns)
		r = rast_yaml_err(rast_yaml_get(rast_yaml_get(doc, "metadata"), "namespace"), err,
				  "a NodeNetworkPolicy is in no namespace");
	if (!r)
		r = rast_policy_parse_labels(labels, &p->arena, &ignored, &n, err);
	if (!r)
		r = rast_policy_fill(doc, ns || node ? ns ? ns : "" : "default", name, p, err);
	if (!r)
		r = rast_yaml_map(doc, "spec", true, ret_spec, err);
	if (!r)
		r = rast_yaml_check_fields(*ret_spec, fields, err);
	return r ? r : mode(*ret_spec, p, err);
}

static int container(const struct rast_yaml_node *doc, struct rast_policy *p, struct rast_err *err)
{
	static const char *const fields[] = {"podSelector", "mode",       "log",
					     "policyTypes", "ingress",    "ingressDeny",
					     "egress",      "egressDeny", NULL};
	const struct rast_yaml_node *spec = NULL, *pods = NULL;
	int r;

	p->kind = "ContainerNetworkPolicy";
	r = head(doc, fields, p, &spec, err);
	/* Required, as in a NetworkPolicy: to forget it would select every pod. */
	if (!r)
		r = rast_yaml_map(spec, "podSelector", true, &pods, err);
	if (!r)
		r = rast_policy_parse_selector(pods, &p->arena, &p->subject.pods, err);
	return r ? r : rules(spec, rast_policy_parse_allow, rast_policy_parse_deny, p, err);
}

static int node(const struct rast_yaml_node *doc, struct rast_policy *p, struct rast_err *err)
{
	static const char *const fields[] = {"nodeSelector", "mode",       "log",
					     "policyTypes",  "ingress",    "ingressDeny",
					     "egress",       "egressDeny", NULL};
	const struct rast_yaml_node *spec = NULL, *nodes = NULL;
	int r;

	p->kind = "NodeNetworkPolicy";
	p->subject.kind = RAST_PEER_NODES;
	r = head(doc, fields, p, &spec, err);
	if (!r)
		r = rast_yaml_map(spec, "nodeSelector", false, &nodes, err);
	if (!r && nodes)
		r = rast_policy_parse_selector(nodes, &p->arena, &p->subject.pods, err);
	return r ? r
		 : rules(spec, rast_policy_parse_node_allow, rast_policy_parse_node_deny, p, err);
}

static int parse(const struct rast_yaml_node *doc,
		 int (*one)(const struct rast_yaml_node *doc, struct rast_policy *p,
			    struct rast_err *err),
		 struct rast_policy **ret, struct rast_err *err)
{
	struct rast_policy *p = calloc(1, sizeof(*p));
	int r = p ? one(doc, p, err) : rast_err_sys(err, ENOMEM, "policy");

	if (r < 0) {
		rast_policy_destroy(p);
		return r;
	}
	*ret = p;
	return 0;
}

int rast_policy_parse_container(const struct rast_yaml_node *doc, struct rast_policy **ret,
				struct rast_err *err)
{
	return parse(doc, container, ret, err);
}

int rast_policy_parse_node(const struct rast_yaml_node *doc, struct rast_policy **ret,
			   struct rast_err *err)
{
	return parse(doc, node, ret, err);
}
