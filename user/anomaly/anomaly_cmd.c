// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf anomaly: scores are the controller's, who alone was there a second ago; without one, `show`
 * has what it wrote down, the findings.
 */
#include "anomaly/anomaly_cmd.h"

#include "anomaly/anomaly_findings.h"
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct rast_col container_columns[] = {
	{"namespace", "NAMESPACE", RAST_COL_TEXT},
	{"pod", "POD", RAST_COL_TEXT},
	{"container", "CONTAINER", RAST_COL_TEXT},
	{"state", "STATE", RAST_COL_TEXT},
	{"score", "SCORE", RAST_COL_TEXT},
	{"destinations", "DEST", RAST_COL_TEXT},
	{"connects_s", "CONN/S", RAST_COL_TEXT},
	{"denied_s", "DENIED/S", RAST_COL_TEXT},
	{"execs_s", "EXEC/S", RAST_COL_TEXT},
	{"forks_s", "FORK/S", RAST_COL_TEXT},
	{"syscalls_s", "SYSCALL/S", RAST_COL_TEXT},
	{"cpu_percent", "CPU%", RAST_COL_TEXT},
	{NULL, NULL, 0},
};

static const struct rast_col finding_columns[] = {
	{"time", "TIME", RAST_COL_TIME},
	{"namespace", "NAMESPACE", RAST_COL_TEXT},
	{"pod", "POD", RAST_COL_TEXT},
	{"container", "CONTAINER", RAST_COL_TEXT},
	{"score", "SCORE", RAST_COL_TEXT},
	{"finding", "FINDING", RAST_COL_TEXT},
	{NULL, NULL, 0},
};

static bool wanted(const json_t *row, const char *pattern)
{
	struct rast_cgroup_name name = {0};

	(void)snprintf(name.ns, sizeof(name.ns), "%s", rast_json_str(row, "namespace"));
	(void)snprintf(name.pod, sizeof(name.pod), "%s", rast_json_str(row, "pod"));
	(void)snprintf(name.container, sizeof(name.container), "%s",
		       rast_json_str(row, "container"));
	return !pattern || rast_cgroup_name_match(&name, pattern);
}

/* A member of `result`, of what NAME means. */
static json_t *rows(const json_t *result, const char *member, const char *pattern)
{
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(json_object_get(result, member), i, row) {
		if (wanted(row, pattern))
			(void)json_array_append(list, row);
	}
	return list;
}

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	const char *name = args->argc ? args->argv[0] : NULL;
	_cleanup_json_ json_t *result = NULL, *both = NULL;
	json_t *containers, *findings;
	char path[128];
	int r = -ENOTCONN;

	if (rast_client_alive(&cli->in))
		r = rast_client_call(cli, false, "anomaly.show", NULL, &result);
	if (r == -ENOTCONN) {
		r = rast_cli_need_root(cli);
		if (r < 0)
			return r;
		rast_err_clear(&cli->err);
		(void)snprintf(path, sizeof(path), "%s/anomaly.json", cli->in.run_dir);
		result = rast_anomaly_file_load(path);
	} else if (r < 0) {
		return r;
	}
	containers = rows(result, "containers", name);
	findings = rows(result, "findings", name);
	both = json_pack("{s:o,s:o}", "containers", containers, "findings", findings);
	if (rast_cli_json(cli, both))
		return 0;
	r = rast_cli_table(cli, json_incref(containers), container_columns);
	if (!r && json_array_size(findings)) {
		if (json_array_size(containers))
			(void)putchar('\n');
		r = rast_cli_table(cli, json_incref(findings), finding_columns);
	}
	return r;
}

struct watch {
	struct rast_cli *cli;
	const char *name;
};

static int on_event(void *arg, const json_t *event)
{
	struct watch *w = arg;
	char line[1024];

	if (!strcmp(rast_json_str(event, "type"), "lost")) {
		(void)snprintf(line, sizeof(line), "%lld findings are missing here",
			       (long long)rast_json_int(event, "count"));
	} else {
		if (!wanted(event, w->name))
			return 0;
		(void)snprintf(line, sizeof(line), "%.19s %s/%s/%s  %s%s%s",
			       rast_json_str(event, "time"), rast_json_str(event, "namespace"),
			       rast_json_str(event, "pod"), rast_json_str(event, "container"),
			       rast_cli_style(w->cli, "red"), rast_json_str(event, "finding"),
			       rast_cli_style(w->cli, "reset"));
	}
	return rast_cli_event(w->cli, json_deep_copy(event), line);
}

static int cmd_watch(struct rast_cli *cli, const struct rast_args *args)
{
	struct watch w = {.cli = cli, .name = args->argc ? args->argv[0] : NULL};

	return rast_client_stream(cli, true, "stream.follow",
				  json_pack("{s:s}", "stream", "anomaly"), on_event, &w);
}

static const struct rast_verb verbs[] = {
	{"show", "list", "[NAME]", "scores and rates per container, and the last findings", NULL, 0,
	 1, cmd_show},
	{"watch", NULL, "[NAME]", "findings as they come", NULL, 0, 1, cmd_watch},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_anomaly = {
	.name = "anomaly",
	.summary = "containers that behave unlike themselves",
	.verbs = verbs,
	.details = "NAME is a pod, ns/pod or ns/pod/container. Scores: 1 is unusual.",
};
