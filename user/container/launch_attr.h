/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process may be given besides and few containers ask for; applied in the child, in the order of
 * rast_launch_attr_apply(), as root of the container and before its capabilities are dropped.
 */
#ifndef RAST_CONTAINER_LAUNCH_ATTR_H
#define RAST_CONTAINER_LAUNCH_ATTR_H

#include "container/mount.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As sched_setattr(2) takes it (linux/sched/types.h; glibc 2.36 has no declaration). */
struct rast_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
	uint32_t util_min, util_max;
};

struct rast_launch_attr {
	bool new_keyring; /* a session keyring of its own */
	const char *keyring_name, *keyring_label;
	bool set_personality;
	unsigned long personality;
	bool set_sched;
	struct rast_sched_attr sched;
	bool set_ioprio;
	int ioprio; /* IOPRIO_PRIO_VALUE */
	bool set_mempolicy;
	int mempolicy_mode; /* MPOL_* | flags */
	const unsigned long *mempolicy_nodes;
	unsigned long mempolicy_max_node;
	bool set_affinity; /* of the process that is run */
	cpu_set_t affinity;
	/* Labels for exec. Written to a verified procfs only (CVE-2019-16884). */
	const char *apparmor, *selinux;
};

/* 0, or -errno with the report filled. `proc` is a procfs that the runtime trusts. */
int rast_launch_attr_apply(const struct rast_launch_attr *a, int proc,
			   struct rast_launch_report *rep);

#endif
