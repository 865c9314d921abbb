/* SPDX-License-Identifier: BSD-2-Clause */
/* Links, addresses and routes of the host, as network.c needs them; inside user/network only. */
#ifndef RAST_NETWORK_NETWORK_LINK_H
#define RAST_NETWORK_NETWORK_LINK_H

#include "base/instance.h"
#include "network/netlink.h"

#include <stdbool.h>

struct rast_link {
	int index; /* 0: there is none of that name */
	int peer;  /* index of the other side, in its namespace */
	int netns; /* number that this namespace has for that one; -1: the same, or there is none */
	int master; /* bridge it is a port of; 0: none */
	unsigned int flags;
	uint32_t mtu;
	uint8_t mac[6];
	char kind[16];
	char name[16];
};

/* -ENODEV is not an error: ret->index is 0. */
int rast_link_get(struct rast_nl *nl, const char *name, struct rast_link *ret,
		  struct rast_err *err);
/* Adds a request for the link to a batch; rast_link_parse() as reply handler then fills `struct rast_link`. */
void rast_link_ask(struct rast_nl *nl, const char *name);
int rast_link_parse(const struct nlmsghdr *h, void *link);
void rast_link_ask_index(struct rast_nl *nl, int index);
/* Adds "no IPv6 address of its own accord" for the link. */
void rast_link_no_addrgen(struct rast_nl *nl, int index, const char *name);
void rast_link_set_up(struct rast_nl *nl, int index);
void rast_link_add_address(struct rast_nl *nl, int index, uint32_t addr, uint8_t prefix);

/* Makes bridge `in->bridge` with its addresses, up. */
int rast_link_make_bridge(struct rast_nl *nl, const struct rast_instance *in, uint32_t mtu,
			  bool ipv6, struct rast_err *err);
/* Settings of the bridge's own; they go with it. */
void rast_link_bridge_sysctls(const struct rast_instance *in, bool ipv6);
/* -EADDRINUSE when the pod range overlaps a route of the host that is not the bridge's own. */
int rast_link_check_range(struct rast_nl *nl, const struct rast_instance *in, int bridge,
			  struct rast_err *err);
/* MTU of the interface that leads outside; 1500 when none does. */
uint32_t rast_link_outside_mtu(struct rast_nl *nl);
/* Deletes the bridge's ports and the bridge. */
int rast_link_remove_bridge(struct rast_nl *nl, const struct rast_instance *in,
			    struct rast_err *err);
/* Calls fn for every port of the bridge. */
int rast_link_each_port(struct rast_nl *nl, int bridge,
			int (*fn)(const struct rast_link *port, void *arg), void *arg,
			struct rast_err *err);

#endif
