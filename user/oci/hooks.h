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

/* Any program of the node's, run to its end. */
struct oci_program {
	const char *path;
	const char *const *args, *const *env;
	const char *input; /* its standard input */
	int output;        /* where it writes; -1: where we do */
	int64_t timeout_s; /* then it is killed; 0: never */
};
/* An exit status other than 0 is -ECANCELED. `what` begins the message. */
int oci_program_run(const struct oci_program *program, const char *what, struct rast_err *err);

#endif
