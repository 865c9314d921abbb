// SPDX-License-Identifier: BSD-2-Clause
/* The stage of policy_stage.h. One per process: its clean-up hangs on atexit and signals. */
#include "selftests/bpf/policy_stage.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "loader/rings.h"
#include "policy/policy.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for ranges that a test adds. */
#define MAX_STAGE_IMAGE (sizeof(struct rast_policy_image) + (1u << 21))

struct stage stage;
static struct rast_rings *rings;

static void cleanup(void)
{
	rast_rings_destroy(rings);
	(void)rast_bpffs_release(&stage.in, NULL);
	(void)rast_remove_tree(AT_FDCWD, stage.in.run_dir);
	free(stage.image);
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

static int map_fd(const char *name)
{
	struct rast_err err = {0};
	int fd = rast_loader_map_fd(&stage.in, name, &err);

	if (fd < 0)
		bail("%s: %s", name, err.text);
	return fd;
}

static void on_event(void *arg, const struct rast_event *ev, size_t size)
{
	(void)arg;
	if (ev->type == RAST_EVENT_FLOW_END && size == sizeof(stage.end)) {
		memcpy(&stage.end, ev, size);
		stage.n_ends++;
		stage.n_ends_bytes += stage.end.counts.bytes[0] + stage.end.counts.bytes[1];
		return;
	}
	if (ev->type == RAST_EVENT_DNS && size == sizeof(stage.last_dns)) {
		memcpy(&stage.last_dns, ev, sizeof(stage.last_dns));
		stage.n_dns++;
		stage.n_questions += stage.last_dns.questions;
		return;
	}
	if (ev->type != RAST_EVENT_FLOW || size < sizeof(stage.last))
		bail("an event of type %u and %zu bytes", ev->type, size);
	memcpy(&stage.last, ev, sizeof(stage.last));
	stage.n_events++;
	stage.n_packets += stage.last.packets;
}

void stage_events(void)
{
	stage.n_events = stage.n_packets = stage.n_ends = stage.n_ends_bytes = 0;
	stage.n_dns = stage.n_questions = 0;
	while (rast_rings_drain(rings, 1000) > 0)
		;
}

static void make_pods(void)
{
	/* A namespace of our own: indexes that no one else uses, and nothing to clean up. */
	if (unshare(CLONE_NEWNET) < 0)
		bail("unshare: %s", strerror(errno));
	for (uint32_t i = 0; i < N_CLASS; i++) {
		struct pod *p = &stage.pods[i];
		char cmd[128], name[16];

		p->addr = stage.in.pod_cidr + 1 + i;
		memcpy(p->addr6, stage.in.pod6, 16);
		p->addr6[15] = (uint8_t)(1 + i);
		p->identity = i ? RAST_IDENTITY_FIRST + i : RAST_IDENTITY_HOST;
		p->slot = 10 + i;
		memcpy(p->mac, (uint8_t[]){0x0a, 0x58, 0, 0, 0, (uint8_t)(1 + i)}, 6);
		if (i == NODE)
			continue;
		(void)snprintf(name, sizeof(name), "pod%u", i);
		(void)snprintf(cmd, sizeof(cmd), "ip link add %s type veth peer name %sp", name,
			       name);
		if (system(cmd))
			bail("%s", cmd);
		p->ifindex = if_nametoindex(name);
	}
}

void stage_open(const char *instance)
{
	struct rast_err err = {0};
	char text[1024];
	int r;

	if (rast_instance_init(&stage.in, instance, &err) < 0)
		bail("%s", err.text);
	r = rast_policy_bpf_supported(&err);
	if (r < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		exit(0);
	}
	make_pods();
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGHUP, on_signal);
	(void)atexit(cleanup);
	if (rast_policy_bpf_load(&stage.in, &err) < 0)
		bail("%s", rast_err_format(&err, text, sizeof(text)));
	if (rast_rings_open(&stage.in, on_event, NULL, &rings, &err) < 0)
		bail("%s", err.text);
	stage.prog[IN] = rast_loader_prog_fd(&stage.in, "policy_in", NULL);
	stage.prog[OUT] = rast_loader_prog_fd(&stage.in, "policy_out", NULL);
	stage.image = calloc(1, MAX_STAGE_IMAGE);
	if (!stage.image || stage.prog[IN] < 0 || stage.prog[OUT] < 0)
		bail("no memory or no program");
	for (int i = WEB; i < N_CLASS; i++)
		stage_announce(&stage.pods[i], true);
	stage_reset_image();
}

void stage_reset_image(void)
{
	struct rast_policy_image *im = stage.image;
	struct rast_range4 *range4;
	struct rast_range6 *range6;

	memset(im, 0, MAX_STAGE_IMAGE);
	im->magic = RAST_POLICY_MAGIC;
	im->format = RAST_POLICY_FORMAT;
	im->generation = 1;
	im->n_class = N_CLASS;
	im->n_peer = N_PEER;
	im->n_port = N_PORT;
	im->n_rule = 200;
	im->port_class_other = PORT_OTHER;
	memset(im->port_class[RAST_PROTO_ICMP], PORT_OTHER, sizeof(im->port_class[0]));
	memset(im->port_class[RAST_PROTO_ICMP6], PORT_OTHER, sizeof(im->port_class[0]));
	memset(im->class_by_identity, 0xff, sizeof(im->class_by_identity));
	for (uint16_t i = 0; i < N_CLASS; i++)
		im->class_by_identity[stage.pods[i].identity] = i;
	im->port_class[RAST_PROTO_TCP][80] = PORT_80;
	im->port_class[RAST_PROTO_UDP][53] = PORT_53;
	im->n_range4 = 3;
	im->n_range6 = 3;
	range4 = rast_policy_image_ranges4(im);
	range4[0] = (struct rast_range4){.start = 0, .klass = WORLD - N_CLASS};
	range4[1] = (struct rast_range4){.start = 0xc6336400, .klass = BLOCKED - N_CLASS};
	range4[2] = (struct rast_range4){.start = 0xc6336500, .klass = WORLD - N_CLASS};
	range6 = rast_policy_image_ranges6(im);
	range6[0] = (struct rast_range6){.klass = WORLD - N_CLASS};
	range6[1] = (struct rast_range6){.hi = 0x20010db80bad0000, .klass = BLOCKED - N_CLASS};
	range6[2] = (struct rast_range6){.hi = 0x20010db80bae0000, .klass = WORLD - N_CLASS};
	stage_deny_all();
}

void stage_deny_all(void)
{
	for (int dir = 0; dir < 2; dir++)
		for (int k = 0; k < N_CLASS; k++)
			for (int p = 0; p < N_PEER; p++)
				stage_cell(dir, k, p, -1, false, RAST_RULE_DEFAULT_DENY);
}

void stage_cell(int dir, int klass, int peer, int port, bool allow, unsigned int rule)
{
	uint32_t *cells = rast_policy_image_cells(stage.image);

	for (int i = port < 0 ? 0 : port; i <= (port < 0 ? N_PORT - 1 : port); i++)
		cells[((dir * N_CLASS + klass) * N_PEER + peer) * N_PORT + i] =
			rule | (allow ? RAST_CELL_ALLOW : 0);
}

void stage_apply(void)
{
	struct rast_err err = {0};

	if (rast_policy_bpf_apply(&stage.in, stage.image, &err) < 0)
		bail("apply: %s", err.text);
}

static void empty(const char *name, size_t key_size)
{
	_cleanup_close_ int fd = map_fd(name);
	char key[64];

	if (key_size > sizeof(key))
		bail("key of %s", name);
	while (!bpf_map_get_next_key(fd, NULL, key))
		(void)bpf_map_delete_elem(fd, key);
}

void stage_forget(void)
{
	_cleanup_close_ int fd = map_fd("counters_by_link");
	_cleanup_free_ void *zero =
		calloc((size_t)libbpf_num_possible_cpus(), sizeof(struct rast_link_counters));

	empty("flow_by_tuple", sizeof(struct rast_flow_key));
	empty("deny_by_tuple", sizeof(struct rast_deny_key));
	empty("names_by_addr", sizeof(struct rast_learnt_key));
	empty("time_by_question", sizeof(struct rast_question_key));
	empty("refused_by_name", 16);
	empty("names_budget", 4);
	empty("time_by_fragment", 44);
	for (uint32_t i = 0; zero && i < N_CLASS; i++)
		for (uint32_t dir = 0; dir < 2; dir++) {
			uint32_t key = stage.pods[i].slot * 2 + dir;

			(void)bpf_map_update_elem(fd, &key, zero, BPF_ANY);
		}
	stage_events();
}

void stage_announce(const struct pod *p, bool there)
{
	_cleanup_close_ int fd = map_fd("endpoint_by_ifindex");
	_cleanup_close_ int addrs = map_fd("identity_by_addr");
	struct rast_endpoint ep = {
		.identity = p->identity, .slot = p->slot, .addr4 = htonl(p->addr)};
	static struct rast_addr_table table;
	uint32_t zero = 0;

	memcpy(ep.mac, p->mac, 6);
	memcpy(ep.addr6, p->addr6, 16);
	if (bpf_map_lookup_elem(addrs, &zero, &table))
		bail("identity_by_addr");
	table.identity[p->addr - stage.in.pod_cidr] = there ? (uint16_t)p->identity : 0;
	if (bpf_map_update_elem(addrs, &zero, &table, BPF_ANY))
		bail("identity_by_addr");
	if (there ? bpf_map_update_elem(fd, &p->ifindex, &ep, BPF_ANY)
		  : bpf_map_delete_elem(fd, &p->ifindex))
		bail("endpoint_by_ifindex: %s", strerror(errno));
}

struct frame_spec stage_spec(int from, int to)
{
	struct frame_spec s = {.src = stage.pods[from].addr, .dst = stage.pods[to].addr};

	memcpy(s.smac, stage.pods[from].mac, 6);
	memcpy(s.dmac, stage.pods[to].mac, 6);
	return s;
}

struct frame6_spec stage_spec6(int from, int to)
{
	struct frame6_spec s = {.l4 = stage_spec(from, to)};

	memcpy(s.src, stage.pods[from].addr6, 16);
	memcpy(s.dst, stage.pods[to].addr6, 16);
	return s;
}

void stage_local6(const struct pod *p, uint8_t ret[16])
{
	const uint8_t eui[16] = {0xfe, 0x80, [8] = p->mac[0] ^ 2, p->mac[1], p->mac[2],
				 0xff, 0xfe, p->mac[3],           p->mac[4], p->mac[5]};

	memcpy(ret, eui, 16);
}

static int run(int dir, uint32_t ifindex, uint32_t came_in, const struct frame *f)
{
	struct __sk_buff skb = {.ifindex = ifindex, .ingress_ifindex = came_in};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb));
	int r = bpf_prog_test_run_opts(stage.prog[dir], &opts);

	/* Kernels refuse to hand over less than an Ethernet header, newer ones less than one of IP. */
	if (r == -EINVAL && f->len < (f->b[12] == 0x86 ? 54u : 34u)) {
		stage.refused++;
		return DROP;
	}
	if (r < 0)
		bail("test run of %zu bytes: %s", f->len, strerror(-r));
	return (int)opts.retval;
}

int stage_run(int pod, int dir, const struct frame *f)
{
	/* What comes to a pod came into this host by some link: any but none will do. */
	return run(dir, stage.pods[pod].ifindex, dir == IN ? stage.pods[WEB].ifindex : 0, f);
}

int stage_run_from_node(int pod, const struct frame *f)
{
	return run(IN, stage.pods[pod].ifindex, 0, f);
}

int stage_send_frame(int from, int to, const struct frame *f)
{
	int r = stage_run(from, OUT, f);

	return r == PASS ? stage_run(to, IN, f) : r;
}

int stage_send(int from, int to, const struct frame_spec *s)
{
	struct frame f;

	frame_ipv4(&f, s);
	return stage_send_frame(from, to, &f);
}

struct rast_link_counters stage_counters(uint32_t slot, int dir)
{
	_cleanup_close_ int fd = map_fd("counters_by_link");
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct rast_link_counters *c = calloc((size_t)n, sizeof(*c));
	struct rast_link_counters sum = {0};
	uint32_t key = slot * 2 + (uint32_t)dir;

	if (!c || bpf_map_lookup_elem(fd, &key, c))
		bail("counters_by_link");
	for (int i = 0; i < n; i++) {
		sum.packets += c[i].packets;
		sum.bytes += c[i].bytes;
		for (int j = 0; j < RAST_DROP_MAX; j++)
			sum.dropped[j] += c[i].dropped[j];
	}
	return sum;
}

void stage_shop(void)
{
	stage_reset_image();
	for (int port = PORT_80; port <= PORT_OTHER; port++) {
		stage_cell(OUT, WEB, API, port, true, 20);
		stage_cell(IN, API, WEB, port, true, 30);
	}
	stage_apply();
	stage_forget();
}
