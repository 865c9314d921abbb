/* SPDX-License-Identifier: BSD-2-Clause */
/* Help on every level, generated from the object tables; JSON under -j. */
#ifndef RAST_CLI_HELP_H
#define RAST_CLI_HELP_H

#include "cli/cli.h"

void rast_help_top(struct rast_cli *cli);
void rast_help_object(struct rast_cli *cli, const struct rast_object *o);
void rast_help_verb(struct rast_cli *cli, const struct rast_object *o, const struct rast_verb *v);

#endif
