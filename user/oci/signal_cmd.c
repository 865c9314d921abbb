// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci kill, delete, pause, resume: what is done to a container that exists. */
#include "base/fd.h"
#include "container/cgroup.h"
#include "oci/create.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct oci_opt kill_opts[] = {
	{"all", 'a', NULL, "to all its processes"},
	{0},
};
static const struct oci_opt delete_opts[] = {
	{"force", 'f', NULL, "kill it when it runs; no error when it does not exist"},
	{0},
};
static const struct oci_opt no_opts[] = {{0}};

/* "9", "KILL", "SIGKILL", "SIGRTMIN+3"; -1. */
static int signal_number(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	char *end;
	long n;
	int i;

	if (isdigit((unsigned char)text[0])) {
		n = strtol(text, &end, 10);
		return *end || n < 0 || n > SIGRTMAX ? -1 : (int)n;
	}
	if (!strncasecmp(name, "RTMIN", 5) || !strncasecmp(name, "RTMAX", 5)) {
		n = strtol(name + 5, &end, 10);
		n += toupper((unsigned char)name[4]) == 'N' ? SIGRTMIN : SIGRTMAX;
		return *end || n < SIGRTMIN || n > SIGRTMAX ? -1 : (int)n;
	}
	for (i = 1; i < NSIG; i++) {
		const char *abbrev = sigabbrev_np(i);

		if (abbrev && !strcasecmp(name, abbrev))
			return i;
	}
	return -1;
}

static int to_all(struct oci *o, const struct oci_container *c, int sig)
{
	const char *cgroup = rast_json_str(c->state, "cgroup");
	struct rast_cgroup_layout l;
	int r;

	if (!*cgroup)
		return rast_err_set(&o->err, EINVAL, "container %s has no cgroup", c->id);
	r = rast_cgroup_layout_init_some(0, &l, &o->err);
	if (r < 0)
		return r;
	r = sig == SIGKILL ? rast_cgroup_kill(&l, cgroup) : rast_cgroup_signal(&l, cgroup, sig);
	rast_cgroup_layout_finish(&l);
	return r < 0 ? rast_err_sys(&o->err, -r, "container %s: signal %d", c->id, sig) : 0;
}

static int kill_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	const char *name = a->argc > 1 ? a->argv[1] : "SIGTERM";
	int sig = signal_number(name);

	if (sig < 0) {
		(void)rast_err_set(&o->err, EINVAL, "\"%.40s\" is no signal", name);
		return OCI_EXIT_FAIL;
	}
	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	/* Processes may outlive the first one where the pid namespace is shared. */
	if (oci_has(a, "all"))
		return to_all(o, &c, sig) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
	/* These words are what containerd looks for. */
	if (c.pidfd < 0)
		(void)rast_err_set(&o->err, ESRCH, "container not running");
	else if (syscall(SYS_pidfd_send_signal, c.pidfd, sig, NULL, 0) < 0)
		(void)rast_err_sys(&o->err, errno, "container %s: signal %s", c.id, name);
	return o->err.code ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

static int delete_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	bool force = oci_has(a, "force");
	int r = oci_container_open(o->root, a->argv[0], &c, &o->err);

	if (r == -ENOENT && force) {
		rast_err_clear(&o->err);
		return OCI_EXIT_OK;
	}
	if (r < 0)
		return OCI_EXIT_FAIL;
	/* One that is half made: by somebody who is at it, or who died over it. */
	if (!force && c.status == OCI_CREATING) {
		(void)rast_err_set(&o->err, EBUSY,
				   "container %s is not made yet; --force removes what there is",
				   c.id);
		return OCI_EXIT_FAIL;
	}
	if (!force && (c.status == OCI_RUNNING || c.status == OCI_PAUSED)) {
		(void)rast_err_set(&o->err, EBUSY,
				   "container %s is %s: stop it first, or use --force", c.id,
				   oci_status_name(c.status));
		return OCI_EXIT_FAIL;
	}
	return oci_destroy(o, &c) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

static int freeze(struct oci *o, const struct oci_args *a, bool on)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	struct rast_cgroup_layout l;
	const char *cgroup;
	int r;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	if (c.status != (on ? OCI_RUNNING : OCI_PAUSED)) {
		(void)rast_err_set(&o->err, EINVAL, "container %s is %s, not %s", c.id,
				   oci_status_name(c.status), on ? "running" : "paused");
		return OCI_EXIT_FAIL;
	}
	cgroup = rast_json_str(c.state, "cgroup");
	r = rast_cgroup_layout_init_some(0, &l, &o->err);
	if (r < 0)
		return OCI_EXIT_FAIL;
	r = rast_cgroup_freeze(&l, cgroup, on);
	if (r == 0)
		r = rast_cgroup_wait_frozen(&l, cgroup, on, 10000);
	rast_cgroup_layout_finish(&l);
	if (r < 0)
		(void)rast_err_sys(&o->err, -r, "container %s: %s", c.id, on ? "pause" : "resume");
	return r < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

static int pause_run(struct oci *o, const struct oci_args *a)
{
	return freeze(o, a, true);
}

static int resume_run(struct oci *o, const struct oci_args *a)
{
	return freeze(o, a, false);
}

const struct oci_command oci_kill_command = {
	"kill",  "[OPTIONS] ID [SIGNAL]", "send a signal (default: SIGTERM)", kill_opts, 1, 2,
	kill_run};
const struct oci_command oci_delete_command = {
	"delete", "[OPTIONS] ID", "remove a container and what it held", delete_opts, 1,
	1,        delete_run};
const struct oci_command oci_pause_command = {
	"pause", "ID", "stop all its processes where they are", no_opts, 1, 1, pause_run};
const struct oci_command oci_resume_command = {
	"resume", "ID", "let a paused container go on", no_opts, 1, 1, resume_run};
