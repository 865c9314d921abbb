// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf policy attach, detach, attached: networks of containers that rastOS has not started. The work is
 * user/node/foreign.c's; here is how a person names one.
 */
#include "container/state.h"
#include "node/foreign.h"
#include "node/items.h"
#include "policy/policy_verbs_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct rast_opt rast_policy_attach_opts[] = {
	{"netns", 0, "PATH|NAME|PID",
	 "its network namespace: a path, a name of `ip netns`, a process"},
	{"ifname", 0, "NAME", "this interface in there alone; otherwise each that is up"},
	{"labels", 0, "KEY=VALUE,…", "by which policies select it; may be repeated"},
	{"namespace", 'n', "NAMESPACE", "its namespace; default"},
	{"name", 0, "NAME", "its name as a pod"},
	{NULL},
};
const struct rast_opt rast_policy_detach_opts[] = {
	{"namespace", 'n', "NAMESPACE", "its namespace; default"},
	{NULL},
};

static const struct rast_col cols[] = {
	{"namespace", "NAMESPACE", RAST_COL_TEXT}, {"name", "NAME", RAST_COL_TEXT},
	{"identity", "IDENTITY", RAST_COL_NUM},    {"interface", "INTERFACE", RAST_COL_TEXT},
	{"ifname", "LINK", RAST_COL_TEXT},         {"address", "ADDRESS", RAST_COL_TEXT},
	{"attached", "NETNS", RAST_COL_TEXT},      {NULL},
};

static int add_labels(struct rast_cli *cli, json_t *notes, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, ","), key = strcspn(text, "=,");
		char name[400], value[80];

		if (!key || key >= len)
			return rast_cli_usage(cli, "--labels: want KEY=VALUE, not \"%.*s\"",
					      (int)len, text);
		if (snprintf(name, sizeof(name), "rast.os/label.%.*s", (int)key, text) >=
			    (int)sizeof(name) ||
		    snprintf(value, sizeof(value), "%.*s", (int)(len - key - 1), text + key + 1) >=
			    (int)sizeof(value))
			return rast_cli_usage(cli, "--labels: \"%.40s…\" is too long", text);
		if (json_object_get(notes, name))
			return rast_cli_usage(cli, "--labels: %s is there twice",
					      strchr(name, '.') + strlen(".os/label."));
		(void)json_object_set_new(notes, name, json_string(value));
		text += len + (text[len] == ',');
	}
	return 0;
}

static void netns_path(const char *arg, char *buf, size_t size)
{
	if (strchr(arg, '/'))
		(void)snprintf(buf, size, "%s", arg);
	else if (!arg[strspn(arg, "0123456789")])
		(void)snprintf(buf, size, "/proc/%s/ns/net", arg);
	else
		(void)snprintf(buf, size, "/run/netns/%s", arg);
}

/* One row for each of its links. */
static void add_rows(json_t *rows, const json_t *pod)
{
	json_t *e, *row;
	size_t i;

	json_array_foreach(json_object_get(pod, "endpoints"), i, e) {
		row = json_copy(e);
		rast_json_set_str(row, "namespace", rast_json_str(pod, "namespace"));
		rast_json_set_str(row, "name", rast_json_str(pod, "name"));
		rast_json_set_str(row, "attached", rast_json_str(pod, "attached"));
		(void)json_object_set(row, "identity", json_object_get(pod, "identity"));
		(void)json_object_set(row, "labels", json_object_get(pod, "labels"));
		(void)json_array_append_new(rows, row);
	}
}

int rast_policy_attach_run(struct rast_cli *cli, const struct rast_args *a)
{
	const char *netns = rast_args_get(a, "netns"), *name = rast_args_get(a, "name");
	const char *ns = rast_args_get(a, "namespace"), *only = rast_args_get(a, "ifname"), *labels;
	_cleanup_json_ json_t *request = NULL, *notes = json_object(), *pod = NULL;
	char path[4096], item[400];
	json_t *rows;
	int r;

	if (!netns || !name)
		return rast_cli_usage(cli, "policy attach needs --netns and --name");
	for (int i = 0; (labels = rast_args_get_nth(a, "labels", i)); i++)
		if ((r = add_labels(cli, notes, labels)))
			return r;
	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	netns_path(netns, path, sizeof(path));
	rast_json_set_str(notes, "rast.os/namespace", ns ? ns : "default");
	rast_json_set_str(notes, "rast.os/name", name);
	request = json_pack("{s:s,s:s,s:O}", "netns", path, "ifname", only ? only : "",
			    "annotations", notes);
	r = rast_node_foreign_attach(&cli->in, request, &pod, &cli->err);
	if (r < 0)
		return r;
	(void)snprintf(item, sizeof(item), "%s/%s", ns ? ns : "default", name);
	rast_items_record(cli, "network-attached", "Pod", item);
	rows = json_array();
	add_rows(rows, pod);
	return rast_cli_table(cli, rows, cols);
}

int rast_policy_detach_run(struct rast_cli *cli, const struct rast_args *a)
{
	const char *ns = rast_args_get(a, "namespace");
	char item[400];
	int r = rast_cli_need_root(cli);

	if (!r)
		r = rast_node_foreign_detach(&cli->in, ns ? ns : "default", a->argv[0], &cli->err);
	if (r < 0)
		return r;
	(void)snprintf(item, sizeof(item), "%s/%s", ns ? ns : "default", a->argv[0]);
	rast_items_record(cli, "network-detached", "Pod", item);
	return 0;
}

int rast_policy_attached_run(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *rows = json_array(), *pod;
	size_t i;
	int r = rast_state_pods(&cli->in, false, &pods, &cli->err);

	(void)a;
	json_array_foreach(pods, i, pod)
		if (*rast_json_str(pod, "attached"))
			add_rows(rows, pod);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	return rast_cli_table(cli, rows, cols);
}
