// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child's half of mount.h, between clone3 and exec: system calls only. Order: root, /proc, /sys,
 * /dev, what the caller adds, then masks and read-only paths, then the root is entered.
 */
#include "container/mount.h"

#include "base/fd.h"
#include "container/mount_child.h"
#include "container/mount_list.h"
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

/* In a directory that we have just made ourselves. */
static int attach_new(int fd, int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0755) < 0)
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

static int make_dev(const struct rast_mount_plan *p, int root, int *ret_dev, int *ret_ptmx,
		    struct rast_launch_report *rep)
{
	static const struct mount_option dev_opts[] = {{"mode", "0755"}, {"size", "65536"}, {0}};
	static const struct mount_option pts_opts[] = {{"newinstance", NULL}, {0}};
	static const struct mount_option mq_opts[] = {{0}};
	char size[24] = "67108864";
	struct mount_option shm_opts[] = {{"mode", "1777"}, {"size", size}, {0}};
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
			r = errno == EPERM ? mount_bind_node(dev, nodes[i].name, nodes[i].major,
							     nodes[i].minor)
					   : -errno;
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, -r, nodes[i].name);
	}
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return rast_step_fail(rep, RAST_STEP_DEVICE, errno, links[i][1]);
	/* Each devpts mount is an instance of its own since 4.7. */
	fd = mount_name("devpts",
			(const struct mount_option[]){
				{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {0}},
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
		r = make_dev(p, b.root, &b.dev, ret_ptmx, rep);
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
