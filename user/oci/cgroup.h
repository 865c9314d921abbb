/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cgroup of a container that is being made: a directory of our own, or (--systemd-cgroup) that of a
 * scope which systemd makes. Afterwards it is known by its path in the state.
 */
#ifndef RAST_OCI_CGROUP_H
#define RAST_OCI_CGROUP_H

#include "oci/oci.h"
#include "oci/plan.h"
#include "oci/state.h"
#include "oci/systemd.h"

struct oci_cgroup {
	struct rast_cgroup_layout layout;
	struct rast_cgroup cg;
	char path[RAST_CGROUP_PATH_MAX]; /* "" : it lives where the caller does */
	struct oci_scope scope;
	int scope_v1;      /* see oci_scope_open_v1() */
	bool one_too_many; /* pids.max is raised until the scope has been released */
};
#define OCI_CGROUP_INIT                                                                   \
	{                                                                                 \
		.layout = {.v2_fd = -1}, .cg = RAST_CGROUP_INIT, .scope = OCI_SCOPE_INIT, \
		.scope_v1 = -1,                                                           \
	}

/* Makes it with its limits, and says in `plan` that the container starts there. Errors are in o->err. */
int oci_cgroup_make(struct oci *o, const struct oci_container *box,
		    const struct rast_oci_spec *spec, struct oci_plan *plan,
		    struct oci_cgroup *ret);
/* The container's process is in it and waits: nobody else is in it when this returns. */
int oci_cgroup_joined(struct oci_cgroup *g, const struct rast_oci_spec *spec, struct rast_err *err);
/* What the state says of it. */
void oci_cgroup_describe(const struct oci_cgroup *g, json_t *state);
/* Kills what is in it and removes it; an error when it is still there. */
int oci_cgroup_take_back(struct oci_cgroup *g);
/* Closes what is open. */
void oci_cgroup_finish(struct oci_cgroup *g);

/* Of a container that is deleted: kills what lives in it, removes it. */
int oci_cgroup_remove(struct oci *o, const struct oci_container *c);

#endif
