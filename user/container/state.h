/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs on this node, as files: no database on the launch path, and any process can read it.
 *
 *   <run_dir>/pods/NS/POD/pod.json            the pod, see below
 *   <run_dir>/pods/NS/POD/netns               its network namespace (bind mount)
 *   <run_dir>/pods/NS/POD/hosts, resolv.conf  mounted into its containers
 *   <run_dir>/pods/NS/POD/containers/C.json   a container
 *   <lib_dir>/pods/NS/POD/containers/C/       its writable layer: upper, work
 *   <lib_dir>/pods/NS/POD/volumes/V/          an emptyDir or configMap; a tmpfs is mounted there
 *   <lib_dir>/pods/NS/POD/logs/C.log          its stdout and stderr
 *   <run_dir>/numbers                         bitmaps of taken container slots and identities
 *
 * pod.json: {"namespace","name","labels":{},"annotations":{},"ports":[{"name","protocol","port"}],
 *   "network":"pod"|"host"|"none","address":"10.77.0.2","mac","ifname","ifindex","identity",
 *   "slots":[…],
 *   "n_containers","restart_policy","grace_s","created":"…Z","manifest":{…},"config_maps":[…],
 *   "stopping":true while it is taken down}
 * C.json: {"name","image","rootfs","command":[…],"slot","cgroup_id","pid","start_ticks","started":"…Z",
 *   "started_ns","restarts","log","log_max_bytes","stopped":true after `container stop`}
 * A pod whose containers another runtime (rast-oci) started has "foreign":true, "netns" (inode number) and
 * "endpoints":[{"interface","ifname","ifindex","address"}]; its containers have "oci_id" and "level" (depth
 * of the cgroup). None of its processes, links and cgroups are ours: see node/foreign.h.
 * Readiness is known to the controller only (op pods.list).
 * `pid` is in the host's namespace and means the process whose start time in /proc/PID/stat is
 * start_ticks; anything else is somebody else's.
 *
 * What is large is below <lib_dir>, since /run is memory on most machines; made when first needed.
 *
 * Files change by rename, so a reader sees old or new. Writers hold the node lock.
 */
#ifndef RAST_CONTAINER_STATE_H
#define RAST_CONTAINER_STATE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* <run_dir>/lock; held until the fd is closed. Waits. */
int rast_state_lock(const struct rast_instance *in, int *ret_fd, struct rast_err *err);

/* "<run_dir>/pods/NS/POD[/tail]"; -ENAMETOOLONG. */
int rast_state_pod_path(const struct rast_instance *in, const char *ns, const char *pod,
			const char *tail, char *buf, size_t size);

/* The same below <lib_dir>. */
int rast_state_data_path(const struct rast_instance *in, const char *ns, const char *pod,
			 const char *tail, char *buf, size_t size);
/* Unmounts the pod's memory volumes and removes its folder below <lib_dir>; 0 when there is none. */
int rast_state_data_remove(const struct rast_instance *in, const char *ns, const char *pod,
			   struct rast_err *err);

/* -ENOENT when there is no such pod. With `containers`, an array of the C.json objects is added. */
int rast_state_pod_load(const struct rast_instance *in, const char *ns, const char *pod,
			bool containers, json_t **ret, struct rast_err *err);
/* Makes the folders too. A member "containers" is not written. */
int rast_state_pod_store(const struct rast_instance *in, const json_t *pod, struct rast_err *err);
/* Removes both folders; what is still mounted in <run_dir>'s makes this fail with -EXDEV or -EBUSY. */
int rast_state_pod_remove(const struct rast_instance *in, const char *ns, const char *pod,
			  struct rast_err *err);
/* The same for one that may be no JSON (see below); *ret is NULL where there is no such pod. */
int rast_state_pod_look(const struct rast_instance *in, const char *ns, const char *pod,
			bool containers, json_t **ret);
/* Every folder of a pod, sorted by namespace and name, until fn returns other than 0. */
int rast_state_each_pod(const struct rast_instance *in,
			int (*fn)(void *arg, const char *ns, const char *pod), void *arg);
/* Every pod, sorted by namespace and name. One that is no JSON is {"namespace","name","broken"}. */
int rast_state_pods(const struct rast_instance *in, bool containers, json_t **ret,
		    struct rast_err *err);

int rast_state_container_load(const struct rast_instance *in, const char *ns, const char *pod,
			      const char *name, json_t **ret, struct rast_err *err);
int rast_state_container_store(const struct rast_instance *in, const char *ns, const char *pod,
			       const json_t *container, struct rast_err *err);
/* 0 also when there is none. */
int rast_state_container_remove(const struct rast_instance *in, const char *ns, const char *pod,
				const char *name, struct rast_err *err);

/*
 * Finds what a person means by NAME: "pod", "ns/pod" or "ns/pod/container"; a bare pod is looked for in
 * every namespace. *ret_container is "" when NAME names a pod. -ENOENT, -EEXIST (ambiguous) with err.
 */
struct rast_state_name {
	char ns[64], pod[256], container[64];
};
int rast_state_resolve(const struct rast_instance *in, const char *name,
		       struct rast_state_name *ret, struct rast_err *err);

/*
 * The lowest free identity and container slots, marked as taken; hold the node lock. -ENOSPC with err:
 * then none is. ret_slots has room for n_slots. ret_identity NULL: slots only.
 */
int rast_state_numbers_take(const struct rast_instance *in, uint32_t *ret_identity,
			    uint32_t *ret_slots, size_t n_slots, struct rast_err *err);
/* identity 0: none. */
int rast_state_numbers_drop(const struct rast_instance *in, uint32_t identity,
			    const uint32_t *slots, size_t n_slots);

/* After a crash: only what these pods (rast_state_pods) hold stays taken. Hold the node lock. */
int rast_state_numbers_rebuild(const struct rast_instance *in, const json_t *pods,
			       struct rast_err *err);

/* Field 22 of /proc/PID/stat, in clock ticks since boot; -ESRCH when there is no such process. */
int rast_state_start_ticks(int pid, uint64_t *ret);
/* Does the process of this C.json still live? */
bool rast_state_container_alive(const json_t *container);

#endif
