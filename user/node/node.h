/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The node: where pods, their network, the policy and the kernel's maps come together. Everything here
 * works without the controller; what must not happen twice at once is done under <run_dir>/lock.
 *
 * Start of pods, in order: numbers and state → address → network namespace and link (down) → endpoint
 * in the maps and policy programs on the link → policy compiled with the new pods and flipped → links
 * up → each container: cgroup, registered in the maps, clone3. A failure at any step undoes the ones
 * before it, the policy included.
 */
#ifndef RAST_NODE_NODE_H
#define RAST_NODE_NODE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "base/yaml.h"
#include "container/pod.h"
#include "container/run.h"

#include <stdbool.h>
#include <stddef.h>

/* One pod to be started. */
struct rast_node_pod {
	const struct rast_pod *pod;
	const json_t
		*manifest; /* kept in pod.json: what restarts and probes are made from; or NULL */
	const json_t *config_maps; /* array of the ConfigMaps it uses, or NULL */
	/* For a foreground `container run`: how its only container is started. NULL: detached. */
	const struct rast_container_start *start;
	/* Filled for a pod with `start`: the caller's. */
	int pidfd, tty;
};

/*
 * Starts these pods and makes these policy documents part of the applied set: all or nothing.
 * -EEXIST when one of the pods is there already. *ret_report (may be NULL): {"pods":[…],"policy":{…},
 * "warnings":[…]}.
 */
int rast_node_up(const struct rast_instance *in, struct rast_node_pod *pods, size_t n_pods,
		 const struct rast_yaml_node *const *policies, size_t n_policies,
		 json_t **ret_report, struct rast_err *err);
/* SIGTERM, after the pod's grace (or grace_ms when it is not negative) SIGKILL; then removes all of
 * it. 0 when there is none. */
int rast_node_pod_stop(const struct rast_instance *in, const char *ns, const char *name,
		       int grace_ms, struct rast_err *err);
/*
 * Ends a container if it runs and starts it once more, in the same pod, address and slot. `run` not 0:
 * only if start_ticks of its C.json is still this, else -ESTALE: two who saw the same end restart once.
 * -ENOENT when the pod was not made from a manifest.
 */
int rast_node_container_restart(const struct rast_instance *in, const char *ns, const char *pod,
				const char *container, uint64_t run, struct rast_err *err);
/* The pod that a pod.json's manifest and config_maps describe; -ENOENT when it has no manifest. */
int rast_node_pod_spec(const json_t *state, struct rast_pod **ret, struct rast_err *err);

/*
 * Makes these documents (RAST_POLICY_KINDS) part of the applied set, or
 * takes those of the same name out of it with `remove`; compiles the whole set and flips the kernel
 * to it. On error the old set and the old image stay. *ret_report (may be NULL): classes, cells,
 * rules, generation. n 0: compiles what is applied again.
 */
int rast_node_policy_apply(const struct rast_instance *in, const struct rast_yaml_node *const *docs,
			   size_t n, bool remove, json_t **ret_report, struct rast_err *err);

/* Takes every policy out of the set. Adds {"kind","name"} for each to `done` (may be NULL). */
int rast_node_policy_clear(const struct rast_instance *in, json_t *done, struct rast_err *err);

/*
 * For a document that was stored: applies it (or takes it out) unless the set holds the same already.
 * `body` is the document as JSON.
 */
int rast_node_policy_follow(const struct rast_instance *in, const struct rast_yaml_node *doc,
			    const json_t *body, bool remove, struct rast_err *err);

/*
 * Removes what a killed part left: pods that were never finished, links, namespaces, mounts, cgroups,
 * addresses and pins whose owner is gone. With `all` also what runs, the bridge and every pin.
 * *ret_report: an array of {"kind","name"}.
 */
int rast_node_gc(const struct rast_instance *in, bool all, json_t **ret_report,
		 struct rast_err *err);

#endif
