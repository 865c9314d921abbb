/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How unusual a container behaves: once a second its counters become rates, each rate is held against
 * the container's own past (median and MAD, which a burst cannot drag along) and against a floor below
 * which nothing is ever unusual. The score is the largest rate divided by its threshold.
 *
 * While it learns (the first RAST_ANOMALY_WARMUP samples) only absolute limits count. An episode begins
 * when a threshold is passed long enough and ends after RAST_ANOMALY_QUIET calm samples; what an episode
 * brings with it (a scan is also a flood of connections) opens none of its own, and nothing of it is
 * learned, unless it goes on for RAST_ANOMALY_ACCEPT samples: then it is how this container is.
 */
#ifndef RAST_ANOMALY_ANOMALY_H
#define RAST_ANOMALY_ANOMALY_H

#include "base/json.h"
#include "bpf/anomaly.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_ANOMALY_WARMUP 30u
#define RAST_ANOMALY_QUIET 10u
#define RAST_ANOMALY_ACCEPT 300u
#define RAST_ANOMALY_RING 256u
/* Once the ring is full, each element stands for this many seconds, by the largest of them. */
#define RAST_ANOMALY_STEP 8u

/* What names an episode best comes first. */
enum rast_anomaly_metric {
	RAST_METRIC_DESTINATIONS, /* distinct (address, port) in a window */
	RAST_METRIC_FORKS,        /* per second, as all but the ratio and the new ones */
	RAST_METRIC_EXECS,
	RAST_METRIC_CONNECTS,
	RAST_METRIC_DENIED, /* packets that policy refused to let out */
	RAST_METRIC_SYSCALLS,
	RAST_METRIC_ERRORS,       /* part of system calls that failed; 0 when there are few calls */
	RAST_METRIC_NEW_SYSCALLS, /* system calls used for the first time, since the last sample */
	RAST_METRIC_CPU,          /* percent of one CPU */
	RAST_METRIC_MAX
};

/* Counters as they stand; they only grow, but for destinations. */
struct rast_anomaly_reading {
	uint64_t time_ns;
	uint64_t cgroup_id; /* another one: the container was started anew */
	double destinations;
	double window_s; /* over which those were counted so far */
	uint64_t connects, denied, execs, forks, syscalls, errors, syscalls_used, cpu_ns;
};

struct rast_anomaly_baseline {
	float ring[RAST_ANOMALY_RING];
	unsigned int n, next;
	float pending; /* largest of the step that is being filled */
	float median, mad, high;
};

struct rast_anomaly_episode {
	bool active;
	bool muted; /* part of another episode, until it calms down itself */
	unsigned int over, quiet, samples;
	/* Where it was worst: value / threshold. seconds 0: value is as the metric's unit says. */
	double value, threshold, seconds, usual;
};

/* One container. Zeroed: knows nothing yet. */
struct rast_anomaly {
	struct rast_anomaly_reading last;
	struct rast_anomaly_baseline base[RAST_METRIC_MAX];
	struct rast_anomaly_episode episode[RAST_METRIC_MAX];
	unsigned int samples, pending;
	double value[RAST_METRIC_MAX];
	double score;
};

/* Bits of the metrics whose episode begins with this sample, and of those whose ends (may be NULL). */
unsigned int rast_anomaly_sample(struct rast_anomaly *a, const struct rast_anomaly_reading *now,
				 unsigned int *ret_ended);
/*
 * The kernel half saw a limit passed: `value` in `seconds`. True when an episode begins with it; false
 * when it belongs to one that is known.
 */
bool rast_anomaly_raise(struct rast_anomaly *a, enum rast_anomaly_metric m, double value,
			double threshold, double seconds);

bool rast_anomaly_learned(const struct rast_anomaly *a);
/* Past which it is unusual now; 0: no limit (yet). */
double rast_anomaly_threshold(const struct rast_anomaly *a, enum rast_anomaly_metric m);
/* Distinct destinations for so many bits set, and back: linear counting, see bpf/anomaly.h. */
double rast_anomaly_destinations(uint32_t bits);
uint32_t rast_anomaly_bits(double destinations);

/* "connects_s": its name as a member in JSON. */
const char *rast_anomaly_metric_name(enum rast_anomaly_metric m);
/* "port scan" */
const char *rast_anomaly_kind(enum rast_anomaly_metric m);
/* "port scan: 412 distinct destinations in 2 s (threshold 50), by nmap[123]"; name may be NULL. */
const char *rast_anomaly_text(const struct rast_anomaly *a, enum rast_anomaly_metric m,
			      const char *name, int64_t pid, char *buf, size_t size);

/* What was learned, in a few numbers, and the episodes that are open. -EINVAL: not of ours. */
json_t *rast_anomaly_to_json(const struct rast_anomaly *a);
int rast_anomaly_from_json(struct rast_anomaly *a, const json_t *json);
/* Score and rates as members of a flat object. */
void rast_anomaly_describe(const struct rast_anomaly *a, json_t *obj);

/* Of anomaly_json.c, for its use alone: median, MAD and usual high of what is in the ring. */
void rast_anomaly_baseline_settle(struct rast_anomaly_baseline *b);

#endif
