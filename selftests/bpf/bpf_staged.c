// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rules that log, and staged policies, through the loaded programs: crafted frames, one claim a line. What
 * staged policies would do stands in a second matrix; nothing of it may happen.
 */
#include "loader/loader.h"
#include "policy/policy.h"
#include "policy/policy_bpf.h"
#include "selftests/bpf/policy_stage.h"
#include "selftests/lib/tap.h"

#include <netinet/in.h>
#include <string.h>

enum { SYN = 0x02, ACK = 0x10 };
enum { REAL = 20, WOULD = 40 };

static int send_l4(int from, int to, uint8_t protocol, uint16_t sport, uint16_t dport,
		   uint8_t flags)
{
	struct frame_spec s = stage_spec(from, to);

	s.protocol = protocol;
	s.sport = sport;
	s.dport = dport;
	s.tcp_flags = flags;
	return stage_send(from, to, &s);
}

static uint32_t *cell(int dir, int klass, int peer, int port)
{
	uint32_t *cells = rast_policy_image_cells(stage.image);

	return &cells[((dir * N_CLASS + klass) * N_PEER + peer) * N_PORT + port];
}

static uint64_t hits(unsigned int rule)
{
	_cleanup_json_ json_t *list = json_array();
	struct rast_err err = {0};
	json_t *h;
	size_t i;

	if (rast_policy_bpf_hits(&stage.in, list, &err) < 0)
		bail("hits: %s", err.text);
	json_array_foreach(list, i, h)
		if ((unsigned int)rast_json_int(h, "rule") == rule)
			return (uint64_t)rast_json_int(h, "packets");
	return 0;
}

/* All between web and api is allowed both ways, or nothing is. */
static void setup(bool allowed)
{
	stage_reset_image();
	stage.image->staged = 1;
	for (int dir = 0; dir < 4; dir++)
		for (int k = 0; k < N_CLASS; k++)
			for (int p = 0; p < N_PEER; p++)
				stage_cell(dir, k, p, -1, false, RAST_RULE_DEFAULT_DENY);
	for (int dir = 0; dir < 4; dir++) {
		stage_cell(dir, WEB, API, -1, allowed, REAL);
		stage_cell(dir, API, WEB, -1, allowed, REAL);
	}
	stage_forget();
}

static void test_log(void)
{
	setup(true);
	for (int port = 0; port < N_PORT; port++)
		*cell(OUT, WEB, API, port) |= RAST_CELL_MORE | RAST_CELL_LOG;
	stage_apply();
	ok(send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN) == PASS,
	   "what a rule with log allows passes");
	stage_events();
	ok(stage.n_events == 1 && stage.last.verdict == RAST_VERDICT_ALLOW &&
		   stage.last.rule == REAL && stage.last.flags == RAST_FLOW_EVENT_LOGGED &&
		   stage.last.direction == OUT,
	   "and is one event, at the link whose rule it is, though nobody asked for allowed flows");
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, ACK);
	(void)send_l4(API, WEB, IPPROTO_TCP, 80, 1000, ACK);
	stage_events();
	ok(!stage.n_events, "further packets of the flow are none");
	(void)send_l4(WEB, API, IPPROTO_UDP, 1000, 53, 0);
	(void)send_l4(WEB, API, IPPROTO_UDP, 1001, 53, 0);
	(void)send_l4(WEB, API, IPPROTO_UDP, 1001, 53, 0);
	stage_events();
	ok(stage.n_events == 2 && stage.n_packets == 2, "each new flow is one");
	setup(false);
	for (int port = 0; port < N_PORT; port++)
		*cell(OUT, WEB, API, port) |= RAST_CELL_MORE | RAST_CELL_LOG;
	stage_apply();
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN);
	stage_events();
	ok(stage.n_events == 1 && stage.last.verdict == RAST_VERDICT_DENY &&
		   stage.last.flags == RAST_FLOW_EVENT_LOGGED,
	   "what a rule with log denies is an event that says so");
}

static void test_would_be_denied(void)
{
	setup(true);
	for (int port = 0; port < N_PORT; port++)
		*cell(IN, API, WEB, port) |= RAST_CELL_MORE | RAST_CELL_STAGED;
	stage_cell(2 + IN, API, WEB, -1, false, WOULD);
	stage_apply();
	ok(send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN) == PASS, "what would be denied passes");
	stage_events();
	ok(stage.n_events == 1 && stage.last.flags == RAST_FLOW_EVENT_STAGED &&
		   stage.last.verdict == RAST_VERDICT_DENY && stage.last.rule == WOULD &&
		   stage.last.direction == IN,
	   "and is an event with the staged rule");
	ok(hits(WOULD) == 1 && hits(REAL) == 2, "both rules have their hit");
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN);
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, ACK);
	stage_events();
	ok(!stage.n_events, "the same flow is no second event within the second");
	(void)send_l4(API, WEB, IPPROTO_UDP, 53, 1000, 0);
	(void)send_l4(WEB, API, IPPROTO_UDP, 1000, 53, 0);
	stage_events();
	ok(!stage.n_events, "an answer would be let through by its flow: no event");
	(void)send_l4(WEB, API, IPPROTO_UDP, 1001, 53, 0);
	stage_events();
	ok(stage.n_events == 1 && stage.last.verdict == RAST_VERDICT_DENY,
	   "what is no answer is one");
}

static void take(void *arg, const struct rast_event_flow *ev)
{
	unsigned int *packets = arg;

	*packets += ev->flags == RAST_FLOW_EVENT_STAGED && ev->verdict == RAST_VERDICT_ALLOW &&
				    ev->rule == WOULD
			    ? ev->packets
			    : 0;
}

static void test_would_be_allowed(void)
{
	unsigned int swept = 0;
	struct rast_err err = {0};

	setup(false);
	for (int port = 0; port < N_PORT; port++)
		*cell(OUT, WEB, API, port) |= RAST_CELL_MORE | RAST_CELL_STAGED;
	stage_cell(2 + OUT, WEB, API, -1, true, WOULD);
	stage_apply();
	ok(send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN) == DROP,
	   "what would be allowed is denied");
	stage_events();
	ok(stage.n_events == 2 && hits(WOULD) == 1,
	   "and tells of both, the denial and what would have been");
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN);
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN);
	stage_events();
	ok(!stage.n_events && hits(WOULD) == 3, "further ones are counted");
	(void)rast_policy_bpf_deny_sweep(&stage.in, 0, take, &swept, &err);
	ok(swept == 2, "and found by a sweep, each once (%u)", swept);
}

static void test_agreement(void)
{
	setup(true);
	for (int port = 0; port < N_PORT; port++)
		*cell(OUT, WEB, API, port) |= RAST_CELL_MORE | RAST_CELL_STAGED;
	stage_cell(2 + OUT, WEB, API, -1, true, WOULD);
	stage_apply();
	(void)send_l4(WEB, API, IPPROTO_TCP, 1000, 80, SYN);
	stage_events();
	ok(!stage.n_events && hits(WOULD) == 1,
	   "a staged rule that says the same is counted and not told");
}

int main(void)
{
	stage_open("tlangst");
	test_log();
	test_would_be_denied();
	test_would_be_allowed();
	test_agreement();
	return done();
}
