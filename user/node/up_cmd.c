// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf up, down, gc: whole manifests brought up and taken down, and what was left cleaned away. */
#include "node/up_cmd.h"

#include "cli/cli.h"
#include "cli/client.h"
#include "container/state.h"
#include "node/foreign_priv.h"
#include "node/items.h"
#include "node/manifest.h"
#include "node/node.h"
#include "oci/gc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct rast_opt up_opts[] = {
	{"file", 'f', "FILE",
	 "manifests: Pod, ConfigMap, Namespace, NetworkPolicy (repeatable; - is stdin)"},
	{"wait", 'w', "SECONDS", "wait until every pod is ready, at most this long"},
	{"message", 'm', "TEXT", "message of the stored versions (default: the command line)"},
	{"dry-run", 0, NULL, "check everything, change nothing"},
	{NULL},
};

static const struct rast_opt down_opts[] = {
	{"file", 'f', "FILE", "manifests whose pods and policies are taken down (repeatable)"},
	{"all", 'a', NULL, "every pod and policy of this instance"},
	{"now", 0, NULL, "do not wait for the pods' grace period"},
	{NULL},
};

static const struct rast_opt gc_opts[] = {
	{"all", 'a', NULL, "also what runs: pods, bridge, programs, maps, the run folder"},
	{NULL},
};

static int load_files(struct rast_cli *cli, const struct rast_args *args, struct rast_manifest *ret)
{
	const char *paths[RAST_MANIFEST_MAX_FILES];
	size_t n = 0;

	for (int i = 0; n < RAST_MANIFEST_MAX_FILES && rast_args_get_nth(args, "file", i); i++)
		paths[n++] = rast_args_get_nth(args, "file", i);
	if (!n)
		return rast_cli_usage(cli, "want -f FILE");
	return rast_manifest_load(paths, n, ret, &cli->err);
}

static bool all_ready(struct rast_cli *cli, const struct rast_manifest *m, char *missing,
		      size_t size)
{
	_cleanup_json_ json_t *list = NULL;
	struct rast_err saved = cli->err;
	size_t i, j;
	json_t *row;

	if (rast_client_call(cli, true, "pods.list", NULL, &list) < 0) {
		(void)snprintf(missing, size, "rastd does not answer");
		cli->err = saved;
		return false;
	}
	for (i = 0; i < m->n_pods; i++) {
		bool ready = false;

		json_array_foreach(list, j, row)
			if (!strcmp(rast_json_str(row, "namespace"), m->pods[i]->ns) &&
			    !strcmp(rast_json_str(row, "pod"), m->pods[i]->name))
				ready = rast_json_bool(row, "ready");
		if (!ready) {
			(void)snprintf(missing, size, "pod %s/%s", m->pods[i]->ns,
				       m->pods[i]->name);
			return false;
		}
	}
	return true;
}

static int wait_ready(struct rast_cli *cli, const struct rast_manifest *m, const char *seconds)
{
	struct timespec start, now, nap = {0, 50 * 1000 * 1000};
	char missing[400];
	char *end;
	long limit = strtol(seconds, &end, 10);

	if (!*seconds || *end || limit < 0 || limit > 86400)
		return rast_cli_usage(cli, "--wait %s: want seconds", seconds);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	while (!all_ready(cli, m, missing, sizeof(missing))) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= limit)
			return rast_err_set(&cli->err, ETIMEDOUT, "%s is not ready after %ld s",
					    missing, limit);
		(void)nanosleep(&nap, NULL);
	}
	return 0;
}

static int run_up(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"namespace", "NAMESPACE", RAST_COL_TEXT},  {"name", "POD", RAST_COL_TEXT},
		{"address", "ADDRESS", RAST_COL_TEXT},      {"address6", "IPV6", RAST_COL_TEXT},
		{"containers", "CONTAINERS", RAST_COL_NUM}, {NULL},
	};
	_cleanup_manifest_ struct rast_manifest m = {0};
	_cleanup_free_ struct rast_node_pod *pods = NULL;
	_cleanup_json_ json_t *report = NULL;
	const char *message = rast_args_get(args, "message");
	const char *wait = rast_args_get(args, "wait");
	char text[512];
	json_t *warning;
	size_t i;
	int r;

	r = load_files(cli, args, &m);
	if (r)
		return r;
	if (rast_args_get(args, "dry-run"))
		return rast_cli_record(cli,
				       json_pack("{s:i,s:i}", "pods", (int)m.n_pods, "policies",
						 (int)m.n_policies),
				       NULL);
	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	/* The controller first: it loads the observing programs, so the first instruction is seen. */
	r = rast_client_start(cli);
	if (r < 0)
		return r;
	pods = calloc(m.n_pods + 1, sizeof(*pods));
	if (!pods)
		return rast_err_sys(&cli->err, ENOMEM, "pods");
	for (i = 0; i < m.n_pods; i++) {
		pods[i].pod = m.pods[i];
		pods[i].manifest = rast_yaml_to_json(m.pod_docs[i]);
		pods[i].config_maps = rast_manifest_config_maps(&m, m.pods[i]->ns);
	}
	if (!message) {
		(void)snprintf(text, sizeof(text), "up -f %s", rast_args_get(args, "file"));
		message = text;
	}
	r = rast_node_up(&cli->in, pods, m.n_pods, m.policies, m.n_policies, &report, &cli->err);
	for (i = 0; i < m.n_pods; i++) {
		json_decref((json_t *)(uintptr_t)pods[i].manifest);
		json_decref((json_t *)(uintptr_t)pods[i].config_maps);
	}
	if (r < 0)
		return r;
	r = rast_items_put(cli, m.docs, m.n_docs, message);
	if (r < 0)
		return rast_err_prefix(&cli->err, "everything runs, but was not stored");
	for (i = 0; i < m.n_pods; i++) {
		(void)snprintf(text, sizeof(text), "%s/%s", m.pods[i]->ns, m.pods[i]->name);
		rast_items_record(cli, "pod-started", "Pod", text);
	}
	if (m.n_policies)
		rast_items_record(cli, "policy-applied", "NetworkPolicy", message);
	json_array_foreach(json_object_get(report, "warnings"), i, warning)
		(void)fprintf(stderr, "note: %s\n", json_string_value(warning));
	if (wait) {
		r = wait_ready(cli, &m, wait);
		if (r)
			return r;
	}
	if (rast_cli_json(cli, report))
		return 0;
	return rast_cli_table(cli, json_incref(json_object_get(report, "pods")), cols);
}

static int stop_one(struct rast_cli *cli, const char *ns, const char *name, bool now, json_t *done)
{
	_cleanup_json_ json_t *there = NULL;
	char text[330];
	int r;

	r = rast_state_pod_load(&cli->in, ns, name, false, &there, &cli->err);
	if (r == -ENOENT) {
		rast_err_clear(&cli->err);
		return 0;
	}
	if (r < 0)
		return rast_err_prefix(&cli->err, "`rastbpf gc` removes pod %s/%s", ns, name);
	r = rast_node_pod_stop(&cli->in, ns, name, now ? 0 : -1, &cli->err);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%s/%s", ns, name);
	rast_items_record(cli, "pod-stopped", "Pod", text);
	(void)json_array_append_new(done, json_pack("{s:s,s:s}", "kind", "Pod", "name", text));
	return 0;
}

/* Those of rast-oci run on, policed and watched no longer. */
static int let_go(struct rast_cli *cli, const json_t *pod, json_t *done)
{
	const char *ns = rast_json_str(pod, "namespace"), *name = rast_json_str(pod, "name");
	char text[330];
	int r = rast_node_foreign_release_pod(&cli->in, ns, name, &cli->err);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%s/%s", ns, name);
	(void)json_array_append_new(done,
				    json_pack("{s:s,s:s}", "kind", "registration", "name", text));
	return 0;
}

static int down_all(struct rast_cli *cli, bool now, json_t *done)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod;
	size_t i;
	int r;

	r = rast_state_pods(&cli->in, false, &pods, &cli->err);
	if (r < 0)
		return r;
	json_array_foreach(pods, i, pod) {
		if (rast_node_foreign_is(pod)) {
			r = let_go(cli, pod, done);
			if (r < 0)
				return r;
			continue;
		}
		r = stop_one(cli, rast_json_str(pod, "namespace"), rast_json_str(pod, "name"), now,
			     done);
		if (r < 0)
			return r;
	}
	return rast_node_policy_clear(&cli->in, done, &cli->err);
}

static int down_files(struct rast_cli *cli, const struct rast_args *args, bool now, json_t *done)
{
	_cleanup_manifest_ struct rast_manifest m = {0};
	char key[512];
	size_t i;
	int r;

	r = load_files(cli, args, &m);
	if (r)
		return r;
	for (i = m.n_pods; i-- > 0;) {
		r = stop_one(cli, m.pods[i]->ns, m.pods[i]->name, now, done);
		if (r < 0)
			return r;
	}
	for (i = 0; i < m.n_policies; i++) {
		struct rast_err err = {0};

		r = rast_node_policy_apply(&cli->in, &m.policies[i], 1, true, NULL, &err);
		if (r == -ENOENT)
			continue;
		if (r < 0) {
			cli->err = err;
			return r;
		}
		(void)json_array_append_new(
			done, json_pack("{s:s,s:s}", "kind", "policy", "name",
					rast_manifest_key(m.policies[i], key, sizeof(key))));
	}
	/* Nothing to forget when no controller runs: the store keeps what it has. */
	r = rast_client_alive(&cli->in) ? rast_items_delete(cli, m.docs, m.n_docs, "down") : 0;
	return r;
}

static const struct rast_col done_cols[] = {
	{"kind", "REMOVED", RAST_COL_TEXT},
	{"name", "NAME", RAST_COL_TEXT},
	{NULL},
};

static int run_down(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *done = json_array();
	bool now = rast_args_get(args, "now") != NULL;
	int r;

	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	if (rast_args_get(args, "all"))
		r = down_all(cli, now, done);
	else
		r = down_files(cli, args, now, done);
	if (r)
		return r;
	return rast_cli_table(cli, TAKE_PTR(done), done_cols);
}

static void gone_container(void *arg, const char *id, enum oci_gc_reason reason)
{
	(void)reason;
	(void)json_array_append_new(arg,
				    json_pack("{s:s,s:s}", "kind", "OCI container", "name", id));
}

/* Those of rast-oci belong to no instance: they are looked after with the default one. */
static int gc_of_oci(struct rast_cli *cli, json_t *report)
{
	struct oci o = {.root = OCI_DEFAULT_ROOT};
	struct oci_gc gc = {.removed = gone_container, .arg = report};
	int r;

	if (strcmp(cli->in.name, "rastos") != 0)
		return 0;
	r = oci_gc(&o, &gc);
	if (r < 0)
		cli->err = o.err;
	return r;
}

static int run_gc(struct rast_cli *cli, const struct rast_args *args)
{
	bool all = rast_args_get(args, "all") != NULL;
	json_t *report = NULL;
	int r;

	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	r = rast_node_gc(&cli->in, all, &report, &cli->err);
	if (r == 0)
		r = gc_of_oci(cli, report);
	if (r < 0) {
		json_decref(report);
		return r;
	}
	return rast_cli_table(cli, report, done_cols);
}

static const struct rast_verb up_verbs[] = {
	{"", NULL, "-f FILE… [--wait SECONDS]", "bring pods and policies up: all of it or nothing",
	 up_opts, 0, 0, run_up},
	{NULL},
};
const struct rast_object rast_object_up = {"up", "bring a manifest's pods and policies up",
					   up_verbs, NULL};

static const struct rast_verb down_verbs[] = {
	{"", NULL, "-f FILE… | --all", "take pods and policies down", down_opts, 0, 0, run_down},
	{NULL},
};
const struct rast_object rast_object_down = {"down", "take a manifest's pods and policies down",
					     down_verbs, NULL};

static const struct rast_verb gc_verbs[] = {
	{"", NULL, "[--all]", "remove what killed processes left", gc_opts, 0, 0, run_gc},
	{NULL},
};
const struct rast_object rast_object_gc = {"gc", "remove what killed processes left", gc_verbs,
					   NULL};
