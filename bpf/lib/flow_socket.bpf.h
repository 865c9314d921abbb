/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP as the sockets of the containers count it: nothing is done for a packet; a socket that comes up marks
 * its flow, and when it is gone, it tells of it. Which container it is says the network namespace, for an
 * address is what anybody can give himself in a namespace of his own.
 */
#ifndef RAST_BPF_LIB_FLOW_SOCKET_H
#define RAST_BPF_LIB_FLOW_SOCKET_H

#include <bpf/bpf_core_read.h>

#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/flow_end.bpf.h"

/* linux/tcp states: stable, for user space reads them from /proc/net/tcp. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11

#define SOCK_DONE 1 /* of enum sock_flags: a FIN has come */

#define AF_INET 2
#define AF_INET6 10
#define EPIPE 32
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111

/* Network namespace (inode) → index of the host's side of its link. Written by endpoint_add. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, __u32);
} ifindex_by_netns SEC(".maps");

static __always_inline bool flow_same_addr(const __u32 *a, const __u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* The socket's own view: local → remote. False: nothing that passed the container's link. */
static __always_inline bool flow_socket_key(const struct sock *sk, const struct rast_endpoint *ep,
					    struct rast_flow_key *key)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	__builtin_memset(key, 0, sizeof(*key));
	/* A v6 socket that speaks IPv4 has the addresses in both forms, mapped as in the key. */
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&key->src, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&key->dst, sk, __sk_common.skc_v6_daddr);
	} else if (family == AF_INET) {
		key->src[2] = key->dst[2] = bpf_htonl(0xffff);
		key->src[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		key->dst[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		return false;
	}
	if (flow_same_addr(key->src, key->dst))
		return false;
	if (!key->src[0] && !key->src[1] && key->src[2] == bpf_htonl(0xffff)) {
		if (key->src[3] != ep->addr4)
			return false;
	} else if (!flow_same_addr(key->src, ep->addr6)) {
		return false;
	}
	/* The number in host order is cleared before the state is. */
	key->src_port = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
	key->dst_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	key->protocol = IPPROTO_TCP;
	return true;
}

/*
 * The flow that the socket on link `ifindex` is an end of; key is turned to it. NULL: the entry is gone, and
 * the end with the lower port is taken for the one that was called.
 */
static __always_inline struct rast_flow *flow_of_socket(struct rast_flow_key *key, __u32 ifindex,
							__u32 *ret_at)
{
	struct rast_flow *f = bpf_map_lookup_elem(&flow_by_tuple, key);

	*ret_at = RAST_FLOW_SRC;
	if (f && f->state & RAST_FLOW_AT_SRC && f->side[RAST_FLOW_SRC].ifindex == ifindex)
		return f;
	flow_key_turn(key);
	f = bpf_map_lookup_elem(&flow_by_tuple, key);
	*ret_at = RAST_FLOW_DST;
	if (f && f->state & RAST_FLOW_AT_DST && f->side[RAST_FLOW_DST].ifindex == ifindex)
		return f;
	if (bpf_ntohs(key->src_port) < bpf_ntohs(key->dst_port)) {
		flow_key_turn(key);
		*ret_at = RAST_FLOW_SRC;
	}
	return NULL;
}

/* 0: policy denies, or there is none. */
static __noinline __u32 flow_cell_now(const struct rast_event_flow_end *ev,
				      const struct rast_flow_key *key, __u32 *ret_generation)
{
	const struct rast_policy_control *control;
	const struct rast_policy_image *img;
	struct look l = {};
	__u32 slot = 0;

	control = bpf_map_lookup_elem(&policy_control, &slot);
	if (!control || !control->loaded)
		return 0;
	slot = control->slot & 1;
	img = bpf_map_lookup_elem(&policy_image, &slot);
	if (!img)
		return 0;
	l.image_slot = slot;
	*ret_generation = img->generation;
	l.ep.identity = ev->hdr.identity;
	l.peer_identity = ev->peer_identity;
	for (int i = 0; i < 4; i++)
		l.peer_addr[i] = ev->direction == RAST_DIR_EGRESS ? key->dst[i] : key->src[i];
	l.v6 = ev->family == AF_INET6;
	addr_class_find(img, &l);
	return cell_of(img, &l, ev->direction, key->protocol, key->dst_port);
}

static __always_inline __u32 flow_socket_ended(const struct sock *sk, int oldstate, bool allowed)
{
	int error = BPF_CORE_READ(sk, sk_err);

	if (!error &&
	    (oldstate == TCP_LAST_ACK || oldstate == TCP_CLOSING || oldstate == TCP_FIN_WAIT2))
		return RAST_FLOW_ENDED_FIN;
	if (error == ECONNRESET || error == EPIPE || error == ECONNREFUSED)
		return RAST_FLOW_ENDED_RST;
	if (!allowed)
		return RAST_FLOW_ENDED_POLICY;
	if (error == ETIMEDOUT)
		return RAST_FLOW_ENDED_TIMEOUT;
	/* Without an error: closed with data unread or unsent, which sends a reset. */
	return error || oldstate == TCP_SYN_SENT ? RAST_FLOW_ENDED_ERROR : RAST_FLOW_ENDED_RST;
}

static __always_inline void flow_socket_counts(const struct sock *sk, __u32 at,
					       struct rast_flow_counts *c)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	__u32 out = at == RAST_FLOW_SRC ? 0 : 1;
	/* A FIN takes a number of the stream, and is counted as a byte received. */
	__u64 fin = BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1;

	c->packets[out & 1] = BPF_CORE_READ(tp, segs_out);
	c->packets[(out ^ 1) & 1] = BPF_CORE_READ(tp, segs_in);
	c->bytes[out & 1] = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
	c->bytes[(out ^ 1) & 1] = BPF_CORE_READ(tp, bytes_received) - fin;
}

/* What the socket has seen of both ends. */
static __always_inline __u8 flow_socket_flags(int oldstate, __u32 ended)
{
	__u8 flags = TCP_SYN;

	if (oldstate != TCP_SYN_SENT)
		flags |= TCP_ACK;
	if (ended == RAST_FLOW_ENDED_FIN)
		flags |= TCP_FIN;
	if (ended == RAST_FLOW_ENDED_RST)
		flags |= TCP_RST;
	return flags;
}

static __noinline int flow_socket_closed(const struct sock *sk, int oldstate,
					 const struct rast_endpoint *ep, __u32 ifindex)
{
	struct flow_scratch *s = flow_scratch_of(FLOW_SCRATCH_SOCKET);
	struct rast_event_flow_end *ev;
	struct rast_flow_key key;
	__u32 at, cell, generation = 0;
	struct rast_flow *f;

	if (!s || !flow_socket_key(sk, ep, &key))
		return 0;
	ev = &s->end;
	flow_end_clear(ev);
	f = flow_of_socket(&key, ifindex, &at);
	/* A connection that never was: what denied it has told so. */
	if (!f && oldstate == TCP_SYN_SENT)
		return 0;
	flow_end_key(ev, &key);
	if (f) {
		flow_end_side(ev, f, at);
		ev->known = RAST_FLOW_KNOWS_COUNTS | RAST_FLOW_KNOWS_START;
		ev->duration_ns = bpf_ktime_get_ns() - f->opened_ns;
		__sync_fetch_and_or(&f->state, RAST_FLOW_TOLD_SRC << (at & 1));
	} else {
		ev->known = RAST_FLOW_KNOWS_COUNTS;
		ev->direction = at == RAST_FLOW_SRC ? RAST_DIR_EGRESS : RAST_DIR_INGRESS;
		ev->ifindex = ifindex;
		ev->peer_identity = identity_of(at == RAST_FLOW_SRC ? key.dst : key.src,
						ev->family == AF_INET6);
	}
	ev->hdr.slot = ep->slot;
	ev->hdr.identity = ep->identity;
	ev->hdr.cgroup_id = ep->cgroup_id;
	cell = flow_cell_now(ev, &key, &generation);
	if (!f) {
		ev->verdict = cell & RAST_CELL_ALLOW ? RAST_VERDICT_ALLOW : RAST_VERDICT_DENY;
		ev->rule = cell & RAST_CELL_RULE;
		ev->generation = generation;
	}
	ev->ended = flow_socket_ended(sk, oldstate, cell & RAST_CELL_ALLOW);
	ev->tcp_flags |= flow_socket_flags(oldstate, ev->ended);
	flow_socket_counts(sk, at, &ev->counts);
	return flow_end_tell(s, ev);
}

static __always_inline int flow_socket_state(const struct sock *sk, int oldstate, int newstate)
{
	const struct rast_endpoint *ep;
	struct rast_flow_key key;
	struct rast_flow *f;
	__u32 netns, *ifindex, at;

	if ((newstate != TCP_CLOSE && newstate != TCP_ESTABLISHED) || oldstate == TCP_LISTEN ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	ifindex = bpf_map_lookup_elem(&ifindex_by_netns, &netns);
	if (!ifindex || !flow_end_wanted())
		return 0;
	ep = bpf_map_lookup_elem(&endpoint_by_ifindex, ifindex);
	if (!ep || ep->netns != netns)
		return 0;
	if (newstate == TCP_CLOSE)
		return flow_socket_closed(sk, oldstate, ep, *ifindex);
	if (!flow_socket_key(sk, ep, &key))
		return 0;
	f = flow_of_socket(&key, *ifindex, &at);
	if (f)
		__sync_fetch_and_or(&f->state, RAST_FLOW_SOCKET_SRC << (at & 1));
	return 0;
}

#endif
