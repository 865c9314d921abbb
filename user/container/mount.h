/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system of a container as a plan, and the child's half that carries it out.
 *
 * Everything is done on file descriptors: sources are detached mounts made by the parent (rootfs.c),
 * targets are opened below the container's root by openat2(RESOLVE_IN_ROOT) without magic links, and
 * what is found there is checked, so that no link in an image leads out of it or into /proc. /proc,
 * /sys and /dev are mounted on the name itself, never through a link.
 */
#ifndef RAST_CONTAINER_MOUNT_H
#define RAST_CONTAINER_MOUNT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rast_mount {
	int tree_fd;        /* a detached mount (open_tree or fsmount), owned by the plan */
	const char *target; /* absolute path in the container */
	bool is_file;       /* what to create when the target is not there */
};

struct rast_sysctl {
	const char *key, *value; /* "net.ipv4.ip_forward" */
};

struct rast_mount_plan {
	int root_fd; /* detached mount of the root file system, owned */
	bool root_read_only;
	bool proc, sys, dev, cgroup; /* the usual private ones */
	bool own_net; /* sysfs may be mounted anew: the container has a network namespace */
	bool own_ipc; /* mqueue */
	uint64_t shm_bytes;
	struct rast_mount *mounts; /* in the order they are made */
	size_t n_mounts;
	const char *const *masked;    /* NULL-terminated; absolute; absent ones are skipped */
	const char *const *read_only; /* NULL-terminated; absolute; absent ones are skipped */
	const struct rast_sysctl *sysctls;
	size_t n_sysctls;
	const struct rast_mount_list *list; /* instead of proc to mounts above; mount_list.h */
};

extern const char *const rast_mount_masked[];
extern const char *const rast_mount_read_only[];

/* ---- parent (rootfs.c) ---- */

/* A detached copy of a directory or file of the node; attrs: MOUNT_ATTR_*. */
int rast_mount_bind(const char *path, bool want_file, uint64_t attrs, int *ret_fd,
		    struct rast_err *err);
/* `lower` stays as it is, changes go to `upper` (directories that exist). */
int rast_mount_overlay(const char *lower, const char *upper, const char *work, uint64_t attrs,
		       int *ret_fd, struct rast_err *err);
int rast_mount_tmpfs(const char *mode, uint64_t size_bytes, uint64_t attrs, int *ret_fd,
		     struct rast_err *err);
void rast_mount_plan_finish(struct rast_mount_plan *p);

/* ---- child (mount.c): no allocation, no output ---- */

/* What failed, for the parent to say in words (launch.c). */
struct rast_launch_report {
	int step; /* enum rast_launch_step */
	int err;  /* errno */
	char what[240];
};

enum rast_launch_step {
	RAST_STEP_NONE,
	RAST_STEP_CGROUP,
	RAST_STEP_NAMESPACE,
	RAST_STEP_HOSTNAME,
	RAST_STEP_SESSION,
	RAST_STEP_LOOPBACK,
	RAST_STEP_ROOT,
	RAST_STEP_MOUNT,
	RAST_STEP_TARGET,
	RAST_STEP_TARGET_KIND,
	RAST_STEP_DEVICE,
	RAST_STEP_MASK,
	RAST_STEP_READ_ONLY,
	RAST_STEP_SYSCTL,
	RAST_STEP_PIVOT,
	RAST_STEP_TTY,
	RAST_STEP_STDIO,
	RAST_STEP_RLIMIT,
	RAST_STEP_OOM_SCORE,
	RAST_STEP_CAPS,
	RAST_STEP_USER,
	RAST_STEP_CWD,
	RAST_STEP_COMMAND,
	RAST_STEP_HIDE,
	RAST_STEP_SECCOMP,
	RAST_STEP_EXEC,
	RAST_STEP_SYNC,
	RAST_STEP_USER_NAMESPACE,
	RAST_STEP_ATTRIBUTE,
	RAST_STEP_HOOK,
	RAST_STEP_PROPAGATION,
	RAST_STEP_SOURCE,
	RAST_STEP_MOUNT_OPTION,
	RAST_STEP_COPY_UP,
	RAST_STEP_LANDLOCK,
	RAST_STEP_MAX
};

/* Fills the report and returns -errno (or -err). */
int rast_step_fail(struct rast_launch_report *rep, int step, int err, const char *what);

/* Called when all is mounted and the root is not entered yet. A negative value ends it. */
struct rast_mount_hooks {
	int (*mounted)(void *arg); /* may be NULL; fills the report itself */
	void *arg;
};

/*
 * In the child's new mount namespace: builds the tree and makes it the root. *ret_ptmx (may be NULL):
 * an fd of the new devpts' ptmx. *ret_no_pivot: the root could only be left by chroot (the node runs
 * from its initial ramdisk), CAP_SYS_CHROOT must be dropped.
 */
int rast_mount_apply(const struct rast_mount_plan *p, const struct rast_mount_hooks *hooks,
		     int *ret_ptmx, bool *ret_no_pivot, struct rast_launch_report *rep);

#endif
