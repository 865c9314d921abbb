/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel half of audit: putting it into the kernel, and its exact count of events. */
#ifndef RAST_AUDIT_AUDIT_BPF_H
#define RAST_AUDIT_AUDIT_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/event.h"

int rast_audit_bpf_supported(struct rast_err *err);
/* Loads, pins and attaches; any number of times. */
int rast_audit_bpf_start(const struct rast_instance *in, struct rast_err *err);
/* Summed over CPUs, by enum rast_ring; sent + dropped = attempted. Needs only the pins. */
int rast_audit_bpf_stats(const struct rast_instance *in, struct rast_event_stats ret[RAST_RING_MAX],
			 struct rast_err *err);

#endif
