/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A container's behaviour in short windows, and the limits past which the kernel half itself raises an
 * event. Slow judgement (baselines, scores, names) is user/anomaly's; these counters feed it.
 *
 * Distinct destinations are counted by linear counting: each (address, port) sets one of
 * RAST_FANOUT_BITS bits, and m bits set of n stand for -n ln(1 - m/n) destinations.
 */
#ifndef RAST_BPF_ANOMALY_H
#define RAST_BPF_ANOMALY_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define RAST_FANOUT_BITS 1024u
/* Long enough for a scan that waits a second for every ten answers that never come. */
#define RAST_ANOMALY_WINDOW_MS 10000u

enum rast_anomaly_limit_flags {
	RAST_ANOMALY_NEW_SYSCALL = 1
				   << 0 /* an event for the first use of each further system call */
};

/*
 * anomaly_limit_by_slot: index = slot; the element RAST_MAX_CONTAINERS holds for every container whose
 * own element does not name its cgroup. 0: no limit.
 */
struct rast_anomaly_limit {
	__u64 cgroup_id; /* whose; 0 in the last element */
	__u32 window_ms; /* 0: RAST_ANOMALY_WINDOW_MS */
	__u32 fanout;    /* bits of the bitmap */
	__u32 execs;     /* in a window */
	__u32 flags;     /* enum rast_anomaly_limit_flags */
};
_Static_assert(sizeof(struct rast_anomaly_limit) == 24, "part of the contract");

/* anomaly_by_slot; mmapable. */
struct rast_anomaly_window {
	__u64 cgroup_id; /* whose; as in struct rast_account */
	__u64 start_ns;  /* of the window; CLOCK_BOOTTIME */
	/* In this window. */
	__u32 fanout_bits; /* set in bitmap[] */
	__u32 execs;
	__u32 raised; /* 1 << enum rast_anomaly_kind */
	/* In the last one that ended. */
	__u32 last_fanout_bits;
	__u32 last_execs;
	__u32 pad;
	/* Ever. */
	__u64 connects;     /* connect(2), and sendmsg(2) to a UDP peer for each call */
	__u64 destinations; /* bits set, over all windows */
	__u64 windows;
	__u64 alarms;
	__u64 bitmap[RAST_FANOUT_BITS / 64];
};
_Static_assert(sizeof(struct rast_anomaly_window) == 72 + 128, "part of the contract");

#endif
