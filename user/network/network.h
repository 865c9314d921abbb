/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pod network of one instance: a bridge that holds the first address of the pod range, one veth
 * pair a pod, masquerade for what leaves the range; the same in IPv6 where the host has it. docs/network.md tells it for people.
 *
 * rast_network_prepare() makes it, rast_network_teardown() takes back everything prepare changed on
 * the host (bridge, nftables table, sysctls); what that was is kept in <run_dir>/network.json, written
 * before the change, so that a killed process leaves nothing unknown.
 * The link of a pod is made down: rast_network_pod_add(), then the policy programs are attached to its
 * ifindex, then rast_network_pod_up(). No packet passes before that.
 * Addresses are in host byte order.
 */
#ifndef RAST_NETWORK_NETWORK_H
#define RAST_NETWORK_NETWORK_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

#define RAST_NETWORK_POD_IF "eth0" /* inside the pod */

/*
 * Idempotent and cheap when all is there (two netlink questions); to be called before each pod start.
 * A host without nf_tables is no error: pods then reach each other and the node but not the outside,
 * and rast_network_warning() says so.
 */
int rast_network_prepare(const struct rast_instance *in, struct rast_err *err);
/* One line about what the prepared network cannot do, or "". To be shown once. */
const char *rast_network_warning(const struct rast_instance *in, char *buf, size_t size);
/* 0 also when there was none. Removes the links of pods that still run. */
int rast_network_teardown(const struct rast_instance *in, struct rast_err *err);

/*
 * The IPv6 address that the pod with this IPv4 one has; false when pods of this instance have none, because
 * it is switched off or the host has no IPv6.
 */
bool rast_network_addr6(const struct rast_instance *in, uint32_t addr, uint8_t ret[16]);

/* Host side of the pod's link: instance name and four hex digits of the address within the range. */
void rast_network_ifname(const struct rast_instance *in, uint32_t addr, char ret_name[16]);
/* 0a:58 and the address: what a pod's interface (and the bridge) has as its MAC. */
void rast_network_mac(uint32_t addr, uint8_t ret_mac[6]);

/*
 * Makes the veth pair: RAST_NETWORK_POD_IF in the namespace with addresses, MAC, default routes
 * and loopback up; `host_ifname` a port of the bridge, down. Fails without leaving a link behind.
 */
int rast_network_pod_add(const struct rast_instance *in, int netns_fd, uint32_t addr,
			 const char *host_ifname, int *ret_ifindex, uint8_t ret_mac[6],
			 struct rast_err *err);
int rast_network_pod_up(const struct rast_instance *in, int ifindex, struct rast_err *err);
/* 0 also when it was not there. */
int rast_network_pod_del(const struct rast_instance *in, const char *host_ifname,
			 struct rast_err *err);
/* Ports of the bridge: array of {"name","ifindex","up"}; empty when there is no bridge. For gc. */
int rast_network_pod_list(const struct rast_instance *in, json_t **ret, struct rast_err *err);

enum rast_network_proto { RAST_NETWORK_TCP, RAST_NETWORK_UDP };
/*
 * Is this port of the host free for a pod's hostPort? 0, or -EADDRINUSE with the text that says what
 * is taken. addr 0: any address. Publishing the port is not done here.
 */
int rast_network_port_in_use(enum rast_network_proto proto, uint32_t addr, uint16_t port,
			     struct rast_err *err);

#endif
