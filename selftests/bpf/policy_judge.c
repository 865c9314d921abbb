// SPDX-License-Identifier: BSD-2-Clause
/* See policy_judge.h. */
#include "selftests/bpf/policy_judge.h"

#include "selftests/bpf/policy_stage.h"

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

static int endpoints = -1, addrs = -1;
static struct pod *const link_pod = &stage.pods[WEB];
static uint8_t peer_mac[6] = {0x0a, 0x58, 0, 0, 0, 0xee};

void judge_open(const char *instance, const char *pod_cidr)
{
	struct rast_err err = {0};

	if (setenv("RAST_POD_CIDR", pod_cidr, 1) < 0)
		bail("setenv");
	stage_open(instance);
	endpoints = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", &err);
	addrs = rast_loader_map_fd(&stage.in, "identity_by_addr", &err);
	if (endpoints < 0 || addrs < 0)
		bail("%s", err.text);
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

	if (link_pod->identity == pod->identity)
		return;
	link_pod->identity = pod->identity;
	link_pod->addr = pod->addr4;
	memcpy(ep.mac, link_pod->mac, 6);
	if (bpf_map_update_elem(endpoints, &link_pod->ifindex, &ep, BPF_ANY))
		bail("endpoint_by_ifindex: %s", strerror(errno));
}

bool judge_allows(enum rast_direction dir, const struct rast_policy_pod *pod,
		  const struct rast_policy_pod *peer, uint32_t addr4, enum rast_policy_proto proto,
		  uint16_t port)
{
	static const uint8_t numbers[] = {IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_SCTP,
					  IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE};
	uint32_t other = peer ? peer->addr4 : addr4 ? addr4 : stage.in.pod_cidr + 1;
	bool out = dir == RAST_DIR_EGRESS;
	struct frame_spec s = {
		.src = out ? pod->addr4 : other,
		.dst = out ? other : pod->addr4,
		/* Without ports whatever goes back is an answer: of two numbers neither answers the other. */
		.protocol = proto == RAST_PROTO_OTHER && !out ? IPPROTO_ESP : numbers[proto],
		.sport = FROM_PORT,
		.dport = port,
		.tcp_flags = 0x02,
		.icmp_type = (uint8_t)(port >> 8),
		.icmp_code = (uint8_t)port,
		/* No two types have one identifier, or one would answer the other. */
		.icmp_id = (uint16_t)(port >> 8)};
	struct frame f;

	play(pod);
	memcpy(out ? s.smac : s.dmac, link_pod->mac, 6);
	memcpy(out ? s.dmac : s.smac, peer_mac, 6);
	frame_ipv4(&f, &s);
	if (!out && !peer && !addr4)
		return stage_run_from_node(WEB, &f) == PASS;
	return stage_run(WEB, dir, &f) == PASS;
}
