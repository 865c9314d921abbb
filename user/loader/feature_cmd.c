// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf feature: what the kernel can do, tried here and now, and which of the controller's features
 * run on what, asked of it when it is there.
 */
#include "loader/feature_cmd.h"

#include "cli/client.h"
#include "loader/feature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct rast_col columns[] = {
	{"name", "FEATURE", RAST_COL_TEXT},        {"have", "HAVE", RAST_COL_BOOL},
	{"reason", "SEEN", RAST_COL_TEXT},         {"used_for", "USED FOR", RAST_COL_TEXT},
	{"otherwise", "OTHERWISE", RAST_COL_TEXT}, {NULL, NULL, 0},
};

static const struct rast_col controller_columns[] = {
	{"name", "CONTROLLER", RAST_COL_TEXT},
	{"status", "STATUS", RAST_COL_TEXT},
	{"backend", "BACK-END", RAST_COL_LIST},
	{NULL, NULL, 0},
};

/* {"name","status",…} → {"name","status","backend":{…}}: what a feature adds is its own. */
static json_t *controller_rows(const json_t *list)
{
	json_t *rows = json_array(), *f, *v;
	const char *key;
	size_t i;

	json_array_foreach(list, i, f) {
		json_t *row = json_object(), *backend = json_object();

		json_object_foreach(f, key, v)
			(void)json_object_set(strcmp(key, "name") && strcmp(key, "status") ? backend
											   : row,
					      key, v);
		(void)json_object_set_new(row, "backend", backend);
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *list = NULL, *all = NULL;
	json_t *rows = NULL, *running = NULL;
	int r = rast_feature_probe(&cli->in, &rows, &cli->err);

	if (r < 0 || cli->capture)
		return r < 0 ? r : rast_cli_table(cli, rows, columns);
	if (rast_client_call(cli, false, "feature.list", NULL, &list) == 0)
		running = controller_rows(list);
	rast_err_clear(&cli->err); /* no controller: the first half stands alone */
	all = json_pack("{s:o, s:o}", "kernel", rows, "controller",
			running ? running : json_null());
	if (rast_cli_json(cli, all))
		return 0;
	r = rast_cli_table(cli, json_incref(rows), columns);
	if (r || !running)
		return r;
	(void)putchar('\n');
	return rast_cli_table(cli, json_incref(running), controller_columns);
}

static const struct rast_verb verbs[] = {
	{"show", "list", "", "what this kernel can do, and what is used", NULL, 0, 0, cmd_show},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_feature = {
	.name = "feature",
	.summary = "what this kernel can do, found by trying it",
	.verbs = verbs,
	.details = "What the trials make is gone afterwards. With a running controller also which\n"
		   "of its features are active, and on what they run.",
};
