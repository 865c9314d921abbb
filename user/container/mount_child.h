/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both ways of building a container's file system are made of: a pod's fixed tree (mount.c) and an
 * ordered list (mount_list.c). For the child between clone3 and exec. Inside of launch.
 */
#ifndef RAST_CONTAINER_MOUNT_CHILD_H
#define RAST_CONTAINER_MOUNT_CHILD_H

#include "container/mount.h"

#include <stdbool.h>

#define NO_SUID_DEV_EXEC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* For fsconfig; a NULL key ends the list. */
struct mount_option {
	const char *key, *value;
};

/* Mounts that we made ourselves and where no image has a say, or -1. */
struct mount_bases {
	int root, proc, sys, dev;
	bool own_dev; /* dev is a new tmpfs, not a bind of what others write to */
	bool by_fd;   /* the working directory is the node's /proc/self/fd; see mount_named.h */
};

/* Before exec everything is closed by one call: only who opens very many need care. */
void mount_close_later(int fd);
/* A new instance of a file system, detached; an fd or -errno. */
int mount_make_fs(const char *type, const struct mount_option *opts, unsigned long attrs);
int mount_attach_name(int fd, int dirfd, const char *name);
int mount_bind_node(int dev, const char *name, unsigned int major, unsigned int minor);
/* openat2 with the container's root as "/", through no magic link. */
int mount_open_in(int root, const char *path, uint64_t flags);
/* An O_PATH fd of the target; what is missing of it is made inside the root. */
int mount_open_target(int root, const char *path, bool is_file);
int mount_mask(const struct mount_bases *b, const char *const *list,
	       struct rast_launch_report *rep);
int mount_make_read_only(const struct mount_bases *b, const char *const *list,
			 struct rast_launch_report *rep);
int mount_write_sysctls(const struct rast_sysctl *list, size_t n, int proc,
			struct rast_launch_report *rep);
/*
 * One of a list, which is no remount: opened when it is not yet, mounted at its place. *ret_tree is set as
 * soon as it is mounted, whatever comes after (mount_list.c).
 */
struct rast_mount_list;
struct rast_mount_item;
int mount_item_place(const struct rast_mount_list *list, const struct mount_bases *b,
		     struct rast_mount_item *m, int *ret_tree, struct rast_launch_report *rep);
/* `pivot` false: as where it is not possible. */
int mount_enter_root(int root, bool pivot, bool *ret_no_pivot, struct rast_launch_report *rep);

#endif
