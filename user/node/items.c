// SPDX-License-Identifier: BSD-2-Clause
/* Applied documents as items of the store; see items.h. */
#include "node/items.h"

#include "cli/client.h"
#include "node/manifest.h"

#include <errno.h>

int rast_items_put(struct rast_cli *cli, const struct rast_yaml_node *const *docs, size_t n,
		   const char *message)
{
	_cleanup_json_ json_t *result = NULL;
	json_t *items = json_array();
	char key[512];
	size_t i;

	for (i = 0; i < n; i++)
		(void)json_array_append_new(items,
					    json_pack("{s:s,s:o}", "key",
						      rast_manifest_key(docs[i], key, sizeof(key)),
						      "body", rast_yaml_to_json(docs[i])));
	return rast_client_call(cli, true, "config.put",
				json_pack("{s:o,s:s}", "items", items, "message", message),
				&result);
}

int rast_items_delete(struct rast_cli *cli, const struct rast_yaml_node *const *docs, size_t n,
		      const char *message)
{
	char key[512];
	size_t i;

	for (i = 0; i < n; i++) {
		_cleanup_json_ json_t *result = NULL;
		struct rast_err saved = cli->err;
		int r;

		r = rast_client_call(cli, false, "config.delete",
				     json_pack("{s:[s],s:s}", "keys",
					       rast_manifest_key(docs[i], key, sizeof(key)),
					       "message", message),
				     &result);
		if (r == -ENOENT)
			cli->err = saved;
		else if (r < 0)
			return r;
	}
	return 0;
}

void rast_items_record(struct rast_cli *cli, const char *action, const char *kind, const char *name)
{
	_cleanup_json_ json_t *result = NULL;
	struct rast_err saved = cli->err;

	(void)rast_client_call(
		cli, false, "audit.record",
		json_pack("{s:s,s:s,s:s}", "action", action, "kind", kind, "name", name), &result);
	cli->err = saved;
}
