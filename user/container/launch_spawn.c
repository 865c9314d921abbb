// SPDX-License-Identifier: BSD-2-Clause
/*
 * See launch_spawn.h. One clone3 makes all namespaces at once. Three kinds need more: a pid namespace
 * that exists is entered by the parent for its children and left again; offsets of a time namespace can
 * be written only before somebody lives in it; and a user namespace that exists must be entered before
 * the other namespaces are made, so that it owns them: a process between does that and ends.
 */
#include "container/launch_spawn.h"

#include "base/fd.h"
#include "base/node_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static pid_t clone_child(const struct rast_launch *l, uint64_t more, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = (l->namespaces & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME)) | more,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		/* A child that is its maker's sibling tells who its maker's parent tells. */
		.exit_signal = more & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (ret_pidfd)
		args.flags |= CLONE_PIDFD;
	if (l->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)l->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static const struct rast_launch_join *find_join(const struct rast_launch *l, uint64_t type)
{
	size_t i;

	for (i = 0; i < l->n_joins; i++)
		if (l->joins[i].type == type)
			return &l->joins[i];
	return NULL;
}

static int join_for_children(const struct rast_launch *l, uint64_t type)
{
	const struct rast_launch_join *j = find_join(l, type);

	if (j)
		return setns(j->fd, (int)type) < 0 ? -errno : 0;
	if (l->join_pidfd >= 0 && (type == CLONE_NEWPID || (l->join_flags & type)))
		return setns(l->join_pidfd, (int)type) < 0 ? -errno : 0;
	return 0;
}

static bool joins(const struct rast_launch *l, uint64_t type)
{
	return find_join(l, type) ||
	       (l->join_pidfd >= 0 && (type == CLONE_NEWPID || (l->join_flags & type)));
}

/* What is entered for the next child and left again afterwards, which takes rights over our own namespaces: the
 * root of a user namespace (podman without root) has none. */
static bool leaves_own(const struct rast_launch *l)
{
	return joins(l, CLONE_NEWPID) || joins(l, CLONE_NEWTIME) || (l->namespaces & CLONE_NEWTIME);
}

/* A new time namespace for our next child, with its offsets. */
static int make_time(const struct rast_launch *l, struct rast_err *err)
{
	int r;

	if (unshare(CLONE_NEWTIME) < 0)
		return rast_err_sys(err, errno, "time namespace");
	if (!l->time_offsets)
		return 0;
	r = rast_write_file(AT_FDCWD, "/proc/self/timens_offsets", l->time_offsets);
	return r < 0 ? rast_err_sys(err, -r, "time namespace: timens_offsets") : 0;
}

/* What the process between does; its exit status is 0 or an errno. The child returns 0. */
static pid_t between(const struct rast_launch *l, int out)
{
	struct rast_err failed = {0};
	pid_t pid;
	int r;

	r = join_for_children(l, CLONE_NEWUSER);
	if (r == 0)
		r = join_for_children(l, CLONE_NEWPID);
	if (r == 0)
		r = l->namespaces & CLONE_NEWTIME ? make_time(l, &failed)
						  : join_for_children(l, CLONE_NEWTIME);
	if (r < 0)
		_exit(-r);
	pid = clone_child(l, CLONE_PARENT, NULL);
	if (pid == 0)
		return 0;
	if (pid < 0 || write(out, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		_exit(errno);
	_exit(0);
}

static int spawn_between(const struct rast_launch *l, pid_t *ret_pid, int *ret_pidfd,
			 struct rast_err *err)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int fds[2], status = 0;
	pid_t pid, child = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return rast_err_sys(err, errno, "pipe");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)close(fds[0]);
		*ret_pid = between(l, fds[1]);
		(void)close(fds[1]);
		return 0;
	}
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return rast_err_sys(err, errno, "clone3");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/*
	 * The number as the process between sees it, in our own pid namespace: entering one holds for
	 * children only, and clone's value is of the caller's.
	 */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
	    read(fds[0], &child, sizeof(child)) != (ssize_t)sizeof(child)) {
		(void)close(fds[0]);
		return rast_err_sys(err,
				    WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status)
									     : ECHILD,
				    "entering the namespaces");
	}
	(void)close(fds[0]);
	/* Our own child and not waited for yet: the number cannot be another's. */
	*ret_pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	if (*ret_pidfd < 0) {
		int saved = errno;

		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, __WALL);
		return rast_err_sys(err, saved, "pidfd of the container");
	}
	*ret_pid = child;
	return 0;
}

int launch_spawn(const struct rast_launch *l, pid_t *ret_pid, int *ret_pidfd, struct rast_err *err)
{
	static const struct {
		uint64_t type;
		const char *path;
	} kinds[] = {{CLONE_NEWPID, "/proc/self/ns/pid"}, {CLONE_NEWTIME, "/proc/self/ns/time"}};
	_cleanup_close_ int own_pid = -1, own_time = -1;
	int *own[] = {&own_pid, &own_time};
	pid_t pid;
	size_t i;
	int r;

	if (joins(l, CLONE_NEWUSER) || (!rast_is_node_root() && leaves_own(l)))
		return spawn_between(l, ret_pid, ret_pidfd, err);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool make = kinds[i].type == CLONE_NEWTIME && (l->namespaces & CLONE_NEWTIME);

		if (!make && !joins(l, kinds[i].type))
			continue;
		*own[i] = rast_openat2(AT_FDCWD, kinds[i].path, O_RDONLY, 0);
		if (*own[i] < 0)
			return rast_err_sys(err, -*own[i], "%s", kinds[i].path);
		r = make ? make_time(l, err) : join_for_children(l, kinds[i].type);
		if (r < 0) {
			if (!make)
				r = rast_err_sys(err, -r, "entering the namespace %s",
						 kinds[i].path);
			pid = -1;
			goto back;
		}
	}
	pid = clone_child(l, 0, ret_pidfd);
	if (pid == 0) {
		*ret_pid = 0;
		return 0;
	}
	r = pid < 0 ? rast_err_sys(err, errno, "clone3") : 0;
back:
	/* A long-lived caller makes its next children where it is itself. */
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (*own[i] >= 0 && setns(*own[i], (int)kinds[i].type) < 0 && !r)
			r = rast_err_sys(err, errno, "going back to %s", kinds[i].path);
	if (r == 0)
		*ret_pid = pid;
	else if (pid > 0) {
		(void)syscall(SYS_pidfd_send_signal, *ret_pidfd, SIGKILL, NULL, 0);
		(void)waitpid(pid, NULL, __WALL);
	}
	return r;
}

/* ---- ids ---- */

static int map_text(const struct rast_launch_idmap *map, size_t n, char **ret)
{
	char *text = malloc(n * 36 + 1);
	size_t i, len = 0;

	if (!text)
		return -ENOMEM;
	text[0] = '\0';
	for (i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%u %u %u\n", map[i].inside, map[i].outside,
				       map[i].count);
	*ret = text;
	return 0;
}

/* newuidmap PID INSIDE OUTSIDE COUNT …: setuid programs that look into /etc/subuid. */
static int run_helper(const char *helper, pid_t pid, const struct rast_launch_idmap *map, size_t n,
		      struct rast_err *err)
{
	_cleanup_free_ char **argv = calloc(n * 3 + 3, sizeof(*argv));
	_cleanup_free_ char *text = malloc((n * 3 + 1) * 12);
	char *const env[] = {NULL};
	size_t i, a = 0;
	int status, r;
	pid_t child;
	char *p;

	if (!argv || !text)
		return rast_err_sys(err, ENOMEM, "%s", helper);
	p = text;
	argv[a++] = (char *)(uintptr_t)helper;
	argv[a++] = p;
	p += sprintf(p, "%d", (int)pid) + 1;
	for (i = 0; i < n; i++) {
		const uint32_t v[] = {map[i].inside, map[i].outside, map[i].count};
		size_t j;

		for (j = 0; j < 3; j++) {
			argv[a++] = p;
			p += sprintf(p, "%u", v[j]) + 1;
		}
	}
	r = posix_spawnp(&child, helper, NULL, NULL, argv, env);
	if (r)
		return rast_err_sys(err, r, "%s", helper);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return rast_err_sys(err, errno, "%s", helper);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : rast_err_set(err, EPERM, "%s refused the id map", helper);
}

static int write_map(pid_t pid, const char *file, const char *helper,
		     const struct rast_launch_idmap *map, size_t n, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	if (!n)
		return rast_err_set(err, EINVAL, "user namespace: no %s", file);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = map_text(map, n, &text);
	if (r == 0)
		r = rast_write_file(AT_FDCWD, path, text);
	if (r == -EPERM && geteuid() != 0)
		return run_helper(helper, pid, map, n, err);
	return r < 0 ? rast_err_sys(err, -r, "user namespace: %s", file) : 0;
}

/* One id, the caller's own: all that an ordinary user may map without help. */
static bool own_id_only(const struct rast_launch_idmap *map, size_t n, uint32_t id)
{
	return n == 1 && map[0].count == 1 && map[0].outside == id;
}

int launch_user_prepare(const struct rast_launch *l, pid_t pid, struct rast_err *err)
{
	char path[64], text[16];
	size_t i;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	if (geteuid() != 0 && own_id_only(l->gids, l->n_gids, getegid())) {
		r = rast_write_file(AT_FDCWD, path, "deny");
		if (r < 0)
			return rast_err_sys(err, -r, "user namespace: setgroups");
	}
	if ((r = write_map(pid, "gid_map", "newgidmap", l->gids, l->n_gids, err)) < 0 ||
	    (r = write_map(pid, "uid_map", "newuidmap", l->uids, l->n_uids, err)) < 0)
		return r;
	for (i = 0; i < l->n_rlimits; i++)
		if (prlimit(pid, (__rlimit_resource_t)l->rlimits[i].resource, &l->rlimits[i].limit,
			    NULL) < 0)
			return rast_err_sys(err, errno, "resource limits: setrlimit");
	if (!l->set_oom_score_adj)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	(void)snprintf(text, sizeof(text), "%d", l->oom_score_adj);
	r = rast_write_file(AT_FDCWD, path, text);
	return r < 0 ? rast_err_sys(err, -r, "oom_score_adj") : 0;
}

int rast_launch_userns(const struct rast_launch_idmap *uids, size_t n_uids,
		       const struct rast_launch_idmap *gids, size_t n_gids, int *ret_fd,
		       struct rast_err *err)
{
	struct rast_launch l = RAST_LAUNCH_INIT;
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	char path[64], byte;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return rast_err_sys(err, errno, "pipe");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		/* Until the other end is closed, be it that its owner was killed. */
		(void)close(fds[1]);
		_exit(read(fds[0], &byte, 1) != 0);
	}
	(void)close(fds[0]);
	if (pid < 0) {
		r = rast_err_sys(err, errno, "user namespace");
		(void)close(fds[1]);
		return r;
	}
	l.uids = uids;
	l.n_uids = n_uids;
	l.gids = gids;
	l.n_gids = n_gids;
	r = launch_user_prepare(&l, pid, err);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (*ret_fd < 0)
			r = rast_err_sys(err, errno, "%s", path);
	}
	(void)close(fds[1]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
