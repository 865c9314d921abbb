/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is this thread's exit the end of its process? The obvious test, signal->live == 0, is true for two
 * threads that leave at the same moment on two CPUs: both have decremented before either looks. From
 * 6.17 the tracepoint knows; before, the first one to enter the process into a small table wins.
 */
#ifndef RAST_BPF_LIB_PROCESS_H
#define RAST_BPF_LIB_PROCESS_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

enum process_end_who { PROCESS_END_AUDIT, PROCESS_END_ACCOUNT };

struct process_end {
	__u64 start_ns;
	__u32 tgid;
	__u32 who;
};

/* Multi-threaded processes that are ending; a few at a time, the rest is slack. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process_end);
	__type(value, __u32);
} ended_by_process __weak SEC(".maps");

/* ctx: of tp_btf/sched_process_exit. Each asker (`who`) gets exactly one yes for a process. */
static __always_inline bool process_ends(__u64 *ctx, struct task_struct *task, __u32 who)
{
	struct process_end key = {.who = who};
	__u32 one = 1;

	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
		return ctx[1] & 1;
	if (task->signal->live.counter)
		return false;
	/* Threads count here until they are released: alone, nobody can have raced with us. */
	if (task->signal->nr_threads == 1)
		return true;
	key.tgid = task->tgid;
	key.start_ns = task->group_leader->start_boottime;
	return bpf_map_update_elem(&ended_by_process, &key, &one, BPF_NOEXIST) == 0;
}

#endif
