// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asks for many connections at once, for connect.sh: lines "PROTO ADDR PORT" on standard input, one result
 * each on standard output. Static: it is put into a container's root.
 *
 *	connect_ask [-6] [-w MS]     -6: by AF_INET6 sockets, IPv4 addresses mapped; waits MS for answers
 *
 * PROTO: tcp; udp (sendto); udpc (connect, then send). Results: eperm (the call itself was refused),
 * connected, refused (a reset came), answered (a datagram came back), silent, or an error's name.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ASKS 1000

static struct ask {
	struct sockaddr_storage sa;
	socklen_t len;
	char proto[8];
	const char *result;
} asks[MAX_ASKS];
static struct pollfd fds[MAX_ASKS];

static const char *name(int error)
{
	return error == EPERM          ? "eperm"
	       : error == ECONNREFUSED ? "refused"
				       : strerrorname_np(error);
}

static void address(struct ask *a, const char *addr, unsigned int port, bool six)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->sa;
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	char mapped[64];
	int ok;

	if (strchr(addr, ':') || six) {
		(void)snprintf(mapped, sizeof(mapped), strchr(addr, ':') ? "%s" : "::ffff:%s",
			       addr);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		ok = inet_pton(AF_INET6, mapped, &in6->sin6_addr);
		a->len = sizeof(*in6);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		ok = inet_pton(AF_INET, addr, &in->sin_addr);
		a->len = sizeof(*in);
	}
	if (ok != 1) {
		(void)fprintf(stderr, "connect_ask: %s\n", addr);
		exit(2);
	}
}

static void begin(struct ask *a, struct pollfd *p)
{
	bool tcp = !strcmp(a->proto, "tcp");
	int r;

	p->fd = socket(a->sa.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	p->events = tcp ? POLLOUT : POLLIN;
	if (p->fd < 0) {
		a->result = name(errno);
		return;
	}
	if (!strcmp(a->proto, "udp")) {
		r = (int)sendto(p->fd, "?", 1, 0, (struct sockaddr *)&a->sa, a->len);
	} else {
		r = connect(p->fd, (struct sockaddr *)&a->sa, a->len);
		if (!r && !tcp)
			r = (int)send(p->fd, "?", 1, 0);
	}
	if (r < 0 && errno != EINPROGRESS)
		a->result = name(errno);
	if (a->result) {
		(void)close(p->fd);
		p->fd = -1;
	}
}

static void look(struct ask *a, struct pollfd *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (p->fd < 0 || !p->revents)
		return;
	(void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	a->result = error ? name(error) : p->events == POLLOUT ? "connected" : "answered";
	(void)close(p->fd);
	p->fd = -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int opt, n = 0, wait_ms = 300, open = 0;
	unsigned int port;
	bool six = false;
	int64_t until;
	char addr[64];

	while ((opt = getopt(argc, argv, "6w:")) != -1) {
		if (opt == '6')
			six = true;
		else if (opt == 'w')
			wait_ms = atoi(optarg);
		else
			return 2;
	}
	while (n < MAX_ASKS && scanf("%7s %63s %u", asks[n].proto, addr, &port) == 3)
		address(&asks[n++], addr, port, six);
	for (int i = 0; i < n; i++)
		begin(&asks[i], &fds[i]);
	until = now_ms() + wait_ms;
	do {
		open = 0;
		if (poll(fds, (nfds_t)n, 20) < 0)
			return 2;
		for (int i = 0; i < n; i++) {
			look(&asks[i], &fds[i]);
			open += fds[i].fd >= 0;
		}
	} while (open && now_ms() < until);
	for (int i = 0; i < n; i++)
		(void)puts(asks[i].result ? asks[i].result : "silent");
	return 0;
}
