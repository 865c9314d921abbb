/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One container of a pod: from struct rast_pod to a running process, and back to nothing. This is where
 * a pod's fields become the plans of launch.h, mount.h, cgroup.h and seccomp.h. Needs no BPF: what must
 * be known to the kernel's maps is told by the caller's before_exec.
 *
 * What is written below <run_dir>/pods/NS/POD is said in state.h. To the C.json object this adds
 * "cgroup" (path below each mount), "cgroup_v1" (which v1 controllers it
 * joined, bits of cgroup.h), "missing" (controllers that a limit had no use of) and "exec", an
 * object for exec.c: {"uid","gid","caps","no_new_privs","seccomp","cwd","env":[…]}.
 */
#ifndef RAST_CONTAINER_RUN_H
#define RAST_CONTAINER_RUN_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "container/pod.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RAST_NETNS_NEW (-1)  /* an empty one with only lo */
#define RAST_NETNS_HOST (-2) /* the node's */

/* Capabilities of a container by default (as docker's), by number. */
#define RAST_CAPS_DEFAULT 0xa80425fbull

struct rast_container_start {
	int netns_fd; /* the pod's, borrowed; or RAST_NETNS_* */
	uint32_t slot;
	const char *rootfs;  /* NULL: looked up by the container's image */
	bool overlay;        /* rootfs stays as it is, changes go to a layer in the pod's folder */
	const char *address; /* the pod's IPv4 for /etc/hosts; NULL: no etc files are mounted */
	const char *resolv_conf; /* text; NULL: the node's */
	pid_t share_pid;         /* >0: share ipc and uts namespaces with this process */
	int stdio[3];            /* borrowed; -1: /dev/null and the container's log */
	bool tty;   /* a terminal of the container's own instead; its master is *ret_tty */
	bool nodev; /* no device program guards this node: no device but those in /dev, no mknod */
	bool stats; /* also join v1 controllers that only count (hybrid hosts) */
	uint32_t restarts; /* kept in the state */
	/*
	 * Called while the child waits, before the first instruction of the container: the place to
	 * register it in the kernel's maps. An error here undoes the start.
	 */
	int (*before_exec)(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err);
	void *arg;
};

/* Defaults: new netns, log, no sharing. */
void rast_container_start_init(struct rast_container_start *opts);

/*
 * Starts container `index` of a pod whose pod.json is stored; the caller holds the node lock or is
 * otherwise the only one to start this pod. *ret_state (the C.json object, stored already) and
 * *ret_pidfd are the caller's; each may be NULL. *ret_tty only with opts->tty. On error nothing of the
 * container is left.
 */
int rast_container_start(const struct rast_instance *in, const struct rast_pod *pod, size_t index,
			 const struct rast_container_start *opts, json_t **ret_state,
			 int *ret_pidfd, int *ret_tty, struct rast_err *err);
/* SIGTERM to the first process, after grace_ms SIGKILL to all; waits until the cgroup is empty. */
int rast_container_stop(const struct rast_instance *in, const char *ns, const char *pod,
			const json_t *container, unsigned int grace_ms, struct rast_err *err);
/* Kills what is left of it; removes its cgroups, layer, log and C.json. 0 when nothing was there. */
int rast_container_remove(const struct rast_instance *in, const char *ns, const char *pod,
			  const char *name, struct rast_err *err);
/*
 * Ends and removes all containers of a pod (as rast_state_pod_load() gives it, with "containers"), and its
 * cgroup directories. Files below the data folder are left: they go with the pod's state. The first
 * error is returned, the rest is done all the same.
 */
int rast_container_remove_all(const struct rast_instance *in, const json_t *pod,
			      unsigned int grace_ms, struct rast_err *err);
/* After the last container: the pod's own cgroup directories. */
int rast_container_remove_pod_cgroup(const struct rast_instance *in, const char *ns,
				     const char *pod, struct rast_err *err);

/* <lib_dir>/images/NAME/rootfs; -ENOENT with err when it is not there. */
int rast_container_image_path(const struct rast_instance *in, const char *image, char *buf,
			      size_t size, struct rast_err *err);
/* "<instance>/<ns>_<pod>/<container>", or without the last part when container is NULL. */
int rast_container_cgroup_path(const struct rast_instance *in, const char *ns, const char *pod,
			       const char *container, char *buf, size_t size);
/* A pidfd of the container's first process; -ESRCH when it is gone (start time is compared). */
int rast_container_pidfd(const json_t *container);

#endif
