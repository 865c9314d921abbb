// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links, addresses and routes through netlink: what network.c and network_pod.c put together.
 * Interfaces are asked for by name in the same batch that makes them, because older kernels do not
 * answer a creation with the new index.
 */
#include "network/network_link.h"

#include "base/fd.h"
#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int rast_link_parse(const struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct rast_link *l = arg;

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return 0;
	memset(l, 0, sizeof(*l));
	l->index = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	if (tb[IFLA_LINK])
		l->peer = (int)nla_get_u32(tb[IFLA_LINK]);
	l->netns = tb[IFLA_LINK_NETNSID] ? (int)nla_get_u32(tb[IFLA_LINK_NETNSID]) : -1;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l->mac));
	if (tb[IFLA_MASTER])
		l->master = (int)nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_MTU])
		l->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_IFNAME])
		(void)nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof(l->name));
	if (tb[IFLA_LINKINFO] && !nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) &&
	    info[IFLA_INFO_KIND])
		(void)nla_strlcpy(l->kind, info[IFLA_INFO_KIND], sizeof(l->kind));
	return 0;
}

void rast_link_ask(struct rast_nl *nl, const char *name)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = rast_nl_add(nl, RTM_GETLINK, 0, &ifi, sizeof(ifi), name);

	rast_nl_put_str(nl, m, IFLA_IFNAME, name);
	rast_nl_put_u32(nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void rast_link_ask_index(struct rast_nl *nl, int index)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct nl_msg *m = rast_nl_add(nl, RTM_GETLINK, 0, &ifi, sizeof(ifi), "interface");

	rast_nl_put_u32(nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int rast_link_get(struct rast_nl *nl, const char *name, struct rast_link *ret, struct rast_err *err)
{
	memset(ret, 0, sizeof(*ret));
	rast_link_ask(nl, name);
	rast_nl_tolerate(nl, ENODEV);
	return rast_nl_commit(nl, rast_link_parse, ret, err);
}

void rast_link_no_addrgen(struct rast_nl *nl, int index, const char *name)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct nl_msg *m = rast_nl_add(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "IPv6 of the link");
	struct nlattr *spec, *inet6;

	/* A kernel without IPv6 has nothing to switch off. */
	rast_nl_tolerate(nl, EAFNOSUPPORT);
	if (!index)
		rast_nl_put_str(nl, m, IFLA_IFNAME, name);
	spec = rast_nl_nest(nl, m, IFLA_AF_SPEC);
	inet6 = rast_nl_nest(nl, m, AF_INET6);
	rast_nl_put_u8(nl, m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	rast_nl_nest_end(m, inet6);
	rast_nl_nest_end(m, spec);
}

void rast_link_set_up(struct rast_nl *nl, int index)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC,
				      .ifi_index = index,
				      .ifi_flags = IFF_UP,
				      .ifi_change = IFF_UP};

	(void)rast_nl_add(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "link up");
}

void rast_link_add_address(struct rast_nl *nl, int index, uint32_t addr, uint8_t prefix)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_INET,
				      .ifa_prefixlen = prefix,
				      .ifa_index = (unsigned int)index,
				      .ifa_scope = RT_SCOPE_UNIVERSE};
	uint32_t net = htonl(addr);
	uint32_t brd = htonl(addr | ((1u << (32 - prefix)) - 1));
	struct nl_msg *m;

	m = rast_nl_add(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa), "address");
	rast_nl_tolerate(nl, EEXIST);
	rast_nl_put(nl, m, IFA_LOCAL, &net, sizeof(net));
	rast_nl_put(nl, m, IFA_ADDRESS, &net, sizeof(net));
	rast_nl_put(nl, m, IFA_BROADCAST, &brd, sizeof(brd));
}

/* Missing ones (no IPv6) do not matter. */
void rast_link_bridge_sysctls(const struct rast_instance *in, bool ipv6)
{
	const struct {
		const char *family, *name, *value;
	} set[] = {
		{"ipv6", "disable_ipv6", ipv6 ? "0" : "1"},
		{"ipv6", "accept_ra", "0"},
		{"ipv6", "accept_redirects", "0"},
		/* Pods have addresses of the bridge's own subnet and no others. */
		{"ipv4", "rp_filter", "1"},
		/* Pods on one bridge need not be told that they could talk without us. */
		{"ipv4", "send_redirects", "0"},
		{"ipv4", "accept_redirects", "0"},
	};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", set[i].family,
			       in->bridge, set[i].name);
		(void)rast_write_file(AT_FDCWD, path, set[i].value);
	}
}

int rast_link_make_bridge(struct rast_nl *nl, const struct rast_instance *in, uint32_t mtu,
			  bool ipv6, struct rast_err *err)
{
	uint8_t gateway6[16];
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct rast_link br = {0};
	struct nlattr *info, *data;
	struct nl_msg *m;
	uint8_t mac[6];
	int r;

	rast_network_mac(rast_ipam_gateway(in), mac);
	m = rast_nl_add(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), in->bridge);
	rast_nl_tolerate(nl, EEXIST);
	rast_nl_put_str(nl, m, IFLA_IFNAME, in->bridge);
	/* Set, so that it does not change when pods come and go. */
	rast_nl_put(nl, m, IFLA_ADDRESS, mac, sizeof(mac));
	rast_nl_put_u32(nl, m, IFLA_MTU, mtu);
	info = rast_nl_nest(nl, m, IFLA_LINKINFO);
	rast_nl_put_str(nl, m, IFLA_INFO_KIND, "bridge");
	data = rast_nl_nest(nl, m, IFLA_INFO_DATA);
	rast_nl_put_u32(nl, m, IFLA_BR_STP_STATE, 0);
	/* No timers and no IGMP queries for a bridge that all its ports are known of. */
	rast_nl_put_u8(nl, m, IFLA_BR_MCAST_SNOOPING, 0);
	rast_nl_nest_end(m, data);
	rast_nl_nest_end(m, info);
	rast_link_no_addrgen(nl, 0, in->bridge);
	rast_link_ask(nl, in->bridge);
	r = rast_nl_commit(nl, rast_link_parse, &br, err);
	if (r < 0)
		return rast_err_prefix(err, "pod bridge");
	if (strcmp(br.kind, "bridge"))
		return rast_err_set(err, EEXIST, "interface %s exists and is no bridge",
				    in->bridge);
	rast_link_bridge_sysctls(in, ipv6);
	rast_link_add_address(nl, br.index, rast_ipam_gateway(in), in->pod_prefix);
	rast_link_set_up(nl, br.index);
	if (ipv6) {
		rast_ipv6_of(in, rast_ipam_gateway(in), gateway6);
		rast_ipv6_add_addresses(nl, br.index, gateway6, mac);
	}
	r = rast_nl_commit(nl, NULL, NULL, err);
	return r < 0 ? rast_err_prefix(err, "pod bridge %s", in->bridge) : 0;
}

struct overlap {
	const struct rast_instance *in;
	int bridge, oif;
	uint32_t dst;
	uint8_t prefix;
	bool found;
};

static int check_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct overlap *o = arg;
	uint32_t dst, mask;
	uint8_t shorter;
	int oif;

	if (h->nlmsg_type != RTM_NEWROUTE || !rt->rtm_dst_len || rt->rtm_type != RTN_UNICAST ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0 ||
	    !tb[RTA_DST])
		return 0;
	oif = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	if (o->found || (o->bridge && oif == o->bridge))
		return 0;
	dst = ntohl(nla_get_u32(tb[RTA_DST]));
	/* A route that is wider than the range (10.0.0.0/8 to a VPN) is meant to be overridden. */
	if (rt->rtm_dst_len < o->in->pod_prefix)
		return 0;
	shorter = o->in->pod_prefix;
	mask = ~0u << (32 - shorter);
	if ((dst & mask) != (o->in->pod_cidr & mask))
		return 0;
	o->found = true;
	o->dst = dst;
	o->prefix = rt->rtm_dst_len;
	o->oif = oif;
	return 0;
}

int rast_link_check_range(struct rast_nl *nl, const struct rast_instance *in, int bridge,
			  struct rast_err *err)
{
	const struct rtmsg rt = {.rtm_family = AF_INET};
	struct overlap o = {.in = in, .bridge = bridge};
	char a[16], b[16], dev[IF_NAMESIZE] = "?";
	int r;

	(void)rast_nl_add(nl, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "routes");
	r = rast_nl_commit(nl, check_route, &o, err);
	if (r < 0 || !o.found)
		return r;
	if (o.oif)
		(void)if_indextoname((unsigned int)o.oif, dev);
	return rast_err_set(err, EADDRINUSE,
			    "pod range %s/%u overlaps the route %s/%u on %s; choose another with "
			    "RAST_POD_CIDR",
			    rast_ipam_format(in->pod_cidr, a), in->pod_prefix,
			    rast_ipam_format(o.dst, b), o.prefix, dev);
}

static int take_oif(const struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[RTA_MAX + 1];

	if (h->nlmsg_type == RTM_NEWROUTE &&
	    !nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtmsg), tb, RTA_MAX,
			 NULL) &&
	    tb[RTA_OIF])
		*(uint32_t *)arg = nla_get_u32(tb[RTA_OIF]);
	return 0;
}

uint32_t rast_link_outside_mtu(struct rast_nl *nl)
{
	const struct rtmsg rt = {.rtm_family = AF_INET, .rtm_dst_len = 32};
	const uint32_t anywhere = htonl(0xc6336401); /* 198.51.100.1, TEST-NET-2 */
	struct rast_link out = {0};
	char name[IF_NAMESIZE];
	uint32_t oif = 0;
	struct nl_msg *m;

	m = rast_nl_add(nl, RTM_GETROUTE, 0, &rt, sizeof(rt), "default route");
	rast_nl_put(nl, m, RTA_DST, &anywhere, sizeof(anywhere));
	if (rast_nl_commit(nl, take_oif, &oif, NULL) < 0 || !if_indextoname(oif, name) ||
	    rast_link_get(nl, name, &out, NULL) < 0)
		return 1500;
	/* Loopback (a default route to oneself) has 65536; a bridge of pods does not want that. */
	return out.mtu < 576 || out.mtu > 9216 ? 1500 : out.mtu;
}

struct ports {
	int bridge;
	int (*fn)(const struct rast_link *port, void *arg);
	void *arg;
};

static int take_port(const struct nlmsghdr *h, void *arg)
{
	const struct ports *p = arg;
	struct rast_link l = {0};

	(void)rast_link_parse(h, &l);
	return l.index && l.master == p->bridge ? p->fn(&l, p->arg) : 0;
}

int rast_link_each_port(struct rast_nl *nl, int bridge,
			int (*fn)(const struct rast_link *port, void *arg), void *arg,
			struct rast_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct ports p = {.bridge = bridge, .fn = fn, .arg = arg};
	struct nl_msg *m;

	m = rast_nl_add(nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "links");
	rast_nl_put_u32(nl, m, IFLA_MASTER, (uint32_t)bridge);
	rast_nl_put_u32(nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return rast_nl_commit(nl, take_port, &p, err);
}

struct indexes {
	int *v;
	size_t n, cap;
};

static int take_index(const struct rast_link *port, void *arg)
{
	struct indexes *x = arg;

	/* Somebody else's port, put there by hand, is only let go. */
	if (strcmp(port->kind, "veth"))
		return 0;
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 64;
		int *v = reallocarray(x->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = port->index;
	return 0;
}

static void delete_index(struct rast_nl *nl, int index)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = index};

	(void)rast_nl_add(nl, RTM_DELLINK, 0, &ifi, sizeof(ifi), "remove link");
	rast_nl_tolerate(nl, ENODEV);
}

int rast_link_remove_bridge(struct rast_nl *nl, const struct rast_instance *in,
			    struct rast_err *err)
{
	struct indexes x = {0};
	struct rast_link br;
	int r;

	r = rast_link_get(nl, in->bridge, &br, err);
	if (r < 0 || !br.index || strcmp(br.kind, "bridge"))
		return r;
	r = rast_link_each_port(nl, br.index, take_index, &x, err);
	for (size_t i = 0; !r && i < x.n; i++) {
		delete_index(nl, x.v[i]);
		if (nl->n == RAST_NL_BATCH)
			r = rast_nl_commit(nl, NULL, NULL, err);
	}
	if (!r)
		r = rast_nl_commit(nl, NULL, NULL, err);
	free(x.v);
	if (r < 0)
		return r;
	delete_index(nl, br.index);
	return rast_nl_commit(nl, NULL, NULL, err);
}
