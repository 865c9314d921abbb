/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts by mount(2), which takes one call where fsopen and its like take five to eight. Its names are
 * safe here because each begins with an fd: "FD/NAME" below the node's /proc/self/fd, with FD a file
 * system that we made a moment ago and NAME in it one that is no link. What does not fit that (return
 * value 1) is for mount_list.c and mount_child.c. Inside of launch.
 */
#ifndef RAST_CONTAINER_MOUNT_NAMED_H
#define RAST_CONTAINER_MOUNT_NAMED_H

#include "container/mount_child.h"
#include "container/mount_list.h"

/* Makes the node's /proc/self/fd the working directory. Else b->by_fd stays false: nothing is done here. */
void mount_named_begin(struct mount_bases *b);
/* A new file system at "/dev/NAME" of our own /dev. */
int mount_named_new(const struct mount_bases *b, const struct rast_mount_item *m);
/*
 * One of the usual names of /proc and /sys. `null` is our device; *empty is the last name that was
 * masked as a directory (64 bytes, "" at first).
 */
int mount_named_mask(const struct mount_bases *b, const char *path, int null, char *empty);
/* The same name, for calls that take an fd and a name: 1 when it is none of them. */
int mount_named_find(const struct mount_bases *b, const char *path, int *ret_dir,
		     const char **ret_name);

#endif
