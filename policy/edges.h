/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow events added up into edges: who spoke to whom, on which port, with which verdict, decided by
 * which rule. Both ends of a connection report it; an edge keeps the rule of each end. Pure.
 */
#ifndef RAST_POLICY_EDGES_H
#define RAST_POLICY_EDGES_H

#include "base/json.h"

/* What is kept; when more edges are seen, the one that was quiet longest goes and is counted. */
#define RAST_EDGES_MAX 4096u

struct rast_edges;

struct rast_edges *rast_edges_create(void);
void rast_edges_destroy(struct rast_edges *e);
/* `flow`: an event of the stream "flow" with its names. Others are left out. */
void rast_edges_add(struct rast_edges *e, const json_t *flow);
/*
 * An array, newest last change first: {"from","from_namespace","to","to_namespace","port","protocol",
 * "verdict","policy","rule","flows","packets","last"}, and of ended flows "ended", "bytes", "ended_packets". `policy` is "NAMESPACE/NAME" of the policy of
 * the end that decided, or what stands for one ("no policy", "node"); several are joined by ", ".
 */
json_t *rast_edges_to_json(const struct rast_edges *e);

#endif
