// SPDX-License-Identifier: BSD-2-Clause
/* See policy_judge.h. */
#include "selftests/bpf/policy_judge.h"

#include "selftests/bpf/policy_stage.h"

#include "bpf/container.h"
#include "loader/loader.h"
#include "policy/policy_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A port that no question is about: an answer to a flow from there would be let through. */
#define FROM_PORT 40001

static int endpoints = -1, addrs = -1, foreign = -1;
static struct pod *const link_pod = &stage.pods[WEB];
static uint8_t peer_mac[6] = {0x0a, 0x58, 0, 0, 0, 0xee};

void judge_open(const char *instance, const char *pod_cidr)
{
	const struct rast_foreign there = {.addresses = 1};
	struct rast_err err = {0};
	uint32_t zero = 0;
	int control;

	if (setenv("RAST_POD_CIDR", pod_cidr, 1) < 0)
		bail("setenv");
	stage_open(instance);
	endpoints = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", &err);
	addrs = rast_loader_map_fd(&stage.in, "identity_by_addr", &err);
	foreign = rast_loader_map_fd(&stage.in, "identity_by_foreign", &err);
	control = rast_loader_map_fd(&stage.in, "foreign_control", &err);
	if (endpoints < 0 || addrs < 0 || foreign < 0 || control < 0 ||
	    bpf_map_update_elem(control, &zero, &there, BPF_ANY))
		bail("%s", err.text);
}

static void addr6_of(const struct rast_policy_pod *pod, uint8_t ret[16])
{
	static const uint8_t none[16];
	uint32_t at = pod->addr4 - stage.in.pod_cidr;

	memcpy(ret, pod->addr6, 16);
	if (memcmp(ret, none, 16) != 0)
		return;
	memcpy(ret, stage.in.pod6, 16);
	ret[14] = (uint8_t)(at >> 8);
	ret[15] = (uint8_t)at;
}

/* Pods that have IPv6 alone have addresses outside the range. */
static void place_foreign(const struct rast_policy_world *world)
{
	struct rast_addr key;

	while (!bpf_map_get_next_key(foreign, NULL, &key))
		(void)bpf_map_delete_elem(foreign, &key);
	for (size_t i = 0; i < world->n_pods; i++)
		if (!world->pods[i].addr4 && bpf_map_update_elem(foreign, world->pods[i].addr6,
								 &world->pods[i].identity, BPF_ANY))
			bail("identity_by_foreign: %s", strerror(errno));
}

void judge_world(const struct rast_policy_world *world)
{
	static struct rast_addr_table table;
	uint32_t zero = 0;

	memset(&table, 0, sizeof(table));
	table.identity[1] = RAST_IDENTITY_HOST;
	for (size_t i = 0; i < world->n_pods; i++) {
		uint32_t at = world->pods[i].addr4 - stage.in.pod_cidr;

		if (!world->pods[i].addr4)
			continue;
		if (at >= RAST_MAX_POD_ADDRS)
			bail("%s is outside the pod range", world->pods[i].name);
		table.identity[at] = (uint16_t)world->pods[i].identity;
	}
	if (bpf_map_update_elem(addrs, &zero, &table, BPF_ANY))
		bail("identity_by_addr: %s", strerror(errno));
	place_foreign(world);
	link_pod->identity = RAST_IDENTITY_WORLD;
}

void judge_apply(const struct rast_policy_image *image)
{
	struct rast_err err = {0};

	if (rast_policy_bpf_apply(&stage.in, image, &err) < 0)
		bail("apply: %s", err.text);
}

static void play(const struct rast_policy_pod *pod)
{
	struct rast_endpoint ep = {
		.identity = pod->identity, .slot = link_pod->slot, .addr4 = htonl(pod->addr4)};

	uint8_t addr6[16];

	if (link_pod->identity == pod->identity)
		return;
	link_pod->identity = pod->identity;
	link_pod->addr = pod->addr4;
	memcpy(ep.mac, link_pod->mac, 6);
	addr6_of(pod, addr6);
	memcpy(ep.addr6, addr6, 16);
	if (bpf_map_update_elem(endpoints, &link_pod->ifindex, &ep, BPF_ANY))
		bail("endpoint_by_ifindex: %s", strerror(errno));
}

/* The first packet of a flow, MACs included; addresses are for the caller. */
static struct frame_spec question(enum rast_direction dir, enum rast_policy_proto proto,
				  uint16_t port)
{
	static const uint8_t numbers[] = {IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_SCTP,
					  IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE};
	bool out = dir == RAST_DIR_EGRESS;
	struct frame_spec s = {
		/* Without ports whatever goes back is an answer: of two numbers neither answers the other. */
		.protocol = proto == RAST_PROTO_OTHER && !out ? IPPROTO_ESP : numbers[proto],
		.sport = FROM_PORT,
		.dport = port,
		.tcp_flags = 0x02,
		.icmp_type = (uint8_t)(port >> 8),
		.icmp_code = (uint8_t)port,
		/* No two types have one identifier, or one would answer the other. */
		.icmp_id = (uint16_t)(port >> 8)};

	memcpy(out ? s.smac : s.dmac, link_pod->mac, 6);
	memcpy(out ? s.dmac : s.smac, peer_mac, 6);
	return s;
}

bool judge_allows(enum rast_direction dir, const struct rast_policy_pod *pod,
		  const struct rast_policy_pod *peer, uint32_t addr4, enum rast_policy_proto proto,
		  uint16_t port)
{
	uint32_t other = peer ? peer->addr4 : addr4 ? addr4 : stage.in.pod_cidr + 1;
	struct frame_spec s = question(dir, proto, port);
	bool out = dir == RAST_DIR_EGRESS;
	struct frame f;

	play(pod);
	s.src = out ? pod->addr4 : other;
	s.dst = out ? other : pod->addr4;
	frame_ipv4(&f, &s);
	if (!out && !peer && !addr4)
		return stage_run_from_node(WEB, &f) == PASS;
	return stage_run(WEB, dir, &f) == PASS;
}

bool judge_allows6(enum rast_direction dir, const struct rast_policy_pod *pod,
		   const struct rast_policy_pod *peer, const uint8_t *addr6,
		   enum rast_policy_proto proto, uint16_t port)
{
	bool out = dir == RAST_DIR_EGRESS;
	struct frame6_spec s = {.l4 = question(dir, proto, port)};
	struct frame f;

	play(pod);
	addr6_of(pod, out ? s.src : s.dst);
	if (peer) {
		addr6_of(peer, out ? s.dst : s.src);
	} else if (addr6) {
		memcpy(out ? s.dst : s.src, addr6, 16);
	} else {
		memcpy(out ? s.dst : s.src, stage.in.pod6, 16);
		(out ? s.dst : s.src)[15] = 1;
	}
	frame6(&f, &s);
	if (!out && !peer && !addr6)
		return stage_run_from_node(WEB, &f) == PASS;
	return stage_run(WEB, dir, &f) == PASS;
}
