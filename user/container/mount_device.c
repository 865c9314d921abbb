// SPDX-License-Identifier: BSD-2-Clause
/*
 * See mount_device.h. A device is made in a directory that was opened through no link: an image whose
 * /dev is a symlink gets no node of ours anywhere else (CVE-2026-41579).
 */
#include "container/mount_device.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct rast_mount_device usual[] = {
	{"/dev/null", S_IFCHR | 0666, 0x103, 0, 0},    {"/dev/zero", S_IFCHR | 0666, 0x105, 0, 0},
	{"/dev/full", S_IFCHR | 0666, 0x107, 0, 0},    {"/dev/random", S_IFCHR | 0666, 0x108, 0, 0},
	{"/dev/urandom", S_IFCHR | 0666, 0x109, 0, 0}, {"/dev/tty", S_IFCHR | 0666, 0x500, 0, 0}};

static const char *const links[][2] = {{"/proc/self/fd", "fd"},
				       {"/proc/self/fd/0", "stdin"},
				       {"/proc/self/fd/1", "stdout"},
				       {"/proc/self/fd/2", "stderr"},
				       {"pts/ptmx", "ptmx"}};

/* The directory that `path` is in, below the root and through no link; made when it is not there. */
static int open_parent(int root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];
	size_t n = (size_t)(slash - path);
	int fd;

	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	*ret_name = slash + 1;
	if (!n) {
		fd = rast_openat2(root, ".", O_PATH | O_DIRECTORY, RESOLVE_BENEATH);
		return fd;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = rast_openat2(root, dir + 1, O_PATH | O_DIRECTORY,
			  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fd != -ENOENT)
		return fd;
	fd = mount_open_target(root, dir, false);
	if (fd < 0)
		return fd;
	(void)close(fd);
	return rast_openat2(root, dir + 1, O_PATH | O_DIRECTORY,
			    RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* mknod is refused in a user namespace: the node's own device lies there instead, after a look at it. */
static int bind_device(const struct rast_mount_device *d, int dir, const char *name)
{
	struct stat st;
	int fd, tree = sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), r = 0;

	if (tree < 0)
		return -errno;
	if (fstat(tree, &st) < 0 || (st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
	    st.st_rdev != d->rdev) {
		(void)close(tree);
		return -ENODEV;
	}
	fd = openat(dir, name, O_CREAT | O_NOFOLLOW | O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0666);
	if (fd < 0 || sys_move_mount(tree, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	if (fd >= 0)
		(void)close(fd);
	mount_close_later(tree);
	return r;
}

/* What is there already must be what was asked for: an image may bring its own /dev. */
static int check_existing(const struct rast_mount_device *d, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return (st.st_mode & S_IFMT) == (d->mode & S_IFMT) &&
			       (S_ISFIFO(st.st_mode) || st.st_rdev == d->rdev)
		       ? 1
		       : -EEXIST;
}

static int make_device(const struct rast_mount_list *list, const struct rast_mount_device *d,
		       int dir, const char *name, bool keep)
{
	int r = 0;

	if (list->binds_nodes && !S_ISFIFO(d->mode))
		return bind_device(d, dir, name);
	if (mknodat(dir, name, d->mode, d->rdev) < 0) {
		r = -errno;
		if (r == -EEXIST)
			r = check_existing(d, dir, name);
		else if (r == -EPERM)
			return bind_device(d, dir, name);
		if (r < 0 || keep)
			return r < 0 ? r : 0;
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* The umask is 0 here, so mode holds; a node that was there keeps what it had. */
	return 0;
}

static bool in_list(const struct rast_mount_list *list, const char *path)
{
	size_t i;

	for (i = 0; i < list->n_devices; i++)
		if (!strcmp(list->devices[i].path, path))
			return true;
	return false;
}

static int usual_devices(const struct rast_mount_list *list, const struct mount_bases *b,
			 struct rast_launch_report *rep)
{
	const char *name;
	int dir = b->own_dev ? b->dev : open_parent(b->root, "/dev/null", &name), r = 0;
	size_t i;

	if (dir < 0)
		return rast_step_fail(rep, RAST_STEP_DEVICE, -dir, "/dev");
	for (i = 0; i < ARRAY_SIZE(usual) && r == 0; i++) {
		if (in_list(list, usual[i].path))
			continue;
		r = make_device(list, &usual[i], dir, usual[i].path + 5, true);
		if (r < 0)
			r = rast_step_fail(rep, RAST_STEP_DEVICE, -r, usual[i].path);
	}
	for (i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
		if (symlinkat(links[i][0], dir, links[i][1]) < 0 && errno != EEXIST)
			r = rast_step_fail(rep, RAST_STEP_DEVICE, errno, links[i][1]);
	if (dir != b->dev)
		mount_close_later(dir);
	return r;
}

int mount_devices(const struct rast_mount_list *list, const struct mount_bases *b,
		  struct rast_launch_report *rep)
{
	size_t i;
	int r = 0;

	for (i = 0; i < list->n_devices && r == 0; i++) {
		const struct rast_mount_device *d = &list->devices[i];
		const char *name;
		int dir = open_parent(b->root, d->path, &name);

		r = dir < 0 ? dir : make_device(list, d, dir, name, false);
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, -r, d->path);
		mount_close_later(dir);
	}
	return list->default_devices ? usual_devices(list, b, rep) : 0;
}

int mount_open_ptmx(const struct mount_bases *b, int *ret_ptmx, struct rast_launch_report *rep)
{
	struct statfs fs;
	struct stat st;
	int fd = rast_openat2(b->root, "dev/pts/ptmx", O_RDWR | O_NOCTTY,
			      RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_TTY, -fd, "/dev/pts/ptmx");
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC) {
		(void)close(fd);
		return rast_step_fail(rep, RAST_STEP_TTY, ENODEV, "/dev/pts/ptmx");
	}
	*ret_ptmx = fd;
	return 0;
}

static int open_console(int root, int ptmx, int *ret_tree)
{
	int unlock = 0, tty, dir, fd;
	const char *name;
	struct statfs fs;
	struct stat st;

	if (ioctl(ptmx, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	tty = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 || fstatfs(tty, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	*ret_tree = sys_open_tree(tty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (*ret_tree < 0)
		return -errno;
	dir = open_parent(root, "/dev/console", &name);
	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	fd = rast_openat2(dir, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ? fd : -EEXIST;
}

int mount_console(const struct mount_bases *b, int ptmx, struct rast_launch_report *rep)
{
	int tree = -1, at = open_console(b->root, ptmx, &tree);

	/* What it opened goes with the rest, before exec. */
	if (at < 0)
		return rast_step_fail(rep, RAST_STEP_TTY, -at, "/dev/console");
	if (sys_move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return rast_step_fail(rep, RAST_STEP_TTY, errno, "/dev/console");
	return 0;
}

int mount_copy_link(int link, int root, const char *target, struct rast_launch_report *rep)
{
	char text[4096];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
	const char *name;
	int dir, r = 0;

	if (n < 0)
		return rast_step_fail(rep, RAST_STEP_SOURCE, errno, target);
	text[n] = '\0';
	dir = open_parent(root, target, &name);
	if (dir < 0)
		return rast_step_fail(rep, RAST_STEP_TARGET, -dir, target);
	if (symlinkat(text, dir, name) < 0) {
		char old[4096];
		ssize_t m = errno == EEXIST ? readlinkat(dir, name, old, sizeof(old)) : -1;

		/* The same link is there already: a second start. */
		if (m != n || memcmp(old, text, (size_t)n) != 0)
			r = rast_step_fail(rep, RAST_STEP_TARGET, EEXIST, target);
	}
	(void)close(dir);
	return r;
}

/* ---- tmpcopyup ---- */

#define MAX_DEPTH 64

static int copy_dir(int from, int to, unsigned int depth);

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out, r = 0;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = openat(to, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, st->st_mode & 07777);
	if (out < 0)
		r = -errno;
	while (r == 0 && (n = sendfile(out, in, NULL, 1 << 20)) != 0)
		if (n < 0)
			r = -errno;
	/* After the content: a change of owner takes the set-user-id bit away, so mode comes last. */
	if (r == 0 &&
	    (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0))
		r = -errno;
	if (out >= 0)
		(void)close(out);
	(void)close(in);
	return r;
}

static int copy_entry(int from, int to, const char *name, unsigned int depth)
{
	struct stat st;
	char text[4096];
	ssize_t n;
	int a, b, r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(from, name, text, sizeof(text) - 1);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (symlinkat(text, to, name) < 0)
			return -errno;
		return fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
											 : 0;
	}
	/* Sockets, pipes and devices are left behind: they belong to whoever made them. */
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth >= MAX_DEPTH)
		return -ELOOP;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	a = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	b = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = a < 0 || b < 0 ? -errno : copy_dir(a, b, depth + 1);
	if (r == 0 && (fchown(b, st.st_uid, st.st_gid) < 0 || fchmod(b, st.st_mode & 07777) < 0))
		r = -errno;
	if (a >= 0)
		(void)close(a);
	if (b >= 0)
		(void)close(b);
	return r;
}

/* getdents64 into our own stack: readdir would allocate. */
static int copy_dir(int from, int to, unsigned int depth)
{
	char buf[2048] __attribute__((aligned(8)));
	long n, at;
	int r;

	while ((n = syscall(SYS_getdents64, from, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(buf + at);

			at += d->d_reclen;
			if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
				continue;
			r = copy_entry(from, to, d->d_name, depth);
			if (r < 0)
				return r;
		}
	}
	return n < 0 ? -errno : 0;
}

int mount_copy_up(int from, int to, const char *target, struct rast_launch_report *rep)
{
	int a = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int b = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	r = a < 0 || b < 0 || fstat(a, &st) < 0 ? -errno : copy_dir(a, b, 0);
	if (r == 0 && (fchown(b, st.st_uid, st.st_gid) < 0 || fchmod(b, st.st_mode & 07777) < 0))
		r = -errno;
	if (a >= 0)
		(void)close(a);
	if (b >= 0)
		(void)close(b);
	return r < 0 ? rast_step_fail(rep, RAST_STEP_COPY_UP, -r, target) : 0;
}
