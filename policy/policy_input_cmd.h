/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs of `rastbpf policy` work on: policies and pods of files (no root, no running instance), or
 * the applied set and the pods that run; compiled.
 */
#ifndef RAST_POLICY_POLICY_INPUT_CMD_H
#define RAST_POLICY_POLICY_INPUT_CMD_H

#include "cli/cli.h"
#include "policy/policy.h"

/* All zeroes at first. */
struct rast_policy_input {
	struct rast_policy_set *set;
	struct rast_policy_world world;
	struct rast_policy_image *image;
	struct rast_policy_rules *rules;
	json_t *report;
	uint32_t generation;
};

void rast_policy_input_finish(struct rast_policy_input *in);
#define _cleanup_policy_input_ _cleanup_(rast_policy_input_finish)

/* The i-th file of --file and, for verbs that take them, behind those the positional ones; NULL. */
const char *rast_policy_input_file_at(const struct rast_args *a, bool positional, int i);
/* "" when the document has none. */
const char *rast_policy_input_kind(const struct rast_yaml_node *doc);
/* Reads each file of option `opt` into set and world. */
int rast_policy_input_read(struct rast_cli *cli, const struct rast_args *a, const char *opt,
			   struct rast_policy_input *in);
/* Of each file of --pods only the pods. */
int rast_policy_input_pods(struct rast_cli *cli, const struct rast_args *a,
			   struct rast_policy_input *in);
/* Numbers the pods as if they ran; for a world that was read from files. */
int rast_policy_input_number(struct rast_cli *cli, struct rast_policy_input *in);
/* Reads those files and the pods of --pods, and compiles. */
int rast_policy_input_files(struct rast_cli *cli, const struct rast_args *a, bool positional,
			    struct rast_policy_input *in);
/* The same for --file when it is given, else what is applied. */
int rast_policy_input_load(struct rast_cli *cli, const struct rast_args *a,
			   struct rast_policy_input *in);

#endif
