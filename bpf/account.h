/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a container uses, as it lies in memory: account_by_slot and syscall_by_slot are mmapable
 * arrays by container slot, so that reading a figure is a load and no system call.
 *
 * Event programs add to the second half at once; the first half is as old as `updated_ns`: the cgroup
 * iterator fills it whenever somebody reads the pinned iterator. A slot is claimed by the first event
 * or iteration of a container and all its figures start at zero then: a record is a container's only
 * if its cgroup_id is.
 */
#ifndef RAST_BPF_ACCOUNT_H
#define RAST_BPF_ACCOUNT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum rast_account_flags {
	RAST_ACCOUNT_CPU = 1 << 0,    /* cpu_* are flushed figures */
	RAST_ACCOUNT_MEM_V2 = 1 << 1, /* mem_* come from the cgroup2 memory controller */
	RAST_ACCOUNT_MEM_V1 = 1 << 2  /* … from the v1 memory cgroup that its tasks are in */
};

struct rast_account {
	__u64 cgroup_id; /* whose figures these are; 0: nobody's */

	/* By the iterator. */
	__u64 updated_ns; /* CLOCK_BOOTTIME */
	/* cpu_user_ns and cpu_system_ns are sampled at ticks: rast_account_cpu() scales them to the
	 * exact cpu_usage_ns, as cpu.stat does. */
	__u64 cpu_usage_ns, cpu_user_ns, cpu_system_ns;
	__u64 mem_bytes, mem_peak_bytes;
	__u32 tasks;     /* threads, cgroups below included */
	__u32 tasks_sum; /* scratch of a running iteration */
	__u32 flags;     /* enum rast_account_flags */
	__u32 pad;

	/* By event programs; atomic. */
	__u64 rx_bytes, rx_packets; /* IP packets and their bytes, headers included */
	__u64 tx_bytes, tx_packets;
	__u64 syscall_errors;  /* calls that returned an errno */
	__u64 connects_failed; /* connect(2) refused, unreachable or not permitted */
	__u64 execs, forks, threads, exits;
	__u64 reserved[5];
};
_Static_assert(sizeof(struct rast_account) == 192, "rast_account is part of the contract");

#define RAST_MAX_SYSCALLS 511u
/* Numbers past the table and 32-bit calls, whose numbers mean something else. */
#define RAST_SYSCALL_OTHER (RAST_MAX_SYSCALLS - 1)

/* Calls that have returned, by number: exit and a call still blocked are not in it. */
struct rast_syscalls {
	__u64 count[RAST_MAX_SYSCALLS];
	__u64 cgroup_id; /* whose; as in struct rast_account. Here too: counting a call looks at one page */
};
_Static_assert(sizeof(struct rast_syscalls) == 4096, "one page a container");

#endif
