// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child's half of mount.h, between clone3 and exec: system calls only. Order: root, /proc, /sys,
 * /dev, what the caller adds, then masks and read-only paths, then the root is entered.
 */
#include "container/mount.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
int umount2(const char *target, int flags);

const char *const rast_mount_masked[] = {"/proc/acpi",
					 "/proc/asound",
					 "/proc/interrupts",
					 "/proc/kcore",
					 "/proc/keys",
					 "/proc/latency_stats",
					 "/proc/sched_debug",
					 "/proc/scsi",
					 "/proc/timer_list",
					 "/proc/timer_stats",
					 "/sys/firmware",
					 "/sys/devices/virtual/powercap",
					 NULL};
const char *const rast_mount_read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

#define NO_SUID_DEV_EXEC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

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
static void close_later(int fd)
{
	if (fd >= 128)
		(void)close(fd);
}

struct option {
	const char *key, *value;
};

/* A new instance of a file system, detached. */
static int make_fs(const char *type, const struct option *opts, unsigned long attrs)
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
	close_later(fs);
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
static int attach_name(int fd, int dirfd, const char *name)
{
	if (sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (mkdirat(dirfd, name, 0755) < 0)
		return -errno;
	return sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : -errno;
}

/* In a directory that we have just made ourselves. */
static int attach_new(int fd, int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0755) < 0)
		return -errno;
	return sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : -errno;
}

static int mount_name(const char *type, const struct option *opts, unsigned long attrs, int dirfd,
		      const char *name, bool is_new, const char *what,
		      struct rast_launch_report *rep)
{
	int fd = make_fs(type, opts, attrs), r;

	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_MOUNT, -fd, what);
	r = is_new ? attach_new(fd, dirfd, name) : attach_name(fd, dirfd, name);
	if (r < 0) {
		(void)close(fd);
		return rast_step_fail(rep, RAST_STEP_MOUNT, -r, what);
	}
	return fd;
}

static const struct {
	const char *name;
	unsigned int major, minor;
} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
	     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const char *const links[][2] = {{"/proc/self/fd", "fd"},
				       {"/proc/self/fd/0", "stdin"},
				       {"/proc/self/fd/1", "stdout"},
				       {"/proc/self/fd/2", "stderr"},
				       {"pts/ptmx", "ptmx"}};

/* mknod is refused in a user namespace: the node's own device is bound there, after a look at it. */
static int bind_node(int dev, const char *name, unsigned int major, unsigned int minor)
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

static int make_dev(const struct rast_mount_plan *p, int root, int *ret_dev, int *ret_ptmx,
		    struct rast_launch_report *rep)
{
	static const struct option dev_opts[] = {{"mode", "0755"}, {"size", "65536"}, {0}};
	static const struct option pts_opts[] = {{"newinstance", NULL}, {0}};
	static const struct option mq_opts[] = {{0}};
	char size[24] = "67108864";
	struct option shm_opts[] = {{"mode", "1777"}, {"size", size}, {0}};
	int dev, fd;
	size_t i;

	(void)pts_opts;
	dev = mount_name("tmpfs", dev_opts, MOUNT_ATTR_NOSUID, root, "dev", false, "/dev", rep);
	if (dev < 0)
		return dev;
	for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		int r = 0;

		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) < 0)
			r = errno == EPERM
				    ? bind_node(dev, nodes[i].name, nodes[i].major, nodes[i].minor)
				    : -errno;
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, -r, nodes[i].name);
	}
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, errno, links[i][1]);
	/* Each devpts mount is an instance of its own since 4.7. */
	fd = mount_name(
		"devpts",
		(const struct option[]){{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {0}},
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, dev, "pts", true, "/dev/pts", rep);
	if (fd < 0)
		return fd;
	if (ret_ptmx) {
		*ret_ptmx = openat(fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (*ret_ptmx < 0)
			return rast_step_fail(rep, RAST_STEP_TTY, errno, "/dev/pts/ptmx");
	}
	if (p->shm_bytes) {
		uint64_t v = p->shm_bytes;
		char *q = size + sizeof(size) - 1;

		for (*q = '\0'; v && q > size; v /= 10)
			*--q = (char)('0' + v % 10);
		shm_opts[1].value = q;
	}
	fd = mount_name("tmpfs", shm_opts, NO_SUID_DEV_EXEC, dev, "shm", true, "/dev/shm", rep);
	if (fd < 0)
		return fd;
	if (p->own_ipc) {
		fd = mount_name("mqueue", mq_opts, NO_SUID_DEV_EXEC, dev, "mqueue", true,
				"/dev/mqueue", rep);
		/* A kernel without POSIX message queues has no such file system. */
		if (fd < 0 && fd != -ENODEV)
			return fd;
	}
	*ret_dev = dev;
	return 0;
}

/* /sys of the node, when no sysfs of one's own may be mounted (host network in a user namespace). */
static int make_sys(const struct rast_mount_plan *p, int root, struct rast_launch_report *rep)
{
	int fd;

	fd = mount_name("sysfs", NULL, NO_SUID_DEV_EXEC | MOUNT_ATTR_RDONLY, root, "sys", false,
			"/sys", rep);
	if (fd < 0)
		return fd;
	if (p->cgroup) {
		int cg = make_fs("cgroup2", NULL, NO_SUID_DEV_EXEC | MOUNT_ATTR_RDONLY);

		if (cg < 0)
			return cg == -ENODEV ? fd
					     : rast_step_fail(rep, RAST_STEP_MOUNT, -cg,
							      "/sys/fs/cgroup");
		if (sys_move_mount(cg, "", fd, "fs/cgroup", MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
		    errno != ENOENT)
			return rast_step_fail(rep, RAST_STEP_MOUNT, errno, "/sys/fs/cgroup");
	}
	return fd;
}

static int open_in(int root, const char *path, uint64_t flags)
{
	while (*path == '/')
		path++;
	return rast_openat2(root, *path ? path : ".", flags,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Opens the target, and makes what is missing of it inside the root. */
static int open_target(int root, const char *path, bool is_file)
{
	char part[4096];
	size_t len = strlen(path), i;
	int fd = open_in(root, path, O_PATH);

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
		fd = open_in(root, part, O_PATH);
		if (fd == -ENOENT) {
			name = strrchr(part, '/');
			*name = '\0';
			dir = open_in(root, part, O_PATH | O_DIRECTORY);
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
			fd = open_in(root, part, O_PATH);
		}
		if (fd < 0 || last)
			return fd;
		(void)close(fd);
		part[i] = '/';
	}
	return -ENOENT;
}

static int attach(int root, const struct rast_mount *m, struct rast_launch_report *rep)
{
	struct statfs fs;
	struct stat st;
	int fd, r = 0;

	fd = open_target(root, m->target, m->is_file);
	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_TARGET, -fd, m->target);
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		r = rast_step_fail(rep, RAST_STEP_TARGET, errno, m->target);
	else if (S_ISDIR(st.st_mode) == m->is_file)
		r = rast_step_fail(rep, RAST_STEP_TARGET, m->is_file ? EISDIR : ENOTDIR, m->target);
	else if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		r = rast_step_fail(rep, RAST_STEP_TARGET_KIND, EPERM, m->target);
	else if (sys_move_mount(m->tree_fd, "", fd, "",
				MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		r = rast_step_fail(rep, RAST_STEP_MOUNT, errno, m->target);
	(void)close(fd);
	return r;
}

struct bases {
	int root, proc, sys, dev;
};

/* Where a path of a list starts: on the mount we made ourselves, where no image has a say. */
static int base_of(const struct bases *b, const char **path)
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

static int open_listed(const struct bases *b, const char *path)
{
	int base = base_of(b, &path);

	return base < 0 ? open_in(b->root, path, O_PATH)
			: rast_openat2(base, path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/*
 * A path as directory and name. One name in a file system that we made a moment ago is left to the call
 * that uses it: the last component of what is mounted on is never followed. All else is looked up here.
 */
static int locate(const struct bases *b, const char *path, int *ret_dir, const char **ret_name)
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
 * A file is hidden by our /dev/null (the node that was made a moment ago on a tmpfs nobody else has seen),
 * a directory by one empty read-only tmpfs that all of them share.
 */
static int mask(const struct bases *b, const char *const *list, struct rast_launch_report *rep)
{
	static const struct option opts[] = {{"mode", "0"}, {"size", "4096"}, {0}};
	int empty = -1, null = -1;

	for (; *list; list++) {
		const char *name;
		struct stat st;
		int dir, tree, r;

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
				tree = empty = make_fs("tmpfs", opts,
						       NO_SUID_DEV_EXEC | MOUNT_ATTR_RDONLY);
				if (empty < 0)
					return rast_step_fail(rep, RAST_STEP_MASK, -empty, *list);
			} else {
				tree = sys_open_tree(empty, "",
						     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
							     AT_EMPTY_PATH);
			}
		} else {
			if (null < 0) {
				null = openat(b->dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
				if (null < 0 || fstat(null, &st) < 0 || !S_ISCHR(st.st_mode) ||
				    st.st_rdev != makedev(1, 3))
					return rast_step_fail(rep, RAST_STEP_MASK, ENODEV, *list);
			}
			tree = sys_open_tree(null, "",
					     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		}
		if (tree < 0 || sys_move_mount(tree, "", dir, name,
					       MOVE_MOUNT_F_EMPTY_PATH |
						       (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
			return rast_step_fail(rep, RAST_STEP_MASK, errno, *list);
		if (tree != empty)
			close_later(tree);
		if (!*name)
			close_later(dir);
	}
	return 0;
}

static int make_read_only(const struct bases *b, const char *const *list,
			  struct rast_launch_report *rep)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY | NO_SUID_DEV_EXEC};

	for (; *list; list++) {
		int fd = open_listed(b, *list), tree;

		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd < 0)
			return rast_step_fail(rep, RAST_STEP_READ_ONLY, -fd, *list);
		tree = sys_open_tree(
			fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
		if (tree < 0 ||
		    sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro) < 0 ||
		    sys_move_mount(tree, "", fd, "",
				   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return rast_step_fail(rep, RAST_STEP_READ_ONLY, errno, *list);
		close_later(tree);
		close_later(fd);
	}
	return 0;
}

static int write_sysctls(const struct rast_mount_plan *p, int proc, struct rast_launch_report *rep)
{
	size_t i, j;

	for (i = 0; i < p->n_sysctls; i++) {
		const char *value = p->sysctls[i].value;
		char path[256] = "sys/";
		size_t n = 4;
		int fd;

		for (j = 0; p->sysctls[i].key[j] && n + 1 < sizeof(path); j++)
			path[n++] = p->sysctls[i].key[j] == '.' ? '/' : p->sysctls[i].key[j];
		path[n] = '\0';
		/* Below the procfs we mounted ourselves: no image can redirect this write. */
		fd = rast_openat2(proc, path, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		if (fd < 0)
			return rast_step_fail(rep, RAST_STEP_SYSCTL, -fd, p->sysctls[i].key);
		if (write(fd, value, strlen(value)) < 0)
			return rast_step_fail(rep, RAST_STEP_SYSCTL, errno, p->sysctls[i].key);
		(void)close(fd);
	}
	return 0;
}

/*
 * The new root lies over "/"; being on it, it changes places with the old one, which is then let go
 * with everything below. A node that runs from its initial ramdisk cannot pivot (its root has no
 * parent): there the old mounts are taken away first and the root is changed.
 */
static int enter_root(int root, bool *ret_no_pivot, struct rast_launch_report *rep)
{
	static const char *const old[] = {"/proc", "/sys", "/dev", "/run", "/tmp", "/var"};
	size_t i;

	*ret_no_pivot = false;
	if (fchdir(root) < 0)
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "fchdir");
	if (sys_pivot_root(".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return rast_step_fail(rep, RAST_STEP_PIVOT, errno,
					      "umount of the old root");
		if (chdir("/") < 0)
			return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "chdir");
		return 0;
	}
	if (errno != EINVAL)
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "pivot_root");
	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		while (umount2(old[i], MNT_DETACH) == 0)
			;
	if (chroot(".") < 0 || chdir("/") < 0)
		return rast_step_fail(rep, RAST_STEP_PIVOT, errno, "chroot");
	*ret_no_pivot = true;
	return 0;
}

int rast_mount_apply(const struct rast_mount_plan *p, const struct rast_mount_hooks *hooks,
		     int *ret_ptmx, bool *ret_no_pivot, struct rast_launch_report *rep)
{
	static const struct mount_attr private = {.propagation = MS_PRIVATE};
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	struct bases b = {p->root_fd, -1, -1, -1};
	size_t i;
	int r;

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "private propagation");
	if (sys_move_mount(p->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "/");
	if (p->proc) {
		b.proc = mount_name("proc", NULL, NO_SUID_DEV_EXEC, b.root, "proc", false, "/proc",
				    rep);
		if (b.proc < 0)
			return b.proc;
		r = write_sysctls(p, b.proc, rep);
		if (r < 0)
			return r;
	}
	if (p->sys) {
		b.sys = make_sys(p, b.root, rep);
		if (b.sys < 0)
			return b.sys;
	}
	if (p->dev) {
		r = make_dev(p, b.root, &b.dev, ret_ptmx, rep);
		if (r < 0)
			return r;
	}
	for (i = 0; i < p->n_mounts; i++) {
		r = attach(b.root, &p->mounts[i], rep);
		if (r < 0)
			return r;
	}
	r = mask(&b, p->masked, rep);
	if (!r)
		r = make_read_only(&b, p->read_only, rep);
	if (r < 0)
		return r;
	if (p->root_read_only && sys_mount_setattr(b.root, "", AT_EMPTY_PATH, &ro) < 0)
		return rast_step_fail(rep, RAST_STEP_READ_ONLY, errno, "/");
	if (hooks->mounted && (r = hooks->mounted(hooks->arg)) < 0)
		return r;
	return enter_root(b.root, ret_no_pivot, rep);
}
