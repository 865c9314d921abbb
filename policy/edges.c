// SPDX-License-Identifier: BSD-2-Clause
/* Edges from flow events; see edges.h. Kept as JSON objects by a text key, for people ask rarely. */
#include "policy/edges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rast_edges {
	json_t *by_key;
	uint64_t
		order; /* grows with each change; an edge's "order" tells which was quiet longest */
};

struct rast_edges *rast_edges_create(void)
{
	struct rast_edges *e = calloc(1, sizeof(*e));

	if (e)
		e->by_key = json_object();
	return e;
}

void rast_edges_destroy(struct rast_edges *e)
{
	if (!e)
		return;
	json_decref(e->by_key);
	free(e);
}

/* A pod's name, the entity, or the address when it is nobody known. */
static const char *end_name(const json_t *flow, bool own, bool source)
{
	const char *name = rast_json_str(flow, own ? "pod" : "peer_pod");

	if (*name)
		return name;
	name = own ? "" : rast_json_str(flow, "peer_entity");
	if (*name && strcmp(name, "world") != 0)
		return name;
	return rast_json_str(flow, source ? "src" : "dst");
}

static void policy_text(const json_t *flow, char *buf, size_t size)
{
	const json_t *rule = json_object_get(flow, "rule");
	const json_t *by = json_object_get(rule, "isolated_by");
	const char *policy = rast_json_str(rule, "policy"), *ns = rast_json_str(rule, "namespace");
	const json_t *one;
	size_t i, len = 0;

	buf[0] = '\0';
	if (*policy) {
		(void)snprintf(buf, size, "%s%s%s", ns, *ns ? "/" : "", policy);
		return;
	}
	json_array_foreach((json_t *)(uintptr_t)by, i, one) {
		int n = snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
				 json_string_value(one));

		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
	if (!len)
		(void)snprintf(buf, size, "%s",
			       rule ? rast_json_str(rule, "name") : rast_json_str(flow, "reason"));
}

/* The quietest edge makes room. */
static void evict(struct rast_edges *e)
{
	const char *key, *oldest = NULL;
	int64_t least = INT64_MAX;
	json_t *v;

	json_object_foreach(e->by_key, key, v) {
		if (rast_json_int(v, "order") < least) {
			least = rast_json_int(v, "order");
			oldest = key;
		}
	}
	if (oldest)
		(void)json_object_del(e->by_key, oldest);
}

static void add_int(json_t *obj, const char *key, int64_t n)
{
	(void)json_object_set_new(obj, key, json_integer(rast_json_int(obj, key) + n));
}

static json_t *new_edge(struct rast_edges *e, const char *key, const json_t *flow, bool in,
			bool allowed)
{
	json_t *edge = json_pack(
		"{s:s,s:s,s:s,s:s,s:I,s:s,s:s}", "from", end_name(flow, !in, true),
		"from_namespace", rast_json_str(flow, in ? "peer_namespace" : "namespace"), "to",
		end_name(flow, in, false), "to_namespace",
		rast_json_str(flow, in ? "namespace" : "peer_namespace"), "port",
		(json_int_t)rast_json_int(flow, "dst_port"), "protocol",
		rast_json_str(flow, "protocol"), "verdict", allowed ? "allow" : "deny");

	if (json_object_size(e->by_key) >= RAST_EDGES_MAX)
		evict(e);
	(void)json_object_set_new(e->by_key, key, edge);
	return edge;
}

/* What an ended flow carried, of each flow once, as the end counts it where it leaves. */
static void add_ended(json_t *edge, const json_t *flow)
{
	int64_t n = json_object_get(flow, "flows") ? rast_json_int(flow, "flows") : 1;

	add_int(edge, "ended", n);
	add_int(edge, "bytes",
		rast_json_int(flow, "bytes_out") + rast_json_int(flow, "bytes_back"));
	add_int(edge, "ended_packets",
		rast_json_int(flow, "packets_out") + rast_json_int(flow, "packets_back"));
}

void rast_edges_add(struct rast_edges *e, const json_t *flow)
{
	const char *verdict = rast_json_str(flow, "verdict");
	bool in = !strcmp(rast_json_str(flow, "direction"), "ingress");
	bool allowed = !strcmp(verdict, "allow"),
	     fresh = !strcmp(rast_json_str(flow, "type"), "flow");
	bool once = !allowed || !in || !*rast_json_str(flow, "peer_pod");
	char key[700], text[400];
	const char *old;
	json_t *edge;

	/* A packet that no rule judged (spoofed, malformed) belongs to no edge between pods. */
	if ((!fresh && strncmp(rast_json_str(flow, "type"), "flow_", 5) != 0) ||
	    !json_object_get(flow, "rule") || (!allowed && strcmp(verdict, "deny") != 0))
		return;
	(void)snprintf(key, sizeof(key), "%s/%s|%s/%s|%s|%lld|%s",
		       rast_json_str(flow, in ? "peer_namespace" : "namespace"),
		       end_name(flow, !in, true),
		       rast_json_str(flow, in ? "namespace" : "peer_namespace"),
		       end_name(flow, in, false), rast_json_str(flow, "protocol"),
		       (long long)rast_json_int(flow, "dst_port"), allowed ? "allow" : "deny");
	edge = json_object_get(e->by_key, key);
	if (!fresh) {
		/* One that began before us is no edge: nobody knows how often. A sum has no addresses. */
		if (edge && once)
			add_ended(edge, flow);
		return;
	}
	if (!edge)
		edge = new_edge(e, key, flow, in, allowed);
	policy_text(flow, text, sizeof(text));
	/* One rule at each end: out of the one, into the other. */
	(void)json_object_set_new(edge, in ? "in" : "out", json_string(text));
	(void)json_object_set_new(
		edge, in ? "in_rule" : "out_rule",
		json_string(rast_json_str(json_object_get(flow, "rule"), "name")));
	old = rast_json_str(edge, "last");
	if (strcmp(old, rast_json_str(flow, "time")) < 0)
		(void)json_object_set(edge, "last", json_object_get(flow, "time"));
	/* An allowed flow is seen at both ends; it counts once, where it leaves (or where only one end
	 * is a pod). */
	if (once)
		add_int(edge, "flows", 1);
	add_int(edge, "packets", rast_json_int(flow, "packets"));
	(void)json_object_set_new(edge, "order", json_integer((json_int_t)++e->order));
}

static void join(const json_t *edge, const char *a, const char *b, char *buf, size_t size)
{
	const char *x = rast_json_str(edge, a), *y = rast_json_str(edge, b);

	(void)snprintf(buf, size, "%s%s%s", x, *x && *y && strcmp(x, y) != 0 ? ", " : "",
		       strcmp(x, y) != 0 ? y : "");
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = rast_json_int(*(json_t *const *)a, "order");
	int64_t y = rast_json_int(*(json_t *const *)b, "order");

	return x < y ? 1 : x > y ? -1 : 0;
}

json_t *rast_edges_to_json(const struct rast_edges *e)
{
	size_t n = json_object_size(e->by_key), i = 0;
	_cleanup_free_ json_t **all = calloc(n + 1, sizeof(*all));
	json_t *list = json_array();
	const char *key;
	json_t *v;

	if (!all)
		return list;
	json_object_foreach(e->by_key, key, v)
		all[i++] = v;
	qsort(all, n, sizeof(*all), newest_first);
	for (i = 0; i < n; i++) {
		json_t *o = json_deep_copy(all[i]);
		char text[900];

		join(o, "out", "in", text, sizeof(text));
		(void)json_object_set_new(o, "policy", json_string(text));
		join(o, "out_rule", "in_rule", text, sizeof(text));
		(void)json_object_set_new(o, "rule", json_string(text));
		for (const char *const *drop = (const char *const[]){"out", "in", "out_rule",
								     "in_rule", "order", NULL};
		     *drop; drop++)
			(void)json_object_del(o, *drop);
		(void)json_array_append_new(list, o);
	}
	return list;
}
