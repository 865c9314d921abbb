// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci create, run, start: words in, one call of create.h. */
#include "container/attach.h"
#include "container/launch.h"
#include "oci/create.h"

#include "base/fd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMON_OPTS                                                                                \
	{"bundle", 'b', "DIR", "folder of config.json (default: the working directory)"},          \
		{"config", 'f', "FILE", "another file than config.json in the bundle"},            \
		{"console-socket", 0, "PATH", "unix socket that gets the terminal's master side"}, \
		{"pid-file", 0, "FILE", "where the process id is written"},                        \
		{"preserve-fds", 0, "N", "hand on N more file descriptors, from 3 on"},            \
		{"no-pivot", 0, NULL, "change the root instead of pivoting (initial ramdisks)"},   \
		{"no-new-keyring", 0, NULL, "share the caller's session keyring"},                 \
	{                                                                                          \
		"no-subreaper", 0, NULL, "accepted, without effect: none is needed"                \
	}

static const struct oci_opt create_opts[] = {COMMON_OPTS, {0}};
static const struct oci_opt run_opts[] = {
	COMMON_OPTS,
	{"detach", 'd', NULL, "do not wait for its end"},
	{"keep", 0, NULL, "keep the container after its end"},
	{0},
};
static const struct oci_opt start_opts[] = {{0}};

/* LISTEN_FDS: sockets that systemd's socket activation hands on come before those of --preserve-fds. */
static int count_fds(const struct oci_args *a, struct oci_plan_options *ret, struct rast_err *err)
{
	const char *listen = getenv("LISTEN_FDS");
	long n, more = listen ? strtol(listen, NULL, 10) : 0;
	int r = oci_arg_number(a, "preserve-fds", 0, RAST_LAUNCH_MAX_PRESERVED, 0, &n, err);

	if (r < 0)
		return r;
	if (more < 0 || more > RAST_LAUNCH_MAX_PRESERVED)
		return rast_err_set(err, EINVAL, "LISTEN_FDS: want 0 to %d",
				    RAST_LAUNCH_MAX_PRESERVED);
	ret->preserve_fds = (unsigned int)(n + more);
	ret->listen_fds = (unsigned int)more;
	return 0;
}

static int request(struct oci *o, const struct oci_args *a, char *bundle, struct oci_create *ret)
{
	const char *dir = oci_arg(a, "bundle");
	int r;

	oci_heap_populate();
	if (!realpath(dir ? dir : ".", bundle))
		return rast_err_sys(&o->err, errno, "--bundle %s", dir ? dir : ".");
	*ret = (struct oci_create){
		.id = a->argv[0],
		.bundle = bundle,
		.config = oci_arg(a, "config"),
		.pid_file = oci_arg(a, "pid-file"),
		.console_socket = oci_arg(a, "console-socket"),
	};
	ret->plan.no_pivot = oci_has(a, "no-pivot");
	ret->plan.no_new_keyring = oci_has(a, "no-new-keyring");
	r = count_fds(a, &ret->plan, &o->err);
	return r;
}

static int create_run(struct oci *o, const struct oci_args *a)
{
	char bundle[PATH_MAX];
	struct oci_create what;
	int pidfd = -1, tty = -1, r;

	r = request(o, a, bundle, &what);
	if (r == 0)
		r = oci_create(o, &what, &pidfd, &tty, NULL);
	if (r < 0)
		return OCI_EXIT_FAIL;
	(void)close(pidfd);
	return OCI_EXIT_OK;
}

/* What is left when the first process has ended; its exit status is already known. */
static int clean_up(struct oci *o, struct oci_container *c)
{
	return oci_container_gone(c) ? 0 : oci_destroy(o, c);
}

static int run_run(struct oci *o, const struct oci_args *a)
{
	bool detach = oci_has(a, "detach");
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_close_ int pidfd = -1, tty = -1;
	char bundle[PATH_MAX];
	struct oci_create what;
	int status = 0, r;

	r = request(o, a, bundle, &what);
	if (r < 0)
		return OCI_EXIT_FAIL;
	what.start = true;
	what.remove = !detach && !oci_has(a, "keep");
	if (!detach)
		rast_container_attach_prepare();
	r = oci_create(o, &what, &pidfd, &tty, &c);
	if (r < 0)
		return OCI_EXIT_FAIL;
	oci_started(o, &c);
	if (detach)
		return OCI_EXIT_OK;
	r = rast_container_attach(pidfd, tty, &status, &o->err);
	if (what.remove && clean_up(o, &c) < 0)
		return OCI_EXIT_FAIL;
	return r < 0 ? OCI_EXIT_FAIL : status;
}

static int start_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	return oci_start(o, &c) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_create_command = {
	"create", "[OPTIONS] ID", "make a container that waits for `start`", create_opts, 1,
	1,        create_run};
const struct oci_command oci_run_command = {
	"run",
	"[OPTIONS] ID",
	"make a container, start it, wait for its end, remove it",
	run_opts,
	1,
	1,
	run_run};
const struct oci_command oci_start_command = {
	"start", "ID", "run the process of a created container", start_opts, 1, 1, start_run};
