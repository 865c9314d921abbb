// SPDX-License-Identifier: BSD-2-Clause
/* Who reaches whom, read from the cells; see reach.h. */
#include "policy/reach.h"

#include <stdio.h>
#include <string.h>

struct text {
	char buf[512];
	size_t len;
};

static void add(struct text *t, const char *s)
{
	int n = snprintf(t->buf + t->len, sizeof(t->buf) - t->len, "%s%s", t->len ? "; " : "", s);

	t->len += (size_t)n;
	if (t->len >= sizeof(t->buf))
		t->len = sizeof(t->buf) - 1;
}

static bool allowed(const struct rast_policy_image *im, int dir, size_t klass, size_t peer,
		    size_t port)
{
	return rast_policy_image_cell(im, dir, (uint32_t)klass, (uint32_t)peer, (uint32_t)port) &
	       RAST_CELL_ALLOW;
}

static json_t *cell(const struct rast_policy_image *im, const struct rast_policy_rules *rules,
		    size_t from, size_t to)
{
	struct text yes = {}, no = {};
	size_t n = 0;

	if (from >= im->n_class && to >= im->n_class)
		return json_string("");
	for (size_t q = 0; q < im->n_port; q++) {
		bool ok = (from >= im->n_class || allowed(im, RAST_DIR_EGRESS, from, to, q)) &&
			  (to >= im->n_class || allowed(im, RAST_DIR_INGRESS, to, from, q));

		n += ok;
		add(ok ? &yes : &no, rules->port_classes[q]);
	}
	if (!n)
		return json_string("-");
	if (n == im->n_port)
		return json_string("all");
	/* Class 0 is every port that no rule mentions. */
	if (!strncmp(yes.buf, rules->port_classes[0], strlen(rules->port_classes[0])))
		return json_sprintf("all but %s", no.buf);
	return json_string(yes.buf);
}

static json_t *class_of(const struct rast_policy_rules *rules, size_t i)
{
	const struct rast_policy_class_ref *c;
	json_t *members = json_array();
	char name[600];

	if (i >= rules->n_classes)
		return json_pack("{s:s, s:s, s:o}", "name",
				 rules->addr_classes[i - rules->n_classes], "kind", "addresses",
				 "members", members);
	c = &rules->classes[i];
	for (uint32_t m = 0; m < c->n_members; m++)
		(void)json_array_append_new(members, json_string(c->members[m]));
	(void)snprintf(name, sizeof(name), "%s", c->n_members ? c->members[0] : "nobody");
	if (c->n_members > 1)
		(void)snprintf(name + strlen(name), sizeof(name) - strlen(name), " +%u",
			       c->n_members - 1);
	return json_pack("{s:s, s:s, s:o}", "name", name, "kind", i ? "pods" : "node", "members",
			 members);
}

json_t *rast_policy_reach(const struct rast_policy_image *im, const struct rast_policy_rules *rules)
{
	json_t *classes = json_array(), *rows = json_array();

	for (size_t i = 0; i < im->n_peer; i++) {
		json_t *row = json_array();

		(void)json_array_append_new(classes, class_of(rules, i));
		for (size_t j = 0; j < im->n_peer; j++)
			(void)json_array_append_new(row, cell(im, rules, i, j));
		(void)json_array_append_new(rows, row);
	}
	return json_pack("{s:o, s:o}", "classes", classes, "rows", rows);
}
