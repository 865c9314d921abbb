// SPDX-License-Identifier: BSD-2-Clause
/* See policy_input_cmd.h. */
#include "policy/policy_input_cmd.h"

#include "policy/applied.h"
#include "policy/truth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rast_policy_input_finish(struct rast_policy_input *in)
{
	rast_policy_set_destroy(in->set);
	rast_policy_world_finish(&in->world);
	free(in->image);
	rast_policy_rules_destroy(in->rules);
	json_decref(in->report);
}

const char *rast_policy_input_kind(const struct rast_yaml_node *doc)
{
	const struct rast_yaml_node *k = rast_yaml_get(doc, "kind");

	return k && k->type == RAST_YAML_SCALAR ? k->value : "";
}

/* Pods on the node's own network are not policed by links, so they are nobody to the compiler. */
static bool on_host_network(const struct rast_yaml_node *doc)
{
	const struct rast_yaml_node *n = rast_yaml_get(rast_yaml_get(doc, "spec"), "hostNetwork");

	return n && n->type == RAST_YAML_SCALAR && !strcmp(n->value, "true");
}

static int read_file(struct rast_cli *cli, const char *path, bool pods_only,
		     struct rast_policy_input *in)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_policy_pod *pod;
	int r = rast_yaml_load(path, &y, &cli->err);

	for (size_t i = 0; !r && i < rast_yaml_count(y); i++) {
		const struct rast_yaml_node *doc = rast_yaml_root(y, i);

		r = rast_yaml_want(doc, RAST_YAML_MAP, &cli->err);
		if (r < 0)
			break;
		if (!strcmp(rast_policy_input_kind(doc), "Pod")) {
			if (!on_host_network(doc))
				r = rast_policy_world_add_manifest(&in->world, doc, &pod,
								   &cli->err);
		} else if (rast_policy_set_wants(doc) && !pods_only) {
			r = rast_policy_set_parse(doc, in->set, &cli->err);
		} else if (!rast_policy_set_wants(doc) && !rast_truth_wants(doc)) {
			r = rast_yaml_err(doc, &cli->err,
					  "want a Pod, " RAST_POLICY_KINDS ", got \"%.64s\"",
					  rast_policy_input_kind(doc));
		}
	}
	return r;
}

static int compile(struct rast_cli *cli, const struct rast_args *a, struct rast_policy_input *in)
{
	if (rast_args_get(a, "staged"))
		rast_policy_set_promote(in->set);
	return rast_policy_compile(in->set, &in->world, in->generation, &in->image, &in->rules,
				   &in->report, &cli->err);
}

const char *rast_policy_input_file_at(const struct rast_args *a, bool positional, int i)
{
	int n = 0;

	while (rast_args_get_nth(a, "file", n))
		n++;
	if (i < n)
		return rast_args_get_nth(a, "file", i);
	return positional && i - n < a->argc ? a->argv[i - n] : NULL;
}

static int make_set(struct rast_cli *cli, struct rast_policy_input *in)
{
	int r = in->set ? 0 : rast_policy_set_create(&in->set);

	return r < 0 ? rast_err_sys(&cli->err, -r, "policy set") : 0;
}

int rast_policy_input_read(struct rast_cli *cli, const struct rast_args *a, const char *opt,
			   struct rast_policy_input *in)
{
	const char *path;
	int r = make_set(cli, in);

	for (int i = 0; !r && (path = rast_args_get_nth(a, opt, i)); i++)
		r = read_file(cli, path, false, in);
	return r;
}

int rast_policy_input_pods(struct rast_cli *cli, const struct rast_args *a,
			   struct rast_policy_input *in)
{
	const char *path;
	int r = 0;

	for (int i = 0; !r && (path = rast_args_get_nth(a, "pods", i)); i++)
		r = read_file(cli, path, true, in);
	return r;
}

int rast_policy_input_number(struct rast_cli *cli, struct rast_policy_input *in)
{
	return rast_policy_world_number(&in->world, cli->in.pod_cidr, cli->in.pod_prefix,
					&cli->err);
}

int rast_policy_input_files(struct rast_cli *cli, const struct rast_args *a, bool positional,
			    struct rast_policy_input *in)
{
	const char *path;
	int r = make_set(cli, in);

	for (int i = 0; !r && (path = rast_policy_input_file_at(a, positional, i)); i++)
		r = read_file(cli, path, false, in);
	if (!r)
		r = rast_policy_input_pods(cli, a, in);
	if (!r)
		r = rast_policy_input_number(cli, in);
	in->generation = 1;
	return r ? r : compile(cli, a, in);
}

int rast_policy_input_load(struct rast_cli *cli, const struct rast_args *a,
			   struct rast_policy_input *in)
{
	int r;

	if (rast_args_get(a, "file"))
		return rast_policy_input_files(cli, a, false, in);
	r = rast_policy_applied_load(&cli->in, &in->set, &in->world, &in->generation, &cli->err);
	return r ? r : compile(cli, a, in);
}
