// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parent's half of mount.h: detached mounts made by fsopen, fsmount and open_tree. They belong to no
 * namespace until the child attaches them, and vanish with their fd if it never does.
 */
#include "container/mount.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int rast_mount_bind(const char *path, bool want_file, uint64_t attrs, int *ret_fd,
		    struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	struct mount_attr attr = {.attr_set = attrs, .propagation = MS_PRIVATE};
	struct stat st;

	fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return rast_err_sys(err, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return rast_err_sys(err, errno, "%s", path);
	if (want_file == S_ISDIR(st.st_mode))
		return rast_err_sys(err, want_file ? EISDIR : ENOTDIR, "%s", path);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return rast_err_sys(err, errno, "%s: mount attributes", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The kernel's own words about a refused option are in the fs context; the first line is enough. */
static int fs_error(int fs, int code, const char *what, struct rast_err *err)
{
	char msg[256];
	ssize_t n = read(fs, msg, sizeof(msg) - 1);

	if (n <= 2)
		return rast_err_sys(err, code, "%s", what);
	msg[n] = '\0';
	msg[strcspn(msg, "\n")] = '\0';
	return rast_err_sys(err, code, "%s (%.160s)", what, msg + 2);
}

static int fs_string(int fs, const char *key, const char *value, struct rast_err *err)
{
	char what[160];

	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "mount option %s=%.100s", key, value);
	return fs_error(fs, errno, what, err);
}

static int fs_mount(int fs, uint64_t attrs, const char *what, int *ret_fd, struct rast_err *err)
{
	int fd;

	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs, errno, what, err);
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	if (fd < 0)
		return rast_err_sys(err, errno, "%s", what);
	*ret_fd = fd;
	return 0;
}

/* ':' separates lower layers and '\' escapes. */
static int lower_escaped(const char *lower, char *buf, size_t size)
{
	size_t n = 0;

	for (; *lower; lower++) {
		if (n + 3 > size)
			return -ENAMETOOLONG;
		if (*lower == ':' || *lower == '\\')
			buf[n++] = '\\';
		buf[n++] = *lower;
	}
	buf[n] = '\0';
	return 0;
}

int rast_mount_overlay(const char *lower, const char *upper, const char *work, uint64_t attrs,
		       int *ret_fd, struct rast_err *err)
{
	_cleanup_close_ int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	char escaped[1024], what[640];
	struct stat st;
	int r;

	(void)snprintf(what, sizeof(what), "overlay over %s", lower);
	if (stat(lower, &st) < 0)
		return rast_err_sys(err, errno, "%s", lower);
	if (!S_ISDIR(st.st_mode))
		return rast_err_sys(err, ENOTDIR, "%s", lower);
	if (fs < 0)
		return rast_err_sys(err, errno, "%s", what);
	r = lower_escaped(lower, escaped, sizeof(escaped));
	if (r < 0)
		return rast_err_sys(err, -r, "%s", lower);
	if ((r = fs_string(fs, "source", "overlay", err)) < 0 ||
	    (r = fs_string(fs, "lowerdir", escaped, err)) < 0 ||
	    (r = fs_string(fs, "upperdir", upper, err)) < 0 ||
	    (r = fs_string(fs, "workdir", work, err)) < 0)
		return r;
	return fs_mount(fs, attrs, what, ret_fd, err);
}

int rast_mount_tmpfs(const char *mode, uint64_t size_bytes, uint64_t attrs, int *ret_fd,
		     struct rast_err *err)
{
	_cleanup_close_ int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	char size[32];
	int r;

	if (fs < 0)
		return rast_err_sys(err, errno, "tmpfs");
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)size_bytes);
	if ((r = fs_string(fs, "mode", mode, err)) < 0 ||
	    (size_bytes && (r = fs_string(fs, "size", size, err)) < 0))
		return r;
	return fs_mount(fs, attrs, "tmpfs", ret_fd, err);
}

void rast_mount_plan_finish(struct rast_mount_plan *p)
{
	size_t i;

	rast_closep(&p->root_fd);
	p->root_fd = -1;
	for (i = 0; i < p->n_mounts; i++) {
		rast_closep(&p->mounts[i].tree_fd);
		p->mounts[i].tree_fd = -1;
	}
}
