// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci checkpoint: a running container into a folder of images, by CRIU. */
#include "base/fd.h"
#include "container/cgroup.h"
#include "oci/create.h"
#include "oci/criu_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define END_TIMEOUT_MS 10000

static const struct oci_opt checkpoint_opts[] = {
	OCI_CRIU_COMMON_OPTS,
	{"parent-path", 0, "DIR", "images of a dump before, relative to this one's folder"},
	{"leave-running", 0, NULL, "let the container go on"},
	{"pre-dump", 0, NULL, "only its memory, as it goes on"},
	{"tcp-skip-in-flight", 0, NULL, "leave out connections that are being made"},
	{"link-remap", 0, NULL, "link open files that are deleted"},
	{"page-server", 0, "ADDRESS:PORT", "send memory there"},
	{"status-fd", 0, "FD", "gets a zero byte once --lazy-pages is ready"},
	{0},
};

/* In the folder of images; a way out of it by ".." is what callers use, so only its kind is judged. */
static int add_parent(const struct oci_args *a, int images, struct oci_message *opts,
		      struct rast_err *err)
{
	const char *path = oci_arg(a, "parent-path");
	struct stat st;

	if (!path || !*path)
		return 0;
	if (path[0] == '/')
		return rast_err_set(err, EINVAL,
				    "--parent-path %.200s: want a path relative to "
				    "--image-path",
				    path);
	if (fstatat(images, path, &st, 0) < 0)
		return rast_err_sys(err, errno, "--parent-path %.200s", path);
	if (!S_ISDIR(st.st_mode))
		return rast_err_sys(err, ENOTDIR, "--parent-path %.200s", path);
	oci_message_text(opts, OCI_CRIU_PARENT_IMG, path);
	oci_message_int(opts, OCI_CRIU_TRACK_MEM, 1);
	return 0;
}

static int add_page_server(const struct oci_args *a, struct oci_message *opts, struct rast_err *err)
{
	const char *text = oci_arg(a, "page-server"), *colon = text ? strrchr(text, ':') : NULL;
	_cleanup_message_ struct oci_message m = {0};
	char *end;
	long port;

	if (!text || !*text)
		return oci_has(a, "lazy-pages")
			       ? rast_err_set(err, EINVAL,
					      "--lazy-pages: --page-server is needed with it")
			       : 0;
	port = colon ? strtol(colon + 1, &end, 10) : 0;
	if (!colon || colon == text || end == colon + 1 || *end || port < 1 || port > 65535)
		return rast_err_set(err, EINVAL, "--page-server %.100s: want ADDRESS:PORT", text);
	oci_message_format(&m, 1, "%.*s", (int)(colon - text), text);
	oci_message_int(&m, 2, port);
	oci_message_sub(opts, OCI_CRIU_PS, &m);
	return 0;
}

static int on_step(void *arg, const char *script, pid_t pid, int *fd, struct rast_err *err)
{
	int *status_fd = arg;

	(void)pid;
	(void)fd;
	(void)err;
	if (!strcmp(script, "status-ready") && *status_fd >= 0) {
		(void)!write(*status_fd, "", 1);
		(void)close(*status_fd);
		*status_fd = -1;
	}
	return 0;
}

static int describe(struct oci *o, const struct oci_args *a, const struct oci_container *c,
		    const struct oci_criu_dirs *dirs, struct oci_criu_call *call)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	const char *cgroup = rast_json_str(c->state, "cgroup");
	struct rast_cgroup_layout l;
	int r;

	r = oci_container_spec(c, &spec, &o->err);
	if (r < 0 || (r = add_parent(a, dirs->images, &call->opts, &o->err)) < 0 ||
	    (r = add_page_server(a, &call->opts, &o->err)) < 0)
		return r;
	oci_message_int(&call->opts, OCI_CRIU_PID, c->pid);
	/* All at once, whatever forks meanwhile. */
	if (*cgroup && (r = rast_cgroup_layout_init_some(0, &l, &o->err)) == 0) {
		oci_message_format(&call->opts, OCI_CRIU_FREEZE_CGROUP, "%s/%s", l.v2_path, cgroup);
		rast_cgroup_layout_finish(&l);
	}
	if (r == 0)
		r = oci_criu_dump_namespaces(spec, c->pid, &call->opts, &o->err);
	if (r < 0 || call->type == OCI_CRIU_PRE_DUMP)
		return r;
	r = oci_criu_dump_mounts(spec, c->pid, &call->opts, &o->err);
	if (r == 0)
		r = oci_criu_dump_stdio(c->pid, dirs->images, &call->opts, &o->err);
	return r;
}

static int dump(struct oci *o, const struct oci_args *a, struct oci_container *c)
{
	bool pre = oci_has(a, "pre-dump");
	struct oci_criu_call call = OCI_CRIU_CALL_INIT;
	struct oci_criu_dirs dirs = {-1, -1, NULL, NULL};
	struct pollfd end = {.fd = c->pidfd, .events = POLLIN};
	long status_fd;
	int fd, r;

	r = oci_arg_number(a, "status-fd", -1, 1 << 20, -1, &status_fd, &o->err);
	if (r == 0 && status_fd >= 0 && fcntl((int)status_fd, F_GETFD) < 0)
		r = rast_err_sys(&o->err, errno, "--status-fd %ld", status_fd);
	if (r < 0)
		return r;
	fd = (int)status_fd;
	call.type = pre ? OCI_CRIU_PRE_DUMP : OCI_CRIU_DUMP;
	call.notify = on_step;
	call.arg = &fd;
	r = oci_criu_common(o, a, "dump.log", true, &dirs, &call);
	if (r == 0)
		r = describe(o, a, c, &dirs, &call);
	if (r == 0)
		r = oci_criu_call(o, &call, NULL);
	/* CRIU has killed it; who asks next shall see that. */
	if (r == 0 && !pre && !oci_has(a, "leave-running") && poll(&end, 1, END_TIMEOUT_MS) == 0)
		r = rast_err_set(&o->err, ETIMEDOUT, "container %s: its process does not end",
				 c->id);
	oci_message_finish(&call.opts);
	oci_criu_dirs_finish(&dirs);
	return r;
}

static int checkpoint_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	if (c.status != OCI_RUNNING && c.status != OCI_PAUSED) {
		(void)rast_err_set(&o->err, EINVAL, "container %s is %s, not running", c.id,
				   oci_status_name(c.status));
		return OCI_EXIT_FAIL;
	}
	return dump(o, a, &c) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_checkpoint_command = {
	"checkpoint",
	"[OPTIONS] ID",
	"write a running container into a folder, by CRIU",
	checkpoint_opts,
	1,
	1,
	checkpoint_run};
