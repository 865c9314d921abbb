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
