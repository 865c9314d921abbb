// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain: the verdict is read from the image, as the kernel does; only the reasons beside it (who
 * isolates, what nearly matched, what to add) come from the policies.
 */
#include "policy/explain.h"

#include "policy/ends.h"
#include "policy/proto.h"
#include "policy/stage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ask {
	const struct rast_policy_set *set;
	const struct rast_policy_image *image;
	const struct rast_policy_rules *rules;
	const struct rast_policy_question *q;
	struct rast_index ix;
	uint64_t *bits; /* pods */
	json_t *text;
};

static const char *const dirs[] = {"ingress", "egress"};

static json_t *describe_end(const struct rast_end *e, const struct rast_policy_image *im)
{
	char buf[64];
	json_t *o;

	if (e->pod)
		o = json_pack("{s:s, s:s, s:s, s:i, s:i}", "kind", "pod", "namespace", e->pod->ns,
			      "name", e->pod->name, "identity", (int)e->pod->identity, "class",
			      im->class_by_identity[e->pod->identity]);
	else
		o = json_pack("{s:s}", "kind", e->host ? "node" : e->named ? "name" : "address");
	if (e->addr)
		(void)json_object_set_new(
			o, "address",
			json_string(rast_addr_format(e->v6, e->addr, buf, sizeof(buf))));
	return o;
}

/* Of an end that is no pod. */
static bool entity_is(unsigned int entities, bool host)
{
	unsigned int those = host ? RAST_ENTITY_HOST | RAST_ENTITY_CLUSTER : RAST_ENTITY_WORLD;

	return entities & (those | RAST_ENTITY_ALL);
}

static bool names_match(const struct rast_policy_peer *k, const struct rast_fqdn *name)
{
	for (size_t i = 0; i < k->n_fqdns; i++) {
		struct rast_fqdn pattern;

		if (!rast_fqdn_parse(k->fqdns[i].text, &pattern) &&
		    rast_fqdn_matches(&pattern, name))
			return true;
	}
	return false;
}

/* Does a rule of this policy speak of this peer, of this port? Read from the policy, not the image. */
static bool peer_matches(struct ask *a, const struct rast_policy *p,
			 const struct rast_policy_rule *r, const struct rast_end *peer)
{
	if (r->any_peer)
		return true;
	memset(a->bits, 0, (a->ix.words + 1) * sizeof(*a->bits));
	for (size_t i = 0; i < r->n_peers; i++) {
		const struct rast_policy_peer *k = &r->peers[i];

		if (peer->pod)
			rast_index_peer(&a->ix, p->ns, k, a->bits);
		else if (k->kind == RAST_PEER_BLOCK && peer->addr &&
			 rast_block_contains(&k->block, peer->v6, peer->addr))
			return true;
		else if (k->kind == RAST_PEER_NODES && peer->host)
			return true;
		else if (k->kind == RAST_PEER_FQDNS && peer->named && names_match(k, &peer->name))
			return true;
		else if (k->kind == RAST_PEER_ENTITIES && entity_is(k->entities, peer->host))
			return true;
	}
	for (size_t i = 0; peer->pod && i < a->ix.n_pods; i++)
		if (a->ix.pods[i] == peer->pod)
			return rast_bit_test(a->bits, i);
	return false;
}

static bool port_matches(const struct ask *a, const struct rast_policy_rule *r,
			 const struct rast_end *destination)
{
	if (r->any_port)
		return true;
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct rast_policy_port *p = &r->ports[i];

		if (p->proto != a->q->proto)
			continue;
		if (!p->name && p->lo <= a->q->port && a->q->port <= p->hi)
			return true;
		for (size_t j = 0; p->name && destination->pod && j < destination->pod->n_ports;
		     j++) {
			const struct rast_policy_named_port *n = &destination->pod->ports[j];

			if (n->proto == p->proto && n->port == a->q->port &&
			    !strcmp(n->name, p->name))
				return true;
		}
	}
	return false;
}

static json_t *near_of(struct ask *a, const struct rast_policy *p, enum rast_direction dir,
		       const struct rast_end *peer, const struct rast_end *destination)
{
	json_t *out = json_array();

	/* Only of what would allow. */
	for (size_t i = p->n_deny[dir]; i < p->n_rules[dir]; i++) {
		const struct rast_policy_rule *r = &p->rules[dir][i];
		bool who = peer_matches(a, p, r, peer), where = port_matches(a, r, destination);

		if (who != where)
			(void)json_array_append_new(
				out, json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:s}", "namespace",
					       p->ns, "policy", p->name, "direction", dirs[dir],
					       "index", (int)(i - p->n_deny[dir]), "file", p->file,
					       "line", r->line, "missing", who ? "port" : "peer"));
	}
	return out;
}

/* ---- the rule that would allow it, as YAML ---- */

struct yaml {
	char *text;
	size_t len, size;
};

__attribute__((format(printf, 2, 3))) static void put(struct yaml *y, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(y->text ? y->text + y->len : NULL, y->text ? y->size - y->len : 0, fmt, ap);
	va_end(ap);
	y->len += (size_t)n;
}

static void put_peer(struct yaml *y, const struct rast_end *peer, const char *own_ns)
{
	char buf[64];

	if (peer->named) {
		put(y, "  - fqdns:\n    - name: %s\n", peer->given);
		return;
	}
	if (!peer->pod) {
		put(y, "  - ipBlock:\n      cidr: %s/%d\n",
		    rast_addr_format(peer->v6, peer->addr, buf, sizeof(buf)), peer->v6 ? 128 : 32);
		return;
	}
	put(y, "  - podSelector:");
	put(y, "%s", peer->pod->n_labels ? "\n      matchLabels:\n" : " {}\n");
	for (size_t i = 0; i < peer->pod->n_labels; i++)
		put(y, "        %s: \"%s\"\n", peer->pod->labels[i].key,
		    peer->pod->labels[i].value);
	if (strcmp(peer->pod->ns, own_ns) != 0)
		put(y,
		    "    namespaceSelector:\n      matchLabels:\n"
		    "        kubernetes.io/metadata.name: %s\n",
		    peer->pod->ns);
}

static void put_rule(struct yaml *y, const struct ask *a, enum rast_direction dir,
		     const struct rast_end *peer, const struct rast_policy *add_to)
{
	bool rast = !strcmp(add_to->kind, "ContainerNetworkPolicy");
	/* A node whose address is not known can only be let through by a rule for everybody. */
	bool known = peer->pod || peer->addr || peer->named;

	if (known) {
		put(y, "- %s:\n", dir == RAST_DIR_INGRESS ? "from" : "to");
		put_peer(y, peer, add_to->ns);
	}
	if (a->q->proto < RAST_PROTO_PORTS)
		put(y, "%sports:\n  - protocol: %s\n    port: %u\n", known ? "  " : "- ",
		    rast_proto_name(a->q->proto), a->q->port);
	else if (rast && rast_proto_is_icmp(a->q->proto))
		put(y, "%sicmp:\n  - family: %s\n    type: %u\n    code: %u\n", known ? "  " : "- ",
		    a->q->proto == RAST_PROTO_ICMP ? "IPv4" : "IPv6", a->q->port >> 8,
		    a->q->port & 0xff);
	else if (!known)
		put(y, "- {}\n");
}

static json_t *suggest(const struct ask *a, enum rast_direction dir, const struct rast_end *peer,
		       const struct rast_policy *add_to)
{
	struct yaml y = {};
	json_t *out = NULL;
	char where[1024];

	put_rule(&y, a, dir, peer, add_to);
	y.size = y.len + 1;
	y.text = malloc(y.size);
	if (y.text) {
		y.len = 0;
		put_rule(&y, a, dir, peer, add_to);
		(void)snprintf(where, sizeof(where), "spec.%s of %s %s/%s, %s:%d", dirs[dir],
			       add_to->kind, add_to->ns, add_to->name, add_to->file, add_to->line);
		out = json_pack("{s:s, s:s}", "add_to", where, "yaml", y.text);
	}
	free(y.text);
	return out;
}

__attribute__((format(printf, 2, 3))) static void say(struct ask *a, const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	(void)json_array_append_new(a->text, json_string(buf));
}

static void say_rule(struct ask *a, const char *who, enum rast_direction dir, uint32_t cell)
{
	uint32_t id = cell & RAST_CELL_RULE;
	const struct rast_policy_rule_ref *r = rast_policy_rules_find(a->rules, id);
	char name[640];

	(void)rast_policy_rules_name(a->rules, id, name, sizeof(name));
	if (r)
		say(a, "%s of %s: %s by %s (%s:%d)", dirs[dir], who,
		    cell & RAST_CELL_ALLOW ? "allowed" : "denied", name,
		    a->rules->policies[r->policy].file, r->line);
	else if (id == RAST_RULE_NONE)
		say(a, "%s of %s: %s: no policy selects it in this direction", dirs[dir], who,
		    cell & RAST_CELL_ALLOW ? "allowed" : "denied");
	else if (id == RAST_RULE_NODE)
		say(a, "%s of %s: allowed: the node is always let in", dirs[dir], who);
	else
		say(a, "%s of %s: denied by default", dirs[dir], who);
}

/* What the staged policies would make of it, when they have a word in it. */
static json_t *staged_side(struct ask *a, enum rast_direction dir, const struct rast_end *subject,
			   const struct rast_policy_end *peer, uint32_t cell)
{
	uint32_t would, id;
	json_t *rule;

	if (!(cell & RAST_CELL_STAGED))
		return json_null();
	would = rast_policy_image_staged(a->image, dir, subject->pod->identity, peer, a->q->proto,
					 a->q->port);
	id = would & RAST_CELL_RULE;
	rule = rast_policy_rules_describe(a->rules, id);
	if (*rast_json_str(rule, "file"))
		say(a, "  staged: would be %s by %s (%s:%d)",
		    would & RAST_CELL_ALLOW ? "allowed" : "denied", rast_json_str(rule, "name"),
		    rast_json_str(rule, "file"), (int)rast_json_int(rule, "line"));
	else
		say(a, "  staged: would be %s: %s", would & RAST_CELL_ALLOW ? "allowed" : "denied",
		    rast_json_str(rule, "name"));
	return json_pack("{s:s, s:o}", "verdict", would & RAST_CELL_ALLOW ? "allow" : "deny",
			 "rule", rule);
}

static json_t *one_side(struct ask *a, enum rast_direction dir, const struct rast_end *subject,
			const struct rast_end *peer, bool *ret_allowed)
{
	struct rast_policy_end end = rast_end_image(peer);
	uint32_t cell = rast_policy_image_verdict(a->image, dir, subject->pod->identity, &end,
						  a->q->proto, a->q->port);
	uint32_t klass = a->image->class_by_identity[subject->pod->identity];
	const struct rast_policy_class_ref *c =
		klass < a->rules->n_classes ? &a->rules->classes[klass] : NULL;
	bool by_default = (cell & (RAST_CELL_ALLOW | RAST_CELL_RULE)) == RAST_RULE_DEFAULT_DENY;
	json_t *isolated = json_array(), *near = json_array(), *suggestion = json_null(), *staged;
	char who[256];

	*ret_allowed = cell & RAST_CELL_ALLOW;
	say_rule(a, rast_end_name(subject, who, sizeof(who)), dir, cell);
	staged = staged_side(a, dir, subject, &end, cell);
	for (uint32_t i = 0; c && i < c->n_isolated_by[dir]; i++) {
		uint32_t n = c->isolated_by[dir][i];
		const struct rast_policy *p = n < a->set->n_policies ? a->set->policies[n] : NULL;

		if (!p || p->staged)
			continue;
		(void)json_array_append_new(isolated, json_pack("{s:s, s:s, s:s, s:i}", "namespace",
								p->ns, "policy", p->name, "file",
								p->file, "line", p->line));
		if (!by_default)
			continue;
		say(a, "  isolated by %s %s/%s (%s:%d)", p->kind, p->ns, p->name, p->file, p->line);
		{
			_cleanup_json_ json_t *more =
				near_of(a, p, dir, peer, dir == RAST_DIR_INGRESS ? subject : peer);

			for (size_t k = 0; k < json_array_size(more); k++)
				say(a, "  its rule %s[%d] (line %d) matches all but the %s",
				    dirs[dir], (int)rast_json_int(json_array_get(more, k), "index"),
				    (int)rast_json_int(json_array_get(more, k), "line"),
				    rast_json_str(json_array_get(more, k), "missing"));
			(void)json_array_extend(near, more);
		}
		if (json_is_null(suggestion))
			suggestion = suggest(a, dir, peer, p);
	}
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "staged", staged, "verdict",
			 *ret_allowed ? "allow" : "deny", "rule",
			 rast_policy_rules_describe(a->rules, cell & RAST_CELL_RULE), "isolated_by",
			 isolated, "near", near, "suggestion", suggestion);
}

static int answer(struct ask *a, const struct rast_end *from, const struct rast_end *to,
		  json_t **ret)
{
	bool out_ok = true, in_ok = true;
	json_t *egress = from->pod ? one_side(a, RAST_DIR_EGRESS, from, to, &out_ok) : json_null();
	json_t *ingress = to->pod ? one_side(a, RAST_DIR_INGRESS, to, from, &in_ok) : json_null();
	char from_name[256], to_name[256], port[64];
	json_t *o;

	(void)rast_proto_format(a->q->proto, a->q->port, a->q->port, port, sizeof(port));
	say(a, "%s: %s -> %s, %s", out_ok && in_ok ? "allow" : "deny",
	    rast_end_name(from, from_name, sizeof(from_name)),
	    rast_end_name(to, to_name, sizeof(to_name)),
	    a->q->proto == RAST_PROTO_OTHER ? "other" : port);
	o = json_pack("{s:o, s:o, s:s, s:i, s:s, s:o, s:o, s:O}", "from",
		      describe_end(from, a->image), "to", describe_end(to, a->image), "protocol",
		      rast_proto_name(a->q->proto), "port", a->q->port, "verdict",
		      out_ok && in_ok ? "allow" : "deny", "egress", egress, "ingress", ingress,
		      "text", a->text);
	if (!o)
		return -ENOMEM;
	if (rast_proto_is_icmp(a->q->proto)) {
		(void)json_object_del(o, "port");
		(void)json_object_set_new(o, "icmp_type", json_integer(a->q->port >> 8));
		(void)json_object_set_new(o, "icmp_code", json_integer(a->q->port & 0xff));
	}
	*ret = o;
	return 0;
}

int rast_policy_explain(const struct rast_policy_set *set, const struct rast_policy_world *world,
			const struct rast_policy_image *image,
			const struct rast_policy_rules *rules, const struct rast_policy_question *q,
			json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *text = json_array();
	_cleanup_(rast_arena_finish) struct rast_arena arena = {};
	struct ask a = {.set = set, .image = image, .rules = rules, .q = q, .text = text};
	struct rast_end from, to;
	int r;

	r = rast_end_find(world, q->from, &from, err);
	if (!r)
		r = rast_end_find(world, q->to, &to, err);
	if (r < 0)
		return r;
	if (!from.pod && !to.pod)
		return rast_err_set(err, EINVAL,
				    "neither end is a pod: no policy decides about that");
	r = text ? rast_index_build(set, world, &arena, &a.ix) : -ENOMEM;
	if (!r) {
		a.bits = rast_arena_take(&arena, a.ix.words + 1, sizeof(*a.bits));
		r = a.bits ? answer(&a, &from, &to, ret) : -ENOMEM;
	}
	return r < 0 ? rast_err_sys(err, -r, "explain") : 0;
}
