// SPDX-License-Identifier: BSD-2-Clause
/* See criu.h. */
#include "oci/criu.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ANSWER 65536
#define MAX_LOG (1u << 20)
#define SOCKET_FD 3
#define ABOVE_ALL 64 /* descriptors are lifted above those numbers before they get theirs */
#define CONFIG_NOTE "org.criu.config"

static const char criu_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct worker {
	pid_t pid;
	int sock; /* ours */
	int said; /* what it wrote to its standard error */
};

/* ---- finding and starting it ---- */

int oci_criu_find(const char *name, char *buf, size_t size)
{
	const char *dir = criu_path, *end;

	for (; *dir; dir = end + (*end == ':')) {
		end = strchrnul(dir, ':');
		(void)snprintf(buf, size, "%.*s/%.200s", (int)(end - dir), dir, name);
		if (access(buf, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static int find(struct oci *o, char *buf, size_t size)
{
	if (o->criu && strchr(o->criu, '/')) {
		if ((size_t)snprintf(buf, size, "%s", o->criu) >= size || access(buf, X_OK) < 0)
			return rast_err_sys(&o->err, errno, "--criu %s", o->criu);
		return 0;
	}
	if (oci_criu_find(o->criu && *o->criu ? o->criu : "criu", buf, size) == 0)
		return 0;
	return rast_err_set(
		&o->err, ENOENT,
		"checkpoint and restore need criu, which is not installed (package criu)");
}

/* Descriptors to their numbers in two steps, so that none lands on one that is still needed. */
static int arrange(const struct oci_criu_call *call, int sock, int said)
{
	int high[OCI_CRIU_MAX_FDS + 1], i;

	high[0] = fcntl(sock, F_DUPFD_CLOEXEC, ABOVE_ALL);
	for (i = 0; i < call->n_fds; i++)
		high[i + 1] = fcntl(call->fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
	if (!call->stdio) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0 || dup2(null, 0) < 0 || dup2(said, 1) < 0 || dup2(said, 2) < 0)
			return -errno;
	}
	for (i = 0; i <= call->n_fds; i++)
		if (high[i] < 0 || dup2(high[i], SOCKET_FD + i) < 0)
			return -errno;
	return close_range(SOCKET_FD + (unsigned int)i, ~0u, 0) < 0 ? -errno : 0;
}

_Noreturn static void become(const struct oci_criu_call *call, const char *path, int sock, int said)
{
	char *const argv[] = {"criu", "swrk", "3", NULL};
	char env_path[sizeof(criu_path) + 8];
	char *const env[] = {env_path, NULL};
	sigset_t none;

	(void)snprintf(env_path, sizeof(env_path), "PATH=%s", criu_path);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (arrange(call, sock, said) == 0)
		(void)execve(path, argv, env);
	_exit(127);
}

static int start(struct oci *o, const struct oci_criu_call *call, struct worker *ret)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	_cleanup_close_ int ours = -1, its = -1;
	char path[4096];
	int pair[2], r;
	long pid;

	r = find(o, path, sizeof(path));
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return rast_err_sys(&o->err, errno, "socket to criu");
	ours = pair[0];
	its = pair[1];
	ret->said = memfd_create("criu", MFD_CLOEXEC);
	if (ret->said < 0)
		return rast_err_sys(&o->err, errno, "criu's output");
	if (call->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)call->cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become(call, path, its, ret->said);
	if (pid < 0) {
		r = rast_err_sys(&o->err, errno, "starting criu");
		rast_closep(&ret->said);
		ret->said = -1;
		return r;
	}
	ret->pid = (pid_t)pid;
	ret->sock = TAKE_FD(ours);
	return 0;
}

/* Its end, once; closes what was opened for it. */
static int stop(struct worker *w)
{
	siginfo_t info = {0};

	rast_closep(&w->sock);
	w->sock = -1;
	while (w->pid && waitid(P_PID, (id_t)w->pid, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			break;
	w->pid = 0;
	return info.si_code == CLD_EXITED ? info.si_status : -1;
}

static void finish(struct worker *w)
{
	(void)stop(w);
	rast_closep(&w->said);
	w->said = -1;
}

/* ---- what went wrong ---- */

/* What follows from an error before it. */
static bool is_noise(const char *line, size_t n)
{
	return memmem(line, n, "exited, status=", 15) || memmem(line, n, "ing FAILED", 10);
}

/* The last lines of it that say "Error", the first of them first, with "; " between. */
static void last_errors(const char *text, char *buf, size_t size)
{
	const char *line = text, *found[2] = {NULL, NULL}, *end;
	size_t n = 0, i;

	for (; *line; line = end + (*end == '\n')) {
		const char *at;

		end = strchrnul(line, '\n');
		at = memmem(line, (size_t)(end - line), "Error (", 7);
		if (at && !is_noise(at, (size_t)(end - at))) {
			found[0] = found[1];
			found[1] = at;
		}
	}
	buf[0] = '\0';
	for (i = 0; i < 2; i++) {
		const char *said = found[i];

		if (!said)
			continue;
		/* "Error (criu/files.c:1): why": the place says little to a reader. */
		end = strchrnul(said, '\n');
		line = memmem(said, (size_t)(end - said), "): ", 3);
		if (line)
			said = line + 3;
		if (n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%.*s", n ? "; " : "",
					      (int)(end - said < 160 ? end - said : 160), said);
	}
}

static void from_file(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	text = malloc(MAX_LOG + 1);
	if (!text)
		return;
	n = pread(fd, text, MAX_LOG, st.st_size > MAX_LOG ? st.st_size - MAX_LOG : 0);
	text[n > 0 ? n : 0] = '\0';
	last_errors(text, buf, size);
}

static int failed(struct oci *o, const struct oci_criu_call *call, struct worker *w,
		  const struct oci_criu_answer *a)
{
	const char *verb = call->type == OCI_CRIU_RESTORE ? "restore" : "checkpoint";
	char why[360], said[64];
	int status = stop(w);

	from_file(call->log_dir, call->log_file, why, sizeof(why));
	if (!why[0] && a)
		(void)snprintf(why, sizeof(why), "%s", a->text);
	/* Before there is a log it talks to standard error. */
	(void)snprintf(said, sizeof(said), "/proc/self/fd/%d", w->said);
	if (!why[0]) {
		_cleanup_free_ char *text = NULL;

		if (rast_read_file(AT_FDCWD, said, MAX_LOG, &text, NULL) == 0)
			last_errors(text, why, sizeof(why));
	}
	if (why[0])
		return rast_err_set(&o->err, EIO, "criu: %s failed: %s; see %.200s/%s", verb, why,
				    call->log_path, call->log_file);
	if (a && a->code)
		return rast_err_sys(&o->err, (int)a->code, "criu: %s failed; see %.200s/%s", verb,
				    call->log_path, call->log_file);
	return rast_err_set(&o->err, EIO,
			    "criu: %s failed, exit status %d; `criu check` says whether it works "
			    "here; see %.200s/%s",
			    verb, status, call->log_path, call->log_file);
}

/* ---- the conversation ---- */

static int send_request(struct oci *o, int sock, const struct oci_message *m)
{
	if (m->failed)
		return rast_err_sys(&o->err, ENOMEM, "request to criu");
	/* An end that came before is told by what we read. */
	if (send(sock, m->data, m->len, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return rast_err_sys(&o->err, errno, "request to criu");
	return 0;
}

/* 0: it has ended. */
static int receive(int sock, void *buf, size_t size, struct oci_criu_answer *ret, int *ret_fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {buf, size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm;
	ssize_t n;
	int r;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	cm = CMSG_FIRSTHDR(&msg);
	if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(cm), sizeof(int));
	if (!n)
		return 0;
	r = oci_criu_answer_parse(buf, (size_t)n, ret);
	return r < 0 ? r : 1;
}

static int on_notify(struct oci *o, const struct oci_criu_call *call, int sock,
		     const struct oci_criu_answer *a, int *fd)
{
	_cleanup_message_ struct oci_message m = {0};
	int r = call->notify ? call->notify(call->arg, a->script, (pid_t)a->pid, fd, &o->err) : 0;

	oci_message_int(&m, OCI_CRIU_REQ_TYPE, OCI_CRIU_NOTIFY);
	oci_message_int(&m, OCI_CRIU_REQ_NOTIFY_SUCCESS, r == 0);
	return send_request(o, sock, &m);
}

static int converse(struct oci *o, const struct oci_criu_call *call, struct worker *w,
		    struct oci_criu_answer *ret)
{
	_cleanup_free_ void *buf = malloc(MAX_ANSWER);
	_cleanup_message_ struct oci_message m = {0};
	int r;

	if (!buf)
		return rast_err_sys(&o->err, ENOMEM, "criu");
	oci_message_int(&m, OCI_CRIU_REQ_TYPE, call->type);
	if (call->opts.len)
		oci_message_sub(&m, OCI_CRIU_REQ_OPTS, &call->opts);
	r = send_request(o, w->sock, &m);
	while (r == 0) {
		_cleanup_close_ int fd = -1;

		r = receive(w->sock, buf, MAX_ANSWER, ret, &fd);
		if (r < 0)
			return rast_err_sys(&o->err, -r, "answer of criu");
		/* What a notification could not do stands in err already, and comes first. */
		if (r == 0)
			return failed(o, call, w, NULL);
		if (ret->type == OCI_CRIU_NOTIFY) {
			r = on_notify(o, call, w->sock, ret, &fd);
			continue;
		}
		return ret->success ? 0 : failed(o, call, w, ret);
	}
	return r;
}

int oci_criu_call(struct oci *o, const struct oci_criu_call *call, pid_t *ret_pid)
{
	struct worker w = {.sock = -1, .said = -1};
	struct oci_criu_answer a = {0};
	int r = start(o, call, &w);

	if (r == 0 && call->started)
		r = call->started(call->arg, w.pid, &o->err);
	if (r == 0)
		r = converse(o, call, &w, &a);
	/* A worker that made a pre-dump waits for more, and calls it a failure when nothing comes. */
	if (r == 0 && stop(&w) != 0 && call->type == OCI_CRIU_DUMP)
		r = failed(o, call, &w, NULL);
	finish(&w);
	if (r == 0 && ret_pid)
		*ret_pid = (pid_t)a.pid;
	return r;
}

int oci_criu_check(struct oci *o)
{
	struct oci_criu_call call = OCI_CRIU_CALL_INIT;
	struct worker w = {.sock = -1, .said = -1};
	struct oci_criu_answer a = {0};
	int r;

	call.type = OCI_CRIU_VERSION;
	r = start(o, &call, &w);
	if (r == 0) {
		struct rast_err kept = o->err;

		r = converse(o, &call, &w, &a);
		if (r < 0) {
			o->err = kept;
			(void)rast_err_set(&o->err, EIO,
					   "criu does not answer: `criu check` says why");
		}
	}
	finish(&w);
	if (r == 0 && a.major * 100 + a.minor < 315)
		r = rast_err_set(&o->err, ENOTSUP, "criu %d.%d is too old: want 3.15 or newer",
				 (int)a.major, (int)a.minor);
	return r < 0 ? r : (int)(a.major * 100 + a.minor);
}
