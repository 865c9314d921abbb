// SPDX-License-Identifier: BSD-2-Clause
/*
 * Talks to rastd's control socket, and starts rastd when nobody listens there. The start waits for
 * one line on a pipe ({"ok":true} or the error that kept it from starting), not for time to pass.
 */
#include "cli/client.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ANSWER (256u << 20) /* what a controller of ours may answer; a bound, not a format */

/* Lines of a socket, one at a time. */
struct lines {
	int fd;
	char *buf;
	size_t len, cap, used;
};

static int connect_socket(const struct rast_instance *in)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", in->socket);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		if (errno != EINTR)
			return -errno;
	return TAKE_FD(fd);
}

bool rast_client_alive(const struct rast_instance *in)
{
	_cleanup_close_ int fd = connect_socket(in);

	return fd >= 0;
}

/* The line without its newline; NULL at the end of the stream or on error (*ret_r). */
static char *next_line(struct lines *l, int *ret_r)
{
	size_t scanned = 0;

	if (l->used) {
		memmove(l->buf, l->buf + l->used, l->len - l->used);
		l->len -= l->used;
		l->used = 0;
	}
	for (;;) {
		char *end =
			l->len > scanned ? memchr(l->buf + scanned, '\n', l->len - scanned) : NULL;
		ssize_t n;

		if (end) {
			*end = '\0';
			l->used = (size_t)(end - l->buf) + 1;
			return l->buf;
		}
		scanned = l->len;
		if (l->len == l->cap) {
			size_t cap = l->cap ? l->cap * 2 : 16384;
			char *more = cap > MAX_ANSWER ? NULL : realloc(l->buf, cap);

			if (!more) {
				*ret_r = -ENOMEM;
				return NULL;
			}
			l->buf = more;
			l->cap = cap;
		}
		n = read(l->fd, l->buf + l->len, l->cap - l->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			*ret_r = n < 0 ? -errno : -ECONNRESET;
			return NULL;
		}
		l->len += (size_t)n;
	}
}

static int take_error(struct rast_err *err, const json_t *e)
{
	int code = (int)rast_json_int(e, "code");

	if (code <= 0 || code > 4095)
		code = EIO;
	return rast_err_at(err, code, rast_json_str(e, "file"), (int)rast_json_int(e, "line"),
			   (int)rast_json_int(e, "col"), rast_json_str(e, "field"), "%s",
			   rast_json_str(e, "text"));
}

static int send_request(struct rast_cli *cli, int fd, const char *op, json_t *args)
{
	_cleanup_json_ json_t *req = json_pack("{s:s}", "op", op);
	_cleanup_free_ char *text = NULL;
	int r;

	if (args)
		(void)json_object_set(req, "args", args);
	text = json_dumps(req, JSON_COMPACT);
	if (!text)
		return rast_err_set(&cli->err, EINVAL, "%s: the request is no valid text", op);
	r = rast_write_all(fd, text, strlen(text));
	if (!r)
		r = rast_write_all(fd, "\n", 1);
	/* Cut off while sending: the answer that says why may be there to read. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

/* A connection, to a controller that is started when `start` says so. */
static int open_connection(struct rast_cli *cli, bool start)
{
	int fd = connect_socket(&cli->in), r;

	if (fd >= 0)
		return fd;
	if (fd == -EACCES || fd == -EPERM)
		return rast_err_set(&cli->err, -fd, "%s: no permission; this needs root",
				    cli->in.socket);
	if (fd != -ENOENT && fd != -ECONNREFUSED)
		return rast_err_sys(&cli->err, -fd, "%s", cli->in.socket);
	if (!start)
		return rast_err_set(&cli->err, ENOTCONN,
				    "no controller runs; start it with: rastbpf daemon start");
	r = rast_client_start(cli);
	if (r < 0)
		return r;
	fd = connect_socket(&cli->in);
	return fd >= 0 ? fd : rast_err_sys(&cli->err, -fd, "%s", cli->in.socket);
}

static int converse(struct rast_cli *cli, bool start, const char *op, json_t *args,
		    int (*fn)(void *arg, const json_t *event), void *arg, json_t **ret_result)
{
	struct lines l = {.fd = open_connection(cli, start)};
	int r = l.fd < 0 ? l.fd : send_request(cli, l.fd, op, args);
	bool done = r < 0;

	json_decref(args);
	while (!done) {
		_cleanup_json_ json_t *msg = NULL;
		const json_t *event;
		const char *line = next_line(&l, &r);

		if (!line) {
			(void)rast_err_set(&cli->err, -r,
					   "the controller closed the connection: %s",
					   strerror(-r));
			break;
		}
		msg = json_loads(line, 0, NULL);
		event = json_object_get(msg, "event");
		if (event && fn) {
			r = fn(arg, event);
			if (r) {
				r = r > 0 ? 0 : r;
				break;
			}
			continue;
		}
		done = true;
		if (rast_json_bool(msg, "ok")) {
			json_t *result = json_object_get(msg, "result");

			if (ret_result)
				*ret_result = result ? json_incref(result) : json_null();
		} else if (json_object_get(msg, "error")) {
			r = take_error(&cli->err, json_object_get(msg, "error"));
		} else {
			r = rast_err_set(&cli->err, EPROTO,
					 "the controller's answer is not understood");
		}
	}
	rast_closep(&l.fd);
	free(l.buf);
	return r;
}

int rast_client_call(struct rast_cli *cli, bool start, const char *op, json_t *args,
		     json_t **ret_result)
{
	return converse(cli, start, op, args, NULL, NULL, ret_result);
}

int rast_client_stream(struct rast_cli *cli, bool start, const char *op, json_t *args,
		       int (*fn)(void *arg, const json_t *event), void *arg)
{
	return converse(cli, start, op, args, fn, arg, NULL);
}

/* rastd stands beside this executable (build folder), or in sbin (installed: bin, libexec/rastos). */
static int find_rastd(char *path, size_t size)
{
	static const char *const places[] = {"rastd", "../sbin/rastd", "../../sbin/rastd"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	size_t i;
	int len;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		len = snprintf(path, size, "%s/%s", self, places[i]);
		if (len > 0 && (size_t)len < size && access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* In the grandchild: nothing but system calls until exec. Never returns. */
static void exec_rastd(const char *path, const char *instance, int log_fd, int ready_fd)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0 ||
	    dup2(ready_fd, 3) < 0)
		_exit(127);
	(void)close_range(4, ~0U, 0);
	if (chdir("/") < 0)
		_exit(127);
	(void)execl(path, "rastd", "--instance", instance, "--ready-fd=3", (char *)NULL);
	_exit(127);
}

static int spawn(struct rast_cli *cli, const char *path, int *ret_ready)
{
	_cleanup_close_ int log_fd = -1;
	char log_path[128];
	int ready[2], status = 0;
	pid_t pid;

	(void)snprintf(log_path, sizeof(log_path), "%s/rastd.log", cli->in.run_dir);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log_fd < 0)
		return rast_err_sys(&cli->err, errno, "%s", log_path);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return rast_err_sys(&cli->err, errno, "pipe");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setsid() < 0)
			_exit(127);
		pid = fork();
		if (pid)
			_exit(pid < 0 ? 127 : 0);
		exec_rastd(path, cli->in.name, log_fd, ready[1]);
	}
	(void)close(ready[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status) {
		(void)close(ready[0]);
		return rast_err_sys(&cli->err, EAGAIN, "fork");
	}
	*ret_ready = ready[0];
	return 0;
}

int rast_client_start(struct rast_cli *cli)
{
	_cleanup_close_ int lock = -1;
	_cleanup_json_ json_t *msg = NULL;
	struct lines l = {.fd = -1};
	char path[PATH_MAX + 16], lock_path[128];
	const char *line;
	int r;

	r = rast_cli_need_root(cli);
	if (r < 0)
		return r;
	r = find_rastd(path, sizeof(path));
	if (r < 0)
		return rast_err_set(&cli->err, ENOENT,
				    "rastd is neither beside rastbpf nor in ../sbin");
	r = rast_mkdir_p(cli->in.run_dir, 0755);
	if (r < 0)
		return rast_err_sys(&cli->err, -r, "%s", cli->in.run_dir);
	/* Two that start at once: the second waits here and then finds the first one's controller. */
	(void)snprintf(lock_path, sizeof(lock_path), "%s/start.lock", cli->in.run_dir);
	r = rast_lock_file(lock_path, 1, &lock);
	if (r < 0)
		return rast_err_sys(&cli->err, -r, "%s", lock_path);
	if (rast_client_alive(&cli->in))
		return 0;
	r = spawn(cli, path, &l.fd);
	if (r < 0)
		return r;
	line = next_line(&l, &r);
	msg = line ? json_loads(line, 0, NULL) : NULL;
	if (rast_json_bool(msg, "ok"))
		r = 0;
	else if (json_object_get(msg, "error"))
		r = take_error(&cli->err, json_object_get(msg, "error"));
	else
		r = rast_err_set(&cli->err, EIO, "rastd ended while it started; see %s/rastd.log",
				 cli->in.run_dir);
	rast_closep(&l.fd);
	free(l.buf);
	return r;
}
