/* SPDX-License-Identifier: BSD-2-Clause */
/* Why may one end talk to the other, or not: the image's verdicts told in the policies' words. */
#ifndef RAST_POLICY_EXPLAIN_H
#define RAST_POLICY_EXPLAIN_H

#include "policy/policy.h"

struct rast_policy_question {
	const char *from, *to; /* "web", "shop/web", "10.0.0.1", "fd00::1", "host" */
	enum rast_policy_proto proto;
	uint16_t port; /* of ICMP type << 8 | code; not looked at for RAST_PROTO_OTHER */
};

/*
 * *ret: {from, to, protocol, port (or icmp_type, icmp_code), verdict, egress, ingress, text}. egress is what holds at `from`,
 * ingress at `to`, null where that end is no pod; each {verdict, rule, isolated_by, near, suggestion, staged}:
 *	isolated_by  the NetworkPolicies that select the pod in this direction
 *	near         when denied by default: rules of those that match the peer but not the port, or
 *	             the port but not the peer, with what is missing
 *	suggestion   when denied by default: {add_to, yaml}, a rule that would allow just this
 *	staged       {verdict, rule} where staged policies would say otherwise or by a rule of theirs
 * `text` is the same as sentences, an array. -ENOENT with err for an end that is not there. image and
 * rules must be what set and world compile to.
 */
int rast_policy_explain(const struct rast_policy_set *set, const struct rast_policy_world *world,
			const struct rast_policy_image *image,
			const struct rast_policy_rules *rules, const struct rast_policy_question *q,
			json_t **ret, struct rast_err *err);

#endif
