/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decision about one system call: its rules, in the order in which they are asked, become a graph
 * (seccomp_code.h). Conditions are of 64 bits or, where the architecture has no more, of 32.
 */
#ifndef RAST_CONTAINER_SECCOMP_RULES_H
#define RAST_CONTAINER_SECCOMP_RULES_H

#include "container/seccomp_code.h"
#include "container/seccomp_profile.h"

struct seccomp_rule {
	const struct rast_seccomp_arg *args; /* all of them hold; at most 7 */
	unsigned int n_args;
	uint32_t action;
};

/* More rules of one call with different actions than this are refused: putting them in order is quadratic. */
#define SECCOMP_MAX_MIXED 1024u

/* It compares nothing: a mask without a bit. */
static inline bool seccomp_arg_idle(const struct rast_seccomp_arg *a, bool wide)
{
	return a->op == RAST_SECCOMP_MASKED_EQ && !(wide ? a->value : (uint32_t)a->value);
}

/* Into the order in which libseccomp asks them. false: no memory, or more than SECCOMP_MAX_MIXED. */
bool seccomp_rules_sort(struct seccomp_rule *rules, unsigned int n, bool wide);

/* The first rule that holds decides, else `otherwise`. 0: no memory, or too large. */
code_node seccomp_rules_build(struct code *c, const struct seccomp_rule *rules, unsigned int n,
			      bool wide, uint32_t otherwise);

#endif
