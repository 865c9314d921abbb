// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf link: what is attached where, clsact filters included, which are no links to the kernel. */
#include "loader/link_cmd.h"

#include "loader/inspect_bpf.h"

static const struct rast_col columns[] = {
	{"name", "NAME", RAST_COL_TEXT},      {"id", "ID", RAST_COL_NUM},
	{"type", "TYPE", RAST_COL_TEXT},      {"program", "PROGRAM", RAST_COL_TEXT},
	{"program_id", "PROG", RAST_COL_NUM}, {"attach", "ATTACH", RAST_COL_TEXT},
	{"target", "TARGET", RAST_COL_TEXT},  {NULL, NULL, 0},
};

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	const char *name = args->argc ? args->argv[0] : NULL;
	json_t *rows = NULL, *one;
	int r = rast_inspect_links(&cli->in, name, &rows, &cli->err);

	if (r < 0)
		return r;
	if (!name || cli->json || json_array_size(rows) != 1)
		return rast_cli_table(cli, rows, columns);
	one = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return rast_cli_record(cli, one, NULL);
}

static const struct rast_verb verbs[] = {
	{"show", "list", "[NAME]", "attachments: program, hook and target", NULL, 0, 1, cmd_show},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_link = {
	.name = "link",
	.summary = "what is attached where",
	.verbs = verbs,
	.details = "clsact filters are listed too, for the network namespace that this runs in.",
};
