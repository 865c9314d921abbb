/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any seccomp profile of the OCI runtime specification as a cBPF program, with the verdicts that runc
 * and crun get from libseccomp: the arguments of one rule must all hold, rules of one call are
 * alternatives, names that are unknown here and rules that say what the default says count for nothing,
 * the native architecture is always among those served, and all others are killed.
 *
 * Where the default is SCMP_ACT_ERRNO, a number above all that the profile names is ENOSYS, as runc has it
 * (and libseccomp alone has not).
 *
 * Known differences: of rules that contradict each other, which libseccomp refuses, the first in its
 * order wins; "greater" and "less" of 64 bits hold as written where libseccomp 2.5.4 drops a part of
 * them; calls that are newer than the libseccomp at hand count; architectures that no kernel of
 * ours serves are killed as foreign ones, since nothing can run there.
 *
 * The profile is borrowed: the program has nothing of it. seccomp_profile.c gathers the rules of each
 * number, seccomp_code.c lays them out, and seccomp.c is the profile of our own pods on top of both.
 */
#ifndef RAST_CONTAINER_SECCOMP_PROFILE_H
#define RAST_CONTAINER_SECCOMP_PROFILE_H

#include "container/seccomp.h"

#include <stdbool.h>

enum rast_seccomp_op {
	RAST_SECCOMP_NE,
	RAST_SECCOMP_LT,
	RAST_SECCOMP_LE,
	RAST_SECCOMP_EQ,
	RAST_SECCOMP_GE,
	RAST_SECCOMP_GT,
	RAST_SECCOMP_MASKED_EQ, /* (argument & value) == value_two */
};

struct rast_seccomp_arg {
	unsigned int index; /* 0..5 */
	enum rast_seccomp_op op;
	uint64_t value, value_two; /* two: MASKED_EQ only */
};

struct rast_seccomp_call {
	const char *const *names;
	size_t n_names;
	uint32_t action; /* SECCOMP_RET_* | data */
	/* Where two have one index each of all is a rule of its own, as runc and crun have it. */
	const struct rast_seccomp_arg *args;
	size_t n_args;
};

/* x32 has the architecture of x86-64 and numbers of its own: told apart by this bit of `archs`. */
#define RAST_SECCOMP_ARCH_X32 0x20000000u

struct rast_seccomp_profile {
	uint32_t default_action;
	const uint32_t *archs; /* AUDIT_ARCH_*, or AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32 */
	size_t n_archs;        /* the native one needs no mention */
	uint32_t flags;        /* SECCOMP_FILTER_FLAG_*: for whoever installs it */
	const char *listener_path, *listener_metadata;
	const struct rast_seccomp_call *calls;
	size_t n_calls;
};

/* -E2BIG: more instructions than a kernel takes. -ENOTSUP: an architecture that no table has. */
int rast_seccomp_profile_compile(const struct rast_seccomp_profile *p,
				 struct rast_seccomp_filter *ret, struct rast_err *err);
/* Some rule asks the listener (SECCOMP_RET_USER_NOTIF). */
bool rast_seccomp_profile_notifies(const struct rast_seccomp_profile *p);

/*
 * Names of the specification ("SCMP_ACT_ERRNO"), in the order of its schema. `takes_data`: the low half
 * of the action is from errnoRet. Lists end in a NULL name, so that they may be handed out whole.
 */
struct rast_seccomp_name {
	const char *name;
	uint32_t value;
};
extern const struct rast_seccomp_name rast_seccomp_actions[]; /* SECCOMP_RET_* */
extern const struct rast_seccomp_name rast_seccomp_archs[];   /* 0: known, but served nowhere */
extern const struct rast_seccomp_name rast_seccomp_ops[];     /* enum rast_seccomp_op */
extern const struct rast_seccomp_name rast_seccomp_flags[];   /* SECCOMP_FILTER_FLAG_* */
/* NULL: no such name. */
const struct rast_seccomp_name *rast_seccomp_name_find(const struct rast_seccomp_name *list,
						       const char *name);
/* The first with that value, without the data of an action; NULL: none. */
const char *rast_seccomp_name_of(const struct rast_seccomp_name *list, uint32_t value);
/* SCMP_ACT_ERRNO and SCMP_ACT_TRACE. */
bool rast_seccomp_action_takes_data(uint32_t action);

#endif
