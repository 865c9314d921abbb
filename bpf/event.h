/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel halves tell user space. One record = struct rast_event, then a body by type.
 *
 * Rings: `ring_by_cpu` holds one BPF ring buffer per possible CPU for ordinary events;
 * `priority_ring` is for lifecycle and privilege events, which a flood of ordinary ones cannot
 * starve. `event_stats` counts, per CPU, what was attempted, sent and dropped in each of the two:
 * sent + dropped = attempted, always. `seq` numbers the attempts of one ring on one CPU, so that a
 * reader sees each gap.
 */
#ifndef RAST_BPF_EVENT_H
#define RAST_BPF_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum rast_event_type {
	RAST_EVENT_EXEC = 1,      /* priority; struct rast_event_exec */
	RAST_EVENT_FORK = 2,      /* ordinary; struct rast_event_fork */
	RAST_EVENT_EXIT = 3,      /* priority for a container's first process, else ordinary */
	RAST_EVENT_CONNECT = 4,   /* ordinary; struct rast_event_connect */
	RAST_EVENT_OOM = 5,       /* priority; struct rast_event_oom */
	RAST_EVENT_FLOW = 16,     /* ordinary; struct rast_event_flow: a policy verdict */
	RAST_EVENT_FLOW_END = 17, /* ordinary; struct rast_event_flow_end (bpf/flow.h) */
	RAST_EVENT_DNS = 18, /* ordinary; struct rast_event_dns: a question that was not let out */
	RAST_EVENT_ANOMALY = 24 /* priority; struct rast_event_anomaly */
};

enum rast_ring { RAST_RING_ORDINARY = 0, RAST_RING_PRIORITY = 1, RAST_RING_MAX = 2 };

struct rast_event {
	__u16 type; /* enum rast_event_type */
	__u16 size; /* of the whole record */
	__u8 ring;  /* enum rast_ring */
	__u8 pad;
	__u16 cpu;
	__u64 seq;
	__u64 time_ns; /* CLOCK_BOOTTIME (bpf_ktime_get_boot_ns) */
	__u64 cgroup_id;
	__u32 slot;     /* of the container; RAST_SLOT_NONE when it is not one of ours */
	__u32 identity; /* label set of the container */
	__u32 pid;      /* thread group, in the host's pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 pad2;
	char comm[16];
};
_Static_assert(sizeof(struct rast_event) == 72, "rast_event is part of the contract");

#define RAST_ANCESTORS 4
#define RAST_EXEC_ARGS 1024

struct rast_ancestor {
	__u32 pid;
	__u32 pad;
	char comm[16];
};

struct rast_event_exec {
	struct rast_event hdr;
	__u32 ppid;
	__u32 gid;
	__u64 inode; /* of the executable */
	__u32 dev;
	__u16 file_len; /* bytes of file[] used, without NUL */
	__u16 args_len; /* bytes of args[] used; NUL-separated as in /proc/PID/cmdline */
	__u8 args_truncated;
	__u8 n_ancestors;
	__u16 pad;
	__u32 pad2;
	struct rast_ancestor ancestors[RAST_ANCESTORS]; /* parent first */
	char file[256];
	char args[RAST_EXEC_ARGS]; /* the record ends after args_len bytes of this */
};

struct rast_event_fork {
	struct rast_event hdr; /* the parent */
	__u32 child_pid;
	__u32 child_tid;
};

struct rast_event_exit {
	struct rast_event hdr;
	__s32 exit_code; /* as wait(2) gives it: status << 8 | signal */
	__u8 is_init;    /* the container's first process */
	__u8 pad[3];
	__u64 age_ns; /* since its start */
};

struct rast_event_connect {
	struct rast_event hdr;
	__u8 family;   /* 2: IPv4, 10: IPv6 */
	__u8 protocol; /* IPPROTO_* */
	__u8 allowed;  /* 1 unless a cgroup hook refused it */
	__u8 pad;
	__u16 port; /* host byte order */
	__u16 pad2;
	__u8 addr[16]; /* IPv4 in the first four bytes, network order */
};

struct rast_event_oom {
	struct rast_event hdr; /* the victim */
	__u64 rss_bytes;
};

enum rast_verdict { RAST_VERDICT_DENY = 0, RAST_VERDICT_ALLOW = 1, RAST_VERDICT_ALLOW_REPLY = 2 };
enum rast_direction { RAST_DIR_INGRESS = 0, RAST_DIR_EGRESS = 1 };

enum rast_drop_reason {
	RAST_DROP_NONE = 0,
	RAST_DROP_POLICY = 1,    /* the matrix says deny; `rule` decided it */
	RAST_DROP_SPOOFED = 2,   /* source address or MAC is not the container's */
	RAST_DROP_MALFORMED = 3, /* headers cut short or inconsistent */
	RAST_DROP_FRAGMENT = 4,  /* a later fragment whose first was not seen */
	RAST_DROP_NO_POLICY = 5, /* no image loaded, or unknown endpoint: fails closed */
	RAST_DROP_PROTOCOL = 6,  /* an ethertype or protocol that policy cannot decide */
	RAST_DROP_DNS = 7,       /* a question that the `dns` of its rule does not allow */
	RAST_DROP_MAX
};

enum rast_flow_event_flags {
	/* refused at connect() or sendto(); `packets` are attempts */
	RAST_FLOW_EVENT_AT_CONNECT = 1 << 0,
	RAST_FLOW_EVENT_LOGGED = 1 << 1, /* the rule that decided has `log` */
	/* verdict and rule are what staged policies would have said */
	RAST_FLOW_EVENT_STAGED = 1 << 2
};

struct rast_event_flow {
	struct rast_event hdr; /* slot and identity: the container whose link this is */
	__u8 family;
	__u8 protocol;
	__u8 direction; /* enum rast_direction, seen from the container */
	__u8 verdict;   /* enum rast_verdict */
	__u8 reason;    /* enum rast_drop_reason */
	__u8 tcp_flags;
	__u16 flags; /* enum rast_flow_event_flags */
	__u32 generation;
	__u32 ifindex;
	__u32 peer_identity;      /* 0: outside the cluster */
	__u16 src_port, dst_port; /* host byte order; ICMP: type, code */
	__u8 src[16], dst[16];
	__u32 packets; /* that this event stands for */
	__u32 rule;    /* of image `generation`; 0: no rule */
};

enum rast_anomaly_kind {
	RAST_ANOMALY_FANOUT = 1, /* distinct destinations in a window */
	RAST_ANOMALY_EXEC_RATE = 2,
	RAST_ANOMALY_SYSCALL = 3 /* a system call that the baseline does not know */
};

struct rast_event_anomaly {
	struct rast_event hdr;
	__u32 kind; /* enum rast_anomaly_kind */
	__u32 value;
	__u32 threshold;
	__u32 window_ms;
};

struct rast_event_stats {
	__u64 attempted, sent, dropped;
};

#endif
