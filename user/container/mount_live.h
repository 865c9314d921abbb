/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts of a container that runs. A child of ours enters its mount namespace (and user namespace, where it
 * has one) with few capabilities, looks targets up inside the root as at a start, and moves detached mounts
 * there; who runs inside may swap links and hang look-ups meanwhile, but only to its own harm. Fds are
 * shared with that child, so that what it has mounted can be taken back when it hangs or fails.
 */
#ifndef RAST_CONTAINER_MOUNT_LIVE_H
#define RAST_CONTAINER_MOUNT_LIVE_H

#include "base/err.h"
#include "container/mount_list.h"

#include <stdint.h>

#define RAST_MOUNT_LIVE_MAX 128

struct rast_mount_live {
	int pidfd;           /* a process of the container, borrowed */
	uint64_t namespaces; /* CLONE_NEWNS, and CLONE_NEWUSER when it has one */
};

/*
 * All items or none: binds, opened by rast_mount_item_open(), and new file systems, which are made by root of
 * the container's user namespace. Mount points are made where they are missing, and stay. ret_ids[i] is
 * the kernel's id of each mount. *ret_at is the item that an error is about.
 */
int rast_mount_live_add(const struct rast_mount_live *l, struct rast_mount_item *items, size_t n,
			uint64_t *ret_ids, size_t *ret_at, struct rast_err *err);
/*
 * Takes away the mounts with these ids, with what is mounted on them. One that is not there any more counts
 * as taken away; when one is covered by another mount nothing happens.
 */
int rast_mount_live_remove(const struct rast_mount_live *l, const char *const *targets,
			   const uint64_t *ids, size_t n, size_t *ret_at, struct rast_err *err);

#endif
