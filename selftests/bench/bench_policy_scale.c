// SPDX-License-Identifier: BSD-2-Clause
/*
 * ns a packet of policy_in with 10 to 100,000 rules, each of which allows one address of the world: by one
 * source over and over and by as many random ones as there are rules; above a program that parses the same
 * packets, against the longest-prefix matches of policy_peer.bpf.c. And what it takes to compile that many
 * rules and to put the image in force. Sides alternate, a row holds medians.
 */
#include "bench.h"

#include "base/mem.h"
#include "policy/policy.h"
#include "policy/policy_bpf.h"
#include "selftests/bpf/policy_stage.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define REPEAT 1000000
#define MAX_RULES 100000u

enum { OURS, FLOOR, LPM };

static struct bpf_object *peer;
static uint32_t *addrs; /* host byte order, all different */

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int map_of(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(peer, name);

	if (fd < 0)
		bail("%s", name);
	return fd;
}

static int prog_of(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(peer, name);

	if (!p)
		bail("%s", name);
	return bpf_program__fd(p);
}

/* The peer's struct spread_control. */
static void set(uint32_t judge, uint32_t n_sources)
{
	uint32_t v[4] = {judge, n_sources}, zero = 0;

	if (bpf_map_update_elem(map_of("control"), &zero, v, BPF_ANY))
		bail("control");
}

static void load_peer(void)
{
	const char *o = getenv("O");
	char path[256];
	int judges, fds[3];

	(void)snprintf(path, sizeof(path), "%s/bpf/policy_peer.bpf.o", o ? o : "build");
	peer = bpf_object__open(path);
	if (!peer || bpf_object__load(peer))
		bail("%s does not load", path);
	judges = map_of("judges");
	fds[OURS] = stage.prog[IN];
	fds[FLOOR] = prog_of("parse_only");
	fds[LPM] = prog_of("lpm");
	for (uint32_t i = 0; i < 3; i++)
		if (bpf_map_update_elem(judges, &i, &fds[i], BPF_ANY))
			bail("judges");
}

/* Different ones of 12.0.0.0/7 in no order: a factor that is odd makes no two equal. */
static void make_addrs(void)
{
	addrs = calloc(MAX_RULES, sizeof(*addrs));
	if (!addrs)
		bail("out of memory");
	for (uint32_t i = 0; i < MAX_RULES; i++)
		addrs[i] = 0x0c000000u | (i * 2654435761u & 0x01ffffffu);
}

static void fill_peer(uint32_t n)
{
	int cidrs = map_of("identity_by_cidr"), verdicts = map_of("verdict_by_identity");
	int sources = map_of("sources");

	for (uint32_t i = 0; i < n; i++) {
		struct {
			uint32_t bits, addr;
		} k = {32, htonl(addrs[i])};
		struct {
			uint32_t bits, identity;
			uint8_t egress, protocol;
			uint16_t port;
		} v = {64, 1000 + i, 0, IPPROTO_TCP, htons(80)};
		uint32_t identity = 1000 + i, one = 1;

		if (bpf_map_update_elem(cidrs, &k, &identity, BPF_ANY) ||
		    bpf_map_update_elem(verdicts, &v, &one, BPF_ANY) ||
		    bpf_map_update_elem(sources, &i, &k.addr, BPF_ANY))
			bail("maps of the peer");
	}
}

static struct rast_policy_set *read_rules(uint32_t n)
{
	struct rast_policy_set *s = NULL;
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)fputs("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, "
		    "spec: {podSelector: {matchLabels: {app: api}}, ingress: [",
		    f);
	for (uint32_t i = 0; i < n; i++)
		(void)fprintf(f,
			      "%s{from: [{ipBlock: {cidr: %u.%u.%u.%u/32}}], ports: [{port: 80}]}",
			      i ? ", " : "", addrs[i] >> 24, addrs[i] >> 16 & 255,
			      addrs[i] >> 8 & 255, addrs[i] & 255);
	(void)fputs("]}}\n", f);
	if (fclose(f) || rast_policy_set_create(&s) ||
	    rast_yaml_parse("rules", text, len, &y, &err) ||
	    rast_policy_set_parse(rast_yaml_root(y, 0), s, &err))
		bail("%s", err.text);
	rast_yaml_destroy(y);
	free(text);
	return s;
}

static int say(const char *what, uint32_t n, const char *unit, double *v, double target,
	       const char *note)
{
	char name[64];
	struct rast_bench_row row = {.name = name, .unit = unit, .target = target, .note = note};

	(void)snprintf(name, sizeof(name), "policy_%s_%u", what, n);
	row.ours = rast_bench_median(v, ROUNDS);
	return rast_bench_print(&row);
}

/* Compiles, and puts the last image in force. */
static int compile(uint32_t n)
{
	struct rast_policy_set *set_of = read_rules(n);
	struct rast_policy_world world = {0};
	struct rast_policy_label labels[2] = {{"app", "web"}, {"app", "api"}};
	double took[ROUNDS], applied[ROUNDS];
	struct rast_err err = {0};
	int bad;

	for (int i = 0; i < 2; i++) {
		struct rast_policy_pod pod = {.ns = "default",
					      .name = labels[i].value,
					      .labels = &labels[i],
					      .n_labels = 1,
					      .identity = stage.pods[WEB + i].identity,
					      .addr4 = stage.pods[WEB + i].addr};

		if (rast_policy_world_add_pod(&world, &pod) < 0)
			bail("out of memory");
	}
	for (uint32_t i = 0; i < ROUNDS; i++) {
		_cleanup_free_ struct rast_policy_image *im = NULL;
		double t0 = now_ms();

		if (rast_policy_compile(set_of, &world, n + i, &im, NULL, NULL, &err) < 0)
			bail("%s", err.text);
		took[i] = now_ms() - t0;
		t0 = now_ms();
		if (rast_policy_bpf_apply(&stage.in, im, &err) < 0)
			bail("%s", err.text);
		applied[i] = now_ms() - t0;
	}
	rast_policy_set_destroy(set_of);
	rast_policy_world_finish(&world);
	bad = say("compile", n, "ms", took, NAN, "rules that are parsed to an image");
	return bad |
	       say("put_in_force", n, "ms", applied, NAN,
		   "check, look-up of addresses, copy and flip; with the wait for packets that "
		   "still read the slot");
}

static double run(uint32_t judge, uint32_t n_sources, const struct frame *f)
{
	struct __sk_buff skb = {.ifindex = stage.pods[API].ifindex,
				.ingress_ifindex = stage.pods[WEB].ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = REPEAT);

	set(judge, n_sources);
	if (bpf_prog_test_run_opts(prog_of("spread"), &opts) < 0 || (int)opts.retval != PASS)
		return NAN;
	return opts.duration;
}

static int measure(const char *what, uint32_t n, uint32_t n_sources, const struct frame *f,
		   double target)
{
	double ours[ROUNDS], lpm[ROUNDS], floor_ns;
	char name[64];
	struct rast_bench_row r = {.name = name,
				   .unit = "ns",
				   .peer = "three longest-prefix matches",
				   .target = target,
				   .note = "above a program that parses; all of policy_in: link, "
					   "addresses, verdict, counters"};

	(void)snprintf(name, sizeof(name), "policy_%s_%u", what, n);
	for (int i = 0; i < ROUNDS; i++) {
		floor_ns = run(FLOOR, n_sources, f);
		ours[i] = run(OURS, n_sources, f) - floor_ns;
		lpm[i] = run(LPM, n_sources, f) - floor_ns;
	}
	r.ours = rast_bench_median(ours, ROUNDS);
	r.peer_figure = rast_bench_median(lpm, ROUNDS);
	return rast_bench_print(&r);
}

int main(void)
{
	static const uint32_t sizes[] = {10, 1000, 10000, MAX_RULES};
	struct frame_spec s;
	struct frame f;
	int bad = 0;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_policy_scale: needs root\n");
		return 1;
	}
	stage_open("benchscale");
	load_peer();
	make_addrs();
	s = stage_spec(WEB, API);
	s.protocol = IPPROTO_TCP;
	s.sport = 1000;
	s.dport = 80;
	s.tcp_flags = 0x10;
	s.src = addrs[0];
	frame_ipv4(&f, &s);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bad |= compile(sizes[i]);
		fill_peer(sizes[i]);
		bad |= measure("hot", sizes[i], 1, &f, NAN);
		bad |= measure("random", sizes[i], sizes[i], &f,
			       sizes[i] == MAX_RULES ? 1 / 30.0 : NAN);
	}
	bpf_object__close(peer);
	free(addrs);
	return bad ? 1 : 0;
}
