// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The verdict of policy.bpf.c where a program asks to connect or to send: what its packets would be
 * dropped for is refused at once, with EPERM. The same image, the same look-ups, the rule counted and the
 * denial told in the same way; no packet follows, so nothing is told twice.
 *
 *	policy_conn4, _conn6  cgroup/connect4, connect6   TCP, and UDP that connects
 *	policy_send4, _send6  cgroup/sendmsg4, sendmsg6   datagrams with an address of their own
 *
 * It refuses early and allows nothing: whatever it does not know, or cannot know as well as the packet's
 * own program, passes here and is judged on the link. So it fails open and loses nothing by it.
 * What passes though the matrix denies it: what never reaches the link (loopback, the pod's own
 * addresses), groups and broadcasts (local listeners get them as well), and answers, which a server sends
 * with sendto() as it does anything else.
 *
 * The namespace of the socket says which pod this is, as the link does for its packets: a process may have
 * one of its own, where addresses mean something else.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/connect.h"
/* Before what has two kinds of callers: these run in the process that asks. */
#define FLOW_LOG_AT_CONNECT 1
#include "bpf/lib/container.bpf.h"
/* Half of it is for packets alone. */
#pragma clang diagnostic ignored "-Wunused-function"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/flow_log.bpf.h"
#include "bpf/lib/pattern.bpf.h"

/* Cookie of a network namespace → its links. A miss: not one of ours, or not one to judge here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u64);
	__type(value, struct rast_netns_links);
} links_by_netns SEC(".maps");

/* Which build of this object is loaded; written and read by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} connect_build SEC(".maps");

enum { REFUSE, PASS };
enum asks { ASKS_TO_CONNECT, ASKS_TO_SEND };

/* An answer of UDP: to a flow that the other end may open on this link. */
static __always_inline int answers(const struct rast_policy_image *img, const struct packet *p,
				   struct look *l)
{
	struct rast_flow_key back;

	flow_key_back(&back, p);
	l->flow_forward = l->dir == RAST_DIR_INGRESS ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
	return flow_stands(img, p, l, &back);
}

/* The verdict of the link in *l. */
static __noinline int judge_link(const struct rast_policy_image *img, const struct packet *p,
				 struct look *l, enum asks asks)
{
	__u32 cell = cell_of(img, l, l->dir, p->protocol, p->dst_port);
	const struct rast_container *c;
	__u64 id;

	if (cell & RAST_CELL_ALLOW)
		return PASS;
	/* A name of the destination may allow it: the packet's own program knows what was learnt. */
	if ((cell & RAST_CELL_RULE) == RAST_RULE_DEFAULT_DENY && l->dir == RAST_DIR_EGRESS &&
	    l->peer_identity == RAST_IDENTITY_WORLD && img->names.n_patterns &&
	    (names_of(img, l->ep.identity) & RAST_NAMES_PEERS))
		return PASS;
	if (p->protocol == IPPROTO_UDP) {
		if (answers(img, p, l))
			return PASS;
		/*
		 * Resolvers learn the way to an address by connecting a UDP socket to where TCP is then to
		 * go, and send nothing. It is refused only where neither may go.
		 */
		if (asks == ASKS_TO_CONNECT &&
		    (cell_of(img, l, l->dir, IPPROTO_TCP, p->dst_port) & RAST_CELL_ALLOW))
			return PASS;
	}
	l->rule = cell & RAST_CELL_RULE;
	l->reason = RAST_DROP_POLICY;
	count_rule(img, l, l->rule);
	count(NULL, l->ep.slot, l->dir, RAST_DROP_POLICY);
	/* The very container of the pod, for the event: a packet only knows its link. */
	c = l->dir == RAST_DIR_EGRESS ? container_current(&id) : NULL;
	if (c) {
		l->ep.slot = c->slot;
		l->ep.cgroup_id = id;
	}
	l->marks = cell & RAST_CELL_LOG ? RAST_FLOW_EVENT_LOGGED : 0;
	report_told(p, l);
	l->staged = 0;
	if (cell & RAST_CELL_STAGED)
		l->staged = cell_of(img, l, l->dir + 2, p->protocol, p->dst_port);
	return REFUSE;
}

static __always_inline bool same_addr(const __u32 *a, const __u32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool is_of(const struct rast_endpoint *ep, const __u32 *addr, bool v6)
{
	return v6 ? same_addr(ep->addr6, addr) : ep->addr4 == addr[3];
}

/* Is the other end a pod of this host? Then *l is its link; one that is not found judges itself. */
static __noinline bool find_peer(const struct packet *p, struct look *l)
{
	__u32 zero = 0, i = pod_index(p->dst6, l->v6), ifindex;
	const struct rast_link_table *links;
	const struct rast_endpoint *ep;

	if (i >= RAST_MAX_POD_ADDRS)
		return false;
	links = bpf_map_lookup_elem(&ifindex_by_addr, &zero);
	ifindex = links ? links->ifindex[i] : 0;
	ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &ifindex);
	if (!ep || !is_of(ep, p->dst6, l->v6))
		return false;
	l->peer_identity = l->ep.identity;
	__builtin_memcpy(l->peer_addr, p->src6, 16);
	l->ep = *ep;
	l->ifindex = ifindex;
	l->dir = RAST_DIR_INGRESS;
	return true;
}

/* Never reaches a link, or not only a link. */
static __always_inline bool stays_inside(const __u32 *dst, bool v6)
{
	__u32 addr = bpf_ntohl(dst[3]), first = bpf_ntohl(dst[0]);

	if (v6) /* :: and ::1, ff00::/8, fe80::/10 */
		return (!(dst[0] | dst[1] | dst[2]) && addr <= 1) || first >> 24 == 0xff ||
		       first >> 22 == 0x3fa;
	return !addr || addr >> 24 == 127 || addr >> 28 == 14 || addr == 0xffffffff ||
	       addr - pod_base == pod_count - 1;
}

/*
 * Which of the namespace's links? All have one identity; the packet's source will be the address of the first
 * that has one. False also for the pod's own addresses.
 */
static __noinline bool find_link(const struct rast_netns_links *links, struct packet *p,
				 struct look *l)
{
	const struct rast_endpoint *ep;
	bool found = false;
	__u32 ifindex, i;

	for (i = 0; i < RAST_NETNS_LINKS; i++) {
		ifindex = links->ifindex[i];
		if (!ifindex)
			break;
		ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &ifindex);
		if (!ep || is_of(ep, p->dst6, l->v6))
			return false;
		if (found || !(l->v6 ? ep->addr6[0] : ep->addr4))
			continue;
		found = true;
		l->ep = *ep;
		l->ifindex = ifindex;
		if (l->v6) {
			__builtin_memcpy(p->src6, ep->addr6, 16);
		} else {
			p->src_mapped[2] = bpf_htonl(0xffff);
			p->src = ep->addr4;
		}
	}
	return found;
}

/* The address as 32-bit words in network byte order, IPv4 mapped; two to a number. */
static __always_inline int judge(struct bpf_sock_addr *ctx, __u64 word01, __u64 word23,
				 enum asks asks)
{
	const struct rast_policy_control *control;
	const struct rast_policy_image *img;
	const struct rast_netns_links *links;
	struct packet packet = {}, *p = &packet;
	struct bpf_sock *sk = ctx->sk;
	struct look l = {.dir = RAST_DIR_EGRESS};
	__u64 cookie;
	__u32 zero = 0;

	p->dst6[0] = word01;
	p->dst6[1] = word01 >> 32;
	p->dst6[2] = word23;
	p->dst6[3] = word23 >> 32;
	/* Of an AF_INET6 socket too. */
	l.v6 = word01 || p->dst6[2] != bpf_htonl(0xffff);
	p->kind = l.v6 ? PACKET_IPV6 : PACKET_IPV4;
	p->protocol = ctx->protocol;
	p->dst_port = ctx->user_port;
	/* Others are seldom asked for here, and nobody could say what they will send. */
	if ((p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP) || !p->dst_port || !sk ||
	    stays_inside(p->dst6, l.v6))
		return PASS;
	cookie = bpf_get_netns_cookie(ctx);
	links = bpf_map_lookup_elem(&links_by_netns, &cookie);
	if (!links || !find_link(links, p, &l))
		return PASS;
	p->src_port = bpf_htons(sk->src_port);
	if (p->protocol == IPPROTO_TCP)
		p->tcp_flags = TCP_SYN;
	/* The one read of the slot word, as for a packet. */
	control = bpf_map_lookup_elem(&policy_control, &zero);
	if (!control || !*(volatile const __u32 *)&control->loaded)
		return PASS;
	l.image_slot = *(volatile const __u32 *)&control->slot & 1;
	img = bpf_map_lookup_elem(&policy_image, &l.image_slot);
	if (!img)
		return PASS;
	l.generation = img->generation;
	__builtin_memcpy(l.peer_addr, p->dst6, 16);
	l.peer_identity = identity_of(l.peer_addr, l.v6);
	addr_class_find(img, &l);
	if (judge_link(img, p, &l, asks) == PASS &&
	    (!find_peer(p, &l) || judge_link(img, p, &l, asks) == PASS))
		return PASS;
	/* No packet will come to ask. Not in judge_link(): the stacks below it leave no room for its own. */
	if (l.staged)
		staged_tell(p, &l, 0);
	return REFUSE;
}

static __always_inline int judge4(struct bpf_sock_addr *ctx, enum asks asks)
{
	return judge(ctx, 0, (__u64)ctx->user_ip4 << 32 | bpf_htonl(0xffff), asks);
}

static __always_inline int judge6(struct bpf_sock_addr *ctx, enum asks asks)
{
	__u64 word01 = ctx->user_ip6[0], word23 = ctx->user_ip6[2];

	word01 |= (__u64)ctx->user_ip6[1] << 32;
	word23 |= (__u64)ctx->user_ip6[3] << 32;
	return judge(ctx, word01, word23, asks);
}

SEC("cgroup/connect4")
int policy_conn4(struct bpf_sock_addr *ctx)
{
	return judge4(ctx, ASKS_TO_CONNECT);
}

SEC("cgroup/connect6")
int policy_conn6(struct bpf_sock_addr *ctx)
{
	return judge6(ctx, ASKS_TO_CONNECT);
}

SEC("cgroup/sendmsg4")
int policy_send4(struct bpf_sock_addr *ctx)
{
	return judge4(ctx, ASKS_TO_SEND);
}

SEC("cgroup/sendmsg6")
int policy_send6(struct bpf_sock_addr *ctx)
{
	return judge6(ctx, ASKS_TO_SEND);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
