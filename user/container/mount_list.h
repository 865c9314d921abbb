/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system of a container as an ordered list of mounts and devices, where mount.h's plan of a pod
 * is a fixed tree. Nothing is looked up by a name that an image could have bent: a bind's source is a
 * detached mount before the container's root is touched, a target is opened inside the root and what
 * was opened is looked at, then mounted on by its fd. Mounting below /proc is refused but for the few
 * files that lxcfs and its like lay over (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561).
 */
#ifndef RAST_CONTAINER_MOUNT_LIST_H
#define RAST_CONTAINER_MOUNT_LIST_H

#include "container/mount.h"

#include <sys/types.h>

#define RAST_MOUNT_MAX_PROPAGATION 4

struct rast_mount_item {
	const char *target; /* absolute in the container, without "." and ".." */
	const char *type;   /* a new file system; NULL: a bind of `source` */
	const char *source; /* of a bind: absolute on the node */
	int tree_fd;        /* of a bind: opened by rast_mount_list_open(); -1: the child does it */
	bool recursive;     /* bind: with all that is mounted below */
	bool remount;       /* only attributes of what is there change */
	bool copy_up;       /* tmpfs: what the root has at this place is copied into it */
	bool source_nofollow, target_nofollow;
	bool copy_symlink;             /* a source that is a symlink is made anew, not bound */
	uint64_t set, clear;           /* MOUNT_ATTR_* of this mount */
	uint64_t tree_set, tree_clear; /* of it and all below */
	uint32_t propagation[RAST_MOUNT_MAX_PROPAGATION]; /* MS_SHARED … | MS_REC, in order */
	size_t n_propagation;
	const char *const *data; /* "mode=755", "newinstance": the file system's own */
	size_t n_data;
	int userns_fd; /* whose id maps the mount has (idmapped), borrowed; -1 */
	bool userns_recursive;
};

struct rast_mount_device {
	const char *path;
	mode_t mode; /* S_IFCHR, S_IFBLK or S_IFIFO | permissions */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

struct rast_mount_list {
	const char *root_path;     /* opened by the child when the plan's root_fd is -1 */
	uint32_t root_propagation; /* MS_*; 0: the node's mounts reach in (slave) */
	bool pivot;                /* false: the root is only changed (--no-pivot) */
	bool new_cgroupns;         /* a "cgroup" is mounted anew; else its own directory is bound */
	const char *cgroup_dir;    /* that directory on the node */
	bool binds_nodes; /* devices cannot be made here (a user namespace): the node's are bound */
	struct rast_mount_item *items;
	size_t n_items;
	const struct rast_mount_device *devices;
	size_t n_devices;
	bool default_devices; /* null, zero, full, random, urandom, tty and the links of /dev */
};

/*
 * In a privileged parent: the detached mount of a bind, with its attributes, id maps and propagation. The
 * child does the same for those that are left at -1.
 */
int rast_mount_item_open(struct rast_mount_item *m, struct rast_launch_report *rep);
void rast_mount_list_finish(struct rast_mount_list *list);
/*
 * The places alone that mounts need in the root, for who mounts by other means. Those inside of another
 * item are left out: its contents have them.
 */
int rast_mount_list_make_targets(const struct rast_mount_list *list, int root,
				 struct rast_launch_report *rep);
/* The child's half: as rast_mount_apply(), which calls it when its plan has a list. */
int rast_mount_list_apply(const struct rast_mount_plan *p, const struct rast_mount_hooks *hooks,
			  int *ret_ptmx, bool *ret_no_pivot, struct rast_launch_report *rep);

#endif
