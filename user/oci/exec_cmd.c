// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci exec: one more process in a running container, by the process of its config.json with what the
 * command line changes, or by a process of its own (--process). It enters the namespaces of the first
 * process by its pidfd, all at once; nothing is looked up by name in a file system that the container
 * controls before the caller's own descriptors are closed.
 */
#include "base/fd.h"
#include "container/attach.h"
#include "container/cgroup.h"
#include "oci/create.h"
#include "oci/log.h"
#include "oci/own_exe.h"
#include "oci/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_ENV 1024
#define MAX_GROUPS 64

static const struct oci_opt exec_opts[] = {
	{"process", 'p', "FILE", "a process object instead of a command"},
	{"cwd", 0, "DIR", "working directory in the container"},
	{"env", 'e', "NAME=VALUE", "set a variable (may be repeated)"},
	{"tty", 't', NULL, "give it a terminal"},
	{"user", 'u', "UID[:GID]", "user and group"},
	{"additional-gids", 'g', "GID", "supplementary group (may be repeated)"},
	{"cap", 'c', "CAP", "one more capability (may be repeated)"},
	{"no-new-privs", 0, NULL, "set no_new_privs"},
	{"apparmor", 0, "PROFILE", "AppArmor profile"},
	{"process-label", 0, "LABEL", "SELinux label"},
	{"cgroup", 0, "PATH", "a cgroup below the container's"},
	{"detach", 'd', NULL, "do not wait for its end"},
	{"pid-file", 0, "FILE", "where the process id is written"},
	{"console-socket", 0, "PATH", "unix socket that gets the terminal's master side"},
	{"preserve-fds", 0, "N", "hand on N more file descriptors, from 3 on"},
	{"ignore-paused", 0, NULL, "also when the container is paused"},
	{0},
};

struct exec {
	struct rast_oci_process process;
	const char *env[MAX_ENV + 1];
	uint32_t groups[MAX_GROUPS];
};

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return !strncmp(a, b, n) && b[n] == '=';
}

/* What the command line sets replaces what the container has under the same name. */
static int set_env(struct exec *e, const struct oci_args *a, struct rast_err *err)
{
	const char *v;
	size_t n = 0, i;
	int k;

	for (i = 0; i < e->process.n_env && n < MAX_ENV; i++)
		e->env[n++] = e->process.env[i];
	for (k = 0; (v = oci_arg_nth(a, "env", k)); k++) {
		if (!strchr(v, '=') || v[0] == '=')
			return rast_err_set(err, EINVAL, "--env \"%.60s\": want NAME=VALUE", v);
		for (i = 0; i < n && !same_name(v, e->env[i]); i++)
			;
		if (i == n && n++ >= MAX_ENV)
			return rast_err_set(err, E2BIG, "more than %d variables", MAX_ENV);
		e->env[i] = v;
	}
	e->env[n] = NULL;
	e->process.env = e->env;
	e->process.n_env = n;
	return 0;
}

/* UID or UID:GID. A uid alone keeps group 0, and is that uid, not a name (CVE-2026-30892). */
static int set_user(struct exec *e, const char *text, struct rast_err *err)
{
	char *end;
	unsigned long uid, gid = e->process.gid;

	errno = 0;
	uid = strtoul(text, &end, 10);
	if (end == text || errno || uid >= RAST_OCI_ID_MAX || text[0] == '-')
		goto bad;
	if (*end == ':') {
		const char *g = end + 1;

		gid = strtoul(g, &end, 10);
		if (end == g || errno || gid >= RAST_OCI_ID_MAX || *g == '-')
			goto bad;
	}
	if (*end)
		goto bad;
	e->process.uid = (uint32_t)uid;
	e->process.gid = (uint32_t)gid;
	return 0;
bad:
	return rast_err_set(err, EINVAL, "--user \"%.40s\": want UID or UID:GID", text);
}

static int set_groups(struct exec *e, const struct oci_args *a, struct rast_err *err)
{
	const char *v;
	size_t n = 0;

	for (; (v = oci_arg_nth(a, "additional-gids", (int)n)); n++) {
		char *end;
		unsigned long gid = strtoul(v, &end, 10);

		if (end == v || *end || gid >= RAST_OCI_ID_MAX || n >= MAX_GROUPS)
			return rast_err_set(err, EINVAL,
					    "--additional-gids \"%.40s\": want a number", v);
		e->groups[n] = (uint32_t)gid;
	}
	if (n) {
		e->process.groups = e->groups;
		e->process.n_groups = n;
	}
	return 0;
}

/* What is asked for besides becomes bounding, effective and permitted; never inheritable (CVE-2022-29162). */
static int set_caps(struct exec *e, const struct oci_args *a, struct rast_err *err)
{
	struct rast_oci_caps *c = &e->process.caps;
	const char *v;
	int k;

	c->inheritable = 0;
	c->ambient = 0;
	for (k = 0; (v = oci_arg_nth(a, "cap", k)); k++) {
		int cap = rast_oci_cap_number(v);

		if (cap < 0)
			return rast_err_set(err, EINVAL, "--cap %.40s: no such capability", v);
		e->process.has_caps = true;
		c->bounding |= 1ull << cap;
		c->effective |= 1ull << cap;
		c->permitted |= 1ull << cap;
	}
	return 0;
}

static int from_arguments(struct exec *e, const struct oci_args *a, struct rast_err *err)
{
	struct rast_oci_process *p = &e->process;
	const char *v;
	int r = 0;

	if (a->argc < 2)
		return rast_err_set(err, EINVAL, "exec: no command");
	p->args = (const char *const *)(a->argv + 1);
	p->n_args = (size_t)a->argc - 1;
	p->terminal = oci_has(a, "tty");
	p->rows = p->cols = 0;
	if ((v = oci_arg(a, "cwd")))
		p->cwd = v;
	if (p->cwd[0] != '/')
		return rast_err_set(err, EINVAL, "--cwd %.60s: want an absolute path", p->cwd);
	if ((v = oci_arg(a, "user")))
		r = set_user(e, v, err);
	if (r < 0 || (r = set_groups(e, a, err)) < 0 || (r = set_env(e, a, err)) < 0)
		return r;
	r = set_caps(e, a, err);
	p->no_new_privs |= oci_has(a, "no-new-privs");
	if ((v = oci_arg(a, "apparmor")))
		p->apparmor_profile = v;
	if ((v = oci_arg(a, "process-label")))
		p->selinux_label = v;
	return r;
}

static int join_cgroup(const struct oci_container *c, const char *below, struct rast_launch *l,
		       struct rast_cgroup *cg, struct rast_err *err)
{
	const char *own = rast_json_str(c->state, "cgroup");
	struct rast_cgroup_layout layout;
	struct oci_scope scope;
	char path[RAST_CGROUP_PATH_MAX];
	int r, i;

	if (!*own)
		return 0;
	if (below && (strstr(below, "..") || strchr(below, ':')))
		return rast_err_set(err, EINVAL,
				    "--cgroup %.60s: want a path below the container's", below);
	(void)snprintf(path, sizeof(path), "%s%s%s", own, below ? "/" : "",
		       below ? below + strspn(below, "/") : "");
	r = rast_cgroup_layout_init_some((unsigned int)rast_json_int(c->state, "cgroup_v1"),
					 &layout, err);
	if (r < 0)
		return r;
	r = rast_cgroup_open(&layout, path, cg, err);
	rast_cgroup_layout_finish(&layout);
	if (r < 0)
		return r;
	l->cgroup_fd = cg->fd;
	for (i = 0; i < RAST_CG_MAX; i++)
		l->procs[i] = cg->procs[i];
	if (!oci_scope_from(c->state, &scope))
		return 0;
	l->procs[RAST_CG_MAX] = oci_scope_open_v1(&scope, own);
	return oci_scope_approach(&scope, path, err);
}

/*
 * The process that waits for start runs our executable as it was mapped at create, which expected nobody who
 * could look at it: not from a read-only mount, unless the container itself may have the capability.
 */
static int check_waiting(const struct oci_container *c, const struct rast_oci_spec *spec,
			 const struct rast_oci_process *p, struct rast_err *err)
{
	uint64_t caps = p->caps.bounding | p->caps.permitted | p->caps.effective;

	if (c->status != OCI_CREATED || rast_json_bool(c->state, "user_namespace") ||
	    oci_exe_is_exposed(spec) || !(caps & 1ull << CAP_SYS_PTRACE))
		return 0;
	return rast_err_set(
		err, EPERM,
		"container %s is not started: a process with CAP_SYS_PTRACE, which it has "
		"not, could reach the runtime",
		c->id);
}

struct listener {
	const struct oci_container *c;
	const struct rast_oci_spec *spec;
};

static int on_listener(void *arg, pid_t pid, int fd, struct rast_err *err)
{
	const struct listener *l = arg;

	return oci_listener_send(l->c, l->spec, pid, fd, err);
}

static int launch(struct oci *o, const struct oci_args *a, const struct oci_container *c,
		  const struct rast_oci_spec *spec, const struct exec *e, struct rast_launched *ret)
{
	_cleanup_cgroup_ struct rast_cgroup cg = RAST_CGROUP_INIT;
	const char *socket = oci_arg(a, "console-socket");
	struct listener listener = {c, spec};
	struct rast_err *err = &o->err;
	struct oci_plan plan;
	long n;
	int r;

	oci_plan_init(&plan);
	plan.spec = spec;
	r = oci_plan_process(&plan, &e->process, err);
	if (r == 0)
		r = oci_plan_filter(&plan, spec, err);
	if (r == 0)
		r = oci_plan_landlock(&plan, spec, err);
	if (r == 0 && plan.warning[0])
		oci_log_warning(o, plan.warning);
	if (r == 0)
		r = oci_arg_number(a, "preserve-fds", 0, RAST_LAUNCH_MAX_PRESERVED, 0, &n, err);
	if (r == 0)
		r = oci_plan_preserve(&plan, (unsigned int)n, err);
	if (r == 0)
		r = join_cgroup(c, oci_arg(a, "cgroup"), &plan.launch, &cg, err);
	if (r == 0 && socket && !e->process.terminal)
		r = rast_err_set(err, EINVAL, "--console-socket without a terminal");
	if (r == 0) {
		plan.launch.on_listener = on_listener;
		plan.launch.arg = &listener;
		plan.launch.join_pidfd = c->pidfd;
		plan.launch.join_flags = spec->ns_new | spec->ns_join;
		r = rast_launch_start(&plan.launch, ret, err);
	}
	/* create.c says why its memory is kept. */
	if (ret->pidfd >= 0)
		oci_plan_close(&plan);
	else
		oci_plan_finish(&plan);
	if (r == 0 && ret->tty >= 0 && socket) {
		r = oci_console_send(socket, ret->tty, err);
		rast_closep(&ret->tty);
		ret->tty = -1;
	}
	if (r == 0 && oci_arg(a, "pid-file"))
		r = oci_pid_file(oci_arg(a, "pid-file"), ret->pid, err);
	if (r < 0 && ret->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, ret->pidfd, 9, NULL, 0);
	return r;
}

/* Of the one process that this process started. */
static struct rast_oci_spec *kept, *kept_own;

static int exec_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL, *own = NULL;
	_cleanup_free_ struct exec *e = NULL;
	struct rast_launched out = {.pidfd = -1, .tty = -1};
	const char *file = oci_arg(a, "process");
	int status = 0, r;

	oci_heap_populate();
	e = calloc(1, sizeof(*e));
	if (!e)
		return rast_err_sys(&o->err, ENOMEM, "exec"), OCI_EXIT_FAIL;
	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	/* At once: it may start all over. oci_exe_is_exposed() says why not with a user namespace. */
	if (!rast_json_bool(c.state, "user_namespace") && oci_exe_protect(o) < 0)
		return OCI_EXIT_FAIL;
	if (c.status == OCI_PAUSED && !oci_has(a, "ignore-paused"))
		r = rast_err_set(&o->err, EINVAL, "container %s is paused", c.id);
	else if (c.pidfd < 0)
		r = rast_err_set(&o->err, ESRCH, "container %s is not running", c.id);
	else
		r = oci_container_spec(&c, &spec, &o->err);
	if (r < 0)
		return OCI_EXIT_FAIL;
	if (file) {
		r = rast_oci_process_load(AT_FDCWD, file, &own, &o->err);
		if (r == 0)
			e->process = own->process;
	} else {
		e->process = spec->process;
		r = from_arguments(e, a, &o->err);
	}
	if (r == 0)
		r = check_waiting(&c, spec, &e->process, &o->err);
	if (r < 0)
		return OCI_EXIT_FAIL;
	if (!oci_has(a, "detach"))
		rast_container_attach_prepare();
	r = launch(o, a, &c, spec, e, &out);
	if (out.pidfd >= 0)
		kept = TAKE_PTR(spec), kept_own = TAKE_PTR(own);
	if (r == 0 && !oci_has(a, "detach")) {
		r = rast_container_attach(out.pidfd, out.tty, &status, &o->err);
		/* Nobody would hear of it any more. */
		if (r < 0)
			(void)syscall(SYS_pidfd_send_signal, out.pidfd, SIGKILL, NULL, 0);
	}
	rast_closep(&out.pidfd);
	rast_closep(&out.tty);
	return r < 0 ? OCI_EXIT_FAIL : status;
}

const struct oci_command oci_exec_command = {"exec",
					     "[OPTIONS] ID COMMAND [ARG…]",
					     "run one more process in a container",
					     exec_opts,
					     1,
					     -1,
					     exec_run};
