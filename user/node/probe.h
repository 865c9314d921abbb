/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the health of a container is decided by: thresholds of probes, answers of HTTP servers, when a
 * container that ended is started again, the phase of a pod. Pure: who probes and who starts is
 * controller/pods.c. Times are CLOCK_BOOTTIME. The answers come from containers: any bytes.
 */
#ifndef RAST_NODE_PROBE_H
#define RAST_NODE_PROBE_H

#include "container/pod.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_BACKOFF_FIRST_S 10u
#define RAST_BACKOFF_MAX_S 300u
#define RAST_BACKOFF_RESET_S 600u /* after running this long the next end is the first one again */

#define RAST_EXIT_UNKNOWN (-1)

struct rast_probe {
	bool ok;
	unsigned int passed, failed; /* in a row */
	uint64_t next_ns;
};

/* `ok`: what holds before the first result: false for readiness, true for liveness. */
void rast_probe_start(struct rast_probe *p, const struct rast_pod_probe *spec, bool ok,
		      uint64_t started_ns);
/* A probe begins now; sets when the next one does. */
void rast_probe_begin(struct rast_probe *p, const struct rast_pod_probe *spec, uint64_t now_ns);
/* 1: became ok; -1: is not ok any more; 0: no change. */
int rast_probe_result(struct rast_probe *p, const struct rast_pod_probe *spec, bool success);

/* Malloced; NULL when out of memory. */
char *rast_probe_http_request(const char *path, const char *address, uint16_t port);
/* The status code of an answer of which `len` bytes have come: 100..599, 0: not enough of it yet,
 * -EBADMSG: not HTTP, said as early as it is known. */
int rast_probe_http_status(const char *buf, size_t len);
/* As a kubelet sees it. */
static inline bool rast_probe_http_success(int status)
{
	return status >= 200 && status < 400;
}

/* wait(2)'s status as a shell shows it: 128 + signal, or the exit code. */
int rast_exit_code(int32_t wait_status);
bool rast_restart_wanted(enum rast_pod_restart policy, int exit_code);

struct rast_backoff {
	unsigned int delay_s; /* before the next start; 0: at once */
};
/* A run of `ran_ns` has ended: how many seconds later the next one starts. */
unsigned int rast_backoff_next(struct rast_backoff *b, uint64_t ran_ns);

/* Of a pod's containers: not made yet, running, to be started again, ended with another code than 0. */
const char *rast_pod_phase(size_t missing, size_t running, size_t restarting, size_t failed);

#endif
