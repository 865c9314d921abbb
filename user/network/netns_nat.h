/* SPDX-License-Identifier: BSD-2-Clause */
/* Does anything in a network namespace rewrite packets? Then their addresses are not those that were asked for. */
#ifndef RAST_NETWORK_NETNS_NAT_H
#define RAST_NETWORK_NETNS_NAT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * True when it has tables of nftables (iptables-nft's too) or, by way of a process in it (0: nobody), of
 * iptables-legacy; also when that cannot be found out.
 */
bool rast_netns_may_translate(int netns_fd, pid_t pid);

#endif
