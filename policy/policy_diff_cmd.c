// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf policy diff: what policies would change in who reaches whom, edge by edge. */
#include "policy/applied.h"
#include "policy/policy_input_cmd.h"
#include "policy/policy_verbs_cmd.h"
#include "policy/reach_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct rast_opt rast_policy_diff_opts[] = {
	{"file", 'f', "FILE", "the new set of policies, and pods; may be repeated"},
	{"against", 0, "FILE", "the old set, instead of what is applied; may be repeated"},
	{"pods", 0, "FILE", "only the pods of this file; may be repeated"},
	{"staged", 0, NULL, "what enforcing the staged policies of the set would change"},
	{"exit-code", 0, NULL, "exit with 1 when something changes"},
	{NULL},
};

static const struct rast_col cols[] = {
	{"from.name", "FROM", RAST_COL_TEXT},
	{"to.name", "TO", RAST_COL_TEXT},
	{"ports", "PORTS", RAST_COL_TEXT},
	{"was", "WAS", RAST_COL_VERDICT},
	{"now", "NOW", RAST_COL_VERDICT},
	{"rule", "RULE", RAST_COL_TEXT},
	{NULL},
};

/* Both sets for the pods of the new one; for those of the old when the new has none. */
static int compile(struct rast_cli *cli, const struct rast_policy_world *world,
		   struct rast_policy_input *in)
{
	return rast_policy_compile(in->set, world, 1, &in->image, &in->rules, NULL, &cli->err);
}

static int read_both(struct rast_cli *cli, const struct rast_args *a, struct rast_policy_input *was,
		     struct rast_policy_input *now)
{
	int r;

	if (!rast_args_get(a, "file"))
		return rast_policy_applied_load(&cli->in, &now->set, &now->world, &now->generation,
						&cli->err);
	r = rast_policy_input_read(cli, a, "file", now);
	if (!r)
		r = rast_policy_input_pods(cli, a, now);
	if (!r)
		r = rast_policy_input_number(cli, now);
	if (r < 0 || rast_args_get(a, "staged"))
		return r;
	if (!rast_args_get(a, "against"))
		return rast_policy_applied_load(&cli->in, &was->set, &was->world, &was->generation,
						&cli->err);
	r = rast_policy_input_read(cli, a, "against", was);
	return r ? r : rast_policy_input_number(cli, was);
}

int rast_policy_diff_run(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input was = {}, now = {};
	bool staged = rast_args_get(a, "staged");
	const struct rast_policy_world *world;
	json_t *rows;
	size_t n;
	int r;

	if (!rast_args_get(a, "file") && !staged)
		return rast_cli_usage(cli, "policy diff needs -f FILE, the new set, or --staged");
	if (staged && rast_args_get(a, "against"))
		return rast_cli_usage(cli,
				      "--staged compares a set with itself: want no --against");
	r = read_both(cli, a, &was, &now);
	world = now.world.n_pods ? &now.world : &was.world;
	if (!r && staged) {
		r = rast_policy_compile(now.set, world, 1, &was.image, &was.rules, NULL, &cli->err);
		rast_policy_set_promote(now.set);
	} else if (!r) {
		r = compile(cli, world, &was);
	}
	if (!r)
		r = compile(cli, world, &now);
	if (r < 0)
		return r;
	rows = rast_policy_reach_diff(world, (struct rast_reach_side){was.image, was.rules},
				      (struct rast_reach_side){now.image, now.rules});
	if (!rows)
		return rast_err_sys(&cli->err, ENOMEM, "diff");
	n = json_array_size(rows);
	if (n || cli->json) {
		r = rast_cli_table(cli, rows, cols);
	} else {
		json_decref(rows);
		(void)fprintf(stderr, "nothing changes for these %zu pods\n", world->n_pods);
	}
	return r ? r : n && rast_args_get(a, "exit-code") ? RAST_EXIT_FAIL : 0;
}
