// SPDX-License-Identifier: BSD-2-Clause
/*
 * One document → one policy or namespace, as strict as an API server: the first stage. Everything
 * is copied into the policy's own arena, so that the YAML tree may go.
 *
 * A field that is absent and one that is null are the same thing; an empty list often is not.
 */
#include "policy/names.h"
#include "policy/set.h"

#include <errno.h>
#include <string.h>

int rast_policy_parse_meta(const struct rast_yaml_node *doc, const char *api_version,
			   const char *const *fields, const char **ret_ns, const char **ret_name,
			   const struct rast_yaml_node **ret_labels, struct rast_err *err)
{
	/* What an API server adds when it hands a manifest back is let through. */
	static const char *const known[] = {"name",
					    "namespace",
					    "labels",
					    "annotations",
					    "uid",
					    "resourceVersion",
					    "generation",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds",
					    "ownerReferences",
					    "finalizers",
					    "managedFields",
					    "selfLink",
					    NULL};
	const struct rast_yaml_node *meta = NULL, *labels = NULL;
	const char *version = "", *ns = NULL, *name = NULL, *why;
	int r;

	r = rast_yaml_check_fields(doc, fields, err);
	if (!r)
		r = rast_yaml_str(doc, "apiVersion", true, &version, err);
	if (!r && strcmp(version, api_version) != 0)
		r = rast_yaml_err(rast_yaml_get(doc, "apiVersion"), err,
				  "want \"%s\", got \"%.64s\"", api_version, version);
	if (!r)
		r = rast_yaml_map(doc, "metadata", true, &meta, err);
	if (!r)
		r = rast_yaml_check_fields(meta, known, err);
	if (!r)
		r = rast_yaml_str(meta, "name", true, &name, err);
	if (!r)
		r = rast_yaml_str(meta, "namespace", false, &ns, err);
	if (!r)
		r = rast_yaml_map(meta, "labels", false, &labels, err);
	if (r < 0)
		return r;
	why = rast_name_dns_subdomain(name);
	if (why)
		return rast_yaml_err(rast_yaml_get(meta, "name"), err, "name \"%.64s\" %s", name,
				     why);
	why = ns ? rast_name_dns_label(ns) : NULL;
	if (why)
		return rast_yaml_err(rast_yaml_get(meta, "namespace"), err, "name \"%.64s\" %s", ns,
				     why);
	*ret_ns = ns;
	*ret_name = name;
	*ret_labels = labels;
	return 0;
}

/* A label's key and value, as metadata.labels and matchLabels have them. */
static int label(const struct rast_yaml_node *n, const char **ret_value, struct rast_err *err)
{
	const char *why = rast_name_label_key(n->key);
	int r;

	if (why)
		return rast_yaml_err(n, err, "label key \"%.64s\" %s", n->key, why);
	r = rast_yaml_want(n, RAST_YAML_SCALAR, err);
	if (r < 0)
		return r;
	if (!rast_yaml_is_string(n))
		return rast_yaml_err(n, err, "want a string, got %.40s (put it in quotes)",
				     n->value);
	why = rast_name_label_value(n->value);
	if (why)
		return rast_yaml_err(n, err, "label value \"%.64s\" %s", n->value, why);
	*ret_value = n->value;
	return 0;
}

int rast_policy_parse_labels(const struct rast_yaml_node *map, struct rast_arena *a,
			     struct rast_policy_label **ret, size_t *ret_n, struct rast_err *err)
{
	struct rast_policy_label *l;
	size_t n = 0;

	if (!map || !map->count) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	l = rast_arena_take(a, map->count, sizeof(*l));
	if (!l)
		return rast_err_sys(err, ENOMEM, "labels");
	rast_yaml_foreach(c, map) {
		const char *v = NULL;
		int r = label(c, &v, err);

		if (r < 0)
			return r;
		l[n].key = rast_arena_str(a, c->key);
		l[n].value = rast_arena_str(a, v);
		if (!l[n].key || !l[n].value)
			return rast_err_sys(err, ENOMEM, "labels");
		n++;
	}
	*ret = l;
	*ret_n = n;
	return 0;
}

static int operator_of(const struct rast_yaml_node *map, enum rast_policy_op *ret,
		       struct rast_err *err)
{
	static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	const char *op = NULL;
	int r = rast_yaml_str(map, "operator", true, &op, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(op, names[i])) {
			*ret = (enum rast_policy_op)i;
			return 0;
		}
	return rast_yaml_err(rast_yaml_get(map, "operator"), err,
			     "want In, NotIn, Exists or DoesNotExist, got \"%.64s\"", op);
}

static int values_of(const struct rast_yaml_node *seq, struct rast_arena *a,
		     struct rast_policy_req *ret, struct rast_err *err)
{
	ret->values = rast_arena_take(a, seq->count, sizeof(*ret->values));
	if (!ret->values)
		return rast_err_sys(err, ENOMEM, "values");
	rast_yaml_foreach(v, seq) {
		const char *why;

		if (rast_yaml_want(v, RAST_YAML_SCALAR, err) < 0)
			return -EINVAL;
		if (!rast_yaml_is_string(v))
			return rast_yaml_err(v, err, "want a string, got %.40s (put it in quotes)",
					     v->value);
		why = rast_name_label_value(v->value);
		if (why)
			return rast_yaml_err(v, err, "label value \"%.64s\" %s", v->value, why);
		ret->values[ret->n_values] = rast_arena_str(a, v->value);
		if (!ret->values[ret->n_values++])
			return rast_err_sys(err, ENOMEM, "values");
	}
	return 0;
}

static int expression(const struct rast_yaml_node *n, struct rast_arena *a,
		      struct rast_policy_req *ret, struct rast_err *err)
{
	static const char *const fields[] = {"key", "operator", "values", NULL};
	const struct rast_yaml_node *values = NULL;
	const char *key = NULL, *why;
	bool with;
	int r;

	r = rast_yaml_want(n, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_yaml_str(n, "key", true, &key, err);
	if (!r)
		r = operator_of(n, &ret->op, err);
	if (!r)
		r = rast_yaml_seq(n, "values", false, &values, err);
	if (r < 0)
		return r;
	why = rast_name_label_key(key);
	if (why)
		return rast_yaml_err(rast_yaml_get(n, "key"), err, "label key \"%.64s\" %s", key,
				     why);
	with = ret->op == RAST_OP_IN || ret->op == RAST_OP_NOT_IN;
	if (with && (!values || !values->count))
		return rast_yaml_err(values ? values : n, err, "%s needs at least one value",
				     ret->op == RAST_OP_IN ? "In" : "NotIn");
	if (!with && values && values->count)
		return rast_yaml_err(values, err, "%s takes no values",
				     ret->op == RAST_OP_EXISTS ? "Exists" : "DoesNotExist");
	ret->key = rast_arena_str(a, key);
	if (!ret->key)
		return rast_err_sys(err, ENOMEM, "selector");
	return with ? values_of(values, a, ret, err) : 0;
}

int rast_policy_parse_selector(const struct rast_yaml_node *map, struct rast_arena *a,
			       struct rast_policy_selector *ret, struct rast_err *err)
{
	static const char *const fields[] = {"matchLabels", "matchExpressions", NULL};
	const struct rast_yaml_node *labels = NULL, *exprs = NULL;
	struct rast_policy_selector s = {};
	size_t n;
	int r;

	r = rast_yaml_want(map, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_check_fields(map, fields, err);
	if (!r)
		r = rast_yaml_map(map, "matchLabels", false, &labels, err);
	if (!r)
		r = rast_yaml_seq(map, "matchExpressions", false, &exprs, err);
	if (r < 0)
		return r;
	n = (labels ? labels->count : 0) + (exprs ? exprs->count : 0);
	s.reqs = rast_arena_take(a, n ? n : 1, sizeof(*s.reqs));
	if (!s.reqs)
		return rast_err_sys(err, ENOMEM, "selector");
	rast_yaml_foreach(l, labels) {
		struct rast_policy_req *q = &s.reqs[s.n_reqs++];
		const char *v = NULL;

		r = label(l, &v, err);
		if (r < 0)
			return r;
		q->op = RAST_OP_IN;
		q->key = rast_arena_str(a, l->key);
		q->values = rast_arena_take(a, 1, sizeof(*q->values));
		if (!q->key || !q->values || !(q->values[0] = rast_arena_str(a, v)))
			return rast_err_sys(err, ENOMEM, "selector");
		q->n_values = 1;
	}
	rast_yaml_foreach(e, exprs) {
		r = expression(e, a, &s.reqs[s.n_reqs++], err);
		if (r < 0)
			return r;
	}
	*ret = s;
	return 0;
}

static int policy_types(const struct rast_yaml_node *spec, struct rast_policy *p,
			struct rast_err *err)
{
	const struct rast_yaml_node *types = NULL;
	int r = rast_yaml_seq(spec, "policyTypes", false, &types, err);

	if (r < 0)
		return r;
	if (!types || !types->count) {
		p->isolates[RAST_DIR_INGRESS] = true;
		p->isolates[RAST_DIR_EGRESS] = p->n_rules[RAST_DIR_EGRESS] > 0;
		return 0;
	}
	rast_yaml_foreach(t, types) {
		enum rast_direction d;

		if (rast_yaml_want(t, RAST_YAML_SCALAR, err) < 0)
			return -EINVAL;
		if (!strcmp(t->value, "Ingress"))
			d = RAST_DIR_INGRESS;
		else if (!strcmp(t->value, "Egress"))
			d = RAST_DIR_EGRESS;
		else
			return rast_yaml_err(t, err, "want Ingress or Egress, got \"%.64s\"",
					     t->value);
		if (p->isolates[d])
			return rast_yaml_err(t, err, "%s appears twice", t->value);
		p->isolates[d] = true;
	}
	return 0;
}

int rast_policy_parse_rules(const struct rast_yaml_node *spec, const char *key,
			    enum rast_direction dir, rast_policy_rule_parser *parse,
			    struct rast_policy *p, struct rast_err *err)
{
	const struct rast_yaml_node *seq = NULL;
	struct rast_policy_rule *rules;
	size_t n = p->n_rules[dir];
	int r = rast_yaml_seq(spec, key, false, &seq, err);

	if (r < 0 || !seq || !seq->count)
		return r;
	if (seq->count > RAST_MAX_RULES)
		return rast_yaml_err(seq, err, "more than %u rules", RAST_MAX_RULES);
	rules = rast_arena_take(&p->arena, n + seq->count, sizeof(*rules));
	if (!rules)
		return rast_err_sys(err, ENOMEM, "rules");
	if (n)
		memcpy(rules, p->rules[dir], n * sizeof(*rules));
	p->rules[dir] = rules;
	rast_yaml_foreach(e, seq) {
		r = parse(e, dir, &p->arena, &rules[p->n_rules[dir]++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_policy_fill(const struct rast_yaml_node *doc, const char *ns, const char *name,
		     struct rast_policy *p, struct rast_err *err)
{
	p->ns = rast_arena_str(&p->arena, ns);
	p->name = rast_arena_str(&p->arena, name);
	p->file = rast_policy_file_of(doc, &p->arena);
	p->line = doc->line;
	p->doc = rast_yaml_to_json(doc);
	if (!p->ns || !p->name || !p->file || !p->doc)
		return rast_err_sys(err, ENOMEM, "%s", name);
	return 0;
}

static int netpol(const struct rast_yaml_node *doc, struct rast_policy *p, struct rast_err *err)
{
	static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", "status", NULL};
	static const char *const fields[] = {"podSelector", "policyTypes", "ingress", "egress",
					     NULL};
	const struct rast_yaml_node *spec = NULL, *labels = NULL, *pods = NULL;
	struct rast_policy_label *ignored;
	const char *ns = NULL, *name = NULL;
	size_t n;
	int r;

	p->kind = "NetworkPolicy";
	p->tier = RAST_TIER_NETPOL;
	r = rast_policy_parse_meta(doc, "networking.k8s.io/v1", top, &ns, &name, &labels, err);
	if (!r)
		r = rast_policy_parse_labels(labels, &p->arena, &ignored, &n, err);
	if (!r)
		r = rast_policy_fill(doc, ns ? ns : "default", name, p, err);
	if (!r)
		r = rast_yaml_map(doc, "spec", true, &spec, err);
	if (!r)
		r = rast_yaml_check_fields(spec, fields, err);
	/* Required, although an API server may fill it in: to forget it would select every pod. */
	if (!r)
		r = rast_yaml_map(spec, "podSelector", true, &pods, err);
	if (!r)
		r = rast_policy_parse_selector(pods, &p->arena, &p->subject.pods, err);
	if (!r)
		r = rast_policy_parse_rules(spec, "ingress", RAST_DIR_INGRESS,
					    rast_policy_parse_rule, p, err);
	if (!r)
		r = rast_policy_parse_rules(spec, "egress", RAST_DIR_EGRESS, rast_policy_parse_rule,
					    p, err);
	return r ? r : policy_types(spec, p, err);
}

int rast_policy_parse_netpol(const struct rast_yaml_node *doc, struct rast_policy **ret,
			     struct rast_err *err)
{
	struct rast_policy *p = calloc(1, sizeof(*p));
	int r = p ? netpol(doc, p, err) : rast_err_sys(err, ENOMEM, "policy");

	if (r < 0) {
		rast_policy_destroy(p);
		return r;
	}
	*ret = p;
	return 0;
}

static int namespace(const struct rast_yaml_node *doc, struct rast_policy_ns_doc *d,
		     struct rast_err *err)
{
	static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", "status", NULL};
	const struct rast_yaml_node *labels = NULL;
	const char *ns = NULL, *name = NULL, *why;
	int r;

	r = rast_policy_parse_meta(doc, "v1", top, &ns, &name, &labels, err);
	if (r < 0)
		return r;
	if (ns)
		return rast_yaml_err(rast_yaml_get(rast_yaml_get(doc, "metadata"), "namespace"),
				     err, "a Namespace is in no namespace");
	why = rast_name_dns_label(name);
	if (why)
		return rast_yaml_err(rast_yaml_get(rast_yaml_get(doc, "metadata"), "name"), err,
				     "name \"%.64s\" %s", name, why);
	d->name = rast_arena_str(&d->arena, name);
	d->file = rast_policy_file_of(doc, &d->arena);
	d->line = doc->line;
	d->doc = rast_yaml_to_json(doc);
	if (!d->name || !d->file || !d->doc)
		return rast_err_sys(err, ENOMEM, "%s", name);
	r = rast_policy_parse_labels(labels, &d->arena, &d->labels, &d->n_labels, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->n_labels; i++)
		if (!strcmp(d->labels[i].key, "kubernetes.io/metadata.name") &&
		    strcmp(d->labels[i].value, name) != 0)
			return rast_yaml_err(rast_yaml_get(labels, d->labels[i].key), err,
					     "must be the namespace's name, \"%s\"", name);
	return 0;
}

int rast_policy_parse_namespace(const struct rast_yaml_node *doc, struct rast_policy_ns_doc **ret,
				struct rast_err *err)
{
	struct rast_policy_ns_doc *d = calloc(1, sizeof(*d));
	int r = d ? namespace(doc, d, err) : rast_err_sys(err, ENOMEM, "namespace");

	if (r < 0) {
		rast_policy_ns_doc_destroy(d);
		return r;
	}
	*ret = d;
	return 0;
}
