/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pod network's IPv6 half. A pod has the same index in both ranges, so nothing is handed out here: its
 * address follows from the IPv4 one. All addresses are set by hand without duplicate detection: the programs
 * on the links let nobody claim another's.
 */
#ifndef RAST_NETWORK_IPV6_H
#define RAST_NETWORK_IPV6_H

#include "base/instance.h"
#include "network/netlink.h"

#include <stdbool.h>
#include <stdint.h>

#define RAST_IPV6_PREFIX 112

/* "": pods can have IPv6 here; else why not ("" with *ret_asked false: it was switched off). */
const char *rast_ipv6_why_not(const struct rast_instance *in, bool *ret_asked);
/* Of the pod that has this IPv4 address (host byte order). */
void rast_ipv6_of(const struct rast_instance *in, uint32_t addr, uint8_t ret[16]);
/* The link-local address that a MAC makes (EUI-64). */
void rast_ipv6_link_local(const uint8_t mac[6], uint8_t ret[16]);
/* "fd77:7261:7374::a4d:0:2" */
const char *rast_ipv6_format(const uint8_t addr[16], char buf[46]);

/* Add to a batch: the pod's or the bridge's address and its link-local one; the way outside. */
void rast_ipv6_add_addresses(struct rast_nl *nl, int index, const uint8_t addr[16],
			     const uint8_t mac[6]);
void rast_ipv6_add_default_route(struct rast_nl *nl, int index, const uint8_t gateway[16]);

/* -EADDRINUSE when the range overlaps a route of the host that is not the bridge's own. */
int rast_ipv6_check_range(struct rast_nl *nl, const struct rast_instance *in, int bridge,
			  struct rast_err *err);

enum rast_ipv6_outside {
	RAST_IPV6_NOWHERE, /* the host has no way outside itself */
	RAST_IPV6_STATIC,
	RAST_IPV6_ADVERTISED /* forwarding would end it: hosts that forward hear no routers */
};
enum rast_ipv6_outside rast_ipv6_way_outside(struct rast_nl *nl);

#endif
