/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs of `rastbpf policy` that have a file of their own; policy_cmd.c holds the table. */
#ifndef RAST_POLICY_POLICY_VERBS_CMD_H
#define RAST_POLICY_POLICY_VERBS_CMD_H

#include "cli/cli.h"

extern const struct rast_opt rast_policy_test_opts[];
int rast_policy_test_run(struct rast_cli *cli, const struct rast_args *a);

extern const struct rast_opt rast_policy_diff_opts[];
int rast_policy_diff_run(struct rast_cli *cli, const struct rast_args *a);

extern const struct rast_opt rast_policy_suggest_opts[];
int rast_policy_suggest_run(struct rast_cli *cli, const struct rast_args *a);

extern const struct rast_opt rast_policy_names_opts[];
int rast_policy_names_run(struct rast_cli *cli, const struct rast_args *a);

extern const struct rast_opt rast_policy_attach_opts[];
int rast_policy_attach_run(struct rast_cli *cli, const struct rast_args *a);
extern const struct rast_opt rast_policy_detach_opts[];
int rast_policy_detach_run(struct rast_cli *cli, const struct rast_args *a);
int rast_policy_attached_run(struct rast_cli *cli, const struct rast_args *a);

#endif
