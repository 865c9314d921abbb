// SPDX-License-Identifier: BSD-2-Clause
/*
 * The annotation rast.os/landlock, whose value is a JSON document of its own. It takes rights away, so that
 * what is not understood must not be passed over: unlike in config.json, an unknown field is an error.
 */
#include "container/landlock.h"
#include "oci/spec_json.h"

#include <errno.h>
#include <string.h>

static int rights(struct oci_load *l, const struct oci_at *at, json_t *v,
		  const struct rast_landlock_right *known, uint64_t *ret)
{
	const struct rast_landlock_right *k;
	const char *const *names = NULL;
	uint64_t all = 0;
	size_t n = 0, i;
	int r = oci_strings(l, at, v, 0, &names, &n);

	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		const struct oci_at here = {at, NULL, i};

		for (k = known; k->name && strcmp(k->name, names[i]) != 0;)
			k++;
		if (!k->name)
			return oci_fail(l, &here, "\"%.80s\" is not known (want %s or the like)",
					names[i], known->name);
		all |= k->bits;
	}
	*ret = all;
	return 0;
}

static int parse_fs(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	return rights(l, at, v, rast_landlock_fs, value);
}

static int parse_net(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	return rights(l, at, v, rast_landlock_net, value);
}

static int parse_scopes(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	return rights(l, at, v, rast_landlock_scopes, value);
}

/* As written: each rule has several paths or ports. */
struct rule {
	const char *const *paths;
	const uint32_t *ports;
	size_t n_paths, n_ports;
	uint64_t access;
};
struct landlock {
	struct rast_landlock plan;
	const struct rule *rules, *net_rules;
	size_t n_rules, n_net_rules;
	uint32_t best_effort;
};

static const struct oci_field rule_fields[] = {
	OCI_MANY(OCI_STRS, "paths", struct rule, paths,
		 .flags = OCI_REQUIRED | OCI_NONEMPTY | OCI_ABSOLUTE),
	OCI_FIELD(OCI_CALL, "access", struct rule, access, .flags = OCI_REQUIRED, .call = parse_fs),
};
static const struct oci_table rule_table =
	OCI_TABLE(rule_fields, .size = sizeof(struct rule), .closed = true);

static const struct oci_field net_rule_fields[] = {
	OCI_MANY(OCI_U32S, "ports", struct rule, ports, .flags = OCI_REQUIRED | OCI_NONEMPTY,
		 .max = UINT16_MAX),
	OCI_FIELD(OCI_CALL, "access", struct rule, access, .flags = OCI_REQUIRED,
		  .call = parse_net),
};
static const struct oci_table net_rule_table =
	OCI_TABLE(net_rule_fields, .size = sizeof(struct rule), .closed = true);

static const struct oci_name compatibilities[] = {{"hard", false}, {"best_effort", true}};
static const struct oci_names compatibility = OCI_NAMES(compatibilities);

static int check(struct oci_load *l, const struct oci_at *at, void *object);

#define LL struct landlock
static const struct oci_field fields[] = {
	OCI_FIELD(OCI_CALL, "handledAccessFs", LL, plan.fs, .call = parse_fs),
	OCI_MANY(OCI_LIST, "rules", LL, rules, .arg = &rule_table, .max = RAST_LANDLOCK_MAX_RULES),
	OCI_FIELD(OCI_CALL, "handledAccessNet", LL, plan.net, .call = parse_net),
	OCI_MANY(OCI_LIST, "netRules", LL, net_rules, .arg = &net_rule_table,
		 .max = RAST_LANDLOCK_MAX_RULES),
	OCI_FIELD(OCI_CALL, "scoped", LL, plan.scopes, .call = parse_scopes),
	OCI_FIELD(OCI_NAME, "compatibility", LL, best_effort, .arg = &compatibility),
};
static const struct oci_table table = OCI_TABLE(fields, .check = check, .closed = true);

/* The kernel refuses it, and whoever wrote it thinks that something is guarded which is not. */
static int check_access(struct oci_load *l, const struct oci_at *list, const struct rule *rules,
			size_t n, uint64_t handled, const struct rast_landlock_right *names,
			size_t *ret_total)
{
	size_t i, total = 0;

	for (i = 0; i < n; i++) {
		const struct oci_at rule = {list, NULL, i}, access = {&rule, "access", 0};
		uint64_t more = rules[i].access & ~handled;

		for (; more && !(names->bits & more);)
			names++;
		if (more)
			return oci_fail(l, &access, "%s is not among what is handled", names->name);
		if (!rules[i].access)
			return oci_fail(l, &access, "is empty");
		total += rules[i].n_paths + rules[i].n_ports;
	}
	if (total > RAST_LANDLOCK_MAX_RULES)
		return oci_fail(l, list, "%zu paths or ports; at most %d are taken", total,
				RAST_LANDLOCK_MAX_RULES);
	*ret_total = total;
	return 0;
}

static int check(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct oci_at rules = {at, "rules", 0}, net_rules = {at, "netRules", 0};
	struct landlock *ll = object;
	struct rast_landlock_path *path;
	struct rast_landlock_port *port;
	size_t n_paths = 0, n_ports = 0, i, k;
	int r;

	if (!ll->plan.fs && !ll->plan.net && !ll->plan.scopes)
		return oci_fail(l, at,
				"restricts nothing: want handledAccessFs, handledAccessNet or "
				"scoped");
	r = check_access(l, &rules, ll->rules, ll->n_rules, ll->plan.fs, rast_landlock_fs,
			 &n_paths);
	if (r == 0)
		r = check_access(l, &net_rules, ll->net_rules, ll->n_net_rules, ll->plan.net,
				 rast_landlock_net, &n_ports);
	if (r < 0)
		return r;
	ll->plan.paths = path = oci_alloc(l, (n_paths + 1) * sizeof(*path));
	ll->plan.ports = port = oci_alloc(l, (n_ports + 1) * sizeof(*port));
	if (!path || !port)
		return -ENOMEM;
	ll->plan.n_paths = n_paths;
	ll->plan.n_ports = n_ports;
	ll->plan.best_effort = ll->best_effort;
	for (i = 0; i < ll->n_rules; i++)
		for (k = 0; k < ll->rules[i].n_paths; k++) {
			const struct oci_at rule = {&rules, NULL, i}, list = {&rule, "paths", 0},
					    here = {&list, NULL, k};

			if (!ll->rules[i].paths[k][0])
				return oci_fail(l, &here, "is empty");
			*path++ = (struct rast_landlock_path){ll->rules[i].paths[k],
							      ll->rules[i].access};
		}
	for (i = 0; i < ll->n_net_rules; i++)
		for (k = 0; k < ll->net_rules[i].n_ports; k++)
			*port++ = (struct rast_landlock_port){(uint16_t)ll->net_rules[i].ports[k],
							      ll->net_rules[i].access};
	return 0;
}

int oci_landlock(struct oci_load *l)
{
	const struct oci_at map = {NULL, "annotations", 0}, at = {&map, RAST_OCI_LANDLOCK, 0};
	const char *text = rast_oci_annotation(l->spec, RAST_OCI_LANDLOCK);
	struct landlock *ll;
	json_error_t e;
	int r;

	if (!text)
		return 0;
	ll = oci_alloc(l, sizeof(*ll));
	if (!ll)
		return -ENOMEM;
	l->owner->landlock = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	if (!l->owner->landlock)
		return oci_fail(l, &at, "is no JSON: column %d: %.160s", e.column, e.text);
	r = oci_object(l, &at, l->owner->landlock, &table, ll);
	if (r == 0)
		l->spec->landlock = &ll->plan;
	return r;
}
