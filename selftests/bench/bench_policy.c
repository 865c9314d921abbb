// SPDX-License-Identifier: BSD-2-Clause
/*
 * ns a packet of policy_out by BPF_PROG_TEST_RUN, and µs of a flip. The floor in the same run is a
 * program that lets everything through without a look; figures of one kind alternate, a row holds
 * medians of the differences to it.
 */
#include "bench.h"

#include "policy/policy.h"
#include "policy/policy_bpf.h"
#include "selftests/bpf/policy_stage.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPEAT 1000000
#define ROUNDS 7
#define SOURCES 10000
#define N_RANGES 4096

/* Loads "r0 = TC_ACT_UNSPEC; exit". */
static int load_pass(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pass", "GPL", insns, 2, NULL);
}

/* ns of one run, as the kernel measures it; it rounds down to whole ones. */
static double run(int prog, int pod, int dir, const struct frame *f, int repeat, int want)
{
	struct __sk_buff skb = {.ifindex = stage.pods[pod].ifindex,
				.ingress_ifindex = dir == IN ? stage.pods[WEB].ifindex : 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = repeat);

	if (bpf_prog_test_run_opts(prog, &opts) < 0 || (int)opts.retval != want)
		return NAN;
	return opts.duration;
}

static int row(const char *name, double *ours, double *floor_ns, double target, const char *note)
{
	struct rast_bench_row r = {.name = name,
				   .unit = "ns",
				   .ours = rast_bench_median(ours, ROUNDS),
				   .target = target,
				   .note = note};
	char text[160];

	(void)snprintf(text, sizeof(text), "%s; a program that only passes: %.0f ns", note,
		       rast_bench_median(floor_ns, ROUNDS));
	r.note = text;
	return rast_bench_print(&r);
}

static int hot(const char *name, int pass, int dir, const struct frame *f, int want, double target)
{
	double ours[ROUNDS], floor_ns[ROUNDS];
	int pod = dir == OUT ? WEB : API;

	for (int i = 0; i < ROUNDS; i++) {
		floor_ns[i] = run(pass, pod, dir, f, REPEAT, PASS);
		ours[i] = run(stage.prog[dir], pod, dir, f, REPEAT, want) - floor_ns[i];
	}
	return row(name, ours, floor_ns, target, "above the floor, one flow over and over");
}

/* A hundred runs of each of 10k frames: a single one is lost in what the kernel does around it. */
static int spread(int pass, struct frame_spec s, double target)
{
	static struct frame frames[SOURCES];
	double ours[ROUNDS], floor_ns[ROUNDS];

	for (int i = 0; i < SOURCES; i++) {
		s.src = 0x0b000000u + (uint32_t)i * 2654435761u % 0x00ffffffu;
		s.sport = (uint16_t)(1024 + i);
		frame_ipv4(&frames[i], &s);
	}
	for (int k = 0; k < ROUNDS; k++) {
		ours[k] = floor_ns[k] = 0;
		for (int i = 0; i < SOURCES; i++) {
			floor_ns[k] += run(pass, API, IN, &frames[i], 100, PASS) / SOURCES;
			ours[k] += run(stage.prog[IN], API, IN, &frames[i], 100, PASS) / SOURCES;
		}
		ours[k] -= floor_ns[k];
	}
	return row("policy_10k_sources", ours, floor_ns, target,
		   "above the floor, 10k addresses of the world, searched in 4096 ranges");
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int flips(void)
{
	double us[50];
	struct rast_bench_row r = {.name = "policy_flip",
				   .unit = "us",
				   .target = 20000,
				   .note = "with the wait for packets that still read the slot"};

	for (size_t i = 0; i < 50; i++) {
		uint64_t start = now_ns();

		stage.image->generation++;
		stage_apply();
		us[i] = (double)(now_ns() - start) / 1e3;
	}
	r.ours = rast_bench_median(us, 50);
	return rast_bench_print(&r);
}

int main(void)
{
	struct frame_spec s;
	struct frame f;
	int pass, bad = 0;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_policy: needs root\n");
		return 1;
	}
	stage_open("benchpolicy");
	pass = load_pass();
	stage.image->n_range4 = N_RANGES;
	stage_deny_all();
	stage_cell(OUT, WEB, API, PORT_80, true, 20);
	stage_cell(IN, API, WEB, PORT_80, true, 30);
	stage_cell(IN, API, WORLD, -1, true, 31);
	stage_cell(IN, API, BLOCKED, -1, true, 32);
	/* As many ranges as there may be, each a class other than its neighbours'. */
	for (uint32_t i = 0; i < N_RANGES; i++)
		rast_policy_image_ranges4(stage.image)[i] = (struct rast_range4){
			.start = i << 20, .klass = (i & 1 ? BLOCKED : WORLD) - N_CLASS};
	stage_apply();
	s = stage_spec(WEB, API);
	s.protocol = IPPROTO_TCP;
	s.sport = 1000;
	s.dport = 80;
	s.tcp_flags = 0x02;
	frame_ipv4(&f, &s);
	bad |= stage_run(WEB, OUT, &f) != PASS || stage_run(API, IN, &f) != PASS;
	s.tcp_flags = 0x10;
	frame_ipv4(&f, &s);
	bad |= hot("policy_allow_hot", pass, OUT, &f, PASS, 30);
	bad |= hot("policy_allow_hot_in", pass, IN, &f, PASS, 30);
	s = stage_spec(API, WEB);
	s.protocol = IPPROTO_TCP;
	s.sport = 80;
	s.dport = 1000;
	s.tcp_flags = 0x10;
	frame_ipv4(&f, &s);
	{
		double ours[ROUNDS], floor_ns[ROUNDS];

		for (int i = 0; i < ROUNDS; i++) {
			floor_ns[i] = run(pass, API, OUT, &f, REPEAT, PASS);
			ours[i] = run(stage.prog[OUT], API, OUT, &f, REPEAT, PASS) - floor_ns[i];
		}
		bad |= row("policy_reply_hot", ours, floor_ns, NAN,
			   "above the floor, an answer that passes by its flow");
	}
	s = stage_spec(WEB, DB);
	s.protocol = IPPROTO_TCP;
	s.sport = 1000;
	s.dport = 5432;
	s.tcp_flags = 0x02;
	frame_ipv4(&f, &s);
	bad |= hot("policy_deny_hot", pass, OUT, &f, DROP, NAN);
	s = stage_spec(WEB, API);
	s.protocol = IPPROTO_TCP;
	s.dport = 80;
	s.tcp_flags = 0x10;
	bad |= spread(pass, s, NAN);
	bad |= flips();
	return bad ? 1 : 0;
}
