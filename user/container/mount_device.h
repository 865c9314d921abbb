/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, links and copies inside a container's root, for mount_list.c. Inside of launch. */
#ifndef RAST_CONTAINER_MOUNT_DEVICE_H
#define RAST_CONTAINER_MOUNT_DEVICE_H

#include "container/mount_child.h"
#include "container/mount_list.h"

/* The list's devices, and the usual ones of /dev with its links. */
int mount_devices(const struct rast_mount_list *list, const struct mount_bases *b,
		  struct rast_launch_report *rep);
/* The ptmx of the container's own devpts: no other file of that name will do. */
int mount_open_ptmx(const struct mount_bases *b, int *ret_ptmx, struct rast_launch_report *rep);
/*
 * The terminal of that ptmx on /dev/console: by its fd and on a name that was looked at, so that no link can
 * send it elsewhere (CVE-2025-52565).
 */
int mount_console(const struct mount_bases *b, int ptmx, struct rast_launch_report *rep);
/* The symlink `link` (O_PATH) anew at `target`. */
int mount_copy_link(int link, int root, const char *target, struct rast_launch_report *rep);
/* What is in the directory `from` (O_PATH) copied into the detached mount `to`. */
int mount_copy_up(int from, int to, const char *target, struct rast_launch_report *rep);

#endif
