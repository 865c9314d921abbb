/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps that several kernel halves share. Each object that includes this declares them again
 * (weak); the loader makes every object reuse the one pinned instance below <bpf_dir>/map, so what is
 * said here is only their shape.
 *
 * ring_by_cpu is empty when created: the loader puts one BPF ring buffer per possible CPU into it, of
 * a size it chooses (max_entries of an inner ring need not match). A miss means "no ring on this
 * CPU": observation fails open, the event is counted as dropped.
 */
#ifndef RAST_BPF_LIB_MAPS_H
#define RAST_BPF_LIB_MAPS_H

#include "bpf/container.h"
#include "bpf/event.h"

/* The loader leaves the entries past the last possible CPU empty. */
#define RAST_MAX_CPUS 1024

struct rast_ring_inner {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
};

/* CPU number → ring of that CPU's ordinary events. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RAST_MAX_CPUS);
	__type(key, __u32);
	__array(values, struct rast_ring_inner);
} ring_by_cpu __weak SEC(".maps");

/* Lifecycle and privilege events of all CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} priority_ring __weak SEC(".maps");

/* enum rast_ring → what was attempted, sent and dropped in it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RAST_RING_MAX);
	__type(key, __u32);
	__type(value, struct rast_event_stats);
} event_stats __weak SEC(".maps");

/* cgroup2 id → container. Written by the launcher; the exit of the first process by the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u64);
	__type(value, struct rast_container);
} container_by_cgroup __weak SEC(".maps");

/* Of containers of other runtimes. All zero where there are none, and nobody looks further. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_foreign);
} foreign_control __weak SEC(".maps");

#endif
