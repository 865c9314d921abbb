// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names in the policy programs on this kernel: crafted questions and answers through the loaded programs.
 * web asks api, which answers as the name server; web may open TCP 80 to what was learnt as NAMED.
 */
#include "base/fd.h"
#include "loader/loader.h"
#include "policy/fqdn.h"
#include "policy/fqdn_bpf.h"
#include "policy/policy_bpf.h"
#include "selftests/bpf/dns_message.h"
#include "selftests/bpf/policy_stage.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

enum { SYN = 0x02, ACK = 0x10 };
enum { A = 1, AAAA = 28 };

#define ADDR 0xcb007101u /* 203.0.113.1 */

static int ask_from(int pod, uint16_t port, const struct message *m)
{
	struct frame_spec s = stage_spec(pod, API);
	struct frame f;

	s.protocol = IPPROTO_UDP;
	s.sport = port;
	s.dport = 53;
	message_frame(&f, s, m);
	return stage_run(pod, OUT, &f);
}

static int tell_to(int pod, uint16_t port, const struct message *m)
{
	struct frame_spec s = stage_spec(API, pod);
	struct frame f;

	s.protocol = IPPROTO_UDP;
	s.sport = 53;
	s.dport = port;
	message_frame(&f, s, m);
	return stage_run(pod, IN, &f);
}

static int ask(uint16_t id, const char *name)
{
	struct message m = message_question(id, name, A);

	return ask_from(WEB, 4000, &m);
}

static int tell(uint16_t id, const char *name, uint32_t addr, unsigned int n, uint32_t ttl)
{
	struct message m = message_answer(id, name, addr, n, ttl);

	return tell_to(WEB, 4000, &m);
}

/* Asks, is answered. */
static void resolve(const char *name, uint32_t addr)
{
	if (ask(77, name) != PASS || tell(77, name, addr, 1, 300) != PASS)
		bail("%s was not resolved", name);
}

static int open_from(int pod, uint32_t addr, uint16_t port, uint8_t flags)
{
	struct frame_spec s = stage_spec(pod, API);
	struct frame f;

	s.dst = addr;
	s.protocol = IPPROTO_TCP;
	s.sport = 5000;
	s.dport = port;
	s.tcp_flags = flags;
	frame_ipv4(&f, &s);
	return stage_run(pod, OUT, &f);
}

static int open_to(uint32_t addr)
{
	return open_from(WEB, addr, 80, SYN);
}

/* From that address, port 80, to web. */
static int reply(uint32_t addr)
{
	struct frame_spec s = stage_spec(API, WEB);
	struct frame f;

	s.src = addr;
	s.protocol = IPPROTO_TCP;
	s.sport = 80;
	s.dport = 5000;
	s.tcp_flags = SYN | ACK;
	frame_ipv4(&f, &s);
	return stage_run(WEB, IN, &f);
}

static void pattern(const char *text, uint32_t klass, uint32_t group)
{
	struct rast_fqdn f;

	if (rast_fqdn_parse(text, &f) < 0 ||
	    rast_fqdn_table_add(&stage.image->names, &f, klass, group) < 0)
		bail("pattern %s", text);
}

static void forget_names(void)
{
	memset(&stage.image->names, 0, sizeof(stage.image->names));
}

static void watch(uint8_t flags)
{
	stage.image->names.flags_by_class[WEB] = flags;
	stage.image->names.flags_by_class[DB] = flags;
}

static void setup(void)
{
	stage_reset_image();
	for (int pod = WEB; pod <= DB; pod += DB - WEB) {
		stage_cell(OUT, pod, API, PORT_53, true, 20);
		stage_cell(OUT, pod, NAMED, PORT_80, true, 40);
	}
	forget_names();
	pattern("api.example.com", NAMED, 0);
	pattern("*.wild.example", NAMED, 0);
	pattern("other.example", OTHER_NAME, 0);
	watch(RAST_NAMES_PEERS);
	stage_apply();
	stage_forget();
}

static uint64_t counter(const char *name)
{
	_cleanup_json_ json_t *o = json_object();
	struct rast_err err = {0};

	if (rast_fqdn_bpf_counters(&stage.in, o, &err) < 0)
		bail("%s", err.text);
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static void test_learnt(void)
{
	_cleanup_json_ json_t *list = json_array(), *none = json_array();
	struct rast_err err = {0};
	json_t *e;

	setup();
	ok(open_to(ADDR) == DROP, "an address that was not learnt is denied");
	ok(ask(1, "api.example.com") == PASS, "a question to an allowed server passes");
	ok(open_to(ADDR) == DROP, "the question alone opens nothing");
	ok(tell(1, "API.example.COM", ADDR, 2, 300) == PASS,
	   "the answer passes, whatever case it is written in");
	ok(open_to(ADDR) == PASS, "the first packet behind the answer passes");
	ok(open_to(ADDR + 1) == PASS, "and to the answer's other address");
	ok(open_to(ADDR + 2) == DROP, "another address is denied");
	ok(open_from(WEB, ADDR, 81, SYN) == DROP, "another port is denied");
	ok(open_from(DB, ADDR, 80, SYN) == DROP, "what one container learnt counts for no other");
	ok(rast_fqdn_bpf_learnt(&stage.in, list, &err) == 0 && json_array_size(list) == 2,
	   "two addresses are listed");
	e = json_array_get(list, 0);
	ok(!strcmp(json_string_value(json_object_get(e, "name")), "api.example.com") &&
		   json_integer_value(json_object_get(e, "identity")) == stage.pods[WEB].identity &&
		   json_integer_value(json_object_get(e, "expires_ms")) > 290000 &&
		   json_integer_value(json_object_get(e, "expires_ms")) <= 300000,
	   "with the name, who learnt it and for how long");
	stage_events();
	stage.n_events = 0;
	ok(open_to(ADDR + 9) == DROP, "a denied one");
	stage_events();
	ok(stage.n_events == 1 && stage.last.rule == RAST_RULE_DEFAULT_DENY &&
		   stage.last.reason == RAST_DROP_POLICY,
	   "is denied by default");
	stage_forget();
	ok(rast_fqdn_bpf_learnt(&stage.in, none, &err) == 0 && json_array_size(none) == 0,
	   "what is taken out is not listed");
}

static void test_patterns(void)
{
	setup();
	resolve("a.wild.example", ADDR);
	ok(open_to(ADDR) == PASS, "a wildcard covers one label");
	resolve("x.y.z.wild.example", ADDR + 1);
	ok(open_to(ADDR + 1) == PASS, "and several");
	resolve("wild.example", ADDR + 2);
	ok(open_to(ADDR + 2) == DROP, "but not the name behind it");
	resolve("a.notwild.example", ADDR + 3);
	ok(open_to(ADDR + 3) == DROP, "nor a name that only ends alike");
	resolve("wild.example.com", ADDR + 4);
	ok(open_to(ADDR + 4) == DROP, "nor one that goes on");
	resolve("x.api.example.com", ADDR + 5);
	ok(open_to(ADDR + 5) == DROP, "a name without a wildcard is that name alone");
	resolve("other.example", ADDR + 6);
	ok(open_to(ADDR + 6) == DROP,
	   "a name of a rule that allows another port does not open this");
	resolve("api.example.com", ADDR + 6);
	ok(open_to(ADDR + 6) == PASS, "an address may have several names");
	pattern("*", NAMED, 0);
	stage_apply();
	resolve("anything.at.all", ADDR + 7);
	ok(open_to(ADDR + 7) == PASS, "a star alone is every name");
}

static void test_spoofed(void)
{
	uint64_t unasked, malformed;
	struct message m;

	setup();
	/* web lets everything in here: what matters is what it learns. */
	stage_cell(IN, WEB, API, -1, true, 30);
	stage_cell(IN, WEB, DB, -1, true, 30);
	stage_apply();
	unasked = counter("unasked");
	ok(tell(1, "api.example.com", ADDR, 1, 300) == PASS && open_to(ADDR) == DROP,
	   "an answer to nothing teaches nothing");
	(void)ask(2, "api.example.com");
	(void)tell(3, "api.example.com", ADDR, 1, 300);
	ok(open_to(ADDR) == DROP, "nor one with another number");
	(void)tell(2, "a.wild.example", ADDR, 1, 300);
	ok(open_to(ADDR) == DROP, "nor one to another question");
	m = message_answer(2, "api.example.com", ADDR, 1, 300);
	(void)tell_to(WEB, 4001, &m);
	ok(open_to(ADDR) == DROP, "nor one to another port");
	{
		struct frame_spec s = stage_spec(DB, WEB);
		struct frame f;

		s.protocol = IPPROTO_UDP;
		s.sport = 53;
		s.dport = 4000;
		message_frame(&f, s, &m);
		ok(stage_run(WEB, IN, &f) == PASS && open_to(ADDR) == DROP,
		   "nor one of another server");
	}
	ok(counter("unasked") == unasked + 5, "each of them is counted");
	(void)tell(2, "api.example.com", ADDR, 1, 300);
	ok(open_to(ADDR) == PASS, "the right one still does");
	(void)tell(2, "api.example.com", ADDR + 1, 1, 300);
	ok(open_to(ADDR + 1) == DROP, "but a question has one answer");
	(void)ask(4, "api.example.com");
	m = message_answer(4, "api.example.com", ADDR + 2, 1, 300);
	m.b[3] = 0x83;
	(void)tell_to(WEB, 4000, &m);
	ok(open_to(ADDR + 2) == DROP, "an error has no addresses");
	(void)ask(5, "api.example.com");
	m = message_answer(5, "api.example.com", ADDR + 3, 1, 300);
	m.len = 20;
	malformed = counter("malformed");
	(void)tell_to(WEB, 4000, &m);
	ok(open_to(ADDR + 3) == DROP && counter("malformed") == malformed + 1,
	   "a message that is cut short goes on, teaches nothing and is counted");
}

/* Changes what was learnt about ADDR: time is not for waiting. */
static void expire(uint64_t until_ns)
{
	struct rast_err err = {0};
	_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "names_by_addr", &err);
	struct rast_learnt_key k;
	struct rast_learnt e;

	if (bpf_map_get_next_key(fd, NULL, &k) || bpf_map_lookup_elem(fd, &k, &e))
		bail("nothing was learnt");
	for (int i = 0; i < RAST_NAME_SLOTS; i++)
		if (e.slots[i].pattern)
			e.slots[i].until_ns = until_ns;
	if (bpf_map_update_elem(fd, &k, &e, BPF_EXIST))
		bail("names_by_addr");
}

static uint64_t lasts_s(void)
{
	_cleanup_json_ json_t *list = json_array();

	(void)rast_fqdn_bpf_learnt(&stage.in, list, NULL);
	return (uint64_t)json_integer_value(
		       json_object_get(json_array_get(list, 0), "expires_ms")) /
	       1000;
}

static void test_time(void)
{
	setup();
	resolve("api.example.com", ADDR);
	ok(open_to(ADDR) == PASS && reply(ADDR) == PASS, "a connection is opened and answered");
	expire(1);
	ok(open_to(ADDR) == DROP, "when its time is over, an address opens nothing");
	ok(open_from(WEB, ADDR, 80, ACK) == PASS, "what was opened before goes on");
	ok(reply(ADDR) == PASS, "and is answered");
	resolve("api.example.com", ADDR);
	ok(open_to(ADDR) == PASS, "a new answer brings it back");
	stage_forget();
	(void)ask(1, "api.example.com");
	(void)tell(1, "api.example.com", ADDR, 1, 0);
	ok(lasts_s() >= 58 && lasts_s() <= 60, "no answer lasts less than a minute");
	stage_forget();
	(void)ask(1, "api.example.com");
	(void)tell(1, "api.example.com", ADDR, 1, 0xffffffff);
	ok(lasts_s() >= 86390 && lasts_s() <= 86400, "none more than a day");
}

static void test_swap(void)
{
	setup();
	resolve("a.wild.example", ADDR);
	ok(open_to(ADDR) == PASS, "learnt and opened");
	/* The same rules, their classes numbered otherwise. */
	forget_names();
	pattern("*.wild.example", OTHER_NAME, 0);
	watch(RAST_NAMES_PEERS);
	stage_cell(OUT, WEB, NAMED, -1, false, RAST_RULE_DEFAULT_DENY);
	stage_cell(OUT, WEB, OTHER_NAME, PORT_80, true, 41);
	stage.image->generation++;
	stage_apply();
	ok(open_to(ADDR) == PASS, "another image that has the pattern knows the address");
	forget_names();
	pattern("api.example.com", OTHER_NAME, 0);
	watch(RAST_NAMES_PEERS);
	stage_apply();
	ok(open_to(ADDR) == DROP, "one that has not denies it at once");
	ok(open_from(WEB, ADDR, 80, ACK) == DROP && reply(ADDR) == DROP,
	   "established connections included");
	forget_names();
	stage_apply();
	ok(open_to(ADDR) == DROP, "so does one without any names");
	forget_names();
	pattern("*.wild.example", OTHER_NAME, 0);
	watch(RAST_NAMES_PEERS);
	stage_apply();
	ok(open_to(ADDR) == PASS, "taken back, it is known again");
	stage_announce(&stage.pods[WEB], false);
	{
		struct rast_err err = {0};
		_cleanup_close_ int fd = rast_loader_map_fd(&stage.in, "endpoint_by_ifindex", &err);
		struct rast_endpoint ep;

		stage_announce(&stage.pods[WEB], true);
		(void)bpf_map_lookup_elem(fd, &stage.pods[WEB].ifindex, &ep);
		ep.since_ns = ~0ull >> 1;
		(void)bpf_map_update_elem(fd, &stage.pods[WEB].ifindex, &ep, 0);
		ok(open_to(ADDR) == DROP,
		   "a container does not inherit the names of the one that had its identity");
		stage_announce(&stage.pods[WEB], true);
	}
}

static void test_deny_wins(void)
{
	setup();
	resolve("api.example.com", 0xc6336407); /* 198.51.100.7: BLOCKED */
	ok(open_to(0xc6336407) == PASS, "a name opens what is denied by default");
	stage_cell(OUT, WEB, BLOCKED, -1, false, 50);
	stage_apply();
	ok(open_to(0xc6336407) == DROP, "not what a rule denies");
}

static void test_dns_rules(void)
{
	struct rast_link_counters before, after;
	struct message m;

	setup();
	pattern("only.example", 0, 20);
	pattern("*.sub.example", 0, 20);
	watch(RAST_NAMES_PEERS | RAST_NAMES_DNS);
	stage_apply();
	before = stage_counters(stage.pods[WEB].slot, OUT);
	ok(ask(1, "only.example") == PASS, "a name of the rule may be asked");
	ok(ask(2, "a.b.SUB.example") == PASS, "and one that a pattern of it matches");
	ok(ask(3, "api.example.com") == DROP, "another may not");
	stage_events();
	ok(stage.n_dns == 1 && stage.last_dns.reason == RAST_DNS_NAME &&
		   stage.last_dns.rule == 20 && stage.last_dns.name_len == 17 &&
		   !memcmp(stage.last_dns.name, "\3api\7example\3com", 17) &&
		   stage.last_dns.hdr.identity == stage.pods[WEB].identity,
	   "the event has the name, the rule and who asked");
	ok(ask(4, "sub.example") == DROP, "nor the name behind a wildcard");
	m = message_question(5, "only.example", A);
	m.b[5] = 2;
	ok(ask_from(WEB, 4000, &m) == DROP, "two questions are refused");
	m = message_question(5, "only.example", A);
	m.len--;
	ok(ask_from(WEB, 4000, &m) == DROP, "a question that is cut short is refused");
	m = message_answer(5, "only.example", ADDR, 1, 300);
	ok(ask_from(WEB, 4000, &m) == DROP, "an answer is no question");
	m.len = 0;
	ok(ask_from(WEB, 4000, &m) == DROP, "nor is an empty datagram");
	after = stage_counters(stage.pods[WEB].slot, OUT);
	ok(after.packets == before.packets + 2 &&
		   after.dropped[RAST_DROP_DNS] == before.dropped[RAST_DROP_DNS] + 6,
	   "each packet is counted once, as let through or as dropped");
	stage_events();
	ok(stage.n_dns == 2 && stage.n_questions == 2,
	   "what is refused again and again is told once a second");
}

/* Over TCP a message has its length before it. */
static int ask_tcp(const struct message *m, unsigned int length)
{
	struct frame_spec s = stage_spec(WEB, API);
	struct message t = {.len = 0};
	struct frame f;

	if (length)
		message_put16(&t, length);
	message_put(&t, m->b, m->len);
	s.protocol = IPPROTO_TCP;
	s.sport = 4000;
	s.dport = 53;
	s.tcp_flags = ACK;
	message_frame(&f, s, &t);
	return stage_run(WEB, OUT, &f);
}

static void test_dns_over_tcp(void)
{
	struct message m = message_question(1, "only.example", A), none = {.len = 0};

	setup();
	stage.image->port_class[RAST_PROTO_TCP][53] = PORT_53;
	stage_cell(OUT, WEB, API, PORT_80, true, 20);
	pattern("only.example", 0, 20);
	watch(RAST_NAMES_DNS);
	stage_apply();
	ok(ask_tcp(&none, 0) == PASS, "segments without payload pass");
	ok(ask_tcp(&m, (unsigned int)m.len) == PASS, "a whole question passes");
	ok(ask_tcp(&m, (unsigned int)m.len + 1) == DROP,
	   "one that goes on in the next segment does not");
	ok(ask_tcp(&m, (unsigned int)m.len - 1) == DROP, "nor does what is more than a question");
	m = message_question(1, "api.example.com", A);
	ok(ask_tcp(&m, (unsigned int)m.len) == DROP, "nor another name");
	ok(open_from(WEB, stage.pods[API].addr, 80, ACK) == PASS,
	   "the rule's other ports are no name server's");
	stage_events();
	ok(stage.n_dns >= 2, "all of it is told");
}

/* What one container does must not push out what another one asks or knows. */
static void test_floods(void)
{
	uint64_t full, questions;
	struct message m;

	setup();
	full = counter("full");
	questions = counter("questions");
	for (uint16_t i = 0; i < 3000; i++)
		(void)ask(i, "a.wild.example");
	ok(counter("full") > full && counter("questions") - questions < 3000,
	   "of a flood of questions not all are remembered");
	m = message_question(1, "api.example.com", A);
	(void)ask_from(DB, 4000, &m);
	m = message_answer(1, "api.example.com", ADDR, 1, 300);
	(void)tell_to(DB, 4000, &m);
	ok(open_from(DB, ADDR, 80, SYN) == PASS, "another container's is");
	stage_forget();
	full = counter("full");
	for (uint16_t i = 0; i < 40; i++) {
		(void)ask(i, "a.wild.example");
		(void)tell(i, "a.wild.example", ADDR + 64u * i, 64, 300);
	}
	ok(counter("full") - full == 40 * 64 - RAST_LEARNT_A_MINUTE,
	   "nor are all addresses of a flood of answers");
	(void)ask_from(DB, 4000, &m);
	m = message_question(2, "api.example.com", A);
	(void)ask_from(DB, 4000, &m);
	m = message_answer(2, "api.example.com", ADDR, 1, 300);
	(void)tell_to(DB, 4000, &m);
	ok(open_from(DB, ADDR, 80, SYN) == PASS, "but another container's");
}

/* A question over IPv4, an answer with an IPv6 address, a packet to it. */
static void test_ipv6(void)
{
	static const uint8_t addr[16] = {0x20, 1, 0xd, 0xb8, 1, [15] = 1};
	struct message m = message_question(1, "api.example.com", AAAA);
	struct frame6_spec s = stage_spec6(WEB, API);
	struct frame f;

	setup();
	(void)ask_from(WEB, 4000, &m);
	m = message_answer6(1, "api.example.com", addr, 300);
	ok(tell_to(WEB, 4000, &m) == PASS, "an answer with an IPv6 address passes");
	s.l4.protocol = IPPROTO_TCP;
	s.l4.sport = 5000;
	s.l4.dport = 80;
	s.l4.tcp_flags = SYN;
	memcpy(s.dst, addr, 16);
	frame6(&f, &s);
	ok(stage_run(WEB, OUT, &f) == PASS, "and opens that address");
	s.dst[15] = 2;
	frame6(&f, &s);
	ok(stage_run(WEB, OUT, &f) == DROP, "not the next one");
}

int main(void)
{
	stage_open("tfqdnb");
	test_learnt();
	test_patterns();
	test_spoofed();
	test_time();
	test_swap();
	test_deny_wins();
	test_dns_rules();
	test_dns_over_tcp();
	test_ipv6();
	test_floods();
	return done();
}
