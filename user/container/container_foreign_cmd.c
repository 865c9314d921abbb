// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf container adopt, release: how rast-oci puts its containers under this node's programs. */
#include "container/container_cmd.h"

#include "base/fd.h"
#include "node/foreign.h"
#include "node/items.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int rast_container_adopt_cmd(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {{"namespace", "NAMESPACE", RAST_COL_TEXT},
					       {"pod", "POD", RAST_COL_TEXT},
					       {"container", "CONTAINER", RAST_COL_TEXT},
					       {"slot", "SLOT", RAST_COL_NUM},
					       {"identity", "IDENTITY", RAST_COL_NUM},
					       {"network", "NETWORK", RAST_COL_TEXT},
					       {NULL}};
	_cleanup_json_ json_t *request = NULL;
	json_error_t wrong;
	json_t *report = NULL;
	char name[400];
	int r = rast_cli_need_root(cli);

	(void)args;
	if (r < 0)
		return r;
	if (isatty(STDIN_FILENO))
		return rast_cli_usage(cli, "adopt: want the container's state on standard input");
	request = json_loadfd(STDIN_FILENO, JSON_REJECT_DUPLICATES, &wrong);
	if (!json_is_object(request))
		return rast_err_set(&cli->err, EINVAL, "standard input: %s",
				    request ? "no object" : wrong.text);
	r = rast_node_foreign_adopt(&cli->in, request, &report, &cli->err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s/%s/%s", rast_json_str(report, "namespace"),
		       rast_json_str(report, "pod"), rast_json_str(report, "container"));
	rast_items_record(cli, "container-registered", "Container", name);
	return rast_cli_record(cli, report, cols);
}

int rast_container_release_cmd(struct rast_cli *cli, const struct rast_args *args)
{
	int r = rast_cli_need_root(cli);

	return r < 0 ? r : rast_node_foreign_release(&cli->in, args->argv[0], &cli->err);
}
