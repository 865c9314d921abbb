/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of run: the pieces that a start is planned from. Not for others. */
#ifndef RAST_CONTAINER_RUN_SPEC_H
#define RAST_CONTAINER_RUN_SPEC_H

#include "base/instance.h"
#include "base/json.h"
#include "container/mount.h"
#include "container/pod.h"
#include "container/run.h"

/* What is run and as whom: the pod's words over the image's. */
struct run_process {
	const char **argv, **env; /* NULL-terminated; strings belong to pod, image or text */
	const char *cwd;
	uint32_t uid, gid;
	uint64_t caps;
	json_t *image; /* image.json or NULL */
	char *text;    /* what was made here */
};

int run_process_init(struct run_process *p, const struct rast_instance *in,
		     const struct rast_pod *pod, const struct rast_pod_container *box,
		     const struct rast_container_start *opts, struct rast_err *err);
void run_process_finish(struct run_process *p);
/* The "exec" object of C.json. */
json_t *run_process_json(const struct run_process *p, const struct rast_pod_container *box);

/* Root, volumes, etc files. The plan's fds are released by rast_mount_plan_finish, *plan->mounts by free. */
int run_mounts_init(struct rast_mount_plan *plan, const struct rast_instance *in,
		    const struct rast_pod *pod, const struct rast_pod_container *box,
		    const struct rast_container_start *opts, const char *rootfs,
		    struct rast_err *err);
void run_mounts_finish(struct rast_mount_plan *plan);

#endif
