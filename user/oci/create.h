/* SPDX-License-Identifier: BSD-2-Clause */
/* A container made from its bundle, and started: what create, run and start share. */
#ifndef RAST_OCI_CREATE_H
#define RAST_OCI_CREATE_H

#include "oci/oci.h"
#include "oci/plan.h"
#include "oci/state.h"

struct oci_create {
	const char *id, *bundle; /* bundle absolute */
	const char *config;      /* NULL: config.json in the bundle */
	const char *pid_file, *console_socket;
	struct oci_plan_options plan;
	bool start; /* run at once, instead of waiting for `start` */
	bool remove; /* with `start`: the caller removes it at its end, and `gc` when the caller is gone */
	/*
	 * Where the process comes from, in the place of rast_launch_start(plan->launch), with the same
	 * duties: the callbacks of the launch, and nothing left on error. NULL: that one.
	 */
	int (*launch)(void *arg, const struct oci_plan *plan, const struct oci_container *c,
		      struct rast_launched *ret, struct rast_err *err);
	void *launch_arg;
};

/*
 * On error nothing is left. *ret is the container as oci_container_open() would have it. *ret_pidfd and *ret_tty (the master side, -1 without) are the caller's;
 * with a console socket the master has been sent there and *ret_tty is -1.
 */
int oci_create(struct oci *o, const struct oci_create *what, int *ret_pidfd, int *ret_tty,
	       struct oci_container *ret);
/* The word to a created container, then its poststart hooks. */
int oci_start(struct oci *o, struct oci_container *c);
/* After a creation with `start`: its poststart hooks, whose failure is a warning. */
void oci_started(struct oci *o, struct oci_container *c);
/*
 * Kills what lives, removes its cgroups, runs the poststop hooks (whose failure is a warning), removes the
 * folder. After a kill in the middle of it it can be called again.
 */
int oci_destroy(struct oci *o, struct oci_container *c);
/* What comes after the start cannot undo it: a hook that fails is a warning, and the others run. */
void oci_hooks_after(struct oci *o, struct oci_container *c, const struct rast_oci_spec *spec,
		     enum rast_oci_hook_point point, const char *name);

/* The config.json that was kept. */
int oci_container_spec(const struct oci_container *c, struct rast_oci_spec **ret,
		       struct rast_err *err);
/* The master side of a terminal to who listens at `path`. */
int oci_console_send(const char *path, int tty, struct rast_err *err);
/* The listener of a filter to linux.seccomp.listenerPath, with the state of the process. */
int oci_listener_send(const struct oci_container *c, const struct rast_oci_spec *spec, pid_t pid,
		      int listener, struct rast_err *err);
/* The pid alone, by rename. */
int oci_pid_file(const char *path, pid_t pid, struct rast_err *err);

#endif
