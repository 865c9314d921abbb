// SPDX-License-Identifier: BSD-2-Clause
/*
 * The short cut from pod to pod: policy_out gives both verdicts and counts at both links. What it
 * cannot be sure of it must leave to policy_in, so most claims here are about when it is not taken.
 */
#include "selftests/bpf/policy_stage.h"

#include "base/fd.h"
#include "loader/loader.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

enum { SYN = 0x02, ACK = 0x10 };
enum { INTO_POD = 7 }; /* TC_ACT_REDIRECT */

static void set_link(int at, uint32_t ifindex)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "ifindex_by_addr", NULL);
	static struct rast_link_table table;
	uint32_t zero = 0;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &table))
		bail("ifindex_by_addr");
	table.ifindex[stage.pods[at].addr - stage.in.pod_cidr] = ifindex;
	if (bpf_map_update_elem(fd, &zero, &table, BPF_ANY))
		bail("ifindex_by_addr");
}

/* The endpoint of `at`'s link and of nothing else; `who` has the link now. */
static void set_endpoint(int at, int who, bool there)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", NULL);
	const struct pod *p = &stage.pods[who];
	struct rast_endpoint ep = {
		.identity = p->identity, .slot = p->slot, .addr4 = htonl(p->addr)};

	memcpy(ep.mac, stage.pods[at].mac, 6);
	memcpy(ep.addr6, p->addr6, 16);
	if (there ? bpf_map_update_elem(fd, &stage.pods[at].ifindex, &ep, BPF_ANY)
		  : bpf_map_delete_elem(fd, &stage.pods[at].ifindex))
		bail("endpoint_by_ifindex");
}

static struct frame_spec to_api(uint16_t port, uint8_t flags)
{
	struct frame_spec s = stage_spec(WEB, API);

	s.protocol = IPPROTO_TCP;
	s.sport = 1000;
	s.dport = port;
	s.tcp_flags = flags;
	return s;
}

static int leaves(int from, const struct frame_spec *s)
{
	struct frame f;

	frame_ipv4(&f, s);
	return stage_run(from, OUT, &f);
}

static void test_verdicts(void)
{
	struct frame_spec s = to_api(80, SYN);
	uint64_t web = stage_counters(stage.pods[WEB].slot, OUT).packets;
	struct rast_link_counters api;

	ok(leaves(WEB, &s) == INTO_POD, "what both links allow goes into the other pod at once");
	ok(stage_counters(stage.pods[WEB].slot, OUT).packets == web + 1 &&
		   stage_counters(stage.pods[API].slot, IN).packets == 1,
	   "and counts at both links");
	s = to_api(80, ACK);
	s.src = stage.pods[API].addr;
	s.dst = stage.pods[WEB].addr;
	memcpy(s.smac, stage.pods[API].mac, 6);
	memcpy(s.dmac, stage.pods[WEB].mac, 6);
	s.sport = 80;
	s.dport = 1000;
	ok(leaves(API, &s) == INTO_POD, "so does the answer, by its flow at both links");
	stage_cell(OUT, WEB, API, PORT_REST, true, 21);
	stage_apply();
	stage_events();
	s = to_api(81, SYN);
	ok(leaves(WEB, &s) == DROP, "what the other link denies is dropped");
	stage_events();
	api = stage_counters(stage.pods[API].slot, IN);
	ok(api.dropped[RAST_DROP_POLICY] == 1 && stage.n_events == 1 &&
		   stage.last.direction == IN && stage.last.ifindex == stage.pods[API].ifindex &&
		   stage.last.hdr.slot == stage.pods[API].slot &&
		   stage.last.peer_identity == stage.pods[WEB].identity,
	   "counted and told as the other link's, with the sender as peer");
	s = stage_spec(WEB, DB);
	s.protocol = IPPROTO_TCP;
	s.dport = 80;
	set_link(DB, stage.pods[DB].ifindex);
	ok(leaves(WEB, &s) == DROP && !stage_counters(stage.pods[DB].slot, IN).packets,
	   "what its own link denies does not get to the other one");
	set_link(DB, 0);
}

static void test_ipv6(void)
{
	struct frame6_spec s = stage_spec6(WEB, API);
	struct frame f;

	s.l4.protocol = IPPROTO_TCP;
	s.l4.sport = 1000;
	s.l4.dport = 80;
	s.l4.tcp_flags = SYN;
	frame6(&f, &s);
	ok(stage_run(WEB, OUT, &f) == INTO_POD, "so does an IPv6 packet");
	s.l4.dport = 81;
	frame6(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "whose verdict is the other link's too");
	frame6_neighbour(&f, &s, 135, 0, s.dst, 1, s.l4.smac);
	ok(stage_run(WEB, OUT, &f) == PASS, "neighbour discovery takes the long way");
}

static void test_long_way(void)
{
	struct frame_spec s = to_api(80, SYN);
	uint64_t before = stage_counters(stage.pods[API].slot, IN).packets;

	memcpy(s.dmac, stage.pods[DB].mac, 6);
	ok(leaves(WEB, &s) == PASS, "a frame for another MAC takes the long way");
	s = to_api(80, SYN);
	s.frag = 0x2000;
	ok(leaves(WEB, &s) == PASS, "so does a fragment");
	s = to_api(80, SYN);
	set_endpoint(API, API, false);
	ok(leaves(WEB, &s) == PASS, "and what is for a link that is nobody's");
	set_endpoint(API, DB, true);
	ok(leaves(WEB, &s) == PASS, "or by now another pod's");
	set_endpoint(API, API, true);
	set_link(API, stage.pods[WEB].ifindex);
	ok(leaves(WEB, &s) == PASS, "no packet goes back to the link it came from");
	set_link(API, 0);
	ok(leaves(WEB, &s) == PASS, "and none to an address without a link");
	ok(stage_counters(stage.pods[API].slot, IN).packets == before,
	   "the long way leaves the other link's verdict to policy_in");
}

void stage_short_cut(void)
{
	stage_shop();
	set_link(WEB, stage.pods[WEB].ifindex);
	set_link(API, stage.pods[API].ifindex);
	test_verdicts();
	test_ipv6();
	test_long_way();
	set_link(WEB, 0);
}
