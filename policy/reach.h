/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole image at a glance: who reaches whom, class by class. */
#ifndef RAST_POLICY_REACH_H
#define RAST_POLICY_REACH_H

#include "policy/policy.h"

/*
 * {"classes": [{name, kind: "node" | "pods" | "addresses", members}], "rows": [[text, …], …]}:
 * rows[i][j] says on which ports class i may open a connection to class j, by the verdicts of both
 * ends: "all", "-" for none, a list of port classes, or "all but …". Between two classes of
 * addresses there is no verdict: "". image and rules must be of one compile. NULL: out of memory.
 */
json_t *rast_policy_reach(const struct rast_policy_image *image,
			  const struct rast_policy_rules *rules);

#endif
