// SPDX-License-Identifier: BSD-2-Clause
/* IPv6 of the pod network; see ipv6.h. */
#include "network/ipv6.h"

#include "base/fd.h"
#include "network/ipam.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONF "/proc/sys/net/ipv6/conf/"

static bool is_set(const char *path)
{
	uint64_t v = 0;

	return rast_read_u64(AT_FDCWD, path, &v) == 0 && v != 0;
}

const char *rast_ipv6_why_not(const struct rast_instance *in, bool *ret_asked)
{
	*ret_asked = in->pod6[0] != 0;
	if (!*ret_asked)
		return "";
	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return "the kernel has no IPv6";
	if (is_set(CONF "all/disable_ipv6") || is_set(CONF "default/disable_ipv6"))
		return "net.ipv6.conf.*.disable_ipv6 is set on this host";
	return "";
}

void rast_ipv6_of(const struct rast_instance *in, uint32_t addr, uint8_t ret[16])
{
	uint32_t i = addr - in->pod_cidr;

	memcpy(ret, in->pod6, 16);
	ret[14] = (uint8_t)(i >> 8);
	ret[15] = (uint8_t)i;
}

void rast_ipv6_link_local(const uint8_t mac[6], uint8_t ret[16])
{
	memset(ret, 0, 16);
	ret[0] = 0xfe;
	ret[1] = 0x80;
	memcpy(ret + 8, mac, 3);
	ret[8] ^= 2;
	ret[11] = 0xff;
	ret[12] = 0xfe;
	memcpy(ret + 13, mac + 3, 3);
}

const char *rast_ipv6_format(const uint8_t addr[16], char buf[46])
{
	return inet_ntop(AF_INET6, addr, buf, 46) ? buf : "";
}

static void add_address(struct rast_nl *nl, int index, const uint8_t addr[16], uint8_t prefix,
			unsigned char scope)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_INET6,
				      .ifa_prefixlen = prefix,
				      .ifa_flags = IFA_F_NODAD,
				      .ifa_index = (unsigned int)index,
				      .ifa_scope = scope};
	struct nl_msg *m = rast_nl_add(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa,
				       sizeof(ifa), "IPv6 address");

	rast_nl_tolerate(nl, EEXIST);
	rast_nl_put(nl, m, IFA_LOCAL, addr, 16);
	rast_nl_put(nl, m, IFA_ADDRESS, addr, 16);
}

void rast_ipv6_add_addresses(struct rast_nl *nl, int index, const uint8_t addr[16],
			     const uint8_t mac[6])
{
	uint8_t local[16];

	/* Neighbours that are known are asked again from here. */
	rast_ipv6_link_local(mac, local);
	add_address(nl, index, local, 64, RT_SCOPE_LINK);
	add_address(nl, index, addr, RAST_IPV6_PREFIX, RT_SCOPE_UNIVERSE);
}

void rast_ipv6_add_default_route(struct rast_nl *nl, int index, const uint8_t gateway[16])
{
	const struct rtmsg rt = {.rtm_family = AF_INET6,
				 .rtm_table = RT_TABLE_MAIN,
				 .rtm_protocol = RTPROT_BOOT,
				 .rtm_scope = RT_SCOPE_UNIVERSE,
				 .rtm_type = RTN_UNICAST};
	struct nl_msg *m = rast_nl_add(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rt, sizeof(rt),
				       "IPv6 default route");

	rast_nl_put(nl, m, RTA_GATEWAY, gateway, 16);
	rast_nl_put_u32(nl, m, RTA_OIF, (uint32_t)index);
}

struct overlap {
	const struct rast_instance *in;
	int bridge, oif;
	uint8_t dst[16], bits;
	bool found;
};

static int check_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct overlap *o = arg;
	int oif;

	/* As with IPv4: a wider route is meant to be overridden. */
	if (o->found || h->nlmsg_type != RTM_NEWROUTE || rt->rtm_dst_len < RAST_IPV6_PREFIX ||
	    rt->rtm_type != RTN_UNICAST ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0 ||
	    !tb[RTA_DST] || nla_len(tb[RTA_DST]) != 16)
		return 0;
	oif = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	if ((o->bridge && oif == o->bridge) ||
	    memcmp(nla_data(tb[RTA_DST]), o->in->pod6, RAST_IPV6_PREFIX / 8) != 0)
		return 0;
	memcpy(o->dst, nla_data(tb[RTA_DST]), 16);
	o->bits = rt->rtm_dst_len;
	o->oif = oif;
	o->found = true;
	return 0;
}

int rast_ipv6_check_range(struct rast_nl *nl, const struct rast_instance *in, int bridge,
			  struct rast_err *err)
{
	const struct rtmsg rt = {.rtm_family = AF_INET6};
	struct overlap o = {.in = in, .bridge = bridge};
	char a[46], b[46], dev[IF_NAMESIZE] = "?";
	int r;

	(void)rast_nl_add(nl, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "IPv6 routes");
	r = rast_nl_commit(nl, check_route, &o, err);
	if (r < 0 || !o.found)
		return r;
	if (o.oif)
		(void)if_indextoname((unsigned int)o.oif, dev);
	return rast_err_set(err, EADDRINUSE,
			    "pod range %s/%u overlaps the route %s/%u on %s; choose another with "
			    "RAST_POD_CIDR6",
			    rast_ipv6_format(in->pod6, a), RAST_IPV6_PREFIX,
			    rast_ipv6_format(o.dst, b), o.bits, dev);
}

static int take_default(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rt = nlmsg_data(h);
	enum rast_ipv6_outside *way = arg;
	struct nlattr *tb[RTA_MAX + 1];
	char name[IF_NAMESIZE], path[96];
	uint64_t accept = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || rt->rtm_dst_len || rt->rtm_type != RTN_UNICAST ||
	    rt->rtm_table != RT_TABLE_MAIN ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return 0;
	if (rt->rtm_protocol != RTPROT_RA) {
		if (*way == RAST_IPV6_NOWHERE)
			*way = RAST_IPV6_STATIC;
		return 0;
	}
	/* 2: hears routers although it forwards. */
	if (tb[RTA_OIF] && if_indextoname(nla_get_u32(tb[RTA_OIF]), name)) {
		(void)snprintf(path, sizeof(path), CONF "%s/accept_ra", name);
		(void)rast_read_u64(AT_FDCWD, path, &accept);
	}
	*way = accept == 2 ? RAST_IPV6_STATIC : RAST_IPV6_ADVERTISED;
	return 0;
}

enum rast_ipv6_outside rast_ipv6_way_outside(struct rast_nl *nl)
{
	const struct rtmsg rt = {.rtm_family = AF_INET6};
	enum rast_ipv6_outside way = RAST_IPV6_NOWHERE;

	(void)rast_nl_add(nl, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "IPv6 routes");
	if (rast_nl_commit(nl, take_default, &way, NULL) < 0)
		return RAST_IPV6_NOWHERE;
	return way;
}
