/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf policy: the object's table, for the list in user/bin/rastbpf.c. */
#ifndef RAST_POLICY_POLICY_CMD_H
#define RAST_POLICY_POLICY_CMD_H

struct rast_object;
extern const struct rast_object rast_object_policy;

#endif
