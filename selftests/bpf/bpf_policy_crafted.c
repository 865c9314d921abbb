// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets that nobody's stack would make, sent raw out of a pod over real links: each one named, each with
 * what the victim may see of it and which counter has it. The victim lets in TCP 80 and UDP 53 of the attacker
 * and nothing else; nobody's way out is restricted. Behind each packet goes an allowed one, so that
 * nothing has to be waited for: what is to come has come before it.
 */
#include "selftests/bpf/frames.h"
#include "selftests/bpf/policy_net.h"

#include "base/fd.h"
#include "network/network.h"
#include "policy/policy_bpf.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTACKER, VICTIM, FRIEND };
#define ANY (-1) /* reason */
#define OPEN 53
#define SHUT 54
#define FRAME_IP 14

static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static struct frame_spec spec(uint8_t protocol, uint16_t port)
{
	struct frame_spec s = {.src = net.pods[ATTACKER].addr,
			       .dst = net.pods[VICTIM].addr,
			       .protocol = protocol,
			       .sport = 40000,
			       .dport = port,
			       .tcp_flags = 0x02,
			       .ip_id = 77,
			       .payload = 16};

	memcpy(s.smac, net.pods[ATTACKER].mac, 6);
	memcpy(s.dmac, net.pods[VICTIM].mac, 6);
	return s;
}

static void udp(struct frame *f, uint16_t port)
{
	struct frame_spec s = spec(IPPROTO_UDP, port);

	frame_ipv4(f, &s);
}

static void tcp(struct frame *f, uint16_t port)
{
	struct frame_spec s = spec(IPPROTO_TCP, port);

	frame_ipv4(f, &s);
}

static void from(struct frame *f, uint32_t addr)
{
	struct frame_spec s = spec(IPPROTO_UDP, OPEN);

	s.src = addr;
	frame_ipv4(f, &s);
}

static void piece(struct frame *f, uint8_t protocol, uint16_t port, uint16_t frag, uint16_t id)
{
	struct frame_spec s = spec(protocol, port);

	s.frag = frag;
	s.ip_id = id;
	s.payload = 24;
	frame_ipv4(f, &s);
}

/* Makes room for n bytes at `at`. */
static void insert(struct frame *f, size_t at, const void *bytes, size_t n)
{
	memmove(f->b + at + n, f->b + at, f->len - at);
	memcpy(f->b + at, bytes, n);
	f->len += n;
}

static void ether_type(struct frame *f, uint16_t type)
{
	f->b[12] = (uint8_t)(type >> 8);
	f->b[13] = (uint8_t)type;
}

static void arp(struct frame *f, const uint8_t smac[6], const uint8_t sender_mac[6],
		uint32_t sender)
{
	frame_arp(f, smac, broadcast, 1, sender_mac, sender, net.pods[VICTIM].addr);
}

static void icmp(struct frame *f, uint8_t type, uint8_t code)
{
	struct frame_spec s = spec(IPPROTO_ICMP, 0);

	s.icmp_type = type;
	s.icmp_code = code;
	frame_ipv4(f, &s);
}

/* A whole packet that would be allowed, inside of one that is not. */
static void inside_of(struct frame *f, uint8_t protocol, const void *between, size_t n)
{
	struct frame_spec s = spec(protocol, 0);
	struct frame inner;

	udp(&inner, OPEN);
	s.payload = (uint16_t)(inner.len - FRAME_IP + n);
	frame_ipv4(f, &s);
	memcpy(f->b + FRAME_IP + 20, between, n);
	memcpy(f->b + FRAME_IP + 20 + n, inner.b + FRAME_IP, inner.len - FRAME_IP);
}

static struct frame6_spec spec6(uint16_t port)
{
	struct frame6_spec s = {.l4 = spec(IPPROTO_UDP, port)};

	memcpy(s.src, net.pods[ATTACKER].addr6, 16);
	memcpy(s.dst, net.pods[VICTIM].addr6, 16);
	return s;
}

static void six(struct frame *f, uint16_t port)
{
	struct frame6_spec s = spec6(port);

	frame6(f, &s);
}

/* The attacker's own, made of its MAC. */
static void local6(uint8_t ret[16])
{
	const uint8_t *m = net.pods[ATTACKER].mac;
	const uint8_t a[16] = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2],
			       0xff, 0xfe, m[3],           m[4], m[5]};

	memcpy(ret, a, 16);
}

#define SIX(port) struct frame6_spec s = spec6(port)
#define MAC(i) net.pods[i].mac
#define ADDR(i) net.pods[i].addr
#define PUT(at, v) (f->b[FRAME_IP + (at)] = (v))

/* clang-format off */
#define CASES(X) \
	X("a datagram to an open port", 0, true, udp(f, OPEN)) \
	X("a connection to an open port", 0, true, tcp(f, 80)) \
	X("with forty bytes of IP options", 0, true, struct frame_spec s = spec(IPPROTO_UDP, OPEN); s.options = 10; frame_ipv4(f, &s)) \
	X("with bytes behind its end", 0, true, udp(f, OPEN); f->len += 20) \
	X("an honest ARP request", 0, true, arp(f, MAC(ATTACKER), MAC(ATTACKER), ADDR(ATTACKER))) \
	X("the first piece to an open port", 0, true, piece(f, IPPROTO_UDP, OPEN, 0x2000, 90)) \
	X("its second piece", 0, true, piece(f, IPPROTO_UDP, OPEN, 4, 90)) \
	X("another first piece of it to a closed port", RAST_DROP_POLICY, false, piece(f, IPPROTO_UDP, SHUT, 0x2000, 90)) \
	X("a datagram to a closed port", RAST_DROP_POLICY, false, udp(f, SHUT)) \
	X("a connection to a closed port", RAST_DROP_POLICY, false, tcp(f, 81)) \
	X("the open port's number in the other protocol", RAST_DROP_POLICY, false, udp(f, 80)) \
	X("to a closed port, the open one's number where options end it without them", RAST_DROP_POLICY, false, \
		struct frame_spec s = spec(IPPROTO_UDP, SHUT); s.options = 10; frame_ipv4(f, &s); PUT(22, 0); PUT(23, OPEN)) \
	X("to a closed port with a bad checksum", RAST_DROP_POLICY, false, udp(f, SHUT); PUT(10, 0xde)) \
	X("a frame of an Ethernet header alone", RAST_DROP_MALFORMED, false, udp(f, OPEN); f->len = 14) \
	X("half an IP header", RAST_DROP_MALFORMED, false, udp(f, OPEN); f->len = 24) \
	X("an IP header alone that promises more", RAST_DROP_MALFORMED, false, udp(f, OPEN); f->len = 34) \
	X("an IP header alone that promises nothing", RAST_DROP_MALFORMED, false, udp(f, OPEN); f->len = 34; PUT(3, 20)) \
	X("half a UDP header", RAST_DROP_MALFORMED, false, udp(f, OPEN); f->len = 38; PUT(3, 24)) \
	X("half a TCP header", RAST_DROP_MALFORMED, false, tcp(f, 80); f->len = 44; PUT(3, 30)) \
	X("a length beyond its end", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(2, 1)) \
	X("a length below its header", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(3, 19)) \
	X("an IP header of sixteen bytes", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(0, 0x44)) \
	X("IP version 6 in an IPv4 frame", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(0, 0x65)) \
	X("IP version 0", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(0, 0x05)) \
	X("options beyond its end", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(0, 0x4f)) \
	X("a TCP header of sixteen bytes", RAST_DROP_MALFORMED, false, tcp(f, 80); PUT(32, 0x40)) \
	X("TCP options beyond its end", RAST_DROP_MALFORMED, false, tcp(f, 80); PUT(32, 0xf0)) \
	X("a UDP length of seven", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(25, 7)) \
	X("a UDP length beyond its end", RAST_DROP_MALFORMED, false, udp(f, OPEN); PUT(24, 2)) \
	X("a later piece without a first", RAST_DROP_FRAGMENT, false, piece(f, IPPROTO_UDP, OPEN, 3, 91)) \
	X("a first piece to a closed port", RAST_DROP_POLICY, false, piece(f, IPPROTO_UDP, SHUT, 0x2000, 92)) \
	X("and its second piece", RAST_DROP_FRAGMENT, false, piece(f, IPPROTO_UDP, SHUT, 4, 92)) \
	X("a first piece with eight bytes of TCP", RAST_DROP_MALFORMED, false, piece(f, IPPROTO_TCP, 80, 0x2000, 93); f->len = 42; PUT(3, 28)) \
	X("a piece that would rewrite TCP's flags", RAST_DROP_MALFORMED, false, piece(f, IPPROTO_TCP, 80, 1, 94)) \
	X("a piece of another protocol with a known number", RAST_DROP_FRAGMENT, false, piece(f, IPPROTO_TCP, 80, 4, 90)) \
	X("the last piece of a packet of 64 KB and more", RAST_DROP_FRAGMENT, false, piece(f, IPPROTO_ICMP, 0, 0x1fff, 95)) \
	X("a VLAN tag", RAST_DROP_PROTOCOL, false, udp(f, OPEN); insert(f, 12, "\x81\0\0\5", 4)) \
	X("a VLAN tag of priority alone", RAST_DROP_PROTOCOL, false, udp(f, OPEN); insert(f, 12, "\x81\0\xe0\0", 4)) \
	X("two VLAN tags", RAST_DROP_PROTOCOL, false, udp(f, OPEN); insert(f, 12, "\x81\0\0\5\x81\0\0\6", 8)) \
	X("a provider's VLAN tag", RAST_DROP_PROTOCOL, false, udp(f, OPEN); insert(f, 12, "\x88\xa8\0\5\x81\0\0\6", 8)) \
	X("another one's MAC", RAST_DROP_SPOOFED, false, udp(f, OPEN); memcpy(f->b + 6, MAC(FRIEND), 6)) \
	X("the victim's MAC", RAST_DROP_SPOOFED, false, udp(f, OPEN); memcpy(f->b + 6, MAC(VICTIM), 6)) \
	X("a group as sender", RAST_DROP_SPOOFED, false, udp(f, OPEN); f->b[6] |= 1) \
	X("another one's address", RAST_DROP_SPOOFED, false, from(f, ADDR(FRIEND))) \
	X("the node's address", RAST_DROP_SPOOFED, false, from(f, net.in.pod_cidr + 1)) \
	X("no address", RAST_DROP_SPOOFED, false, from(f, 0)) \
	X("a loopback address", RAST_DROP_SPOOFED, false, from(f, INADDR_LOOPBACK)) \
	X("an address outside", RAST_DROP_SPOOFED, false, from(f, 0xc6336401)) \
	X("broadcast as sender", RAST_DROP_SPOOFED, false, from(f, INADDR_BROADCAST)) \
	X("a land attack, from the victim to itself", RAST_DROP_SPOOFED, false, from(f, ADDR(VICTIM))) \
	X("to itself, at the victim's door", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, SHUT); s.dst = s.src; frame_ipv4(f, &s)) \
	X("for the friend, at the victim's door", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, SHUT); s.dst = ADDR(FRIEND); frame_ipv4(f, &s)) \
	X("for the victim, at the friend's door", ANY, false, udp(f, OPEN); memcpy(f->b, MAC(FRIEND), 6)) \
	X("to a closed port by a broadcast frame", RAST_DROP_POLICY, false, udp(f, SHUT); memcpy(f->b, broadcast, 6)) \
	X("to everybody", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, SHUT); s.dst = INADDR_BROADCAST; memcpy(s.dmac, broadcast, 6); frame_ipv4(f, &s)) \
	X("ARP: the victim's address is mine", RAST_DROP_SPOOFED, false, arp(f, MAC(ATTACKER), MAC(ATTACKER), ADDR(VICTIM))) \
	X("ARP: the gateway's address is mine", RAST_DROP_SPOOFED, false, arp(f, MAC(ATTACKER), MAC(ATTACKER), net.in.pod_cidr + 1)) \
	X("ARP: my address is at the friend's MAC", RAST_DROP_SPOOFED, false, arp(f, MAC(ATTACKER), MAC(FRIEND), ADDR(ATTACKER))) \
	X("ARP: in the friend's frame", RAST_DROP_SPOOFED, false, arp(f, MAC(FRIEND), MAC(ATTACKER), ADDR(ATTACKER))) \
	X("ARP: an answer nobody asked for, for the gateway", RAST_DROP_SPOOFED, false, frame_arp(f, MAC(ATTACKER), MAC(VICTIM), 2, MAC(ATTACKER), net.in.pod_cidr + 1, ADDR(VICTIM))) \
	X("ARP: cut short", RAST_DROP_MALFORMED, false, arp(f, MAC(ATTACKER), MAC(ATTACKER), ADDR(ATTACKER)); f->len = 40) \
	X("ARP: of a network that is no Ethernet", RAST_DROP_MALFORMED, false, arp(f, MAC(ATTACKER), MAC(ATTACKER), ADDR(ATTACKER)); PUT(1, 6)) \
	X("GRE around an allowed packet", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_GRE, "\0\0\x08\0", 4)) \
	X("IP in IP around an allowed packet", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_IPIP, "", 0)) \
	X("IPv6 in IP", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_IPV6, "", 0)) \
	X("an encrypted payload", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_ESP, "\0\0\0\1\0\0\0\1", 8)) \
	X("an authentication header around an allowed packet", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_AH, "\x11\4\0\0\0\0\0\1", 8)) \
	X("VXLAN around an allowed packet", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, 4789); s.payload = 100; frame_ipv4(f, &s)) \
	X("UDP-Lite", RAST_DROP_POLICY, false, inside_of(f, IPPROTO_UDPLITE, "\x9c\x40\0\x35\0\0\0\0", 8)) \
	X("protocol 255", RAST_DROP_POLICY, false, inside_of(f, 255, "", 0)) \
	X("ping", RAST_DROP_POLICY, false, icmp(f, 8, 0)) \
	X("an answer to no ping", RAST_DROP_POLICY, false, icmp(f, 0, 0)) \
	X("an ICMP redirect", RAST_DROP_POLICY, false, icmp(f, 5, 1)) \
	X("an ICMP error that quotes nothing", RAST_DROP_POLICY, false, icmp(f, 3, 4)) \
	X("an ICMP error about a flow that is none", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, SHUT), q = s; struct frame inner; \
		q.src = s.dst; q.dst = s.src; frame_ipv4(&inner, &q); frame_icmp_error(f, &s, 3, &inner)) \
	X("an ICMP error about somebody else's flow", RAST_DROP_POLICY, false, struct frame_spec s = spec(IPPROTO_UDP, SHUT), q = s; struct frame inner; \
		q.src = ADDR(FRIEND); frame_ipv4(&inner, &q); frame_icmp_error(f, &s, 3, &inner)) \
	X("an ICMP router advertisement", RAST_DROP_POLICY, false, icmp(f, 9, 0)) \
	X("half an ICMP header", RAST_DROP_MALFORMED, false, icmp(f, 8, 0); f->len = 38; PUT(3, 24)) \
	X("MPLS", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 0x8847)) \
	X("PPPoE", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 0x8864)) \
	X("LLDP", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 0x88cc)) \
	X("EAPOL", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 0x888e)) \
	X("a frame of 802.3", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 38)) \
	X("an unknown kind of frame", RAST_DROP_PROTOCOL, false, udp(f, OPEN); ether_type(f, 0xfffe))

#define CASES6(X) \
	X("IPv6: a datagram to an open port", 0, true, six(f, OPEN)) \
	X("IPv6: behind options of both kinds", 0, true, SIX(OPEN); frame6_options(&s, 0, 2); frame6_options(&s, 60, 1); frame6(f, &s)) \
	X("IPv6: behind an authentication header", 0, true, SIX(OPEN); frame6_auth(&s); frame6(f, &s)) \
	X("IPv6: a packet that is its only piece", 0, true, SIX(OPEN); frame6_fragment(&s, 0, false, 5); frame6(f, &s)) \
	X("IPv6: the first piece to an open port", 0, true, SIX(OPEN); frame6_fragment(&s, 0, true, 6); frame6(f, &s); f->b[67] = 200) \
	X("IPv6: its second piece", 0, true, SIX(OPEN); frame6_fragment(&s, 24, false, 6); frame6(f, &s)) \
	X("IPv6: another first piece of it to a closed port", RAST_DROP_POLICY, false, SIX(SHUT); frame6_fragment(&s, 0, true, 6); frame6(f, &s)) \
	X("IPv6: a later piece without a first", RAST_DROP_FRAGMENT, false, SIX(OPEN); frame6_fragment(&s, 24, false, 7); frame6(f, &s)) \
	X("IPv6: a first piece of options alone", RAST_DROP_MALFORMED, false, SIX(OPEN); frame6_fragment(&s, 0, true, 8); frame6_options(&s, 60, 2); frame6(f, &s); \
		f->len = 78; f->b[19] = 24) \
	X("IPv6: a piece of a piece", RAST_DROP_MALFORMED, false, SIX(OPEN); frame6_fragment(&s, 0, true, 9); frame6_fragment(&s, 0, true, 9); frame6(f, &s)) \
	X("IPv6: to a closed port", RAST_DROP_POLICY, false, six(f, SHUT)) \
	X("IPv6: to a closed port behind eight headers", RAST_DROP_POLICY, false, SIX(SHUT); for (int i = 0; i < 8; i++) frame6_options(&s, 60, 1); frame6(f, &s)) \
	X("IPv6: to an open port behind nine", RAST_DROP_PROTOCOL, false, SIX(OPEN); for (int i = 0; i < 9; i++) frame6_options(&s, 60, 1); frame6(f, &s)) \
	X("IPv6: a source route", RAST_DROP_PROTOCOL, false, SIX(OPEN); frame6_routing(&s, 0, 1); frame6(f, &s)) \
	X("IPv6: a source route that has ended", RAST_DROP_PROTOCOL, false, SIX(OPEN); frame6_routing(&s, 0, 0); frame6(f, &s)) \
	X("IPv6: segments that are left", RAST_DROP_PROTOCOL, false, SIX(OPEN); frame6_routing(&s, 4, 1); frame6(f, &s)) \
	X("IPv6: hop-by-hop options that are late", RAST_DROP_MALFORMED, false, SIX(OPEN); frame6_options(&s, 60, 1); frame6_options(&s, 0, 1); frame6(f, &s)) \
	X("IPv6: options beyond its end", RAST_DROP_MALFORMED, false, SIX(OPEN); frame6_options(&s, 60, 1); frame6(f, &s); f->b[55] = 60) \
	X("IPv6: a length beyond its end", RAST_DROP_MALFORMED, false, six(f, OPEN); f->b[18] = 4) \
	X("IPv6: a length of nothing", RAST_DROP_MALFORMED, false, six(f, OPEN); f->b[19] = 0) \
	X("IPv6: half a header", RAST_DROP_MALFORMED, false, six(f, OPEN); f->len = 40) \
	X("IPv6: version 4 in it", RAST_DROP_MALFORMED, false, six(f, OPEN); f->b[14] = 0x45) \
	X("IPv6: nothing in it", RAST_DROP_POLICY, false, SIX(0); s.l4.protocol = 59; frame6(f, &s)) \
	X("IPv6: IPv4 in it", RAST_DROP_POLICY, false, SIX(0); s.l4.protocol = IPPROTO_IPIP; s.l4.payload = 60; frame6(f, &s)) \
	X("IPv6: ping", RAST_DROP_POLICY, false, SIX(0); s.l4.protocol = IPPROTO_ICMPV6; s.l4.icmp_type = 128; frame6(f, &s)) \
	X("IPv6: an error about a flow that is none", RAST_DROP_POLICY, false, SIX(SHUT); struct frame inner; frame6(&inner, &s); frame6_error(f, &s, 1, &inner, 48)) \
	X("IPv6: another one's address", RAST_DROP_SPOOFED, false, SIX(OPEN); memcpy(s.src, net.pods[FRIEND].addr6, 16); frame6(f, &s)) \
	X("IPv6: the victim's own address", RAST_DROP_SPOOFED, false, SIX(OPEN); memcpy(s.src, s.dst, 16); frame6(f, &s)) \
	X("IPv6: IPv4 in disguise as sender", RAST_DROP_MALFORMED, false, SIX(OPEN); memset(s.src, 0, 10); memset(s.src + 10, 255, 2); frame6(f, &s)) \
	X("IPv6: loopback as sender", RAST_DROP_MALFORMED, false, SIX(OPEN); memset(s.src, 0, 15); s.src[15] = 1; frame6(f, &s)) \
	X("IPv6: a group as sender", RAST_DROP_MALFORMED, false, SIX(OPEN); s.src[0] = 0xff; frame6(f, &s)) \
	X("IPv6: a link-local sender to an open port", ANY, false, SIX(OPEN); local6(s.src); frame6(f, &s)) \
	X("IPv6: an honest question for the victim", 0, true, SIX(0); frame6_neighbour(f, &s, 135, 0, s.dst, 1, MAC(ATTACKER))) \
	X("IPv6: an honest answer", 0, true, SIX(0); frame6_neighbour(f, &s, 136, 0x60, s.src, 2, MAC(ATTACKER))) \
	X("IPv6: a question with another one's MAC", RAST_DROP_SPOOFED, false, SIX(0); frame6_neighbour(f, &s, 135, 0, s.dst, 1, MAC(FRIEND))) \
	X("IPv6: the friend's address is mine", RAST_DROP_SPOOFED, false, SIX(0); frame6_neighbour(f, &s, 136, 0x60, net.pods[FRIEND].addr6, 2, MAC(ATTACKER))) \
	X("IPv6: an answer as a router", RAST_DROP_SPOOFED, false, SIX(0); frame6_neighbour(f, &s, 136, 0xe0, s.src, 2, MAC(ATTACKER))) \
	X("IPv6: a question from far away", RAST_DROP_MALFORMED, false, SIX(0); s.hop_limit = 64; frame6_neighbour(f, &s, 135, 0, s.dst, 1, MAC(ATTACKER))) \
	X("IPv6: a question in pieces", RAST_DROP_MALFORMED, false, SIX(0); frame6_fragment(&s, 0, true, 10); frame6_neighbour(f, &s, 135, 0, s.dst, 1, MAC(ATTACKER))) \
	X("IPv6: a router's advertisement", RAST_DROP_SPOOFED, false, SIX(0); local6(s.src); frame6_neighbour(f, &s, 134, 0, s.dst, 1, MAC(ATTACKER))) \
	X("IPv6: a redirect", RAST_DROP_SPOOFED, false, SIX(0); local6(s.src); frame6_neighbour(f, &s, 137, 0, s.dst, 2, MAC(ATTACKER)))
/* clang-format on */

#define ROW(name, reason, arrives, ...) {name, reason, arrives},
static const struct craft {
	const char *name;
	int reason;
	bool arrives;
} crafts[] = {CASES(ROW) CASES6(ROW)};

#define MAKE(name, reason, arrives, ...) \
	if (!n--) {                      \
		__VA_ARGS__;             \
		return;                  \
	}
static void make(struct frame *f, int n)
{
	CASES(MAKE)
	CASES6(MAKE)
}

/* ---- sending and seeing ---- */

static int raw(int pod)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd, n = 1 << 20;

	net_enter(pod);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	ll.sll_ifindex = (int)if_nametoindex("eth0");
	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		bail("packet socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n));
	net_enter(-1);
	return fd;
}

static int attacker, victim;
static uint8_t node_mac[6];

/* How many frames of others than the node the victim has seen before this mark; -1: the mark never came. */
static int seen_before(const struct frame *mark)
{
	static uint8_t b[4096];
	int n = 0;

	while (net_wait(victim, 2000)) {
		struct sockaddr_ll ll;
		socklen_t size = sizeof(ll);
		ssize_t len =
			recvfrom(victim, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&ll, &size);

		if (len < 14 || ll.sll_pkttype == PACKET_OUTGOING)
			continue;
		if ((size_t)len == mark->len && !memcmp(b, mark->b, mark->len))
			return n;
		/* The node's own chatter is none of ours. */
		n += memcmp(b + 6, node_mac, 6) != 0;
	}
	return -1;
}

static uint64_t dropped(int reason)
{
	struct rast_link_counters out = net_counters(ATTACKER, RAST_DIR_EGRESS);
	struct rast_link_counters in = net_counters(VICTIM, RAST_DIR_INGRESS);
	uint64_t n = 0;

	for (int i = 1; i < RAST_DROP_MAX; i++)
		if (reason <= 0 || i == reason)
			n += out.dropped[i] + in.dropped[i];
	return n;
}

static void try(const char *how, int n)
{
	static uint32_t number;
	const struct craft *c = &crafts[n];
	struct frame_spec s = spec(IPPROTO_UDP, OPEN);
	struct frame f = {.len = 0}, mark;
	uint64_t before = dropped(c->reason), drops;
	int seen;

	make(&f, n);
	s.sport = 41000;
	frame_ipv4(&mark, &s);
	number++;
	memcpy(mark.b + 42, &number, sizeof(number));
	if (send(attacker, f.b, f.len, 0) != (ssize_t)f.len) {
		ok(false, "%s: %s: %s", how, c->name, strerror(errno));
		return;
	}
	if (send(attacker, mark.b, mark.len, 0) != (ssize_t)mark.len)
		bail("mark");
	seen = seen_before(&mark);
	drops = dropped(c->reason) - before;
	ok(seen == c->arrives && (c->reason == ANY || drops == (c->reason ? 1 : 0)),
	   "%s: %s %s (%d seen, %d in the counter)", how, c->name,
	   c->arrives ? "arrives" : "does not arrive", seen, (int)drops);
}

/* At a closed port no mixture of TCP's flags opens the door, whatever flow it says it belongs to. */
static void flags(const char *how)
{
	uint64_t before = dropped(RAST_DROP_POLICY);
	struct frame f, mark;
	int seen, n;

	for (n = 0; n < 256; n++) {
		struct frame_spec s = spec(IPPROTO_TCP, 81);

		s.tcp_flags = (uint8_t)n;
		frame_ipv4(&f, &s);
		if (send(attacker, f.b, f.len, 0) < 0)
			bail("send");
	}
	udp(&mark, OPEN);
	mark.b[42] = 0xfa;
	(void)send(attacker, mark.b, mark.len, 0);
	seen = seen_before(&mark);
	ok(!seen && dropped(RAST_DROP_POLICY) - before == 256,
	   "%s: none of 256 mixtures of TCP flags passes a closed port (%d)", how, seen);
}

static void all(const char *how)
{
	for (int i = 0; i < (int)(sizeof(crafts) / sizeof(crafts[0])); i++)
		try(how, i);
	flags(how);
}

int main(void)
{
	struct rast_err err = {0};
	int sink;

	net_open("tcraft");
	(void)net_add("attacker");
	(void)net_add("victim");
	(void)net_add("friend");
	/* Nobody chatters, nor passes on what was not meant for him. */
	for (int i = 0; i < 3; i++)
		net_run(i, "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6;"
			   "echo 0 >/proc/sys/net/ipv4/ip_forward");
	/* Else what passes the bridge is put together and looked at by the node's netfilter as well. */
	(void)rast_write_file(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
	net_policy("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		   "metadata: {name: victim, namespace: t}\nspec:\n"
		   "  podSelector: {matchLabels: {app: victim}}\n  ingress:\n"
		   "    - from: [{podSelector: {matchLabels: {app: attacker}}}]\n"
		   "      ports: [{port: 80}, {protocol: UDP, port: 53}]\n");
	/* No ICMP errors because nobody listens. */
	sink = net_socket(VICTIM, SOCK_DGRAM, 0, OPEN);
	rast_network_mac(net.in.pod_cidr + 1, node_mac);
	attacker = raw(ATTACKER);
	victim = raw(VICTIM);
	all("short cut");
	(void)setenv(RAST_POLICY_SHORT_CUT_ENV, "0", 1);
	if (rast_policy_bpf_load(&net.in, &err) < 0)
		bail("%s", err.text);
	all("bridge");
	(void)close(sink);
	(void)close(attacker);
	(void)close(victim);
	return done();
}
