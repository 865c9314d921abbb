/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing below a root folder that holds links made by others: every path is resolved by the kernel
 * with RESOLVE_BENEATH, so that no link, however made, leads outside. Paths are clean ones
 * (rast_image_path_clean()).
 */
#ifndef RAST_IMAGE_ROOTFS_H
#define RAST_IMAGE_ROOTFS_H

#include "base/err.h"
#include "image/image_spec.h"

#include <stdint.h>
#include <sys/types.h>

#define RAST_ROOTFS_MAX_BYTES (8ull << 30)
#define RAST_ROOTFS_MAX_ENTRIES 1000000u

struct rast_rootfs {
	int fd; /* of the root; O_PATH will do */
	uint64_t bytes;
	uint32_t entries;
	int parent_fd; /* the folder used last: members of a package come folder by folder */
	char parent[RAST_IMAGE_PATH_MAX];
};

int rast_rootfs_init(struct rast_rootfs *fs, const char *path, struct rast_err *err);
void rast_rootfs_finish(struct rast_rootfs *fs);

/* Merged-usr links, /dev /proc /sys /run /tmp, passwd and group of the spec's users, nsswitch and empty
 * hosts and resolv.conf to mount over. */
int rast_rootfs_skeleton(struct rast_rootfs *fs, const struct rast_image_spec *spec,
			 struct rast_err *err);
/* remove, directories, links, files: in this order. */
int rast_rootfs_apply(struct rast_rootfs *fs, const struct rast_image_spec *spec,
		      struct rast_err *err);

/* Folder `mode` and owner are set also when it was there. A link to a folder is left as it is. */
int rast_rootfs_dir(struct rast_rootfs *fs, const char *path, mode_t mode, uid_t uid, gid_t gid,
		    struct rast_err *err);
int rast_rootfs_link(struct rast_rootfs *fs, const char *path, const char *target,
		     struct rast_err *err);
int rast_rootfs_hardlink(struct rast_rootfs *fs, const char *path, const char *target,
			 struct rast_err *err);
/* Replaces what is there, unless it is a folder. Set-id bits are dropped: containers run with
 * no-new-privs, and the file also lies on the host. The caller writes and closes *ret_fd. */
int rast_rootfs_create(struct rast_rootfs *fs, const char *path, mode_t mode, uid_t uid, gid_t gid,
		       int *ret_fd, struct rast_err *err);
/* Counts towards RAST_ROOTFS_MAX_BYTES. */
int rast_rootfs_account(struct rast_rootfs *fs, uint64_t bytes, struct rast_err *err);

#endif
