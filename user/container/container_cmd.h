/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf container: run, show, exec, logs, stop, rm. */
#ifndef RAST_CONTAINER_CONTAINER_CMD_H
#define RAST_CONTAINER_CONTAINER_CMD_H

#include "cli/cli.h"

extern const struct rast_object rast_object_container;
/* In container_run_cmd.c. */
extern const struct rast_opt rast_container_run_opts[];
int rast_container_run_cmd(struct rast_cli *cli, const struct rast_args *args);
/* In container_foreign_cmd.c. */
int rast_container_adopt_cmd(struct rast_cli *cli, const struct rast_args *args);
int rast_container_release_cmd(struct rast_cli *cli, const struct rast_args *args);

#endif
