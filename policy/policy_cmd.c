// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf policy: compile, apply, delete, show, explain; test, diff and suggest have files of their own. With -f everything comes from files and
 * needs neither root nor a running instance; without, it is the applied set and the pods that run.
 */
#include "policy/policy_cmd.h"

#include "base/fd.h"
#include "cli/cli.h"
#include "node/items.h"
#include "node/node.h"
#include "policy/explain.h"
#include "policy/names.h"
#include "policy/policy_input_cmd.h"
#include "policy/policy_verbs_cmd.h"
#include "policy/policy_bpf.h"
#include "policy/proto.h"
#include "policy/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_warnings(const json_t *report)
{
	const json_t *list = json_object_get(report, "warnings");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);

		(void)fprintf(stderr, "%s:%d: %s%s%s: %s\n", rast_json_str(w, "file"),
			      (int)rast_json_int(w, "line"), rast_json_str(w, "namespace"),
			      *rast_json_str(w, "namespace") ? "/" : "", rast_json_str(w, "policy"),
			      rast_json_str(w, "text"));
	}
}

static const struct rast_col report_cols[] = {
	{"generation", "generation", RAST_COL_NUM},
	{"pods", "pods", RAST_COL_NUM},
	{"policies", "policies", RAST_COL_NUM},
	{"policies_in_use", "  that select a pod", RAST_COL_NUM},
	{"rules", "rules", RAST_COL_NUM},
	{"identity_classes", "classes of pods", RAST_COL_NUM},
	{"address_classes", "classes of addresses", RAST_COL_NUM},
	{"port_classes", "classes of ports", RAST_COL_NUM},
	{"ranges4", "IPv4 ranges", RAST_COL_NUM},
	{"ranges6", "IPv6 ranges", RAST_COL_NUM},
	{"cells", "cells", RAST_COL_NUM},
	{"max_cells", "  of at most", RAST_COL_NUM},
	{NULL},
};

static int run_compile(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input in = {};
	_cleanup_free_ void *data = NULL;
	const char *out = rast_args_get(a, "output");
	size_t len = 0;
	int r;

	if (!rast_policy_input_file_at(a, true, 0))
		return rast_cli_usage(cli, "policy compile needs -f FILE");
	r = rast_policy_input_files(cli, a, true, &in);
	if (!r && out) {
		r = rast_policy_file_write(in.image, in.rules, &data, &len);
		if (!r)
			r = rast_replace_file(AT_FDCWD, out, data, len, 0644, 0);
		if (r < 0)
			(void)rast_err_sys(&cli->err, -r, "%s", out);
	}
	if (r < 0)
		return r;
	print_warnings(in.report);
	if (out) {
		(void)json_object_set_new(in.report, "output", json_string(out));
		(void)json_object_set_new(in.report, "output_bytes", json_integer((json_int_t)len));
	}
	return rast_cli_record(cli, TAKE_PTR(in.report), report_cols);
}

/* ---- apply, delete ---- */

struct docs {
	struct rast_yaml **files;
	size_t n_files;
	const struct rast_yaml_node **all;
	size_t n;
};

static void docs_finish(struct docs *d)
{
	for (size_t i = 0; i < d->n_files; i++)
		rast_yaml_destroy(d->files[i]);
	free(d->files);
	free(d->all);
}

static int docs_add(struct rast_cli *cli, struct docs *d, struct rast_yaml *y)
{
	struct rast_yaml **files = realloc(d->files, (d->n_files + 1) * sizeof(*files));
	const struct rast_yaml_node **all;

	if (files)
		d->files = files;
	all = realloc(d->all, (d->n + rast_yaml_count(y) + 1) * sizeof(*all));
	if (all)
		d->all = all;
	if (!files || !all) {
		rast_yaml_destroy(y);
		return rast_err_sys(&cli->err, ENOMEM, "documents");
	}
	d->files[d->n_files++] = y;
	/* A file of `rastbpf up` has pods beside its policies: they are not ours. */
	for (size_t i = 0; i < rast_yaml_count(y); i++)
		if (strcmp(rast_policy_input_kind(rast_yaml_root(y, i)), "Pod") != 0)
			d->all[d->n++] = rast_yaml_root(y, i);
	return 0;
}

/* "web", "shop/web" → a document with just that name. */
static int docs_add_name(struct rast_cli *cli, struct docs *d, const char *kind, const char *given)
{
	const char *slash = strchr(given, '/'), *name = slash ? slash + 1 : given;
	char ns[64] = "default", text[512];
	struct rast_yaml *y = NULL;
	int r;

	if (slash && (size_t)(slash - given) < sizeof(ns))
		(void)snprintf(ns, sizeof(ns), "%.*s", (int)(slash - given), given);
	if (rast_name_dns_label(ns) || rast_name_dns_subdomain(name) ||
	    (slash && (size_t)(slash - given) >= sizeof(ns)))
		return rast_err_set(&cli->err, EINVAL, "\"%.128s\" is no name of a policy", given);
	if (!rast_policy_kind_known(kind))
		return rast_err_set(&cli->err, EINVAL, "want " RAST_POLICY_KINDS ", got \"%.64s\"",
				    kind);
	(void)snprintf(text, sizeof(text),
		       "{kind: %s, metadata: {name: \"%s\", namespace: \"%s\"}}", kind, name, ns);
	r = rast_yaml_parse(given, text, strlen(text), &y, &cli->err);
	return r ? r : docs_add(cli, d, y);
}

static int change(struct rast_cli *cli, const struct rast_args *a, bool remove)
{
	_cleanup_(docs_finish) struct docs d = {};
	const char *path, *kind = remove ? rast_args_get(a, "kind") : NULL;
	json_t *report = NULL;
	int r = rast_cli_need_root(cli);

	for (int i = 0; !r && (path = rast_policy_input_file_at(a, !remove, i)); i++) {
		struct rast_yaml *y = NULL;

		r = rast_yaml_load(path, &y, &cli->err);
		if (!r)
			r = docs_add(cli, &d, y);
	}
	for (int i = 0; !r && remove && i < a->argc; i++)
		r = docs_add_name(cli, &d, kind ? kind : "NetworkPolicy", a->argv[i]);
	if (!r && !d.n)
		r = rast_err_set(&cli->err, EINVAL, "no policy in what was given");
	if (!r)
		r = rast_node_policy_apply(&cli->in, d.all, d.n, remove, &report, &cli->err);
	if (r < 0)
		return r;
	r = remove ? rast_items_delete(cli, d.all, d.n, "policy delete")
		   : rast_items_put(cli, d.all, d.n, "policy apply");
	if (r < 0 && r != -ENOTCONN) {
		json_decref(report);
		return rast_err_prefix(&cli->err, "in force, but not stored");
	}
	rast_items_record(cli, remove ? "policy-deleted" : "policy-applied", "policy",
			  remove && a->argc ? a->argv[0]
					    : rast_policy_input_file_at(a, !remove, 0));
	print_warnings(report);
	return rast_cli_record(cli, report, report_cols);
}

static int run_apply(struct rast_cli *cli, const struct rast_args *a)
{
	if (!rast_policy_input_file_at(a, true, 0))
		return rast_cli_usage(cli, "policy apply needs -f FILE");
	return change(cli, a, false);
}

static int run_delete(struct rast_cli *cli, const struct rast_args *a)
{
	if (!rast_policy_input_file_at(a, true, 0))
		return rast_cli_usage(cli, "policy delete needs -f FILE or NAME");
	return change(cli, a, true);
}

/* ---- show ---- */

static const struct rast_col policy_cols[] = {
	{"kind", "KIND", RAST_COL_TEXT},
	{"tier", "TIER", RAST_COL_TEXT},
	{"namespace", "NAMESPACE", RAST_COL_TEXT},
	{"name", "NAME", RAST_COL_TEXT},
	{"ingress", "INGRESS", RAST_COL_NUM},
	{"egress", "EGRESS", RAST_COL_NUM},
	{"mode", "MODE", RAST_COL_TEXT},
	{"file", "FILE", RAST_COL_TEXT},
	{"line", "LINE", RAST_COL_NUM},
	{NULL},
};

static const struct rast_col rule_cols[] = {
	{"id", "ID", RAST_COL_NUM},
	{"name", "RULE", RAST_COL_TEXT},
	{"action", "ACTION", RAST_COL_VERDICT},
	{"file", "FILE", RAST_COL_TEXT},
	{"line", "LINE", RAST_COL_NUM},
	{"pods", "PODS", RAST_COL_NUM},
	{NULL},
};

/* Of what is in force, the kernel also tells how often each rule decided. */
static const struct rast_col live_rule_cols[] = {
	{"id", "ID", RAST_COL_NUM},
	{"name", "RULE", RAST_COL_TEXT},
	{"action", "ACTION", RAST_COL_VERDICT},
	{"packets", "PACKETS", RAST_COL_NUM},
	{"file", "FILE", RAST_COL_TEXT},
	{"line", "LINE", RAST_COL_NUM},
	{"pods", "PODS", RAST_COL_NUM},
	{NULL},
};

/* How many pods the rule decides something about. */
static json_int_t pods_of_rule(const struct rast_policy_input *in,
			       const struct rast_policy_rule_ref *r)
{
	const struct rast_policy_image *im = in->image;
	size_t row = (size_t)im->n_peer * im->n_port;
	json_int_t n = 0;

	for (size_t c = 1; c < im->n_class; c++)
		for (size_t i = 0; i < row; i++)
			if ((rast_policy_image_cells(
				     im)[(r->direction * im->n_class + c) * row + i] &
			     RAST_CELL_RULE) == r->id) {
				n += in->rules->classes[c].n_members;
				break;
			}
	return n;
}

static json_t *rule_rows(const struct rast_policy_input *in)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < in->rules->n_rules; i++) {
		json_t *o = rast_policy_rules_describe(in->rules, in->rules->rules[i].id);

		(void)json_object_set_new(o, "pods",
					  json_integer(pods_of_rule(in, &in->rules->rules[i])));
		(void)json_array_append_new(rows, o);
	}
	return rows;
}

/* "packets" of each rule since this image came into force; false when no policy is loaded. */
static bool add_hits(struct rast_cli *cli, json_t *rows)
{
	_cleanup_json_ json_t *hits = json_array();
	json_t *row, *hit;
	size_t i, j;

	if (rast_policy_bpf_hits(&cli->in, hits, NULL) < 0)
		return false;
	json_array_foreach(rows, i, row) {
		json_int_t n = 0;

		json_array_foreach(hits, j, hit)
			if (rast_json_int(hit, "rule") == rast_json_int(row, "id"))
				n = rast_json_int(hit, "packets");
		(void)json_object_set_new(row, "packets", json_integer(n));
	}
	return true;
}

static int show_rules(struct rast_cli *cli, const struct rast_args *a,
		      const struct rast_policy_input *in)
{
	json_t *rows = rule_rows(in);
	bool live = !rast_args_get(a, "file") && add_hits(cli, rows);

	return rast_cli_table(cli, rows, live ? live_rule_cols : rule_cols);
}

/* From above to the right: a grid while it fits a screen, else a list of what is reachable. */
static int print_matrix(struct rast_cli *cli, json_t *reach)
{
	const json_t *classes = json_object_get(reach, "classes");
	const json_t *rows = json_object_get(reach, "rows");
	size_t n = json_array_size(classes);
	struct rast_col cols[10] = {{"from", "FROM \\ TO", RAST_COL_TEXT}};
	static const char *const keys[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};
	static const struct rast_col list[] = {{"from", "FROM", RAST_COL_TEXT},
					       {"to", "TO", RAST_COL_TEXT},
					       {"ports", "PORTS", RAST_COL_TEXT},
					       {NULL}};
	bool grid = n <= ARRAY_SIZE(keys);
	json_t *out = json_array();
	int r;

	for (size_t i = 0; i < n; i++) {
		const char *from = rast_json_str(json_array_get(classes, i), "name");
		json_t *line = grid ? json_pack("{s:s}", "from", from) : NULL;

		for (size_t j = 0; j < n; j++) {
			json_t *cell = json_array_get(json_array_get(rows, i), j);
			const char *text = json_string_value(cell);
			const char *to = rast_json_str(json_array_get(classes, j), "name");

			if (grid) {
				cols[j + 1] = (struct rast_col){keys[j], to, RAST_COL_TEXT};
				(void)json_object_set(line, keys[j], cell);
			} else if (text && *text && strcmp(text, "-") != 0 && i && j) {
				(void)json_array_append_new(out, json_pack("{s:s, s:s, s:s}",
									   "from", from, "to", to,
									   "ports", text));
			}
		}
		if (line)
			(void)json_array_append_new(out, line);
	}
	r = rast_cli_table(cli, out, grid ? cols : list);
	json_decref(reach);
	return r;
}

static int run_show(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input in = {};
	const char *what = a->argc ? a->argv[0] : "";
	json_t *reach;
	int r;

	if (*what && strcmp(what, "matrix") != 0 && strcmp(what, "rules") != 0)
		return rast_cli_usage(cli, "policy show: want rules or matrix, got \"%s\"", what);
	r = rast_policy_input_load(cli, a, &in);
	if (r < 0)
		return r;
	if (!*what)
		return rast_cli_table(cli, rast_policy_set_to_json(in.set), policy_cols);
	if (!strcmp(what, "rules"))
		return show_rules(cli, a, &in);
	reach = rast_policy_reach(in.image, in.rules);
	if (!reach)
		return rast_err_sys(&cli->err, ENOMEM, "matrix");
	if (rast_cli_json(cli, reach)) {
		json_decref(reach);
		return 0;
	}
	return print_matrix(cli, reach);
}

/* ---- explain ---- */

static void print_answer(struct rast_cli *cli, const json_t *o)
{
	const json_t *text = json_object_get(o, "text");
	bool ok = !strcmp(rast_json_str(o, "verdict"), "allow");
	size_t n = json_array_size(text);

	/* The last sentence is the sum: it goes first here. */
	for (size_t i = 0; i < n; i++) {
		const char *line = json_string_value(json_array_get(text, i ? i - 1 : n - 1));

		(void)printf("%s%s%s\n", i ? "" : rast_cli_style(cli, ok ? "green" : "red"), line,
			     i ? "" : rast_cli_style(cli, "reset"));
	}
	for (int d = 0; d < 2; d++) {
		const json_t *s =
			json_object_get(json_object_get(o, d ? "ingress" : "egress"), "suggestion");

		if (json_is_object(s))
			(void)printf("\nto allow it, add to %s:\n%s", rast_json_str(s, "add_to"),
				     rast_json_str(s, "yaml"));
	}
}

/* Which protocol and port, or type and code, explain is asked about. */
static int explain_what(struct rast_cli *cli, const struct rast_args *a,
			struct rast_policy_question *q)
{
	const char *port = rast_args_get(a, "port"), *proto = rast_args_get(a, "protocol");
	const char *icmp = rast_args_get(a, "icmp"), *why;
	bool v6 = strchr(q->from, ':') || strchr(q->to, ':');

	if (!proto)
		proto = !icmp ? "TCP" : v6 ? "ICMPv6" : "ICMP";
	if (!rast_proto_parse(proto, strlen(proto), &q->proto))
		return rast_cli_usage(
			cli, "--protocol: want TCP, UDP, SCTP, ICMP, ICMPv6 or other, got \"%s\"",
			proto);
	if (rast_proto_is_icmp(q->proto)) {
		if (port)
			return rast_cli_usage(cli, "ICMP has no ports: want --icmp TYPE/CODE");
		/* A ping, when nothing else is said. */
		(void)rast_proto_parse_port(rast_proto_name(q->proto), &q->proto, &q->port);
		if (icmp && !rast_proto_parse_icmp(icmp, &q->port))
			return rast_cli_usage(
				cli, "--icmp: \"%s\" is no type or type/code of 0 to 255", icmp);
		return 0;
	}
	if (icmp)
		return rast_cli_usage(cli, "--icmp: not of protocol %s", proto);
	if (q->proto == RAST_PROTO_OTHER)
		return 0;
	if (!port)
		return rast_cli_usage(cli, "policy explain needs --port");
	why = *port < '0' || *port > '9'
		      ? "is not a port number"
		      : rast_proto_parse_port(port, &(enum rast_policy_proto){0}, &q->port);
	return why ? rast_cli_usage(cli, "--port: \"%s\" is no port number", port) : 0;
}

static int run_explain(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input in = {};
	struct rast_policy_question q = {.from = rast_args_get(a, "from"),
					 .to = rast_args_get(a, "to")};
	json_t *answer = NULL;
	int r;

	if (!q.from || !q.to)
		return rast_cli_usage(cli, "policy explain needs --from and --to");
	r = explain_what(cli, a, &q);
	if (r)
		return r;
	r = rast_policy_input_load(cli, a, &in);
	if (!r)
		r = rast_policy_explain(in.set, &in.world, in.image, in.rules, &q, &answer,
					&cli->err);
	if (r < 0)
		return r;
	if (!rast_cli_json(cli, answer))
		print_answer(cli, answer);
	json_decref(answer);
	return 0;
}

static const struct rast_opt compile_opts[] = {
	{"file", 'f', "FILE",
	 "policies, namespaces and pods; may be repeated; - is standard input"},
	{"pods", 0, "FILE", "only the pods of this file; may be repeated"},
	{"output", 'o', "FILE", "write image and rule table here"},
	{NULL},
};
static const struct rast_opt file_opts[] = {
	{"file", 'f', "FILE", "YAML or JSON; may be repeated; - is standard input"},
	{NULL},
};
static const struct rast_opt delete_opts[] = {
	{"file", 'f', "FILE", "the policies named in this file; may be repeated"},
	{"kind", 0, "KIND", "what NAME is (NetworkPolicy)"},
	{NULL},
};
static const struct rast_opt show_opts[] = {
	{"file", 'f', "FILE", "of these files instead of what is applied; may be repeated"},
	{"pods", 0, "FILE", "only the pods of this file; may be repeated"},
	{NULL},
};
static const struct rast_opt explain_opts[] = {
	{"from", 0, "WHO", "pod, namespace/pod, address or host that opens the connection"},
	{"to", 0, "WHO", "the same, of the other end"},
	{"port", 0, "PORT", "destination port"},
	{"protocol", 0, "PROTO", "TCP (default), UDP, SCTP, ICMP, ICMPv6 or other"},
	{"icmp", 0, "TYPE[/CODE]", "an ICMP message, as 8/0 for a ping"},
	{"file", 'f', "FILE", "of these files instead of what is applied; may be repeated"},
	{"pods", 0, "FILE", "only the pods of this file; may be repeated"},
	{NULL},
};

static const struct rast_verb verbs[] = {
	{"compile", NULL, "-f FILE… [--pods FILE] [-o FILE]",
	 "check policies and compile them to an image; needs no root", compile_opts, 0, 64,
	 run_compile},
	{"apply", NULL, "-f FILE…", "put policies in force; all or none", file_opts, 0, 64,
	 run_apply},
	{"delete", NULL, "-f FILE… | NAME…", "take policies out of force; all or none", delete_opts,
	 0, 64, run_delete},
	{"show", "list", "[rules | matrix] [-f FILE…]",
	 "policies, their rules, or who reaches whom on which ports", show_opts, 0, 1, run_show},
	{"explain", NULL,
	 "--from WHO --to WHO --port PORT | --icmp TYPE/CODE [--protocol PROTO] [-f FILE…]",
	 "which rule decides, and what would have to be added", explain_opts, 0, 0, run_explain},
	{"test", NULL, "[-f FILE…] [--staged] TEST…",
	 "policies against the truth tables of these files; exits 1 when one differs",
	 rast_policy_test_opts, 1, 64, rast_policy_test_run},
	{"diff", NULL, "-f FILE… [--against FILE… | --staged]",
	 "what a set of policies would change in who reaches whom", rast_policy_diff_opts, 0, 0,
	 rast_policy_diff_run},
	{"suggest", NULL, "[--edges FILE] [-n NAMESPACE] [-f FILE…]",
	 "policies for just the traffic that was seen", rast_policy_suggest_opts, 0, 0,
	 rast_policy_suggest_run},
	{"names", NULL, "[--counters]", "addresses that containers have learnt from DNS answers",
	 rast_policy_names_opts, 0, 0, rast_policy_names_run},
	{"attach", NULL, "--netns PATH|NAME|PID --name NAME [--labels KEY=VALUE,…]",
	 "put a network that another program has made under policy", rast_policy_attach_opts, 0, 0,
	 rast_policy_attach_run},
	{"detach", NULL, "NAME", "take it out again; its links are open then",
	 rast_policy_detach_opts, 1, 1, rast_policy_detach_run},
	{"attached", NULL, "", "networks that were attached", NULL, 0, 0, rast_policy_attached_run},
	{NULL},
};

const struct rast_object rast_object_policy = {
	.name = "policy",
	.summary = "network policies: compile, apply, show, explain, test, diff, suggest, names",
	.verbs = verbs,
	.details = "Policies are Kubernetes NetworkPolicy and ClusterNetworkPolicy manifests, and\n"
		   "ContainerNetworkPolicy of rast.os/v1 (docs/policy.md).\n"
		   "NAME is NAME (namespace default) or NAMESPACE/NAME.",
};
