/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of ended flows seen from user space: who waits for their end, what found no room in a ring, and
 * how many there were. bpf/flow.h has the records.
 */
#ifndef RAST_POLICY_FLOW_BPF_H
#define RAST_POLICY_FLOW_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/flow.h"

#include <stdint.h>

/* Tells of all flows that were silent for too long. *ret_live: ends of flows that go on; may be NULL. */
int rast_flow_bpf_sweep(const struct rast_instance *in, uint32_t *ret_live, struct rast_err *err);
/*
 * Takes what was summed since the last call. Two callers at a time would take from each other: it is the
 * controller's.
 */
int rast_flow_bpf_sums(const struct rast_instance *in,
		       void (*fn)(void *arg, const struct rast_flow_sum_key *key,
				  const struct rast_flow_sum *sum),
		       void *arg, struct rast_err *err);
/* Since the programs were loaded. *ret_missed: sockets whose end the kernel did not let us see. */
int rast_flow_bpf_stats(const struct rast_instance *in, struct rast_flow_stats *ret,
			uint64_t *ret_missed, struct rast_err *err);
/* Inode of a network namespace, as struct rast_endpoint wants it; 0: not known. */
uint32_t rast_flow_netns_of(int netns_fd);

#endif
