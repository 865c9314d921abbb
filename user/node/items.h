/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command applied becomes items of the store, through the controller. CLI only. */
#ifndef RAST_NODE_ITEMS_H
#define RAST_NODE_ITEMS_H

#include "base/yaml.h"
#include "cli/cli.h"

#include <stddef.h>

/* Starts the controller when none runs. */
int rast_items_put(struct rast_cli *cli, const struct rast_yaml_node *const *docs, size_t n,
		   const char *message);
/* Deletes those that are there. A controller that does not run is not started: -ENOTCONN. */
int rast_items_delete(struct rast_cli *cli, const struct rast_yaml_node *const *docs, size_t n,
		      const char *message);
/*
 * A line of the audit log about an administrative action. What was done is done, so a controller that
 * does not answer is no error: it has no log to write to.
 */
void rast_items_record(struct rast_cli *cli, const char *action, const char *kind,
		       const char *name);

#endif
