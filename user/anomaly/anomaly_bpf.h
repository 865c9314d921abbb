/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel half of anomaly: putting it into the kernel, its limits, and the counters that a score is
 * made of. Most of those are accounting's and policy's; a reader puts them together.
 */
#ifndef RAST_ANOMALY_ANOMALY_BPF_H
#define RAST_ANOMALY_ANOMALY_BPF_H

#include "anomaly/anomaly.h"
#include "base/err.h"
#include "base/instance.h"

#include <stddef.h>
#include <stdint.h>

int rast_anomaly_bpf_supported(struct rast_err *err);
/* Loads, pins and attaches; any number of times. */
int rast_anomaly_bpf_start(const struct rast_instance *in, struct rast_err *err);

struct rast_anomaly_reader;

/* -ENOENT with err when this half or accounting's is not loaded; policy's may be missing. */
int rast_anomaly_reader_open(const struct rast_instance *in, struct rast_anomaly_reader **ret,
			     struct rast_err *err);
void rast_anomaly_reader_destroy(struct rast_anomaly_reader *r);

struct rast_anomaly_entry {
	uint32_t slot;
	struct rast_anomaly_reading reading;
};
/* All registered containers; *ret is the caller's to free(). CPU time is as old as accounting's. */
int rast_anomaly_reader_list(struct rast_anomaly_reader *r, struct rast_anomaly_entry **ret,
			     size_t *ret_n, struct rast_err *err);
/* Seconds from the start of the slot's window to a moment of CLOCK_BOOTTIME, at most the window. */
double rast_anomaly_reader_window(const struct rast_anomaly_reader *r, uint32_t slot,
				  uint64_t time_ns);
/* Limits of one container, or with slot RAST_MAX_CONTAINERS and cgroup_id 0 of all that have none. */
int rast_anomaly_reader_limit(struct rast_anomaly_reader *r, uint32_t slot,
			      const struct rast_anomaly_limit *limit, struct rast_err *err);

#endif
