/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Verdicts at connect(2) and sendto(2): `links_by_netns` says which policed links a network namespace has.
 * Its key is the namespace's cookie (SO_NETNS_COOKIE), a number that is never used twice. Only namespaces
 * are in it in which nobody can lay routes, addresses or translations of their own: in others only the
 * packet itself shows where a connection goes.
 */
#ifndef RAST_BPF_CONNECT_H
#define RAST_BPF_CONNECT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define RAST_NETNS_LINKS 8u /* = RAST_NETNS_MAX_ENDS */

struct rast_netns_links {
	__u32 ifindex[RAST_NETNS_LINKS]; /* host sides, keys of endpoint_by_ifindex; 0: no more */
};

#endif
