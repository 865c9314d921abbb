// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link of one pod: see network.h. Two batches make it: one on the host creates the pair with both
 * ends where they belong, one inside the namespace gives addresses and routes.
 *
 * The pod's end is up and has its route before the host's end is: a gateway needs an interface that is
 * up, not one that has a carrier.
 */
#include "network/network.h"

#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/network_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void rast_network_ifname(const struct rast_instance *in, uint32_t addr, char ret_name[16])
{
	(void)snprintf(ret_name, 16, "%.11s%04x", in->name, (addr - in->pod_cidr) & 0xffff);
}

void rast_network_mac(uint32_t addr, uint8_t ret_mac[6])
{
	uint32_t net = htonl(addr);

	ret_mac[0] = 0x0a;
	ret_mac[1] = 0x58;
	memcpy(ret_mac + 2, &net, sizeof(net));
}

static void add_pair(struct rast_nl *nl, const struct rast_link *br, int netns_fd,
		     const uint8_t mac[6], const char *host_ifname)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data, *peer;
	struct nl_msg *m;

	m = rast_nl_add(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), host_ifname);
	rast_nl_put_str(nl, m, IFLA_IFNAME, host_ifname);
	rast_nl_put_u32(nl, m, IFLA_MTU, br->mtu);
	rast_nl_put_u32(nl, m, IFLA_MASTER, (uint32_t)br->index);
	info = rast_nl_nest(nl, m, IFLA_LINKINFO);
	rast_nl_put_str(nl, m, IFLA_INFO_KIND, "veth");
	data = rast_nl_nest(nl, m, IFLA_INFO_DATA);
	peer = rast_nl_nest(nl, m, VETH_INFO_PEER);
	if (m && nlmsg_append(m, (void *)(uintptr_t)&ifi, sizeof(ifi), 0) < 0)
		nl->oom = true;
	rast_nl_put_str(nl, m, IFLA_IFNAME, RAST_NETWORK_POD_IF);
	rast_nl_put_u32(nl, m, IFLA_MTU, br->mtu);
	rast_nl_put(nl, m, IFLA_ADDRESS, mac, 6);
	rast_nl_put_u32(nl, m, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	rast_nl_nest_end(m, peer);
	rast_nl_nest_end(m, data);
	rast_nl_nest_end(m, info);
	rast_link_no_addrgen(nl, 0, host_ifname);
	rast_link_ask(nl, host_ifname);
}

static int inside(const struct rast_instance *in, int netns_fd, int index, uint32_t addr,
		  const uint8_t mac[6], struct rast_err *err)
{
	const struct rtmsg rt = {.rtm_family = AF_INET,
				 .rtm_table = RT_TABLE_MAIN,
				 .rtm_protocol = RTPROT_BOOT,
				 .rtm_scope = RT_SCOPE_UNIVERSE,
				 .rtm_type = RTN_UNICAST};
	const uint32_t gateway = htonl(rast_ipam_gateway(in));
	uint8_t addr6[16], gateway6[16];
	_cleanup_nl_ struct rast_nl nl;
	struct nl_msg *m;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, netns_fd, err);
	if (r < 0)
		return r;
	rast_link_set_up(&nl, 1); /* lo is always the first */
	rast_link_no_addrgen(&nl, index, NULL);
	rast_link_add_address(&nl, index, addr, in->pod_prefix);
	rast_link_set_up(&nl, index);
	m = rast_nl_add(&nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rt, sizeof(rt),
			"default route");
	rast_nl_put(&nl, m, RTA_GATEWAY, &gateway, sizeof(gateway));
	rast_nl_put_u32(&nl, m, RTA_OIF, (uint32_t)index);
	if (rast_network_addr6(in, addr, addr6)) {
		rast_ipv6_add_addresses(&nl, index, addr6, mac);
		rast_ipv6_of(in, rast_ipam_gateway(in), gateway6);
		rast_ipv6_add_default_route(&nl, index, gateway6);
	}
	return rast_nl_commit(&nl, NULL, NULL, err);
}

int rast_network_pod_add(const struct rast_instance *in, int netns_fd, uint32_t addr,
			 const char *host_ifname, int *ret_ifindex, uint8_t ret_mac[6],
			 struct rast_err *err)
{
	struct rast_link br, host = {0};
	_cleanup_nl_ struct rast_nl nl;
	uint8_t mac[6];
	int r;

	if (!*host_ifname || strlen(host_ifname) > 15)
		return rast_err_set(err, EINVAL, "interface name \"%.32s\"", host_ifname);
	if (addr <= rast_ipam_gateway(in) || addr >= rast_ipam_broadcast(in))
		return rast_err_set(err, EINVAL, "address is not of the pod range");
	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	r = rast_link_get(&nl, in->bridge, &br, err);
	if (r < 0)
		return r;
	if (!br.index)
		return rast_err_set(err, ENODEV, "pod bridge %s is not there", in->bridge);
	rast_network_mac(addr, mac);
	add_pair(&nl, &br, netns_fd, mac, host_ifname);
	r = rast_nl_commit(&nl, rast_link_parse, &host, err);
	if (r == -EEXIST && !host.index)
		return rast_err_prefix(err, "pod link"); /* eth0 is taken inside */
	if (r == -EEXIST)
		return rast_err_prefix(err, "pod link %s", host_ifname); /* somebody else's */
	if (!r)
		r = inside(in, netns_fd, host.peer, addr, mac, err);
	if (r < 0) {
		if (host.index)
			(void)rast_network_pod_del(in, host_ifname, NULL);
		return rast_err_prefix(err, "pod link %s", host_ifname);
	}
	*ret_ifindex = host.index;
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

int rast_network_pod_up(const struct rast_instance *in, int ifindex, struct rast_err *err)
{
	_cleanup_nl_ struct rast_nl nl;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	rast_link_set_up(&nl, ifindex);
	r = rast_nl_commit(&nl, NULL, NULL, err);
	return r < 0 ? rast_err_prefix(err, "pod link of %s", in->bridge) : 0;
}

int rast_network_pod_del(const struct rast_instance *in, const char *host_ifname,
			 struct rast_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	_cleanup_nl_ struct rast_nl nl;
	struct nl_msg *m;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	m = rast_nl_add(&nl, RTM_DELLINK, 0, &ifi, sizeof(ifi), host_ifname);
	rast_nl_tolerate(&nl, ENODEV);
	rast_nl_put_str(&nl, m, IFLA_IFNAME, host_ifname);
	return rast_nl_commit(&nl, NULL, NULL, err);
}

static int add_row(const struct rast_link *port, void *arg)
{
	return json_array_append_new(arg, json_pack("{s:s,s:i,s:b}", "name", port->name, "ifindex",
						    port->index, "up", !!(port->flags & 1)))
		       ? -ENOMEM
		       : 0;
}

int rast_network_pod_list(const struct rast_instance *in, json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_nl_ struct rast_nl nl;
	struct rast_link br;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	r = rast_link_get(&nl, in->bridge, &br, err);
	if (!r && !rows)
		r = -ENOMEM;
	if (!r && br.index)
		r = rast_link_each_port(&nl, br.index, add_row, rows, err);
	if (r < 0)
		return rast_err_sys(err, -r, "ports of %s", in->bridge);
	*ret = TAKE_PTR(rows);
	return 0;
}

int rast_network_port_in_use(enum rast_network_proto proto, uint32_t addr, uint16_t port,
			     struct rast_err *err)
{
	const struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr)};
	const int on = 1, type = proto == RAST_NETWORK_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), r = 0;
	char text[16];

	if (fd < 0)
		return rast_err_sys(err, errno, "socket");
	/* Connections in TIME_WAIT do not take a TCP port; with this only a listener does. */
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = errno;
	(void)close(fd);
	if (r == EADDRINUSE)
		return rast_err_set(err, r, "port %u/%s of the host (%s) is in use", port,
				    type == SOCK_STREAM ? "tcp" : "udp",
				    addr ? rast_ipam_format(addr, text) : "any address");
	return r ? rast_err_sys(err, r, "port %u of the host", port) : 0;
}
