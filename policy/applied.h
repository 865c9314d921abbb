/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The applied set on disk, below <run_dir>/policy/:
 *
 *	applied.json     generation, documents with where each came from, and the world they were
 *	                 compiled with; put in place by rename: this is what "applied" means
 *	rules.GEN.json   the rule table of that image, for whoever reads its numbers in an event; the
 *	                 last RAST_POLICY_KEEP of them are kept
 *
 * To compile what applied.json holds gives the very image that runs.
 */
#ifndef RAST_POLICY_APPLIED_H
#define RAST_POLICY_APPLIED_H

#include "base/instance.h"
#include "policy/policy.h"

#define RAST_POLICY_KEEP 16u

/* Nothing applied yet is an empty set, an empty world and generation 0. Each ret_ may be
 * NULL. */
int rast_policy_applied_load(const struct rast_instance *in, struct rast_policy_set **ret_set,
			     struct rast_policy_world *ret_world, uint32_t *ret_generation,
			     struct rast_err *err);
/* Is this very document (as JSON) among those applied? False also when that cannot be read. */
bool rast_policy_applied_has(const struct rast_instance *in, const json_t *doc);
/* The rule table alone: before the kernel is flipped to its image, whose first event may need it. */
int rast_policy_applied_store_rules(const struct rast_instance *in,
				    const struct rast_policy_rules *rules, struct rast_err *err);
/* Writes applied.json, behind the rule table of this generation; then removes old tables. */
int rast_policy_applied_store(const struct rast_instance *in, const struct rast_policy_set *set,
			      const struct rast_policy_world *world, uint32_t generation,
			      struct rast_err *err);
/* The table of one generation; -ENOENT when it is too old or was never there. */
int rast_policy_applied_rules(const struct rast_instance *in, uint32_t generation,
			      struct rast_policy_rules **ret, struct rast_err *err);

#endif
