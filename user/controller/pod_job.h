/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a probe or a restart has under way: a connection or a process, on the controller's loop, with a
 * time limit. Nothing here blocks. A process is our sibling rastbpf, executed as root with the whole
 * bounding set, so it has the privileges that rastd itself gave up, for as long as it runs and no
 * longer; a helper that keeps them all the time would be one more thing to attack.
 */
#ifndef RAST_CONTROLLER_POD_JOB_H
#define RAST_CONTROLLER_POD_JOB_H

#include "controller/controller.h"

#include <stdbool.h>
#include <stdint.h>

struct rast_pod_job;

struct rast_pod_jobs {
	struct rast_controller *c;
	struct rast_pod_job *list;
	char rastbpf[512];
};

/* Called once, from the loop; `why` says what failed. The job is gone when it returns. */
typedef void (*rast_pod_job_fn)(void *arg, bool success, const char *why);

/* -ENOENT when there is no rastbpf beside this program or in ../bin. */
int rast_pod_jobs_init(struct rast_pod_jobs *jobs, struct rast_controller *c, struct rast_err *err);
/* Forgets all of them; processes that start containers go on. */
void rast_pod_jobs_finish(struct rast_pod_jobs *jobs);

/* TCP, and with `path` an HTTP request. NULL: failed at once, why says how, fn is not called. */
struct rast_pod_job *rast_pod_job_connect(struct rast_pod_jobs *jobs, const char *address,
					  uint16_t port, const char *path, uint64_t deadline_ns,
					  rast_pod_job_fn fn, void *arg, const char **why);
/* rastbpf with these arguments (argv[0] included). deadline_ns 0: it takes the time it takes. */
struct rast_pod_job *rast_pod_job_run(struct rast_pod_jobs *jobs, const char *const *argv,
				      uint64_t deadline_ns, rast_pod_job_fn fn, void *arg,
				      const char **why);
/* fn will not be called; what has a deadline ends now. NULL is allowed. */
void rast_pod_job_forget(struct rast_pod_job *job);
/* Ends what is past its time; the earliest time that is left, UINT64_MAX for none. */
uint64_t rast_pod_jobs_expire(struct rast_pod_jobs *jobs, uint64_t now_ns);

#endif
