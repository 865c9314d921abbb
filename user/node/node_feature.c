// SPDX-License-Identifier: BSD-2-Clause
/*
 * The node inside the controller: when a policy changes by `rastbpf config` (put, rollback, delete),
 * the kernel follows. A document that cannot be compiled is refused before it is stored. What
 * `rastbpf up` and `policy apply` store is applied already, and found to be equal here.
 */
#include "node/node_feature.h"

#include "base/log.h"
#include "node/node.h"
#include "policy/applied.h"
#include "vector/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_policy(const char *key)
{
	char kind[64] = "";

	return sscanf(key, "%63[^/]", kind) == 1 && rast_policy_kind_known(kind);
}

static int parse(const char *file, const json_t *body, struct rast_yaml **ret, struct rast_err *err)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_INDENT(2));

	if (!text)
		return rast_err_sys(err, ENOMEM, "%s", file);
	return rast_yaml_parse(file, text, strlen(text), ret, err);
}

static int check(void *arg, const char *key, const json_t *body, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	_cleanup_policy_world_ struct rast_policy_world world = {0};
	_cleanup_free_ struct rast_policy_image *image = NULL;
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_controller *c = arg;
	const struct rast_yaml_node *doc;
	uint32_t generation;
	int r;

	if (!is_policy(key) || !body)
		return 0;
	/* Of `policy apply` and `up`: it was compiled, and is in force. */
	if (rast_policy_applied_has(rast_controller_instance(c), body))
		return 0;
	r = parse(key, body, &y, err);
	if (!r)
		r = rast_policy_applied_load(rast_controller_instance(c), &set, &world, &generation,
					     err);
	if (r < 0)
		return r;
	doc = rast_yaml_root(y, 0);
	r = rast_policy_set_apply(set, &doc, 1, false, err);
	if (r < 0)
		return r;
	return rast_policy_compile(set, &world, generation + 1, &image, NULL, NULL, err);
}

/* A document that names nothing but itself: enough to take it out of the set. */
static json_t *name_only(const char *key)
{
	char kind[64], a[256], b[256];
	int n = sscanf(key, "%63[^/]/%255[^/]/%255[^/]", kind, a, b);

	if (n == 3)
		return json_pack("{s:s,s:{s:s,s:s}}", "kind", kind, "metadata", "name", b,
				 "namespace", a);
	return n == 2 ? json_pack("{s:s,s:{s:s}}", "kind", kind, "metadata", "name", a) : NULL;
}

static void changed(void *arg, const struct rast_version *now)
{
	struct rast_controller *c = arg;
	const struct rast_instance *in = rast_controller_instance(c);
	_cleanup_json_ json_t *body = NULL;
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	const struct rast_yaml_node *doc;
	struct rast_err err = {0};
	char file[600], text[900];
	int r;

	if (!is_policy(now->key) || (now->body && rast_policy_applied_has(in, now->body)))
		return;
	(void)snprintf(file, sizeof(file), "%s@%llu", now->key, (unsigned long long)now->op);
	body = now->body ? json_incref(now->body) : name_only(now->key);
	r = body ? parse(file, body, &y, &err) : -EINVAL;
	if (!r) {
		doc = rast_yaml_root(y, 0);
		r = rast_node_policy_follow(in, doc, body, now->body == NULL, &err);
	}
	if (r < 0 && r != -ENOENT)
		rast_log(RAST_LOG_ERR, "stored but not in force item=%s error=\"%s\"", now->key,
			 rast_err_format(&err, text, sizeof(text)));
}

static int attach(struct rast_controller *c, void *state, struct rast_err *err)
{
	struct rast_config_hook hook = {check, changed, c};
	int r = rast_config_on_change(c, &hook);

	(void)state;
	return r < 0 ? rast_err_sys(err, -r, "following stored policies") : 0;
}

const struct rast_feature rast_node_feature = {
	.name = "node",
	.attach = attach,
};
