// SPDX-License-Identifier: BSD-2-Clause
/* See mount_live.h. */
#include "container/mount_live.h"

#include "base/fd.h"
#include "container/launch_child.h"
#include "container/mount_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
int umount2(const char *target, int flags);

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
/* Unlike STATX_MNT_ID never given twice; from 6.8 on, and before that another kernel's answer is as good. */
#define MNT_ID_UNIQUE 0x4000u
/* A look-up inside may be answered by a file system of the container's own, or not at all. */
#define PATIENCE_MS 10000
#define MAX_STACKED 64

/* Between us and the child. */
struct shared {
	struct rast_launch_report rep;
	size_t at;
	bool done;
	int trees[RAST_MOUNT_LIVE_MAX]; /* mounted; fds that both have */
	size_t n_trees;
	uint64_t ids[RAST_MOUNT_LIVE_MAX];
};

struct job {
	const struct rast_mount_live *l;
	struct rast_mount_item *items;
	const char *const *targets;
	size_t n;
	int proc; /* /proc/self/fd of the child on the node's procfs */
	int root;
	struct shared *s;
};

/* ---- child ---- */

/* What moving mounts and making their places takes. */
static int drop_capabilities(struct rast_launch_report *rep)
{
	const uint32_t keep = 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_OVERRIDE |
			      1u << CAP_DAC_READ_SEARCH | 1u << CAP_CHOWN | 1u << CAP_FOWNER |
			      1u << CAP_FSETID;
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct have[2];

	if (syscall(SYS_capget, &h, have) < 0)
		return rast_step_fail(rep, RAST_STEP_CAPS, errno, "capget");
	have[0].effective = have[0].permitted &= keep;
	have[0].inheritable = 0;
	have[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &h, have) < 0)
		return rast_step_fail(rep, RAST_STEP_CAPS, errno, "capset");
	return 0;
}

static int enter(struct job *j)
{
	struct rast_launch_report *rep = &j->s->rep;
	struct statfs fs;

	/* Nobody inside may look at us, nor at our executable (CVE-2019-5736). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return rast_step_fail(rep, RAST_STEP_CAPS, errno, "dumpable");
	j->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->proc < 0 || fstatfs(j->proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return rast_step_fail(rep, RAST_STEP_NAMESPACE, j->proc < 0 ? errno : ENODEV,
				      "/proc");
	if (setns(j->l->pidfd, (int)j->l->namespaces) < 0)
		return rast_step_fail(rep, RAST_STEP_NAMESPACE, errno, "setns");
	if (j->l->namespaces & CLONE_NEWUSER) {
		/* Its root makes the mount points. EINVAL: it has none. */
		if ((syscall(SYS_setresgid, 0, 0, 0) < 0 && errno != EINVAL) ||
		    (syscall(SYS_setresuid, 0, 0, 0) < 0 && errno != EINVAL) ||
		    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
			return rast_step_fail(rep, RAST_STEP_USER_NAMESPACE, errno, "root");
	}
	j->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->root < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "/");
	/* Names of ours are numbers here; all others are looked up from the root's fd. */
	if (fchdir(j->proc) < 0)
		return rast_step_fail(rep, RAST_STEP_NAMESPACE, errno, "/proc");
	(void)umask(0);
	return drop_capabilities(rep);
}

static int id_of(int fd, uint64_t *ret, bool *ret_is_mount)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID | MNT_ID_UNIQUE, &st) < 0)
		return -errno;
	if (!(st.stx_mask & (STATX_MNT_ID | MNT_ID_UNIQUE)))
		return -ENOTSUP;
	*ret = st.stx_mnt_id;
	*ret_is_mount = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return 0;
}

static int place(struct job *j)
{
	struct mount_bases b = {.root = j->root, .proc = -1, .sys = -1, .dev = -1};
	const struct rast_mount_list list = {.items = j->items, .n_items = j->n};
	struct shared *s = j->s;
	bool is_mount;
	int r = 0;

	for (s->at = 0; s->at < j->n && r == 0; s->at += r == 0) {
		struct rast_mount_item *m = &j->items[s->at];
		int tree = -1;

		r = mount_item_place(&list, &b, m, &tree, &s->rep);
		if (tree >= 0)
			s->trees[s->n_trees++] = tree;
		if (r < 0)
			break;
		r = id_of(tree, &s->ids[s->at], &is_mount);
		if (r < 0)
			(void)rast_step_fail(&s->rep, RAST_STEP_MOUNT, -r, m->target);
	}
	return r;
}

/* By its fd, wherever it is now. What was stacked on it since goes first. */
static int detach(int fd)
{
	char name[16], *p = name + sizeof(name);
	int i, n = fd;

	*--p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	for (i = 0; i < MAX_STACKED; i++)
		if (umount2(p, MNT_DETACH) < 0)
			return i && errno == EINVAL ? 0 : -errno;
	return -EBUSY;
}

/* EINVAL at once: the container has done it itself. */
static int detach_all(struct job *j)
{
	struct shared *s = j->s;
	int r = 0, one;

	while (s->n_trees) {
		one = detach(s->trees[--s->n_trees]);
		if (one < 0 && one != -EINVAL && r == 0)
			r = rast_step_fail(&s->rep, RAST_STEP_MOUNT, -one, "taking it back");
	}
	return r;
}

static int find(struct job *j)
{
	struct shared *s = j->s;
	bool is_mount = false;
	uint64_t id = 0;
	int fd, r;

	for (s->at = 0; s->at < j->n; s->at++) {
		const char *target = j->targets[s->at];

		fd = mount_open_in(j->root, target, O_PATH);
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		r = fd < 0 ? fd : id_of(fd, &id, &is_mount);
		if (r < 0)
			return rast_step_fail(&s->rep, RAST_STEP_TARGET, -r, target);
		if (!is_mount)
			continue;
		if (id != s->ids[s->at])
			return rast_step_fail(&s->rep, RAST_STEP_TARGET, EBUSY, target);
		s->trees[s->n_trees++] = fd;
	}
	return detach_all(j);
}

/* ---- parent ---- */

/* As `step` in a child that has our fds, but memory of its own. */
static int in_child(struct job *j, int (*step)(struct job *j), struct rast_err *err)
{
	_cleanup_close_ int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	struct pollfd p = {.events = POLLIN};
	siginfo_t info;
	long pid;
	int r;

	j->s->done = false;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return rast_err_sys(err, errno, "clone3");
	if (pid == 0) {
		j->s->done = enter(j) == 0 && step(j) == 0;
		_exit(0);
	}
	p.fd = pidfd;
	do
		r = poll(&p, 1, PATIENCE_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		(void)rast_step_fail(&j->s->rep, RAST_STEP_TARGET, ETIMEDOUT,
				     j->s->at < j->n ? j->targets ? j->targets[j->s->at]
								  : j->items[j->s->at].target
						     : "/");
	}
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	return r > 0 && j->s->done ? 0 : launch_report_error(&j->s->rep, err);
}

static struct shared *share(struct rast_err *err)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s != MAP_FAILED)
		return s;
	(void)rast_err_sys(err, errno, "mounts");
	return NULL;
}

static int too_many(struct rast_err *err)
{
	return rast_err_set(err, E2BIG, "more than %d mounts at once", RAST_MOUNT_LIVE_MAX);
}

int rast_mount_live_add(const struct rast_mount_live *l, struct rast_mount_item *items, size_t n,
			uint64_t *ret_ids, size_t *ret_at, struct rast_err *err)
{
	struct job j = {.l = l, .items = items, .n = n, .s = share(err)};
	struct rast_err worse = {0};
	int r;

	if (!j.s)
		return -err->code;
	r = n > RAST_MOUNT_LIVE_MAX ? too_many(err) : in_child(&j, place, err);
	*ret_at = j.s->at < n ? j.s->at : 0;
	if (r == 0)
		memcpy(ret_ids, j.s->ids, n * sizeof(*ret_ids));
	else if (j.s->n_trees && in_child(&j, detach_all, &worse) < 0)
		r = rast_err_set(err, -r, "%s; and what came before it stays: %s", err->text,
				 worse.text);
	(void)munmap(j.s, sizeof(*j.s));
	return r;
}

int rast_mount_live_remove(const struct rast_mount_live *l, const char *const *targets,
			   const uint64_t *ids, size_t n, size_t *ret_at, struct rast_err *err)
{
	struct job j = {.l = l, .targets = targets, .n = n, .s = share(err)};
	int r;

	if (!j.s)
		return -err->code;
	if (n <= RAST_MOUNT_LIVE_MAX) {
		memcpy(j.s->ids, ids, n * sizeof(*ids));
		r = in_child(&j, find, err);
	} else {
		r = too_many(err);
	}
	*ret_at = j.s->at < n ? j.s->at : 0;
	(void)munmap(j.s, sizeof(*j.s));
	return r;
}
