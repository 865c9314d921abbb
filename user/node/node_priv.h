/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of user/node share. All of it expects the node lock to be held. */
#ifndef RAST_NODE_NODE_PRIV_H
#define RAST_NODE_NODE_PRIV_H

#include "base/fd.h"
#include "node/node.h"
#include "policy/policy.h"

/* The pods that policy decides about. */
int rast_node_world(const struct rast_instance *in, struct rast_policy_world *ret,
		    struct rast_err *err);
/* The programs, and where the kernel has the hooks those for verdicts at connect. */
int rast_node_policy_load(const struct rast_instance *in, struct rast_err *err);
/* Compiles `set` against the pods, flips the kernel to it and records it as applied. */
int rast_node_policy_flip(const struct rast_instance *in, const struct rast_policy_set *set,
			  uint32_t generation, json_t **ret_report, struct rast_err *err);
int rast_node_policy_change(const struct rast_instance *in,
			    const struct rast_yaml_node *const *docs, size_t n, bool remove,
			    json_t **ret_report, struct rast_err *err);

/* Gives the slots and the identity of a pod.json back. */
void rast_node_drop_numbers(const struct rast_instance *in, const json_t *pod);
/* Takes a pod apart, whatever of it is there. The first error is returned, the rest is done all the same. */
int rast_node_pod_undo(const struct rast_instance *in, const char *ns, const char *name,
		       unsigned int grace_ms, struct rast_err *err);

/* Are the ports free that pods on the node's own network say they listen on? -EADDRINUSE. */
int rast_node_host_ports(const struct rast_node_pod *pods, size_t n_pods, struct rast_err *err);

bool rast_node_has_network(const struct rast_pod *pod);
/* Where the pod's network namespace is kept. */
int rast_node_netns_path(const struct rast_instance *in, const char *ns, const char *name,
			 char *buf, size_t size);

/* What one container of a pod is started with, beyond what its pod says. */
struct rast_node_place {
	uint32_t identity, slot;
	int netns_fd;
	const char *address;
	pid_t share_pid;
	uint32_t restarts;
};

/* Container `i` of a pod whose state and network are there. `foreground` may be NULL. */
int rast_node_container_start(const struct rast_instance *in, const struct rast_pod *pod, size_t i,
			      const struct rast_node_place *at, struct rast_node_pod *foreground,
			      json_t **ret_state, struct rast_err *err);

#endif
