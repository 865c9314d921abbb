// SPDX-License-Identifier: BSD-2-Clause
/* The pods of net_pods.h. */
#include "selftests/bench/net_pods.h"

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT_ECHO 80
#define PORT_SINK 81
#define MAX_TIMES 20000

struct order {
	uint32_t what, ms, addr;
};

static double now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct sockaddr_in address(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr)};
}

static void no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- the server ---- */

static int listen_on(uint16_t port)
{
	struct sockaddr_in sa = address(INADDR_ANY, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 64) ? -1 : fd;
}

/* One connection after the other, as the client makes them: no system call that is not needed. */
static _Noreturn void serve(int listener, bool echo)
{
	static char buf[256 * 1024];

	for (;;) {
		int c = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t got;

		if (c < 0)
			continue;
		no_delay(c);
		do {
			got = read(c, buf, sizeof(buf));
		} while (got > 0 && (!echo || write(c, buf, (size_t)got) == got));
		(void)close(c);
	}
}

static int server(int from, int to)
{
	int echo, sink;
	struct order go;
	double done = 0;
	pid_t pid;

	if (read(from, &go, sizeof(go)) != sizeof(go))
		return 1;
	echo = listen_on(PORT_ECHO);
	sink = listen_on(PORT_SINK);
	pid = fork();
	if (!pid) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(sink, false);
	}
	if (echo < 0 || sink < 0 || pid < 0)
		done = NAN;
	if (write(to, &done, sizeof(done)) != sizeof(done))
		return 1;
	serve(echo, true);
}

/* ---- the client ---- */

static int connected(uint32_t addr, uint16_t port)
{
	struct sockaddr_in sa = address(addr, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Nothing here takes a second unless packets are lost. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 2},
			 sizeof(struct timeval));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 2},
			 sizeof(struct timeval));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		(void)close(fd);
		return -1;
	}
	no_delay(fd);
	return fd;
}

static double bulk(uint32_t addr, double end)
{
	static char buf[128 * 1024];
	double start = now_ns(), bytes = 0;
	int fd = connected(addr, PORT_SINK);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0 && now_ns() < end) {
		n = write(fd, buf, sizeof(buf));
		bytes += n > 0 ? (double)n : 0;
	}
	/* All of it has arrived when the other end has closed. */
	if (n > 0 && (shutdown(fd, SHUT_WR) || read(fd, buf, 1) != 0))
		n = -1;
	if (fd >= 0)
		(void)close(fd);
	return n > 0 ? bytes * 8 / (now_ns() - start) : NAN;
}

static bool there_and_back(int fd)
{
	char c = 'x';

	return write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1;
}

static double round_trips(uint32_t addr, double end, bool connect_each)
{
	static double took[MAX_TIMES];
	const struct linger reset = {.l_onoff = 1};
	int fd = connect_each ? -1 : connected(addr, PORT_ECHO);
	size_t n = 0;

	if (!connect_each && (fd < 0 || !there_and_back(fd)))
		return NAN;
	while (n < MAX_TIMES && now_ns() < end) {
		double start = now_ns();

		if (connect_each)
			fd = connected(addr, PORT_ECHO);
		if (fd < 0 || !there_and_back(fd))
			return NAN;
		if (connect_each) {
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			(void)close(fd);
		}
		took[n++] = now_ns() - start;
	}
	if (!connect_each)
		(void)close(fd);
	/* rast_bench_median() is for short lists. */
	for (size_t gap = n / 2; gap; gap /= 2)
		for (size_t i = gap; i < n; i++) {
			double x = took[i];
			size_t j = i;

			for (; j >= gap && took[j - gap] > x; j -= gap)
				took[j] = took[j - gap];
			took[j] = x;
		}
	return n ? took[n / 2] : NAN;
}

static int client(int from, int to)
{
	struct order o;

	while (read(from, &o, sizeof(o)) == sizeof(o)) {
		double end = now_ns() + o.ms * 1e6;
		double v = o.what == NET_BULK ? bulk(o.addr, end)
					      : round_trips(o.addr, end, o.what == NET_CONNECT);

		if (write(to, &v, sizeof(v)) != sizeof(v))
			return 1;
	}
	return 0;
}

/* ---- both ---- */

static void pin(void)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0, &cpu);
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
}

static int spawn(struct net_pods *p, int which)
{
	int to[2], from[2];
	char path[64];

	if (unshare(CLONE_NEWNET) || pipe2(to, O_CLOEXEC))
		return -errno;
	if (pipe2(from, O_CLOEXEC))
		return -errno;
	p->pid[which] = fork();
	if (p->pid[which] < 0)
		return -errno;
	if (!p->pid[which]) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		(void)close(to[1]);
		(void)close(from[0]);
		pin();
		_exit(which ? server(to[0], from[1]) : client(to[0], from[1]));
	}
	(void)close(to[0]);
	(void)close(from[1]);
	p->to[which] = to[1];
	p->from[which] = from[0];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)p->pid[which]);
	p->netns[which] = open(path, O_RDONLY | O_CLOEXEC);
	return p->netns[which] < 0 ? -errno : 0;
}

int net_pods_open(struct net_pods *p)
{
	int r = spawn(p, 0);

	if (!r)
		r = spawn(p, 1);
	if (r)
		return r;
	if (unshare(CLONE_NEWNET))
		return -errno;
	p->host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return p->host < 0 ? -errno : 0;
}

static double ask(struct net_pods *p, int which, struct order o)
{
	struct pollfd in = {.fd = p->from[which], .events = POLLIN};
	double v;

	if (write(p->to[which], &o, sizeof(o)) != sizeof(o) ||
	    poll(&in, 1, (int)o.ms + 10000) != 1 ||
	    read(p->from[which], &v, sizeof(v)) != sizeof(v))
		return NAN;
	return v;
}

int net_pods_begin(struct net_pods *p)
{
	return isnan(ask(p, 1, (struct order){0})) ? -EIO : 0;
}

double net_pods_measure(struct net_pods *p, enum net_measure what, int ms)
{
	return ask(p, 0, (struct order){what, (uint32_t)ms, p->addr[1]});
}

void net_pods_close(struct net_pods *p)
{
	for (int i = 0; i < 2; i++)
		if (p->pid[i] > 0) {
			(void)kill(p->pid[i], SIGKILL);
			(void)waitpid(p->pid[i], NULL, 0);
		}
}
