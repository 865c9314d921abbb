/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of the policy programs, the matrix lookup, and what is remembered of flows. Only
 * policy.bpf.c includes this; it stands apart because it is the half that thinks about time.
 *
 * A flow entry never allows by itself: it lets a reply ask whether the opposite direction is allowed
 * by the image in force. The two ends of a flow share the entry but not its permission: each link
 * sets and needs its own bit, or else a packet that the server's link refused would open that link
 * for answers.
 */
#ifndef RAST_BPF_LIB_FLOW_H
#define RAST_BPF_LIB_FLOW_H

#include "bpf/container.h"
#include "bpf/policy.h"
#include "bpf/lib/maps.bpf.h"
#include "bpf/lib/packet.bpf.h"

/* Set between open and load. */
const volatile __u32 pod_base = 0;  /* first address of the pod range, host byte order */
const volatile __u32 pod_count = 0; /* addresses in it */
const volatile __u32 n_cpus = 1;    /* possible ones */
const volatile __u32 short_cut = 1; /* from pod to pod past the bridge */

#define RAST_MAX_FLOWS 65536
#define RAST_MAX_DENIES 4096
#define RAST_MAX_FRAGMENTS 4096
#define RAST_DENY_EVERY_NS 1000000000ull
#define SECONDS 1000000000ull

/* Slot → compiled policy. 2 × 2.3 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_policy_image);
} policy_image SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_policy_control);
} policy_control SEC(".maps");

/* One entry of 128 KB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_addr_table);
} identity_by_addr SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_FOREIGN_ADDRS);
	__type(key, __u32);
	__type(value, __u32);
} identity_by_foreign SEC(".maps");

/* One entry of 256 KB. A miss is no denial: the packet takes the long way. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_link_table);
} ifindex_by_addr SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, struct rast_endpoint);
} endpoint_by_ifindex SEC(".maps");

/* About 100 bytes an entry. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_FLOWS);
	__type(key, struct rast_flow_key);
	__type(value, struct rast_flow);
} flow_by_tuple SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_DENIES);
	__type(key, struct rast_deny_key);
	__type(value, struct rast_deny);
} deny_by_tuple SEC(".maps");

/* Which fragmented packets had an allowed first fragment, by link; value: when. */
struct fragment_key {
	__u32 src, dst, ifindex;
	__u16 id;
	__u8 protocol, dir;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, __u64);
} time_by_fragment SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RAST_MAX_LINKS * 2 + 2);
	__type(key, __u32);
	__type(value, struct rast_link_counters);
} counters_by_link SEC(".maps");

/* The loader sets max_entries to 2 * possible CPUs. 256 KB an entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_rule_hits);
} hits_by_rule SEC(".maps");

/* Which build of this object is loaded; written and read by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} policy_build SEC(".maps");

/* What is known of the packet at hand beside its bytes. */
struct look {
	struct rast_endpoint ep; /* a copy: the entry may be replaced meanwhile */
	__u32 ifindex; /* of the link that is judged: not always the one the packet is on */
	__u32 dir;
	__u32 image_slot, generation;
	__u32 peer_addr, peer_identity;
	__u32 rule, reason;
	__u32 flow_forward; /* which way the first packet of the flow in question went on this link */
};

/* ---- the matrix ---- */

/* Of an address outside the pod range. */
static __always_inline __u32 identity_of_foreign(__u32 addr)
{
	__u32 zero = 0, *identity;
	const struct rast_foreign *f = bpf_map_lookup_elem(&foreign_control, &zero);

	if (!f || !*(const volatile __u32 *)&f->addresses)
		return RAST_IDENTITY_WORLD;
	identity = bpf_map_lookup_elem(&identity_by_foreign, &addr);
	return identity ? *identity : RAST_IDENTITY_WORLD;
}

static __always_inline __u32 identity_of(__u32 addr)
{
	__u32 zero = 0, i = bpf_ntohl(addr) - pod_base;
	const struct rast_addr_table *t;

	if (i >= pod_count || i >= RAST_MAX_POD_ADDRS)
		return identity_of_foreign(addr);
	t = bpf_map_lookup_elem(&identity_by_addr, &zero);
	return t ? t->identity[i] : RAST_IDENTITY_WORLD;
}

/* All ones if a < b, else 0; both below 2^32. In assembly, or the compiler makes it a branch again. */
static __always_inline __u64 below(__u64 a, __u64 b)
{
	__u64 d = a - b;

	asm volatile("%0 s>>= 63" : "+r"(d));
	return d;
}

/*
 * The class of the last range that starts at or before addr. No branch depends on the data: the
 * verifier would walk every path of a search that has some.
 */
static __noinline __u32 range_class(const struct rast_policy_image *img, __u32 addr)
{
	__u64 n = img->n_range4, at = 0, next, start;

	/* The verifier of 6.1 loses the bounds of `at` on the way, and the compiler, which knows them,
	 * would leave the mask out: so the index is hidden from it. */
#define RANGE_STEP(bits)                                          \
	next = at + (1u << (bits));                               \
	asm volatile("" : "+r"(next));                            \
	start = img->range4[next & (RAST_MAX_RANGES4 - 1)].start; \
	at += (1u << (bits)) & below(start, (__u64)addr + 1) & below(next, n)

	if (n > 64) {
		RANGE_STEP(11);
		RANGE_STEP(10);
		RANGE_STEP(9);
		RANGE_STEP(8);
		RANGE_STEP(7);
		RANGE_STEP(6);
	}
	RANGE_STEP(5);
	RANGE_STEP(4);
	RANGE_STEP(3);
	RANGE_STEP(2);
	RANGE_STEP(1);
	RANGE_STEP(0);
	asm volatile("" : "+r"(at));
	return img->range4[at & (RAST_MAX_RANGES4 - 1)].klass;
}

static __always_inline __u32 class_of(const struct rast_policy_image *img, __u32 identity)
{
	return identity < RAST_MAX_IDENTITIES ? img->class_by_identity[identity] : 0xffff;
}

/* 0 (denied, no rule) for all that lies outside the image's bounds. */
static __always_inline __u32 cell_of(const struct rast_policy_image *img, const struct look *l,
				     __u32 dir, __u32 protocol, __u16 port)
{
	__u64 klass = class_of(img, l->ep.identity), peer, n_class = img->n_class, at;
	__u32 pc, proto, number = bpf_ntohs(port);

	/* To the verifier of 6.1 a byte swap may yield anything; the compiler knows better, so: hide it. */
	asm volatile("" : "+r"(number));
	number &= 0xffff;
	if (l->peer_identity != RAST_IDENTITY_WORLD)
		peer = class_of(img, l->peer_identity);
	else
		peer = n_class + range_class(img, bpf_ntohl(l->peer_addr));
	if (protocol == IPPROTO_TCP)
		proto = RAST_PROTO_TCP;
	else if (protocol == IPPROTO_UDP)
		proto = RAST_PROTO_UDP;
	else if (protocol == IPPROTO_SCTP)
		proto = RAST_PROTO_SCTP;
	else
		proto = RAST_PROTO_OTHER;
	if (proto < RAST_PROTO_PORTED)
		pc = img->port_class[proto][number];
	else
		pc = img->port_class_other;
	/* An unknown identity has class 0xffff, which no image reaches. */
	if (klass >= n_class || peer >= img->n_peer || pc >= img->n_port)
		return 0;
	at = ((dir * n_class + klass) * img->n_peer + peer) * img->n_port + pc;
	if (at >= RAST_MAX_CELLS)
		return 0;
	return img->matrix[at];
}

/* ---- flows ---- */

static __always_inline void flow_key_of(struct rast_flow_key *k, const struct packet *p)
{
	k->src = p->src;
	k->dst = p->dst;
	k->src_port = p->src_port;
	k->dst_port = p->dst_port;
	k->protocol = p->protocol;
}

/* How long a flow may be silent. The figures are netfilter's, TCP's excepted (there: 5 days). */
static __always_inline __u64 flow_timeout(__u32 protocol, __u32 state)
{
	if (protocol == IPPROTO_TCP)
		return (state & RAST_FLOW_CLOSING) ? 120 * SECONDS : 86400 * SECONDS;
	if (protocol == IPPROTO_UDP)
		return (state & RAST_FLOW_REPLIED) ? 120 * SECONDS : 30 * SECONDS;
	if (protocol == IPPROTO_SCTP)
		return 900 * SECONDS;
	if (protocol == IPPROTO_ICMP)
		return 30 * SECONDS;
	return 600 * SECONDS;
}

static __always_inline bool flow_fresh(const struct rast_flow *f, __u32 protocol, __u64 now)
{
	return now - f->last_ns < flow_timeout(protocol, f->state) || now < f->last_ns;
}

/* An entry is written once a second at most, not once a packet. */
static __always_inline void flow_touch(struct rast_flow *f, const struct packet *p, __u32 bits,
				       __u64 now)
{
	if (p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_FIN | TCP_RST)))
		bits |= RAST_FLOW_CLOSING;
	if ((f->state & bits) != bits)
		__sync_fetch_and_or(&f->state, bits);
	if (now - f->last_ns > SECONDS)
		f->last_ns = now;
}

/* After an allow. Returns 1 when this packet opened the flow on this link. */
static __noinline int flow_record(const struct packet *p, const struct look *l)
{
	__u32 bit = l->dir == RAST_DIR_EGRESS ? RAST_FLOW_AT_SRC : RAST_FLOW_AT_DST;
	bool tcp = p->protocol == IPPROTO_TCP;
	/* Of TCP only a SYN opens; SYN+ACK answers. Of ICMP only an echo request. */
	bool syn = tcp && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow_key key = {};
	struct rast_flow fresh = {};
	struct rast_flow *f;

	if (p->protocol == IPPROTO_ICMP && p->icmp_type != ICMP_ECHO)
		return 0;
	flow_key_of(&key, p);
	f = bpf_map_lookup_elem(&flow_by_tuple, &key);
	if (f && flow_fresh(f, p->protocol, now)) {
		/* A SYN at the opener's link starts anew whatever was there. */
		bool again = syn && bit == RAST_FLOW_AT_SRC;

		if (!again && f->opened_ns >= l->ep.since_ns) {
			__u32 had = f->state & bit;

			if (!tcp || syn || had)
				flow_touch(f, p, tcp && !syn ? 0 : bit, now);
			return !had && (!tcp || syn);
		}
		if (bit == RAST_FLOW_AT_DST)
			fresh.state = f->state & RAST_FLOW_AT_SRC;
	}
	if (tcp && !syn)
		return 0;
	fresh.opened_ns = fresh.last_ns = now;
	fresh.state |= bit;
	if (l->dir == RAST_DIR_INGRESS && l->peer_identity == RAST_IDENTITY_HOST)
		fresh.state |= RAST_FLOW_HOST;
	fresh.rule = l->rule;
	bpf_map_update_elem(&flow_by_tuple, &key, &fresh, BPF_ANY);
	return 1;
}

/*
 * Is there such a flow, and would its first packet still be allowed on this link? `port` is that
 * packet's destination port, l->dir the direction of the packet at hand, which is the other one;
 * l->peer_addr is the flow's other end.
 */
static __noinline int flow_stands(const struct rast_policy_image *img, const struct packet *p,
				  const struct look *l, const struct rast_flow_key *key)
{
	__u32 forward = l->flow_forward, port = key->dst_port;
	__u32 bit = forward == RAST_DIR_EGRESS ? RAST_FLOW_AT_SRC : RAST_FLOW_AT_DST;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_flow *f;
	struct look other;
	__u32 cell;

	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	if (!f || !(f->state & bit) || f->opened_ns < l->ep.since_ns ||
	    !flow_fresh(f, key->protocol, now))
		return 0;
	other.ep.identity = l->ep.identity;
	other.peer_addr = l->peer_addr;
	other.peer_identity = l->peer_identity;
	if (forward == RAST_DIR_INGRESS && (f->state & RAST_FLOW_HOST))
		other.peer_identity = RAST_IDENTITY_HOST;
	cell = cell_of(img, &other, forward, key->protocol, port);
	if (!(cell & RAST_CELL_ALLOW))
		return 0;
	flow_touch(f, p, RAST_FLOW_REPLIED, now);
	return 1;
}

/*
 * An ICMP error belongs to the flow of the packet it quotes, be that the flow's first direction or an
 * answer. The quoted packet went the other way on this link, so one end of it is the container.
 */
static __noinline int flow_quoted(struct __sk_buff *skb, const struct rast_policy_image *img,
				  const struct packet *p, struct look *l)
{
	/* *l is lent and put back: the stack of the longest chain of calls ends at 512 bytes. */
	__u32 peer_addr = l->peer_addr, peer_identity = l->peer_identity;
	int stands;
	struct rast_flow_key key = {}, back = {};
	__u32 at = p->l4_off + sizeof(struct icmphdr), own;
	struct iphdr ip;
	__u16 ports[4]; /* TCP, UDP, SCTP: ports first; ICMP: type and code, checksum, identifier */

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    (ip.frag_off & bpf_htons(IP_OFFSET)))
		return 0;
	if (bpf_skb_load_bytes(skb, at + ip.ihl * 4, ports, sizeof(ports)))
		return 0;
	own = l->dir == RAST_DIR_INGRESS ? ip.saddr : ip.daddr;
	if (own != l->ep.addr4)
		return 0;
	/* An error goes to whoever sent the quoted packet. */
	if (p->dst != ip.saddr)
		return 0;
	key.src = back.dst = ip.saddr;
	key.dst = back.src = ip.daddr;
	key.protocol = back.protocol = ip.protocol;
	if (ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP ||
	    ip.protocol == IPPROTO_SCTP) {
		key.src_port = back.dst_port = ports[0];
		key.dst_port = back.src_port = ports[1];
	} else if (ip.protocol == IPPROTO_ICMP) {
		/* Errors about errors do not exist (RFC 1122). */
		if ((ports[0] & bpf_htons(0xff00)) != bpf_htons(ICMP_ECHO << 8) &&
		    (ports[0] & bpf_htons(0xff00)) != bpf_htons(ICMP_ECHOREPLY << 8))
			return 0;
		key.src_port = back.src_port = ports[2];
	}
	l->peer_addr = l->dir == RAST_DIR_INGRESS ? ip.daddr : ip.saddr;
	l->peer_identity = identity_of(l->peer_addr);
	/* The quoted packet went against this one: it is the flow's first direction, or … */
	l->flow_forward = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	stands = flow_stands(img, p, l, &key);
	if (!stands) {
		/* … an answer. */
		l->flow_forward = l->dir;
		stands = flow_stands(img, p, l, &back);
	}
	l->peer_addr = peer_addr;
	l->peer_identity = peer_identity;
	return stands;
}

/* Only for what the matrix denied. */
static __noinline int flow_is_reply(struct __sk_buff *skb, const struct rast_policy_image *img,
				    const struct packet *p, struct look *l)
{
	struct rast_flow_key back = {.src = p->dst,
				     .dst = p->src,
				     .src_port = p->dst_port,
				     .dst_port = p->src_port,
				     .protocol = p->protocol};

	if (p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return 0;
	if (p->protocol == IPPROTO_ICMP) {
		if (p->icmp_type == ICMP_DEST_UNREACH || p->icmp_type == ICMP_TIME_EXCEEDED ||
		    p->icmp_type == ICMP_PARAMETERPROB)
			return p->fragment == PACKET_WHOLE ? flow_quoted(skb, img, p, l) : 0;
		if (p->icmp_type != ICMP_ECHOREPLY)
			return 0;
	}
	l->flow_forward = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	return flow_stands(img, p, l, &back);
}

/* ---- fragments: the first one has the ports, the others follow it ---- */

static __always_inline void fragment_key_of(struct fragment_key *k, const struct packet *p,
					    const struct look *l)
{
	k->src = p->src;
	k->dst = p->dst;
	k->ifindex = l->ifindex;
	k->id = p->ip_id;
	k->protocol = p->protocol;
	k->dir = l->dir;
}

static __noinline int fragment_remember(const struct packet *p, const struct look *l)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct fragment_key key;

	fragment_key_of(&key, p, l);
	return bpf_map_update_elem(&time_by_fragment, &key, &now, BPF_ANY);
}

/* 30 s: what the kernel waits for the rest of a packet. */
static __noinline int fragment_known(const struct packet *p, const struct look *l)
{
	struct fragment_key key;
	const __u64 *when;

	fragment_key_of(&key, p, l);
	when = bpf_map_lookup_elem(&time_by_fragment, &key);
	return when && bpf_ktime_get_coarse_ns() - *when < 30 * SECONDS;
}

#endif
