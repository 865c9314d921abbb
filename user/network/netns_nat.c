// SPDX-License-Identifier: BSD-2-Clause
/* See netns_nat.h. A kernel without nf_tables has none of its tables. */
#include "network/netns_nat.h"

#include "base/fd.h"
#include "network/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <unistd.h>

static int seen(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE))
		*(bool *)arg = true;
	return 0;
}

static bool has_nft_tables(int netns_fd)
{
	const struct nfgenmsg g = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	_cleanup_nl_ struct rast_nl nl;
	bool any = false;

	if (rast_nl_open(&nl, NETLINK_NETFILTER, netns_fd, NULL) < 0)
		return false;
	(void)rast_nl_add(&nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP, &g,
			  sizeof(g), "nftables");
	rast_nl_tolerate(&nl, EINVAL); /* no nf_tables */
	return rast_nl_commit(&nl, seen, &any, NULL) < 0 || any;
}

static bool has_legacy_tables(pid_t pid)
{
	char path[64], byte;
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/ip_tables_names", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, &byte, 1);
	(void)close(fd);
	return n > 0;
}

bool rast_netns_may_translate(int netns_fd, pid_t pid)
{
	return has_nft_tables(netns_fd) || (pid > 0 && has_legacy_tables(pid));
}
