// SPDX-License-Identifier: BSD-2-Clause
/* Suggested policies compiled and asked about what was seen; see suggest.h. */
#include "policy/suggest.h"

#include "policy/ends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct compiled {
	struct rast_policy_set *set;
	struct rast_policy_image *image;
};

static void finish(struct compiled *c)
{
	rast_policy_set_destroy(c->set);
	free(c->image);
}

static int compile(struct compiled *c, const struct rast_policy_world *world,
		   const json_t *policies, struct rast_err *err)
{
	const json_t *doc;
	size_t i;
	int r = rast_policy_set_create(&c->set);

	if (r < 0)
		return rast_err_sys(err, ENOMEM, "suggestion");
	json_array_foreach((json_t *)(uintptr_t)policies, i, doc) {
		_cleanup_free_ char *text = json_dumps(doc, 0);
		_cleanup_yaml_ struct rast_yaml *y = NULL;

		if (!text)
			return rast_err_sys(err, ENOMEM, "suggestion");
		r = rast_yaml_parse("suggestion", text, strlen(text), &y, err);
		if (!r)
			r = rast_policy_set_parse(rast_yaml_root(y, 0), c->set, err);
		if (r < 0)
			return r;
	}
	return rast_policy_compile(c->set, world, 1, &c->image, NULL, NULL, err);
}

static int find(const struct rast_policy_world *world, const json_t *edge, const char *end,
		const char *end_ns, struct rast_end *ret)
{
	const char *name = rast_json_str(edge, end), *ns = rast_json_str(edge, end_ns);
	char full[400];
	int r;

	(void)snprintf(full, sizeof(full), "%s%s%s", ns, *ns ? "/" : "", name);
	r = rast_end_find(world, full, ret, NULL);
	ret->given = name;
	return r;
}

/* 1 allowed, 0 denied, negative: no verdict to be had. */
static int verdict(const struct compiled *c, const struct rast_policy_world *world,
		   const json_t *edge)
{
	static const char *const protos[] = {"TCP", "UDP", "SCTP"};
	struct rast_end from, to;
	bool allowed;
	int p;

	for (p = 0; p < (int)RAST_PROTO_PORTS; p++)
		if (!strcasecmp(protos[p], rast_json_str(edge, "protocol")))
			break;
	if (p == (int)RAST_PROTO_PORTS || find(world, edge, "from", "from_namespace", &from) < 0 ||
	    find(world, edge, "to", "to_namespace", &to) < 0 || (!from.pod && !to.pod))
		return -ENOENT;
	(void)rast_end_verdict(c->image, &from, &to, (enum rast_policy_proto)p,
			       (uint16_t)rast_json_int(edge, "port"), &allowed);
	return allowed;
}

int rast_policy_suggest_check(const struct rast_policy_world *world, const json_t *policies,
			      const json_t *edges, json_t **ret, struct rast_err *err)
{
	_cleanup_(finish) struct compiled c = {};
	json_t *missing = json_array(), *more = json_array(), *edge;
	json_int_t allowed = 0;
	size_t i;
	int r = compile(&c, world, policies, err);

	json_array_foreach((json_t *)(uintptr_t)edges, i, edge) {
		bool was = !strcmp(rast_json_str(edge, "verdict"), "allow");
		int v = r < 0 ? r : verdict(&c, world, edge);

		allowed += was && v == 1;
		if (v >= 0 && was != (v == 1))
			(void)json_array_append(was ? missing : more, edge);
	}
	if (r < 0) {
		json_decref(missing);
		json_decref(more);
		return r;
	}
	*ret = json_pack("{s:I, s:o, s:o}", "allowed", allowed, "missing", missing, "also_allowed",
			 more);
	return *ret ? 0 : rast_err_sys(err, ENOMEM, "suggestion");
}
