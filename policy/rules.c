// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rule table of one image: what its numbers mean to a person. Made beside the image, kept beside
 * it as JSON, looked up for each event.
 */
#include "policy/proto.h"
#include "policy/stage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So many parts of a class of addresses or ports are spelled out. */
#define MAX_PARTS 12u

void rast_policy_rules_destroy(struct rast_policy_rules *rules)
{
	if (!rules)
		return;
	rast_arena_finish(&rules->arena);
	free(rules);
}

/* A list of texts that grows until it is long enough for a person. */
struct text {
	char buf[1024];
	size_t len;
	unsigned int parts;
};

__attribute__((format(printf, 3, 4))) static void add(struct text *t, const char *between,
						      const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->parts++ >= MAX_PARTS)
		return;
	n = snprintf(t->buf + t->len, sizeof(t->buf) - t->len, "%s", t->len ? between : "");
	t->len += (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
	if (t->len >= sizeof(t->buf))
		t->len = sizeof(t->buf) - 1;
}

static const char *taken(struct text *t, struct rast_arena *a)
{
	if (t->parts > MAX_PARTS)
		(void)snprintf(t->buf + t->len, sizeof(t->buf) - t->len, " and %u more",
			       t->parts - MAX_PARTS);
	return rast_arena_str(a, t->buf);
}

/* The ranges of each class: those of class c begin at first[c], numbered through both families. */
static int ranges_by_class(const struct rast_addrs *addrs, size_t **ret_first,
			   uint32_t **ret_ranges)
{
	size_t n4 = addrs->n_ranges[0], n = n4 + addrs->n_ranges[1];
	_cleanup_free_ size_t *first = calloc(addrs->n_class + 2, sizeof(*first));
	uint32_t *ranges = calloc(n + 1, sizeof(*ranges));

	if (!first || !ranges) {
		free(ranges);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		first[(i < n4 ? addrs->ranges[0][i] : addrs->ranges[1][i - n4]).klass + 2]++;
	for (size_t c = 2; c < addrs->n_class + 2; c++)
		first[c] += first[c - 1];
	for (size_t i = 0; i < n; i++)
		ranges[first[(i < n4 ? addrs->ranges[0][i] : addrs->ranges[1][i - n4]).klass +
			     1]++] = (uint32_t)i;
	*ret_first = TAKE_PTR(first);
	*ret_ranges = ranges;
	return 0;
}

static const char *range_text(const struct rast_addrs *addrs, size_t i, char *buf, size_t size)
{
	bool v6 = i >= addrs->n_ranges[0];
	const struct rast_addr_range *r;
	rast_u128 last = v6 ? ~(rast_u128)0 : UINT32_MAX;

	i -= v6 ? addrs->n_ranges[0] : 0;
	r = &addrs->ranges[v6][i];
	if (i + 1 < addrs->n_ranges[v6])
		last = r[1].start - 1;
	return rast_addr_format_range(v6, r->start, last, buf, size);
}

/* One text after the other: there may be a hundred thousand classes. */
static int build_addrs(const struct rast_addrs *addrs, struct rast_policy_rules *out)
{
	_cleanup_free_ size_t *first = NULL;
	_cleanup_free_ uint32_t *ranges = NULL;
	char buf[128];

	out->addr_classes = rast_arena_take(&out->arena, addrs->n_class, sizeof(char *));
	if (!out->addr_classes || ranges_by_class(addrs, &first, &ranges) < 0)
		return -ENOMEM;
	out->n_addr_classes = (uint32_t)addrs->n_class;
	for (size_t c = 0; c < addrs->n_class; c++) {
		struct text t;

		t.buf[0] = '\0';
		t.len = t.parts = 0;
		if (!c)
			add(&t, "", "every other address");
		for (size_t i = first[c]; c && i < first[c + 1]; i++)
			add(&t, ", ", "%s", range_text(addrs, ranges[i], buf, sizeof(buf)));
		out->addr_classes[c] = taken(&t, &out->arena);
		if (!out->addr_classes[c])
			return -ENOMEM;
	}
	return 0;
}

static int build_ports(const struct rast_ports *ports, struct rast_policy_rules *out)
{
	_cleanup_free_ struct text *t = calloc(ports->n_class, sizeof(*t));
	char buf[64];

	out->port_classes = rast_arena_take(&out->arena, ports->n_class, sizeof(char *));
	if (!t || !out->port_classes)
		return -ENOMEM;
	out->n_port_classes = (uint32_t)ports->n_class;
	for (int p = 0; p < RAST_PROTO_PORTED; p++)
		for (uint32_t lo = 0, hi; lo < 65536; lo = hi + 1) {
			uint8_t c = ports->port_class[p][lo];

			for (hi = lo; hi < 65535 && ports->port_class[p][hi + 1] == c;)
				hi++;
			if (!c)
				continue;
			add(&t[c], ", ", "%s%s",
			    rast_proto_format((enum rast_policy_proto)p, lo, hi, buf, sizeof(buf)),
			    !lo && hi == 65535 ? " any" : "");
		}
	add(&t[0], "", "every other port");
	for (size_t c = 0; c < ports->n_class; c++) {
		out->port_classes[c] = taken(&t[c], &out->arena);
		if (!out->port_classes[c])
			return -ENOMEM;
	}
	return 0;
}

static int build_classes(const struct rast_index *ix, const struct rast_flat *flat,
			 const struct rast_classes *classes, struct rast_policy_rules *out)
{
	size_t n = classes->n_class;
	char buf[512];

	out->classes = rast_arena_take(&out->arena, n, sizeof(*out->classes));
	if (!out->classes)
		return -ENOMEM;
	out->n_classes = (uint32_t)n;
	for (size_t i = 0; i < ix->n_pods; i++)
		out->classes[classes->class_of[i]].n_members++;
	out->classes[0].n_members = 1;
	for (size_t c = 0; c < n; c++) {
		struct rast_policy_class_ref *k = &out->classes[c];

		k->members = rast_arena_take(&out->arena, k->n_members, sizeof(char *));
		if (!k->members)
			return -ENOMEM;
		k->n_members = 0;
		for (int d = 0; c && d < 2; d++) {
			k->isolated_by[d] = rast_arena_take(&out->arena, flat->n_policies + 1,
							    sizeof(uint32_t));
			if (!k->isolated_by[d])
				return -ENOMEM;
			for (size_t i = 0; i < flat->n_policies; i++) {
				const struct rast_flat_policy *f = &flat->policies[i];

				if (f->policy->tier == RAST_TIER_NETPOL && f->policy->isolates[d] &&
				    rast_bit_test(f->subject, classes->pod_of[c]))
					k->isolated_by[d][k->n_isolated_by[d]++] = f->number;
			}
		}
	}
	out->classes[0].members[out->classes[0].n_members++] = "host";
	for (size_t i = 0; i < ix->n_pods; i++) {
		struct rast_policy_class_ref *k = &out->classes[classes->class_of[i]];
		const char *s;

		(void)snprintf(buf, sizeof(buf), "%s/%s", ix->pods[i]->ns, ix->pods[i]->name);
		s = rast_arena_str(&out->arena, buf);
		if (!s)
			return -ENOMEM;
		k->members[k->n_members++] = s;
	}
	return 0;
}

static int build_policies(const struct rast_policy_set *set, const uint32_t *id_by_number,
			  struct rast_policy_rules *out)
{
	static const char *const actions[] = {"allow", "deny", "pass"};
	struct rast_arena *a = &out->arena;
	size_t n = 0, number = 0;

	for (size_t i = 0; i < set->n_policies; i++)
		n += set->policies[i]->n_rules[0] + set->policies[i]->n_rules[1];
	out->policies = rast_arena_take(a, set->n_policies + 1, sizeof(*out->policies));
	out->rules = rast_arena_take(a, n + 1, sizeof(*out->rules));
	if (!out->policies || !out->rules)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_policies; i++) {
		const struct rast_policy *p = set->policies[i];
		struct rast_policy_ref *to = &out->policies[out->n_policies++];

		to->kind = p->kind;
		to->ns = rast_arena_str(a, p->ns);
		to->name = rast_arena_str(a, p->name);
		to->file = rast_arena_str(a, p->file);
		to->line = p->line;
		to->staged = p->staged;
		if (!to->ns || !to->name || !to->file)
			return -ENOMEM;
		for (int d = 0; d < 2; d++)
			for (size_t j = 0; j < rast_policy_n_live(p, (enum rast_direction)d); j++) {
				uint32_t id = id_by_number[number++];

				if (id)
					out->rules[out->n_rules++] = (struct rast_policy_rule_ref){
						id,
						(uint32_t)(j < p->n_deny[d] ? j : j - p->n_deny[d]),
						(uint32_t)i,
						(enum rast_direction)d,
						actions[p->rules[d][j].action],
						p->rules[d][j].line};
			}
	}
	return 0;
}

int rast_policy_rules_build(const struct rast_policy_set *set, const struct rast_index *ix,
			    const struct rast_flat *flat, const struct rast_ports *ports,
			    const struct rast_addrs *addrs, const struct rast_classes *classes,
			    const uint32_t *id_by_number, uint32_t generation,
			    struct rast_policy_rules **ret)
{
	_cleanup_policy_rules_ struct rast_policy_rules *out = calloc(1, sizeof(*out));
	int r;

	if (!out)
		return -ENOMEM;
	out->generation = generation;
	r = build_policies(set, id_by_number, out);
	if (!r)
		r = build_classes(ix, flat, classes, out);
	if (!r)
		r = build_addrs(addrs, out);
	if (!r)
		r = build_ports(ports, out);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(out);
	return 0;
}

static int cmp_id(const void *key, const void *member)
{
	const uint32_t *id = key;
	const struct rast_policy_rule_ref *r = member;

	return (*id > r->id) - (*id < r->id);
}

const struct rast_policy_rule_ref *rast_policy_rules_find(const struct rast_policy_rules *rules,
							  uint32_t id)
{
	if (!rules || !rules->n_rules)
		return NULL;
	return bsearch(&id, rules->rules, rules->n_rules, sizeof(*rules->rules), cmp_id);
}

/* Of the kinds of Kubernetes one list has rules of every action. */
static bool in_deny_list(const struct rast_policy_ref *p, const struct rast_policy_rule_ref *r)
{
	return !strcmp(r->action, "deny") && strcmp(p->kind, "ClusterNetworkPolicy") != 0;
}

const char *rast_policy_rules_name(const struct rast_policy_rules *rules, uint32_t id, char *buf,
				   size_t size)
{
	static const char *const known[] = {"no policy", "default deny", "node", "self"};
	const struct rast_policy_rule_ref *r = rast_policy_rules_find(rules, id);

	if (r) {
		const struct rast_policy_ref *p = &rules->policies[r->policy];

		(void)snprintf(buf, size, "%s%s%s %s%s[%u]", p->ns, *p->ns ? "/" : "", p->name,
			       r->direction == RAST_DIR_INGRESS ? "ingress" : "egress",
			       in_deny_list(p, r) ? "Deny" : "", r->index);
	} else if (id < ARRAY_SIZE(known)) {
		(void)snprintf(buf, size, "%s", known[id]);
	} else {
		(void)snprintf(buf, size, "rule %u", id);
	}
	return buf;
}

json_t *rast_policy_rules_describe(const struct rast_policy_rules *rules, uint32_t id)
{
	const struct rast_policy_rule_ref *r = rast_policy_rules_find(rules, id);
	const struct rast_policy_ref *p;
	char name[640];
	json_t *o;

	(void)rast_policy_rules_name(rules, id, name, sizeof(name));
	if (!r)
		return json_pack("{s:i, s:s}", "id", id, "name", name);
	p = &rules->policies[r->policy];
	o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:i}", "id", id, "name", name,
		      "kind", p->kind, "namespace", p->ns, "policy", p->name, "direction",
		      r->direction == RAST_DIR_INGRESS ? "ingress" : "egress", "index", r->index,
		      "action", r->action, "file", p->file, "line", r->line);
	if (o && p->staged)
		(void)json_object_set_new(o, "staged", json_true());
	return o;
}

json_t *rast_policy_rules_isolated_by(const struct rast_policy_rules *rules, const char *pod,
				      enum rast_direction dir, bool staged)
{
	json_t *out = json_array();
	char text[400];

	for (uint32_t i = 0; rules && i < rules->n_classes; i++) {
		const struct rast_policy_class_ref *k = &rules->classes[i];
		uint32_t m = 0;

		while (m < k->n_members && strcmp(k->members[m], pod) != 0)
			m++;
		if (m == k->n_members)
			continue;
		for (uint32_t j = 0; j < k->n_isolated_by[dir]; j++) {
			const struct rast_policy_ref *p = &rules->policies[k->isolated_by[dir][j]];

			if (p->staged && !staged)
				continue;
			(void)snprintf(text, sizeof(text), "%s%s%s", p->ns, *p->ns ? "/" : "",
				       p->name);
			(void)json_array_append_new(out, json_string(text));
		}
		break;
	}
	return out;
}
