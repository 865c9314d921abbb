// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf policy suggest: policies for just the traffic that was seen, as YAML on standard output. */
#include "policy/policy_input_cmd.h"
#include "policy/policy_verbs_cmd.h"
#include "policy/suggest.h"

#include "base/fd.h"
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_EDGES_BYTES (64u << 20)

const struct rast_opt rast_policy_suggest_opts[] = {
	{"edges", 0, "FILE", "what `rastbpf -j flow edges` printed, instead of the controller's"},
	{"namespace", 'n', "NAME", "policies for the pods of this namespace only"},
	{"file", 'f', "FILE", "the pods of these files instead of those that run; may be repeated"},
	{NULL},
};

/* Each edge has what the suggestion reads, in the right types. */
static int check_edges(const char *where, const json_t *edges, struct rast_err *err)
{
	static const char *const texts[] = {"from", "to", "protocol", "verdict"};
	const json_t *edge;
	size_t i;

	if (!json_is_array(edges))
		return rast_err_set(err, EINVAL, "%s: want an array of edges", where);
	json_array_foreach((json_t *)(uintptr_t)edges, i, edge) {
		json_int_t port = rast_json_int(edge, "port");

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			if (!*rast_json_str(edge, texts[k]))
				return rast_err_set(err, EINVAL, "%s: [%zu].%s: want a text", where,
						    i, texts[k]);
		if (port < 0 || port > UINT16_MAX)
			return rast_err_set(err, EINVAL, "%s: [%zu].port: want 0 to 65535", where,
					    i);
	}
	return 0;
}

static int read_edges(struct rast_cli *cli, const char *path, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	json_error_t wrong;
	size_t len;
	int r;

	if (!path)
		return rast_client_call(cli, true, "flow.edges", NULL, ret);
	r = rast_read_file(AT_FDCWD, path, MAX_EDGES_BYTES, &text, &len);
	if (r < 0)
		return rast_err_sys(&cli->err, -r, "%s", path);
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wrong);
	if (!*ret)
		return rast_err_at(&cli->err, EINVAL, path, wrong.line, wrong.column, NULL, "%s",
				   wrong.text);
	return check_edges(path, *ret, &cli->err);
}

static int print(struct rast_cli *cli, const json_t *suggestion, const json_t *check)
{
	const json_t *list = json_object_get(suggestion, "policies"), *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, o)
		if (rast_yaml_write(o, stdout) < 0)
			return rast_err_set(&cli->err, EIO, "standard output");
	json_array_foreach(json_object_get(suggestion, "left_out"), i, o)
		(void)fprintf(stderr, "left out: %s -> %s %s/%d: %s\n", rast_json_str(o, "from"),
			      rast_json_str(o, "to"), rast_json_str(o, "protocol"),
			      (int)rast_json_int(o, "port"), rast_json_str(o, "why"));
	json_array_foreach(json_object_get(check, "missing"), i, o)
		(void)fprintf(stderr, "not allowed any more: %s -> %s %s/%d\n",
			      rast_json_str(o, "from"), rast_json_str(o, "to"),
			      rast_json_str(o, "protocol"), (int)rast_json_int(o, "port"));
	json_array_foreach(json_object_get(check, "also_allowed"), i, o)
		(void)fprintf(stderr, "denied until now, and allowed then: %s -> %s %s/%d\n",
			      rast_json_str(o, "from"), rast_json_str(o, "to"),
			      rast_json_str(o, "protocol"), (int)rast_json_int(o, "port"));
	(void)fprintf(stderr, "%zu policies allow the %d edges that were seen\n",
		      json_array_size(list), (int)rast_json_int(check, "allowed"));
	return 0;
}

int rast_policy_suggest_run(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input in = {};
	_cleanup_json_ json_t *edges = NULL, *suggestion = NULL, *check = NULL;
	int r = rast_policy_input_load(cli, a, &in);

	if (!r && !in.world.n_pods)
		r = rast_err_set(&cli->err, ENOENT, "there are no pods to make policies for");
	if (!r)
		r = read_edges(cli, rast_args_get(a, "edges"), &edges);
	if (r < 0)
		return r;
	r = rast_policy_suggest(&in.world, edges, rast_args_get(a, "namespace"), &suggestion);
	if (r < 0)
		return rast_err_sys(&cli->err, -r, "suggestion");
	r = rast_policy_suggest_check(&in.world, json_object_get(suggestion, "policies"), edges,
				      &check, &cli->err);
	if (r < 0)
		return r;
	(void)json_object_set(suggestion, "check", check);
	return rast_cli_json(cli, suggestion) ? 0 : print(cli, suggestion, check);
}
