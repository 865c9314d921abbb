/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A benchmark is one row: what we take, what the peer takes, their ratio, and the ratio we promised.
 * Machines drift by a factor of two, so only figures of the same run are compared: ours and the
 * peer's repetitions alternate, and the row holds their medians.
 */
#ifndef RAST_SELFTESTS_BENCH_H
#define RAST_SELFTESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One side: a function or a command. Commands get /dev/null as input and output. */
struct rast_bench_side {
	const char *name;     /* "crun 1.8.1" */
	int (*fn)(void *arg); /* returns 0, or a negative errno and the side is broken */
	void *arg;
	char *const *argv;  /* used when fn is NULL; must exit with 0 */
	const char *before; /* shell command before each run of argv, not measured; or NULL */
	const char *mntns;  /* run argv in this mount namespace: a path below /proc; or NULL */
};

struct rast_bench_time {
	uint64_t cpu_ns; /* user and system, of the process or of the children it waited for */
	uint64_t wall_ns;
};

struct rast_bench_result {
	struct rast_bench_time median;
	int runs;      /* 0: broken */
	char why[256]; /* when broken */
};

/*
 * Runs ours and the peer's in turn, `reps` times each after one warm-up, which is not counted. A side
 * that fails once is broken and is not run again. `peer` may be NULL.
 */
void rast_bench_compare(const struct rast_bench_side *ours, const struct rast_bench_side *peer,
			int reps, struct rast_bench_result *ret_ours,
			struct rast_bench_result *ret_peer);

/* The median; sorts v. 0 of none. */
double rast_bench_median(double *v, size_t n);

/* NAN stands for "no figure". */
struct rast_bench_row {
	const char *name, *unit;
	double ours;
	const char *peer; /* who; NULL: no peer, and `target` is for `ours` itself */
	double peer_figure;
	double target;         /* of ours/peer_figure, or of ours when there is no peer */
	bool higher_is_better; /* targets are "at most" otherwise */
	const char *note;      /* why a figure is missing, or what to know about it; may be NULL */
};

/*
 * Prints the row as one JSON line: name, unit, ours, peer, peer_figure, ratio, target, met, better,
 * note. met is null when the peer's figure is missing. Returns 0, or -1 when our own figure is.
 */
int rast_bench_print(const struct rast_bench_row *row);

#endif
