// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The verdict on every packet of a container's link. Both programs hang on the host side of the
 * link: what comes in there (policy_out) leaves the container, what goes out there (policy_in) goes
 * to the container. Enforcement: whatever is unknown, broken or not decided is dropped.
 *
 * Order of a verdict: endpoint → parse → addresses are the container's own → one cell of the image in
 * force → and only if that says deny, is this a reply to a flow that the cell of the other direction
 * still allows? So a policy that becomes stricter also ends established flows, and no flow table
 * stands between a packet and an allow.
 *
 * A packet between two pods of this host gets both verdicts in policy_out, which then puts it into the
 * other pod itself (to_pod); policy_in never sees it.
 *
 * Two more programs only watch: flow_socket, on sockets that come and go, and flow_sweep tell of flows that
 * have ended. They fail open.
 *
 * tcx has no place to tell a program which link it is on, hence endpoint_by_ifindex.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/policy.h"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/flow_log.bpf.h"
#include "bpf/lib/flow_socket.bpf.h"
#include "bpf/lib/flow_sweep.bpf.h"
#include "bpf/lib/fragment.bpf.h"
#include "bpf/lib/names.bpf.h"
#include "bpf/lib/neighbour.bpf.h"

/* Packets that are let through go on to whoever else is on this hook. */
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_SHOT 2
#define PACKET_HOST 0 /* linux/if_packet.h */

static __always_inline int drop(struct __sk_buff *skb, const struct packet *p, struct look *l,
				__u32 reason)
{
	l->reason = reason;
	count(skb, l->ep.slot, l->dir, reason);
	if (!p->quiet)
		report_told(p, l);
	return TC_ACT_SHOT;
}

/* ---- verdicts ---- */

/* The link's own rules, before any policy. */
static __always_inline int check_link(struct __sk_buff *skb, struct packet *p, const struct look *l)
{
	if (l->dir == RAST_DIR_EGRESS) {
		if (!packet_mac_equal(p->src_mac, l->ep.mac))
			return RAST_DROP_SPOOFED;
		if (p->kind == PACKET_ARP) {
			/* A sender of 0.0.0.0 asks whether an address is taken (RFC 5227). */
			if (!packet_mac_equal(p->arp_mac, l->ep.mac) ||
			    (p->src != l->ep.addr4 && p->src))
				return RAST_DROP_SPOOFED;
		} else if (p->kind == PACKET_IPV4 && p->src != l->ep.addr4) {
			return RAST_DROP_SPOOFED;
		}
	} else if (!p->multicast && !packet_mac_equal(p->dst_mac, l->ep.mac)) {
		/* A bridge floods what it has not learnt yet: not for these eyes. */
		return RAST_DROP_SPOOFED;
	}
	return p->kind == PACKET_IPV6 ? link6_check(skb, p, l) : RAST_DROP_NONE;
}

static __always_inline int passed(struct __sk_buff *skb, const struct packet *p,
				  const struct look *l)
{
	if (p->fragment == PACKET_FIRST)
		fragment_remember(p, l);
	/* Of what names_watch() has yet to see, judge_names() counts what became. */
	if (!l->names)
		count(skb, l->ep.slot, l->dir, 0);
	return TC_ACT_UNSPEC;
}

/* Of UDP (with offload: of several datagrams) and ICMP the payload, of others what follows the IP header. */
static __always_inline void measure(const struct __sk_buff *skb, const struct packet *p,
				    struct look *l)
{
	__u32 head = p->l4_off, segments = skb->gso_segs;

	if (p->protocol == IPPROTO_UDP || packet_is_icmp(p))
		head += sizeof(struct udphdr);
	l->packets = segments ? segments : 1;
	l->bytes = skb->len > head ? skb->len - head : 0;
}

/* By the cell of the image in force. RAST_DROP_POLICY is not the last word: a reply may ask for its flow. */
static __noinline __u32 judge_cell(struct __sk_buff *skb, const struct packet *p, struct look *l)
{
	const struct rast_policy_control *control;
	const struct rast_policy_image *img;
	__u32 zero = 0, slot, cell;

	/* The one read of the slot word for this packet and link. */
	control = bpf_map_lookup_elem(&policy_control, &zero);
	if (!control || !*(volatile const __u32 *)&control->loaded)
		return RAST_DROP_NO_POLICY;
	/* Keys of maps are on the stack: 6.1 takes none that lies in an argument of a global function. */
	slot = l->image_slot = *(volatile const __u32 *)&control->slot & 1;
	img = bpf_map_lookup_elem(&policy_image, &slot);
	if (!img)
		return RAST_DROP_NO_POLICY;
	l->generation = img->generation;

	l->v6 = p->kind == PACKET_IPV6;
	__builtin_memcpy(l->peer_addr, l->dir == RAST_DIR_EGRESS ? p->dst6 : p->src6, 16);
	l->peer_identity = identity_of(l->peer_addr, l->v6);
	/* Born in this host's own stack: the node, whatever address it uses. Not what to_pod brings. */
	if (l->dir == RAST_DIR_INGRESS && l->ifindex == skb->ifindex && !skb->ingress_ifindex)
		l->peer_identity = RAST_IDENTITY_HOST;

	if (p->fragment == PACKET_LATER)
		return fragment_known(p, l) ? RAST_DROP_NONE : RAST_DROP_FRAGMENT;

	if (p->protocol != IPPROTO_TCP)
		measure(skb, p, l);
	addr_class_find(img, l);
	cell = cell_of(img, l, l->dir, p->protocol, number_of(p));
	if (img->names.n_patterns)
		cell = names_cell(img, p, l, cell);
	l->rule = cell & RAST_CELL_RULE;
	if (cell & RAST_CELL_MORE) {
		if (cell & RAST_CELL_LOG)
			l->marks = RAST_FLOW_EVENT_LOGGED;
		if ((cell & RAST_CELL_STAGED) && !l->by_name)
			l->staged = cell_of(img, l, l->dir + 2, p->protocol, number_of(p));
	}
	if (!(cell & RAST_CELL_ALLOW))
		return RAST_DROP_POLICY;
	count_rule(img, l, l->rule);
	if (p->protocol != IPPROTO_TCP || (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
		int flow = flow_record(p, l);

		if ((flow & FLOW_OPENED) && l->marks) {
			l->told = RAST_TOLD_LOG;
			report_told(p, l);
			l->told = RAST_TOLD_DENY;
		} else if ((flow & FLOW_OPENED) && (control->flags & RAST_POLICY_LOG_ALLOWED)) {
			report(p, l, 1);
		}
		if (flow & FLOW_REPLACED)
			flow_tell_replaced();
	}
	return RAST_DROP_NONE;
}

/*
 * What the policy says to a packet that the link's own rules let through. Global, so that the verifier looks
 * at it once and not for every way that leads here; little on its stack, which is shared with all it calls.
 */
__noinline int judge(struct __sk_buff *skb, struct packet *p, struct look *l)
{
	const struct rast_policy_image *img;
	__u32 reason, slot;

	if (!p || !l)
		return TC_ACT_SHOT;
	l->staged = l->marks = l->told = 0;
	reason = judge_cell(skb, p, l);
	if (reason == RAST_DROP_NONE && l->staged)
		staged_tell(p, l, 1);
	if (reason == RAST_DROP_POLICY) {
		slot = l->image_slot;
		img = bpf_map_lookup_elem(&policy_image, &slot);
		if (img && flow_is_reply(skb, img, p, l))
			reason = RAST_DROP_NONE;
		else if (img)
			count_rule(img, l, l->rule);
	}
	if (reason == RAST_DROP_POLICY && l->staged)
		staged_tell(p, l, 0);
	if (reason)
		return drop(skb, p, l, reason);
	names_keep(p, l);
	return passed(skb, p, l);
}

/*
 * judge(), and what those who watch names have to do with what passes. Not within judge(): the stacks of the
 * functions there would not fit below its own.
 */
static __always_inline int judge_names(struct __sk_buff *skb, struct packet *p, struct look *l)
{
	int verdict;

	l->names = l->by_name = 0;
	verdict = judge(skb, p, l);
	if (verdict == TC_ACT_UNSPEC && l->names) {
		__u32 reason = names_watch(skb, p, l) ? RAST_DROP_DNS : 0;

		count(skb, l->ep.slot, l->dir, reason);
		if (reason)
			return TC_ACT_SHOT;
	}
	return verdict;
}

/* Fills *p and *l. */
static __always_inline int judge_link(struct __sk_buff *skb, struct packet *p, struct look *l,
				      __u32 dir)
{
	const struct rast_endpoint *ep;
	int reason;

	l->dir = dir;
	l->ifindex = skb->ifindex;
	ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &l->ifindex);
	/* A link that nobody announced: drop. */
	if (!ep) {
		count(skb, RAST_LINK_UNKNOWN, dir, RAST_DROP_NO_POLICY);
		return TC_ACT_SHOT;
	}
	l->ep = *ep;
	reason = packet_parse(skb, p);
	if (reason)
		return drop(skb, p, l, reason);
	reason = check_link(skb, p, l);
	if (reason) {
		p->quiet |= dir == RAST_DIR_INGRESS;
		return drop(skb, p, l, reason);
	}
	if (p->kind == PACKET_ARP || p->neighbour)
		return passed(skb, p, l);
	return judge_names(skb, p, l);
}

/*
 * A packet that may leave its pod for another one of this host: the other link's verdict right here
 * and then into the pod, past bridge, backlog queue and policy_in. Whatever is odd takes the long
 * way and is judged there.
 */
static __always_inline int to_pod(struct __sk_buff *skb, struct packet *p, struct look *l)
{
	__u32 zero = 0, i, ifindex;
	const struct rast_link_table *links;
	const struct rast_endpoint *ep;
	int verdict;

	if (p->kind == PACKET_ARP || p->neighbour || p->fragment != PACKET_WHOLE)
		return TC_ACT_UNSPEC;
	i = pod_index(p->dst6, p->kind == PACKET_IPV6);
	if (i >= RAST_MAX_POD_ADDRS)
		return TC_ACT_UNSPEC;
	links = bpf_map_lookup_elem(&ifindex_by_addr, &zero);
	ifindex = links ? links->ifindex[i] : 0;
	if (!ifindex || ifindex == l->ifindex)
		return TC_ACT_UNSPEC;
	ep = bpf_map_lookup_elem(&endpoint_by_ifindex, &ifindex);
	if (!ep || !packet_mac_equal(p->dst_mac, ep->mac) ||
	    (p->kind == PACKET_IPV6 ? !addr6_equal(ep->addr6, p->dst6) : ep->addr4 != p->dst))
		return TC_ACT_UNSPEC;
	/* The MAC is not this link's, so the stack has marked the packet as somebody else's. */
	if (bpf_skb_change_type(skb, PACKET_HOST))
		return TC_ACT_UNSPEC;
	l->ep = *ep;
	l->ifindex = ifindex;
	l->dir = RAST_DIR_INGRESS;
	verdict = judge_names(skb, p, l);
	return verdict == TC_ACT_UNSPEC ? bpf_redirect_peer(ifindex, 0) : verdict;
}

/* Host-side ingress: what the container sends. */
SEC("tc")
int policy_out(struct __sk_buff *skb)
{
	struct packet p = {};
	struct look l = {};
	int verdict = judge_link(skb, &p, &l, RAST_DIR_EGRESS);

	if (verdict == TC_ACT_UNSPEC && short_cut &&
	    bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_redirect_peer))
		return to_pod(skb, &p, &l);
	return verdict;
}

/* Host-side egress: what the container is to receive. */
SEC("tc")
int policy_in(struct __sk_buff *skb)
{
	struct packet p = {};
	struct look l = {};

	return judge_link(skb, &p, &l, RAST_DIR_INGRESS);
}

/* A TCP socket of the host or of any container changed its state. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(flow_socket, const struct sock *sk, const int oldstate, const int newstate)
{
	return flow_socket_state(sk, oldstate, newstate);
}

/* Run by the controller now and then. Returns how many ends of flows go on. */
SEC("syscall")
int flow_sweep(void *ctx)
{
	/* There is no coarse clock for this type of program; this one is some milliseconds ahead. */
	struct flow_sweep sweep = {.now = bpf_ktime_get_ns()};

	bpf_for_each_map_elem(&flow_by_tuple, flow_sweep_one, &sweep, 0);
	return sweep.live;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
