/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that a container may make, as a cBPF program for seccomp(2).
 *
 * The default profile denies what it does not list: EPERM for what is known, ENOSYS for numbers that are
 * newer than the list, so that a libc falls back. Capabilities open what they are for. The program is laid out
 * as a search tree, which the kernel takes in at a twentieth of the cost of libseccomp's comparison
 * chain (seccomp_code.h; profiles of others: seccomp_profile.h). It is compiled once for a set of
 * capabilities and kept in <lib_dir>/cache/seccomp/<hash>.bpf: a warm start only reads the file.
 */
#ifndef RAST_CONTAINER_SECCOMP_H
#define RAST_CONTAINER_SECCOMP_H

#include "base/err.h"
#include "base/instance.h"

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_SECCOMP_MAX_INSNS 4096 /* BPF_MAXINSNS */

struct rast_seccomp_filter {
	struct sock_filter *insns; /* malloc'ed */
	unsigned short len;
};

/* From the cache, or compiled and put there. A cache that cannot be written is no error. */
int rast_seccomp_get(const struct rast_instance *in, uint64_t caps, struct rast_seccomp_filter *ret,
		     struct rast_err *err);
void rast_seccomp_finish(struct rast_seccomp_filter *f);
#define _cleanup_seccomp_ _cleanup_(rast_seccomp_finish)

/* What the cache is keyed by: the whole table and the capabilities that matter to it. */
uint64_t rast_seccomp_hash(uint64_t caps);
int rast_seccomp_compile(uint64_t caps, struct rast_seccomp_filter *ret, struct rast_err *err);

/* ---- the table (seccomp_table.c) ---- */

/* Allowed when (argument & mask) == value holds for one of them; lower 32 bits count. */
struct rast_seccomp_cond {
	uint8_t arg;
	uint32_t mask, value;
};

struct rast_seccomp_rule {
	const char *name;
	uint64_t caps; /* any of these opens it; 0: open to all */
	/* Without the capability (or, with caps 0, always) this decides; n 0: denied. */
	const struct rast_seccomp_cond *conds;
	uint8_t n_conds;
	uint16_t error; /* errno when denied; 0: EPERM */
};

extern const struct rast_seccomp_rule rast_seccomp_rules[];
extern const size_t rast_seccomp_n_rules;
#define RAST_SECCOMP_NEWEST 466 /* numbers above this are ENOSYS */

#endif
