/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a container lies outside of it and is not in its images: binds, namespaces that were joined,
 * open files of the node. A checkpoint names each ("external"), a restore says what to take for the name.
 */
#ifndef RAST_OCI_CRIU_MOUNTS_H
#define RAST_OCI_CRIU_MOUNTS_H

#include "oci/criu.h"
#include "oci/plan.h"

/* ---- checkpoint ---- */

/* `pid`: its first process. */
int oci_criu_dump_mounts(const struct rast_oci_spec *spec, pid_t pid, struct oci_message *opts,
			 struct rast_err *err);
int oci_criu_dump_namespaces(const struct rast_oci_spec *spec, pid_t pid, struct oci_message *opts,
			     struct rast_err *err);
/* Standard input, output and error; writes their names to descriptors.json in `images`. */
int oci_criu_dump_stdio(pid_t pid, int images, struct oci_message *opts, struct rast_err *err);

/* ---- restore ---- */

int oci_criu_restore_mounts(const struct oci_plan *p, const char *dir, struct oci_message *opts);
/* In a mount namespace of our own: the root and all binds of the plan below `dir`. */
int oci_criu_place_mounts(const struct oci_plan *p, const char *dir, struct rast_err *err);
int oci_criu_restore_namespaces(const struct oci_plan *p, struct oci_criu_call *call,
				struct rast_err *err);
/* Whatever its cgroups were: `cgroup` where the container joins it (v1: bits of cgroup.h), else our own. */
int oci_criu_restore_cgroups(const char *cgroup, unsigned int v1, struct oci_message *opts,
			     struct rast_err *err);
int oci_criu_restore_stdio(int images, struct oci_message *opts, struct rast_err *err);

#endif
