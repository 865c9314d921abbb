/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last findings, newest last, and what is kept of each container over restarts:
 * <run_dir>/anomaly.json = {"findings":[…],"known":{"ns/pod/container":{…}}}. A finding is
 * {"time","namespace","pod","container","kind","finding","score","value","threshold",
 * "process":{"pid","name"}} and, once its episode is over, "ended".
 */
#ifndef RAST_ANOMALY_ANOMALY_FINDINGS_H
#define RAST_ANOMALY_ANOMALY_FINDINGS_H

#include "anomaly/anomaly.h"
#include "audit/cgroup_names.h"

#define RAST_ANOMALY_FINDINGS 100u
#define RAST_ANOMALY_KNOWN 1024u

/* Both members are there; what cannot be read counts as empty. */
json_t *rast_anomaly_file_load(const char *path);

/* A finding of the episode that has just begun. time is taken; comm may be NULL. */
json_t *rast_anomaly_finding(const struct rast_anomaly *a, enum rast_anomaly_metric m,
			     const struct rast_cgroup_name *who, json_t *time, const char *comm,
			     int64_t pid);
/* Appends a copy; the oldest goes when there are too many. */
void rast_anomaly_findings_add(json_t *findings, const json_t *finding);
/* The open finding of this container and kind takes the episode's worst; `ended` (taken) closes it. */
void rast_anomaly_findings_update(json_t *findings, const struct rast_anomaly *a,
				  enum rast_anomaly_metric m, const struct rast_cgroup_name *who,
				  json_t *ended);

#endif
