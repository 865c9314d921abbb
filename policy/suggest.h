/* SPDX-License-Identifier: BSD-2-Clause */
/* NetworkPolicies that allow what was seen and nothing else. */
#ifndef RAST_POLICY_SUGGEST_H
#define RAST_POLICY_SUGGEST_H

#include "policy/policy.h"

/* More addresses outside than this behind one port, and they become "any address". */
#define RAST_SUGGEST_MAX_ADDRS 8u

/*
 * `edges`: an array as rast_edges_to_json() makes it; those with verdict "allow" are to be possible. One policy
 * for all pods of a namespace that have the same labels, for both directions, so what they were not seen
 * to do is denied; a selector names all the labels, and the keys that other pods have beside these must not
 * exist. `ns`: only the pods of this namespace get a policy; NULL: all.
 *
 * *ret: {"policies": [NetworkPolicy, …], "left_out": [{from, to, protocol, port, why}, …]}: edges that no policy
 * can express (ICMP alone, an end that is gone). From the node needs no rule. -ENOMEM.
 */
int rast_policy_suggest(const struct rast_policy_world *world, const json_t *edges, const char *ns,
			json_t **ret);

/*
 * Holds suggested policies against the edges: {"allowed": n, "missing": [edge, …], "also_allowed": [edge, …]};
 * missing: seen as allowed and now denied; also_allowed: seen as denied and now allowed.
 */
int rast_policy_suggest_check(const struct rast_policy_world *world, const json_t *policies,
			      const json_t *edges, json_t **ret, struct rast_err *err);

#endif
