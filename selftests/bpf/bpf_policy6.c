// SPDX-License-Identifier: BSD-2-Clause
/* IPv6 through the loaded policy programs: crafted frames, one claim a line. IPv4's are in bpf_policy.c. */
#include "policy/policy.h"
#include "selftests/bpf/policy_stage.h"

#include "base/fd.h"
#include "bpf/container.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

enum { SYN = 0x02, ACK = 0x10 };
enum { HOP = 0, DEST = 60, ESP = 50, NO_NEXT = 59 };

static const uint8_t far[16] = {0x20, 1, 0x0d, 0xb8, [15] = 9};

static struct frame6_spec tcp(int from, int to, uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame6_spec s = stage_spec6(from, to);

	s.l4.protocol = IPPROTO_TCP;
	s.l4.sport = sport;
	s.l4.dport = dport;
	s.l4.tcp_flags = flags;
	return s;
}

static struct frame6_spec udp(int from, int to, uint16_t sport, uint16_t dport)
{
	struct frame6_spec s = tcp(from, to, sport, dport, 0);

	s.l4.protocol = IPPROTO_UDP;
	return s;
}

static int send6(int from, int to, const struct frame6_spec *s)
{
	struct frame f;

	frame6(&f, s);
	return stage_send_frame(from, to, &f);
}

static int send_tcp(int from, int to, uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame6_spec s = tcp(from, to, sport, dport, flags);

	return send6(from, to, &s);
}

/* What a pod sends, by its own link alone. */
static int leaves(int from, const struct frame6_spec *s)
{
	struct frame f;

	frame6(&f, s);
	return stage_run(from, OUT, &f);
}

static unsigned int reason(void)
{
	stage_events();
	return stage.n_events == 1 ? stage.last.reason : 99;
}

static void test_matrix(void)
{
	struct frame6_spec s = udp(WEB, API, 1000, 53);
	struct frame f;

	stage_shop();
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS, "an allowed port passes both links");
	ok(send_tcp(WEB, API, 1000, 81, SYN) == DROP, "another port is denied");
	stage_events();
	ok(stage.last.family == 10 && stage.last.dst_port == 81 &&
		   !memcmp(stage.last.src, stage.pods[WEB].addr6, 16) &&
		   !memcmp(stage.last.dst, stage.pods[API].addr6, 16) &&
		   stage.last.peer_identity == stage.pods[API].identity,
	   "and told with both addresses and the peer's identity");
	ok(send_tcp(API, WEB, 1000, 80, SYN) == DROP, "the other direction is denied");
	ok(send6(WEB, API, &s) == PASS, "a datagram passes");
	s.l4.protocol = IPPROTO_SCTP;
	ok(send6(WEB, API, &s) == DROP, "an SCTP port is no UDP port");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6(&f, &s);
	ok(stage_run_from_node(API, &f) == DROP, "what the node sends is judged as the node's");
	stage_cell(IN, API, NODE, -1, true, RAST_RULE_NODE);
	stage_apply();
	ok(stage_run_from_node(API, &f) == PASS, "and let in by its own cell");
	s = tcp(WEB, API, 1000, 80, SYN);
	s.l4.smac[5] ^= 1;
	ok(leaves(WEB, &s) == DROP, "another MAC is dropped");
}

static void test_ranges(void)
{
	static const struct {
		uint8_t dst[16];
		bool pass;
		const char *claim;
	} t[] = {
		{{0x20, 1, 0x0d, 0xb8, [15] = 9}, true, "an address of an allowed range passes"},
		{{0x20, 1, 0x0d, 0xb8, 0x0b, 0xad},
		 false,
		 "the first one of a denied range does not"},
		{{0x20, 1, 0x0d, 0xb8, 0x0b, 0xad, [6 ... 15] = 0xff}, false, "nor its last"},
		{{0x20, 1, 0x0d, 0xb8, 0x0b, 0xac, [6 ... 15] = 0xff},
		 true,
		 "the one before it does"},
		{{0x20, 1, 0x0d, 0xb8, 0x0b, 0xae}, true, "and the one behind it"},
		{{0xfd, 0x77, [15] = 9}, true, "an address next to the pod range is the world's"},
		{{0xff, 0x05, [15] = 9}, true, "a group goes by the range that holds it"},
	};
	struct frame6_spec s = tcp(WEB, API, 1000, 443, SYN);

	stage_shop();
	stage_cell(OUT, WEB, WORLD, -1, true, 40);
	stage_apply();
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(s.dst, t[i].dst, 16);
		ok((leaves(WEB, &s) == PASS) == t[i].pass, "%s", t[i].claim);
	}
	memcpy(s.dst, stage.pods[DB].addr6, 16);
	ok(leaves(WEB, &s) == DROP, "a pod is not the world");
}

/* A sorted image of many ranges: the search finds each edge. */
static void test_many_ranges(void)
{
	struct frame6_spec s = tcp(WEB, API, 1000, 443, SYN);
	enum { N = 1024 };
	struct rast_policy_image *im;
	struct rast_range6 *range6;
	unsigned int wrong = 0;

	stage_shop();
	im = stage.image;
	im->n_range6 = N;
	range6 = rast_policy_image_ranges6(im);
	memset(range6, 0, N * sizeof(*range6));
	range6[0].klass = WORLD - N_CLASS;
	rast_policy_image_ranges4(im)[0] = (struct rast_range4){.klass = WORLD - N_CLASS};
	im->n_range4 = 1;
	stage_deny_all();
	stage_cell(OUT, WEB, WORLD, -1, true, 40);
	for (uint32_t i = 1; i < N; i++) /* lo decides for every second pair */
		range6[i] = (struct rast_range6){.hi = 0x2001000000000000 + i / 2,
						 .lo = i & 1 ? 0xf000000000000000 : 5,
						 .klass = (i & 1 ? BLOCKED : WORLD) - N_CLASS};
	stage_apply();
	for (uint32_t i = 1; i < N; i++)
		for (int step = -1; step < 2; step++) {
			uint64_t hi = range6[i].hi, lo = range6[i].lo + (uint64_t)step;
			bool blocked = (step < 0) != !!(i & 1);

			for (int b = 0; b < 8; b++) {
				s.dst[b] = (uint8_t)(hi >> (56 - 8 * b));
				s.dst[8 + b] = (uint8_t)(lo >> (56 - 8 * b));
			}
			wrong += (leaves(WEB, &s) == DROP) != blocked;
		}
	ok(wrong == 0, "1024 ranges are searched to their edges (%u wrong)", wrong);
}

static void test_replies(void)
{
	struct frame6_spec s = udp(WEB, API, 2000, 53), back = udp(API, WEB, 53, 2000);

	stage_shop();
	ok(send_tcp(API, WEB, 80, 1000, SYN | ACK) == DROP, "an answer to nothing is denied");
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS &&
		   send_tcp(API, WEB, 80, 1000, SYN | ACK) == PASS &&
		   send_tcp(WEB, API, 1000, 80, ACK) == PASS,
	   "a connection's answers pass");
	ok(send_tcp(API, WEB, 80, 1001, ACK) == DROP, "another port is no answer");
	ok(send6(WEB, API, &s) == PASS && send6(API, WEB, &back) == PASS, "a datagram is answered");
	stage_cell(OUT, WEB, API, PORT_80, false, RAST_RULE_DEFAULT_DENY);
	stage_apply();
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP, "a stricter policy stops answers");
}

static int ping(int from, int to, uint8_t type, uint16_t id)
{
	struct frame6_spec s = stage_spec6(from, to);

	s.l4.protocol = IPPROTO_ICMPV6;
	s.l4.icmp_type = type;
	s.l4.icmp_id = id;
	return send6(from, to, &s);
}

static void test_icmp(void)
{
	struct frame6_spec s = tcp(WEB, API, 1000, 80, SYN), e = stage_spec6(API, WEB), other;
	struct frame quoted, f;

	stage_shop();
	ok(ping(WEB, API, 128, 7) == PASS && ping(API, WEB, 129, 7) == PASS, "an echo is answered");
	ok(ping(API, WEB, 129, 8) == DROP, "an answer to another echo is denied");
	ok(ping(API, WEB, 128, 7) == DROP, "an echo the other way is denied");
	ok(ping(API, WEB, 0, 7) == DROP, "an ICMP answer of IPv4 is none here");
	(void)send6(WEB, API, &s);
	frame6(&quoted, &s);
	for (uint8_t type = 1; type <= 4; type++) {
		frame6_error(&f, &e, type, &quoted, 60);
		ok(stage_send_frame(API, WEB, &f) == PASS,
		   "an error of type %u about a flow passes", type);
	}
	frame6_error(&f, &e, 5, &quoted, 60);
	ok(stage_send_frame(API, WEB, &f) == DROP, "one of an unknown type does not");
	other = e;
	memcpy(other.src, far, 16);
	frame6_error(&f, &other, 2, &quoted, 60);
	ok(stage_run(WEB, IN, &f) == PASS, "too big, from a router between, passes");
	frame6_error(&f, &e, 1, &quoted, 47);
	ok(stage_run(WEB, IN, &f) == DROP, "a quote that is cut short is denied");
	other = s;
	frame6_options(&other, DEST, 2);
	frame6(&quoted, &other);
	frame6_error(&f, &e, 1, &quoted, 80);
	ok(stage_run(WEB, IN, &f) == PASS, "a quoted packet may have extension headers");
	other = s;
	other.l4.sport = 1001;
	frame6(&quoted, &other);
	frame6_error(&f, &e, 1, &quoted, 60);
	ok(stage_run(WEB, IN, &f) == DROP, "an error about an unknown flow is denied");
	other = tcp(API, WEB, 80, 1000, ACK);
	frame6(&quoted, &other);
	e = stage_spec6(WEB, API);
	stage_cell(OUT, WEB, API, PORT_OTHER, false, 1);
	stage_cell(IN, API, WEB, PORT_OTHER, false, 1);
	stage_apply();
	frame6_error(&f, &e, 1, &quoted, 60);
	ok(stage_send_frame(WEB, API, &f) == PASS, "an error about an answer passes");
	memcpy(other.src, stage.pods[DB].addr6, 16);
	frame6(&quoted, &other);
	frame6_error(&f, &e, 1, &quoted, 60);
	ok(stage_run(API, IN, &f) == DROP, "an error must quote what its receiver sent");
}

static void test_chains(void)
{
	struct frame6_spec s = tcp(WEB, API, 1000, 80, SYN), deny = tcp(WEB, API, 1000, 81, SYN);
	struct frame f;

	stage_shop();
	frame6_options(&s, HOP, 1);
	frame6_options(&s, DEST, 3);
	frame6_routing(&s, 2, 0);
	frame6_auth(&s);
	frame6_options(&s, DEST, 1);
	memcpy(deny.ext, s.ext, sizeof(s.ext));
	deny.n_ext = s.n_ext;
	ok(send6(WEB, API, &s) == PASS, "five extension headers are walked");
	ok(send6(WEB, API, &deny) == DROP && reason() == RAST_DROP_POLICY &&
		   stage.last.dst_port == 81,
	   "and do not hide the port");
	frame6_options(&s, DEST, 1);
	frame6_options(&s, DEST, 1);
	frame6_options(&s, DEST, 1);
	ok(send6(WEB, API, &s) == PASS, "so are eight");
	frame6_options(&s, DEST, 1);
	stage_forget();
	ok(send6(WEB, API, &s) == DROP && reason() == RAST_DROP_PROTOCOL,
	   "a packet with nine cannot be decided");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_options(&s, DEST, 1);
	frame6_options(&s, HOP, 1);
	stage_forget();
	ok(send6(WEB, API, &s) == DROP && reason() == RAST_DROP_MALFORMED,
	   "hop-by-hop options come first or not at all");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_routing(&s, 0, 0);
	ok(send6(WEB, API, &s) == DROP, "a routing header of type 0 is refused");
	s.n_ext = 0;
	frame6_routing(&s, 4, 1);
	ok(send6(WEB, API, &s) == DROP, "so is one with segments left");
	s.n_ext = 0;
	frame6_options(&s, DEST, 1);
	s.ext[0].b[1] = 200;
	ok(send6(WEB, API, &s) == DROP, "a header longer than the packet is dropped");
	s = tcp(WEB, API, 0, 0, 0);
	for (size_t i = 0; i < 2; i++) {
		s.l4.protocol = i ? NO_NEXT : ESP;
		s.l4.payload = 24;
		ok(send6(WEB, API, &s) == PASS,
		   "protocol %u goes by the class of what has no ports", s.l4.protocol);
	}
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_options(&s, HOP, 1);
	s.ext[0].b[2] = 0xc2; /* jumbo payload */
	s.ext[0].b[3] = 4;
	frame6(&f, &s);
	f.b[18] = f.b[19] = 0;
	ok(stage_run(WEB, OUT, &f) == DROP, "a jumbogram is dropped");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6(&f, &s);
	f.b[19] = 21;
	ok(stage_run(WEB, OUT, &f) == DROP,
	   "a packet that says to be longer than its frame is dropped");
	f.b[19] = 20;
	f.len += 6;
	ok(stage_run(WEB, OUT, &f) == PASS, "padding behind it does no harm");
	f.b[14] = 0x45;
	ok(stage_run(WEB, OUT, &f) == DROP, "IP version 4 in an IPv6 frame is dropped");
}

static void test_fragments(void)
{
	struct frame6_spec first = udp(WEB, API, 1000, 53), later = first, s;

	stage_shop();
	first.l4.payload = 800 - 8;
	first.l4.frag = 0x2000; /* UDP's length is the whole datagram's */
	later.l4.payload = 80;
	frame6_fragment(&first, 0, true, 0x12345678);
	first.l4.frag = 0x2000;
	frame6_fragment(&later, 800, false, 0x12345678);
	ok(send6(WEB, API, &later) == DROP && reason() == RAST_DROP_FRAGMENT,
	   "a later fragment alone is dropped");
	ok(send6(WEB, API, &first) == PASS, "the first goes by its port");
	ok(send6(WEB, API, &later) == PASS, "the others follow it");
	later.l4.protocol = 47;
	ok(send6(WEB, API, &later) == PASS, "whatever protocol they say they have");
	later.n_ext = 0;
	frame6_fragment(&later, 800, false, 0x12340000);
	ok(send6(WEB, API, &later) == DROP, "the identifier has 32 bits");
	later.n_ext = 0;
	frame6_fragment(&later, 8, true, 0x12345678);
	ok(send6(WEB, API, &later) == DROP, "one at offset 8 would rewrite ports or flags");
	later.n_ext = 0;
	frame6_fragment(&later, 65528, false, 0x12345678);
	ok(send6(WEB, API, &later) == DROP, "one beyond 64 KB is malformed");
	first.l4.payload++;
	ok(send6(WEB, API, &first) == DROP, "and one with more to come and no multiple of 8 bytes");
	s = udp(WEB, API, 1000, 54);
	s.l4.payload = 8;
	frame6_fragment(&s, 0, true, 9);
	later = udp(WEB, API, 1000, 54);
	later.l4.payload = 8;
	frame6_fragment(&later, 16, false, 9);
	ok(send6(WEB, API, &s) == DROP && send6(WEB, API, &later) == DROP,
	   "a denied first one makes no way for the others");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_fragment(&s, 0, false, 9);
	ok(send6(WEB, API, &s) == PASS, "an atomic fragment is a whole packet");
	s.l4.dport = 81;
	ok(send6(WEB, API, &s) == DROP, "judged as one");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_fragment(&s, 0, false, 9);
	frame6_fragment(&s, 0, false, 10);
	ok(send6(WEB, API, &s) == DROP, "two fragment headers are refused");
	s = tcp(WEB, API, 1000, 80, SYN);
	frame6_fragment(&s, 0, true, 11);
	s.l4.frag = 1; /* no TCP header in it */
	s.l4.payload = 16;
	ok(send6(WEB, API, &s) == DROP, "a first fragment without its ports is malformed");
	s.n_ext = 0;
	frame6_fragment(&s, 0, true, 11);
	frame6_options(&s, DEST, 2);
	s.l4.frag = 1;
	s.l4.payload = 0;
	ok(send6(WEB, API, &s) == DROP, "so is one that ends in its extension headers");
}

static void test_spoofing(void)
{
	struct frame6_spec s = tcp(WEB, API, 1000, 80, SYN);
	uint8_t local[16];

	stage_shop();
	stage_cell(OUT, WEB, WORLD, -1, true, 40);
	stage_apply();
	memcpy(s.src, stage.pods[DB].addr6, 16);
	ok(leaves(WEB, &s) == DROP && reason() == RAST_DROP_SPOOFED,
	   "another pod's address is spoofed");
	memcpy(s.src, far, 16);
	ok(leaves(WEB, &s) == DROP, "so is one of the world");
	memset(s.src, 0, 16);
	ok(leaves(WEB, &s) == DROP, "and none at all");
	stage_local6(&stage.pods[WEB], local);
	memcpy(s.src, local, 16);
	ok(leaves(WEB, &s) == DROP, "the link-local address is for neighbour discovery alone");
	s = tcp(WEB, API, 1000, 80, SYN);
	stage_local6(&stage.pods[API], local);
	memcpy(s.dst, local, 16);
	ok(leaves(WEB, &s) == DROP, "as a destination too: no policy knows it");
	s = tcp(WEB, API, 1000, 80, SYN);
	memset(s.dst, 0, 10);
	memset(s.dst + 10, 0xff, 2);
	ok(leaves(WEB, &s) == DROP, "an IPv4-mapped destination is dropped");
	memset(s.dst, 0, 16);
	s.dst[15] = 1;
	ok(leaves(WEB, &s) == DROP, "so is loopback");
	s = tcp(WEB, API, 1000, 80, SYN);
	s.src[0] = 0xff;
	ok(leaves(WEB, &s) == DROP, "and a group as sender");
}

static void test_address_gone(void)
{
	uint8_t addr6[16];

	stage_shop();
	(void)send_tcp(WEB, API, 1000, 80, SYN);
	memcpy(addr6, stage.pods[API].addr6, 16);
	memset(stage.pods[API].addr6, 0, 16);
	stage_announce(&stage.pods[API], true);
	memcpy(stage.pods[API].addr6, addr6, 16);
	ok(send_tcp(WEB, API, 1000, 80, SYN) == DROP, "a container without IPv6 address gets none");
	ok(send_tcp(API, WEB, 80, 1000, ACK) == DROP, "and sends none");
	stage_announce(&stage.pods[API], true);
	ok(send_tcp(WEB, API, 1000, 80, SYN) == PASS, "given one, it does");
}

static void test_foreign(void)
{
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "identity_by_foreign", NULL);
	_cleanup_close_ int control = rast_loader_map_fd(&stage.in, "foreign_control", NULL);
	struct frame6_spec s = tcp(WEB, API, 1000, 80, SYN);
	struct rast_foreign there = {.addresses = 1}, none = {0};
	uint32_t zero = 0;

	stage_shop();
	memcpy(s.dst, far, 16);
	ok(leaves(WEB, &s) == DROP, "an address outside is the world's");
	(void)bpf_map_update_elem(fd, far, &stage.pods[API].identity, BPF_ANY);
	(void)bpf_map_update_elem(control, &zero, &there, BPF_ANY);
	ok(leaves(WEB, &s) == PASS, "or that of a pod of another network");
	(void)bpf_map_delete_elem(fd, far);
	(void)bpf_map_update_elem(control, &zero, &none, BPF_ANY);
}

static void test_cut(void)
{
	const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMPV6};
	unsigned int passed = 0, runs = 0;
	struct frame whole, f;

	stage_shop();
	stage_cell(OUT, WEB, API, -1, true, 20);
	stage_apply();
	for (size_t i = 0; i < 8; i++) {
		struct frame6_spec s = tcp(WEB, API, 1000, 80, SYN);

		s.l4.protocol = protocols[i / 2];
		s.l4.icmp_type = 128;
		if (i & 1) {
			frame6_options(&s, DEST, 2);
			frame6_auth(&s);
		}
		frame6(&whole, &s);
		for (size_t len = 14; len < whole.len; len++, runs++) {
			f = whole;
			f.len = len;
			passed += stage_run(WEB, OUT, &f) != DROP;
			if (len < 54)
				continue;
			f.b[19] = (uint8_t)(len - 54); /* the same with a length that fits */
			passed += stage_run(WEB, OUT, &f) != DROP;
		}
		passed += 100 * (stage_run(WEB, OUT, &whole) != PASS);
	}
	ok(passed == 0 && runs > 400,
	   "frames cut at every length are dropped, the whole ones pass (%u of %u)", passed, runs);
}

int main(void)
{
	stage_open("tpolicy6");
	test_matrix();
	test_ranges();
	test_many_ranges();
	test_replies();
	test_icmp();
	test_chains();
	test_fragments();
	test_spoofing();
	stage_neighbours();
	test_address_gone();
	test_foreign();
	test_cut();
	stage_mutate6();
	return done();
}
