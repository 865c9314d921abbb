// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci restore: a container from what `checkpoint` wrote. It is a creation like every other (folder,
 * cgroup, state, hooks, what is taken back after a failure), only that the process comes from CRIU.
 */
#include "base/fd.h"
#include "container/attach.h"
#include "container/launch.h"
#include "oci/create.h"
#include "oci/criu_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct oci_opt restore_opts[] = {
	OCI_CRIU_COMMON_OPTS,
	{"bundle", 'b', "DIR", "folder of config.json (default: the working directory)"},
	{"config", 'f', "FILE", "another file than config.json in the bundle"},
	{"console-socket", 0, "PATH", "unix socket that gets the terminal's master side"},
	{"pid-file", 0, "FILE", "where the process id is written"},
	{"detach", 'd', NULL, "do not wait for its end"},
	{"keep", 0, NULL, "keep the container after its end"},
	{"tcp-close", 0, NULL, "close TCP connections that were open"},
	{"lsm-profile", 0, "TYPE:NAME", "another profile: apparmor:NAME or selinux:LABEL"},
	{"lsm-mount-context", 0, "LABEL", "another label for its mounts"},
	{"no-pivot", 0, NULL, "accepted, without effect: criu decides"},
	{"no-subreaper", 0, NULL, "accepted, without effect: none is needed"},
	{0},
};

struct restore {
	struct oci *o;
	const struct oci_args *args;
	const struct oci_plan *plan;
	char dir[PATH_MAX]; /* where criu's mounts are */
	int tty;
	int home, home_dir; /* the mount namespace and folder we came from */
};

/*
 * CRIU mounts in the folder of images, which it gets from us by descriptor: so that it is one of criu's mount
 * namespace, we are there as well until criu has been started.
 */
static int leave_home(struct restore *w, struct rast_err *err)
{
	w->home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	w->home_dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->home < 0 || w->home_dir < 0 || unshare(CLONE_NEWNS) < 0)
		return rast_err_sys(err, errno, "a mount namespace for criu");
	return oci_criu_place_mounts(w->plan, w->dir, err);
}

static int go_home(struct restore *w, struct rast_err *err)
{
	int r = 0;

	if (w->home >= 0 && (setns(w->home, CLONE_NEWNS) < 0 || fchdir(w->home_dir) < 0))
		r = rast_err_sys(err, errno, "the mount namespace of before");
	rast_closep(&w->home);
	rast_closep(&w->home_dir);
	w->home = w->home_dir = -1;
	return r;
}

static int on_started(void *arg, pid_t pid, struct rast_err *err)
{
	struct restore *w = arg;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	size_t i;

	for (i = 0; i < RAST_LAUNCH_MAX_JOIN; i++)
		if (w->plan->launch.procs[i] >= 0 &&
		    write(w->plan->launch.procs[i], text, (size_t)n) < 0)
			return rast_err_sys(err, errno, "cgroup.procs");
	return go_home(w, err);
}

static int on_step(void *arg, const char *script, pid_t pid, int *fd, struct rast_err *err)
{
	struct restore *w = arg;
	const struct rast_launch *l = &w->plan->launch;

	/* Its namespaces are there, and nothing in them: it becomes known before it runs. */
	if (!strcmp(script, "setup-namespaces")) {
		int r = l->namespaces & CLONE_NEWNET ? rast_launch_loopback(pid, err) : 0;

		if (r == 0)
			r = l->before_exec(l->arg, pid, l->cgroup_id, err);
		return r == 0 && l->hooks ? l->mounted(l->arg, pid, err) : r;
	}
	if (!strcmp(script, "orphan-pts-master") && *fd >= 0 && w->tty < 0)
		w->tty = TAKE_FD(*fd);
	return 0;
}

/* A detached folder can be reached by its number alone; criu wants a path. */
static int own_dir(struct restore *w, const struct oci_container *c, struct rast_err *err)
{
	char link[48];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", c->dir);
	n = readlink(link, w->dir, sizeof(w->dir) - 8);
	if (n < 0)
		return rast_err_sys(err, errno, "container %s", c->id);
	(void)strcpy(w->dir + n, "/criu");
	return mkdirat(c->dir, "criu", 0700) < 0 ? rast_err_sys(err, errno, "%s", w->dir) : 0;
}

static int describe(struct restore *w, const struct oci_container *c,
		    const struct oci_criu_dirs *dirs, struct oci_criu_call *call)
{
	const char *cgroup = rast_json_str(c->state, "cgroup");
	struct oci_message *m = &call->opts;
	int r;

	oci_message_int(m, OCI_CRIU_EVASIVE_DEVICES, 1);
	oci_message_int(m, OCI_CRIU_RST_SIBLING, 1);
	oci_message_text(m, OCI_CRIU_LSM_PROFILE, oci_arg(w->args, "lsm-profile"));
	oci_message_text(m, OCI_CRIU_LSM_MOUNT_CONTEXT, oci_arg(w->args, "lsm-mount-context"));
	if (*cgroup && (r = oci_criu_restore_cgroups(
				cgroup, (unsigned int)rast_json_int(c->state, "cgroup_v1"), m,
				&w->o->err)) < 0)
		return r;
	r = oci_criu_restore_mounts(w->plan, w->dir, m);
	if (r < 0)
		return rast_err_sys(&w->o->err, -r, "restore");
	r = oci_criu_restore_namespaces(w->plan, call, &w->o->err);
	if (r == 0)
		r = oci_criu_restore_stdio(dirs->images, m, &w->o->err);
	return r;
}

/* In the place of rast_launch_start(). */
static int launch(void *arg, const struct oci_plan *plan, const struct oci_container *c,
		  struct rast_launched *ret, struct rast_err *err)
{
	struct oci_criu_call call = OCI_CRIU_CALL_INIT;
	struct oci_criu_dirs dirs = {-1, -1, NULL, NULL};
	struct restore *w = arg;
	pid_t pid = 0;
	int r;

	w->plan = plan;
	call.type = OCI_CRIU_RESTORE;
	call.stdio = true;
	call.cgroup_fd = plan->launch.cgroup_fd;
	call.started = on_started;
	call.notify = on_step;
	call.arg = w;
	if ((r = own_dir(w, c, err)) == 0 && (r = leave_home(w, err)) == 0)
		r = oci_criu_common(w->o, w->args, "restore.log", false, &dirs, &call);
	if (r == 0)
		r = describe(w, c, &dirs, &call);
	if (r == 0)
		r = oci_criu_call(w->o, &call, &pid);
	if (go_home(w, err) < 0 && r == 0)
		r = -EIO;
	(void)unlinkat(c->dir, "criu", AT_REMOVEDIR);
	oci_message_finish(&call.opts);
	oci_criu_dirs_finish(&dirs);
	if (r < 0) {
		rast_closep(&w->tty);
		w->tty = -1;
		return r;
	}
	/* Ours, and nobody has waited for it: the number is still its own. */
	ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ret->pidfd < 0)
		return rast_err_sys(err, errno, "the restored process");
	ret->pid = pid;
	ret->tty = TAKE_FD(w->tty);
	return 0;
}

static int restore_run(struct oci *o, const struct oci_args *a)
{
	const char *dir = oci_arg(a, "bundle");
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_close_ int pidfd = -1, tty = -1;
	struct restore w = {.o = o, .args = a, .tty = -1, .home = -1, .home_dir = -1};
	char bundle[PATH_MAX];
	struct oci_create what = {
		.id = a->argv[0],
		.bundle = bundle,
		.config = oci_arg(a, "config"),
		.pid_file = oci_arg(a, "pid-file"),
		.console_socket = oci_arg(a, "console-socket"),
		.start = true,
		.launch = launch,
		.launch_arg = &w,
	};
	int status = 0, r;

	if (!realpath(dir ? dir : ".", bundle)) {
		(void)rast_err_sys(&o->err, errno, "--bundle %s", dir ? dir : ".");
		return OCI_EXIT_FAIL;
	}
	if (!oci_has(a, "detach"))
		rast_container_attach_prepare();
	r = oci_create(o, &what, &pidfd, &tty, &c);
	if (r < 0)
		return OCI_EXIT_FAIL;
	if (oci_has(a, "detach"))
		return OCI_EXIT_OK;
	r = rast_container_attach(pidfd, tty, &status, &o->err);
	if (!oci_has(a, "keep") && !oci_container_gone(&c) && oci_destroy(o, &c) < 0)
		return OCI_EXIT_FAIL;
	return r < 0 ? OCI_EXIT_FAIL : status;
}

const struct oci_command oci_restore_command = {
	"restore", "[OPTIONS] ID", "make a container from what checkpoint wrote", restore_opts, 1,
	1,         restore_run};
