// SPDX-License-Identifier: BSD-2-Clause
/* See sockets.h. */
#include "selftests/conformance/sockets.h"

#include "selftests/bpf/policy_net.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LISTENERS 512
#define MAX_DENIED 4096

static const int numbers[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

static struct listener {
	int pod, fd;
	enum rast_policy_proto proto;
	uint16_t port;
} listeners[MAX_LISTENERS];
static int n_listeners;

static struct denied {
	int fd;          /* must not be connected, … */
	int at;          /* … or: this one must not have … */
	uint32_t cookie; /* … received this */
} denied[MAX_DENIED];
static int n_denied;
static unsigned int early; /* datagrams of denied[] that were seen before it was settled */

void sockets_open(const char *instance, const char *pod_cidr)
{
	if (setenv("RAST_POD_CIDR", pod_cidr, 1) < 0)
		bail("setenv");
	net_open(instance);
}

static int pod_at(uint32_t addr)
{
	for (int i = 0; i < net.n_pods; i++)
		if (net.pods[i].addr == addr)
			return i;
	return -1;
}

bool sockets_world(const struct rast_policy_world *world)
{
	for (size_t i = 0; i < world->n_pods; i++) {
		const struct rast_policy_pod *p = &world->pods[i];
		int at = p->addr4 ? pod_at(p->addr4) : -1;

		if (!p->addr4)
			continue;
		if (at >= 0)
			net_announce(at, p->identity);
		else if (net.n_pods == NET_MAX_PODS)
			return false;
		else
			(void)net_link(p->name, p->addr4, p->identity);
	}
	return true;
}

void sockets_apply(const struct rast_policy_image *image)
{
	net_apply(image);
}

/* -1: no such protocol here. */
static int open_one(int pod, enum rast_policy_proto proto, uint16_t port)
{
	int fd;

	if (proto == RAST_PROTO_SCTP) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
		if (fd < 0)
			return -1;
		(void)close(fd);
	}
	fd = net_socket(pod, proto == RAST_PROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, numbers[proto],
			port);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int listener(int pod, enum rast_policy_proto proto, uint16_t port)
{
	int fd;

	for (int i = 0; i < n_listeners; i++)
		if (listeners[i].pod == pod && listeners[i].proto == proto &&
		    listeners[i].port == port)
			return listeners[i].fd;
	if (n_listeners == MAX_LISTENERS)
		bail("too many ports");
	fd = open_one(pod, proto, port);
	if (fd < 0)
		return -1;
	if (proto != RAST_PROTO_UDP && listen(fd, 512))
		bail("listen");
	listeners[n_listeners++] = (struct listener){pod, fd, proto, port};
	return fd;
}

static struct denied *deny(void)
{
	if (n_denied == MAX_DENIED)
		bail("too many attempts");
	return &denied[n_denied++];
}

/* Reads up to what was sent as `cookie`; what is met on the way was to be denied. */
static bool received(int fd, uint32_t cookie, struct sockaddr_in *who)
{
	uint32_t got;

	while (net_wait(fd, 2000)) {
		socklen_t len = sizeof(*who);

		if (recvfrom(fd, &got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)who, &len) !=
		    sizeof(got))
			continue;
		if (got == cookie)
			return true;
		early++;
	}
	return false;
}

static bool datagram(int fd, int target, int to, uint16_t port, bool allowed)
{
	struct sockaddr_in sa = net_address(to, port), who;
	static uint32_t cookie;

	cookie++;
	if (sendto(fd, &cookie, sizeof(cookie), 0, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return false;
	if (!allowed) {
		*deny() = (struct denied){.fd = -1, .at = target, .cookie = cookie};
		return true;
	}
	/* There, and the answer back. */
	return received(target, cookie, &who) &&
	       sendto(target, &cookie, sizeof(cookie), 0, (struct sockaddr *)&who, sizeof(who)) >
		       0 &&
	       received(fd, cookie, &who);
}

static bool connected(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	return poll(&p, 1, ms) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) &&
	       !error;
}

int sockets_try(const struct rast_policy_pod *from, const struct rast_policy_pod *to,
		enum rast_policy_proto proto, uint16_t port, bool allowed)
{
	int a = pod_at(from->addr4), b = pod_at(to->addr4), target, fd, c;
	struct sockaddr_in sa;
	bool right;

	target = listener(b, proto, port);
	fd = target < 0 ? -1 : open_one(a, proto, 0);
	if (fd < 0)
		return -1;
	if (proto == RAST_PROTO_UDP) {
		right = datagram(fd, target, b, port, allowed);
		(void)close(fd);
		return right;
	}
	sa = net_address(b, port);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) && errno != EINPROGRESS) {
		(void)close(fd);
		return !allowed;
	}
	if (!allowed) {
		*deny() = (struct denied){.fd = fd};
		return true;
	}
	right = connected(fd, 3000);
	(void)close(fd);
	c = accept4(target, NULL, NULL, SOCK_CLOEXEC);
	if (c >= 0)
		(void)close(c);
	return right;
}

unsigned int sockets_settle(void)
{
	unsigned int wrong = early;
	uint32_t got;

	/* On one CPU a packet is judged before send() returns; on a busy one soon after. */
	if (n_denied)
		(void)poll(NULL, 0, 10);
	for (int i = 0; i < n_denied; i++) {
		if (denied[i].fd < 0) {
			while (recv(denied[i].at, &got, sizeof(got), MSG_DONTWAIT) == sizeof(got))
				wrong++;
			continue;
		}
		wrong += connected(denied[i].fd, 0);
		(void)close(denied[i].fd);
	}
	n_denied = 0;
	early = 0;
	return wrong;
}
