// SPDX-License-Identifier: BSD-2-Clause
/* See mount_child.h. Between clone3 and exec: system calls only. */
#include "container/mount_child.h"

#include "base/fd.h"
#include "container/mount_named.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
int umount2(const char *target, int flags);

int rast_step_fail(struct rast_launch_report *rep, int step, int err, const char *what)
{
	size_t n = 0;

	rep->step = step;
	rep->err = err;
	for (; what && what[n] && n + 1 < sizeof(rep->what); n++)
		rep->what[n] = what[n];
	rep->what[n] = '\0';
	return -err;
}

/* Before exec everything is closed by one call: only who opens very many need care. */
void mount_close_later(int fd)
{
	if (fd >= 128)
		(void)close(fd);
}

/* A new instance of a file system, detached. */
int mount_make_fs(const char *type, const struct mount_option *opts, unsigned long attrs)
{
	int fs = sys_fsopen(type, FSOPEN_CLOEXEC), fd, saved;

	if (fs < 0)
		return -errno;
	for (; opts && opts->key; opts++)
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, opts->key, opts->value, 0) < 0)
			goto fail;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto fail;
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	if (fd < 0)
		goto fail;
	mount_close_later(fs);
	return fd;
fail:
	saved = errno;
	(void)close(fs);
	return -saved;
}

/*
 * Attaches `fd` at one name below `dirfd`. The last component of a move_mount target is not followed, so
 * a link in the image is never mounted through: it fails as "not a directory".
 */
int mount_attach_name(int fd, int dirfd, const char *name)
{
	if (sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (mkdirat(dirfd, name, 0755) < 0)
		return -errno;
	return sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : -errno;
}

/* mknod is refused in a user namespace: the node's own device is bound there, after a look at it. */
int mount_bind_node(int dev, const char *name, unsigned int major, unsigned int minor)
{
	char path[32] = "/dev/";
	struct stat st;
	int fd, tree, r = 0;

	(void)strcat(path, name);
	tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return -errno;
	if (fstat(tree, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(major, minor)) {
		(void)close(tree);
		return -ENODEV;
	}
	fd = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (fd < 0 || sys_move_mount(tree, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	if (fd >= 0)
		(void)close(fd);
	(void)close(tree);
	return r;
}

int mount_open_in(int root, const char *path, uint64_t flags)
{
	while (*path == '/')
		path++;
	return rast_openat2(root, *path ? path : ".", flags,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Opens the target, and makes what is missing of it inside the root. */
int mount_open_target(int root, const char *path, bool is_file)
{
	char part[4096];
	size_t len = strlen(path), i;
	int fd = mount_open_in(root, path, O_PATH | (is_file ? 0 : O_DIRECTORY));

	if (fd != -ENOENT || len >= sizeof(part))
		return fd;
	memcpy(part, path, len + 1);
	for (i = 1; i <= len; i++) {
		bool last = i == len;
		char *name;
		int dir, r = 0;

		if (part[i] != '/' && !last)
			continue;
		part[i] = '\0';
		fd = mount_open_in(root, part, O_PATH);
		if (fd == -ENOENT) {
			name = strrchr(part, '/');
			*name = '\0';
			dir = mount_open_in(root, part, O_PATH | O_DIRECTORY);
			if (dir < 0)
				return dir;
			if (last && is_file) {
				int f = openat(dir, name + 1,
					       O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

				r = f < 0 ? -errno : 0;
				if (f >= 0)
					(void)close(f);
			} else if (mkdirat(dir, name + 1, 0755) < 0) {
				/* A dangling link is there: nothing is made through it. */
				r = -errno;
			}
			(void)close(dir);
			*name = '/';
			if (r < 0 && r != -EEXIST)
				return r;
			fd = mount_open_in(root, part, O_PATH);
		}
		if (fd < 0 || last)
			return fd;
		(void)close(fd);
		part[i] = '/';
	}
	return -ENOENT;
}

/* Where a path of a list starts: on the mount we made ourselves, where no image has a say. */
static int base_of(const struct mount_bases *b, const char **path)
{
	if (b->proc >= 0 && !strncmp(*path, "/proc/", 6)) {
		*path += 6;
		return b->proc;
	}
	if (b->sys >= 0 && !strncmp(*path, "/sys/", 5)) {
		*path += 5;
		return b->sys;
	}
	return -1;
}

static int open_listed(const struct mount_bases *b, const char *path)
{
	int base = base_of(b, &path);

	return base < 0 ? mount_open_in(b->root, path, O_PATH)
			: rast_openat2(base, path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/*
 * A path as directory and name. One name in a file system that we made a moment ago is left to the call
 * that uses it: the last component of what is mounted on is never followed. All else is looked up here.
 */
static int locate(const struct mount_bases *b, const char *path, int *ret_dir,
		  const char **ret_name)
{
	const char *name = path;
	int base = base_of(b, &name), fd;

	if (base >= 0 && *name && *name != '.' && !strchr(name, '/')) {
		*ret_dir = base;
		*ret_name = name;
		return 0;
	}
	fd = open_listed(b, path);
	if (fd < 0)
		return fd;
	*ret_dir = fd;
	*ret_name = "";
	return 0;
}

/*
 * Of the /dev that we mounted, or the root's own; what only has its name hides nothing (CVE-2025-31133):
 * then -1.
 */
static int open_null(const struct mount_bases *b)
{
	int fd = rast_openat2(b->dev < 0 ? b->root : b->dev, b->dev < 0 ? "dev/null" : "null",
			      O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return fd;
	rast_closep(&fd);
	return -1;
}

/*
 * A file is hidden by our /dev/null (the node that was made a moment ago on a tmpfs nobody else has seen),
 * a directory by one empty read-only tmpfs that all of them share.
 */
int mount_mask(const struct mount_bases *b, const char *const *list, struct rast_launch_report *rep)
{
	static const struct mount_option opts[] = {{"mode", "0"}, {"size", "4096"}, {0}};
	int empty = -1, null = -1;
	char empty_name[64] = "";
	struct stat st;

	if (*list && b->by_fd)
		null = open_null(b);
	for (; *list; list++) {
		const char *name;
		int dir, tree, r;

		r = mount_named_mask(b, *list, null, empty_name);
		if (r == 0)
			continue;
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_MASK, -r, *list);
		r = locate(b, *list, &dir, &name);
		if (r == 0 && fstatat(dir, name, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		if (r == 0 && S_ISLNK(st.st_mode))
			r = -ELOOP;
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_MASK, -r, *list);
		if (S_ISDIR(st.st_mode)) {
			if (empty < 0) {
				tree = empty = mount_make_fs("tmpfs", opts,
							     NO_SUID_DEV_EXEC | MOUNT_ATTR_RDONLY);
				if (empty < 0)
					return rast_step_fail(rep, RAST_STEP_MASK, -empty, *list);
			} else {
				tree = sys_open_tree(empty, "",
						     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
							     AT_EMPTY_PATH);
			}
		} else {
			if (null < 0)
				null = open_null(b);
			if (null < 0)
				return rast_step_fail(rep, RAST_STEP_MASK, ENODEV, *list);
			tree = sys_open_tree(null, "",
					     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		}
		if (tree < 0 || sys_move_mount(tree, "", dir, name,
					       MOVE_MOUNT_F_EMPTY_PATH |
						       (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
			return rast_step_fail(rep, RAST_STEP_MASK, errno, *list);
		if (tree != empty)
			mount_close_later(tree);
		if (!*name)
			mount_close_later(dir);
	}
	return 0;
}

int mount_make_read_only(const struct mount_bases *b, const char *const *list,
			 struct rast_launch_report *rep)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY | NO_SUID_DEV_EXEC};

	for (; *list; list++) {
		const char *name = "";
		int fd, tree, kind = mount_named_find(b, *list, &fd, &name);

		if (kind == 1)
			fd = open_listed(b, *list);
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd < 0)
			return rast_step_fail(rep, RAST_STEP_READ_ONLY, -fd, *list);
		tree = sys_open_tree_attr(fd, name,
					  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
						  (*name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH),
					  &ro);
		if (tree < 0 && errno == ENOENT && *name)
			continue;
		if (tree < 0 || sys_move_mount(tree, "", fd, name,
					       MOVE_MOUNT_F_EMPTY_PATH |
						       (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
			return rast_step_fail(rep, RAST_STEP_READ_ONLY, errno, *list);
		mount_close_later(tree);
		if (!*name)
			mount_close_later(fd);
	}
	return 0;
}

int mount_write_sysctls(const struct rast_sysctl *list, size_t n, int proc,
			struct rast_launch_report *rep)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		const char *value = list[i].value;
		char path[256] = "sys/";
		size_t len = 4;
		int fd;

		for (j = 0; list[i].key[j] && len + 1 < sizeof(path); j++)
			path[len++] = list[i].key[j] == '.' ? '/' : list[i].key[j];
		path[len] = '\0';
		/* In the procfs we mounted ourselves: nothing that lies over it can redirect this. */
		fd = rast_openat2(proc, path, O_WRONLY,
				  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (fd < 0)
			return rast_step_fail(rep, RAST_STEP_SYSCTL, -fd, list[i].key);
		if (write(fd, value, strlen(value)) < 0)
			return rast_step_fail(rep, RAST_STEP_SYSCTL, errno, list[i].key);
		(void)close(fd);
	}
	return 0;
}

/*
 * The new root lies over "/"; being on it, it changes places with the old one, which is then let go
 * with everything below. A node that runs from its initial ramdisk cannot pivot (its root has no
 * parent): there the old mounts are taken away first and the root is changed.
 */
int mount_enter_root(int root, bool pivot, bool *ret_no_pivot, struct rast_launch_report *rep)
{
	static const char *const old[] = {"/proc", "/sys", "/dev", "/run", "/tmp", "/var"};
	struct statfs fs;
	size_t i;

	*ret_no_pivot = false;
	if (fchdir(root) < 0)
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "fchdir");
	if (pivot && sys_pivot_root(".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return rast_step_fail(rep, RAST_STEP_PIVOT, errno,
					      "umount of the old root");
		if (chdir("/") < 0)
			return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "chdir");
		return 0;
	}
	/* The old root is where "/" still leads. */
	if (pivot && (errno != EINVAL || statfs("/", &fs) < 0 ||
		      (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC)))
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "pivot_root");
	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		while (umount2(old[i], MNT_DETACH) == 0)
			;
	if (chroot(".") < 0 || chdir("/") < 0)
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "chroot");
	*ret_no_pivot = true;
	return 0;
}
