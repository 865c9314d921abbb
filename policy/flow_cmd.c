// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf flow: watch asks the controller for the stream "flow", show reads the pinned map. */
#include "policy/flow_cmd.h"

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/text.h"
#include "policy/applied.h"
#include "policy/flow_filter.h"
#include "policy/flow_top_cmd.h"
#include "policy/policy_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watch {
	struct rast_cli *cli;
	struct rast_flow_filter *filter;
	json_t *labels; /* "NAMESPACE/POD": labels; NULL: no selector asks for them */
	long left;      /* lines until the end; -1: no end */
};

/* Of all pods that policy knows by now. */
static json_t *read_labels(const struct rast_instance *in)
{
	struct rast_policy_world world = {0};
	json_t *all = json_object();
	char name[330];

	if (rast_policy_applied_load(in, NULL, &world, NULL, NULL) < 0)
		return all;
	for (size_t i = 0; i < world.n_pods; i++) {
		const struct rast_policy_pod *pod = &world.pods[i];
		json_t *labels = json_object();

		for (size_t j = 0; j < pod->n_labels; j++)
			(void)json_object_set_new(labels, pod->labels[j].key,
						  json_string(pod->labels[j].value));
		(void)snprintf(name, sizeof(name), "%s/%s", pod->ns, pod->name);
		(void)json_object_set_new(all, name, labels);
	}
	rast_policy_world_finish(&world);
	return all;
}

static const json_t *labels_of(void *arg, const char *ns, const char *pod)
{
	struct watch *w = arg;
	const json_t *labels;
	char name[330];

	(void)snprintf(name, sizeof(name), "%s/%s", ns, pod);
	labels = json_object_get(w->labels, name);
	if (labels)
		return labels;
	/* It came later than we did. One that is gone is not asked for again. */
	json_decref(w->labels);
	w->labels = read_labels(&w->cli->in);
	if (!json_object_get(w->labels, name))
		(void)json_object_set_new(w->labels, name, json_object());
	return json_object_get(w->labels, name);
}

/* "web (10.77.0.2)", or the address alone */
static void end_text(const char *name, const char *addr, char *buf, size_t size)
{
	if (*name && *addr)
		(void)snprintf(buf, size, "%s (%s)", name, addr);
	else
		(void)snprintf(buf, size, "%s", *addr ? addr : *name ? name : "?");
}

static const char *text_of_ends(const json_t *ev, char *buf, size_t size)
{
	const char *peer = rast_json_str(ev, "peer_pod"), *own = rast_json_str(ev, "pod");
	bool in = !strcmp(rast_json_str(ev, "direction"), "ingress");
	char src[160], dst[160], port[16] = "";

	if (!*peer)
		peer = rast_json_str(ev, "peer_entity");
	end_text(in ? peer : own, rast_json_str(ev, "src"), src, sizeof(src));
	end_text(in ? own : peer, rast_json_str(ev, "dst"), dst, sizeof(dst));
	if (json_object_get(ev, "dst_port"))
		(void)snprintf(port, sizeof(port), "/%d", (int)rast_json_int(ev, "dst_port"));
	(void)snprintf(buf, size, "%s -> %s %s%s", src, dst, rast_json_str(ev, "protocol"), port);
	return buf;
}

/* Of a flow that has ended: how, how long it took, and what went each way. */
static const char *text_of_end(const json_t *ev, char *buf, size_t size)
{
	char out[32], back[32], took[32] = "?", flows[32] = "";
	const char *how = rast_json_str(ev, "ended");

	if (json_object_get(ev, "flows"))
		(void)snprintf(flows, sizeof(flows), "%lld flows ",
			       (long long)rast_json_int(ev, "flows"));
	if (json_object_get(ev, "duration_ns"))
		(void)rast_text_ns((uint64_t)rast_json_int(ev, "duration_ns"), took, sizeof(took));
	if (!json_object_get(ev, "bytes_out")) {
		(void)snprintf(buf, size, "%s after %s", how, took);
		return buf;
	}
	(void)rast_text_bytes((uint64_t)rast_json_int(ev, "bytes_out"), out, sizeof(out));
	(void)rast_text_bytes((uint64_t)rast_json_int(ev, "bytes_back"), back, sizeof(back));
	(void)snprintf(buf, size, "%s%s after %s, %s in %lld there, %s in %lld back", flows,
		       *how ? how : "ended", took, out, (long long)rast_json_int(ev, "packets_out"),
		       back, (long long)rast_json_int(ev, "packets_back"));
	return buf;
}

/* The rule that decided, where it stands, and of what has none why it was dropped. */
static const char *text_of_rule(const json_t *ev, char *buf, size_t size)
{
	const char *reason = rast_json_str(ev, "reason"), *type = rast_json_str(ev, "type");
	const json_t *rule = json_object_get(ev, "rule");
	size_t len;

	if (rule && *rast_json_str(rule, "file"))
		(void)snprintf(buf, size, "%s (%s:%d)", rast_json_str(rule, "name"),
			       rast_json_str(rule, "file"), (int)rast_json_int(rule, "line"));
	else
		(void)snprintf(buf, size, "%s", rule ? rast_json_str(rule, "name") : reason);
	len = strlen(buf);
	if (!strcmp(type, "dns"))
		(void)snprintf(buf + len, size - len, "  asked: %s (%s)",
			       *rast_json_str(ev, "name") ? rast_json_str(ev, "name") : "?",
			       reason);
	else if (!strcmp(type, "staged"))
		(void)snprintf(buf + len, size - len, "  staged: not enforced");
	return buf;
}

static int on_event(void *arg, const json_t *ev)
{
	struct watch *w = arg;
	const char *verdict = rast_json_str(ev, "verdict"), *style, *time;
	char ends[400], what[256], why[320], line[1200];
	int r;

	if (!rast_flow_filter_match(w->filter, ev, labels_of, w))
		return 0;
	if (!strcmp(rast_json_str(ev, "type"), "staged"))
		style = "yellow";
	else
		style = *verdict == 'd' ? "red" : "green";
	if (!strncmp(rast_json_str(ev, "type"), "flow_", 5))
		(void)text_of_end(ev, what, sizeof(what));
	else
		(void)snprintf(what, sizeof(what), "x%d", (int)rast_json_int(ev, "packets"));
	time = strchr(rast_json_str(ev, "time"), 'T');
	(void)snprintf(line, sizeof(line), "%.12s %s%-5s%s %-7s %s  %s  %s", time ? time + 1 : "",
		       rast_cli_style(w->cli, style), verdict, rast_cli_style(w->cli, "reset"),
		       rast_json_str(ev, "direction"), text_of_ends(ev, ends, sizeof(ends)), what,
		       text_of_rule(ev, why, sizeof(why)));
	r = rast_cli_event(w->cli, json_deep_copy(ev), line);
	if (!r && w->left > 0 && !--w->left)
		return 1;
	return r;
}

/* The filters among the options; -EINVAL becomes wrong usage. */
static int add_filters(struct rast_cli *cli, const struct rast_args *args,
		       struct rast_flow_filter *f)
{
	static const char *const names[] = {
		"from",      "to",     "pod",  "port",   "protocol", "verdict", "direction",
		"namespace", "policy", "rule", "reason", "how",      NULL};
	const char *value;
	int r;

	for (const char *const *name = names; *name; name++)
		for (int i = 0; (value = rast_args_get_nth(args, *name, i)); i++) {
			r = rast_flow_filter_add(f, *name, value, &cli->err);
			if (r == -EINVAL)
				return rast_cli_usage(cli, "%s", cli->err.text);
			if (r < 0)
				return r;
		}
	rast_flow_filter_set_kind(f, rast_args_get(args, "new"), rast_args_get(args, "ended"));
	return 0;
}

static int run_watch(struct rast_cli *cli, const struct rast_args *args)
{
	struct watch w = {.cli = cli, .left = -1};
	const char *count = rast_args_get(args, "count");
	char *end = NULL;
	int r;

	if (count) {
		w.left = strtol(count, &end, 10);
		if (!*count || *end || w.left < 1)
			return rast_cli_usage(cli, "--count %s: must be a number of lines", count);
	}
	w.filter = rast_flow_filter_create();
	if (!w.filter)
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	r = add_filters(cli, args, w.filter);
	if (!r) {
		w.labels = rast_flow_filter_wants_labels(w.filter) ? read_labels(&cli->in) : NULL;
		r = rast_client_stream(cli, true, "stream.follow",
				       json_pack("{s:s}", "stream", "flow"), on_event, &w);
	}
	rast_flow_filter_destroy(w.filter);
	json_decref(w.labels);
	return r > 0 && !w.left ? 0 : r;
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

/* What names the numbers of flows. */
struct naming {
	const struct rast_instance *in;
	struct rast_policy_world world;
	struct rast_policy_rules *rules; /* of rules_generation; NULL: not to be had */
	int64_t rules_generation;
};

static void naming_finish(struct naming *n)
{
	rast_policy_world_finish(&n->world);
	rast_policy_rules_destroy(n->rules);
}

/* "NAMESPACE/POD", or the address. */
static void name_end(const struct naming *n, json_t *row, const char *key, const char *addr,
		     const char *identity)
{
	int64_t number = rast_json_int(row, identity);
	char text[330];

	for (size_t i = 0; i < n->world.n_pods; i++) {
		const struct rast_policy_pod *pod = &n->world.pods[i];

		if (pod->identity != number)
			continue;
		(void)snprintf(text, sizeof(text), "%s/%s", pod->ns, pod->name);
		rast_json_set_str(row, key, text);
		return;
	}
	rast_json_set_str(row, key,
			  number == RAST_IDENTITY_HOST ? "host" : rast_json_str(row, addr));
}

static void name_row(struct naming *n, json_t *row)
{
	static const char *const shown[] = {"replied", "closing", "host"};
	static const char *const keys[] = {"src_rule", "dst_rule"};
	int64_t generation = rast_json_int(row, "generation");
	json_t *words = json_array(), *rules = json_array(), *word;
	char name[512];
	size_t i;

	name_end(n, row, "from", "src", "src_identity");
	name_end(n, row, "to", "dst", "dst_identity");
	if (generation != n->rules_generation) {
		rast_policy_rules_destroy(n->rules);
		n->rules = NULL;
		n->rules_generation = generation;
		(void)rast_policy_applied_rules(n->in, (uint32_t)generation, &n->rules, NULL);
	}
	/* The rules of both ends; an end that no policy selects says nothing beside one that does. */
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		uint32_t rule = (uint32_t)rast_json_int(row, keys[i]);

		if (rule != RAST_RULE_NONE)
			(void)json_array_append_new(
				rules, json_string(rast_policy_rules_name(n->rules, rule, name,
									  sizeof(name))));
	}
	if (!json_array_size(rules))
		(void)json_array_append_new(rules, json_string("no policy"));
	(void)json_object_set_new(row, "rules", rules);
	json_array_foreach(json_object_get(row, "state"), i, word)
		for (size_t j = 0; j < ARRAY_SIZE(shown); j++)
			if (!strcmp(json_string_value(word), shown[j]))
				(void)json_array_append(words, word);
	(void)json_object_set_new(row, "is", words);
}

static int run_show(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"from", "FROM", RAST_COL_TEXT},     {"src_port", "PORT", RAST_COL_NUM},
		{"to", "TO", RAST_COL_TEXT},         {"dst_port", "PORT", RAST_COL_NUM},
		{"protocol", "PROTO", RAST_COL_NUM}, {"age_ns", "AGE", RAST_COL_NS},
		{"idle_ns", "IDLE", RAST_COL_NS},    {"is", "STATE", RAST_COL_LIST},
		{"rules", "RULES", RAST_COL_LIST},   {NULL, NULL, RAST_COL_TEXT},
	};
	_cleanup_(naming_finish) struct naming n = {.in = &cli->in, .rules_generation = -1};
	json_t *rows, *row;
	size_t i;
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
	/* Without them numbers and addresses are shown. */
	(void)rast_policy_applied_load(&cli->in, NULL, &n.world, NULL, NULL);
	json_array_foreach(rows, i, row)
		name_row(&n, row);
	return rast_cli_table(cli, rows, cols);
}

static const struct rast_opt watch_opts[] = {
	{"from", 'f', "END",
	 "POD, NAMESPACE/POD, NAMESPACE/, CIDR, KEY=VALUE, host, world, cluster"},
	{"to", 't', "END", "the same for whom it is meant"},
	{"pod", 'P', "END", "the same for either end"},
	{"port", 0, "N[-M]", "destination port or range"},
	{"protocol", 0, "NAME", "tcp, udp, sctp, icmp, icmpv6 or a number"},
	{"verdict", 'v', "VERDICT", "deny or allow"},
	{"direction", 0, "WAY", "ingress or egress, seen from the pod that tells"},
	{"namespace", 'n', "NAME", "either end is in it"},
	{"policy", 0, "NAME", "[NAMESPACE/]NAME of the policy that decided"},
	{"rule", 0, "TEXT", "part of the deciding rule's name"},
	{"reason", 0, "WHY",
	 "of a denial: policy, spoofed, malformed, fragment, no_policy, protocol"},
	{"how", 0, "HOW", "it ended by fin, rst, timeout, policy, removed or error"},
	{"new", 0, NULL, "only flows that begin, and denied packets"},
	{"ended", 0, NULL, "only flows that have ended"},
	{"count", 'c', "N", "end after N lines"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{.name = "watch",
	 .usage =
		 "[--from END] [--to END] [--port N] [--verdict deny|allow] … [--new|--ended] [--count N]",
	 .summary = "flows as they begin, are denied and end, with the rule that decided",
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
	{.name = "top",
	 .usage = "[--by edge|pod] [--sort KEY] [--interval S] [--count N]",
	 .summary = "edges or pods by flows, bytes, packets and denials a second",
	 .opts = rast_flow_top_opts,
	 .run = rast_flow_top_run},
	{.name = NULL},
};

const struct rast_object rast_object_flow = {
	.name = "flow",
	.summary = "traffic as policy sees it",
	.verbs = verbs,
};
