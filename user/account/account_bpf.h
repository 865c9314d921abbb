/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel half of accounting: putting it into the kernel, and reading what it counted. A reader
 * needs only the pins, no controller; it maps the arrays, so that looking at a figure is a load.
 */
#ifndef RAST_ACCOUNT_ACCOUNT_BPF_H
#define RAST_ACCOUNT_ACCOUNT_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/account.h"
#include "bpf/container.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How CPU and memory are come by here: one line for `rastbpf feature`. -EOPNOTSUPP with the reason. */
int rast_account_bpf_supported(struct rast_err *err);
/* Loads, pins and attaches; any number of times. *ret_iterator: the cgroup iterator works here. */
int rast_account_bpf_start(const struct rast_instance *in, bool *ret_iterator,
			   struct rast_err *err);

struct rast_account_reader;

/* -ENOENT with err when the kernel half is not loaded. */
int rast_account_reader_open(const struct rast_instance *in, struct rast_account_reader **ret,
			     struct rast_err *err);
void rast_account_reader_destroy(struct rast_account_reader *r);
/*
 * Brings CPU, memory and task figures up to date: one run of the iterator over all containers. False
 * when this kernel has none: rast_account_reader_files() is what is left then.
 */
bool rast_account_reader_collect(struct rast_account_reader *r);

struct rast_account_entry {
	uint64_t cgroup_id;
	struct rast_container container;
	struct rast_account figures; /* zero but for cgroup_id when nothing was counted yet */
	/* In the map: changes while one looks. NULL when nothing was counted yet. */
	const struct rast_syscalls *syscalls;
};
/* All registered containers, by slot; *ret is the caller's to free(). */
int rast_account_reader_list(struct rast_account_reader *r, struct rast_account_entry **ret,
			     size_t *ret_n, struct rast_err *err);
/* Fallback for CPU, memory and tasks of one container from cgroupfs; path as in container/cgroup.h. */
void rast_account_reader_files(struct rast_account_reader *r, const char *path,
			       struct rast_account *figures);

#endif
