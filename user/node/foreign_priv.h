/* SPDX-License-Identifier: BSD-2-Clause */
/* What user/node knows of foreign pods (foreign.h). The node lock is held. */
#ifndef RAST_NODE_FOREIGN_PRIV_H
#define RAST_NODE_FOREIGN_PRIV_H

#include "node/foreign.h"

/* Did another runtime start this pod.json's containers? */
static inline bool rast_node_foreign_is(const json_t *pod)
{
	return rast_json_bool(pod, "foreign");
}
/* Is it a network that a person has put under policy, with containers or without? */
static inline bool rast_node_foreign_is_attached(const json_t *pod)
{
	return *rast_json_str(pod, "attached") != '\0';
}
/* Is there anything of it left to watch: its first process, or any in its cgroup? `pod` with containers. */
bool rast_node_foreign_alive(const json_t *pod);
/* foreign_control as the pods on record want it. Does nothing where nothing is loaded. */
int rast_node_foreign_control(const struct rast_instance *in, struct rast_err *err);
/* Takes policy off the pod's links, but for those that are in `keep` (as in pod.json; may be NULL) too. */
int rast_node_foreign_forget_endpoints(const struct rast_instance *in, const json_t *pod,
				       const json_t *keep, struct rast_err *err);
/* Lets go of one container by its key (or id), and of its pod with the last one. */
int rast_node_foreign_drop(const struct rast_instance *in, const char *key, struct rast_err *err);
/* Lets go of all of a pod (with its containers). What can be done is done; the first error is returned. */
int rast_node_foreign_undo(const struct rast_instance *in, const json_t *pod, struct rast_err *err);

#endif
