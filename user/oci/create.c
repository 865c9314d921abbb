// SPDX-License-Identifier: BSD-2-Clause
/*
 * See create.h. Order: everything that can be refused is looked at first, then the folder (whose name is
 * the lock), the cgroup, the process. What fails takes back what came before it.
 */
#include "oci/create.h"

#include "base/fd.h"
#include "container/state.h"
#include "oci/cgroup.h"
#include "oci/hooks.h"
#include "oci/log.h"
#include "oci/own_exe.h"
#include "oci/register.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One creation under way; the argument of the launch's callbacks. */
struct work {
	struct oci *o;
	const struct oci_create *what;
	struct rast_oci_spec *spec;
	struct oci_container box;
	struct oci_plan plan;
	struct oci_cgroup cgroup;
	char *hook_state; /* state for hooks without its first brace; see state_for() */
	char *hook_buf;   /* room for it with a pid */
	size_t hook_size;
	bool registered; /* it is to be; see register.h */
};

/* What the specification has and this runtime has not: no container is the better answer than another one. */
static int refuse_unsupported(const struct rast_oci_spec *spec, struct rast_err *err)
{
	const char *field = spec->intel_rdt.set   ? "intelRdt"
			    : spec->n_net_devices ? "netDevices"
						  : NULL;

	return field ? rast_err_set(err, ENOTSUP, "config.json: linux.%s: not supported", field)
		     : 0;
}

/* Not inlined: its path would take two pages of stack for as long as the launch, and be copied with it. */
static __attribute__((noinline)) int read_spec(struct work *w, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL, *copy = NULL;
	_cleanup_close_ int fd = -1;
	char path[4200];
	size_t len, i;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", w->what->bundle,
		       w->what->config ? w->what->config : "config.json");
	if (w->what->config && w->what->config[0] == '/')
		(void)snprintf(path, sizeof(path), "%s", w->what->config);
	r = rast_read_file(AT_FDCWD, path, RAST_OCI_MAX_TEXT, &text, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	copy = malloc(len + 1);
	if (!copy)
		return rast_err_sys(err, ENOMEM, "%s", path);
	memcpy(copy, text, len + 1);
	r = rast_oci_spec_parse("config.json", copy, len, &w->spec, err);
	if (r == 0)
		r = refuse_unsupported(w->spec, err);
	if (r < 0)
		return r;
	if (oci_exe_is_exposed(w->spec) && (r = oci_exe_protect(w->o)) < 0)
		return r;
	for (i = 0; i < w->spec->n_warnings; i++)
		oci_log_warning(w->o, w->spec->warnings[i]);
	/* ENOENT: `gc` found a folder that nobody had locked yet, and removed it. */
	do {
		oci_container_close(&w->box);
		r = oci_container_new(w->o->root, w->what->id, &w->box, err);
		if (r < 0)
			return r;
		/* Nobody reads it before there is a state: no need of a rename. */
		fd = openat(w->box.dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
	} while (fd < 0 && errno == ENOENT && oci_container_gone(&w->box));
	r = fd < 0 ? -errno : rast_write_all(fd, text, len);
	return r < 0 ? rast_err_sys(err, -r, "container %s: config.json", w->what->id) : 0;
}

static json_t *annotations_of(const struct rast_oci_spec *spec)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < spec->n_annotations; i++)
		(void)json_object_set_new(o, spec->annotations[i].key,
					  json_string(spec->annotations[i].value));
	return o;
}

static int make_state(struct work *w, struct rast_err *err)
{
	struct timespec now;
	json_t *o;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "ociVersion", w->spec->version, "id",
		      w->what->id, "bundle", w->what->bundle, "rootfs", w->plan.rootfs, "created",
		      rast_json_time((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec),
		      "annotations", annotations_of(w->spec));
	if (!o)
		return rast_err_sys(err, ENOMEM, "state");
	/* Root has a name without asking; looking it up would load the name service's libraries. */
	(void)json_object_set_new(o, "owner",
				  geteuid() ? json_integer(geteuid()) : json_string("root"));
	oci_cgroup_describe(&w->cgroup, o);
	if ((w->spec->ns_new | w->spec->ns_join) & CLONE_NEWUSER)
		(void)json_object_set_new(o, "user_namespace", json_true());
	if (w->registered && (w->spec->ns_new & CLONE_NEWNET))
		(void)json_object_set_new(o, "own_network", json_true());
	/* What it may do to its own network decides how early policy can judge. */
	if (w->registered && w->spec->process.has_caps &&
	    (w->spec->process.caps.bounding | w->spec->process.caps.permitted) &
		    1ull << CAP_NET_ADMIN)
		(void)json_object_set_new(o, "net_admin", json_true());
	if (w->what->remove)
		(void)json_object_set_new(o, "remove", json_true());
	w->box.state = o;
	return 0;
}

/* ---- hooks ---- */

static bool has_hooks(const struct rast_oci_spec *s)
{
	return s->hooks[RAST_OCI_PRESTART].n || s->hooks[RAST_OCI_CREATE_RUNTIME].n ||
	       s->hooks[RAST_OCI_CREATE_CONTAINER].n;
}

/* Made before the clone, since the child has no allocator: all but the pid, which is put in front. */
static int prepare_hook_state(struct work *w, const char *status)
{
	json_t *o = oci_state_report(&w->box);
	char *text;

	(void)json_object_del(o, "pid");
	(void)json_object_set_new(o, "status", json_string(status));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	free(w->hook_state);
	free(w->hook_buf);
	w->hook_state = text;
	w->hook_size = text ? strlen(text) + 32 : 0;
	w->hook_buf = malloc(w->hook_size + 1);
	return text && w->hook_buf ? 0 : -ENOMEM;
}

static const char *state_for(struct work *w, pid_t pid)
{
	(void)snprintf(w->hook_buf, w->hook_size, "{\"pid\":%d,%s", (int)pid, w->hook_state + 1);
	return w->hook_buf;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	       info.si_pid == pid;
}

/*
 * Not before it is mounted: only then has it entered its namespaces, and hooks may be who makes its network.
 * One that has ended has said why, which is more than that it could not be registered.
 */
static int register_it(struct work *w, struct rast_err *err)
{
	struct rast_err failed = {0};
	int r = oci_register(w->o, &w->box, &failed);

	if (r == 0 || has_ended(w->box.pid))
		return 0;
	return rast_err_set(err, -r, "%s", failed.text);
}

static int on_mounted(void *arg, pid_t pid, struct rast_err *err)
{
	struct work *w = arg;
	const char *state = state_for(w, pid);
	int r;

	r = oci_hooks_run(&w->spec->hooks[RAST_OCI_PRESTART], "prestart", state, err);
	if (r == 0)
		r = oci_hooks_run(&w->spec->hooks[RAST_OCI_CREATE_RUNTIME], "createRuntime", state,
				  err);
	return r == 0 && w->registered ? register_it(w, err) : r;
}

static int in_mounts(void *arg, pid_t pid)
{
	struct work *w = arg;

	return oci_hooks_run(&w->spec->hooks[RAST_OCI_CREATE_CONTAINER], "createContainer",
			     state_for(w, pid), NULL);
}

static int in_container(void *arg, pid_t pid)
{
	struct work *w = arg;

	return oci_hooks_run(&w->spec->hooks[RAST_OCI_START_CONTAINER], "startContainer",
			     state_for(w, pid), NULL);
}

/* ---- launch ---- */

static int on_listener(void *arg, pid_t pid, int fd, struct rast_err *err)
{
	struct work *w = arg;

	return oci_listener_send(&w->box, w->spec, pid, fd, err);
}

/* The process exists and waits: who it is becomes known before anything of the container runs. */
static int before_exec(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err)
{
	struct work *w = arg;
	uint64_t ticks = 0;
	int r;

	(void)cgroup_id;
	r = oci_cgroup_joined(&w->cgroup, w->spec, err);
	if (r < 0)
		return r;
	r = rast_state_start_ticks(pid, &ticks);
	if (r < 0)
		return rast_err_sys(err, -r, "start time of the container's first process");
	w->box.pid = pid;
	(void)json_object_set_new(w->box.state, "pid", json_integer(pid));
	(void)json_object_set_new(w->box.state, "start_ticks", json_integer((json_int_t)ticks));
	r = oci_state_store(&w->box, err);
	if (r == 0 && w->cgroup.scope.unit[0])
		(void)unlinkat(w->box.dir, "scope.json", 0);
	if (r == 0 && w->what->pid_file)
		r = oci_pid_file(w->what->pid_file, pid, err);
	return r;
}

static int launch(struct work *w, int *ret_pidfd, int *ret_tty, struct rast_err *err)
{
	struct rast_launched out = {.pidfd = -1, .tty = -1};
	_cleanup_close_ int listener = -1;
	struct rast_launch *l = &w->plan.launch;
	int r;

	if (!w->what->start) {
		r = oci_start_listen(&w->box, &listener, err);
		if (r < 0)
			return r;
		l->start_fd = listener;
	}
	l->before_exec = before_exec;
	l->on_listener = on_listener;
	l->arg = w;
	if (w->registered || has_hooks(w->spec) || w->spec->hooks[RAST_OCI_START_CONTAINER].n) {
		if (prepare_hook_state(w, "creating") < 0)
			return rast_err_sys(err, ENOMEM, "hooks");
		l->hooks = w->registered || has_hooks(w->spec);
		l->mounted = on_mounted;
		l->in_mounts = in_mounts;
		l->in_container = w->spec->hooks[RAST_OCI_START_CONTAINER].n ? in_container : NULL;
	}
	r = w->what->launch ? w->what->launch(w->what->launch_arg, &w->plan, &w->box, &out, err)
			    : rast_launch_start(l, &out, err);
	if (r < 0)
		return r;
	if (out.tty >= 0 && w->what->console_socket) {
		r = oci_console_send(w->what->console_socket, out.tty, err);
		rast_closep(&out.tty);
		out.tty = -1;
		if (r < 0) {
			(void)syscall(SYS_pidfd_send_signal, out.pidfd, SIGKILL, NULL, 0);
			rast_closep(&out.pidfd);
			return r;
		}
	}
	*ret_pidfd = out.pidfd;
	*ret_tty = out.tty;
	return 0;
}

static void take_back(struct work *w)
{
	int r = oci_cgroup_take_back(&w->cgroup);

	if (w->box.state)
		oci_unregister(w->o, &w->box);
	/* What could not be removed is found by the folder. */
	if (w->box.dir >= 0 && r == 0)
		(void)oci_state_remove(w->o->root, w->what->id, w->box.dir, NULL);
	if (w->what->pid_file && w->box.pid)
		(void)unlink(w->what->pid_file);
	/* It was there already: what its hooks set up at the beginning, they take down now. */
	if (w->box.pid) {
		w->box.status = OCI_STOPPED;
		oci_hooks_after(w->o, &w->box, w->spec, RAST_OCI_POSTSTOP, "poststop");
	}
}

/* Of the one container that this process made. */
static struct rast_oci_spec *kept;

int oci_create(struct oci *o, const struct oci_create *what, int *ret_pidfd, int *ret_tty,
	       struct oci_container *ret)
{
	struct work w = {
		.o = o,
		.what = what,
		.box = OCI_CONTAINER_INIT,
		.cgroup = OCI_CGROUP_INIT,
	};
	struct rast_err *err = &o->err;
	int r;

	oci_plan_init(&w.plan);
	r = oci_register_wanted(err);
	w.registered = r > 0;
	if (r >= 0)
		r = read_spec(&w, err);
	if (r == 0)
		r = oci_plan_container(&w.plan, w.spec, what->bundle, &what->plan, err);
	if (r == 0 && w.plan.warning[0])
		oci_log_warning(o, w.plan.warning);
	if (r == 0 && w.plan.launch.tty && !what->start && !what->console_socket)
		r = rast_err_set(err, EINVAL,
				 "process.terminal is true: --console-socket is needed");
	if (r == 0 && !w.plan.launch.tty && what->console_socket)
		r = rast_err_set(err, EINVAL,
				 "--console-socket is given, but process.terminal is false");
	if (r == 0)
		r = oci_cgroup_make(o, &w.box, w.spec, &w.plan, &w.cgroup);
	if (r == 0)
		r = make_state(&w, err);
	if (r == 0)
		r = launch(&w, ret_pidfd, ret_tty, err);
	if (r < 0)
		take_back(&w);
	/*
	 * The child's memory is a copy that the kernel makes page by page as either side writes: giving
	 * the plan and the spec back now would have every page of them copied first.
	 */
	if (r == 0)
		kept = w.spec, oci_plan_close(&w.plan);
	else
		oci_plan_finish(&w.plan);
	oci_cgroup_finish(&w.cgroup);
	if (r == 0 && ret) {
		w.box.status = what->start ? OCI_RUNNING : OCI_CREATED;
		w.box.made_here = true;
		w.box.poststart = w.spec->hooks[RAST_OCI_POSTSTART].n != 0;
		w.box.poststop = w.spec->hooks[RAST_OCI_POSTSTOP].n != 0;
		*ret = w.box;
		w.box = (struct oci_container)OCI_CONTAINER_INIT;
	}
	oci_container_close(&w.box);
	if (r < 0)
		rast_oci_spec_destroy(w.spec);
	free(w.hook_state);
	free(w.hook_buf);
	return r;
}

/* ---- after it ---- */

static void run_kept_hooks(struct oci *o, struct oci_container *c, enum rast_oci_hook_point point,
			   const char *name)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	struct rast_err failed = {0};

	if (oci_container_spec(c, &spec, &failed) < 0)
		oci_log_warning(o, failed.text);
	else
		oci_hooks_after(o, c, spec, point, name);
}

static void poststart(struct oci *o, struct oci_container *c)
{
	run_kept_hooks(o, c, RAST_OCI_POSTSTART, "poststart");
}

static int listener_of_start(void *arg, pid_t pid, int fd, struct rast_err *err)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	struct oci_container *c = arg;
	int r = oci_container_spec(c, &spec, err);

	return r < 0 ? r : oci_listener_send(c, spec, pid, fd, err);
}

int oci_start(struct oci *o, struct oci_container *c)
{
	struct rast_launch_taker taker = {c->pid, c->pidfd, listener_of_start, c};
	_cleanup_close_ int sock = -1;
	int r;

	if (c->status != OCI_CREATED)
		return rast_err_set(&o->err, EINVAL, "container %s is %s, not created", c->id,
				    oci_status_name(c->status));
	r = oci_register_again(o, c, &o->err);
	if (r < 0)
		return r;
	r = oci_start_connect(c, &sock, &o->err);
	if (r < 0)
		return r;
	r = rast_launch_go(sock, &taker, &o->err);
	if (r < 0) {
		/* Whatever kept it from running, it shall not wait for another start, half way through. */
		(void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
		return r;
	}
	(void)unlinkat(c->dir, "start", 0);
	c->status = OCI_RUNNING;
	poststart(o, c);
	return 0;
}

void oci_started(struct oci *o, struct oci_container *c)
{
	if (c->poststart)
		poststart(o, c);
}
