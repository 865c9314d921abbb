/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All containers' figures with their names and rates, as rows of JSON: the one source of
 * `account show`, `account top` and rastd's account.show.
 */
#ifndef RAST_ACCOUNT_ACCOUNT_VIEW_H
#define RAST_ACCOUNT_ACCOUNT_VIEW_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct rast_account_view;

/* The instance is borrowed. -ENOENT when the kernel half is not loaded. */
int rast_account_view_create(const struct rast_instance *in, struct rast_account_view **ret,
			     struct rast_err *err);
void rast_account_view_destroy(struct rast_account_view *v);
/* Takes a sample of each container; rates are between the last two. */
int rast_account_view_tick(struct rast_account_view *v, struct rast_err *err);
/*
 * Fresh figures of the containers that `pattern` means (rast_cgroup_name_match; NULL: all), sorted by slot;
 * with rates once there were two samples. -ENOENT with err when the pattern means none.
 */
int rast_account_view_rows(struct rast_account_view *v, const char *pattern, json_t **ret,
			   struct rast_err *err);
/* [{"syscall","number","count","percent"}…] of one container or pod, most used first; at most n. */
int rast_account_view_syscalls(struct rast_account_view *v, const char *pattern, size_t n,
			       json_t **ret, struct rast_err *err);
/* "iterator" or "files": where CPU, memory and tasks come from. */
const char *rast_account_view_source(const struct rast_account_view *v);

#endif
