// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf flow: watch asks the controller for the stream "flow", show reads the pinned map. */
#include "policy/flow_cmd.h"

#include "cli/cli.h"
#include "cli/client.h"
#include "policy/policy_bpf.h"

#include <stdio.h>
#include <string.h>

struct watch {
	struct rast_cli *cli;
	const char *verdict, *pod;
};

static bool wanted(const struct watch *w, const json_t *ev)
{
	/* The first message of a stream only says that it has begun. */
	if (strcmp(rast_json_str(ev, "type"), "flow") != 0)
		return false;
	if (w->verdict && strcmp(w->verdict, rast_json_str(ev, "verdict")) != 0)
		return false;
	return !w->pod || !strcmp(w->pod, rast_json_str(ev, "pod")) ||
	       !strcmp(w->pod, rast_json_str(ev, "peer_pod"));
}

/* "web (10.77.0.2)", or the address alone */
static void end_text(const char *name, const char *addr, char *buf, size_t size)
{
	if (*name && *addr)
		(void)snprintf(buf, size, "%s (%s)", name, addr);
	else
		(void)snprintf(buf, size, "%s", *addr ? addr : *name ? name : "?");
}

static int on_event(void *arg, const json_t *ev)
{
	const struct watch *w = arg;
	const char *verdict = rast_json_str(ev, "verdict"), *reason = rast_json_str(ev, "reason");
	const char *peer = rast_json_str(ev, "peer_pod"), *own = rast_json_str(ev, "pod"), *time;
	const json_t *rule = json_object_get(ev, "rule");
	bool in = !strcmp(rast_json_str(ev, "direction"), "ingress");
	char src[160], dst[160], port[16] = "", why[256] = "", line[1024];

	if (!wanted(w, ev))
		return 0;
	if (!*peer)
		peer = rast_json_str(ev, "peer_entity");
	end_text(in ? peer : own, rast_json_str(ev, "src"), src, sizeof(src));
	end_text(in ? own : peer, rast_json_str(ev, "dst"), dst, sizeof(dst));
	if (json_object_get(ev, "dst_port"))
		(void)snprintf(port, sizeof(port), "/%d", (int)rast_json_int(ev, "dst_port"));
	if (rule && *rast_json_str(rule, "file"))
		(void)snprintf(why, sizeof(why), "%s (%s:%d)", rast_json_str(rule, "name"),
			       rast_json_str(rule, "file"), (int)rast_json_int(rule, "line"));
	else
		(void)snprintf(why, sizeof(why), "%s", rule ? rast_json_str(rule, "name") : reason);
	if (!strcmp(rast_json_str(ev, "type"), "dns")) {
		size_t len = strlen(why);

		(void)snprintf(why + len, sizeof(why) - len, "  asked: %s (%s)",
			       *rast_json_str(ev, "name") ? rast_json_str(ev, "name") : "?",
			       reason);
	}
	time = strchr(rast_json_str(ev, "time"), 'T');
	(void)snprintf(line, sizeof(line), "%.12s %s%-5s%s %-7s %s -> %s %s%s  x%d  %s",
		       time ? time + 1 : "",
		       rast_cli_style(w->cli, *verdict == 'd' ? "red" : "green"), verdict,
		       rast_cli_style(w->cli, "reset"), rast_json_str(ev, "direction"), src, dst,
		       rast_json_str(ev, "protocol"), port, (int)rast_json_int(ev, "packets"), why);
	return rast_cli_event(w->cli, json_deep_copy(ev), line);
}

static int run_watch(struct rast_cli *cli, const struct rast_args *args)
{
	struct watch w = {.cli = cli,
			  .verdict = rast_args_get(args, "verdict"),
			  .pod = rast_args_get(args, "pod")};

	if (w.verdict && strcmp(w.verdict, "deny") != 0 && strcmp(w.verdict, "allow") != 0)
		return rast_cli_usage(cli, "--verdict is deny or allow");
	return rast_client_stream(cli, true, "stream.follow", json_pack("{s:s}", "stream", "flow"),
				  on_event, &w);
}

static int run_edges(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"from", "FROM", RAST_COL_TEXT},          {"to", "TO", RAST_COL_TEXT},
		{"port", "PORT", RAST_COL_NUM},           {"protocol", "PROTO", RAST_COL_TEXT},
		{"verdict", "VERDICT", RAST_COL_VERDICT}, {"flows", "FLOWS", RAST_COL_NUM},
		{"packets", "PACKETS", RAST_COL_NUM},     {"policy", "POLICY", RAST_COL_TEXT},
		{"rule", "RULE", RAST_COL_TEXT},          {NULL, NULL, RAST_COL_TEXT},
	};
	json_t *rows = NULL;
	int r;

	(void)args;
	r = rast_client_call(cli, true, "flow.edges", NULL, &rows);
	return r < 0 ? r : rast_cli_table(cli, rows, cols);
}

static int run_show(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"src", "SOURCE", RAST_COL_TEXT},      {"src_port", "PORT", RAST_COL_NUM},
		{"dst", "DESTINATION", RAST_COL_TEXT}, {"dst_port", "PORT", RAST_COL_NUM},
		{"protocol", "PROTO", RAST_COL_NUM},   {"age_ns", "AGE", RAST_COL_NS},
		{"idle_ns", "IDLE", RAST_COL_NS},      {"rule", "RULE", RAST_COL_NUM},
		{"state", "STATE", RAST_COL_LIST},     {NULL, NULL, RAST_COL_TEXT},
	};
	json_t *rows;
	int r;

	(void)args;
	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	rows = json_array();
	r = rast_policy_bpf_flows(&cli->in, rows, &cli->err);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	return rast_cli_table(cli, rows, cols);
}

static const struct rast_opt watch_opts[] = {
	{"verdict", 'v', "VERDICT", "only deny, or only allow"},
	{"pod", 'p', "NAME", "only flows that have this pod at an end"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{.name = "watch",
	 .usage = "[--verdict deny|allow] [--pod NAME]",
	 .summary = "verdicts as they happen, with the rule that decided",
	 .opts = watch_opts,
	 .run = run_watch},
	{.name = "show",
	 .alias = "list",
	 .usage = "",
	 .summary = "flows whose replies are let through",
	 .run = run_show},
	{.name = "edges",
	 .usage = "",
	 .summary = "who spoke to whom since the controller started, and which rules decided",
	 .run = run_edges},
	{.name = NULL},
};

const struct rast_object rast_object_flow = {
	.name = "flow",
	.summary = "traffic as policy sees it",
	.verbs = verbs,
};
