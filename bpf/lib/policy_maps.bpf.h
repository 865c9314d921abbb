/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the policy programs, and what is set between open and load. */
#ifndef RAST_BPF_LIB_POLICY_MAPS_H
#define RAST_BPF_LIB_POLICY_MAPS_H

#include "bpf/container.h"
#include "bpf/policy.h"
#include "bpf/lib/maps.bpf.h"

/* Set between open and load. */
const volatile __u32 pod_base = 0;  /* first address of the pod range, host byte order */
const volatile __u32 pod_count = 0; /* addresses in it */
/* The pods' IPv6 network, a /112, network byte order; all zero: pods have none. */
const volatile __u32 pod6_net[4] = {0, 0, 0, 0};
const volatile __u32 short_cut = 1; /* from pod to pod past the bridge */

#define RAST_MAX_FLOWS 65536
#define RAST_MAX_DENIES 4096
#define SECONDS 1000000000ull

/* Slot → the part of a compiled policy that is of one size. 2 × 270 KB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rast_policy_image);
} policy_image SEC(".maps");

/* Whoever applies an image makes the map of its slot, as large as that image needs. */
struct rast_table_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__type(key, __u32);
	/* Of a type that only an inner map names, clang 14 writes no more than the name. */
	__uint(value_size, sizeof(struct rast_line));
};

/* Slot → its table. A miss is a denial, of a count it is none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct rast_table_inner);
} policy_table SEC(".maps");

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
	__type(key, struct rast_addr);
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

/* About 125 bytes an entry. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_FLOWS);
	__type(key, struct rast_flow_key);
	__type(value, struct rast_flow);
} flow_by_tuple SEC(".maps");

/*
 * The flow that a packet may answer, while that is found out: the stack has no room left for it. Nothing
 * comes between, as these programs run with softirqs off.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_flow_key);
} flow_in_question SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_DENIES);
	__type(key, struct rast_deny_key);
	__type(value, struct rast_deny);
} deny_by_tuple SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RAST_MAX_LINKS * 2 + 2);
	__type(key, __u32);
	__type(value, struct rast_link_counters);
} counters_by_link SEC(".maps");

/* Which build of this object is loaded; written and read by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} policy_build SEC(".maps");

#endif
