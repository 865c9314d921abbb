/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the feature "pods" share: the containers as the controller sees them. */
#ifndef RAST_CONTROLLER_PODS_PRIV_H
#define RAST_CONTROLLER_PODS_PRIV_H

#include "controller/pod_job.h"
#include "node/probe.h"

struct pods;

/* Tells at once when a container's first process ends. Outlives its box until the loop lets go. */
struct watch {
	struct rast_source src; /* a pidfd; first */
	struct pods *pods;
	bool ended;
};

/* One container; "run" is one life of it, known by start_ticks. */
struct box {
	struct box *next;
	struct pod *pod;
	char name[64];
	const struct rast_pod_container *spec; /* NULL: not from a manifest */
	json_t *state;                         /* C.json */
	uint64_t ticks;                        /* of the run; 0: none seen yet */
	bool running, ready, oom, stopping, log_grows;
	int exit_code; /* RAST_EXIT_UNKNOWN */
	struct rast_backoff backoff;
	uint64_t restart_ns; /* 0: none planned */
	uint64_t job_ns;     /* the plan that restart_job carries out */
	uint64_t kill_ns;    /* 0: never; the grace after a liveness failure */
	struct rast_probe readiness, liveness;
	struct rast_pod_job *readiness_job, *liveness_job, *restart_job;
	struct watch *watch;
};

struct pod {
	struct pod *next;
	struct pods *pods;
	char ns[64], name[256], created[40];
	json_t *state;         /* pod.json */
	struct rast_pod *spec; /* NULL: not from a manifest */
	struct box *boxes;
	bool seen;
};

struct pods {
	struct rast_controller *c;
	struct rast_pod_jobs jobs;
	struct rast_source timer;
	struct pod *list;
	uint64_t refresh_ns; /* when the files are read again */
	uint64_t logs_ns;    /* when logs are held to their limits again */
	bool dirty, stopping;
	json_t *saved; /* what the controller before us knew; until the first look */
	char path[128];
};

/* Makes the timer fire now. */
void pods_wake(struct pods *s);
/* A line of the audit log about a container; extra (may be NULL) is taken. */
void pods_event(const struct box *b, const char *action, const char *message, json_t *extra);

/* pod_state.c: the files are read, runs that began or ended are noticed. */
void pods_refresh(struct pods *s, uint64_t now_ns);
void pods_free(struct pods *s);
/* To <run_dir>/health.json, for the controller after us. */
void pods_save(struct pods *s);
json_t *pods_json(const struct pods *s);

#endif
