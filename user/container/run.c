// SPDX-License-Identifier: BSD-2-Clause
/*
 * Start, stop and removal of one container; see run.h. Everything that can fail for the caller's sake
 * (image, command, volumes, filter) is looked at before the cgroup is made, and the process comes last.
 */
#include "container/run.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/launch.h"
#include "container/log.h"
#include "container/run_spec.h"
#include "container/seccomp.h"
#include "container/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KILL_TIMEOUT_MS 10000

void rast_container_start_init(struct rast_container_start *opts)
{
	memset(opts, 0, sizeof(*opts));
	opts->netns_fd = RAST_NETNS_NEW;
	opts->stdio[0] = opts->stdio[1] = opts->stdio[2] = -1;
}

int rast_container_image_path(const struct rast_instance *in, const char *image, char *buf,
			      size_t size, struct rast_err *err)
{
	size_t n = strlen(image);
	struct stat st;

	if (!n || n > 200 || image[0] == '.' || image[0] == '-' ||
	    strspn(image, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n)
		return rast_err_set(err, EINVAL,
				    "image \"%.80s\": want letters, digits, \".\", \"_\" and \"-\"",
				    image);
	if ((size_t)snprintf(buf, size, "%s/images/%s/rootfs", in->lib_dir, image) >= size)
		return rast_err_sys(err, ENAMETOOLONG, "image %s", image);
	if (stat(buf, &st) < 0 || !S_ISDIR(st.st_mode))
		return rast_err_set(err, ENOENT, "image \"%s\" is not on this machine (no %s)",
				    image, buf);
	return 0;
}

int rast_container_cgroup_path(const struct rast_instance *in, const char *ns, const char *pod,
			       const char *container, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s_%s%s%s", in->cgroup, ns, pod, container ? "/" : "",
			 container ? container : "");

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* One start under way. */
struct start {
	const struct rast_instance *in;
	const struct rast_pod *pod;
	const struct rast_pod_container *box;
	const struct rast_container_start *opts;
	const char *rootfs;
	struct rast_cgroup_layout layout;
	struct rast_cgroup cgroup;
	struct rast_mount_plan mounts;
	struct run_process process;
	struct rast_seccomp_filter filter;
	struct rast_launch launch;
	struct rast_launch_rlimit rlimits[2];
	int null_fd, log_fd, share_fd[2];
	char log[512], cgroup_path[256];
	const char *missing;
	char missing_buf[80];
	json_t *state;
};

static void limits_of(const struct rast_pod_container *box, bool stats,
		      struct rast_cgroup_limits *lim)
{
	*lim = (struct rast_cgroup_limits){
		.cpu_max_milli = box->cpu_limit_milli,
		.cpu_weight_milli = box->cpu_request_milli,
		.mem_max_bytes = box->mem_limit_bytes,
		.no_swap = true,
		.pids_max = box->pids_limit,
		.stats = stats,
	};
}

static int open_stdio(struct start *s, struct rast_err *err)
{
	const int *want = s->opts->stdio;
	char tail[160], *slash;
	int i, r;

	if (s->opts->tty)
		return 0;
	if (want[0] < 0 || want[1] < 0 || want[2] < 0) {
		s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (s->null_fd < 0)
			return rast_err_sys(err, errno, "/dev/null");
	}
	if (want[1] < 0 || want[2] < 0) {
		(void)snprintf(tail, sizeof(tail), "logs/%s.log", s->box->name);
		r = rast_state_data_path(s->in, s->pod->ns, s->pod->name, tail, s->log,
					 sizeof(s->log));
		if (r < 0)
			return rast_err_sys(err, -r, "log of container %s", s->box->name);
		slash = strrchr(s->log, '/');
		*slash = '\0';
		r = rast_mkdir_p(s->log, 0700);
		*slash = '/';
		if (r < 0)
			return rast_err_sys(err, -r, "log of container %s", s->box->name);
		s->log_fd =
			open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (s->log_fd < 0)
			return rast_err_sys(err, errno, "%s", s->log);
	}
	for (i = 0; i < 3; i++)
		s->launch.stdio[i] = want[i] >= 0 ? want[i] : i ? s->log_fd : s->null_fd;
	return 0;
}

static void add_join(struct start *s, uint64_t type, int fd)
{
	s->launch.joins[s->launch.n_joins++] = (struct rast_launch_join){type, fd};
}

/* ipc and uts of the pod's first container; the pid is looked at again once they are open. */
static int share_namespaces(struct start *s, struct rast_err *err)
{
	static const char *const names[] = {"ipc", "uts"};
	char path[64];
	int i;

	if (s->opts->share_pid <= 0)
		return 0;
	for (i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)s->opts->share_pid,
			       names[i]);
		s->share_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (s->share_fd[i] < 0)
			return rast_err_sys(err, errno, "%s", path);
		add_join(s, i ? CLONE_NEWUTS : CLONE_NEWIPC, s->share_fd[i]);
	}
	s->launch.namespaces &= ~(uint64_t)(CLONE_NEWIPC | CLONE_NEWUTS);
	s->launch.hostname = NULL;
	return 0;
}

static void set_rlimits(struct start *s)
{
	struct rlimit files;
	size_t n = 0;

	s->rlimits[n++] = (struct rast_launch_rlimit){RLIMIT_CORE, {0, 0}};
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		/* Raising the hard limit takes CAP_SYS_RESOURCE, which may be missing here. */
		if (files.rlim_max > 65536)
			files.rlim_max = 65536;
		files.rlim_cur = files.rlim_max;
		s->rlimits[n++] = (struct rast_launch_rlimit){RLIMIT_NOFILE, files};
	}
	s->launch.rlimits = s->rlimits;
	s->launch.n_rlimits = n;
}

static json_t *state_of(const struct start *s)
{
	json_t *command = json_array(), *o;
	struct timespec now;
	uint64_t ns;
	size_t i;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	for (i = 0; s->process.argv[i]; i++)
		(void)json_array_append_new(command, json_string(s->process.argv[i]));
	o = json_pack("{s:s,s:s,s:o,s:I,s:s,s:I,s:i,s:o,s:I,s:I,s:s,s:o}", "name", s->box->name,
		      "rootfs", s->rootfs, "command", command, "slot", (json_int_t)s->opts->slot,
		      "cgroup", s->cgroup_path, "cgroup_id", (json_int_t)s->cgroup.id, "cgroup_v1",
		      (int)s->cgroup.v1, "started", rast_json_time(ns), "started_ns",
		      (json_int_t)ns, "restarts", (json_int_t)s->opts->restarts, "log", s->log,
		      "exec", run_process_json(&s->process, s->box));
	rast_json_set_str(o, "image", s->box->image);
	rast_json_set_str(o, "missing", s->missing);
	if (*s->log)
		(void)json_object_set_new(
			o, "log_max_bytes",
			json_integer((json_int_t)(s->box->log_max_bytes ?: RAST_LOG_MAX_DEFAULT)));
	return o;
}

/* The child waits: who it is becomes known to files first, then to the kernel's maps. */
static int before_exec(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err)
{
	struct start *s = arg;
	uint64_t ticks = 0;
	int r;

	r = rast_state_start_ticks(pid, &ticks);
	if (r < 0)
		return rast_err_sys(err, -r, "start time of the container's first process");
	s->state = state_of(s);
	if (!s->state)
		return rast_err_sys(err, ENOMEM, "state");
	(void)json_object_set_new(s->state, "pid", json_integer(pid));
	(void)json_object_set_new(s->state, "start_ticks", json_integer((json_int_t)ticks));
	r = rast_state_container_store(s->in, s->pod->ns, s->pod->name, s->state, err);
	if (r == 0 && s->opts->before_exec)
		r = s->opts->before_exec(s->opts->arg, pid, cgroup_id, err);
	return r;
}

static int plan(struct start *s, struct rast_err *err)
{
	struct rast_launch *l = &s->launch;
	struct rast_cgroup_limits lim;
	int r;

	l->namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	l->hostname = s->pod->hostname;
	if (s->opts->netns_fd == RAST_NETNS_NEW)
		l->namespaces |= CLONE_NEWNET;
	else if (s->opts->netns_fd >= 0)
		add_join(s, CLONE_NEWNET, s->opts->netns_fd);
	if ((r = run_process_init(&s->process, s->in, s->pod, s->box, s->opts, err)) < 0 ||
	    (r = open_stdio(s, err)) < 0 || (r = share_namespaces(s, err)) < 0)
		return r;
	if (s->box->seccomp == RAST_SECCOMP_RUNTIME_DEFAULT) {
		r = rast_seccomp_get(s->in, s->process.caps, &s->filter, err);
		if (r < 0)
			return r;
	}
	r = run_mounts_init(&s->mounts, s->in, s->pod, s->box, s->opts, s->rootfs, err);
	if (r < 0)
		return r;
	limits_of(s->box, s->opts->stats, &lim);
	r = rast_cgroup_layout_init_for(&lim, &s->layout, err);
	if (r < 0)
		return r;
	s->missing = rast_cgroup_missing(&s->layout, &lim, s->missing_buf, sizeof(s->missing_buf));
	return rast_cgroup_create(&s->layout, s->cgroup_path, &lim, &s->cgroup, err);
}

static int go(struct start *s, struct rast_launched *out, struct rast_err *err)
{
	struct rast_launch *l = &s->launch;
	int i;

	set_rlimits(s);
	l->argv = s->process.argv;
	l->env = s->process.env;
	l->cwd = s->process.cwd;
	l->uid = s->process.uid;
	l->gid = s->process.gid;
	l->groups = &l->gid;
	l->n_groups = 1;
	l->cgroup_fd = s->cgroup.fd;
	for (i = 0; i < RAST_CG_MAX; i++)
		l->procs[i] = s->cgroup.procs[i];
	l->mounts = &s->mounts;
	l->caps = rast_caps_plain(s->process.caps);
	l->no_new_privs = !s->box->allow_privilege_escalation;
	l->filter = s->filter.insns;
	l->filter_len = s->filter.len;
	l->tty = s->opts->tty;
	l->before_exec = before_exec;
	l->arg = s;
	l->cgroup_id = s->cgroup.id;
	return rast_launch_start(l, out, err);
}

int rast_container_start(const struct rast_instance *in, const struct rast_pod *pod, size_t index,
			 const struct rast_container_start *opts, json_t **ret_state,
			 int *ret_pidfd, int *ret_tty, struct rast_err *err)
{
	struct start s = {
		.in = in,
		.pod = pod,
		.box = &pod->containers[index],
		.opts = opts,
		.rootfs = opts->rootfs,
		.layout = {.v2_fd = -1},
		.cgroup = RAST_CGROUP_INIT,
		.mounts = {.root_fd = -1},
		.launch = RAST_LAUNCH_INIT,
		.null_fd = -1,
		.log_fd = -1,
		.share_fd = {-1, -1},
		.missing = "",
	};
	struct rast_launched out = {.pidfd = -1, .tty = -1};
	char image[512];
	int r;

	if (!s.rootfs) {
		r = rast_container_image_path(in, s.box->image, image, sizeof(image), err);
		if (r < 0)
			return r;
		s.rootfs = image;
	}
	r = rast_container_cgroup_path(in, pod->ns, pod->name, s.box->name, s.cgroup_path,
				       sizeof(s.cgroup_path));
	if (r < 0)
		return rast_err_sys(err, -r, "cgroup path");
	r = plan(&s, err);
	if (r == 0)
		r = go(&s, &out, err);
	rast_cgroup_finish(&s.cgroup);
	run_mounts_finish(&s.mounts);
	run_process_finish(&s.process);
	rast_seccomp_finish(&s.filter);
	rast_cgroup_layout_finish(&s.layout);
	rast_closep(&s.null_fd);
	rast_closep(&s.log_fd);
	rast_closep(&s.share_fd[0]);
	rast_closep(&s.share_fd[1]);
	if (r < 0) {
		/* The launch left no process; what it had made around it goes too. */
		(void)rast_container_remove(in, pod->ns, pod->name, s.box->name, NULL);
		json_decref(s.state);
		return r;
	}
	if (ret_state)
		*ret_state = s.state;
	else
		json_decref(s.state);
	if (ret_pidfd)
		*ret_pidfd = out.pidfd;
	else
		rast_closep(&out.pidfd);
	if (ret_tty)
		*ret_tty = out.tty;
	else
		rast_closep(&out.tty);
	return 0;
}

int rast_container_pidfd(const json_t *container)
{
	int pid = (int)rast_json_int(container, "pid");
	_cleanup_close_ int fd = -1;

	if (pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* Checked after the open: the fd cannot change its process any more. */
	if (!rast_state_container_alive(container))
		return -ESRCH;
	return TAKE_FD(fd);
}

int rast_container_stop(const struct rast_instance *in, const char *ns, const char *pod,
			const json_t *container, unsigned int grace_ms, struct rast_err *err)
{
	_cleanup_close_ int pidfd = rast_container_pidfd(container);
	struct rast_cgroup_layout l;
	char path[256];
	int r;

	r = rast_container_cgroup_path(in, ns, pod, rast_json_str(container, "name"), path,
				       sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r, "cgroup path");
	if (pidfd >= 0 && grace_ms &&
	    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		(void)poll(&p, 1, (int)(grace_ms > INT32_MAX ? INT32_MAX : grace_ms));
	}
	r = rast_cgroup_layout_init(&l, err);
	if (r < 0)
		return r;
	r = rast_cgroup_kill(&l, path);
	if (r == 0)
		r = rast_cgroup_wait_empty(&l, path, KILL_TIMEOUT_MS);
	rast_cgroup_layout_finish(&l);
	return r < 0 ? rast_err_sys(err, -r, "stopping container %s/%s/%s", ns, pod,
				    rast_json_str(container, "name"))
		     : 0;
}

int rast_container_remove(const struct rast_instance *in, const char *ns, const char *pod,
			  const char *name, struct rast_err *err)
{
	char path[512], tail[160];
	struct rast_cgroup_layout l;
	int r, first = 0, i;

	r = rast_cgroup_layout_init(&l, err);
	if (r < 0)
		return r;
	r = rast_container_cgroup_path(in, ns, pod, name, path, sizeof(path));
	if (r == 0) {
		(void)rast_cgroup_kill(&l, path);
		r = rast_cgroup_remove(&l, path, err);
	}
	rast_cgroup_layout_finish(&l);
	first = r;
	(void)snprintf(tail, sizeof(tail), "containers/%s.json", name);
	if (rast_state_pod_path(in, ns, pod, tail, path, sizeof(path)) == 0)
		(void)unlink(path);
	for (i = 0; i < 2; i++) {
		(void)snprintf(tail, sizeof(tail), i ? "logs/%s.log" : "containers/%s", name);
		if (rast_state_data_path(in, ns, pod, tail, path, sizeof(path)) < 0)
			continue;
		r = rast_remove_tree(AT_FDCWD, path);
		if (r < 0 && !first)
			first = rast_err_sys(err, -r, "%s", path);
	}
	return first;
}

/*
 * The usual end: the process is gone, and a cgroup that can be removed had nothing alive in it, so there
 * is nothing to kill or to wait for. False: the long way must be gone.
 */
static bool removed_at_once(const struct rast_instance *in, const struct rast_cgroup_layout *l,
			    const char *ns, const char *pod, const json_t *container)
{
	const char *name = rast_json_str(container, "name");
	const json_t *v1 = json_object_get(container, "cgroup_v1");
	char path[512], tail[160];

	/* Alive although it is not in its cgroup, or a zombie that somebody waits for: the long way. */
	if (!json_is_integer(v1) || kill((pid_t)rast_json_int(container, "pid"), 0) == 0 ||
	    rast_container_cgroup_path(in, ns, pod, name, path, sizeof(path)) < 0 ||
	    rast_cgroup_remove_empty(l, (unsigned int)json_integer_value(v1), path) < 0)
		return false;
	(void)snprintf(tail, sizeof(tail), "containers/%s.json", name);
	if (rast_state_pod_path(in, ns, pod, tail, path, sizeof(path)) == 0)
		(void)unlink(path);
	return true;
}

int rast_container_remove_all(const struct rast_instance *in, const json_t *pod,
			      unsigned int grace_ms, struct rast_err *err)
{
	const char *ns = rast_json_str(pod, "namespace"), *name = rast_json_str(pod, "name");
	const json_t *list = json_object_get(pod, "containers"), *c;
	/* One that failed to start has no state, and may have left v1 directories of the pod. */
	bool all = (size_t)rast_json_int(pod, "n_containers") == json_array_size(list);
	struct rast_cgroup_layout l;
	unsigned int v1 = 0;
	char path[256];
	int r, first = 0;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, c)
		v1 |= (unsigned int)rast_json_int(c, "cgroup_v1");
	r = rast_cgroup_layout_init_some(v1, &l, err);
	if (r < 0)
		return r;
	json_array_foreach((json_t *)(uintptr_t)list, i, c) {
		if (removed_at_once(in, &l, ns, name, c))
			continue;
		all = false;
		r = rast_container_stop(in, ns, name, c, grace_ms, err);
		if (r < 0 && !first)
			first = r;
		r = rast_container_remove(in, ns, name, rast_json_str(c, "name"), err);
		if (r < 0 && !first)
			first = r;
	}
	r = rast_container_cgroup_path(in, ns, name, NULL, path, sizeof(path));
	if (r < 0 || !all || rast_cgroup_remove_empty(&l, v1, path) < 0)
		r = rast_container_remove_pod_cgroup(in, ns, name, err);
	if (r < 0 && !first)
		first = r;
	rast_cgroup_layout_finish(&l);
	return first;
}

int rast_container_remove_pod_cgroup(const struct rast_instance *in, const char *ns,
				     const char *pod, struct rast_err *err)
{
	struct rast_cgroup_layout l;
	char path[256];
	int r;

	r = rast_container_cgroup_path(in, ns, pod, NULL, path, sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r, "cgroup path");
	r = rast_cgroup_layout_init(&l, err);
	if (r < 0)
		return r;
	r = rast_cgroup_remove(&l, path, err);
	rast_cgroup_layout_finish(&l);
	return r;
}
