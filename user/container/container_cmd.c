// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf container: what runs, and what can be done to it. */
#include "container/container_cmd.h"

#include "base/fd.h"
#include "cli/client.h"
#include "container/attach.h"
#include "container/container_bpf.h"
#include "container/exec.h"
#include "container/own_exe.h"
#include "container/log.h"
#include "container/run.h"
#include "container/state.h"
#include "node/node.h"
#include "node/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* status, and the exit status where the kernel half kept it. */
static void add_status(struct rast_cli *cli, json_t *c)
{
	struct rast_container rec;
	int code;

	if (rast_state_container_alive(c)) {
		(void)json_object_set_new(c, "status", json_string("running"));
		return;
	}
	(void)json_object_set_new(c, "status", json_string("exited"));
	if (rast_container_bpf_read(&cli->in, (uint64_t)rast_json_int(c, "cgroup_id"), &rec) < 0 ||
	    !(rec.flags & RAST_CONTAINER_EXITED))
		return;
	code = rast_exit_code(rec.exit_code);
	(void)json_object_set_new(c, "exit_status", json_integer(code));
	(void)json_object_set_new(c, "status",
				  rec.flags & RAST_CONTAINER_OOM
					  ? json_string("oom-killed")
					  : json_sprintf("exited (%d)", code));
}

/* What only the controller knows: readiness. Left out where none runs. */
static json_t *ask_ready(struct rast_cli *cli)
{
	struct rast_err saved = cli->err;
	json_t *list = NULL;

	if (rast_client_alive(&cli->in))
		(void)rast_client_call(cli, false, "pods.list", NULL, &list);
	cli->err = saved;
	return list;
}

static void add_ready(const json_t *list, const char *ns, const char *pod, json_t *c)
{
	const json_t *p, *one;
	size_t i, j;

	json_array_foreach(list, i, p) {
		if (strcmp(rast_json_str(p, "namespace"), ns) ||
		    strcmp(rast_json_str(p, "pod"), pod))
			continue;
		json_array_foreach(json_object_get(p, "containers"), j, one)
			if (!strcmp(rast_json_str(one, "name"), rast_json_str(c, "name")))
				(void)json_object_set_new(
					c, "ready", json_boolean(rast_json_bool(one, "ready")));
	}
}

static int cmd_list(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"namespace", "NAMESPACE", RAST_COL_TEXT}, {"pod", "POD", RAST_COL_TEXT},
		{"name", "CONTAINER", RAST_COL_TEXT},      {"status", "STATUS", RAST_COL_TEXT},
		{"ready", "READY", RAST_COL_BOOL},         {"pid", "PID", RAST_COL_NUM},
		{"address", "ADDRESS", RAST_COL_TEXT},     {"address6", "IPV6", RAST_COL_TEXT},
		{"image", "IMAGE", RAST_COL_TEXT},         {"started", "STARTED", RAST_COL_TIME},
		{"restarts", "RESTARTS", RAST_COL_NUM},    {NULL}};
	_cleanup_json_ json_t *pods = NULL;
	_cleanup_json_ json_t *ready = ask_ready(cli);
	json_t *rows = json_array(), *p, *c;
	size_t i, j;
	int r = rast_state_pods(&cli->in, true, &pods, &cli->err);

	(void)args;
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	json_array_foreach(pods, i, p)
		json_array_foreach(json_object_get(p, "containers"), j, c) {
			rast_json_set_str(c, "namespace", rast_json_str(p, "namespace"));
			rast_json_set_str(c, "pod", rast_json_str(p, "name"));
			rast_json_set_str(c, "address", rast_json_str(p, "address"));
			if (*rast_json_str(p, "address6"))
				rast_json_set_str(c, "address6", rast_json_str(p, "address6"));
			(void)json_object_del(c, "exec");
			add_status(cli, c);
			add_ready(ready, rast_json_str(p, "namespace"), rast_json_str(p, "name"),
				  c);
			(void)json_array_append(rows, c);
		}
	return rast_cli_table(cli, rows, cols);
}

/* The container that NAME means: of a pod, its only one. */
static int find(struct rast_cli *cli, const char *text, struct rast_state_name *name, json_t **ret)
{
	_cleanup_json_ json_t *pod = NULL;
	json_t *list;
	int r = rast_state_resolve(&cli->in, text, name, &cli->err);

	if (r < 0)
		return r;
	if (*name->container)
		return rast_state_container_load(&cli->in, name->ns, name->pod, name->container,
						 ret, &cli->err);
	r = rast_state_pod_load(&cli->in, name->ns, name->pod, true, &pod, &cli->err);
	if (r < 0)
		return r;
	list = json_object_get(pod, "containers");
	if (json_array_size(list) != 1)
		return rast_err_set(&cli->err, EINVAL,
				    "pod %s/%s has %zu containers: name one as %s/%s/CONTAINER",
				    name->ns, name->pod, json_array_size(list), name->ns,
				    name->pod);
	*ret = json_incref(json_array_get(list, 0));
	(void)snprintf(name->container, sizeof(name->container), "%s", rast_json_str(*ret, "name"));
	return 0;
}

/* How much of the log is there, and how much is not kept any more. */
static void add_log(json_t *c)
{
	const char *path = rast_json_str(c, "log");
	_cleanup_close_ int fd = *path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	off_t first = fd < 0 ? -1 : rast_container_log_first(fd), end;

	if (first < 0)
		return;
	end = lseek(fd, 0, SEEK_END);
	(void)json_object_set_new(c, "log_bytes", json_integer(end > first ? end - first : 0));
	(void)json_object_set_new(c, "log_dropped_bytes", json_integer(first));
}

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *ready = NULL;
	struct rast_state_name name;
	json_t *c = NULL;
	int r;

	if (!args->argc)
		return cmd_list(cli, args);
	r = find(cli, args->argv[0], &name, &c);
	if (r < 0)
		return r;
	rast_json_set_str(c, "namespace", name.ns);
	rast_json_set_str(c, "pod", name.pod);
	add_status(cli, c);
	add_log(c);
	ready = ask_ready(cli);
	add_ready(ready, name.ns, name.pod, c);
	return rast_cli_record(cli, c, NULL);
}

/* Of a container of rast-oci only that can be seen which the kernel shows. */
static int need_own(struct rast_cli *cli, const json_t *c, const char *name)
{
	if (!*rast_json_str(c, "oci_id"))
		return 0;
	return rast_err_set(&cli->err, EBUSY,
			    "%s was started by rast-oci (as %s): use the client that did it", name,
			    rast_json_str(c, "oci_id"));
}

static const struct rast_opt exec_opts[] = {{"tty", 't', NULL, "a terminal of its own"},
					    {"interactive", 'i', NULL, "keep standard input"},
					    {NULL}};

static int cmd_exec(struct rast_cli *cli, const struct rast_args *args)
{
	struct rast_container_exec what = {.stdio = {0, 1, 2}};
	struct rast_launched out = {.pidfd = -1, .tty = -1};
	_cleanup_json_ json_t *c = NULL;
	struct rast_state_name name;
	int r, status = 0, first = 1;

	if (args->argc > 1 && !strcmp(args->argv[1], "--"))
		first = 2;
	if (args->argc <= first)
		return rast_cli_usage(cli, "exec: want NAME -- CMD");
	r = rast_cli_need_root(cli);
	/* At once: it may start all over. What a pod may do is in its manifest; all are treated alike. */
	if (r == 0)
		r = rast_exe_protect(cli->argv, &cli->err);
	if (r == 0)
		r = find(cli, args->argv[0], &name, &c);
	if (r == 0)
		r = need_own(cli, c, args->argv[0]);
	if (r < 0)
		return r;
	what.argv = (const char *const *)args->argv + first;
	what.tty = rast_args_get(args, "tty") != NULL;
	rast_container_attach_prepare();
	r = rast_container_exec(&cli->in, c, &what, &out, &cli->err);
	if (r < 0)
		return r;
	r = rast_container_attach(out.pidfd, out.tty, &status, &cli->err);
	rast_closep(&out.pidfd);
	rast_closep(&out.tty);
	return r < 0 ? r : status;
}

static const struct rast_opt logs_opts[] = {
	{"follow", 'f', NULL, "wait for more"},
	{"tail", 0, "N", "only the last N lines"},
	{"previous", 0, NULL, "of the run before the last restart"},
	{NULL}};

/* Where the last n lines begin; 0 when fewer are kept. */
static off_t tail_offset(int fd, unsigned long n)
{
	off_t first = rast_container_log_first(fd), at = lseek(fd, 0, SEEK_END), end = at;
	char buf[4096];

	while (at > first) {
		size_t want = at - first > (off_t)sizeof(buf) ? sizeof(buf) : (size_t)(at - first);
		ssize_t got = pread(fd, buf, want, at - (off_t)want);

		if (got != (ssize_t)want)
			return 0;
		while (want-- > 0) {
			at--;
			if (buf[want] == '\n' && at + 1 != end && n-- <= 1)
				return at + 1;
		}
	}
	return 0;
}

static int copy_out(struct rast_cli *cli, int fd)
{
	char buf[65536], *from, *end;
	off_t gone;
	ssize_t n;

	do {
		gone = rast_container_log_skip(fd);
		if (gone < 0)
			return rast_err_sys(&cli->err, (int)-gone, "log");
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		from = buf;
		if (gone) {
			(void)fprintf(stderr,
				      "note: %lld bytes of this log are not kept any more\n",
				      (long long)gone);
			/* What follows begins in the middle of a line. */
			end = memchr(buf, '\n', (size_t)n);
			from = end ? end + 1 : buf;
		}
		if (rast_write_all(STDOUT_FILENO, from, (size_t)(buf + n - from)) < 0)
			return rast_err_sys(&cli->err, EPIPE, "standard output");
	} while (1);
	return n < 0 ? rast_err_sys(&cli->err, errno, "log") : 0;
}

static int follow(struct rast_cli *cli, int fd, const char *path, const json_t *c)
{
	_cleanup_close_ int pidfd = rast_container_pidfd(c), watch = inotify_init1(IN_CLOEXEC);
	struct pollfd p[2] = {{.fd = watch, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	char events[4096];
	int r;

	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return rast_err_sys(&cli->err, errno, "%s", path);
	do {
		r = copy_out(cli, fd);
		if (r < 0 || pidfd < 0 || (p[1].revents & POLLIN))
			return r;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return rast_err_sys(&cli->err, errno, "poll");
		if (p[0].revents & POLLIN)
			(void)!read(watch, events, sizeof(events));
	} while (1);
}

static int cmd_logs(struct rast_cli *cli, const struct rast_args *args)
{
	const char *tail = rast_args_get(args, "tail"), *path;
	_cleanup_json_ json_t *c = NULL;
	_cleanup_close_ int fd = -1;
	struct rast_state_name name;
	char previous[512], tail_name[160];
	int r = find(cli, args->argv[0], &name, &c);

	if (r == 0)
		r = need_own(cli, c, args->argv[0]);
	if (r < 0)
		return r;
	path = rast_json_str(c, "log");
	if (!*path)
		return rast_err_set(&cli->err, ENOENT, "%s runs in the foreground: it has no log",
				    args->argv[0]);
	if (rast_args_get(args, "previous")) {
		(void)snprintf(tail_name, sizeof(tail_name), "logs/%s.previous.log",
			       name.container);
		r = rast_state_data_path(&cli->in, name.ns, name.pod, tail_name, previous,
					 sizeof(previous));
		if (r < 0)
			return rast_err_sys(&cli->err, -r, "%s", args->argv[0]);
		path = previous;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return rast_err_sys(&cli->err, errno, "%s", path);
	if (tail) {
		char *end;
		unsigned long n = strtoul(tail, &end, 10);

		if (*end || end == tail)
			return rast_cli_usage(cli, "--tail %s: want a number", tail);
		(void)lseek(fd, n ? tail_offset(fd, n) : 0, n ? SEEK_SET : SEEK_END);
	}
	return rast_args_get(args, "follow") ? follow(cli, fd, path, c) : copy_out(cli, fd);
}

/* The controller starts nothing again that was stopped by hand. */
static int mark_stopped(struct rast_cli *cli, const struct rast_state_name *name, json_t *c)
{
	_cleanup_json_ json_t *fresh = NULL;
	_cleanup_close_ int lock = -1;
	int r = rast_state_lock(&cli->in, &lock, &cli->err);

	if (r == 0)
		r = rast_state_container_load(&cli->in, name->ns, name->pod,
					      rast_json_str(c, "name"), &fresh, &cli->err);
	if (r < 0)
		return r;
	(void)json_object_set_new(fresh, "stopped", json_true());
	r = rast_state_container_store(&cli->in, name->ns, name->pod, fresh, &cli->err);
	if (r == 0)
		(void)json_object_update(c, fresh);
	return r;
}

static int cmd_stop(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *pod = NULL;
	struct rast_state_name name;
	json_t *c;
	size_t i;
	int r = rast_cli_need_root(cli);

	if (r == 0)
		r = rast_state_resolve(&cli->in, args->argv[0], &name, &cli->err);
	if (r == 0)
		r = rast_state_pod_load(&cli->in, name.ns, name.pod, true, &pod, &cli->err);
	json_array_foreach(json_object_get(pod, "containers"), i, c)
		if (r == 0 &&
		    (!*name.container || !strcmp(name.container, rast_json_str(c, "name")))) {
			r = need_own(cli, c, args->argv[0]);
			if (r == 0)
				r = mark_stopped(cli, &name, c);
			if (r == 0)
				r = rast_container_stop(
					&cli->in, name.ns, name.pod, c,
					(unsigned int)rast_json_int(pod, "grace_s") * 1000,
					&cli->err);
		}
	return r;
}

static const struct rast_opt restart_opts[] = {
	{"run", 0, "TICKS", "only if its start_ticks is still this (how the controller asks)"},
	{NULL}};

static int cmd_restart(struct rast_cli *cli, const struct rast_args *args)
{
	const char *run = rast_args_get(args, "run");
	_cleanup_json_ json_t *c = NULL;
	struct rast_state_name name;
	uint64_t ticks = 0;
	char *end;
	int r = rast_cli_need_root(cli);

	if (run) {
		ticks = strtoull(run, &end, 10);
		if (*end || end == run || !ticks)
			return rast_cli_usage(cli, "--run %s: want a number", run);
	}
	if (r == 0)
		r = find(cli, args->argv[0], &name, &c);
	if (r < 0)
		return r;
	return rast_node_container_restart(&cli->in, name.ns, name.pod, name.container, ticks,
					   &cli->err);
}

static int cmd_rm(struct rast_cli *cli, const struct rast_args *args)
{
	struct rast_state_name name;
	int r = rast_cli_need_root(cli);

	if (r == 0)
		r = rast_state_resolve(&cli->in, args->argv[0], &name, &cli->err);
	return r < 0 ? r : rast_node_pod_stop(&cli->in, name.ns, name.pod, -1, &cli->err);
}

static const struct rast_verb verbs[] = {
	{"run", NULL, "[OPTIONS] -- CMD [ARGS]", "run a command in a new container",
	 rast_container_run_opts, 0, -1, rast_container_run_cmd},
	{"show", "list", "[NAME]", "containers, or one of them", NULL, 0, 1, cmd_show},
	{"ps", NULL, "", "containers", NULL, 0, 0, cmd_list},
	{"exec", NULL, "[-it] NAME -- CMD [ARGS]", "run a command in a running container",
	 exec_opts, 1, -1, cmd_exec},
	{"logs", NULL, "NAME [-f] [--tail N] [--previous]", "what it wrote", logs_opts, 1, 1,
	 cmd_logs},
	{"stop", NULL, "NAME", "end its processes, keep its files", NULL, 1, 1, cmd_stop},
	{"restart", NULL, "NAME", "end it and start it again in its pod", restart_opts, 1, 1,
	 cmd_restart},
	{"rm", NULL, "NAME", "end it and remove all of its pod", NULL, 1, 1, cmd_rm},
	{"adopt", NULL, "", "register a container of rast-oci, told on standard input", NULL, 0, 0,
	 rast_container_adopt_cmd},
	{"release", NULL, "ID", "forget what adopt registered; the container runs on", NULL, 1, 1,
	 rast_container_release_cmd},
	{NULL},
};

const struct rast_object rast_object_container = {
	.name = "container",
	.summary = "run, enter and look at containers",
	.verbs = verbs,
	.details = "NAME is POD, NAMESPACE/POD or NAMESPACE/POD/CONTAINER.",
};
