// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names with real sockets: a container's link under compiled policies, a name server and web servers behind
 * it, all in network namespaces of this process. No controller runs: the kernel alone learns.
 *
 * The namespace that the programs are in stands for the world: it has the servers' addresses.
 */
#include "base/fd.h"
#include "base/instance.h"
#include "loader/loader.h"
#include "policy/fqdn.h"
#include "policy/fqdn_bpf.h"
#include "policy/policy.h"
#include "policy/policy_bpf.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS "192.0.2.53"
#define IDENTITY RAST_IDENTITY_FIRST

static struct rast_instance in;
static int world_ns = -1, pod_ns = -1, server = -1, web[2] = {-1, -1};
static uint32_t generation;

static void cleanup(void)
{
	(void)rast_bpffs_release(&in, NULL);
	(void)rast_remove_tree(AT_FDCWD, in.run_dir);
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

__attribute__((format(printf, 1, 2))) static void sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		bail("%s", cmd);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		bail("setns");
}

/* A socket belongs to the namespace in which it was made. */
static int socket_in(int ns, int family, int type)
{
	int fd;

	enter(ns);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	enter(world_ns);
	if (fd < 0)
		bail("socket");
	return fd;
}

static struct sockaddr_storage address(const char *text, uint16_t port, socklen_t *len)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *b = (struct sockaddr_in6 *)&ss;

	if (inet_pton(AF_INET, text, &a->sin_addr) == 1) {
		a->sin_family = AF_INET;
		a->sin_port = htons(port);
		*len = sizeof(*a);
	} else {
		b->sin6_family = AF_INET6;
		b->sin6_port = htons(port);
		if (inet_pton(AF_INET6, text, &b->sin6_addr) != 1)
			bail("%s", text);
		*len = sizeof(*b);
	}
	return ss;
}

static int listen_on(const char *text, uint16_t port, int type)
{
	socklen_t len;
	struct sockaddr_storage ss = address(text, port, &len);
	int fd = socket_in(world_ns, ss.ss_family, type);

	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0))
		bail("%s port %u", text, port);
	return fd;
}

static void make_stage(void)
{
	struct rast_err err = {0};
	struct rast_endpoint ep = {.identity = IDENTITY, .slot = 10};
	char gateway[16], pod[16];
	struct in_addr a;

	if (unshare(CLONE_NEWNET) < 0)
		bail("unshare");
	world_ns = open("/proc/thread-self/ns/net", O_RDONLY);
	if (unshare(CLONE_NEWNET) < 0)
		bail("unshare");
	pod_ns = open("/proc/thread-self/ns/net", O_RDONLY);
	enter(world_ns);
	a.s_addr = htonl(in.pod_cidr + 1);
	(void)inet_ntop(AF_INET, &a, gateway, sizeof(gateway));
	a.s_addr = ep.addr4 = htonl(in.pod_cidr + 2);
	(void)inet_ntop(AF_INET, &a, pod, sizeof(pod));
	memcpy(ep.mac, (uint8_t[]){0x0a, 0x58, 0, 0, 0, 2}, 6);
	sh("ip link add pod type veth peer name eth0 address 0a:58:00:00:00:02 && "
	   "ip link set eth0 netns /proc/%d/fd/%d && ip link set lo up && "
	   "ip addr add %s/24 dev pod && ip addr add " DNS "/32 dev lo && "
	   "ip addr add 203.0.113.1/32 dev lo && ip addr add 203.0.113.2/32 dev lo",
	   getpid(), pod_ns, gateway);
	if (rast_policy_bpf_load(&in, &err) < 0 ||
	    rast_policy_bpf_endpoint_add(&in, if_nametoindex("pod"), &ep, &err) < 0)
		bail("%s", err.text);
	sh("ip link set pod up");
	enter(pod_ns);
	sh("ip link set lo up && ip addr add %s/24 dev eth0 && ip link set eth0 up && "
	   "ip route add default via %s",
	   pod, gateway);
	enter(world_ns);
	server = listen_on(DNS, 53, SOCK_DGRAM);
	web[0] = listen_on("203.0.113.1", 80, SOCK_STREAM);
	web[1] = listen_on("203.0.113.2", 80, SOCK_STREAM);
}

/* ---- policies ---- */

static void apply(const char *egress)
{
	char text[2048];
	struct rast_policy_image *image = NULL;
	struct rast_policy_world world = {0};
	struct rast_policy_set *set = NULL;
	struct rast_policy_pod *pod;
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};

	(void)snprintf(
		text, sizeof(text),
		"{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}}\n---\n"
		"apiVersion: rast.os/v1\nkind: ContainerNetworkPolicy\n"
		"metadata: {name: out}\nspec:\n  podSelector: {}\n  egress:\n%s",
		egress);
	if (rast_yaml_parse("f.yaml", text, strlen(text), &y, &err) < 0 ||
	    rast_policy_set_create(&set) < 0 ||
	    rast_policy_world_add_manifest(&world, rast_yaml_root(y, 0), &pod, &err) < 0)
		bail("%s", err.text);
	pod->identity = IDENTITY;
	pod->addr4 = in.pod_cidr + 2;
	if (rast_policy_set_parse(rast_yaml_root(y, 1), set, &err) < 0 ||
	    rast_policy_compile(set, &world, ++generation, &image, NULL, NULL, &err) < 0 ||
	    rast_policy_bpf_apply(&in, image, &err) < 0)
		bail("%s", err.text);
	free(image);
	rast_policy_set_destroy(set);
	rast_policy_world_finish(&world);
	rast_yaml_destroy(y);
}

#define ASK "  - {to: [{ipBlock: {cidr: " DNS "/32}}], ports: [{port: 53, protocol: UDP}]}\n"

/* ---- the container, and its name server ---- */

static bool ready(int fd, short what, int ms)
{
	struct pollfd p = {.fd = fd, .events = what};

	return poll(&p, 1, ms) == 1;
}

static size_t question(uint8_t m[512], const char *name)
{
	struct rast_fqdn f;

	if (rast_fqdn_parse(name, &f) < 0)
		bail("%s", name);
	memcpy(m, "\x12\x34\1\0\0\1\0\0\0\0\0\0", 12);
	memcpy(m + 12, f.wire, f.len);
	memcpy(m + 12 + f.len, "\0\1\0\1", 4);
	return 16u + f.len;
}

/* Does the answer (one address, a second of life) reach the container? */
static bool resolve(const char *name, const char *addr)
{
	_cleanup_close_ int fd = socket_in(pod_ns, AF_INET, SOCK_DGRAM);
	uint8_t q[512], m[512];
	socklen_t len, from_len = sizeof(struct sockaddr_storage);
	struct sockaddr_storage to = address(DNS, 53, &len), from;
	size_t n = question(q, name);
	ssize_t got;

	/* A packet that is dropped on its way out is no error here. */
	(void)sendto(fd, q, n, 0, (struct sockaddr *)&to, len);
	if (!ready(server, POLLIN, 300))
		return false;
	got = recvfrom(server, m, sizeof(m), 0, (struct sockaddr *)&from, &from_len);
	if (got != (ssize_t)n)
		bail("the server got %zd bytes", got);
	m[2] = 0x81;
	m[3] = 0x80;
	m[7] = 1;
	memcpy(m + n, "\xc0\x0c\0\1\0\1\0\0\0\1\0\4", 12);
	if (inet_pton(AF_INET, addr, m + n + 12) != 1)
		bail("%s", addr);
	(void)sendto(server, m, n + 16, 0, (struct sockaddr *)&from, from_len);
	return ready(fd, POLLIN, 1000);
}

/* The first SYN: it passes, or within 300 ms there is no answer. A second one would come after a second. */
static int connect_to(const char *addr)
{
	socklen_t len;
	struct sockaddr_storage to = address(addr, 80, &len);
	int fd = socket_in(pod_ns, to.ss_family, SOCK_STREAM | SOCK_NONBLOCK), why = 0;
	socklen_t size = sizeof(why);

	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		bail("connect");
	if (ready(fd, POLLOUT, 300) && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) && !why)
		return fd;
	(void)close(fd);
	return -1;
}

static bool opens(const char *addr)
{
	_cleanup_close_ int fd = connect_to(addr);

	return fd >= 0;
}

/* A byte from the container to the last connection that `listener` has got. */
static bool carries(int fd, int listener)
{
	_cleanup_close_ int peer = -1;
	char c = 'x';

	while (ready(listener, POLLIN, 0)) {
		if (peer >= 0)
			(void)close(peer);
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	if (peer < 0 || send(fd, &c, 1, 0) != 1 || !ready(peer, POLLIN, 1000))
		return false;
	return recv(peer, &c, 1, 0) == 1 && send(peer, &c, 1, 0) == 1 && ready(fd, POLLIN, 1000);
}

static void test_traffic(void)
{
	_cleanup_close_ int standing = -1;

	apply(ASK "  - {to: [{fqdns: [{name: api.example.com}, {pattern: \"*.wild.example\"}]}], "
		  "ports: [{port: 80}]}\n");
	ok(!opens("203.0.113.1"), "before it is resolved, a name's address is closed");
	ok(resolve("api.example.com", "203.0.113.1"), "the name is resolved");
	standing = connect_to("203.0.113.1");
	ok(standing >= 0, "the first packet behind the answer opens a connection");
	ok(!opens("203.0.113.2"), "another address is closed");
	ok(resolve("other.example", "203.0.113.2") && !opens("203.0.113.2"),
	   "also when it is that of a name without a rule");
	ok(resolve("a.wild.example", "203.0.113.2") && opens("203.0.113.2"),
	   "a name of the pattern opens it");
	apply(ASK
	      "  - {to: [{ipBlock: {cidr: 198.51.100.0/24}}]}\n"
	      "  - {to: [{fqdns: [{name: api.example.com}, {name: b.example}]}], ports: [{port: 80}]}\n");
	ok(opens("203.0.113.1"), "what was learnt outlives a change of policy");
	ok(!opens("203.0.113.2"), "what no rule speaks of any more is closed at once");
	{
		/* The connection that stood all the while is the first that the server has. */
		_cleanup_close_ int peer = accept4(web[0], NULL, NULL, SOCK_CLOEXEC);
		char c = 'x';

		ok(peer >= 0 && send(standing, &c, 1, 0) == 1 && ready(peer, POLLIN, 1000),
		   "an established connection goes on");
		apply(ASK "  - {to: [{fqdns: [{name: b.example}]}], ports: [{port: 80}]}\n");
		(void)recv(peer, &c, 1, 0);
		ok(send(standing, &c, 1, 0) == 1 && !ready(peer, POLLIN, 300),
		   "until the name's rule is taken away");
	}
}

static void test_questions(void)
{
	_cleanup_close_ int fd = -1;

	apply("  - {to: [{ipBlock: {cidr: " DNS "/32}}], ports: [{port: 53, protocol: UDP}], "
	      "dns: [{name: api.example.com}, {pattern: \"*.wild.example\"}]}\n"
	      "  - {to: [{fqdns: [{pattern: \"*\"}]}], ports: [{port: 80}]}\n");
	ok(resolve("api.example.com", "203.0.113.1"), "a name of the rule may be asked");
	ok(resolve("x.wild.example", "203.0.113.2"), "and one of its pattern");
	ok(!resolve("evil.example", "203.0.113.2"), "no other question reaches the server");
	fd = connect_to("203.0.113.1");
	ok(fd >= 0 && carries(fd, web[0]), "and the answers are learnt");
}

int main(void)
{
	struct rast_err err = {0};

	if (rast_instance_init(&in, "tfqdnt", &err) < 0)
		bail("%s", err.text);
	if (rast_policy_bpf_supported(&err) < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	if (system("ip -V >/dev/null 2>&1")) {
		printf("1..0 # SKIP ip is missing\n");
		return 0;
	}
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGHUP, on_signal);
	(void)atexit(cleanup);
	make_stage();
	test_traffic();
	test_questions();
	return done();
}
