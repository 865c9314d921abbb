/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf flow: verdicts as they happen, and the flows that the kernel remembers. */
#ifndef RAST_POLICY_FLOW_CMD_H
#define RAST_POLICY_FLOW_CMD_H

struct rast_object;
extern const struct rast_object rast_object_flow;

#endif
