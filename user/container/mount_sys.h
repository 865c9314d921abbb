/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount calls of 5.2 to 5.12 by number: glibc 2.36 has wrappers, but <sys/mount.h> and
 * <linux/mount.h> cannot be included together there, and the child wants plain system calls.
 */
#ifndef RAST_CONTAINER_MOUNT_SYS_H
#define RAST_CONTAINER_MOUNT_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_fsopen(const char *fs, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, fs, flags);
}

static inline int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value,
			       int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fd, unsigned int flags, unsigned long attrs)
{
	return (int)syscall(SYS_fsmount, fd, flags, attrs);
}

static inline int sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
				    const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

/*
 * open_tree and mount_setattr in one (6.15), or one after the other. With AT_RECURSIVE both are.
 * The caller closes what it got.
 */
static inline int sys_open_tree_attr(int dirfd, const char *path, unsigned int flags,
				     const struct mount_attr *attr)
{
	int fd = (int)syscall(467, dirfd, path, flags, attr, sizeof(*attr));

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	fd = sys_open_tree(dirfd, path, flags);
	if (fd >= 0 &&
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH | (flags & AT_RECURSIVE), attr) < 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

#endif
