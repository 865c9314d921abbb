/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node in a network namespace, with pods in namespaces of their own, for tests that want real packets:
 * the links are user/network's, the programs and maps policy_bpf's, the images the compiler's. No
 * process plays a pod: whoever wants to act in one asks for a socket there. Namespaces end with the
 * process, however that ends; pins are dropped at exit, and what a killed run left at the next start.
 */
#ifndef RAST_SELFTESTS_BPF_POLICY_NET_H
#define RAST_SELFTESTS_BPF_POLICY_NET_H

#include "base/instance.h"
#include "bpf/policy.h"
#include "policy/policy.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_MAX_PODS 32

struct net_pod {
	char name[32]; /* in namespace t, with the label app: NAME */
	int netns, ifindex;
	char ifname[16];               /* of the node's side */
	uint32_t identity, addr, slot; /* host byte order */
	uint8_t mac[6];
	uint8_t addr6[16];
};

struct net {
	struct rast_instance in;
	struct rast_policy_world world;
	struct net_pod pods[NET_MAX_PODS];
	int n_pods;
};
extern struct net net;

/* Exits with SKIP where policy cannot be loaded. The caller is in the node's namespace then. */
void net_open(const char *instance);
/* Its link comes up under policy. The next number from 0 on. */
int net_add(const char *name);
/* A link without a place in the world, and another identity for it. */
int net_link(const char *name, uint32_t addr, uint32_t identity);
void net_announce(int pod, uint32_t identity);
/* Only in the world: no link. */
void net_add_absent(const char *name);
/* Compiles the documents for all pods; bails out when they are refused. freed by the caller. */
struct rast_policy_image *net_compile(const char *yaml, uint32_t generation);
void net_apply(const struct rast_policy_image *image);
/* Both in one. */
void net_policy(const char *yaml);

/* A socket in the namespace of pod `pod`; -1: the node's. Bound to `port` (0: any) of its address. */
int net_socket(int pod, int type, int protocol, uint16_t port);
/* The same, and listens. */
int net_listen(int pod, uint16_t port);
struct sockaddr_in net_address(int pod, uint16_t port);
/* Runs a command in the namespace of the pod; bails out when it fails. */
void net_run(int pod, const char *cmd);
/* Moves the calling thread; -1: back to the node. */
void net_enter(int pod);
/* Something can be read within that time. */
bool net_wait(int fd, int ms);
/* Segments that TCP sent twice. */
unsigned int net_retransmitted(int fd);
/* The calling thread runs on this CPU, counted round. */
void net_pin(unsigned int cpu);
/* Of the pod's link and direction, summed over CPUs. */
struct rast_link_counters net_counters(int pod, int dir);
uint64_t net_counted(const struct rast_link_counters *c); /* passed and dropped */
/* Packets that the node's side of the link has received: what the pod sent. */
uint64_t net_sent(int pod);

#endif
