// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rule table as JSON and back. What is read may come from a file that somebody else wrote: every
 * index is checked, so that the lookups need not.
 */
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

static json_t *strings(const char *const *list, uint32_t n)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(out, json_string(list[i]));
	return out;
}

static json_t *numbers(const uint32_t *list, uint32_t n)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(out, json_integer(list[i]));
	return out;
}

json_t *rast_policy_rules_to_json(const struct rast_policy_rules *rules)
{
	json_t *policies = json_array(), *list = json_array(), *classes = json_array();

	for (uint32_t i = 0; i < rules->n_policies; i++) {
		const struct rast_policy_ref *p = &rules->policies[i];

		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", p->kind, "namespace",
				      p->ns, "name", p->name, "file", p->file, "line", p->line);

		if (p->staged)
			(void)json_object_set_new(o, "staged", json_true());
		(void)json_array_append_new(policies, o);
	}
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rast_policy_rule_ref *r = &rules->rules[i];

		(void)json_array_append_new(
			list, json_pack("{s:i, s:i, s:s, s:i, s:s, s:i}", "id", r->id, "policy",
					(int)r->policy, "direction",
					r->direction == RAST_DIR_INGRESS ? "ingress" : "egress",
					"index", r->index, "action", r->action, "line", r->line));
	}
	for (uint32_t i = 0; i < rules->n_classes; i++) {
		const struct rast_policy_class_ref *c = &rules->classes[i];

		(void)json_array_append_new(
			classes, json_pack("{s:o, s:o, s:o}", "members",
					   strings(c->members, c->n_members), "ingress_isolated_by",
					   numbers(c->isolated_by[0], c->n_isolated_by[0]),
					   "egress_isolated_by",
					   numbers(c->isolated_by[1], c->n_isolated_by[1])));
	}
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "generation",
			 (json_int_t)rules->generation, "policies", policies, "rules", list,
			 "classes", classes, "address_classes",
			 strings(rules->addr_classes, rules->n_addr_classes), "port_classes",
			 strings(rules->port_classes, rules->n_port_classes));
}

struct reader {
	struct rast_policy_rules *out;
	struct rast_err *err;
};

static int bad(struct reader *rd, const char *what)
{
	return rast_err_set(rd->err, EINVAL, "not a rule table: %s", what);
}

static int array(struct reader *rd, const json_t *obj, const char *key, size_t max, size_t size,
		 void *ret, uint32_t *ret_n, const json_t **ret_json)
{
	const json_t *list = json_object_get(obj, key);

	if (!json_is_array(list) || json_array_size(list) > max)
		return bad(rd, key);
	*ret_json = list;
	*ret_n = (uint32_t)json_array_size(list);
	*(void **)ret = rast_arena_take(&rd->out->arena, (size_t)*ret_n + 1, size);
	return *(void **)ret ? 0 : rast_err_sys(rd->err, ENOMEM, "rule table");
}

static int string(struct reader *rd, const json_t *v, const char **ret)
{
	if (!json_is_string(v))
		return bad(rd, "a text is missing");
	*ret = rast_arena_str(&rd->out->arena, json_string_value(v));
	return *ret ? 0 : rast_err_sys(rd->err, ENOMEM, "rule table");
}

static int integer(struct reader *rd, const json_t *v, json_int_t min, json_int_t max,
		   json_int_t *ret)
{
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return bad(rd, "a number is missing or too large");
	*ret = json_integer_value(v);
	return 0;
}

static int read_strings(struct reader *rd, const json_t *obj, const char *key, size_t max,
			const char ***ret, uint32_t *ret_n)
{
	const json_t *list;
	int r = array(rd, obj, key, max, sizeof(char *), ret, ret_n, &list);

	for (uint32_t i = 0; !r && i < *ret_n; i++)
		r = string(rd, json_array_get(list, i), &(*ret)[i]);
	return r;
}

static int read_policies(struct reader *rd, const json_t *v)
{
	const json_t *list;
	int r = array(rd, v, "policies", 1u << 20, sizeof(*rd->out->policies), &rd->out->policies,
		      &rd->out->n_policies, &list);

	for (uint32_t i = 0; !r && i < rd->out->n_policies; i++) {
		struct rast_policy_ref *p = &rd->out->policies[i];
		const json_t *o = json_array_get(list, i);
		json_int_t line = 0;

		r = string(rd, json_object_get(o, "kind"), &p->kind);
		if (!r)
			r = string(rd, json_object_get(o, "namespace"), &p->ns);
		if (!r)
			r = string(rd, json_object_get(o, "name"), &p->name);
		if (!r)
			r = string(rd, json_object_get(o, "file"), &p->file);
		if (!r)
			r = integer(rd, json_object_get(o, "line"), 0, INT32_MAX, &line);
		p->line = (int)line;
		p->staged = json_is_true(json_object_get(o, "staged"));
	}
	return r;
}

static int read_rule(struct reader *rd, const json_t *o, struct rast_policy_rule_ref *ret)
{
	static const char *const actions[] = {"allow", "deny", "pass"};
	json_int_t id = 0, policy = 0, index = 0, line = 0;
	const char *dir = rast_json_str(o, "direction"), *action = rast_json_str(o, "action");
	int r;

	r = integer(rd, json_object_get(o, "id"), RAST_RULE_FIRST, RAST_MAX_RULES, &id);
	if (!r)
		r = integer(rd, json_object_get(o, "policy"), 0,
			    (json_int_t)rd->out->n_policies - 1, &policy);
	if (!r)
		r = integer(rd, json_object_get(o, "index"), 0, RAST_MAX_RULES, &index);
	if (!r)
		r = integer(rd, json_object_get(o, "line"), 0, INT32_MAX, &line);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i], action))
			ret->action = actions[i];
	if (!ret->action || (strcmp(dir, "ingress") != 0 && strcmp(dir, "egress") != 0))
		return bad(rd, "a rule without direction or action");
	ret->id = (uint32_t)id;
	ret->policy = (uint32_t)policy;
	ret->index = (uint32_t)index;
	ret->line = (int)line;
	ret->direction = *dir == 'i' ? RAST_DIR_INGRESS : RAST_DIR_EGRESS;
	return 0;
}

static int read_rules(struct reader *rd, const json_t *v)
{
	struct rast_policy_rules *out = rd->out;
	const json_t *list;
	int r = array(rd, v, "rules", RAST_MAX_RULES, sizeof(*out->rules), &out->rules,
		      &out->n_rules, &list);

	for (uint32_t i = 0; !r && i < out->n_rules; i++) {
		r = read_rule(rd, json_array_get(list, i), &out->rules[i]);
		if (!r && i && out->rules[i].id <= out->rules[i - 1].id)
			r = bad(rd, "rules out of order");
	}
	return r;
}

static int read_class(struct reader *rd, const json_t *o, struct rast_policy_class_ref *c)
{
	static const char *const keys[] = {"ingress_isolated_by", "egress_isolated_by"};
	const json_t *list;
	json_int_t n = 0;
	int r = read_strings(rd, o, "members", RAST_MAX_IDENTITIES, &c->members, &c->n_members);

	for (int d = 0; !r && d < 2; d++) {
		r = array(rd, o, keys[d], rd->out->n_policies, sizeof(uint32_t), &c->isolated_by[d],
			  &c->n_isolated_by[d], &list);
		for (uint32_t i = 0; !r && i < c->n_isolated_by[d]; i++) {
			r = integer(rd, json_array_get(list, i), 0,
				    (json_int_t)rd->out->n_policies - 1, &n);
			c->isolated_by[d][i] = (uint32_t)n;
		}
	}
	return r;
}

static int read_all(struct reader *rd, const json_t *v)
{
	struct rast_policy_rules *out = rd->out;
	json_int_t generation = 0;
	const json_t *list;
	int r;

	r = integer(rd, json_object_get(v, "generation"), 0, UINT32_MAX, &generation);
	out->generation = (uint32_t)generation;
	if (!r)
		r = read_policies(rd, v);
	if (!r)
		r = read_rules(rd, v);
	if (!r)
		r = array(rd, v, "classes", RAST_MAX_IDENTITIES, sizeof(*out->classes),
			  &out->classes, &out->n_classes, &list);
	for (uint32_t i = 0; !r && i < out->n_classes; i++)
		r = read_class(rd, json_array_get(list, i), &out->classes[i]);
	if (!r)
		r = read_strings(rd, v, "address_classes", RAST_MAX_CELLS, &out->addr_classes,
				 &out->n_addr_classes);
	if (!r)
		r = read_strings(rd, v, "port_classes", RAST_MAX_PORT_CLASSES, &out->port_classes,
				 &out->n_port_classes);
	return r;
}

int rast_policy_rules_from_json(const json_t *value, struct rast_policy_rules **ret,
				struct rast_err *err)
{
	_cleanup_policy_rules_ struct rast_policy_rules *out = calloc(1, sizeof(*out));
	struct reader rd = {.out = out, .err = err};
	int r = out ? read_all(&rd, value) : rast_err_sys(err, ENOMEM, "rule table");

	if (r < 0)
		return r;
	*ret = TAKE_PTR(out);
	return 0;
}
