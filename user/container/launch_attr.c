// SPDX-License-Identifier: BSD-2-Clause
/*
 * See launch_attr.h. Runs in the child: system calls only. A label is written before the root is
 * changed, to the procfs of the node, and only when it is one.
 */
#include "container/launch_attr.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1

static int fail(struct rast_launch_report *rep, int err, const char *what)
{
	return rast_step_fail(rep, RAST_STEP_ATTRIBUTE, err, what);
}

/* The text goes in with one write, prefixed as AppArmor wants it. */
static int write_label(int proc, const char *file, const char *prefix, const char *label,
		       struct rast_launch_report *rep)
{
	char text[4096];
	size_t n = strlen(prefix), m = strlen(label);
	struct statfs fs;
	ssize_t w;
	int fd;

	if (n + m >= sizeof(text))
		return fail(rep, ENAMETOOLONG, "label");
	memcpy(text, prefix, n);
	memcpy(text + n, label, m);
	fd = rast_openat2(proc, file, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fail(rep, -fd, file);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC) {
		(void)close(fd);
		return fail(rep, ENODEV, file);
	}
	w = write(fd, text, n + m);
	if (w < 0) {
		int saved = errno;

		(void)close(fd);
		return fail(rep, saved, file);
	}
	(void)close(fd);
	return 0;
}

static int labels(const struct rast_launch_attr *a, int proc, struct rast_launch_report *rep)
{
	int r = 0;

	if (a->apparmor) {
		r = write_label(proc, "thread-self/attr/apparmor/exec", "exec ", a->apparmor, rep);
		/* Before 5.8 all security modules shared one file. */
		if (r == -ENOENT)
			r = write_label(proc, "thread-self/attr/exec", "exec ", a->apparmor, rep);
	}
	if (!r && a->selinux)
		r = write_label(proc, "thread-self/attr/exec", "", a->selinux, rep);
	return r;
}

static int keyring(const struct rast_launch_attr *a, int proc, struct rast_launch_report *rep)
{
	int r;

	if (!a->new_keyring)
		return 0;
	if (a->keyring_label) {
		r = write_label(proc, "thread-self/attr/keycreate", "", a->keyring_label, rep);
		if (r < 0)
			return r;
	}
	/* A kernel without keys, or a filter around us that refuses them, has none to leak. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, a->keyring_name) < 0 &&
	    errno != ENOSYS && errno != EPERM)
		return fail(rep, errno, "session keyring");
	return 0;
}

int rast_launch_attr_apply(const struct rast_launch_attr *a, int proc,
			   struct rast_launch_report *rep)
{
	struct rast_sched_attr sched = a->sched;
	int r;

	if ((r = keyring(a, proc, rep)) < 0 || (r = labels(a, proc, rep)) < 0)
		return r;
	if (a->set_personality && personality(a->personality) < 0)
		return fail(rep, errno, "personality");
	sched.size = sizeof(sched);
	if (a->set_sched && syscall(SYS_sched_setattr, 0, &sched, 0) < 0)
		return fail(rep, errno, "scheduler");
	if (a->set_ioprio && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, a->ioprio) < 0)
		return fail(rep, errno, "I/O priority");
	if (a->set_mempolicy && syscall(SYS_set_mempolicy, a->mempolicy_mode, a->mempolicy_nodes,
					a->mempolicy_max_node) < 0)
		return fail(rep, errno, "memory policy");
	if (a->set_affinity && sched_setaffinity(0, sizeof(a->affinity), &a->affinity) < 0)
		return fail(rep, errno, "CPU affinity");
	return 0;
}
