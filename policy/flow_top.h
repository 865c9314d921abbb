/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates of edges between two looks at `flow edges`, by edge or by pod. Pure. */
#ifndef RAST_POLICY_FLOW_TOP_H
#define RAST_POLICY_FLOW_TOP_H

#include "base/json.h"

#include <stdbool.h>

enum rast_flow_sort {
	RAST_FLOW_SORT_FLOWS,
	RAST_FLOW_SORT_BYTES,
	RAST_FLOW_SORT_PACKETS,
	RAST_FLOW_SORT_DENIED
};

/* "flows", "bytes", "packets", "denied"; -1: none of them. */
int rast_flow_sort_of(const char *text);
/*
 * Rows, highest first, of those that changed in the `seconds` between: {"from","to","port","protocol"} or by pod
 * {"pod"}, each with "flows_s", "denied_s" (packets), "bytes_s" and "packets_s" (of flows that ended meanwhile).
 */
json_t *rast_flow_top(const json_t *before, const json_t *after, double seconds, bool by_pod,
		      enum rast_flow_sort sort);

#endif
