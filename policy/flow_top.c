// SPDX-License-Identifier: BSD-2-Clause
/* See flow_top.h. An edge that was evicted in between and came back counts from zero. */
#include "policy/flow_top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sorts[] = {"flows", "bytes", "packets", "denied"};
static const char *const fields[] = {"flows_s", "bytes_s", "packets_s", "denied_s"};

int rast_flow_sort_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++)
		if (!strcmp(sorts[i], text))
			return (int)i;
	return -1;
}

static const char *end_text(const json_t *edge, const char *end, char *buf, size_t size)
{
	char key[32];
	const char *ns;

	(void)snprintf(key, sizeof(key), "%s_namespace", end);
	ns = rast_json_str(edge, key);
	(void)snprintf(buf, size, "%s%s%s", ns, *ns ? "/" : "", rast_json_str(edge, end));
	return buf;
}

static void edge_key(const json_t *edge, char *buf, size_t size)
{
	char from[330], to[330];

	(void)snprintf(buf, size, "%s|%s|%s|%lld", end_text(edge, "from", from, sizeof(from)),
		       end_text(edge, "to", to, sizeof(to)), rast_json_str(edge, "protocol"),
		       (long long)rast_json_int(edge, "port"));
}

static void add(json_t *row, const char *key, double n)
{
	(void)json_object_set_new(row, key,
				  json_real(json_number_value(json_object_get(row, key)) + n));
}

/* sign -1 for the look before. */
static void account(json_t *row, const json_t *edge, double sign, double seconds)
{
	bool deny = !strcmp(rast_json_str(edge, "verdict"), "deny");
	double n = sign / seconds;

	if (deny) {
		add(row, "denied_s", n * (double)rast_json_int(edge, "packets"));
		return;
	}
	add(row, "flows_s", n * (double)rast_json_int(edge, "flows"));
	add(row, "bytes_s", n * (double)rast_json_int(edge, "bytes"));
	add(row, "packets_s", n * (double)rast_json_int(edge, "ended_packets"));
}

static json_t *row_of(json_t *rows, const char *key, const json_t *edge, bool by_pod)
{
	json_t *row = json_object_get(rows, key);
	char from[330], to[330];

	if (row)
		return row;
	if (by_pod)
		row = json_pack("{s:s}", "pod", key);
	else
		row = json_pack("{s:s,s:s,s:I,s:s}", "from",
				end_text(edge, "from", from, sizeof(from)), "to",
				end_text(edge, "to", to, sizeof(to)), "port",
				(json_int_t)rast_json_int(edge, "port"), "protocol",
				rast_json_str(edge, "protocol"));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)json_object_set_new(row, fields[i], json_real(0));
	(void)json_object_set_new(rows, key, row);
	return row;
}

static void add_edges(json_t *rows, const json_t *edges, double sign, double seconds, bool by_pod)
{
	const json_t *edge;
	char key[800];
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)edges, i, edge) {
		if (!by_pod) {
			edge_key(edge, key, sizeof(key));
			account(row_of(rows, key, edge, false), edge, sign, seconds);
			continue;
		}
		account(row_of(rows, end_text(edge, "from", key, sizeof(key)), edge, true), edge,
			sign, seconds);
		account(row_of(rows, end_text(edge, "to", key, sizeof(key)), edge, true), edge,
			sign, seconds);
	}
}

struct order {
	const char *field;
	bool by_pod;
};

static int highest_first(const void *x, const void *y, void *arg)
{
	static const char *const names[] = {"pod", "from", "to", "protocol"};
	const json_t *a = *(json_t *const *)x, *b = *(json_t *const *)y;
	const struct order *order = arg;
	double m = json_number_value(json_object_get(a, order->field));
	double n = json_number_value(json_object_get(b, order->field));
	int r = m < n ? 1 : m > n ? -1 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !r; i++)
		r = strcmp(rast_json_str(a, names[i]), rast_json_str(b, names[i]));
	return r ? r : (int)(rast_json_int(a, "port") - rast_json_int(b, "port"));
}

static bool moved(const json_t *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (json_number_value(json_object_get(row, fields[i])) > 1e-9)
			return true;
	return false;
}

json_t *rast_flow_top(const json_t *before, const json_t *after, double seconds, bool by_pod,
		      enum rast_flow_sort sort)
{
	const struct order order = {fields[sort], by_pod};
	json_t *rows = json_object(), *list = json_array(), *row;
	_cleanup_free_ json_t **all = NULL;
	size_t n = 0;
	const char *key;

	add_edges(rows, after, 1, seconds, by_pod);
	add_edges(rows, before, -1, seconds, by_pod);
	all = calloc(json_object_size(rows) + 1, sizeof(*all));
	json_object_foreach(rows, key, row)
		if (all && moved(row))
			all[n++] = row;
	if (n)
		qsort_r(all, n, sizeof(*all), highest_first, (void *)(uintptr_t)&order);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(list, all[i]);
	json_decref(rows);
	return list;
}
