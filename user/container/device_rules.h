/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices a container may open and make, as a program of its own on its cgroup: rules in order, for
 * each kind of access the last one that fits decides, what no rule fits is denied. The program is a
 * handful of instructions written here; a change puts a new one in the old one's place in one step, so
 * that no moment is open and none piles up (runc #2876).
 */
#ifndef RAST_CONTAINER_DEVICE_RULES_H
#define RAST_CONTAINER_DEVICE_RULES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As the kernel numbers them (BPF_DEVCG_ACC_*). */
#define RAST_DEVICE_MKNOD 1u
#define RAST_DEVICE_READ 2u
#define RAST_DEVICE_WRITE 4u
#define RAST_DEVICE_ALL 7u

#define RAST_DEVICE_MAX_RULES 256

struct rast_device_rule {
	bool allow;
	char type;            /* 'b', 'c' or 'a' (both) */
	int64_t major, minor; /* -1: any */
	unsigned int access;  /* RAST_DEVICE_* */
};

/* What every container may use: null, zero, full, random, urandom, tty, ptmx, pts; and make any node. */
extern const struct rast_device_rule rast_device_defaults[];
extern const size_t rast_device_n_defaults;

struct bpf_insn;
/* The program into insns (at most `max`); the number of instructions, or -E2BIG. For tests too. */
int rast_device_rules_compile(const struct rast_device_rule *rules, size_t n,
			      struct bpf_insn *insns, size_t max);
/*
 * Puts it on the cgroup, in place of the one that an earlier call has put there. -EPERM when the caller may
 * not (no CAP_BPF and CAP_NET_ADMIN).
 */
int rast_device_rules_attach(int cgroup_fd, const struct rast_device_rule *rules, size_t n,
			     struct rast_err *err);

#endif
