// SPDX-License-Identifier: BSD-2-Clause
/* See truth.h. Ends and ports of a test are read into lists, then every combination is asked. */
#include "policy/truth.h"

#include "policy/ends.h"
#include "policy/proto.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct port {
	enum rast_policy_proto proto;
	uint16_t port;
};

struct ends {
	struct rast_end *all;
	size_t n;
	bool pattern;
};

struct test {
	const struct rast_yaml_node *node;
	const char *name, *rule;
	bool allow;
	struct ends from, to;
	struct port *ports;
	size_t n_ports;
};

struct check {
	const struct rast_policy_world *world;
	const struct rast_policy_image *image;
	const struct rast_policy_rules *rules;
	json_t *rows;
	size_t n;
	struct rast_err *err;
};

static void test_finish(struct test *t)
{
	free(t->from.all);
	free(t->to.all);
	free(t->ports);
}

static int ends_add(struct ends *list, const struct rast_end *e)
{
	struct rast_end *all = reallocarray(list->all, list->n + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	list->all = all;
	list->all[list->n++] = *e;
	return 0;
}

static int ends_match(struct check *c, const struct rast_yaml_node *node, struct ends *list)
{
	size_t before = list->n;
	int r = 0;

	list->pattern = true;
	for (size_t i = 0; !r && i < c->world->n_pods; i++) {
		const struct rast_policy_pod *p = &c->world->pods[i];
		struct rast_end e = {.given = node->value, .pod = p, .addr = p->addr4};
		char name[512];

		(void)snprintf(name, sizeof(name), "%s/%s", p->ns, p->name);
		if (!strcmp(node->value, "*") || !fnmatch(node->value, name, 0))
			r = ends_add(list, &e);
	}
	if (!r && list->n == before)
		return rast_yaml_err(node, c->err, "\"%.80s\" matches no pod", node->value);
	return r < 0 ? rast_err_sys(c->err, ENOMEM, "test") : 0;
}

static int ends_read(struct check *c, const struct rast_yaml_node *node, struct ends *list)
{
	struct rast_err why = {0};
	struct rast_end e;
	int r = rast_yaml_want(node, RAST_YAML_SCALAR, c->err);

	if (r < 0)
		return r;
	if (strpbrk(node->value, "*?["))
		return ends_match(c, node, list);
	if (rast_end_find(c->world, node->value, &e, &why) < 0)
		return rast_yaml_err(node, c->err, "%s", why.text);
	return ends_add(list, &e) < 0 ? rast_err_sys(c->err, ENOMEM, "test") : 0;
}

static int port_read(struct check *c, const struct rast_yaml_node *node, struct test *t)
{
	struct port p, *ports;
	const char *why;
	int r = rast_yaml_want(node, RAST_YAML_SCALAR, c->err);

	if (r < 0)
		return r;
	why = rast_proto_parse_port(node->value, &p.proto, &p.port);
	if (why)
		return rast_yaml_err(node, c->err, "\"%.40s\" %s", node->value, why);
	ports = reallocarray(t->ports, t->n_ports + 1, sizeof(*ports));
	if (!ports)
		return rast_err_sys(c->err, ENOMEM, "test");
	t->ports = ports;
	t->ports[t->n_ports++] = p;
	return 0;
}

/* The field's value, or each entry of it when it is a list. */
static int each(struct check *c, const struct rast_yaml_node *map, const char *key, struct test *t,
		int (*read)(struct check *, const struct rast_yaml_node *, struct test *))
{
	const struct rast_yaml_node *f = rast_yaml_get(map, key);
	int r = 0;

	if (!f)
		return rast_yaml_err(map, c->err, "field \"%s\" is missing", key);
	if (f->type != RAST_YAML_SEQ)
		return read(c, f, t);
	if (!f->count)
		return rast_yaml_err(f, c->err, "is empty");
	rast_yaml_foreach(e, f)
		if ((r = read(c, e, t)) < 0)
			break;
	return r;
}

static int read_from(struct check *c, const struct rast_yaml_node *node, struct test *t)
{
	return ends_read(c, node, &t->from);
}

static int read_to(struct check *c, const struct rast_yaml_node *node, struct test *t)
{
	return ends_read(c, node, &t->to);
}

static int test_read(struct check *c, const struct rast_yaml_node *node, struct test *t)
{
	static const char *const fields[] = {"name", "from", "to", "ports", "expect", "rule", NULL};
	const char *expect = NULL;
	int r;

	t->node = node;
	t->name = "";
	if ((r = rast_yaml_want(node, RAST_YAML_MAP, c->err)) < 0 ||
	    (r = rast_yaml_check_fields(node, fields, c->err)) < 0 ||
	    (r = rast_yaml_str(node, "name", false, &t->name, c->err)) < 0 ||
	    (r = each(c, node, "from", t, read_from)) < 0 ||
	    (r = each(c, node, "to", t, read_to)) < 0 ||
	    (r = each(c, node, "ports", t, port_read)) < 0 ||
	    (r = rast_yaml_str(node, "expect", true, &expect, c->err)) < 0 ||
	    (r = rast_yaml_str(node, "rule", false, &t->rule, c->err)) < 0)
		return r;
	t->allow = !strcmp(expect, "allow");
	if (!t->allow && strcmp(expect, "deny") != 0)
		return rast_yaml_err(rast_yaml_get(node, "expect"), c->err,
				     "want allow or deny, got \"%.40s\"", expect);
	return 0;
}

static int ask(struct check *c, const struct test *t, const struct rast_end *from,
	       const struct rast_end *to, const struct port *p)
{
	char who[256], whom[256], rule[640];
	bool allowed, ok;
	uint32_t cell = rast_end_verdict(c->image, from, to, p->proto, p->port, &allowed);
	char proto[64];
	json_t *row;

	(void)rast_policy_rules_name(c->rules, cell & RAST_CELL_RULE, rule, sizeof(rule));
	(void)snprintf(proto, sizeof(proto), "%s", rast_proto_name(p->proto));
	if (rast_proto_is_icmp(p->proto))
		(void)rast_proto_format(p->proto, p->port, p->port, proto, sizeof(proto));
	ok = allowed == t->allow && (!t->rule || !strncmp(rule, t->rule, strlen(t->rule)));
	row = json_pack(
		"{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:s, s:i}", "test", t->name, "from",
		rast_end_name(from, who, sizeof(who)), "to", rast_end_name(to, whom, sizeof(whom)),
		"protocol", proto, "port", rast_proto_is_icmp(p->proto) ? 0 : p->port, "want",
		t->allow ? "allow" : "deny", "got", allowed ? "allow" : "deny", "rule", rule, "ok",
		ok, "file", rast_yaml_file(t->node->doc), "line", t->node->line);
	if (row && t->rule)
		(void)json_object_set_new(row, "want_rule", json_string(t->rule));
	return json_array_append_new(c->rows, row) ? rast_err_sys(c->err, ENOMEM, "test") : 0;
}

static int test_run(struct check *c, const struct test *t)
{
	int r = 0;

	if (t->from.n * t->to.n * t->n_ports > RAST_TRUTH_MAX_VERDICTS - c->n)
		return rast_yaml_err(t->node, c->err, "more than %u verdicts in one document",
				     RAST_TRUTH_MAX_VERDICTS);
	c->n += t->from.n * t->to.n * t->n_ports;
	for (size_t i = 0; i < t->from.n; i++)
		for (size_t j = 0; j < t->to.n; j++) {
			const struct rast_end *a = &t->from.all[i], *b = &t->to.all[j];

			if (!a->pod && !b->pod)
				return rast_yaml_err(t->node, c->err,
						     "neither \"%.64s\" nor \"%.64s\" is a pod: no "
						     "policy decides about that",
						     a->given, b->given);
			if (a->pod == b->pod && (t->from.pattern || t->to.pattern))
				continue;
			for (size_t k = 0; !r && k < t->n_ports; k++)
				r = ask(c, t, a, b, &t->ports[k]);
			if (r < 0)
				return r;
		}
	return 0;
}

bool rast_truth_wants(const struct rast_yaml_node *doc)
{
	const struct rast_yaml_node *kind = rast_yaml_get(doc, "kind");

	return kind && kind->type == RAST_YAML_SCALAR && !strcmp(kind->value, "PolicyTest");
}

int rast_truth_check(const struct rast_yaml_node *doc, const struct rast_policy_world *world,
		     const struct rast_policy_image *image, const struct rast_policy_rules *rules,
		     json_t *rows, struct rast_err *err)
{
	static const char *const fields[] = {"apiVersion", "kind", "metadata", "spec", NULL};
	static const char *const meta_fields[] = {"name", "labels", "annotations", NULL};
	static const char *const spec_fields[] = {"tests", NULL};
	struct check c = {.world = world, .image = image, .rules = rules, .rows = rows, .err = err};
	const struct rast_yaml_node *meta = NULL, *spec = NULL, *tests = NULL;
	const char *api = NULL, *name = NULL;
	int r;

	if ((r = rast_yaml_want(doc, RAST_YAML_MAP, err)) < 0 ||
	    (r = rast_yaml_check_fields(doc, fields, err)) < 0 ||
	    (r = rast_yaml_str(doc, "apiVersion", true, &api, err)) < 0 ||
	    (r = rast_yaml_map(doc, "metadata", true, &meta, err)) < 0 ||
	    (r = rast_yaml_check_fields(meta, meta_fields, err)) < 0 ||
	    (r = rast_yaml_str(meta, "name", true, &name, err)) < 0 ||
	    (r = rast_yaml_map(doc, "spec", true, &spec, err)) < 0 ||
	    (r = rast_yaml_check_fields(spec, spec_fields, err)) < 0 ||
	    (r = rast_yaml_seq(spec, "tests", true, &tests, err)) < 0)
		return r;
	if (strcmp(api, "rast.os/v1") != 0)
		return rast_yaml_err(rast_yaml_get(doc, "apiVersion"), err,
				     "want rast.os/v1 for a PolicyTest");
	if (!tests->count)
		return rast_yaml_err(tests, err, "is empty");
	rast_yaml_foreach(node, tests) {
		_cleanup_(test_finish) struct test t = {};

		if ((r = test_read(&c, node, &t)) < 0 || (r = test_run(&c, &t)) < 0)
			return r;
	}
	return 0;
}
