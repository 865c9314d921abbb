/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a specification to the plans of container/launch.h and mount_list.h. The plan borrows from the spec;
 * what it opened or allocated goes with oci_plan_finish().
 */
#ifndef RAST_OCI_PLAN_H
#define RAST_OCI_PLAN_H

#include "container/launch.h"
#include "container/launch_attr.h"
#include "container/mount_list.h"
#include "container/seccomp.h"
#include "oci/spec.h"

struct oci_plan_block;

struct oci_plan {
	const struct rast_oci_spec *spec;
	char rootfs[4096]; /* absolute */
	struct rast_launch launch;
	struct rast_launch_attr attr;
	struct rast_mount_plan mounts;
	struct rast_mount_list list;
	bool may_mount; /* the caller holds CAP_SYS_ADMIN */
	struct rast_launch_rlimit rlimits[16];
	char time_offsets[160];
	char cgroup_dir[4200]; /* for a cgroup mount without a cgroup namespace */
	unsigned long mempolicy_nodes[16];
	struct rast_seccomp_filter filter;
	struct rast_landlock landlock;
	char warning[160]; /* what the plan could not keep of the spec, for the log */
	int idmap_fds[64];
	size_t n_idmap_fds;
	struct oci_plan_block *memory; /* arrays that were built */
};

/* How a spec is run; the options of `create`, `run` and `exec`. */
struct oci_plan_options {
	bool no_pivot, no_new_keyring;
	unsigned int preserve_fds; /* all of them */
	unsigned int listen_fds;   /* of these, sockets of which the process is told */
};

void oci_plan_init(struct oci_plan *p);
/* What is said of the process alone: for exec too. */
int oci_plan_process(struct oci_plan *p, const struct rast_oci_process *process,
		     struct rast_err *err);
/* All of a container. `bundle` is absolute. */
int oci_plan_container(struct oci_plan *p, const struct rast_oci_spec *spec, const char *bundle,
		       const struct oci_plan_options *opt, struct rast_err *err);
/* Mounts, devices, masks: the part of it that oci_plan_container() leaves to plan_mounts.c. */
int oci_plan_mounts(struct oci_plan *p, const char *bundle, bool no_pivot, struct rast_err *err);
/*
 * Those of `mounts add` into the container of this process: binds are opened. `file` is named in errors.
 */
int oci_plan_live_mounts(struct oci_plan *p, const struct rast_oci_spec *mounts, pid_t pid,
			 const char *bundle, const char *file, struct rast_err *err);
/* The user namespace whose maps a mount has, borrowed; -1: none (plan_idmap.c). */
int oci_plan_idmap(struct oci_plan *p, const struct rast_oci_mount *m, int *ret_fd,
		   struct rast_err *err);
/* linux.seccomp: for exec too. */
int oci_plan_filter(struct oci_plan *p, const struct rast_oci_spec *spec, struct rast_err *err);
/* The annotation for Landlock: for exec too. */
int oci_plan_landlock(struct oci_plan *p, const struct rast_oci_spec *spec, struct rast_err *err);
/* So many descriptors from 3 on are handed on; all must be open. */
int oci_plan_preserve(struct oci_plan *p, unsigned int n, struct rast_err *err);
/* Closes what it opened; its memory stays. */
void oci_plan_close(struct oci_plan *p);
void oci_plan_finish(struct oci_plan *p);
/* Memory that goes with the plan. NULL: none left. */
void *oci_plan_alloc(struct oci_plan *p, size_t n, size_t size);

/* "0-3,7" into a set of bits; -EINVAL. */
int oci_parse_list(const char *text, unsigned long *bits, size_t n_bits);

#endif
