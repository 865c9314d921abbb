/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which container a task or socket belongs to: `container_by_cgroup`, written by the launcher before
 * the container's first instruction, read by every program that attributes something.
 *
 * The key is the cgroup2 id of the container's own cgroup (its inode number). A process that made
 * itself a cgroup below is found through bpf_get_current_ancestor_cgroup_id(level), level being that
 * of the container's cgroup (`container_level`, rodata; of other runtimes' containers `foreign_control`).
 * The kernel half writes the exit of the first process into the same record, so that an exit status is
 * kept when no process of ours runs.
 */
#ifndef RAST_BPF_CONTAINER_H
#define RAST_BPF_CONTAINER_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define RAST_MAX_CONTAINERS 4096
#define RAST_SLOT_NONE 0xffffffffu

/* <cgroup2 root>/<instance>/<namespace>_<pod>/<container>: three below the mount's root. */
#define RAST_CONTAINER_LEVEL 3
/* Containers of other runtimes have their cgroup where their client wants it, this deep at most. */
#define RAST_MAX_CONTAINER_LEVEL 15

enum rast_container_flags {
	RAST_CONTAINER_EXITED = 1 << 0,
	RAST_CONTAINER_OOM = 1 << 1, /* a process of it was killed for memory */
	RAST_CONTAINER_HOST_NETWORK = 1 << 2,
	RAST_CONTAINER_FOREIGN = 1 << 3 /* started by rast-oci: its cgroup is not the instance's */
};

struct rast_container {
	__u32 slot;      /* 0..RAST_MAX_CONTAINERS-1: index into the per-container arrays */
	__u32 identity;  /* number of the label set */
	__u32 init_pid;  /* host pid; 0 until the launcher knows it */
	__u32 flags;     /* enum rast_container_flags */
	__s32 exit_code; /* as wait(2), valid with RAST_CONTAINER_EXITED */
	__u32 pad;
	__u64 started_ns; /* CLOCK_BOOTTIME */
	__u64 exited_ns;
};
_Static_assert(sizeof(struct rast_container) == 40, "rast_container is part of the contract");

/* foreign_control, key 0: what there is to look for of containers of other runtimes; 0 where none are. */
struct rast_foreign {
	__u32 levels;    /* bit n: one has its cgroup at level n */
	__u32 end;       /* one past the highest of them */
	__u32 addresses; /* 1: identity_by_foreign (bpf/policy.h) holds some */
	__u32 pad;
};

#endif
