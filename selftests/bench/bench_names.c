// SPDX-License-Identifier: BSD-2-Clause
/*
 * What names cost, in ns by BPF_PROG_TEST_RUN: a DNS question and its answer on their way (the latency that a
 * look-up gains), and packets to an address that was learnt. A question counts once, so answers are timed one
 * by one; what the kernel does around a single run is in them, and in the floor beside them.
 */
#include "bench.h"

#include "policy/fqdn.h"
#include "selftests/bpf/dns_message.h"
#include "selftests/bpf/policy_stage.h"

#include <bpf/bpf.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SINGLES 2000
#define ROUNDS 7
#define REPEAT 200000
#define ADDR 0xcb007101u

static double run(int dir, const struct frame *f, int repeat, int want)
{
	struct __sk_buff skb = {.ifindex = stage.pods[WEB].ifindex,
				.ingress_ifindex = dir == IN ? stage.pods[API].ifindex : 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = repeat);

	if (bpf_prog_test_run_opts(stage.prog[dir], &opts) < 0 || (int)opts.retval != want)
		return NAN;
	return opts.duration;
}

static int row(const char *name, double *ours, size_t n, double target, const char *note)
{
	struct rast_bench_row r = {.name = name,
				   .unit = "ns",
				   .ours = rast_bench_median(ours, n),
				   .target = target,
				   .note = note};

	return rast_bench_print(&r);
}

static void watch(bool on)
{
	struct rast_name_table *t = &stage.image->names;
	struct rast_fqdn f;

	memset(t, 0, sizeof(*t));
	if (on) {
		(void)rast_fqdn_parse("*.example.com", &f);
		(void)rast_fqdn_table_add(t, &f, NAMED, 0);
		t->flags_by_class[WEB] = RAST_NAMES_PEERS;
	}
	stage_apply();
}

static int look_up(const char *name, bool names, unsigned int n, double target, const char *note)
{
	static double ns[SINGLES];
	struct message q = message_question(7, "www.api.example.com", 1);
	struct message a = message_answer(7, "www.api.example.com", ADDR, n, 300);
	struct frame_spec out = stage_spec(WEB, API), in = stage_spec(API, WEB);
	struct frame ask, tell;

	watch(names);
	out.protocol = in.protocol = IPPROTO_UDP;
	out.sport = in.dport = 4000;
	out.dport = in.sport = 53;
	message_frame(&ask, out, &q);
	message_frame(&tell, in, &a);
	for (int i = 0; i < SINGLES; i++)
		ns[i] = run(OUT, &ask, 1, PASS) + run(IN, &tell, 1, PASS);
	return row(name, ns, SINGLES, target, note);
}

static int packets(const char *name, const struct frame *f, double target, const char *note)
{
	double ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		ns[i] = run(OUT, f, REPEAT, PASS);
	return row(name, ns, ROUNDS, target, note);
}

int main(void)
{
	struct frame_spec s;
	struct frame f;
	int bad = 0;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_names: needs root\n");
		return 1;
	}
	stage_open("benchnames");
	stage_cell(OUT, WEB, API, PORT_53, true, 20);
	stage_cell(OUT, WEB, NAMED, PORT_80, true, 40);
	bad |= look_up("names_lookup_floor", false, 1, NAN,
		       "question and answer of a container without names, one run each");
	bad |= look_up("names_lookup", true, 1, 200000, "the same, watched: one address");
	bad |= look_up("names_lookup_16", true, 16, 200000, "the same, watched: sixteen addresses");
	s = stage_spec(WEB, API);
	s.dst = ADDR;
	s.protocol = IPPROTO_TCP;
	s.sport = 5000;
	s.dport = 80;
	s.tcp_flags = 0x02;
	frame_ipv4(&f, &s);
	bad |= packets("names_connect", &f, 2000, "SYN to an address that was learnt");
	s.tcp_flags = 0x10;
	frame_ipv4(&f, &s);
	bad |= packets("names_packet", &f, 1000, "packet of a connection to it");
	return bad ? 1 : 0;
}
