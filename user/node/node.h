/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The node: where pods, their network, the policy and the kernel's maps come together. Everything here
 * works without the controller; what must not happen twice at once is done under <run_dir>/lock.
 *
 * Start of a pod, in order: address and identity → network namespace and link → endpoint in the maps
 * and policy programs on the link → policy recompiled with the new pod → cgroup registered → clone3.
 * A failure at any step undoes the ones before it.
 */
#ifndef RAST_NODE_NODE_H
#define RAST_NODE_NODE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "base/yaml.h"

#include <stdbool.h>

struct rast_pod; /* container/pod.h */

/* Starts every container of the pod. -EEXIST when a pod of that name runs. */
int rast_node_pod_start(const struct rast_instance *in, const struct rast_pod *pod,
			struct rast_err *err);
/* SIGTERM, after grace_ms SIGKILL; then removes all of the pod. 0 when there is none. */
int rast_node_pod_stop(const struct rast_instance *in, const char *ns, const char *name,
		       unsigned int grace_ms, struct rast_err *err);

/*
 * Makes these documents (NetworkPolicy, ClusterNetworkPolicy, Namespace) part of the applied set, or
 * takes those of the same name out of it with `remove`; compiles the whole set and flips the kernel
 * to it. On error the old set and the old image stay. *ret_report (may be NULL): classes, cells,
 * rules, generation.
 */
int rast_node_policy_apply(const struct rast_instance *in, const struct rast_yaml_node *const *docs,
			   size_t n, bool remove, json_t **ret_report, struct rast_err *err);

/* Removes whatever a killed part left: pods without processes, links, namespaces, mounts, cgroups,
 * pins without an owner. *ret_report: an array of {kind, name}. `all`: also what still runs. */
int rast_node_gc(const struct rast_instance *in, bool all, json_t **ret_report,
		 struct rast_err *err);

#endif
