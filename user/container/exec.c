// SPDX-License-Identifier: BSD-2-Clause
/* Entering a running container; see exec.h. */
#include "container/exec.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/run.h"
#include "container/seccomp.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

static const char **env_of(const json_t *exec, bool tty)
{
	const json_t *list = json_object_get(exec, "env"), *e;
	const char **env = calloc(json_array_size(list) + 2, sizeof(*env));
	bool term = false;
	size_t i, n = 0;

	if (!env)
		return NULL;
	json_array_foreach(list, i, e) {
		if (!json_is_string(e))
			continue;
		env[n] = json_string_value(e);
		term |= !strncmp(env[n++], "TERM=", 5);
	}
	if (tty && !term)
		env[n] = "TERM=xterm";
	return env;
}

int rast_container_exec(const struct rast_instance *in, const json_t *container,
			const struct rast_container_exec *what, struct rast_launched *ret,
			struct rast_err *err)
{
	const json_t *exec = json_object_get(container, "exec");
	_cleanup_cgroup_ struct rast_cgroup cg = RAST_CGROUP_INIT;
	_cleanup_seccomp_ struct rast_seccomp_filter filter = {0};
	_cleanup_close_ int pidfd = rast_container_pidfd(container);
	_cleanup_free_ const char **env = NULL;
	struct rast_launch l = RAST_LAUNCH_INIT;
	struct rast_cgroup_layout layout;
	int r, i;

	if (pidfd < 0)
		return rast_err_set(err, ESRCH, "container %s does not run",
				    rast_json_str(container, "name"));
	env = env_of(exec, what->tty);
	if (!env)
		return rast_err_sys(err, ENOMEM, "exec");
	l.caps = rast_caps_plain((uint64_t)rast_json_int(exec, "caps"));
	if (rast_json_bool(exec, "seccomp")) {
		r = rast_seccomp_get(in, l.caps.bounding, &filter, err);
		if (r < 0)
			return r;
	}
	r = rast_cgroup_layout_init(&layout, err);
	if (r < 0)
		return r;
	r = rast_cgroup_open(&layout, rast_json_str(container, "cgroup"), &cg, err);
	rast_cgroup_layout_finish(&layout);
	if (r < 0)
		return r;
	l.argv = what->argv;
	l.env = env;
	l.cwd = rast_json_str(exec, "cwd");
	l.uid = (uid_t)rast_json_int(exec, "uid");
	l.gid = (gid_t)rast_json_int(exec, "gid");
	l.groups = &l.gid;
	l.n_groups = 1;
	l.no_new_privs = rast_json_bool(exec, "no_new_privs");
	l.filter = filter.insns;
	l.filter_len = filter.len;
	l.join_pidfd = pidfd;
	l.join_flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
	l.cgroup_fd = cg.fd;
	for (i = 0; i < RAST_CG_MAX; i++)
		l.procs[i] = cg.procs[i];
	memcpy(l.stdio, what->stdio, sizeof(l.stdio));
	l.tty = what->tty;
	l.rows = what->rows;
	l.cols = what->cols;
	return rast_launch_start(&l, ret, err);
}
