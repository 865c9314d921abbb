// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of flows that no socket tells of, on crafted frames: what is counted, what a sweep tells, and that
 * a flood without a reader loses none. TCP and its sockets: flow_log.sh.
 */
#include "selftests/bpf/policy_stage.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/flow_bpf.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define UDP_FRAME_HEAD (14 + 20 + 8)
#define MINUTE 60000000000ull

static void setup(void)
{
	stage_shop();
	(void)rast_policy_bpf_set_flags(&stage.in, RAST_POLICY_LOG_ENDED, NULL);
}

static int udp(int from, int to, uint16_t sport, uint16_t dport)
{
	struct frame_spec s = stage_spec(from, to);

	s.protocol = IPPROTO_UDP;
	s.sport = sport;
	s.dport = dport;
	return stage_send(from, to, &s);
}

static uint64_t payload(void)
{
	struct frame_spec s = stage_spec(WEB, API);
	struct frame f;

	s.protocol = IPPROTO_UDP;
	frame_ipv4(&f, &s);
	return f.len - UDP_FRAME_HEAD;
}

/* All flows have been silent since `ns` before. Keys first: an update moves an entry. */
static void age(uint64_t ns)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "flow_by_tuple", NULL);
	static struct rast_flow_key keys[8192];
	struct rast_flow f;
	size_t n = 0;

	while (n < ARRAY_SIZE(keys) && !bpf_map_get_next_key(fd, n ? &keys[n - 1] : NULL, &keys[n]))
		n++;
	for (size_t i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &f))
			continue;
		f.last_ns -= ns;
		f.opened_ns -= ns;
		if (bpf_map_update_elem(fd, &keys[i], &f, BPF_EXIST))
			bail("flow_by_tuple");
	}
}

static void sweep(void)
{
	struct rast_err err = {0};

	if (rast_flow_bpf_sweep(&stage.in, NULL, &err) < 0)
		bail("%s", err.text);
	stage_events();
}

/* Pods of the stage are older than any flow that age() made. */
static void announce_all(void)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", NULL);
	struct rast_endpoint ep;

	for (int i = WEB; i < N_CLASS; i++) {
		stage_announce(&stage.pods[i], true);
		if (bpf_map_lookup_elem(fd, &stage.pods[i].ifindex, &ep))
			bail("endpoint");
		ep.cgroup_id = 7000 + (uint64_t)i;
		if (bpf_map_update_elem(fd, &stage.pods[i].ifindex, &ep, BPF_EXIST))
			bail("endpoint");
	}
}

static void test_silent(void)
{
	uint64_t one = payload();

	setup();
	for (int i = 0; i < 5; i++)
		(void)udp(WEB, API, 4000, 53);
	(void)udp(API, WEB, 53, 4000);
	sweep();
	ok(stage.n_ends == 0, "a flow that goes on is not told of");
	age(3 * MINUTE);
	sweep();
	ok(stage.n_ends == 2, "silent for too long, it has ended, at each of its ends");
	ok(stage.end.ended == RAST_FLOW_ENDED_TIMEOUT && stage.end.protocol == IPPROTO_UDP &&
		   stage.end.src_port == 4000 && stage.end.dst_port == 53 &&
		   stage.end.family == 2 && stage.end.verdict == RAST_VERDICT_ALLOW,
	   "the record says which, and how it ended");
	ok(stage.end.direction == IN && stage.end.rule == 30 &&
		   stage.end.hdr.identity == stage.pods[API].identity &&
		   stage.end.peer_identity == stage.pods[WEB].identity &&
		   stage.end.hdr.slot == stage.pods[API].slot &&
		   stage.end.hdr.cgroup_id == 7000 + API &&
		   stage.end.generation == stage.image->generation,
	   "whose, and by which rule it was allowed");
	ok(stage.end.known == (RAST_FLOW_KNOWS_COUNTS | RAST_FLOW_KNOWS_START) &&
		   stage.end.counts.packets[0] == 5 && stage.end.counts.packets[1] == 1 &&
		   stage.end.counts.bytes[0] == 5 * one && stage.end.counts.bytes[1] == one,
	   "its packets and their payload are counted each way");
	sweep();
	ok(stage.n_ends == 0, "it is told of once");
}

static void test_both_ways(void)
{
	uint64_t one = payload();

	setup();
	/* Answers are allowed by themselves: an entry each way. */
	stage_cell(OUT, API, WEB, -1, true, 40);
	stage_cell(IN, WEB, API, -1, true, 50);
	stage_apply();
	for (int i = 0; i < 3; i++)
		(void)udp(WEB, API, 4000, 53);
	for (int i = 0; i < 4; i++)
		(void)udp(API, WEB, 53, 4000);
	age(3 * MINUTE);
	sweep();
	ok(stage.n_ends == 2 && stage.end.src_port == 4000,
	   "two entries for the two ways are one flow, of who began");
	ok(stage.end.counts.packets[0] == 3 && stage.end.counts.packets[1] == 4 &&
		   stage.end.counts.bytes[0] == 3 * one && stage.end.counts.bytes[1] == 4 * one,
	   "with the counts of both");
	sweep();
	ok(stage.n_ends == 0, "and nothing is left to tell");
}

static void test_removed(void)
{
	setup();
	(void)udp(WEB, API, 4000, 53);
	age(3 * MINUTE);
	stage_announce(&stage.pods[API], false);
	sweep();
	ok(stage.n_ends == 2 && stage.end.ended == RAST_FLOW_ENDED_REMOVED,
	   "the end of a link that is gone says so");
	announce_all();
}

static void test_replaced(void)
{
	struct rast_flow_stats before, after;
	uint64_t missed;

	setup();
	(void)rast_flow_bpf_stats(&stage.in, &before, &missed, NULL);
	(void)udp(WEB, API, 4000, 53);
	age(3 * MINUTE);
	(void)udp(WEB, API, 4000, 53);
	stage_events();
	ok(stage.n_ends == 2, "without a sweep it is told of when its tuple is used again");
	(void)rast_flow_bpf_stats(&stage.in, &after, &missed, NULL);
	ok(after.opened - before.opened == 4 && after.ended - before.ended == 2,
	   "two flows were opened at two ends, one has ended");
}

static void test_unasked(void)
{
	setup();
	(void)rast_policy_bpf_set_flags(&stage.in, 0, NULL);
	(void)udp(WEB, API, 4000, 53);
	age(3 * MINUTE);
	sweep();
	ok(stage.n_ends == 0, "who does not ask is not told");
}

struct taken {
	uint64_t flows, packets, bytes, sums, timeouts;
};

static void take(void *arg, const struct rast_flow_sum_key *key, const struct rast_flow_sum *sum)
{
	struct taken *t = arg;

	(void)key;
	t->sums++;
	t->flows += sum->flows;
	t->packets += sum->counts.packets[0];
	t->bytes += sum->counts.bytes[0];
	t->timeouts += sum->ended[RAST_FLOW_ENDED_TIMEOUT];
}

/* More than a ring holds (512 KB, 184 bytes a record), from many edges. */
static void test_flood(void)
{
	const unsigned int rounds = 10, flows = 3000;
	struct rast_flow_stats before, after;
	uint64_t missed, one = payload(), told = 0, bytes = 0;
	struct taken t = {0};
	struct rast_err err = {0};

	setup();
	(void)rast_flow_bpf_stats(&stage.in, &before, &missed, NULL);
	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int i = 0; i < flows; i++)
			(void)udp(WEB, API, (uint16_t)(2000 + i), 53);
		age(3 * MINUTE);
		if (rast_flow_bpf_sweep(&stage.in, NULL, &err) < 0)
			bail("%s", err.text);
		/* A reader that is there now and then. */
		if (r == 4 && rast_flow_bpf_sums(&stage.in, take, &t, &err) < 0)
			bail("%s", err.text);
	}
	stage_events();
	told = stage.n_ends;
	bytes = stage.n_ends_bytes;
	if (rast_flow_bpf_sums(&stage.in, take, &t, &err) < 0)
		bail("%s", err.text);
	(void)rast_flow_bpf_stats(&stage.in, &after, &missed, NULL);
	ok(after.ended - before.ended == 2 * rounds * flows,
	   "thirty thousand flows end at two ends");
	ok(told == after.told - before.told && told > 0 && told < 2 * rounds * flows,
	   "a full ring takes some of them");
	ok(t.flows == after.summed - before.summed && told + t.flows == 2 * rounds * flows,
	   "the others are in sums: none is lost, none is there twice");
	ok(bytes + t.bytes == 2 * rounds * flows * one && t.packets == t.flows &&
		   t.timeouts == t.flows,
	   "with their packets, their bytes and how they ended");
	ok(t.sums == 4, "by edge and rule: two ends, each time they are taken");
	memset(&t, 0, sizeof(t));
	(void)rast_flow_bpf_sums(&stage.in, take, &t, NULL);
	ok(t.sums == 0, "taken is gone");
}

int main(void)
{
	stage_open("tbpfflow");
	announce_all();
	test_silent();
	test_both_ways();
	test_removed();
	test_replaced();
	test_unasked();
	test_flood();
	return done();
}
