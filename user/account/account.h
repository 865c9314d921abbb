/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the figures of bpf/account.h mean: CPU time split as cpu.stat splits it, rates between two
 * readings, the most used system calls, and the JSON that every reader (show, top, rastd) gives.
 */
#ifndef RAST_ACCOUNT_ACCOUNT_H
#define RAST_ACCOUNT_ACCOUNT_H

#include "base/json.h"
#include "bpf/account.h"
#include "bpf/container.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The kernel samples user and system time at ticks and measures the sum exactly; this scales the
 * samples to the sum, as cputime_adjust() does for cpu.stat.
 */
void rast_account_cpu(const struct rast_account *a, uint64_t *ret_user_ns, uint64_t *ret_system_ns);
/* All calls of a container. */
uint64_t rast_account_calls(const struct rast_syscalls *s);

struct rast_account_top {
	unsigned int nr;
	uint64_t count;
};
/* The `n` most used calls, most used first; returns how many there are. */
size_t rast_account_top(const struct rast_syscalls *s, struct rast_account_top *ret, size_t n);
/* "openat"; "other" for RAST_SYSCALL_OTHER, "#473" for a number that libseccomp does not know. */
const char *rast_account_syscall_name(unsigned int nr, char *buf, size_t size);

/* Figures as a flat object; s may be NULL. Every name ends in its unit. */
json_t *rast_account_json(const struct rast_account *a, const struct rast_syscalls *s);

/* One reading of one container, kept to make rates of. */
struct rast_account_sample {
	uint64_t time_ns;
	uint64_t cpu_ns, rx_bytes, tx_bytes, syscalls, execs;
};
void rast_account_sample(const struct rast_account *a, const struct rast_syscalls *s,
			 uint64_t time_ns, struct rast_account_sample *ret);
/* Adds cpu_percent, net_rx_bytes_s, net_tx_bytes_s, syscalls_s, execs_s; nothing when the two are of
 * the same moment or the counters went backwards (another container has the slot now). */
void rast_account_rates(const struct rast_account_sample *before,
			const struct rast_account_sample *now, json_t *obj);

#endif
