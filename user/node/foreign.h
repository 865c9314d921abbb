/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of another runtime (rast-oci) under the programs of this node: named, labelled, counted,
 * watched, and policed where they have a link. Nothing of them is ours: no process, cgroup or link of
 * theirs is ever ended or removed here; letting go of them is all that can be done.
 *
 * A pod here is a network namespace: containers that share one (a sandbox and those in it) are one pod with
 * one identity and one set of endpoints, named by the container that came first.
 */
#ifndef RAST_NODE_FOREIGN_H
#define RAST_NODE_FOREIGN_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>

/*
 * `request`: {"id","key" (the id where it is missing),"pid","cgroup" (path below the cgroup mounts),"rootfs",
 * "annotations":{}}, as rast-oci's state has it; two runtimes may use one id, but not one key. To be called while the container's first process waits and when its links are there.
 * A second time for the same key: anew, as things are now. On error nothing of it is left.
 * *ret_report: {"namespace","pod","container","slot","identity","network"}.
 */
int rast_node_foreign_adopt(const struct rast_instance *in, const json_t *request,
			    json_t **ret_report, struct rast_err *err);
/* By key, or by id. 0 also when there is no such container. Its pod goes with the last one. */
int rast_node_foreign_release(const struct rast_instance *in, const char *key,
			      struct rast_err *err);
/* All of a pod. */
int rast_node_foreign_release_pod(const struct rast_instance *in, const char *ns, const char *name,
				  struct rast_err *err);

/*
 * A network namespace whose containers nobody here has started, or knows: {"netns": path, "ifname": the one
 * interface in there that is meant, or "", "annotations": {}} by whose rast.os/… it has name and labels. -EEXIST
 * when it is a pod already. *ret_report: its pod.json.
 */
int rast_node_foreign_attach(const struct rast_instance *in, const json_t *request,
			     json_t **ret_report, struct rast_err *err);
/* Its links are open then. -EINVAL for a pod that came otherwise. */
int rast_node_foreign_detach(const struct rast_instance *in, const char *ns, const char *name,
			     struct rast_err *err);

#endif
