// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For bench_policy_scale: `spread` gives the packet the next of many source addresses and hands it on to a
 * program of the table, so that all are measured with the same packets: ours, `parse_only`,
 * and `lpm`, which does what an agent of the Cilium kind does: address → identity by one longest-prefix
 * match, identity and port → verdict by two more.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/packet.bpf.h"

#define SOURCES (1u << 17)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOURCES);
	__type(key, __u32);
	__type(value, __u32); /* network byte order */
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} judges SEC(".maps");

struct addr_key {
	__u32 bits, addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 17);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct addr_key);
	__type(value, __u32);
} identity_by_cidr SEC(".maps");

struct policy_key {
	__u32 bits, identity;
	__u8 egress, protocol;
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 17);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct policy_key);
	__type(value, __u32);
} verdict_by_identity SEC(".maps");

struct spread_control {
	__u32 judge, n_sources, at, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct spread_control);
} control SEC(".maps");

SEC("tc")
int spread(struct __sk_buff *skb)
{
	__u32 i = 0, *addr;
	struct spread_control *c = bpf_map_lookup_elem(&control, &i);

	if (!c)
		return 7;
	i = c->at;
	c->at = i + 1 < c->n_sources ? i + 1 : 0;
	addr = bpf_map_lookup_elem(&sources, &i);
	if (addr)
		bpf_skb_store_bytes(skb, 14 + 12, addr, 4, 0);
	bpf_tail_call(skb, &judges, c->judge);
	return 7; /* none there */
}

SEC("tc")
int parse_only(struct __sk_buff *skb)
{
	struct packet p = {};

	return packet_parse(skb, &p) ? 2 : -1;
}

SEC("tc")
int lpm(struct __sk_buff *skb)
{
	struct packet p = {};
	struct addr_key from = {.bits = 32};
	struct policy_key key = {.bits = 32 + 8 + 8 + 16};
	__u32 *identity, *verdict, *any;

	if (packet_parse(skb, &p))
		return 2;
	from.addr = p.src;
	identity = bpf_map_lookup_elem(&identity_by_cidr, &from);
	key.identity = identity ? *identity : 2;
	key.protocol = p.protocol;
	key.port = p.dst_port;
	verdict = bpf_map_lookup_elem(&verdict_by_identity, &key);
	key.identity = 0;
	any = bpf_map_lookup_elem(&verdict_by_identity, &key);
	return (verdict && *verdict) || (any && *any) ? -1 : 2;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
