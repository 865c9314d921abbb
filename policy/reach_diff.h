/* SPDX-License-Identifier: BSD-2-Clause */
/* What another set of policies would change in who reaches whom. */
#ifndef RAST_POLICY_REACH_DIFF_H
#define RAST_POLICY_REACH_DIFF_H

#include "policy/policy.h"

/* One set of policies, compiled for the same world as the other. */
struct rast_reach_side {
	const struct rast_policy_image *image;
	const struct rast_policy_rules *rules;
};

/*
 * An array of {from, to, ports, was, now, was_rule, rule}: verdicts "allow" and "deny" with both ends' policies
 * taken together, rules by name (of the end that denies, else of the destination). from and to are objects
 * {name, kind: "node" | "pods" | "addresses", members}: pods that neither set tells apart are one row, and
 * so are addresses and ports. A pod about itself is left out. NULL: out of memory.
 */
json_t *rast_policy_reach_diff(const struct rast_policy_world *world, struct rast_reach_side was,
			       struct rast_reach_side now);

#endif
