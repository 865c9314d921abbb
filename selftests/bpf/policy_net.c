// SPDX-License-Identifier: BSD-2-Clause
/* See policy_net.h. One per process: its clean-up hangs on atexit and signals. */
#include "selftests/bpf/policy_net.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "network/network.h"
#include "policy/policy_bpf.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct net net;
static int node = -1;
static pid_t owner;

static void drop_pins(void)
{
	(void)rast_bpffs_release(&net.in, NULL);
	(void)rast_remove_tree(AT_FDCWD, net.in.run_dir);
}

static void cleanup(void)
{
	if (getpid() == owner)
		drop_pins();
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

static int own_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		bail("unshare");
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bail("namespace");
	return fd;
}

void net_open(const char *instance)
{
	struct rast_err err = {0};

	if (rast_instance_init(&net.in, instance, &err) < 0)
		bail("%s", err.text);
	if (rast_policy_bpf_supported(&err) < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		exit(0);
	}
	owner = getpid();
	drop_pins();
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGHUP, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)atexit(cleanup);
	net.n_pods = 0;
	node = own_namespace();
	net.world.host4 = net.in.pod_cidr + 1;
	if (system("ip link set lo up"))
		bail("ip");
	if (rast_network_prepare(&net.in, &err) < 0 || rast_policy_bpf_load(&net.in, &err) < 0)
		bail("%s", err.text);
}

static void add_to_world(const char *name, uint32_t identity, uint32_t addr)
{
	struct rast_policy_label label = {.key = "app", .value = name};
	const struct rast_policy_pod pod = {.ns = "t",
					    .name = name,
					    .labels = &label,
					    .n_labels = 1,
					    .identity = identity,
					    .addr4 = addr};

	if (rast_policy_world_add_pod(&net.world, &pod))
		bail("world");
}

void net_add_absent(const char *name)
{
	uint32_t n = (uint32_t)net.world.n_pods;

	add_to_world(name, RAST_IDENTITY_FIRST + n, net.in.pod_cidr + 2 + n);
}

void net_announce(int pod, uint32_t identity)
{
	struct net_pod *p = &net.pods[pod];
	struct rast_endpoint ep = {.identity = identity, .slot = p->slot, .addr4 = htonl(p->addr)};
	struct rast_err err = {0};

	p->identity = identity;
	if (rast_network_addr6(&net.in, p->addr, p->addr6))
		memcpy(ep.addr6, p->addr6, 16);
	memcpy(ep.mac, p->mac, 6);
	if (rast_policy_bpf_endpoint_add(&net.in, (uint32_t)p->ifindex, &ep, &err) < 0)
		bail("%s", err.text);
}

int net_link(const char *name, uint32_t addr, uint32_t identity)
{
	struct net_pod *p = &net.pods[net.n_pods];
	struct rast_err err = {0};

	if (net.n_pods == NET_MAX_PODS)
		bail("too many pods");
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	p->addr = addr;
	p->slot = (uint32_t)net.n_pods;
	p->netns = own_namespace();
	net_enter(-1);
	rast_network_ifname(&net.in, p->addr, p->ifname);
	if (rast_network_pod_add(&net.in, p->netns, p->addr, p->ifname, &p->ifindex, p->mac, &err) <
	    0)
		bail("%s", err.text);
	net_announce(net.n_pods, identity);
	if (rast_network_pod_up(&net.in, p->ifindex, &err) < 0)
		bail("%s", err.text);
	return net.n_pods++;
}

int net_add(const char *name)
{
	uint32_t n = (uint32_t)net.world.n_pods;

	net_add_absent(name);
	return net_link(name, net.in.pod_cidr + 2 + n, RAST_IDENTITY_FIRST + n);
}

struct rast_policy_image *net_compile(const char *yaml, uint32_t generation)
{
	struct rast_policy_image *image = NULL;
	struct rast_policy_set *set = NULL;
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	int r = rast_policy_set_create(&set);

	if (!r)
		r = rast_yaml_parse("policies", yaml, strlen(yaml), &y, &err);
	for (size_t i = 0; !r && i < rast_yaml_count(y); i++)
		r = rast_policy_set_parse(rast_yaml_root(y, i), set, &err);
	if (!r)
		r = rast_policy_compile(set, &net.world, generation, &image, NULL, NULL, &err);
	if (r < 0)
		bail("%s", err.text);
	rast_yaml_destroy(y);
	rast_policy_set_destroy(set);
	return image;
}

void net_apply(const struct rast_policy_image *image)
{
	struct rast_err err = {0};

	if (rast_policy_bpf_apply(&net.in, image, &err) < 0)
		bail("apply: %s", err.text);
}

void net_policy(const char *yaml)
{
	static uint32_t generation;
	_cleanup_free_ struct rast_policy_image *image = net_compile(yaml, ++generation);

	net_apply(image);
}

void net_enter(int pod)
{
	if (setns(pod < 0 ? node : net.pods[pod].netns, CLONE_NEWNET) < 0)
		bail("setns");
}

struct sockaddr_in net_address(int pod, uint16_t port)
{
	uint32_t addr = pod < 0 ? net.in.pod_cidr + 1 : net.pods[pod].addr;

	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr)};
}

int net_socket(int pod, int type, int protocol, uint16_t port)
{
	struct sockaddr_in sa = net_address(pod, port);
	int fd, on = 1;

	net_enter(pod);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		bail("socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		bail("bind to port %u", port);
	net_enter(-1);
	return fd;
}

int net_listen(int pod, uint16_t port)
{
	int fd = net_socket(pod, SOCK_STREAM, 0, port);

	if (listen(fd, 64))
		bail("listen");
	return fd;
}

bool net_wait(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

unsigned int net_retransmitted(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 1 : info.tcpi_total_retrans;
}

void net_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (unsigned int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

void net_run(int pod, const char *cmd)
{
	net_enter(pod);
	if (system(cmd))
		bail("%s", cmd);
	net_enter(-1);
}

struct rast_link_counters net_counters(int pod, int dir)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&net.in, "counters_by_link", NULL);
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct rast_link_counters *c = calloc((size_t)n, sizeof(*c));
	struct rast_link_counters sum = {0};
	uint32_t key = net.pods[pod].slot * 2 + (uint32_t)dir;

	if (!c || bpf_map_lookup_elem(fd, &key, c))
		bail("counters_by_link");
	for (int i = 0; i < n; i++) {
		sum.packets += c[i].packets;
		sum.bytes += c[i].bytes;
		for (int j = 0; j < RAST_DROP_MAX; j++)
			sum.dropped[j] += c[i].dropped[j];
	}
	return sum;
}

uint64_t net_counted(const struct rast_link_counters *c)
{
	uint64_t n = c->packets;

	for (int j = 0; j < RAST_DROP_MAX; j++)
		n += c->dropped[j];
	return n;
}

uint64_t net_sent(int pod)
{
	char path[96], *text;
	uint64_t n = 0;
	FILE *f;

	/* Not /sys/class/net: that shows the namespace of whoever mounted it. */
	(void)snprintf(path, sizeof(path), "/proc/thread-self/net/dev");
	f = fopen(path, "re");
	for (char line[512]; f && fgets(line, sizeof(line), f);) {
		text = strstr(line, net.pods[pod].ifname);
		if (text && sscanf(text + strlen(net.pods[pod].ifname), ": %*u %lu", &n) == 1)
			break;
	}
	if (f)
		(void)fclose(f);
	return n;
}
