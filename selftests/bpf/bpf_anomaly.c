// SPDX-License-Identifier: BSD-2-Clause
/* bpf/anomaly.bpf.c on this kernel: real connects, sends and execs against its counters and events. */
#include "anomaly.skel.h"
#include "bpf/anomaly.h"
#include "selftests/bpf/observe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOT 11
#define LIMIT 50

static const struct rast_anomaly_window *window;
static int limits;

struct ports {
	int first, n, type;
	bool send; /* without connect */
	int repeat;
};

/* Loopback only; nothing listens there, which is no matter: what is counted is the attempt. */
static int try_ports(void *arg)
{
	const struct ports *p = arg;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int i, j, fd;

	for (j = 0; j < p->repeat; j++)
		for (i = 0; i < p->n; i++) {
			sin.sin_port = htons((uint16_t)(p->first + i));
			fd = socket(AF_INET, p->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
			if (fd < 0)
				return 1;
			if (p->send)
				(void)sendto(fd, "", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
			else
				(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
			(void)close(fd);
		}
	return 0;
}

static int try_six(void *arg)
{
	struct sockaddr_in6 sin = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int i, fd;

	for (i = 0; i < *(int *)arg; i++) {
		sin.sin6_port = htons((uint16_t)(20000 + i));
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return 77;
		(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
		(void)close(fd);
	}
	return 0;
}

static int run_true(void *arg)
{
	int i;

	for (i = 0; i < *(int *)arg; i++) {
		pid_t pid = fork();

		if (!pid) {
			(void)execl("/bin/true", "true", NULL);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

static struct {
	int n[4], other;
	struct rast_event_anomaly last;
} got;

static void on_event(void *arg, const struct rast_event *ev, size_t size)
{
	const struct rast_event_anomaly *a = (const void *)ev;

	(void)arg;
	if (ev->type != RAST_EVENT_ANOMALY || size < sizeof(*a) || a->kind > 3) {
		got.other++;
		return;
	}
	got.n[a->kind]++;
	got.last = *a;
}

static void drain(void)
{
	memset(&got, 0, sizeof(got));
	(void)stage_drain(on_event, NULL);
}

static void set_limit(uint32_t window_ms, uint32_t fanout, uint32_t execs)
{
	struct rast_anomaly_limit l = {.cgroup_id = stage.cgroup_id,
				       .window_ms = window_ms,
				       .fanout = fanout,
				       .execs = execs};
	uint32_t slot = SLOT;

	if (bpf_map_update_elem(limits, &slot, &l, BPF_ANY))
		bail("anomaly_limit_by_slot");
}

/* Until the window is over: the next event starts another one. */
static void wait_window(uint32_t ms)
{
	while (now_ns() - window->start_ns <= ms * 1000000ull)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Starts one with the next event; one destination is in it then. */
static void new_window(void)
{
	struct ports one = {.first = 9, .n = 1, .type = SOCK_STREAM, .repeat = 1};

	set_limit(1, 0, 0);
	wait_window(1);
	(void)stage_run(true, try_ports, &one);
}

static void test_fanout(void)
{
	struct ports quiet = {.first = 10000, .n = 1, .type = SOCK_STREAM, .repeat = 200},
		     scan = {.first = 10000, .n = 300, .type = SOCK_STREAM, .repeat = 1};
	int i;

	/* Long enough that a slow machine does not end it meanwhile. */
	set_limit(60000, LIMIT, 0);
	ok(stage_run(true, try_ports, &quiet) == 0, "a container connects 200 times to one port");
	drain();
	ok(window->cgroup_id == stage.cgroup_id && window->connects == 200 &&
		   window->fanout_bits == 1 && window->destinations == 1 && window->windows == 1,
	   "they are 200 connects to one destination");
	ok(got.n[RAST_ANOMALY_FANOUT] == 0 && window->alarms == 0, "and no anomaly");

	(void)stage_run(false, try_ports, &scan);
	ok(window->connects == 200, "what is done outside counts for nobody");

	ok(stage_run(true, try_ports, &scan) == 0, "it connects to 300 ports");
	drain();
	ok(window->connects == 500, "they are 300 connects, exactly (%llu)",
	   (unsigned long long)window->connects - 200);
	/* 1024 bits, 300 destinations: 260 bits, give or take four standard deviations. */
	ok(window->fanout_bits > 240 && window->fanout_bits < 280 &&
		   window->destinations == window->fanout_bits,
	   "the bitmap stands for 300 destinations (%u bits)", window->fanout_bits);
	ok(got.n[RAST_ANOMALY_FANOUT] == 1 && window->alarms == 1, "exactly one anomaly (%d)",
	   got.n[RAST_ANOMALY_FANOUT]);
	ok(got.last.value == LIMIT + 1 && got.last.threshold == LIMIT &&
		   got.last.window_ms == 60000 && got.last.hdr.slot == SLOT &&
		   got.last.hdr.cgroup_id == stage.cgroup_id &&
		   got.last.hdr.identity == 100 + SLOT && !strcmp(got.last.hdr.comm, "bpf_anomaly"),
	   "raised when the limit was passed, by whom is said");
	(void)stage_run(true, try_ports, &scan);
	drain();
	ok(got.n[RAST_ANOMALY_FANOUT] == 0, "the same again in the same window is no other");

	set_limit(500, LIMIT, 0);
	for (i = 0; i < 3; i++) {
		wait_window(500);
		(void)stage_run(true, try_ports, &quiet);
		wait_window(500);
	}
	drain();
	ok(got.n[RAST_ANOMALY_FANOUT] == 0 && window->fanout_bits == 1 && window->windows >= 4,
	   "further windows start from nothing");
	set_limit(60000, LIMIT, 0);
	scan.repeat = 2;
	(void)stage_run(true, try_ports, &scan);
	drain();
	ok(got.n[RAST_ANOMALY_FANOUT] == 1, "a scan in a later window is one anomaly again");
}

static void test_others(void)
{
	struct ports udp = {
		.first = 30000, .n = 100, .type = SOCK_DGRAM, .send = true, .repeat = 1};
	uint64_t connects;
	int n = 100, status;

	new_window();
	set_limit(60000, LIMIT, 0);
	connects = window->connects;
	(void)stage_run(true, try_ports, &udp);
	drain();
	ok(window->connects - connects == 100 && got.n[RAST_ANOMALY_FANOUT] == 1,
	   "datagrams without connect are destinations too");

	new_window();
	set_limit(60000, LIMIT, 0);
	connects = window->connects;
	status = stage_run(true, try_six, &n);
	drain();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("so is IPv6", "IPv6");
	else
		ok(window->connects - connects == 100 && got.n[RAST_ANOMALY_FANOUT] == 1,
		   "so is IPv6");

	new_window();
	set_limit(60000, 0, 10);
	n = 30;
	(void)stage_run(true, run_true, &n);
	drain();
	ok(window->execs == 30 && got.n[RAST_ANOMALY_EXEC_RATE] == 1 && got.last.value == 11,
	   "30 execs past a limit of 10 are one anomaly, raised at the eleventh");
	set_limit(60000, 0, 0);
	(void)stage_run(true, run_true, &n);
	drain();
	ok(window->execs == 60 && got.n[RAST_ANOMALY_EXEC_RATE] == 0, "a limit of 0 is none");
}

/* A limit that names another container is not this one's. */
static void test_default_limit(void)
{
	struct rast_anomaly_limit others = {.cgroup_id = stage.cgroup_id + 1, .fanout = 1},
				  all = {.window_ms = 60000, .fanout = 20};
	struct ports scan = {.first = 10000, .n = 40, .type = SOCK_STREAM, .repeat = 1};
	uint32_t slot = SLOT, last = RAST_MAX_CONTAINERS;

	new_window();
	if (bpf_map_update_elem(limits, &slot, &others, BPF_ANY) ||
	    bpf_map_update_elem(limits, &last, &all, BPF_ANY))
		bail("anomaly_limit_by_slot");
	(void)stage_run(true, try_ports, &scan);
	drain();
	ok(got.n[RAST_ANOMALY_FANOUT] == 1 && got.last.threshold == 20,
	   "without limits of its own a container has those of all");
}

int main(void)
{
	struct rast_event_stats sum;
	struct anomaly_bpf *skel;
	char *map;
	int rc;

	stage_open("rastanomaly", SLOT, 65536);
	skel = anomaly_bpf__open();
	if (!skel)
		bail("open");
	stage_share(skel->obj);
	rc = anomaly_bpf__load(skel);
	ok(!rc, "the object loads on this kernel");
	if (rc)
		return done();
	stage_print_verified(skel->obj);
	map = mmap(NULL, RAST_MAX_CONTAINERS * sizeof(*window), PROT_READ, MAP_SHARED,
		   bpf_map__fd(skel->maps.anomaly_by_slot), 0);
	if (map == MAP_FAILED)
		bail("mmap");
	window = (const struct rast_anomaly_window *)map + SLOT;
	limits = bpf_map__fd(skel->maps.anomaly_limit_by_slot);
	stage_attach(skel->obj);
	test_fanout();
	test_others();
	test_default_limit();
	sum = stage_stats(RAST_RING_PRIORITY);
	ok(sum.sent + sum.dropped == sum.attempted && sum.dropped == 0 && sum.attempted > 0 &&
		   window->alarms == sum.sent,
	   "sent and dropped are what was attempted (%llu)", (unsigned long long)sum.attempted);
	stage_detach(skel->obj);
	anomaly_bpf__destroy(skel);
	return done();
}
