/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A truth table: what policies should say, written by a person and kept beside them.
 *
 *	apiVersion: rast.os/v1
 *	kind: PolicyTest
 *	metadata: {name: shop}
 *	spec:
 *	  tests:
 *	  - name: the front door reaches the api      # optional
 *	    from: shop/web                            # or a list
 *	    to: [shop/api]
 *	    ports: [8080, UDP/53, ICMP]               # TCP when not said; or a single one
 *	    expect: allow                             # or deny
 *	    rule: shop/api ingress[0]                 # optional: what must have decided, or how it begins
 *
 * An end is NAME (namespace default), NAMESPACE/NAME, a pattern with * or ? over NAMESPACE/NAME, an
 * address, or host. A test asks each `from` about each `to` on each port, a pod about itself excepted
 * where a pattern brought them together.
 */
#ifndef RAST_POLICY_TRUTH_H
#define RAST_POLICY_TRUTH_H

#include "policy/policy.h"

#define RAST_TRUTH_MAX_VERDICTS 1000000u /* of one document */

bool rast_truth_wants(const struct rast_yaml_node *doc);
/*
 * Appends one object a verdict to rows: {test, from, to, protocol, port, want, got, rule, ok, file, line},
 * file and line being the test's. -EINVAL with err when the document is not well-formed or an end is
 * nobody; a verdict that is not as expected is no error. image and rules must be of one compile.
 */
int rast_truth_check(const struct rast_yaml_node *doc, const struct rast_policy_world *world,
		     const struct rast_policy_image *image, const struct rast_policy_rules *rules,
		     json_t *rows, struct rast_err *err);

#endif
