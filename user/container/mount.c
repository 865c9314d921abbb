// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child's half of mount.h, between clone3 and exec: system calls only. Order: root, /proc, /sys,
 * /dev, what the caller adds, then masks and read-only paths, then the root is entered.
 */
#include "container/mount.h"

#include "base/fd.h"
#include "container/mount_child.h"
#include "container/mount_list.h"
#include "container/mount_named.h"
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

/* On a file system that we have just made ourselves; the name may be there from a try by mount(2). */
static int attach_new(int fd, int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return sys_move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : -errno;
}

static int mount_name(const char *type, const struct mount_option *opts, unsigned long attrs,
		      int dirfd, const char *name, bool is_new, const char *what,
		      struct rast_launch_report *rep)
{
	int fd = mount_make_fs(type, opts, attrs), r;

	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_MOUNT, -fd, what);
	r = is_new ? attach_new(fd, dirfd, name) : mount_attach_name(fd, dirfd, name);
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

/* Each devpts mount is an instance of its own since 4.7. */
static int make_pts(const struct mount_bases *b, int *ret_ptmx, struct rast_launch_report *rep)
{
	static const char *const data[] = {"ptmxmode=0666", "mode=0620", "gid=5"};
	const struct rast_mount_item item = {.type = "devpts",
					     .target = "/dev/pts",
					     .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
					     .data = data,
					     .n_data = ARRAY_SIZE(data),
					     .userns_fd = -1};
	int fd;

	if (mount_named_new(b, &item) != 0) {
		fd = mount_name("devpts",
				(const struct mount_option[]){
					{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {0}},
				item.set, b->dev, "pts", true, item.target, rep);
		if (fd < 0)
			return fd;
		mount_close_later(fd);
	}
	if (!ret_ptmx)
		return 0;
	*ret_ptmx = openat(b->dev, "pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_ptmx < 0 ? rast_step_fail(rep, RAST_STEP_TTY, errno, "/dev/pts/ptmx") : 0;
}

static int make_shm(const struct mount_bases *b, uint64_t bytes, struct rast_launch_report *rep)
{
	char text[32] = "size=", digits[24], *p = digits + sizeof(digits) - 1;
	const char *const data[] = {"mode=1777", text};
	const struct rast_mount_item item = {.type = "tmpfs",
					     .target = "/dev/shm",
					     .source = "shm",
					     .set = NO_SUID_DEV_EXEC,
					     .data = data,
					     .n_data = ARRAY_SIZE(data),
					     .userns_fd = -1};
	int fd;

	*p = '\0';
	do
		*--p = (char)('0' + bytes % 10);
	while (bytes /= 10);
	(void)strcpy(text + 5, p);
	if (mount_named_new(b, &item) == 0)
		return 0;
	fd = mount_name("tmpfs",
			(const struct mount_option[]){{"mode", "1777"}, {"size", text + 5}, {0}},
			item.set, b->dev, "shm", true, item.target, rep);
	mount_close_later(fd);
	return fd < 0 ? fd : 0;
}

static int make_mqueue(const struct mount_bases *b, struct rast_launch_report *rep)
{
	const struct rast_mount_item item = {.type = "mqueue",
					     .target = "/dev/mqueue",
					     .set = NO_SUID_DEV_EXEC,
					     .userns_fd = -1};
	int fd;

	if (mount_named_new(b, &item) == 0)
		return 0;
	fd = mount_name("mqueue", NULL, item.set, b->dev, "mqueue", true, item.target, rep);
	mount_close_later(fd);
	/* A kernel without POSIX message queues has no such file system. */
	return fd < 0 && fd != -ENODEV ? fd : 0;
}

static int make_dev(const struct rast_mount_plan *p, struct mount_bases *b, int *ret_ptmx,
		    struct rast_launch_report *rep)
{
	static const struct mount_option dev_opts[] = {{"mode", "0755"}, {"size", "65536"}, {0}};
	int r;
	size_t i;

	b->dev = mount_name("tmpfs", dev_opts, MOUNT_ATTR_NOSUID, b->root, "dev", false, "/dev",
			    rep);
	if (b->dev < 0)
		return b->dev;
	b->own_dev = true;
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		r = 0;
		if (mknodat(b->dev, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) < 0)
			r = errno == EPERM ? mount_bind_node(b->dev, nodes[i].name, nodes[i].major,
							     nodes[i].minor)
					   : -errno;
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, -r, nodes[i].name);
	}
	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i][0], b->dev, links[i][1]) < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, errno, links[i][1]);
	r = make_pts(b, ret_ptmx, rep);
	if (r == 0)
		r = make_shm(b, p->shm_bytes ? p->shm_bytes : 64u << 20, rep);
	if (r == 0 && p->own_ipc)
		r = make_mqueue(b, rep);
	return r;
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
		int cg = mount_make_fs("cgroup2", NULL, NO_SUID_DEV_EXEC | MOUNT_ATTR_RDONLY);

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

static int attach(int root, const struct rast_mount *m, struct rast_launch_report *rep)
{
	struct statfs fs;
	struct stat st;
	int fd, r = 0;

	fd = mount_open_target(root, m->target, m->is_file);
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

int rast_mount_apply(const struct rast_mount_plan *p, const struct rast_mount_hooks *hooks,
		     int *ret_ptmx, bool *ret_no_pivot, struct rast_launch_report *rep)
{
	static const struct mount_attr private = {.propagation = MS_PRIVATE};
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	struct mount_bases b = {.root = p->root_fd, .proc = -1, .sys = -1, .dev = -1};
	size_t i;
	int r;

	if (p->list)
		return rast_mount_list_apply(p, hooks, ret_ptmx, ret_no_pivot, rep);
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "private propagation");
	if (sys_move_mount(p->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "/");
	/* A hook runs where the caller was. */
	if (!hooks->mounted)
		mount_named_begin(&b);
	if (p->proc) {
		b.proc = mount_name("proc", NULL, NO_SUID_DEV_EXEC, b.root, "proc", false, "/proc",
				    rep);
		if (b.proc < 0)
			return b.proc;
		r = mount_write_sysctls(p->sysctls, p->n_sysctls, b.proc, rep);
		if (r < 0)
			return r;
	}
	if (p->sys) {
		b.sys = make_sys(p, b.root, rep);
		if (b.sys < 0)
			return b.sys;
	}
	if (p->dev) {
		r = make_dev(p, &b, ret_ptmx, rep);
		if (r < 0)
			return r;
	}
	for (i = 0; i < p->n_mounts; i++) {
		r = attach(b.root, &p->mounts[i], rep);
		if (r < 0)
			return r;
	}
	r = mount_mask(&b, p->masked, rep);
	if (!r)
		r = mount_make_read_only(&b, p->read_only, rep);
	if (r < 0)
		return r;
	if (p->root_read_only && sys_mount_setattr(b.root, "", AT_EMPTY_PATH, &ro) < 0)
		return rast_step_fail(rep, RAST_STEP_READ_ONLY, errno, "/");
	if (hooks->mounted && (r = hooks->mounted(hooks->arg)) < 0)
		return r;
	return mount_enter_root(b.root, true, ret_no_pivot, rep);
}
