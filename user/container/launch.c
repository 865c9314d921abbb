// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parent's half of launch.h: copies what is run into the plan's own memory, one clone3, tells the
 * caller, gives the word, and turns the child's report into an error that a person understands.
 */
#include "container/launch.h"

#include "base/fd.h"
#include "container/launch_child.h"
#include "container/launch_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static const char *const step_text[RAST_STEP_MAX] = {
	[RAST_STEP_CGROUP] = "joining the cgroup through",
	[RAST_STEP_NAMESPACE] = "namespace",
	[RAST_STEP_SESSION] = "a session of its own:",
	[RAST_STEP_HOSTNAME] = "setting the host name",
	[RAST_STEP_LOOPBACK] = "bringing up the loopback link",
	[RAST_STEP_ROOT] = "mounting the root file system",
	[RAST_STEP_MOUNT] = "mounting",
	[RAST_STEP_TARGET] = "opening the mount point",
	[RAST_STEP_TARGET_KIND] = "mount point leads into /proc or /sys:",
	[RAST_STEP_DEVICE] = "making /dev entry",
	[RAST_STEP_MASK] = "masking",
	[RAST_STEP_READ_ONLY] = "making read-only",
	[RAST_STEP_SYSCTL] = "setting sysctl",
	[RAST_STEP_PIVOT] = "entering the root file system:",
	[RAST_STEP_TTY] = "terminal:",
	[RAST_STEP_STDIO] = "standard input and output:",
	[RAST_STEP_RLIMIT] = "resource limits:",
	[RAST_STEP_OOM_SCORE] = "writing",
	[RAST_STEP_CAPS] = "capabilities:",
	[RAST_STEP_USER] = "changing the user:",
	[RAST_STEP_CWD] = "working directory",
	[RAST_STEP_COMMAND] = "command",
	[RAST_STEP_HIDE] = "hiding the launcher before running",
	[RAST_STEP_SECCOMP] = "installing the system call filter before running",
	[RAST_STEP_EXEC] = "running",
	[RAST_STEP_SYNC] = "waiting for the",
	[RAST_STEP_USER_NAMESPACE] = "user namespace:",
	[RAST_STEP_ATTRIBUTE] = "setting",
	[RAST_STEP_HOOK] = "hook",
	[RAST_STEP_PROPAGATION] = "mount propagation of",
	[RAST_STEP_SOURCE] = "opening the source of a mount,",
	[RAST_STEP_MOUNT_OPTION] = "mount option",
	[RAST_STEP_COPY_UP] = "copying what is below the tmpfs of",
	[RAST_STEP_LANDLOCK] = "Landlock rule for",
};

int launch_report_error(const struct rast_launch_report *rep, struct rast_err *err)
{
	int step = rep->step > 0 && rep->step < RAST_STEP_MAX ? rep->step : RAST_STEP_SYNC;
	int code = rep->err > 0 ? rep->err : EIO;

	return rast_err_sys(err, code, "%s %.*s", step_text[step], (int)sizeof(rep->what) - 1,
			    rep->what);
}

/* argv, env and PATH copied to one block of heap: .rodata is gone when exec reads them. */
struct copy {
	char **argv, **env;
	char *path;
	void *block;
};

static int copy_strings(const struct rast_launch *l, struct copy *out)
{
	static const char fallback[] =
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *path = fallback;
	size_t argc = 0, envc = 0, bytes = 0, i;
	char *p;

	for (; l->argv[argc]; argc++)
		bytes += strlen(l->argv[argc]) + 1;
	for (; l->env && l->env[envc]; envc++) {
		bytes += strlen(l->env[envc]) + 1;
		if (!strncmp(l->env[envc], "PATH=", 5))
			path = l->env[envc] + 5;
	}
	bytes += strlen(path) + 1;
	out->block = calloc(1, (argc + envc + 2) * sizeof(char *) + bytes + 4096);
	if (!out->block)
		return -ENOMEM;
	out->argv = out->block;
	out->env = out->argv + argc + 1;
	p = (char *)(out->env + envc + 1);
	for (i = 0; i < argc; i++) {
		out->argv[i] = p;
		p = stpcpy(p, l->argv[i]) + 1;
	}
	for (i = 0; i < envc; i++) {
		out->env[i] = p;
		p = stpcpy(p, l->env[i]) + 1;
	}
	out->path = p;
	p = stpcpy(p, path) + 1;
	return 0;
}

/*
 * The next message: 't' or 'l' with *ret_fd, a terminal or a listener; another letter that the child says; 0 at the end (exec succeeded
 * and closed the child's end), or the child's report as an error.
 */
static int next_message(int sock, int *ret_fd, int *ret_value, struct rast_err *err)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct rast_launch_report rep = {0};
	struct launch_notice notice;
	struct iovec iov = {&rep, sizeof(rep)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm;
	ssize_t n;

	/*
	 * A child that ends before it has read our word resets the connection, and the kernel tells
	 * that (once) before it hands out the report that came first.
	 */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return rast_err_sys(err, errno, "reading from the new container");
	if (n == 0)
		return 0;
	cm = CMSG_FIRSTHDR(&msg);
	if (n == (ssize_t)sizeof(notice)) {
		memcpy(&notice, &rep, sizeof(notice));
		if (cm && cm->cmsg_type == SCM_RIGHTS) {
			rast_closep(ret_fd);
			memcpy(ret_fd, CMSG_DATA(cm), sizeof(int));
		}
		*ret_value = notice.value;
		return notice.what;
	}
	rep.what[sizeof(rep.what) - 1] = '\0';
	return launch_report_error(&rep, err);
}

static void reap(int pidfd)
{
	siginfo_t info;

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		;
}

static int say(int sock, char what, pid_t pid, struct rast_err *err)
{
	struct rast_launch_word word;

	memset(&word, 0, sizeof(word));
	word.what = what;
	word.pid = pid;
	/* A child that failed already has closed its end; its report says why. */
	if (send(sock, &word, sizeof(word), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return rast_err_sys(err, errno, "starting the container");
	return 0;
}

/*
 * The child will have its listener at `number` in a moment, and waits until `page` says that somebody
 * has fetched it.
 */
static int fetch_listener(const struct rast_launch_taker *t, int page, int number,
			  struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	struct timespec pause = {0, 50000};
	volatile uint32_t *taken;
	char path[64], text[64];
	ssize_t n;
	int i, r;

	if (!t->on_listener)
		return rast_err_set(err, EINVAL, "nobody wants the seccomp listener");
	taken = mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
	if (taken == MAP_FAILED)
		return rast_err_sys(err, errno, "seccomp listener");
	for (i = 0; i < 100000 && fd < 0; i++) {
		fd = (int)syscall(SYS_pidfd_getfd, t->pidfd, number, 0);
		if (fd < 0 && errno != EBADF)
			break;
		/* For a moment it may still be the page's own. */
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = fd < 0 ? -1 : readlink(path, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
		if (fd >= 0 && !strstr(text, "seccomp"))
			rast_closep(&fd), fd = -1;
		if (fd < 0)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	r = fd < 0 ? rast_err_sys(err, errno, "fetching the seccomp listener")
		   : t->on_listener(t->arg, t->pid, fd, err);
	if (r == 0)
		*taken = 1;
	(void)munmap((void *)(uintptr_t)taken, sizeof(*taken));
	return r;
}

static int converse(const struct rast_launch *l, int sock, pid_t pid, int pidfd, int *ret_tty,
		    struct rast_err *err)
{
	struct rast_launch_taker taker = {pid, pidfd, l->on_listener, l->arg};
	_cleanup_close_ int fd = -1;
	int r = 0, value;

	if (l->namespaces & CLONE_NEWUSER) {
		r = launch_user_prepare(l, pid, err);
		if (r == 0)
			r = say(sock, 'm', pid, err);
		if (r < 0)
			return r;
	}
	if (l->before_exec) {
		r = l->before_exec(l->arg, pid, l->cgroup_id, err);
		if (r < 0)
			return rast_err_sys(err, -r, "before the container runs");
	}
	/* With hooks the child has not come so far yet that it could mistake this word. */
	if (!l->hooks && (r = say(sock, 'g', pid, err)) < 0)
		return r;
	for (;;) {
		r = next_message(sock, &fd, &value, err);
		if (r == 't') {
			*ret_tty = TAKE_FD(fd);
		} else if (r == 'l') {
			r = fetch_listener(&taker, fd, value, err);
			if (r < 0)
				return r;
		} else if (r == 'h') {
			r = l->mounted ? l->mounted(l->arg, pid, err) : 0;
			if (r < 0)
				return rast_err_sys(err, -r, "hooks");
			if ((r = say(sock, 'c', pid, err)) < 0 ||
			    (r = say(sock, 'g', pid, err)) < 0)
				return r;
		} else if (r == 'r') {
			return 0;
		} else if (r <= 0) {
			/* A child that should wait for a later start has not done so. */
			return r || l->start_fd < 0
				       ? r
				       : rast_err_set(err, ECHILD, "the container ended too early");
		}
	}
}

static uint64_t mask_of(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : UINT64_MAX;
}

/* One read instead of a hundred questions; all, where there is nothing to read. */
static void read_status(struct launch_ctx *c)
{
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	c->ignored = mask_of(text, "\nSigIgn:");
	c->bounding = mask_of(text, "\nCapBnd:");
}

int rast_launch_start(const struct rast_launch *l, struct rast_launched *ret, struct rast_err *err)
{
	_cleanup_free_ struct launch_ctx *c = calloc(1, sizeof(*c));
	_cleanup_close_ int ours = -1, theirs = -1, pidfd = -1, tty = -1;
	struct copy copy = {0};
	sigset_t all, old;
	int sv[2], r, dumpable = -1;
	pid_t pid = -1;
	size_t i;

	if (!c)
		return rast_err_sys(err, ENOMEM, "launch");
	c->l = l;
	c->tail.map.exe_fd = (uint32_t)-1;
	r = copy_strings(l, &copy);
	if (r < 0)
		return rast_err_sys(err, -r, "launch");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		r = rast_err_sys(err, errno, "socketpair");
		goto out;
	}
	ours = sv[0];
	theirs = sv[1];
	/* Started without standard files, we must not take the container's places. */
	if (theirs < 3 + (int)l->preserved) {
		theirs = fcntl(sv[1], F_DUPFD_CLOEXEC, 3 + l->preserved);
		(void)close(sv[1]);
		if (theirs < 0) {
			r = rast_err_sys(err, errno, "socketpair");
			goto out;
		}
	}
	/*
	 * Nobody in a shared pid namespace may look into us or the child (fds, exe, memory). In a user
	 * namespace of its own the child does this for itself, once its maps are written.
	 */
	if (!(l->namespaces & CLONE_NEWUSER)) {
		dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
		if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
			r = rast_err_sys(err, errno, "preparing to hide the launcher");
			goto out;
		}
	}
	r = launch_tail_prepare(&c->tail);
	if (r < 0) {
		r = rast_err_sys(err, -r, "preparing to hide the launcher");
		goto out;
	}
	read_status(c);
	c->sock = c->tail.report_fd = theirs;
	c->parent_sock = ours;
	c->path_env = copy.path;
	c->path_buf = copy.path + strlen(copy.path) + 1;
	c->tail.argv = copy.argv;
	c->tail.env = copy.env;
	c->tail.no_new_privs = l->no_new_privs;
	c->tail.filter_flags = l->filter_flags;
	c->tail.filter = (struct sock_fprog){l->filter ? l->filter_len : 0,
					     (struct sock_filter *)(uintptr_t)l->filter};
	c->tail.step_hide = RAST_STEP_HIDE;
	c->tail.step_caps = RAST_STEP_CAPS;
	c->tail.step_seccomp = RAST_STEP_SECCOMP;
	c->tail.step_exec = RAST_STEP_EXEC;
	/* For PR_SET_MM_MAP, and for a filter without no_new_privs. */
	c->keep_caps = 1ull << CAP_SYS_ADMIN | 1ull << CAP_CHECKPOINT_RESTORE;
	for (i = 0; i < l->n_joins; i++)
		c->joined_user |= l->joins[i].type == CLONE_NEWUSER;
	c->joined_user |= l->join_pidfd >= 0 && (l->join_flags & CLONE_NEWUSER);
	c->setgroups_denied = (l->namespaces & CLONE_NEWUSER) ? geteuid() != 0 : c->joined_user;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	r = launch_spawn(l, &pid, &pidfd, err);
	if (r == 0 && pid == 0)
		launch_child(c);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0) {
		rast_closep(&theirs);
		theirs = -1;
		r = converse(l, ours, pid, pidfd, &tty, err);
	}
	if (r < 0 && pid > 0) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		reap(pidfd);
	}
out:
	/* A long-lived caller (rastd) stays as it was; 2 cannot be set and was none of its wishes. */
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	launch_tail_finish(&c->tail);
	free(copy.block);
	if (r < 0)
		return r;
	ret->pid = pid;
	ret->pidfd = TAKE_FD(pidfd);
	ret->tty = TAKE_FD(tty);
	return 0;
}

int rast_launch_go(int sock, const struct rast_launch_taker *taker, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	int r, value;

	if (send(sock, "g", 1, MSG_NOSIGNAL) < 0)
		return rast_err_sys(err, errno, "starting the container");
	do {
		r = next_message(sock, &fd, &value, err);
		if (r == 'l' && fetch_listener(taker, fd, value, err) < 0)
			return -err->code;
	} while (r > 0);
	return r;
}

int rast_launch_wait(int pidfd, int *ret_status)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int rast_launch_loopback(pid_t pid, struct rast_err *err)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), its = -1;
	char path[48];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	its = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || its < 0 || setns(its, CLONE_NEWNET) < 0)
		return rast_err_sys(err, errno, "entering %s", path);
	r = launch_loopback_up();
	if (setns(own, CLONE_NEWNET) < 0 && r == 0)
		r = -errno;
	return r < 0 ? rast_err_sys(err, -r, "%s", step_text[RAST_STEP_LOOPBACK]) : 0;
}
