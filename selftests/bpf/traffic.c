// SPDX-License-Identifier: BSD-2-Clause
/*
 * Real traffic for policy_traffic.sh: an echo server, clients that say whether they got through, and
 * a stream of connections that counts verdicts. Linked statically: it is put into a container's root.
 *
 *	traffic serve tcp:80 udp:53 …     echoes; runs until it is killed
 *	traffic tcp|udp ADDR PORT [MS]    exit code 0: echoed; 1: nothing came back
 *	traffic hold ADDR PORT            keeps one connection; a line "up" or "down" at each change
 *	traffic stream ADDR GOOD BAD      until SIGTERM: connects to port GOOD and to port BAD in turn;
 *	                                  every tenth time "good N lost N bad N passed N"
 *	traffic forge SRC DST PORT N      N UDP datagrams with that source address
 *	traffic rr ADDR PORT SECONDS      connect, one byte each way, reset; prints the median in ns
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS 512

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in address(const char *addr, const char *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, addr, &sa.sin_addr) != 1) {
		errno = EINVAL;
		die(addr);
	}
	return sa;
}

/* ---- the server ---- */

static int listen_on(const char *what)
{
	bool udp = !strncmp(what, "udp:", 4);
	struct sockaddr_in sa = address("0.0.0.0", what + 4);
	int on = 1, fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    (!udp && listen(fd, 256) < 0))
		die(what);
	return fd;
}

static void answer_datagram(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[2048];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	if (n >= 0)
		(void)sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static int serve(int argc, char **argv)
{
	struct pollfd p[MAX_FDS];
	int n = argc, on = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < argc; i++)
		p[i] = (struct pollfd){.fd = listen_on(argv[i]), .events = POLLIN};
	while (poll(p, (nfds_t)n, -1) >= 0 || errno == EINTR) {
		for (int i = n - 1; i >= 0; i--) {
			char buf[2048];
			ssize_t got;

			if (!p[i].revents)
				continue;
			if (i < argc && argv[i][0] == 'u') {
				answer_datagram(p[i].fd);
			} else if (i < argc) {
				int c = accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC);

				/* Full: who has been here longest goes. */
				if (c >= 0 && n == MAX_FDS) {
					(void)close(p[argc].fd);
					memmove(&p[argc], &p[argc + 1],
						(size_t)(--n - argc) * sizeof(*p));
				}
				if (c < 0)
					continue;
				(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
				p[n++] = (struct pollfd){.fd = c, .events = POLLIN};
			} else {
				got = read(p[i].fd, buf, sizeof(buf));
				if (got > 0 && write(p[i].fd, buf, (size_t)got) == got)
					continue;
				(void)close(p[i].fd);
				p[i] = p[--n];
			}
		}
	}
	return 2;
}

/* ---- clients ---- */

/* The socket, connected within `ms`, or -1. */
static int connect_to(const struct sockaddr_in *sa, int type, int ms)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), e = 0;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(e);

	if (fd < 0)
		die("socket");
	if (!connect(fd, (const struct sockaddr *)sa, sizeof(*sa)))
		return fd;
	if (errno == EINPROGRESS && poll(&p, 1, ms) == 1 &&
	    !getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) && !e)
		return fd;
	(void)close(fd);
	return -1;
}

/* Resets rather than closes, so that a stream of connections does not use the ports up. */
static void reset(int fd)
{
	const struct linger l = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	(void)close(fd);
}

static bool echoed(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c = 'x';

	return write(fd, &c, 1) == 1 && poll(&p, 1, ms) == 1 && read(fd, &c, 1) == 1 && c == 'x';
}

static int once(int type, char **argv, int ms)
{
	struct sockaddr_in sa = address(argv[0], argv[1]);
	int fd = connect_to(&sa, type, ms);
	bool good = fd >= 0 && echoed(fd, ms);

	if (fd >= 0 && type == SOCK_STREAM)
		reset(fd);
	puts(good ? "passed" : "nothing came back");
	return !good;
}

/* One byte outstanding at a time; TCP itself sends again what is lost. */
static int hold(char **argv)
{
	struct sockaddr_in sa = address(argv[0], argv[1]);
	int fd = connect_to(&sa, SOCK_STREAM, 2000), was = -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const struct timespec pause = {.tv_nsec = 10000000};
	bool waiting = false;
	char c = 'x';

	if (fd < 0) {
		puts("refused");
		return 1;
	}
	while (!stop) {
		int is;

		if (!waiting && write(fd, &c, 1) != 1)
			break;
		waiting = true;
		is = poll(&p, 1, 400) == 1;
		if (is && read(fd, &c, 1) != 1)
			break;
		if (is)
			waiting = false;
		if (is != was)
			puts(is ? "up" : "down");
		was = is;
		(void)nanosleep(&pause, NULL);
	}
	puts("ended");
	return 0;
}

static int stream(char **argv)
{
	struct sockaddr_in good = address(argv[0], argv[1]), bad = address(argv[0], argv[2]);
	unsigned long n_good = 0, lost = 0, n_bad = 0, passed = 0;

	while (!stop) {
		int fd = connect_to(&good, SOCK_STREAM, 5000);
		struct tcp_info info = {0};
		socklen_t len = sizeof(info);
		/* A SYN that was dropped and sent again connects as well, a second later. */
		bool clean = fd >= 0 && echoed(fd, 5000) &&
			     !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
			     !info.tcpi_total_retrans;

		n_good++;
		lost += !clean;
		if (fd >= 0)
			reset(fd);
		fd = connect_to(&bad, SOCK_STREAM, 5);
		n_bad++;
		passed += fd >= 0;
		if (fd >= 0)
			reset(fd);
		if (n_good % 10 == 0 || stop)
			printf("good %lu lost %lu bad %lu passed %lu\n", n_good, lost, n_bad,
			       passed);
	}
	return 0;
}

static int forge(char **argv)
{
	struct sockaddr_in src = address(argv[0], "0"), dst = address(argv[1], argv[2]);
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char payload[4];
	} m = {.payload = "hey"};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	m.ip.version = 4;
	m.ip.ihl = 5;
	m.ip.ttl = 64;
	m.ip.protocol = IPPROTO_UDP;
	m.ip.saddr = src.sin_addr.s_addr;
	m.ip.daddr = dst.sin_addr.s_addr;
	m.ip.tot_len = htons(sizeof(m));
	m.udp.source = htons(4444);
	m.udp.dest = dst.sin_port;
	m.udp.len = htons(sizeof(m.udp) + sizeof(m.payload));
	for (int i = 0; i < atoi(argv[3]); i++)
		if (sendto(fd, &m, sizeof(m), 0, (struct sockaddr *)&dst, sizeof(dst)) < 0)
			die("sendto");
	return 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int rr(char **argv)
{
	struct sockaddr_in sa = address(argv[0], argv[1]);
	uint64_t end = now_ns() + (uint64_t)(atof(argv[2]) * 1e9);
	static uint64_t took[200000];
	size_t n = 0;

	while (n < sizeof(took) / sizeof(took[0]) && now_ns() < end) {
		uint64_t start = now_ns();
		int fd = connect_to(&sa, SOCK_STREAM, 1000);

		if (fd < 0 || !echoed(fd, 1000))
			die("rr");
		reset(fd);
		took[n++] = now_ns() - start;
	}
	qsort(took, n, sizeof(took[0]), by_size);
	printf("%llu\n", n ? (unsigned long long)took[n / 2] : 0ull);
	return n == 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int ms = argc > 4 ? atoi(argv[4]) : 400;

	(void)signal(SIGTERM, on_signal);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "serve"))
		return serve(argc - 2, argv + 2);
	if (argc >= 4 && !strcmp(what, "tcp"))
		return once(SOCK_STREAM, argv + 2, ms);
	if (argc >= 4 && !strcmp(what, "udp"))
		return once(SOCK_DGRAM, argv + 2, ms);
	if (argc == 4 && !strcmp(what, "hold"))
		return hold(argv + 2);
	if (argc == 5 && !strcmp(what, "stream"))
		return stream(argv + 2);
	if (argc == 5 && !strcmp(what, "rr"))
		return rr(argv + 2);
	if (argc == 6 && !strcmp(what, "forge"))
		return forge(argv + 2);
	(void)fprintf(stderr, "traffic: see the head of traffic.c\n");
	return 2;
}
