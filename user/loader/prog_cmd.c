// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf prog: the programs that are pinned. Run counts stand still unless somebody turned the
 * kernel's run statistics on, which --stats does for as long as it looks.
 */
#include "loader/prog_cmd.h"

#include "loader/inspect_bpf.h"

static const struct rast_col columns[] = {
	{"name", "NAME", RAST_COL_TEXT},
	{"id", "ID", RAST_COL_NUM},
	{"type", "TYPE", RAST_COL_TEXT},
	{"tag", "TAG", RAST_COL_TEXT},
	{"loaded_at", "LOADED", RAST_COL_TIME},
	{"run_count", "RUNS", RAST_COL_COUNT},
	{"run_time_ns", "TIME", RAST_COL_NS},
	{"avg_ns", "AVG", RAST_COL_NS},
	{"verified_insns", "INSNS", RAST_COL_COUNT},
	{"jited_bytes", "JITED", RAST_COL_BYTES},
	{"memory_bytes", "MEM", RAST_COL_BYTES},
	{"attached", "ATTACHED", RAST_COL_LIST},
	{NULL, NULL, 0},
};

static const struct rast_col stats_columns[] = {
	{"name", "NAME", RAST_COL_TEXT},         {"id", "ID", RAST_COL_NUM},
	{"type", "TYPE", RAST_COL_TEXT},         {"runs_per_s", "RUNS/S", RAST_COL_TEXT},
	{"measured_avg_ns", "AVG", RAST_COL_NS}, {"cpu_percent", "CPU%", RAST_COL_TEXT},
	{"run_count", "RUNS", RAST_COL_COUNT},   {"run_time_ns", "TIME", RAST_COL_NS},
	{"attached", "ATTACHED", RAST_COL_LIST}, {NULL, NULL, 0},
};

static const struct rast_col record_columns[] = {
	{"name", "name", RAST_COL_TEXT},
	{"id", "id", RAST_COL_NUM},
	{"type", "type", RAST_COL_TEXT},
	{"tag", "tag", RAST_COL_TEXT},
	{"loaded_at", "loaded at", RAST_COL_TEXT},
	{"run_count", "runs", RAST_COL_NUM},
	{"run_time_ns", "run time", RAST_COL_NS},
	{"avg_ns", "average", RAST_COL_NS},
	{"runs_per_s", "runs a second", RAST_COL_TEXT},
	{"measured_avg_ns", "average now", RAST_COL_NS},
	{"cpu_percent", "CPU%", RAST_COL_TEXT},
	{"recursion_misses", "missed by recursion", RAST_COL_NUM},
	{"verified_insns", "verified instructions", RAST_COL_NUM},
	{"xlated_bytes", "translated", RAST_COL_BYTES},
	{"jited_bytes", "jited", RAST_COL_BYTES},
	{"memory_bytes", "memory", RAST_COL_BYTES},
	{"btf_id", "BTF id", RAST_COL_NUM},
	{"maps", "maps", RAST_COL_LIST},
	{"attached", "attached", RAST_COL_LIST},
	{"pin", "pin", RAST_COL_TEXT},
	{NULL, NULL, 0},
};

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	const char *name = args->argc ? args->argv[0] : NULL;
	bool stats = rast_args_get(args, "stats") != NULL;
	json_t *rows = NULL, *one;
	int r = rast_inspect_progs(&cli->in, name, stats, &rows, &cli->err);

	if (r < 0)
		return r;
	if (!name || cli->json)
		return rast_cli_table(cli, rows, stats ? stats_columns : columns);
	one = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return rast_cli_record(cli, one, record_columns);
}

static const struct rast_opt show_opts[] = {
	{"stats", 's', NULL, "count runs for a second and show rates"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{"show", "list", "[NAME] [--stats]", "programs: run count and time, size, where attached",
	 show_opts, 0, 1, cmd_show},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_prog = {
	.name = "prog",
	.summary = "programs that are loaded, what they cost and where they are attached",
	.verbs = verbs,
	.details = "Runs are counted only with --stats or sysctl kernel.bpf_stats_enabled=1.",
};
