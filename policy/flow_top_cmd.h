/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf flow top: rates of edges or pods, as a view that is drawn again or as tables. */
#ifndef RAST_POLICY_FLOW_TOP_CMD_H
#define RAST_POLICY_FLOW_TOP_CMD_H

#include "cli/cli.h"

extern const struct rast_opt rast_flow_top_opts[];
int rast_flow_top_run(struct rast_cli *cli, const struct rast_args *args);

#endif
