// SPDX-License-Identifier: BSD-2-Clause
/*
 * From clone3 to exec, in the child: a different program that only makes system calls on what the plan
 * holds. The first thing that fails is reported over the socket, and the child ends. While it waits
 * for the parent's word it is a container already, but nothing of the container's has run.
 */
#include "container/launch_child.h"

#include "base/fd.h"
#include "container/launch_attr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ENTERED_BEFORE ((uint64_t)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME))

static int fail(struct launch_ctx *c, int step, int err, const char *what)
{
	return rast_step_fail(&c->tail.report, step, err, what);
}

/*
 * Whoever called may ignore signals (a shell's background job, a supervisor), and exec would keep that.
 * By system call: the C library refuses the two numbers that it keeps for itself, which a caller may
 * ignore all the same. What the kernel calls a set here is one bit a signal, 64 of them.
 */
static int reset_signals(struct launch_ctx *c)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} dfl = {0};
	uint64_t none = 0;
	int i;

	/* EINVAL: those two that nobody can ignore, where it is not known which are. */
	for (i = 1; i <= 64; i++)
		if ((c->ignored >> (i - 1) & 1) &&
		    syscall(SYS_rt_sigaction, i, &dfl, NULL, sizeof(dfl.mask)) < 0 &&
		    errno != EINVAL)
			return fail(c, RAST_STEP_SESSION, errno, "signals");
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) < 0)
		return fail(c, RAST_STEP_SESSION, errno, "signals");
	return 0;
}

/* The parent's word: one byte, and in it what it is about. */
static int wait_for(struct launch_ctx *c, char want)
{
	struct rast_launch_word word;
	ssize_t n;

	do
		n = recv(c->sock, &word, sizeof(word), 0);
	while (n < 0 && errno == EINTR);
	/* The parent went away, or undid the start. */
	if (n != (ssize_t)sizeof(word) || word.what != want)
		return fail(c, RAST_STEP_SYNC, n < 0 ? errno : ECANCELED, "parent");
	c->pid = word.pid;
	return 0;
}

static int tell(struct launch_ctx *c, char what)
{
	struct launch_notice notice = {what, 0};

	return send(c->sock, &notice, sizeof(notice), MSG_NOSIGNAL) > 0
		       ? 0
		       : fail(c, RAST_STEP_SYNC, errno, "parent");
}

/*
 * In a user namespace of its own the child is nobody until the parent has written the maps. Then it
 * is root there, if there is one.
 */
static int become_root_inside(struct launch_ctx *c)
{
	const struct rast_launch *l = c->l;

	if (l->namespaces & CLONE_NEWUSER) {
		int r = wait_for(c, 'm');

		if (r < 0)
			return r;
		/* The parent could not write the maps of what cannot be looked into. */
		if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
			return fail(c, RAST_STEP_USER_NAMESPACE, errno, "dumpable");
	} else if (!c->joined_user) {
		return 0;
	}
	/* EINVAL: no root in this namespace. */
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 && errno != EINVAL)
		return fail(c, RAST_STEP_USER_NAMESPACE, errno, "setresgid");
	if (syscall(SYS_setresuid, 0, 0, 0) < 0 && errno != EINVAL)
		return fail(c, RAST_STEP_USER_NAMESPACE, errno, "setresuid");
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
		       ? fail(c, RAST_STEP_USER_NAMESPACE, errno, "dumpable")
		       : 0;
}

static int enter_namespaces(struct launch_ctx *c)
{
	const struct rast_launch *l = c->l;
	size_t i;

	for (i = 0; i < RAST_LAUNCH_MAX_PROCS; i++)
		if (l->procs[i] >= 0 && write(l->procs[i], "0", 1) < 0)
			return fail(c, RAST_STEP_CGROUP, errno, "cgroup.procs");
	/* Those that the parent or the process between has entered for us are not entered twice. */
	if (l->join_pidfd >= 0 && (l->join_flags & ~ENTERED_BEFORE) &&
	    setns(l->join_pidfd, (int)(l->join_flags & ~ENTERED_BEFORE)) < 0)
		return fail(c, RAST_STEP_NAMESPACE, errno, "setns");
	for (i = 0; i < l->n_joins; i++)
		if (!(l->joins[i].type & ENTERED_BEFORE) &&
		    setns(l->joins[i].fd, (int)l->joins[i].type) < 0)
			return fail(c, RAST_STEP_NAMESPACE, errno, "setns");
	/* Only now: the new namespace's root is the cgroup that we are in. */
	if ((l->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return fail(c, RAST_STEP_NAMESPACE, errno, "cgroup");
	if (l->hostname && sethostname(l->hostname, strlen(l->hostname)) < 0)
		return fail(c, RAST_STEP_HOSTNAME, errno, l->hostname);
	if (l->domainname && setdomainname(l->domainname, strlen(l->domainname)) < 0)
		return fail(c, RAST_STEP_HOSTNAME, errno, l->domainname);
	return 0;
}

int launch_loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* A ptmx in a running container: what is there may be the container's own doing, so look at it. */
static int open_ptmx(void)
{
	int fd = rast_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_MAGICLINKS);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && fstatfs(fd, &fs) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(5, 2) && fs.f_type == DEVPTS_SUPER_MAGIC)
		return fd;
	(void)close(fd);
	return -ENODEV;
}

static int send_fd(int sock, char what, int value, int fd)
{
	struct launch_notice notice = {what, value};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {&notice, sizeof(notice)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int set_tty(struct launch_ctx *c, int ptmx)
{
	struct winsize ws = {.ws_row = c->l->rows, .ws_col = c->l->cols};
	int unlock = 0, tty, i, r;

	if (ptmx < 0)
		ptmx = open_ptmx();
	if (ptmx < 0)
		return fail(c, RAST_STEP_TTY, -ptmx, "/dev/pts/ptmx");
	if (ioctl(ptmx, TIOCSPTLCK, &unlock) < 0)
		return fail(c, RAST_STEP_TTY, errno, "unlock");
	tty = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return fail(c, RAST_STEP_TTY, errno, "peer");
	if (ws.ws_row)
		(void)ioctl(tty, TIOCSWINSZ, &ws);
	if (c->l->uid && fchown(tty, c->l->uid, (gid_t)-1) < 0)
		return fail(c, RAST_STEP_TTY, errno, "owner");
	r = send_fd(c->sock, 't', 0, ptmx);
	if (r < 0)
		return fail(c, RAST_STEP_TTY, -r, "handing over");
	if (ioctl(tty, TIOCSCTTY, 0) < 0)
		return fail(c, RAST_STEP_TTY, errno, "controlling terminal");
	for (i = 0; i < 3; i++)
		if (dup2(tty, i) < 0)
			return fail(c, RAST_STEP_STDIO, errno, "terminal");
	return 0;
}

static int set_stdio(struct launch_ctx *c)
{
	int i, fd[3];

	/* A foreground run keeps what it was started with. */
	if (c->l->stdio[0] == 0 && c->l->stdio[1] == 1 && c->l->stdio[2] == 2)
		return 0;
	/* One of them may be 0..2 itself and be overwritten before its turn: move them up first. */
	for (i = 0; i < 3; i++) {
		fd[i] = fcntl(c->l->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (fd[i] < 0)
			return fail(c, RAST_STEP_STDIO, errno, "stdio");
	}
	for (i = 0; i < 3; i++) {
		if (dup2(fd[i], i) < 0)
			return fail(c, RAST_STEP_STDIO, errno, "stdio");
		(void)close(fd[i]);
	}
	return 0;
}

static int set_limits(struct launch_ctx *c)
{
	const struct rast_launch *l = c->l;
	char text[16];
	size_t i;

	/* In a user namespace neither may be raised: the parent does both (launch.c). */
	if (l->namespaces & CLONE_NEWUSER)
		return 0;
	for (i = 0; i < l->n_rlimits; i++)
		if (setrlimit(l->rlimits[i].resource, &l->rlimits[i].limit) < 0)
			return fail(c, RAST_STEP_RLIMIT, errno, "setrlimit");
	if (l->set_oom_score_adj) {
		/* Still the node's /proc: before the root is changed. */
		int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
		int v = l->oom_score_adj < 0 ? -l->oom_score_adj : l->oom_score_adj;
		char *p = text + sizeof(text);

		if (fd < 0)
			return fail(c, RAST_STEP_OOM_SCORE, errno, "oom_score_adj");
		do
			*--p = (char)('0' + v % 10);
		while (v /= 10);
		if (l->oom_score_adj < 0)
			*--p = '-';
		if (write(fd, p, (size_t)(text + sizeof(text) - p)) < 0)
			return fail(c, RAST_STEP_OOM_SCORE, errno, "oom_score_adj");
		(void)close(fd);
	}
	return 0;
}

/* Finds argv[0] as execvp would, in the container's root and as the container's user. */
static int find_command(struct launch_ctx *c)
{
	const char *name = c->tail.argv[0], *p = c->path_env;
	size_t n = strlen(name);
	struct stat st;
	int denied = 0;

	if (!*name)
		return fail(c, RAST_STEP_COMMAND, ENOENT, "");
	if (strchr(name, '/')) {
		c->tail.path = name;
		if (stat(name, &st) < 0)
			return fail(c, RAST_STEP_COMMAND, errno, name);
		if (S_ISDIR(st.st_mode))
			return fail(c, RAST_STEP_COMMAND, EACCES, name); /* as execve says */
		return 0;
	}
	for (;;) {
		size_t len = strcspn(p, ":");

		if (len && len + n + 2 <= 4096) {
			memcpy(c->path_buf, p, len);
			c->path_buf[len] = '/';
			memcpy(c->path_buf + len + 1, name, n + 1);
			if (stat(c->path_buf, &st) == 0 && S_ISREG(st.st_mode)) {
				if (faccessat(AT_FDCWD, c->path_buf, X_OK, AT_EACCESS) == 0) {
					c->tail.path = c->path_buf;
					return 0;
				}
				denied = 1;
			}
		}
		p += len;
		if (!*p++)
			break;
	}
	return fail(c, RAST_STEP_COMMAND, denied ? EACCES : ENOENT, name);
}

/*
 * The working directory must be reached from the container's root: a directory fd of the node that
 * leaked would otherwise be a way out (CVE-2024-21626). All such fds are closed by now.
 */
static int enter_cwd(struct launch_ctx *c)
{
	if (c->l->cwd && strcmp(c->l->cwd, "/") != 0) {
		if (chdir(c->l->cwd) < 0)
			return fail(c, RAST_STEP_CWD, errno, c->l->cwd);
		if (syscall(SYS_getcwd, c->path_buf, 4096) < 0 || c->path_buf[0] != '/')
			return fail(c, RAST_STEP_CWD, ENOENT, c->l->cwd);
	} else if (!c->l->mounts && chdir("/") < 0) {
		/* With a root of its own it is there already. */
		return fail(c, RAST_STEP_CWD, errno, "/");
	}
	return 0;
}

/* All but 0 to 2, those that are handed on, and our own few: the socket, the memfd, the start socket. */
static int close_others(struct launch_ctx *c)
{
	unsigned int keep[] = {(unsigned int)c->sock, c->tail.map.exe_fd,
			       (unsigned int)c->l->start_fd};
	unsigned int from = 3 + c->l->preserved, i, j;

	/* In order; none is -1, the greatest. */
	for (i = 1; i < ARRAY_SIZE(keep); i++)
		for (j = i; j && keep[j - 1] > keep[j]; j--) {
			unsigned int t = keep[j];

			keep[j] = keep[j - 1];
			keep[j - 1] = t;
		}
	for (i = 0; i < ARRAY_SIZE(keep) && keep[i] != -1u; i++) {
		if (keep[i] > from && syscall(SYS_close_range, from, keep[i] - 1, 0) < 0)
			return fail(c, RAST_STEP_STDIO, errno, "close_range");
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	if (syscall(SYS_close_range, from, ~0u, 0) < 0)
		return fail(c, RAST_STEP_STDIO, errno, "close_range");
	return 0;
}

/*
 * The word to go: from the parent at once, or from whoever connects later. From then on that is who
 * hears of a failure; the end of the connection says that the command runs.
 */
static int wait_for_word(struct launch_ctx *c)
{
	char byte;
	ssize_t n;
	int conn, r;

	if (c->l->start_fd < 0)
		return wait_for(c, 'g');
	r = wait_for(c, 'g');
	if (r == 0)
		r = tell(c, 'r');
	if (r < 0)
		return r;
	for (;;) {
		do
			conn = accept4(c->l->start_fd, NULL, NULL, SOCK_CLOEXEC);
		while (conn < 0 && (errno == EINTR || errno == ECONNABORTED));
		if (conn < 0)
			return fail(c, RAST_STEP_SYNC, errno, "start");
		do
			n = recv(conn, &byte, 1, 0);
		while (n < 0 && errno == EINTR);
		if (n == 1)
			break;
		/* Somebody who went away again has started nothing. */
		(void)close(conn);
	}
	(void)close(c->l->start_fd);
	(void)close(c->sock);
	c->sock = c->tail.report_fd = conn;
	return 0;
}

/* Mounted, but still on the node's root: hooks of the caller, here and there, want this moment. */
static int hook_in_mounts(void *arg)
{
	struct launch_ctx *c = arg;
	int r;

	/* Hooks may take long. When the parent is killed meanwhile, our copy of its end would keep us waiting. */
	(void)close(c->parent_sock);
	r = tell(c, 'h');
	if (r == 0)
		r = wait_for(c, 'c');
	if (r == 0 && c->l->in_mounts) {
		r = c->l->in_mounts(c->l->arg, c->pid);
		if (r < 0)
			r = fail(c, RAST_STEP_HOOK, -r, "createContainer");
	}
	return r;
}

/*
 * A seccomp listener must be fetched by who waits for it before exec closes it here, and once the filter is
 * there no call of ours is safe: the listener might be asked about it, and nobody holds it yet. So the
 * other side learns beforehand which number it will have, takes it by pidfd_getfd(2), and says so in a
 * page that both share; the tail looks at that page until then.
 */
static int announce_listener(struct launch_ctx *c)
{
	_cleanup_close_ int page = -1;
	void *shared;
	int fd, r;

	if (!(c->l->filter_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	page = memfd_create("listener", MFD_CLOEXEC);
	if (page < 0 || ftruncate(page, sizeof(*c->tail.taken)) < 0)
		return fail(c, RAST_STEP_SECCOMP, errno, "listener");
	shared = mmap(NULL, sizeof(*c->tail.taken), PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
	if (shared == MAP_FAILED)
		return fail(c, RAST_STEP_SECCOMP, errno, "listener");
	/* The lowest free number now, with `page` still open, and then once more when it is closed. */
	r = page;
	fd = fcntl(c->sock, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail(c, RAST_STEP_SECCOMP, errno, "listener");
	(void)close(fd);
	c->tail.taken = shared;
	r = send_fd(c->sock, 'l', fd < r ? fd : r, page);
	return r < 0 ? fail(c, RAST_STEP_SECCOMP, -r, "listener") : 0;
}

static int attributes(struct launch_ctx *c)
{
	const struct rast_launch_attr *a = c->l->attr;
	int proc = -1, r;

	if (!a)
		return 0;
	if (!a->apparmor && !a->selinux && !(a->new_keyring && a->keyring_label))
		return rast_launch_attr_apply(a, -1, &c->tail.report);
	proc = rast_openat2(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	if (proc < 0)
		return fail(c, RAST_STEP_ATTRIBUTE, -proc, "/proc");
	r = rast_launch_attr_apply(a, proc, &c->tail.report);
	(void)close(proc);
	return r;
}

static int build_root(struct launch_ctx *c, int *ret_ptmx, struct rast_caps *caps)
{
	const struct rast_launch *l = c->l;
	struct rast_mount_hooks hooks = {l->hooks ? hook_in_mounts : NULL, c};
	bool no_pivot = false;
	int r;

	if (!l->mounts)
		return 0;
	r = rast_mount_apply(l->mounts, &hooks, l->tty ? ret_ptmx : NULL, &no_pivot,
			     &c->tail.report);
	if (no_pivot) {
		caps->bounding &= ~(1ull << CAP_SYS_CHROOT);
		caps->effective &= caps->bounding;
		caps->permitted &= caps->bounding;
		caps->inheritable &= caps->bounding;
		caps->ambient &= caps->bounding;
	}
	return r;
}

static int prepare(struct launch_ctx *c)
{
	const struct rast_launch *l = c->l;
	struct rast_caps caps = l->caps;
	_cleanup_close_ int landlock = -1;
	int ptmx = -1, r;

	if ((r = reset_signals(c)) < 0)
		return r;
	(void)umask(0);
	if (setsid() < 0)
		return fail(c, RAST_STEP_SESSION, errno, "setsid");
	/* Attributes first: their /proc must be the node's, not one that a container has made. */
	if ((r = set_limits(c)) < 0 || (r = become_root_inside(c)) < 0 || (r = attributes(c)) < 0 ||
	    (r = enter_namespaces(c)) < 0)
		return r;
	if ((l->namespaces & CLONE_NEWNET) && (r = launch_loopback_up()) < 0)
		return fail(c, RAST_STEP_LOOPBACK, -r, "lo");
	if ((r = build_root(c, &ptmx, &caps)) < 0)
		return r;
	r = l->tty ? set_tty(c, ptmx) : set_stdio(c);
	if (r < 0 || (r = close_others(c)) < 0)
		return r;
	/* As root, who finds every path; a container that runs can swap them, but only for its own. */
	if (l->landlock && (r = rast_landlock_open(l->landlock, &landlock, &c->tail.report)) < 0)
		return r;
	(void)umask(l->umask);
	if (l->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(c, RAST_STEP_CAPS, errno, "no_new_privs");
	if ((r = launch_set_user(c, caps)) < 0 || (r = enter_cwd(c)) < 0 ||
	    (r = find_command(c)) < 0 || (r = wait_for_word(c)) < 0)
		return r;
	/* A program of the image's: it may do no more than the container, whatever its name. */
	if (l->in_container) {
		r = l->in_container(l->arg, c->pid);
		if (r < 0)
			return fail(c, RAST_STEP_HOOK, -r, "startContainer");
	}
	/* The report of the tail names the command; it has no means to copy a string. */
	(void)fail(c, RAST_STEP_NONE, 0, c->tail.path);
	if (landlock >= 0 && (r = rast_landlock_restrict(landlock, &c->tail.report)) < 0)
		return r;
	/* Now, for the number of a listener is the lowest that is free. */
	rast_closep(&landlock);
	landlock = -1;
	return announce_listener(c);
}

_Noreturn void launch_child(struct launch_ctx *c)
{
	if (prepare(c) == 0)
		launch_tail_run(&c->tail);
	(void)send(c->sock, &c->tail.report, sizeof(c->tail.report), MSG_NOSIGNAL);
	_exit(127);
}
