// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two images, one world; see reach_diff.h. Whatever has the same pair of classes (old, new) is one group:
 * pods, address ranges and port ranges alike. Then each pair of groups is asked on each group of ports.
 */
#include "policy/reach_diff.h"

#include "policy/addr.h"
#include "policy/proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A class in each image; for addresses behind n_class, as in the matrix. */
struct pair {
	uint32_t was, now;
};

struct group {
	struct pair classes;
	const char *kind;
	json_t *members;
	struct rast_policy_end end; /* the first member */
};

/* Ports with the same pair of classes. */
struct ports {
	struct pair classes;
	bool now_told, told; /* in the row at hand, in one for this pair of groups */
};

/* A run of one protocol's numbers in one of these; RAST_PROTO_OTHER has one, without numbers. */
struct run {
	enum rast_policy_proto proto;
	uint32_t lo, hi;
	size_t ports;
};

struct diff {
	const struct rast_policy_world *world;
	struct rast_reach_side side[2]; /* was, now */
	struct group *groups;
	size_t n_groups;
	struct ports *ports;
	size_t n_ports;
	struct run *runs; /* in order */
	size_t n_runs;
	json_t *rows;
};

static void finish(struct diff *d)
{
	for (size_t i = 0; i < d->n_groups; i++)
		json_decref(d->groups[i].members);
	free(d->groups);
	free(d->ports);
	free(d->runs);
}

/* ---- groups ---- */

static struct group *group_of(struct diff *d, struct pair classes, const char *kind)
{
	struct group *all;

	for (size_t i = 0; i < d->n_groups; i++)
		if (!memcmp(&d->groups[i].classes, &classes, sizeof(classes)) &&
		    !strcmp(d->groups[i].kind, kind))
			return &d->groups[i];
	all = reallocarray(d->groups, d->n_groups + 1, sizeof(*all));
	if (!all)
		return NULL;
	d->groups = all;
	d->groups[d->n_groups] =
		(struct group){.classes = classes, .kind = kind, .members = json_array()};
	return &d->groups[d->n_groups++];
}

static int add_pods(struct diff *d)
{
	struct group *g;

	g = group_of(d,
		     (struct pair){d->side[0].image->class_by_identity[RAST_IDENTITY_HOST],
				   d->side[1].image->class_by_identity[RAST_IDENTITY_HOST]},
		     "node");
	if (!g || json_array_append_new(g->members, json_string("node")))
		return -1;
	for (size_t i = 0; i < d->world->n_pods; i++) {
		const struct rast_policy_pod *p = &d->world->pods[i];

		g = group_of(d,
			     (struct pair){d->side[0].image->class_by_identity[p->identity],
					   d->side[1].image->class_by_identity[p->identity]},
			     "pods");
		if (!g || json_array_append_new(g->members, json_sprintf("%s/%s", p->ns, p->name)))
			return -1;
	}
	return 0;
}

/* The two tables of ranges as one kind of thing. */
static uint32_t n_ranges(const struct rast_policy_image *im, bool v6)
{
	return v6 ? im->n_range6 : im->n_range4;
}

static rast_u128 range_start(const struct rast_policy_image *im, bool v6, uint32_t i)
{
	if (v6)
		return (rast_u128)rast_policy_image_ranges6(im)[i].hi << 64 |
		       rast_policy_image_ranges6(im)[i].lo;
	return rast_policy_image_ranges4(im)[i].start;
}

static uint32_t range_class(const struct rast_policy_image *im, bool v6, uint32_t i)
{
	return im->n_class + (v6 ? rast_policy_image_ranges6(im)[i].klass
				 : rast_policy_image_ranges4(im)[i].klass);
}

/* Both tables cut at each other's edges. */
static int add_addresses(struct diff *d, bool v6)
{
	const struct rast_policy_image *a = d->side[0].image, *b = d->side[1].image;
	rast_u128 last = v6 ? ~(rast_u128)0 : UINT32_MAX, at = 0;
	uint32_t i = 0, j = 0;

	while (i < n_ranges(a, v6) && j < n_ranges(b, v6)) {
		rast_u128 end_a = i + 1 < n_ranges(a, v6) ? range_start(a, v6, i + 1) - 1 : last;
		rast_u128 end_b = j + 1 < n_ranges(b, v6) ? range_start(b, v6, j + 1) - 1 : last;
		rast_u128 end = end_a < end_b ? end_a : end_b;
		struct group *g =
			group_of(d, (struct pair){range_class(a, v6, i), range_class(b, v6, j)},
				 "addresses");
		char text[128];

		if (!g ||
		    json_array_append_new(g->members, json_string(rast_addr_format_range(
							      v6, at, end, text, sizeof(text)))))
			return -1;
		i += end_a == end;
		j += end_b == end;
		at = end + 1;
	}
	return 0;
}

static int add_run(struct diff *d, struct pair classes, enum rast_policy_proto proto, uint32_t lo,
		   uint32_t hi)
{
	struct run *runs = reallocarray(d->runs, d->n_runs + 1, sizeof(*runs));
	struct ports *ports;
	size_t i;

	if (!runs)
		return -1;
	d->runs = runs;
	for (i = 0; i < d->n_ports; i++)
		if (!memcmp(&d->ports[i].classes, &classes, sizeof(classes)))
			break;
	if (i == d->n_ports) {
		ports = reallocarray(d->ports, d->n_ports + 1, sizeof(*ports));
		if (!ports)
			return -1;
		d->ports = ports;
		d->ports[d->n_ports++] = (struct ports){.classes = classes};
	}
	d->runs[d->n_runs++] = (struct run){proto, lo, hi, i};
	return 0;
}

static int add_ports(struct diff *d)
{
	const struct rast_policy_image *a = d->side[0].image, *b = d->side[1].image;

	for (int proto = 0; proto < RAST_PROTO_PORTED; proto++)
		for (uint32_t lo = 0, hi; lo <= UINT16_MAX; lo = hi + 1) {
			struct pair c = {a->port_class[proto][lo], b->port_class[proto][lo]};

			for (hi = lo; hi < UINT16_MAX && a->port_class[proto][hi + 1] == c.was &&
				      b->port_class[proto][hi + 1] == c.now;)
				hi++;
			if (add_run(d, c, (enum rast_policy_proto)proto, lo, hi))
				return -1;
		}
	return add_run(d, (struct pair){a->port_class_other, b->port_class_other}, RAST_PROTO_OTHER,
		       0, 0);
}

/* "TCP 80, TCP 8000-8080, UDP" of those in the row at hand; what no longer fits is "…". */
static void ports_text(const struct diff *d, char *text, size_t size)
{
	size_t n = 0, len = 0;

	for (size_t i = 0; i < d->n_ports; i++)
		n += d->ports[i].now_told;
	if (n == d->n_ports) {
		(void)snprintf(text, size, "all");
		return;
	}
	text[0] = '\0';
	for (size_t i = 0; i < d->n_runs; i++) {
		struct run r = d->runs[i];
		char piece[64];

		if (!d->ports[r.ports].now_told)
			continue;
		while (i + 1 < d->n_runs && d->runs[i + 1].proto == r.proto &&
		       d->ports[d->runs[i + 1].ports].now_told)
			r.hi = d->runs[++i].hi;
		(void)rast_proto_format(r.proto, r.lo, r.hi, piece, sizeof(piece));
		if (len + strlen(piece) + 8 > size) {
			(void)snprintf(text + len, size - len, ", …");
			return;
		}
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "", piece);
	}
}

/* ---- verdicts ---- */

/* The rule of the end that decides: the one that denies, egress first, else the destination's. */
static uint32_t verdict(const struct rast_policy_image *im, uint32_t from, uint32_t to,
			uint32_t port, bool *ret_allowed)
{
	uint32_t out = RAST_CELL_ALLOW, in = RAST_CELL_ALLOW;

	if (from < im->n_class)
		out = rast_policy_image_cell(im, RAST_DIR_EGRESS, from, to, port);
	if (to < im->n_class)
		in = rast_policy_image_cell(im, RAST_DIR_INGRESS, to, from, port);
	*ret_allowed = out & in & RAST_CELL_ALLOW;
	if (to >= im->n_class || (from < im->n_class && !(out & RAST_CELL_ALLOW)))
		return out & RAST_CELL_RULE;
	return in & RAST_CELL_RULE;
}

static json_t *describe(const struct group *g)
{
	size_t n = json_array_size(g->members);
	const char *first = json_string_value(json_array_get(g->members, 0));
	const char *second = json_string_value(json_array_get(g->members, 1));
	json_t *name;

	if (n == 2 && !strcmp(first, "0.0.0.0/0") && !strcmp(second, "::/0"))
		name = json_string("any address");
	else
		name = n > 1 ? json_sprintf("%s +%zu", first, n - 1) : json_string(first);
	return json_pack("{s:o, s:s, s:O}", "name", name, "kind", g->kind, "members", g->members);
}

static int add_row(struct diff *d, const struct group *from, const struct group *to,
		   const bool allowed[2], const uint32_t by[2])
{
	char rule[2][640], ports[1024];
	json_t *row;

	ports_text(d, ports, sizeof(ports));
	for (int s = 0; s < 2; s++)
		(void)rast_policy_rules_name(d->side[s].rules, by[s], rule[s], sizeof(rule[s]));
	row = json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "from", describe(from), "to",
			describe(to), "ports", ports, "was", allowed[0] ? "allow" : "deny", "now",
			allowed[1] ? "allow" : "deny", "was_rule", rule[0], "rule", rule[1]);
	return json_array_append_new(d->rows, row);
}

static void both(const struct diff *d, const struct group *from, const struct group *to, size_t i,
		 bool allowed[2], uint32_t by[2])
{
	by[0] = verdict(d->side[0].image, from->classes.was, to->classes.was,
			d->ports[i].classes.was, &allowed[0]);
	by[1] = verdict(d->side[1].image, from->classes.now, to->classes.now,
			d->ports[i].classes.now, &allowed[1]);
}

/* Ports that change alike, by the same rules, are one row. */
static int compare(struct diff *d, const struct group *from, const struct group *to)
{
	int r = 0;

	for (size_t i = 0; i < d->n_ports; i++)
		d->ports[i].told = false;
	for (size_t i = 0; !r && i < d->n_ports; i++) {
		bool allowed[2], other[2];
		uint32_t by[2], also[2];

		both(d, from, to, i, allowed, by);
		if (d->ports[i].told || allowed[0] == allowed[1])
			continue;
		for (size_t j = 0; j < d->n_ports; j++) {
			both(d, from, to, j, other, also);
			d->ports[j].now_told = also[0] == by[0] && also[1] == by[1] &&
					       other[0] == allowed[0] && other[1] == allowed[1];
			d->ports[j].told |= d->ports[j].now_told;
		}
		r = add_row(d, from, to, allowed, by);
	}
	return r;
}

static int compare_all(struct diff *d)
{
	int r = 0;

	for (size_t i = 0; !r && i < d->n_groups; i++)
		for (size_t j = 0; !r && j < d->n_groups; j++) {
			const struct group *a = &d->groups[i], *b = &d->groups[j];

			/* Some end must be a pod; and one pod is not a peer of itself. */
			if ((strcmp(a->kind, "pods") != 0 && strcmp(b->kind, "pods") != 0) ||
			    (a == b && json_array_size(a->members) == 1))
				continue;
			r = compare(d, a, b);
		}
	return r;
}

json_t *rast_policy_reach_diff(const struct rast_policy_world *world, struct rast_reach_side was,
			       struct rast_reach_side now)
{
	_cleanup_(finish) struct diff d = {
		.world = world, .side = {was, now}, .rows = json_array()};

	if (!d.rows || add_pods(&d) || add_addresses(&d, false) || add_addresses(&d, true) ||
	    add_ports(&d) || compare_all(&d)) {
		json_decref(d.rows);
		return NULL;
	}
	return d.rows;
}
