// SPDX-License-Identifier: BSD-2-Clause
/* Probes and restarts under way; see pod_job.h. */
#include "controller/pod_job.h"

#include "base/fd.h"
#include "node/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AFTER_NS 2000000000ull

extern char **environ;

struct rast_pod_job {
	struct rast_source src; /* first: destroy() frees the whole */
	struct rast_pod_jobs *jobs;
	struct rast_pod_job *next, **prev;
	rast_pod_job_fn fn;
	void *arg;
	uint64_t deadline_ns; /* 0: none */
	pid_t pid;            /* 0: a connection */
	bool ending, connected;
	char *request;
	size_t sent, got;
	char answer[16];
};

static void destroy(struct rast_source *s)
{
	struct rast_pod_job *j = (struct rast_pod_job *)s;

	free(j->request);
	free(j);
}

static void end(struct rast_pod_job *j, bool success, const char *why)
{
	rast_pod_job_fn fn = j->fn;
	void *arg = j->arg;

	*j->prev = j->next;
	if (j->next)
		j->next->prev = j->prev;
	rast_source_remove(j->jobs->c, &j->src);
	if (fn)
		fn(arg, success, why);
}

static struct rast_pod_job *begin(struct rast_pod_jobs *jobs, int fd, uint32_t events,
				  uint64_t deadline_ns, rast_pod_job_fn fn, void *arg)
{
	struct rast_pod_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->src = (struct rast_source){.fd = fd, .destroy = destroy};
	j->jobs = jobs;
	j->fn = fn;
	j->arg = arg;
	j->deadline_ns = deadline_ns;
	if (rast_source_add(jobs->c, &j->src, events) < 0) {
		free(j);
		return NULL;
	}
	j->next = jobs->list;
	j->prev = &jobs->list;
	if (j->next)
		j->next->prev = &j->next;
	jobs->list = j;
	return j;
}

int rast_pod_jobs_init(struct rast_pod_jobs *jobs, struct rast_controller *c, struct rast_err *err)
{
	static const char *const places[] = {"/rastbpf", "/../bin/rastbpf"};
	char self[400], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	*jobs = (struct rast_pod_jobs){.c = c};
	if (n < 0)
		return rast_err_sys(err, errno, "/proc/self/exe");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(jobs->rastbpf, sizeof(jobs->rastbpf), "%s%s", self, places[i]);
		if (access(jobs->rastbpf, X_OK) == 0)
			return 0;
	}
	return rast_err_set(err, ENOENT, "no rastbpf beside rastd or in ../bin");
}

/* ---- connections ---- */

static const char *http_result(const struct rast_pod_job *j, bool *success)
{
	static char text[40];
	int status = rast_probe_http_status(j->answer, j->got);

	*success = rast_probe_http_success(status);
	if (status <= 0)
		return status ? "the answer is not HTTP" : "the answer ended early";
	(void)snprintf(text, sizeof(text), "HTTP status %d", status);
	return text;
}

static void on_connection(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct rast_pod_job *j = (struct rast_pod_job *)s;
	socklen_t len = sizeof(int);
	bool success = false;
	const char *why;
	int code = 0;
	ssize_t n;

	(void)events;
	if (!j->connected) {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
			code = errno;
		if (code) {
			end(j, false, strerror(code));
			return;
		}
		j->connected = true;
		if (!j->request) {
			end(j, true, "connected");
			return;
		}
	}
	if (j->request[j->sent]) {
		n = send(s->fd, j->request + j->sent, strlen(j->request + j->sent), MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			end(j, false, strerror(errno));
			return;
		}
		j->sent += n > 0 ? (size_t)n : 0;
		if (!j->request[j->sent])
			(void)rast_source_change(c, s, EPOLLIN);
		return;
	}
	n = recv(s->fd, j->answer + j->got, sizeof(j->answer) - j->got, 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(j, false, strerror(errno));
		return;
	}
	j->got += (size_t)n;
	/* The first bytes decide: a server that never stops sending is not listened to. */
	if (n > 0 && !rast_probe_http_status(j->answer, j->got))
		return;
	why = http_result(j, &success);
	end(j, success, why);
}

struct rast_pod_job *rast_pod_job_connect(struct rast_pod_jobs *jobs, const char *address,
					  uint16_t port, const char *path, uint64_t deadline_ns,
					  rast_pod_job_fn fn, void *arg, const char **why)
{
	/* Closed by a reset, so that frequent probes leave no TIME_WAIT behind. */
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	_cleanup_close_ int fd = -1;
	struct rast_pod_job *j;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		*why = "the host is no IPv4 address";
		return NULL;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)) {
		*why = strerror(errno);
		return NULL;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	j = begin(jobs, fd, EPOLLOUT, deadline_ns, fn, arg);
	if (!j) {
		*why = "out of memory";
		return NULL;
	}
	(void)TAKE_FD(fd);
	j->src.fn = on_connection;
	if (path) {
		j->request = rast_probe_http_request(path, address, port);
		if (!j->request) {
			j->fn = NULL;
			end(j, false, NULL);
			*why = "out of memory";
			return NULL;
		}
	}
	return j;
}

/* ---- processes ---- */

static void on_process(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct rast_pod_job *j = (struct rast_pod_job *)s;
	siginfo_t si = {0};
	char why[64];

	(void)c;
	(void)events;
	if (waitid(P_PIDFD, (id_t)s->fd, &si, WEXITED | WNOHANG) < 0) {
		end(j, false, strerror(errno));
		return;
	}
	if (!si.si_pid)
		return;
	(void)snprintf(why, sizeof(why), "%s %d",
		       si.si_code == CLD_EXITED ? "exit code" : "killed by signal", si.si_status);
	end(j, si.si_code == CLD_EXITED && si.si_status == 0, why);
}

static int spawn(const char *path, const char *const *argv, bool quiet, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, 0, 1);
	/* stderr is the controller's log, into which no command of a container writes. */
	if (!r && quiet)
		r = posix_spawn_file_actions_adddup2(&files, 0, 2);
	/* The signals we block and ignore are our own affair. */
	if (!r)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (!r)
		r = posix_spawn(ret, path, &files, &attr, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return -r;
}

struct rast_pod_job *rast_pod_job_run(struct rast_pod_jobs *jobs, const char *const *argv,
				      uint64_t deadline_ns, rast_pod_job_fn fn, void *arg,
				      const char **why)
{
	struct rast_pod_job *j;
	pid_t pid = 0;
	int r, fd;

	r = spawn(jobs->rastbpf, argv, deadline_ns != 0, &pid);
	if (r < 0) {
		*why = strerror(-r);
		return NULL;
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	j = fd < 0 ? NULL : begin(jobs, fd, EPOLLIN, deadline_ns, fn, arg);
	if (!j) {
		*why = "cannot be watched";
		rast_closep(&fd);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return NULL;
	}
	j->src.fn = on_process;
	j->pid = pid;
	return j;
}

static bool is_child_of(pid_t pid, pid_t parent)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *p;
	char state;
	int ppid;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (rast_read_file(AT_FDCWD, path, 8192, &text, NULL) < 0)
		return false;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %c %d", &state, &ppid) == 2 && ppid == parent;
}

/* A killed `rastbpf container exec` would leave its command behind in the container. */
static void kill_children(pid_t parent)
{
	_cleanup_free_ char *text = NULL;
	char path[96], *p, *more;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if (rast_read_file(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return;
	for (p = strtok_r(text, " \n", &more); p; p = strtok_r(NULL, " \n", &more)) {
		pid_t pid = (pid_t)atoi(p);
		_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);

		/* Asked after the open: the fd cannot come to mean another process. */
		if (fd >= 0 && is_child_of(pid, parent))
			(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
}

static void expire(struct rast_pod_job *j, uint64_t now_ns)
{
	rast_pod_job_fn fn = j->fn;

	if (!j->pid) {
		end(j, false, "no answer in time");
		return;
	}
	if (!j->ending) {
		/* Its command is killed, so that it ends by itself. */
		kill_children(j->pid);
		j->ending = true;
		j->deadline_ns = now_ns + KILL_AFTER_NS;
		j->fn = NULL;
		if (fn)
			fn(j->arg, false, "no answer in time");
		return;
	}
	kill_children(j->pid);
	(void)syscall(SYS_pidfd_send_signal, j->src.fd, SIGKILL, NULL, 0);
	j->deadline_ns = 0;
}

void rast_pod_job_forget(struct rast_pod_job *j)
{
	if (!j)
		return;
	j->fn = NULL;
	if (!j->pid)
		end(j, false, NULL);
	else if (j->deadline_ns && !j->ending)
		expire(j, rast_clock_ns());
}

uint64_t rast_pod_jobs_expire(struct rast_pod_jobs *jobs, uint64_t now_ns)
{
	struct rast_pod_job *j, *next;
	uint64_t least = UINT64_MAX;

	/* A callback may begin jobs, at the head of the list; it ends none but its own. */
	for (j = jobs->list; j; j = next) {
		next = j->next;
		if (j->deadline_ns && j->deadline_ns <= now_ns)
			expire(j, now_ns);
	}
	for (j = jobs->list; j; j = j->next)
		if (j->deadline_ns && j->deadline_ns < least)
			least = j->deadline_ns;
	return least;
}

void rast_pod_jobs_finish(struct rast_pod_jobs *jobs)
{
	while (jobs->list) {
		struct rast_pod_job *j = jobs->list;

		j->fn = NULL;
		if (j->pid && j->deadline_ns) {
			kill_children(j->pid);
			(void)syscall(SYS_pidfd_send_signal, j->src.fd, SIGKILL, NULL, 0);
		}
		end(j, false, NULL);
	}
}
