/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps by which a container of another runtime, or a network alone, becomes a pod. The node lock is held,
 * and they come in this order.
 */
#ifndef RAST_NODE_FOREIGN_ADOPT_H
#define RAST_NODE_FOREIGN_ADOPT_H

#include "network/netns_ends.h"
#include "node/foreign.h"
#include "node/foreign_names.h"

#include <sys/types.h>

/* One on its way in. */
struct rast_adoption {
	const struct rast_instance *in;
	const char *id, *key, *cgroup;
	pid_t pid;
	uint64_t ticks, cgroup_id, netns;
	int netns_fd, cgroup_fd;
	uint32_t level;
	const char *network; /* as in pod.json */
	struct rast_foreign_names names;
	json_t *labels;
	struct rast_netns_end ends[RAST_NETNS_MAX_ENDS];
	size_t n_ends;
	json_t *pod;  /* with its containers */
	bool own_pod; /* made for it */
	uint32_t slot;
};

/* Is this pod in the same network namespace? */
bool rast_adoption_same_network(const struct rast_adoption *a, const json_t *pod);
/* Are the addresses free? What a container that is gone had is taken from it. */
int rast_adoption_claim(struct rast_adoption *a, const json_t *pods,
			const struct rast_netns_end *end, struct rast_err *err);
/* Numbers, and a->pod. */
int rast_adoption_new_pod(struct rast_adoption *a, const json_t *request, struct rast_err *err);
/* The links that are there now, into a->pod. */
void rast_adoption_set_network(struct rast_adoption *a);
/* Endpoints, closed as yet, then the policy with it. a->pod is on disk. */
int rast_adoption_enforce(struct rast_adoption *a, struct rast_err *err);
/* Of all that, what has been done. Returns r. */
int rast_adoption_take_back(struct rast_adoption *a, int r);
void rast_adoption_finish(struct rast_adoption *a);

#endif
