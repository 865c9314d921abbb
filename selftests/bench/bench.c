// SPDX-License-Identifier: BSD-2-Clause
/* Interleaved measuring and the row that comes of it; see bench.h. */
#include "selftests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPS_MAX 10000

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t rusage_ns(const struct rusage *ru)
{
	return (uint64_t)(ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(ru->ru_utime.tv_usec + ru->ru_stime.tv_usec) * 1000u;
}

static void __attribute__((noreturn)) child(const struct rast_bench_side *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (s->mntns) {
		int fd = open(s->mntns, O_RDONLY | O_CLOEXEC);
		char cwd[4096];

		/* setns leaves us at the root of the other namespace. */
		if (fd < 0 || !getcwd(cwd, sizeof(cwd)) || setns(fd, CLONE_NEWNS) < 0 ||
		    chdir(cwd) < 0)
			_exit(126);
	}
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (!getenv("RAST_BENCH_VERBOSE"))
		(void)dup2(null, STDERR_FILENO);
	(void)execvp(s->argv[0], s->argv);
	_exit(127);
}

static int run_command(const struct rast_bench_side *s, struct rast_bench_time *ret, char *why,
		       size_t why_size)
{
	struct rusage ru;
	uint64_t start;
	int status;
	pid_t pid;

	if (s->before && system(s->before) != 0) {
		(void)snprintf(why, why_size, "%s: failed", s->before);
		return -1;
	}
	start = now_ns(CLOCK_MONOTONIC);
	pid = fork();

	if (pid < 0) {
		(void)snprintf(why, why_size, "fork: %s", strerror(errno));
		return -1;
	}
	if (!pid)
		child(s);
	/* wait4's figures are of the child and of everything it has waited for. */
	while (wait4(pid, &status, 0, &ru) < 0)
		if (errno != EINTR)
			return -1;
	ret->wall_ns = now_ns(CLOCK_MONOTONIC) - start;
	ret->cpu_ns = rusage_ns(&ru);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		(void)snprintf(why, why_size, "%s cannot be run", s->argv[0]);
	else if (WIFEXITED(status))
		(void)snprintf(why, why_size, "%s: exit code %d", s->argv[0], WEXITSTATUS(status));
	else
		(void)snprintf(why, why_size, "%s: signal %d", s->argv[0], WTERMSIG(status));
	return -1;
}

static int run_fn(const struct rast_bench_side *s, struct rast_bench_time *ret, char *why,
		  size_t why_size)
{
	struct rusage before, after;
	uint64_t cpu, wall = now_ns(CLOCK_MONOTONIC);
	int r;

	(void)getrusage(RUSAGE_CHILDREN, &before);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	r = s->fn(s->arg);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	(void)getrusage(RUSAGE_CHILDREN, &after);
	ret->wall_ns = now_ns(CLOCK_MONOTONIC) - wall;
	ret->cpu_ns = cpu + rusage_ns(&after) - rusage_ns(&before);
	if (r)
		(void)snprintf(why, why_size, "%s: %s", s->name, strerror(r < 0 ? -r : EIO));
	return r;
}

double rast_bench_median(double *v, size_t n)
{
	/* Insertion sort: a few hundred values, once. */
	for (size_t i = 1; i < n; i++) {
		double x = v[i];
		size_t j = i;

		for (; j && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
	if (!n)
		return 0;
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct series {
	const struct rast_bench_side *side;
	struct rast_bench_result *ret;
	double *cpu, *wall;
	bool broken;
};

static void once(struct series *s, bool count)
{
	struct rast_bench_time t = {0};
	int r;

	if (!s->side || s->broken)
		return;
	r = s->side->fn ? run_fn(s->side, &t, s->ret->why, sizeof(s->ret->why))
			: run_command(s->side, &t, s->ret->why, sizeof(s->ret->why));
	if (r) {
		s->broken = true;
		s->ret->runs = 0;
	} else if (count) {
		s->cpu[s->ret->runs] = (double)t.cpu_ns;
		s->wall[s->ret->runs++] = (double)t.wall_ns;
	}
}

void rast_bench_compare(const struct rast_bench_side *ours, const struct rast_bench_side *peer,
			int reps, struct rast_bench_result *ret_ours,
			struct rast_bench_result *ret_peer)
{
	struct rast_bench_result none;
	struct series s[2] = {{.side = ours, .ret = ret_ours},
			      {.side = peer, .ret = ret_peer ? ret_peer : &none}};

	if (reps < 1 || reps > REPS_MAX)
		reps = reps < 1 ? 1 : REPS_MAX;
	for (int k = 0; k < 2; k++) {
		memset(s[k].ret, 0, sizeof(*s[k].ret));
		s[k].cpu = calloc((size_t)reps, sizeof(double));
		s[k].wall = calloc((size_t)reps, sizeof(double));
		if (!s[k].cpu || !s[k].wall) {
			s[k].broken = true;
			(void)snprintf(s[k].ret->why, sizeof(s[k].ret->why), "out of memory");
		}
	}
	/* Who goes first alternates too. */
	for (int i = -1; i < reps; i++) {
		once(&s[i & 1], i >= 0);
		once(&s[!(i & 1)], i >= 0);
	}
	for (int k = 0; k < 2; k++) {
		if (!s[k].broken && s[k].ret->runs) {
			size_t n = (size_t)s[k].ret->runs;

			s[k].ret->median.cpu_ns = (uint64_t)rast_bench_median(s[k].cpu, n);
			s[k].ret->median.wall_ns = (uint64_t)rast_bench_median(s[k].wall, n);
		}
		free(s[k].cpu);
		free(s[k].wall);
	}
}

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

int rast_bench_print(const struct rast_bench_row *row)
{
	double ratio = row->peer ? row->ours / row->peer_figure : NAN;
	double judged = row->peer ? ratio : row->ours;
	json_t *met = json_null(), *line;
	char *text;

	if (!isfinite(row->ours))
		met = json_false();
	else if (isfinite(judged) && isfinite(row->target))
		met = json_boolean(row->higher_is_better ? judged >= row->target
							 : judged <= row->target);
	line = json_pack("{ss ss so ss? so so so so ss ss?}", "name", row->name, "unit", row->unit,
			 "ours", number(row->ours), "peer", row->peer, "peer_figure",
			 row->peer ? number(row->peer_figure) : json_null(), "ratio", number(ratio),
			 "target", number(row->target), "met", met, "better",
			 row->higher_is_better ? "higher" : "lower", "note",
			 row->note && *row->note ? row->note : NULL);
	text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	if (text)
		(void)printf("%s\n", text);
	(void)fflush(stdout);
	free(text);
	json_decref(line);
	return text && isfinite(row->ours) ? 0 : -1;
}
