// SPDX-License-Identifier: BSD-2-Clause
/*
 * Network between two pods of one host: without any policy behind a router or a bridge, with ours, with
 * ours by way of the bridge, and with nftables. Each has namespaces of its own and all stand at once, so
 * that rounds alternate; rows hold medians over rounds, and in their note the middle half of the ratios that
 * single rounds had. Where somebody else uses the CPU, a round suffers, not a side.
 *
 * Ours is the real thing: user/network's links, policy_bpf's programs, and an image as full as it gets.
 * nftables: a set of 10,000 addresses, without and with connection tracking, for bridged packets as Kubernetes
 * nodes have it (bridge-nf-call-iptables).
 */
#include "bench.h"
#include "selftests/bench/net_pods.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "network/network.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum side { ROUTED, NONE, OURS, BRIDGED, NFT, NFT_CT, SIDES };
#define ROUNDS 15
#define SLICE_MS 60
#define SET_OF 10000
#define ADDR 0x0a4d0002u /* 10.77.0.2 and .3, in every namespace */

static struct net_pods pods[SIDES];
static struct rast_instance instances[SIDES];
static char broken[SIDES][512];
static double got[SIDES][NET_MEASURES][ROUNDS];
static pid_t owner;

static void cleanup(void)
{
	if (getpid() != owner)
		return;
	for (int s = 0; s < SIDES; s++) {
		net_pods_close(&pods[s]);
		if (!*instances[s].name)
			continue;
		(void)rast_bpffs_release(&instances[s], NULL);
		(void)rast_remove_tree(AT_FDCWD, instances[s].run_dir);
	}
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

static int run(enum side s, const char *cmd)
{
	if (!system(cmd))
		return 0;
	(void)snprintf(broken[s], sizeof(broken[s]), "failed: %.300s", cmd);
	return -EIO;
}

/* A bridge and two links by ip(8). */
static int plain(enum side s)
{
	char cmd[600];
	int r = run(s, "ip link set lo up && ip link add br0 type bridge && ip link set br0 up");

	for (int i = 0; i < 2 && !r; i++) {
		(void)snprintf(
			cmd, sizeof(cmd),
			"ip link add p%d type veth peer name eth0 netns %d && "
			"ip link set p%d master br0 up && "
			"nsenter -t %d -n sh -c 'ip link set lo up && ip link set eth0 up && "
			"ip addr add 10.77.0.%d/16 dev eth0'",
			i, (int)pods[s].pid[i], i, (int)pods[s].pid[i], 2 + i);
		r = run(s, cmd);
	}
	return r;
}

/* A router between them: a route to each pod, and no bridge. */
static int routed(enum side s)
{
	char cmd[700];
	int r = run(s, "ip link set lo up && echo 1 >/proc/sys/net/ipv4/ip_forward");

	for (int i = 0; i < 2 && !r; i++) {
		(void)snprintf(
			cmd, sizeof(cmd),
			"ip link add p%d type veth peer name eth0 netns %d && "
			"ip link set p%d up && ip addr add 10.77.0.1/32 dev p%d && "
			"nsenter -t %d -n sh -c 'ip link set lo up && ip link set eth0 up && "
			"ip addr add 10.77.0.%d/32 dev eth0 && "
			"ip route add 10.77.0.1 dev eth0 && "
			"ip route add default via 10.77.0.1' && "
			"ip route add 10.77.0.%d/32 dev p%d",
			i, (int)pods[s].pid[i], i, i, (int)pods[s].pid[i], 2 + i, 2 + i, i);
		r = run(s, cmd);
	}
	return r;
}

static int set_bridge_netfilter(enum side s, const char *value)
{
	int r = rast_write_file(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", value);

	if (r < 0 && value[0] == '1')
		(void)snprintf(broken[s], sizeof(broken[s]), "this kernel has no br_netfilter");
	return value[0] == '1' ? r : 0;
}

static int nftables(enum side s)
{
	FILE *f;
	int r = plain(s);

	if (!r)
		r = set_bridge_netfilter(s, "1");
	if (r)
		return r;
	f = popen("nft -f -", "we");
	if (!f)
		return -errno;
	(void)fputs("table ip bench {\nset peers {\ntype ipv4_addr\nelements = { 10.77.0.2", f);
	for (uint32_t i = 1; i < SET_OF; i++)
		(void)fprintf(f, ", 11.%u.%u.%u", i >> 12, i >> 4 & 255, i * 16 & 255);
	(void)fprintf(f,
		      " }\n}\nchain forward {\ntype filter hook forward priority 0; policy drop;\n"
		      "%sip saddr @peers tcp dport 80-81 accept\n}\n}\n",
		      s == NFT_CT ? "ct state established,related accept\n"
				  : "tcp sport 80-81 accept\n");
	r = pclose(f);
	if (r)
		(void)snprintf(broken[s], sizeof(broken[s]), "nft refuses its rules");
	return r ? -EIO : 0;
}

/*
 * As many classes and ranges as there may be. The server lets in the client, on two ports; nobody's
 * way out is restricted, nor what comes to the client.
 */
static struct rast_policy_image *make_image(void)
{
	enum {
		N_CLASS = 400,
		N_PEER = N_CLASS + 2,
		N_PORT = 3,
		N_RANGE = 4096,
		CLIENT = 1,
		SERVER = 2
	};
	struct rast_policy_image *im = calloc(
		1, sizeof(*im) + sizeof(struct rast_range6) + N_RANGE * sizeof(struct rast_range4) +
			   sizeof(uint32_t) * 2 * N_CLASS * N_PEER * N_PORT);
	struct rast_range4 *range4;
	uint32_t *cells;

	if (!im)
		return NULL;
	im->magic = RAST_POLICY_MAGIC;
	im->format = RAST_POLICY_FORMAT;
	im->generation = 1;
	im->n_class = N_CLASS;
	im->n_peer = N_PEER;
	im->n_port = N_PORT;
	im->n_rule = 100;
	im->port_class_other = 2;
	memset(im->port_class[RAST_PROTO_ICMP], 2, sizeof(im->port_class[0]));
	im->n_range6 = 1;
	memset(im->class_by_identity, 0xff, sizeof(im->class_by_identity));
	im->class_by_identity[RAST_IDENTITY_HOST] = 0;
	for (uint16_t i = 1; i < N_CLASS; i++)
		im->class_by_identity[RAST_IDENTITY_FIRST + i] = i;
	im->port_class[RAST_PROTO_TCP][80] = im->port_class[RAST_PROTO_TCP][81] = 1;
	im->n_range4 = N_RANGE;
	range4 = rast_policy_image_ranges4(im);
	cells = rast_policy_image_cells(im);
	for (uint32_t i = 0; i < N_RANGE; i++)
		range4[i] = (struct rast_range4){.start = i << 20, .klass = i & 1};
	for (uint32_t dir = 0; dir < 2; dir++)
		for (uint32_t k = 0; k < N_CLASS; k++)
			for (uint32_t p = 0; p < N_PEER; p++)
				for (uint32_t c = 0; c < N_PORT; c++) {
					bool isolated = dir == RAST_DIR_INGRESS && k != CLIENT;
					bool allowed = k == SERVER && p == CLIENT && c == 1;
					uint32_t *cell =
						&cells[((dir * N_CLASS + k) * N_PEER + p) * N_PORT +
						       c];

					if (!isolated)
						*cell = RAST_CELL_ALLOW | RAST_RULE_NONE;
					else if (allowed)
						*cell = RAST_CELL_ALLOW | RAST_RULE_FIRST;
					else
						*cell = RAST_RULE_DEFAULT_DENY;
				}
	return im;
}

static int ours(enum side s, const char *name)
{
	_cleanup_free_ struct rast_policy_image *im = make_image();
	struct rast_instance *in = &instances[s];
	struct rast_err err = {0};
	int r;

	if (!im)
		return -ENOMEM;
	r = rast_instance_init(in, name, &err);
	in->pod_cidr = ADDR & 0xffff0000u;
	in->pod_prefix = 16;
	if (s == BRIDGED)
		(void)setenv(RAST_POLICY_SHORT_CUT_ENV, "0", 1);
	if (!r)
		r = rast_network_prepare(in, &err);
	if (!r)
		r = rast_policy_bpf_load(in, &err);
	if (!r)
		r = rast_policy_bpf_apply(in, im, &err);
	(void)unsetenv(RAST_POLICY_SHORT_CUT_ENV);
	for (uint32_t i = 0; i < 2 && !r; i++) {
		struct rast_endpoint ep = {.identity = RAST_IDENTITY_FIRST + 1 + i,
					   .slot = i,
					   .addr4 = htonl(pods[s].addr[i])};
		char ifname[16];
		int index;

		rast_network_ifname(in, pods[s].addr[i], ifname);
		r = rast_network_pod_add(in, pods[s].netns[i], pods[s].addr[i], ifname, &index,
					 ep.mac, &err);
		if (!r)
			r = rast_policy_bpf_endpoint_add(in, (uint32_t)index, &ep, &err);
		if (!r)
			r = rast_network_pod_up(in, index, &err);
	}
	if (r < 0)
		(void)snprintf(broken[s], sizeof(broken[s]), "%s", err.text);
	return r;
}

static void set_up(enum side s)
{
	struct net_pods *p = &pods[s];
	int r = net_pods_open(p);

	p->addr[0] = ADDR;
	p->addr[1] = ADDR + 1;
	if (!r && (s == NONE || s == BRIDGED || s == ROUTED))
		r = set_bridge_netfilter(s, "0");
	if (!r)
		r = s == ROUTED    ? routed(s)
		    : s == NONE    ? plain(s)
		    : s == OURS    ? ours(s, "tbenchnet")
		    : s == BRIDGED ? ours(s, "tbenchnetb")
				   : nftables(s);
	if (!r)
		r = net_pods_begin(p);
	/* The first packets ask for MAC addresses and fill caches. */
	for (int m = 0; m < NET_MEASURES && !r; m++)
		if (isnan(net_pods_measure(p, m, SLICE_MS)))
			r = -EIO;
	if (r && !*broken[s])
		(void)snprintf(broken[s], sizeof(broken[s]), "no traffic: %s", strerror(-r));
}

static double figure(enum side s, enum net_measure m)
{
	double v[ROUNDS];

	memcpy(v, got[s][m], sizeof(v));
	for (int i = 0; i < ROUNDS; i++)
		if (isnan(v[i]))
			return NAN;
	return rast_bench_median(v, ROUNDS) / (m == NET_BULK ? 1 : 1000);
}

/* The middle half of what the rounds' own ratios were. */
static const char *spread(enum side s, enum side against, enum net_measure m, const char *note)
{
	static char text[256];
	double v[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		v[i] = got[s][m][i] / got[against][m][i];
	for (int i = 1; i < ROUNDS; i++)
		for (int j = i; j && v[j] < v[j - 1]; j--) {
			double x = v[j];

			v[j] = v[j - 1];
			v[j - 1] = x;
		}
	(void)snprintf(text, sizeof(text), "%s; rounds %.2f to %.2f", note, v[ROUNDS / 4],
		       v[ROUNDS - 1 - ROUNDS / 4]);
	return text;
}

static int row(const char *suffix, enum side s, enum side against, const char *peer,
	       enum net_measure m, double target, const char *note)
{
	static const char *const names[] = {"net_bulk", "net_rr", "net_connect_rr"};
	char name[64];

	(void)snprintf(name, sizeof(name), "%s%s", names[m], suffix);
	return rast_bench_print(
		&(struct rast_bench_row){.name = name,
					 .unit = m == NET_BULK ? "Gb/s" : "us",
					 .ours = figure(s, m),
					 .peer = peer,
					 .peer_figure = figure(against, m),
					 .target = target,
					 .higher_is_better = m == NET_BULK,
					 .note = *broken[s]         ? broken[s]
						 : *broken[against] ? broken[against]
								    : spread(s, against, m, note)});
}

int main(void)
{
	static const double routed_target[NET_MEASURES] = {
		[NET_BULK] = 0.98, [NET_RR] = 0.92, [NET_CONNECT] = 0.90};
	int bad = 0;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_net: needs root\n");
		return 1;
	}
	owner = getpid();
	(void)atexit(cleanup);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGHUP, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	for (int s = 0; s < SIDES; s++)
		set_up(s);
	for (int i = 0; i < ROUNDS; i++)
		for (int m = 0; m < NET_MEASURES; m++)
			for (int k = 0; k < SIDES; k++) {
				int s = (i + k) % SIDES;

				got[s][m][i] =
					*broken[s] ? NAN : net_pods_measure(&pods[s], m, SLICE_MS);
			}
	for (int m = 0; m < NET_MEASURES; m++)
		bad |= row("", OURS, ROUTED, "no policy, a router", m, routed_target[m],
			   "one CPU; no conntrack on either path");
	/* Of no policy a measurement may differ from itself by a few in a hundred. */
	for (int m = 0; m < NET_MEASURES; m++)
		bad |= row("_bridge", OURS, NONE, "no policy, a bridge", m,
			   m == NET_BULK ? 0.97 : 1.03, "no conntrack on either path");
	for (int m = 0; m < NET_MEASURES; m++)
		bad |= row("_nft", OURS, NFT, "nft set of 10k", m, 1,
			   "no conntrack on either path");
	for (int m = 0; m < NET_MEASURES; m++)
		bad |= row("_nft_ct", OURS, NFT_CT, "nft set of 10k, conntrack", m, 1,
			   "conntrack on its path, not on ours");
	for (int m = 0; m < NET_MEASURES; m++)
		bad |= row("_bridged", BRIDGED, NONE, "no policy, a bridge", m, NAN,
			   "ours without the short cut: the cost of two verdicts; no conntrack");
	return bad ? 1 : 0;
}
