/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of a packet in pieces the first one has the ports: the others are let through when it was, on the same
 * link in the same direction.
 */
#ifndef RAST_BPF_LIB_FRAGMENT_H
#define RAST_BPF_LIB_FRAGMENT_H

#include "bpf/lib/matrix.bpf.h"

#define RAST_MAX_FRAGMENTS 4096

/* Which fragmented packets had an allowed first fragment, by link; value: when. */
struct fragment_key {
	__u32 src[4], dst[4], ifindex, id;
	__u8 protocol, dir;
	__u8 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, __u64);
} time_by_fragment SEC(".maps");

static __always_inline void fragment_key_of(struct fragment_key *k, const struct packet *p,
					    const struct look *l)
{
	__builtin_memcpy(k->src, p->src6, 32);
	k->ifindex = l->ifindex;
	k->id = p->ip_id;
	/* Of IPv6 each piece says itself what it carries, and only the first is believed. */
	k->protocol = p->kind == PACKET_IPV6 ? NEXTHDR_FRAGMENT : p->protocol;
	k->dir = l->dir;
	k->pad[0] = k->pad[1] = 0;
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
