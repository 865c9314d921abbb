/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which flow events somebody wants to see. Several values of one option are joined by "or", options by
 * "and"; what is wrong in one is said when it is added. Pure.
 */
#ifndef RAST_POLICY_FLOW_FILTER_H
#define RAST_POLICY_FLOW_FILTER_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>

#define RAST_FLOW_FILTER_MAX 32 /* values of one option */

struct rast_flow_filter;

struct rast_flow_filter *rast_flow_filter_create(void);
void rast_flow_filter_destroy(struct rast_flow_filter *f);
/*
 * option: "from", "to", "pod" (either end): POD, NAMESPACE/POD, NAMESPACE/, CIDR or address, label selector
 * (KEY=VALUE, KEY!=VALUE, joined by commas), or an entity (host, world, cluster); "port" (N or N-M),
 * "protocol", "verdict", "direction", "namespace", "policy" ([NAMESPACE/]NAME), "rule" (part of its text),
 * "reason", "how" (it ended: fin, rst, timeout, policy, removed, error). -EINVAL with a text that names option and
 * value.
 */
int rast_flow_filter_add(struct rast_flow_filter *f, const char *option, const char *value,
			 struct rast_err *err);
/* Only flows that begin (and denied packets), or only those that have ended. Both or neither: all. */
void rast_flow_filter_set_kind(struct rast_flow_filter *f, bool fresh, bool ended);
/* Labels of a pod as an object, borrowed; NULL: not known. Wanted where a selector stands. */
typedef const json_t *rast_flow_labels_fn(void *arg, const char *ns, const char *pod);
bool rast_flow_filter_match(const struct rast_flow_filter *f, const json_t *event,
			    rast_flow_labels_fn *labels, void *arg);
/* A selector stands in it. */
bool rast_flow_filter_wants_labels(const struct rast_flow_filter *f);

#endif
