// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf policy test: policies against truth tables (truth.h); exit code 1 when one verdict differs. */
#include "policy/policy_input_cmd.h"
#include "policy/policy_verbs_cmd.h"
#include "policy/truth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct rast_opt rast_policy_test_opts[] = {
	{"file", 'f', "FILE", "policies and pods, instead of what is applied; may be repeated"},
	{"pods", 0, "FILE", "only the pods of this file; may be repeated"},
	{"staged", 0, NULL, "as if staged policies were enforced"},
	{"all", 'a', NULL, "also those that are as expected"},
	{NULL},
};

static const struct rast_col cols[] = {
	{"file", "FILE", RAST_COL_TEXT},
	{"line", "LINE", RAST_COL_NUM},
	{"from", "FROM", RAST_COL_TEXT},
	{"to", "TO", RAST_COL_TEXT},
	{"protocol", "PROTO", RAST_COL_TEXT},
	{"port", "PORT", RAST_COL_NUM},
	{"want", "WANT", RAST_COL_VERDICT},
	{"got", "GOT", RAST_COL_VERDICT},
	{"rule", "RULE", RAST_COL_TEXT},
	{"test", "TEST", RAST_COL_TEXT},
	{NULL},
};

static int check_file(struct rast_cli *cli, const char *path, const struct rast_policy_input *in,
		      json_t *rows)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	size_t n = 0;
	int r = rast_yaml_load(path, &y, &cli->err);

	for (size_t i = 0; !r && i < rast_yaml_count(y); i++) {
		const struct rast_yaml_node *doc = rast_yaml_root(y, i);

		/* Policies and their tests may stand in one file, given twice. */
		if (!rast_truth_wants(doc))
			continue;
		n++;
		r = rast_truth_check(doc, &in->world, in->image, in->rules, rows, &cli->err);
	}
	if (!r && !n)
		return rast_err_set(&cli->err, EINVAL, "%s: no document of kind PolicyTest", path);
	return r;
}

int rast_policy_test_run(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_policy_input_ struct rast_policy_input in = {};
	_cleanup_json_ json_t *rows = json_array();
	bool all = rast_args_get(a, "all");
	json_t *shown = json_array(), *row;
	size_t i, wrong = 0;
	int r = rast_policy_input_load(cli, a, &in);

	for (i = 0; !r && i < (size_t)a->argc; i++)
		r = check_file(cli, a->argv[i], &in, rows);
	if (r < 0) {
		json_decref(shown);
		return r;
	}
	json_array_foreach(rows, i, row) {
		bool ok = rast_json_bool(row, "ok");

		wrong += !ok;
		if (all || !ok)
			(void)json_array_append(shown, row);
	}
	if (json_array_size(shown) || cli->json)
		r = rast_cli_table(cli, shown, cols);
	else
		json_decref(shown);
	if (!r)
		(void)fprintf(stderr, "%zu verdicts, %zu as expected, %zu not\n",
			      json_array_size(rows), json_array_size(rows) - wrong, wrong);
	return r ? r : wrong ? RAST_EXIT_FAIL : 0;
}
