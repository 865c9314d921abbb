/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The links of a network namespace that another program has set up (podman, a CNI plugin), seen from this
 * one: where policy can stand. Addresses are in host byte order.
 */
#ifndef RAST_NETWORK_NETNS_ENDS_H
#define RAST_NETWORK_NETNS_ENDS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define RAST_NETNS_MAX_ENDS 8

struct rast_netns_end {
	char inside[16]; /* name of the interface in there */
	char ifname[16]; /* of its peer here */
	int ifindex;     /* of that peer */
	uint8_t mac[6];  /* of the interface in there */
	uint32_t addr;
	uint8_t addr6
		[16]; /* its IPv6 address, beside link-local ones; all zero: none, or several */
};

/*
 * Every interface in there that can carry packets: one that is up or has an IPv4 address, other than
 * loopback and dummies. Each must be a veth whose peer is in the caller's namespace, with one IPv4
 * address at most, else -EOPNOTSUPP with what is wrong. One without an address has addr 0: what it
 * sends will be refused. `ret` has room for RAST_NETNS_MAX_ENDS. `only` (may be NULL): no other
 * interface than this one, by its name in there, is looked at.
 */
int rast_netns_ends(int netns_fd, const char *only, struct rast_netns_end *ret, size_t *ret_n,
		    struct rast_err *err);

#endif
