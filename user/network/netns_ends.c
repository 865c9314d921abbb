// SPDX-License-Identifier: BSD-2-Clause
/*
 * See netns_ends.h. A peer's index says nothing alone: it may be that of an interface in a third
 * namespace. So the peer must name the interface as its own peer, in the very namespace we look at.
 */
#include "network/netns_ends.h"

#include "base/fd.h"
#include "network/network_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#define MAX_INSIDE 64

struct inside {
	struct rast_link link;
	uint32_t addr;
	uint8_t addr6[16];
	unsigned int n_addr, n_addr6;
};

struct look {
	struct inside v[MAX_INSIDE];
	size_t n;
};

static int add_link(const struct nlmsghdr *h, void *arg)
{
	struct look *look = arg;
	struct rast_link l = {0};

	(void)rast_link_parse(h, &l);
	if (!l.index || (l.flags & IFF_LOOPBACK) || !strcmp(l.kind, "dummy"))
		return 0;
	if (look->n == MAX_INSIDE)
		return -E2BIG;
	look->v[look->n++] = (struct inside){.link = l};
	return 0;
}

static int add_address(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1], *a;
	struct look *look = arg;
	size_t i;

	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return 0;
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (a && (size_t)nla_len(a) != (ifa->ifa_family == AF_INET6 ? 16 : sizeof(uint32_t)))
		return 0;
	for (i = 0; a && i < look->n; i++) {
		if (look->v[i].link.index != (int)ifa->ifa_index)
			continue;
		if (ifa->ifa_family == AF_INET6) {
			if (ifa->ifa_scope != RT_SCOPE_UNIVERSE)
				continue;
			memcpy(look->v[i].addr6, nla_data(a), 16);
			look->v[i].n_addr6++;
		} else {
			look->v[i].addr = ntohl(nla_get_u32(a));
			look->v[i].n_addr++;
		}
	}
	return 0;
}

static int ask_inside(int netns_fd, struct look *ret, struct rast_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	const struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};
	_cleanup_nl_ struct rast_nl nl;
	struct nl_msg *m;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, netns_fd, err);
	if (r < 0)
		return r;
	m = rast_nl_add(&nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "interfaces");
	rast_nl_put_u32(&nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = rast_nl_commit(&nl, add_link, ret, err);
	if (r == -E2BIG)
		return rast_err_set(err, E2BIG, "more than %d interfaces", MAX_INSIDE);
	if (r < 0)
		return r;
	(void)rast_nl_add(&nl, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "addresses");
	return rast_nl_commit(&nl, add_address, ret, err);
}

struct peer {
	struct rast_link link;
	int nsid;
};

static int peer_answer(const struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[NETNSA_MAX + 1];
	struct peer *p = arg;

	if (h->nlmsg_type == RTM_NEWLINK)
		return rast_link_parse(h, &p->link);
	if (h->nlmsg_type == RTM_NEWNSID &&
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtgenmsg), tb, NETNSA_MAX,
			NULL) == 0 &&
	    tb[NETNSA_NSID])
		p->nsid = (int)nla_get_u32(tb[NETNSA_NSID]);
	return 0;
}

static int find_peer(struct rast_nl *nl, int netns_fd, const struct rast_link *l,
		     struct rast_link *ret, struct rast_err *err)
{
	const struct rtgenmsg gen = {.rtgen_family = AF_UNSPEC};
	struct peer p = {.nsid = -1};
	struct nl_msg *m;
	int r;

	if (!strcmp(l->kind, "veth") && l->peer) {
		/* In this order: asking for a link gives the other namespace its number. */
		rast_link_ask_index(nl, l->peer);
		rast_nl_tolerate(nl, ENODEV);
		m = rast_nl_add(nl, RTM_GETNSID, 0, &gen, sizeof(gen), "network namespace");
		rast_nl_put_u32(nl, m, NETNSA_FD, (uint32_t)netns_fd);
		r = rast_nl_commit(nl, peer_answer, &p, err);
		if (r < 0)
			return r;
	}
	if (!p.link.index || strcmp(p.link.kind, "veth") != 0 || p.link.peer != l->index ||
	    p.nsid < 0 || p.link.netns != p.nsid)
		return rast_err_set(err, EOPNOTSUPP,
				    "interface %s (%s) is no veth with its other end on this node: "
				    "there is no place for policy",
				    l->name, *l->kind ? l->kind : "no known kind");
	*ret = p.link;
	return 0;
}

int rast_netns_ends(int netns_fd, const char *only, struct rast_netns_end *ret, size_t *ret_n,
		    struct rast_err *err)
{
	struct look look = {.n = 0};
	struct rast_netns_end out[RAST_NETNS_MAX_ENDS] = {0};
	_cleanup_nl_ struct rast_nl nl;
	struct rast_link peer = {0};
	size_t i, n = 0;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (!r)
		r = ask_inside(netns_fd, &look, err);
	for (i = 0; !r && i < look.n; i++) {
		const struct inside *in = &look.v[i];

		if (only && strcmp(in->link.name, only) != 0)
			continue;
		/* Tunnels that the kernel puts into each namespace are neither. */
		if (!(in->link.flags & IFF_UP) && !in->n_addr)
			continue;
		if (in->n_addr > 1)
			r = rast_err_set(err, EOPNOTSUPP, "interface %s has %u IPv4 addresses",
					 in->link.name, in->n_addr);
		else if (n == RAST_NETNS_MAX_ENDS)
			r = rast_err_set(err, E2BIG, "more than %d interfaces",
					 RAST_NETNS_MAX_ENDS);
		else
			r = find_peer(&nl, netns_fd, &in->link, &peer, err);
		if (r < 0)
			break;
		memcpy(out[n].inside, in->link.name, sizeof(out[n].inside));
		memcpy(out[n].ifname, peer.name, sizeof(out[n].ifname));
		memcpy(out[n].mac, in->link.mac, sizeof(out[n].mac));
		/* Of several only one could be told from a spoofed one: then none. */
		if (in->n_addr6 == 1)
			memcpy(out[n].addr6, in->addr6, sizeof(out[n].addr6));
		out[n].ifindex = peer.index;
		out[n++].addr = in->addr;
	}
	if (r < 0)
		return r;
	memcpy(ret, out, sizeof(out));
	*ret_n = n;
	return 0;
}
