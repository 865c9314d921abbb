// SPDX-License-Identifier: BSD-2-Clause
/* bpf/policy.bpf.c on this kernel: crafted frames through the loaded programs, one claim a line. */
#include "base/fd.h"
#include "loader/loader.h"
#include "policy/policy_bpf.h"
#include "selftests/bpf/policy_stage.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

static struct frame_spec tcp(int from, int to, uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame_spec s = stage_spec(from, to);

	s.protocol = IPPROTO_TCP;
	s.sport = sport;
	s.dport = dport;
	s.tcp_flags = flags;
	return s;
}

static int send_tcp(int from, int to, uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame_spec s = tcp(from, to, sport, dport, flags);

	return stage_send(from, to, &s);
}

static int send_udp(int from, int to, uint16_t sport, uint16_t dport)
{
	struct frame_spec s = tcp(from, to, sport, dport, 0);

	s.protocol = IPPROTO_UDP;
	return stage_send(from, to, &s);
}

static void test_before_an_image(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN);
	struct frame f;

	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "without an image a packet is dropped");
	stage_events();
	ok(stage.n_events == 1 && stage.last.reason == RAST_DROP_NO_POLICY,
	   "and the event says that there is no policy");
}

static void test_matrix(void)
{
	struct frame_spec s;
	struct frame f;

	stage_shop();
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS, "an allowed port passes both links");
	ok(send_tcp(WEB, API, 1000, 81, SYN) == DROP, "another port is denied");
	ok(send_tcp(WEB, DB, 1000, 80, SYN) == DROP, "another pod is denied");
	ok(send_tcp(API, WEB, 1000, 80, SYN) == DROP, "the other direction is denied");
	ok(send_udp(WEB, API, 1000, 53) == PASS, "the UDP port passes");
	ok(send_udp(WEB, API, 1000, 80) == DROP, "a TCP port's number is not a UDP port's");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame_ipv4(&f, &s);
	ok(stage_run(DB, IN, &f) == DROP,
	   "a frame that a bridge flooded to another pod is dropped");
	ok(stage_run_from_node(API, &f) == DROP, "what the node sends is judged as the node's");
	stage_cell(IN, API, NODE, -1, true, RAST_RULE_NODE);
	stage_apply();
	ok(stage_run_from_node(API, &f) == PASS, "the node is let in by its own cell");
	s.protocol = 47;
	ok(stage_send(WEB, API, &s) == PASS, "a protocol without ports goes by its port class");
	s = tcp(WEB, API, 1000, 80, SYN);
	s.options = 10;
	ok(stage_send(WEB, API, &s) == PASS, "ten words of IP options are skipped");
	s.dport = 81;
	ok(stage_send(WEB, API, &s) == DROP, "and do not hide the port");
}

static void test_world(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 443, SYN);
	struct frame f;

	stage_shop();
	stage_cell(OUT, WEB, WORLD, -1, true, 40);
	stage_apply();
	s.dst = 0x08080808;
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == PASS, "an address of an allowed range passes");
	s.dst = 0xc6336401; /* 198.51.100.1 */
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "an address of a denied range inside it does not");
	s.dst = 0xc6336500;
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == PASS, "the first address behind that range passes");
	s.dst = 0xc63363ff;
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == PASS, "the last address before it passes");
	s.dst = 0xffffffff;
	memset(s.dmac, 0xff, 6);
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == PASS, "broadcast goes by the range that holds it");
}

static void test_replies(void)
{
	stage_shop();
	ok(send_tcp(API, WEB, 80, 1000, SYN | ACK) == DROP, "a reply to nothing is denied");
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS &&
		   send_tcp(API, WEB, 80, 1000, SYN | ACK) == PASS &&
		   send_tcp(WEB, API, 1000, 80, ACK) == PASS &&
		   send_tcp(API, WEB, 80, 1000, ACK | PSH) == PASS,
	   "a connection's answers pass though the matrix denies them");
	ok(send_tcp(API, WEB, 80, 1000, SYN) == DROP, "a SYN is no answer, whatever its ports");
	ok(send_tcp(API, WEB, 80, 1001, ACK) == DROP, "another port is no answer");
	ok(send_tcp(API, WEB, 81, 1000, ACK) == DROP, "nor is another source port");
	ok(send_tcp(DB, WEB, 80, 1000, ACK) == DROP, "nor another pod");
	ok(send_tcp(API, WEB, 80, 1000, FIN | ACK) == PASS &&
		   send_tcp(WEB, API, 1000, 80, FIN | ACK) == PASS &&
		   send_tcp(API, WEB, 80, 1000, ACK) == PASS,
	   "a connection can close");
	ok(send_udp(WEB, API, 2000, 53) == PASS && send_udp(API, WEB, 53, 2000) == PASS,
	   "a datagram is answered");
	ok(send_udp(API, WEB, 53, 2001) == DROP, "to its own port only");
}

/* The opener's link allowed, the responder's link did not: the responder must not answer. */
static void test_half_allowed(void)
{
	stage_shop();
	stage_cell(IN, API, WEB, -1, false, RAST_RULE_DEFAULT_DENY);
	stage_apply();
	ok(send_tcp(WEB, API, 1000, 80, SYN) == DROP,
	   "the server's link can deny what the client's allows");
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP,
	   "a denied opening makes no way for an answer");
}

static void test_stricter(void)
{
	stage_shop();
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS && send_tcp(API, WEB, 80, 1000, ACK) == PASS,
	   "a connection stands");
	stage_cell(OUT, WEB, API, PORT_80, false, RAST_RULE_DEFAULT_DENY);
	stage.image->generation++;
	stage_apply();
	ok(send_tcp(WEB, API, 1000, 80, ACK) == DROP, "a stricter policy stops its packets");
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP, "and the answers to it");
	stage_cell(OUT, WEB, API, PORT_80, true, 20);
	stage_apply();
	ok(send_tcp(API, WEB, 80, 1000, ACK) == PASS, "taken back, the connection goes on");
	stage_cell(IN, API, WEB, PORT_80, false, RAST_RULE_DEFAULT_DENY);
	stage_apply();
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP,
	   "stricter at the server's end stops answers too");
}

static void test_address_reuse(void)
{
	struct rast_err err = {0};
	struct rast_endpoint ep;
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", &err);

	stage_shop();
	(void)send_tcp(WEB, API, 1000, 80, SYN);
	(void)bpf_map_lookup_elem(fd, &stage.pods[WEB].ifindex, &ep);
	ep.since_ns = ~0ull >> 1; /* the address now belongs to a container started later */
	(void)bpf_map_update_elem(fd, &stage.pods[WEB].ifindex, &ep, 0);
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP,
	   "a container does not inherit the flows of the one that had its address");
	ep.since_ns = 0;
	(void)bpf_map_update_elem(fd, &stage.pods[WEB].ifindex, &ep, 0);
	ok(send_tcp(API, WEB, 80, 1000, ACK) == PASS, "the older one would");
}

static void test_node_flows(void)
{
	struct frame_spec s = tcp(NODE, API, 4000, 80, SYN),
			  back = tcp(API, NODE, 80, 4000, SYN | ACK);
	struct frame f;

	stage_shop();
	stage_cell(IN, API, NODE, -1, true, RAST_RULE_NODE);
	stage_apply();
	s.src = back.dst = 0xc0a80105; /* the node by another of its addresses */
	frame_ipv4(&f, &s);
	ok(stage_run_from_node(API, &f) == PASS, "a probe from the node comes in");
	frame_ipv4(&f, &back);
	ok(stage_run(API, OUT, &f) == PASS, "and is answered, whatever address the node uses");
	back.dport = 4001;
	frame_ipv4(&f, &back);
	ok(stage_run(API, OUT, &f) == DROP, "but only that");
}

static int ping(int from, int to, uint8_t type, uint16_t id)
{
	struct frame_spec s = stage_spec(from, to);

	s.protocol = IPPROTO_ICMP;
	s.icmp_type = type;
	s.icmp_id = id;
	return stage_send(from, to, &s);
}

static void test_icmp(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN), e = stage_spec(API, WEB), other;
	struct frame quoted, f;

	stage_shop();
	ok(ping(WEB, API, 8, 7) == PASS && ping(API, WEB, 0, 7) == PASS, "an echo is answered");
	ok(ping(API, WEB, 0, 8) == DROP, "an answer to an echo that was not sent is denied");
	ok(ping(API, WEB, 8, 7) == DROP, "an echo the other way is denied");
	(void)stage_send(WEB, API, &s);
	frame_ipv4(&quoted, &s);
	frame_icmp_error(&f, &e, 3, &quoted);
	ok(stage_run(API, OUT, &f) == PASS && stage_run(WEB, IN, &f) == PASS,
	   "an ICMP error about a flow passes");
	other = e;
	other.src = 0x08080808; /* a router on the way */
	frame_icmp_error(&f, &other, 11, &quoted);
	ok(stage_run(WEB, IN, &f) == PASS, "also from a router between");
	frame_icmp_error(&f, &e, 5, &quoted);
	ok(stage_run(WEB, IN, &f) == DROP, "a redirect does not");
	other = s;
	other.sport = 1001;
	frame_ipv4(&quoted, &other);
	frame_icmp_error(&f, &e, 3, &quoted);
	ok(stage_run(WEB, IN, &f) == DROP, "an error about an unknown flow is denied");
	other = tcp(API, WEB, 80, 1000, ACK);
	frame_ipv4(&quoted, &other);
	e = stage_spec(WEB, API);
	stage_cell(OUT, WEB, API, PORT_OTHER, false, 1);
	stage_cell(IN, API, WEB, PORT_OTHER, false, 1);
	stage_apply();
	frame_icmp_error(&f, &e, 3, &quoted);
	ok(stage_run(WEB, OUT, &f) == PASS && stage_run(API, IN, &f) == PASS,
	   "an error about an answer passes");
	other = s;
	other.src = stage.pods[DB].addr;
	frame_ipv4(&quoted, &other);
	frame_icmp_error(&f, &e, 3, &quoted);
	ok(stage_run(API, IN, &f) == DROP, "an error must quote what its receiver sent");
	f.len -= 4;
	f.b[17] = (uint8_t)(f.b[17] - 4);
	ok(stage_run(API, IN, &f) == DROP, "a quote that is cut short is denied");
}

static void test_fragments(void)
{
	struct frame_spec first = tcp(WEB, API, 1000, 53, 0), later;

	stage_shop();
	first.protocol = IPPROTO_UDP;
	first.ip_id = 99;
	first.payload = 800;
	later = first;
	first.frag = 0x2000;
	later.frag = 101;
	ok(stage_send(WEB, API, &later) == DROP, "a fragment whose first was not seen is dropped");
	stage_events();
	ok(stage.last.reason == RAST_DROP_FRAGMENT, "for that reason");
	ok(stage_send(WEB, API, &first) == PASS, "the first fragment goes by its port");
	ok(stage_send(WEB, API, &later) == PASS, "the others follow it");
	later.ip_id++;
	ok(stage_send(WEB, API, &later) == DROP, "those of another packet do not");
	first.dport = 54;
	first.ip_id = later.ip_id = 100;
	ok(stage_send(WEB, API, &first) == DROP && stage_send(WEB, API, &later) == DROP,
	   "a denied first fragment makes no way for the others");
	later = tcp(WEB, API, 1000, 80, SYN);
	later.frag = 1;
	ok(stage_send(WEB, API, &later) == DROP, "a TCP fragment at offset 8 is malformed");
}

static void test_spoofing(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN);
	const uint8_t *web = stage.pods[WEB].mac, *api = stage.pods[API].mac;
	const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct frame f;

	stage_shop();
	s.src = stage.pods[DB].addr;
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "another pod's address is dropped");
	stage_events();
	ok(stage.n_events == 1 && stage.last.reason == RAST_DROP_SPOOFED, "as spoofed");
	s = tcp(WEB, API, 1000, 80, SYN);
	s.smac[5] ^= 1;
	frame_ipv4(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "another MAC is dropped");
	ok(stage_counters(stage.pods[WEB].slot, OUT).dropped[RAST_DROP_SPOOFED] == 2,
	   "both are counted as spoofed");
	frame_arp(&f, web, all, 1, web, stage.pods[WEB].addr, stage.pods[API].addr);
	ok(stage_run(WEB, OUT, &f) == PASS, "ARP for itself passes");
	ok(stage_run(API, IN, &f) == PASS, "and reaches the others");
	frame_arp(&f, web, all, 1, web, 0, stage.pods[WEB].addr);
	ok(stage_run(WEB, OUT, &f) == PASS, "an ARP probe passes");
	frame_arp(&f, web, all, 2, web, stage.pods[NODE].addr, stage.pods[API].addr);
	ok(stage_run(WEB, OUT, &f) == DROP, "ARP with the gateway's address is dropped");
	frame_arp(&f, web, api, 2, stage.pods[NODE].mac, stage.pods[WEB].addr,
		  stage.pods[API].addr);
	ok(stage_run(WEB, OUT, &f) == DROP, "ARP with another MAC inside is dropped");
	f.b[17] = 8;
	ok(stage_run(WEB, OUT, &f) == DROP, "ARP for other hardware is dropped");
}

static void test_other_protocols(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN);
	const uint8_t local[16] = {0xfe, 0x80, [15] = 1}, routers[16] = {0xff, 2, [15] = 2},
		      far[16] = {0x20, 1, [15] = 9};
	struct frame f, v;
	uint8_t addr6[16];

	memcpy(addr6, stage.pods[WEB].addr6, 16);
	stage_shop();
	memset(stage.pods[WEB].addr6, 0, 16);
	stage_announce(&stage.pods[WEB], true);
	s.payload = 16;
	frame_ipv6(&f, &s, local, routers, 58);
	ok(stage_run(WEB, OUT, &f) == DROP, "IPv6 router solicitation is dropped");
	stage_events();
	ok(stage.n_events == 0, "without an event: every stack sends it unasked");
	frame_ipv6(&f, &s, far, far, 47);
	ok(stage_run(WEB, OUT, &f) == DROP, "IPv6 of a pod without an address is dropped");
	stage_events();
	ok(stage.n_events == 1 && stage.last.reason == RAST_DROP_PROTOCOL &&
		   stage.last.family == 10 && !memcmp(stage.last.dst, far, 16),
	   "with an event");
	ok(stage_counters(stage.pods[WEB].slot, OUT).dropped[RAST_DROP_PROTOCOL] == 2,
	   "both are counted");
	memcpy(stage.pods[WEB].addr6, addr6, 16);
	stage_announce(&stage.pods[WEB], true);
	s.payload = 0;
	frame_ipv4(&f, &s);
	v = f;
	memmove(v.b + 16, v.b + 12, v.len - 12);
	memcpy(v.b + 12, (uint8_t[]){0x81, 0, 0, 5}, 4);
	v.len += 4;
	ok(stage_run(WEB, OUT, &v) == DROP, "a VLAN tag is dropped");
	memcpy(f.b + 12, (uint8_t[]){0x88, 0x47}, 2);
	ok(stage_run(WEB, OUT, &f) == DROP, "an unknown ethertype is dropped");
}

static void test_broken(void)
{
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN);
	const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	struct frame whole, f;
	unsigned int runs = 0, refused = stage.refused, passed = 0;
	struct rast_link_counters c;
	size_t len;

	stage_shop();
	stage_cell(OUT, WEB, API, -1, true, 20);
	stage_apply();
	for (size_t i = 0; i < sizeof(protocols); i++) {
		s.protocol = protocols[i];
		s.options = i & 1;
		frame_ipv4(&whole, &s);
		for (len = 0; len < whole.len; len++) {
			f = whole;
			f.len = len;
			passed += stage_run(WEB, OUT, &f) != DROP;
			runs++;
			/* The same with an IP length that fits what is left. */
			if (len < 34)
				continue;
			f.b[16] = 0;
			f.b[17] = (uint8_t)(len - 14);
			passed += stage_run(WEB, OUT, &f) != DROP;
			runs++;
		}
		passed += 100 * (stage_run(WEB, OUT, &whole) != PASS);
	}
	ok(passed == 0, "frames cut at every length are dropped, the whole ones pass (%u)", passed);
	c = stage_counters(stage.pods[WEB].slot, OUT);
	ok(c.dropped[RAST_DROP_MALFORMED] + stage.refused - refused == runs && runs > 200,
	   "and counted as malformed (%u frames)", runs);
	s = tcp(WEB, API, 1000, 80, SYN);
	frame_ipv4(&whole, &s);
	f = whole;
	f.b[14] = 0x65;
	ok(stage_run(WEB, OUT, &f) == DROP, "IP version 6 in an IPv4 frame is dropped");
	f = whole;
	f.b[14] = 0x44;
	ok(stage_run(WEB, OUT, &f) == DROP, "a header of 16 bytes is dropped");
	f = whole;
	f.b[14] = 0x4f;
	ok(stage_run(WEB, OUT, &f) == DROP, "a header longer than the packet is dropped");
	f = whole;
	f.b[46] = 0x40;
	ok(stage_run(WEB, OUT, &f) == DROP, "a TCP header of 16 bytes is dropped");
	f = whole;
	f.b[46] = 0xf0;
	ok(stage_run(WEB, OUT, &f) == DROP, "a TCP header longer than the packet is dropped");
	f = whole;
	f.len += 6;
	ok(stage_run(WEB, OUT, &f) == PASS, "padding of a short frame does no harm");
}

static void test_unknown_link(void)
{
	uint64_t before;

	stage_shop();
	stage_announce(&stage.pods[WEB], false);
	before = stage_counters(RAST_LINK_UNKNOWN, OUT).dropped[RAST_DROP_NO_POLICY];
	ok(send_tcp(WEB, API, 1000, 80, SYN) == DROP, "a link without endpoint is closed");
	ok(stage_counters(RAST_LINK_UNKNOWN, OUT).dropped[RAST_DROP_NO_POLICY] == before + 1,
	   "and counted");
	stage_announce(&stage.pods[WEB], true);
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS, "announced, it is open");
}

static void test_events(void)
{
	struct rast_link_counters c;
	struct frame_spec s = tcp(WEB, API, 1000, 80, SYN);
	struct frame f;
	int i;

	stage_shop();
	for (i = 0; i < 50; i++)
		(void)send_tcp(WEB, DB, 1000, 5432, SYN);
	stage_events();
	ok(stage.n_events == 1 && stage.n_packets == 1,
	   "fifty denied packets of one flow within a second are one event");
	ok(stage.last.hdr.slot == stage.pods[WEB].slot &&
		   stage.last.hdr.identity == stage.pods[WEB].identity &&
		   stage.last.peer_identity == stage.pods[DB].identity &&
		   stage.last.direction == OUT && stage.last.verdict == RAST_VERDICT_DENY &&
		   stage.last.reason == RAST_DROP_POLICY && stage.last.protocol == IPPROTO_TCP &&
		   stage.last.src_port == 1000 && stage.last.dst_port == 5432 &&
		   stage.last.tcp_flags == SYN && stage.last.rule == RAST_RULE_DEFAULT_DENY &&
		   stage.last.generation == stage.image->generation &&
		   stage.last.ifindex == stage.pods[WEB].ifindex && stage.last.family == 2,
	   "it says who, whom, what, why and by which rule");
	for (i = 0; i < 7; i++)
		(void)send_tcp(WEB, DB, (uint16_t)(2000 + i), 5432, SYN);
	stage_events();
	ok(stage.n_events == 7 && stage.n_packets == 7, "seven flows are seven events");
	c = stage_counters(stage.pods[WEB].slot, OUT);
	ok(c.dropped[RAST_DROP_POLICY] == 57 && c.packets == 0, "every denied packet is counted");
	frame_ipv4(&f, &s);
	for (i = 0; i < 5; i++)
		(void)stage_run(WEB, OUT, &f);
	c = stage_counters(stage.pods[WEB].slot, OUT);
	ok(c.packets == 5 && c.bytes == 5 * f.len, "packets and bytes let through are counted");
	stage_events();
	ok(stage.n_events == 0, "allowed packets make no event");
	(void)rast_policy_bpf_set_flags(&stage.in, RAST_POLICY_LOG_ALLOWED, NULL);
	s.sport = 1500;
	for (i = 0; i < 5; i++)
		(void)stage_send(WEB, API, &s);
	s.tcp_flags = ACK;
	(void)stage_send(WEB, API, &s);
	(void)rast_policy_bpf_set_flags(&stage.in, 0, NULL);
	stage_events();
	ok(stage.last.verdict == RAST_VERDICT_ALLOW && stage.last.rule == 30 &&
		   stage.last.direction == IN,
	   "when asked for, the first packet of an allowed flow makes one at each end");
}

static void take(void *arg, const struct rast_event_flow *ev)
{
	stage.last = *ev;
	*(unsigned int *)arg += ev->packets;
}

static void test_exact_totals(void)
{
	unsigned int swept = 0, told;
	struct rast_err err = {0};
	_cleanup_json_ json_t *hits = json_array();
	json_t *h;
	size_t i;
	json_int_t of_rule = 0;

	stage_shop();
	for (i = 0; i < 1000; i++)
		(void)send_tcp(WEB, DB, (uint16_t)(1000 + i % 10), 5432, SYN);
	stage_events();
	told = stage.n_packets;
	(void)rast_policy_bpf_deny_sweep(&stage.in, 0, take, &swept, &err);
	ok(told == 10 && told + swept == 1000,
	   "events and what a sweep finds are every denied packet, once (%u + %u)", told, swept);
	ok(stage.last.dst_port == 5432 && stage.last.hdr.slot == stage.pods[WEB].slot,
	   "a swept flow is as well described");
	swept = 0;
	(void)rast_policy_bpf_deny_sweep(&stage.in, 0, take, &swept, &err);
	ok(swept == 0, "a second sweep finds nothing");
	(void)rast_policy_bpf_hits(&stage.in, hits, &err);
	json_array_foreach(hits, i, h)
		if (rast_json_int(h, "rule") == RAST_RULE_DEFAULT_DENY)
			of_rule = rast_json_int(h, "packets");
	ok(of_rule == 1000, "the rule that denied counts them (%lld)", (long long)of_rule);
	stage.image->generation++;
	stage_apply();
	json_array_clear(hits);
	(void)rast_policy_bpf_hits(&stage.in, hits, &err);
	ok(json_array_size(hits) == 0, "a new image starts its counts at 0");
}

static void test_apply(void)
{
	struct rast_err err = {0};
	_cleanup_json_ json_t *before = json_object(), *after = json_object();

	stage_shop();
	(void)rast_policy_bpf_status(&stage.in, before, &err);
	stage.image->generation += 5;
	stage_apply();
	(void)rast_policy_bpf_status(&stage.in, after, &err);
	ok(rast_json_int(after, "generation") == stage.image->generation &&
		   rast_json_int(after, "slot") != rast_json_int(before, "slot"),
	   "an image goes to the other slot");
	stage.image->n_port = 0;
	stage_cell(OUT, WEB, API, -1, false, 1);
	ok(rast_policy_bpf_apply(&stage.in, stage.image, &err) < 0 && err.code,
	   "an impossible image is refused");
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS, "and the one in force stays");
	memset(&err, 0, sizeof(err));
	ok(rast_policy_bpf_load(&stage.in, &err) == 0 &&
		   send_tcp(WEB, API, 1000, 80, ACK) == PASS &&
		   send_tcp(API, WEB, 80, 1000, ACK) == PASS,
	   "loading again leaves image and flows in force");
}

int main(void)
{
	stage_open("tpolicy");
	test_before_an_image();
	test_matrix();
	test_world();
	test_replies();
	test_half_allowed();
	test_stricter();
	test_address_reuse();
	test_node_flows();
	test_icmp();
	test_fragments();
	test_spoofing();
	test_other_protocols();
	test_broken();
	test_unknown_link();
	test_events();
	test_exact_totals();
	stage_short_cut();
	stage_reset_image();
	stage_mutate();
	test_apply();
	return done();
}
