/* SPDX-License-Identifier: BSD-2-Clause */
/* Hooks of a container: programs of the node's that get its state as JSON on standard input. */
#ifndef RAST_OCI_HOOKS_H
#define RAST_OCI_HOOKS_H

#include "base/err.h"
#include "oci/spec.h"

#include <sys/types.h>

/*
 * Runs all of one point in order; the first that fails (or runs longer than its timeout) ends it. `state` is
 * the JSON text. Works in the child of a launch too: it allocates nothing.
 */
int oci_hooks_run(const struct rast_oci_hooks *hooks, const char *point, const char *state,
		  struct rast_err *err);
/* The i-th alone, for points whose hooks do not depend on each other. */
int oci_hook_run(const struct rast_oci_hook *h, const char *point, size_t i, const char *state,
		 struct rast_err *err);

#endif
