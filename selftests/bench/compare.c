// SPDX-License-Identifier: BSD-2-Clause
/*
 * compare NAME TARGET REPS PEER [--before CMD] [--peer-mntns PATH] -- OURS ARG... --- PEER ARG...: two commands
 * against each other, for benchmarks that are shell scripts. Prints two rows, CPU time (with the
 * target) and wall time (without: it is noise on a shared machine), in milliseconds.
 * `--before` is a shell command that is run before each run of either, unmeasured.
 * With `--absent WHY` instead of the peer's command the row says why the peer could not run.
 */
#include "selftests/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
	(void)fprintf(stderr, "usage: compare NAME TARGET REPS PEER [--before CMD] "
			      "[--peer-mntns PATH | --absent WHY] "
			      "-- OURS ARG... [--- PEER ARG...]\n");
	return 2;
}

static double ms(uint64_t ns, int runs)
{
	return runs ? (double)ns / 1e6 : NAN;
}

int main(int argc, char **argv)
{
	struct rast_bench_side ours = {0}, peer = {0};
	struct rast_bench_result o, p = {0};
	const char *absent = NULL;
	char name[128];
	int i = 5, r;

	if (argc < 7)
		return usage();
	ours.name = "ours";
	peer.name = argv[4];
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (!strcmp(argv[i], "--peer-mntns"))
			peer.mntns = argv[i + 1];
		else if (!strcmp(argv[i], "--before"))
			ours.before = peer.before = argv[i + 1];
		else if (!strcmp(argv[i], "--absent"))
			absent = argv[i + 1];
		else
			return usage();
	}
	if (++i >= argc)
		return usage();
	ours.argv = argv + i;
	/* Three dashes, because two are part of many commands. */
	for (int k = argc - 1; !absent && k > i; k--)
		if (!strcmp(argv[k], "---")) {
			argv[k] = NULL;
			peer.argv = argv + k + 1;
			break;
		}
	if (!absent && (!peer.argv || !peer.argv[0]))
		return usage();
	rast_bench_compare(&ours, absent ? NULL : &peer, atoi(argv[3]), &o, &p);
	if (absent)
		(void)snprintf(p.why, sizeof(p.why), "%s", absent);

	(void)snprintf(name, sizeof(name), "%s_cpu", argv[1]);
	r = rast_bench_print(&(struct rast_bench_row){.name = name,
						      .unit = "ms",
						      .ours = ms(o.median.cpu_ns, o.runs),
						      .peer = peer.name,
						      .peer_figure = ms(p.median.cpu_ns, p.runs),
						      .target = atof(argv[2]),
						      .note = o.why[0] ? o.why : p.why});
	(void)snprintf(name, sizeof(name), "%s_wall", argv[1]);
	(void)rast_bench_print(&(struct rast_bench_row){.name = name,
							.unit = "ms",
							.ours = ms(o.median.wall_ns, o.runs),
							.peer = peer.name,
							.peer_figure = ms(p.median.wall_ns, p.runs),
							.target = NAN,
							.note = o.why[0] ? o.why : p.why});
	return r ? 1 : 0;
}
