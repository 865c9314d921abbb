// SPDX-License-Identifier: BSD-2-Clause
/*
 * What audit and account cost those who are watched, and those who are not: CPU time added to system
 * calls with both attached against none, in one process that lives in a container's cgroup and one
 * outside. The peer is the least that anything attached to system calls can add: an empty raw
 * tracepoint, measured in turn with ours. Then how many events a second come through the rings.
 *
 * CPU time and not elapsed time, because the machine may be busy. When somebody else's programs are
 * attached meanwhile, the empty one no longer pays for switching the tracepoint on and our ratio is
 * worse than on a quiet machine: the note says how many there are.
 */
#include "account.skel.h"
#include "audit.skel.h"
#include "audit/audit.h"
#include "bench.h"
#include "selftests/bpf/observe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPS 11
#define RING_BYTES (512u * 1024) /* the loader's default */

enum op { OP_GETPPID, OP_OPEN, OP_CONNECT, OP_MAX, OP_EVENTS = OP_MAX };

/* target: of ours to the empty program, outside and inside; both were measured once, with a filter by
 * cgroup outside, with events and packet counting inside. */
static const struct {
	const char *name;
	int times;
	double target[2];
} ops[OP_MAX] = {
	{"getppid", 60000, {35.0 / 24, 35.0 / 24}},
	{"open+close", 12000, {106.0 / 76, 106.0 / 76}},
	{"connect+accept", 1200, {486.0 / 340, 1304.0 / 340}},
};

struct ask {
	int op, times, gap_ns;
};
struct answer {
	double cpu_ns, wall_ns; /* of all; < 0: failed */
};
struct worker {
	pid_t pid;
	int to, from;
};

static double clock_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static bool connect_once(int listener, const struct sockaddr_in *to)
{
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (c < 0 || connect(c, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return false;
	s = accept(listener, NULL, NULL);
	/* The listener's linger time of 0 is inherited: reset, so that no port waits. */
	return s >= 0 && close(s) == 0 && close(c) == 0;
}

static bool work(const struct ask *ask, int listener, int udp, struct sockaddr_in *to)
{
	struct sockaddr_in peer = *to;
	double next = clock_ns(CLOCK_MONOTONIC);
	int i, fd;

	for (i = 0; i < ask->times; i++) {
		switch (ask->op) {
		case OP_GETPPID:
			(void)syscall(SYS_getppid);
			break;
		case OP_OPEN:
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				return false;
			(void)close(fd);
			break;
		case OP_CONNECT:
			if (!connect_once(listener, to))
				return false;
			break;
		default:
			if (connect(udp, (const struct sockaddr *)&peer, sizeof(peer)) < 0)
				return false;
			for (next += ask->gap_ns; ask->gap_ns && clock_ns(CLOCK_MONOTONIC) < next;)
				;
		}
	}
	return true;
}

static int worker_main(void *arg)
{
	int *fds = arg, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);
	struct ask ask;
	cpu_set_t cpu;

	/* On a CPU of its own when there are two; the reader takes the other. */
	CPU_ZERO(&cpu);
	CPU_SET(1, &cpu);
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
	if (bind(listener, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(listener, 8) < 0 ||
	    getsockname(listener, (struct sockaddr *)&to, &len) < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
		       sizeof(struct linger)) < 0)
		return 1;
	while (read(fds[0], &ask, sizeof(ask)) == sizeof(ask)) {
		double cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID),
		       wall_ns = clock_ns(CLOCK_MONOTONIC);
		bool good = work(&ask, listener, udp, &to);
		struct answer a = {clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns,
				   clock_ns(CLOCK_MONOTONIC) - wall_ns};

		if (!good)
			a.cpu_ns = -1;
		if (write(fds[1], &a, sizeof(a)) != sizeof(a))
			return 1;
	}
	return 0;
}

static void worker_start(struct worker *w, bool inside)
{
	int to[2], from[2], child[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		bail("pipe");
	child[0] = to[0];
	child[1] = from[1];
	w->to = to[1];
	w->from = from[0];
	w->pid = stage_spawn(inside, worker_main, child);
	(void)close(to[0]);
	(void)close(from[1]);
}

static void worker_end(struct worker *w)
{
	(void)kill(w->pid, SIGKILL);
	(void)waitpid(w->pid, NULL, 0);
}

/* The rings are read meanwhile, as rastd does, unless `idle`. */
static struct answer run(const struct worker *w, struct ask ask, bool idle)
{
	struct pollfd p[2] = {{.fd = w->from, .events = POLLIN},
			      {.fd = ring_buffer__epoll_fd(stage.reader), .events = POLLIN}};
	struct answer a;

	if (write(w->to, &ask, sizeof(ask)) != sizeof(ask))
		bail("worker");
	while (poll(p, idle ? 1 : 2, 10000) > 0 && !p[0].revents)
		(void)stage_drain(NULL, NULL);
	if (!p[0].revents || read(w->from, &a, sizeof(a)) != sizeof(a) || a.cpu_ns < 0)
		bail("worker");
	if (!idle)
		(void)stage_drain(NULL, NULL);
	return a;
}

/* Tracing links that are there before ours. */
static int others(void)
{
	__u32 id = 0;
	int n = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    (info.type == BPF_LINK_TYPE_TRACING ||
		     info.type == BPF_LINK_TYPE_RAW_TRACEPOINT))
			n++;
		(void)close(fd);
	}
	return n;
}

static struct audit_bpf *audit;
static struct account_bpf *account;

static void load(void)
{
	audit = audit_bpf__open();
	account = account_bpf__open();
	if (!audit || !account)
		bail("open");
	stage_share(audit->obj);
	stage_share(account->obj);
	/* The iterator runs when somebody looks at figures, not in a system call. */
	(void)bpf_program__set_autoload(account->progs.account_collect, false);
	if (audit_bpf__load(audit) || account_bpf__load(account))
		bail("load");
}

/* A program that does nothing, at sys_exit; its link. */
static int empty_attach(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "empty", "GPL", insns, 2, NULL),
	    link = prog < 0 ? -1 : bpf_raw_tracepoint_open("sys_exit", prog);

	if (link < 0)
		bail("an empty raw tracepoint");
	(void)close(prog);
	return link;
}

enum { NOTHING, EMPTY, OURS, MODES };
static double taken[MODES][2][OP_MAX][REPS];

static void measure(const struct worker w[2], int mode, int rep)
{
	int link = -1, side, op;

	if (mode == EMPTY)
		link = empty_attach();
	if (mode == OURS) {
		stage_attach(audit->obj);
		stage_attach(account->obj);
	}
	for (side = 0; side < 2; side++)
		for (op = 0; op < OP_MAX; op++) {
			struct ask ask = {op, ops[op].times, 0};
			double ns = run(&w[side], ask, false).cpu_ns / ask.times;

			if (rep >= 0)
				taken[mode][side][op][rep] = ns;
		}
	if (link >= 0)
		(void)close(link);
	stage_detach(NULL);
}

/* Differences of the same turn: the machine drifts from one to the next. */
static double added(int mode, int side, int op)
{
	double v[REPS];

	for (int i = 0; i < REPS; i++)
		v[i] = taken[mode][side][op][i] - taken[NOTHING][side][op][i];
	return rast_bench_median(v, REPS);
}

static void bench_added(const struct worker w[2])
{
	static const char *const where[2] = {"outside", "in a container"};
	int before = others(), rep, side, op, i;
	char name[80], note[120];

	/* The first turn warms up; who begins changes. */
	for (rep = -1; rep < REPS; rep++)
		for (i = 0; i < MODES; i++)
			measure(w, (rep + 1 + i) % MODES, rep);
	for (side = 0; side < 2; side++)
		for (op = 0; op < OP_MAX; op++) {
			(void)snprintf(name, sizeof(name), "audit+account added to %s %s",
				       ops[op].name, where[side]);
			(void)snprintf(note, sizeof(note),
				       "bare %.0f ns; %d tracing links of others",
				       rast_bench_median(taken[NOTHING][side][op], REPS), before);
			(void)rast_bench_print(
				&(struct rast_bench_row){.name = name,
							 .unit = "ns",
							 .ours = added(OURS, side, op),
							 .peer = "empty raw tracepoint",
							 .peer_figure = added(EMPTY, side, op),
							 .target = ops[op].target[side],
							 .note = note});
		}
}

static void write_json(void *arg, const struct rast_event *ev, size_t size)
{
	static const char *const names[] = {"namespace", "pod", "container"};
	json_t *json = json_object();
	char *text;

	(void)json_object_set_new(json, "time", rast_json_time(ev->time_ns));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)json_object_set_new(json, names[i], json_string("example"));
	if (!rast_audit_from_event(ev, size, json))
		bail("not an event of audit");
	text = json_dumps(json, JSON_COMPACT);
	*(size_t *)arg += strlen(text);
	free(text);
	json_decref(json);
}

static void bench_events(struct worker *w)
{
	static const int gaps[] = {0, 1000, 2000, 4000, 8000, 16000, 32000};
	enum { TIMES = 30000, FILL = RING_BYTES / 128 };
	double rates[REPS], best = NAN;
	char note[160] = "";
	size_t g, bytes = 0;
	int i;

	stage_attach(audit->obj);
	stage_attach(account->obj);
	/* Full speed first, then slower until nothing is lost, three times in a row. */
	for (g = 0; g < sizeof(gaps) / sizeof(gaps[0]) && isnan(best); g++) {
		uint64_t dropped = stage_stats(RAST_RING_ORDINARY).dropped;

		for (i = 0; i < 3; i++)
			rates[i] = TIMES * 1e9 /
				   run(w, (struct ask){OP_EVENTS, TIMES, gaps[g]}, false).wall_ns;
		dropped = stage_stats(RAST_RING_ORDINARY).dropped - dropped;
		if (!dropped)
			best = rast_bench_median(rates, 3);
		else if (!*note)
			(void)snprintf(note, sizeof(note), "at %.0f/s %llu of %d lost; ",
				       rast_bench_median(rates, 3), (unsigned long long)dropped,
				       3 * TIMES);
	}
	(void)snprintf(note + strlen(note), sizeof(note) - strlen(note),
		       "one process calls connect(2); the call itself is the limit or the pace");
	(void)rast_bench_print(&(struct rast_bench_row){.name = "audit events a second, none lost",
							.unit = "1/s",
							.ours = best,
							.target = 1e6,
							.higher_is_better = true,
							.note = note});
	for (i = 0; i < REPS; i++) {
		double start;
		int n;

		(void)run(w, (struct ask){OP_EVENTS, FILL, 0}, true);
		start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		n = stage_drain(write_json, &bytes);
		rates[i] = n * 1e9 / (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
	}
	stage_detach(NULL);
	(void)rast_bench_print(&(struct rast_bench_row){
		.name = "audit events a second, made into lines of JSON",
		.unit = "1/s",
		.ours = rast_bench_median(rates, REPS),
		.target = NAN,
		.higher_is_better = true,
		.note = "CPU time of the reader, from a full ring to text; nothing is written"});
}

int main(void)
{
	struct worker w[2];
	cpu_set_t cpu;

	stage_open("tbenchaudit", 7, RING_BYTES);
	load();
	worker_start(&w[0], false);
	worker_start(&w[1], true);
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
	bench_added(w);
	bench_events(&w[1]);
	worker_end(&w[0]);
	worker_end(&w[1]);
	account_bpf__destroy(account);
	audit_bpf__destroy(audit);
	return 0;
}
