// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci state, list, ps: what there is. */
#include "base/fd.h"
#include "container/cgroup.h"
#include "oci/create.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct oci_opt no_opts[] = {{0}};
static const struct oci_opt list_opts[] = {
	{"format", 'f', "FORMAT", "table (default) or json"},
	{"quiet", 'q', NULL, "ids only"},
	{0},
};
static const struct oci_opt ps_opts[] = {
	{"format", 'f', "FORMAT", "table (default) or json"},
	{0},
};

static int print_json(const json_t *v)
{
	int r = json_dumpf(v, stdout, JSON_INDENT(2));

	(void)putchar('\n');
	return r < 0 ? -EIO : 0;
}

static int state_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_json_ json_t *report = NULL;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	report = oci_state_report(&c);
	return print_json(report) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

static void print_row(const struct oci_container *c)
{
	(void)printf("%-24s %-8d %-9s %-32s %-28s %s\n", c->id, c->pidfd >= 0 ? (int)c->pid : 0,
		     oci_status_name(c->status), rast_json_str(c->state, "bundle"),
		     rast_json_str(c->state, "created"), rast_json_str(c->state, "owner"));
}

static int list_run(struct oci *o, const struct oci_args *a)
{
	const char *format = oci_arg(a, "format");
	bool json = format && !strcmp(format, "json"), quiet = oci_has(a, "quiet");
	_cleanup_json_ json_t *all = json_array();
	char **ids = NULL;
	size_t i;
	int r;

	if (format && !json && strcmp(format, "table") != 0) {
		(void)rast_err_set(&o->err, EINVAL, "--format %.40s: want table or json", format);
		return OCI_EXIT_FAIL;
	}
	r = oci_container_ids(o->root, &ids);
	if (r < 0) {
		(void)rast_err_sys(&o->err, -r, "%s", o->root);
		return OCI_EXIT_FAIL;
	}
	if (!json && !quiet)
		(void)printf("%-24s %-8s %-9s %-32s %-28s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			     "CREATED", "OWNER");
	for (i = 0; ids && ids[i]; i++) {
		_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;

		/* One that is deleted meanwhile is no error; one that is half made has no state. */
		if (oci_container_open(o->root, ids[i], &c, NULL) == 0) {
			if (json)
				(void)json_array_append_new(all, oci_state_report(&c));
			else if (quiet)
				(void)puts(c.id);
			else
				print_row(&c);
		}
		free(ids[i]);
	}
	free(ids);
	return json && print_json(all) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

/* The pids of the cgroup and of all below it. */
static int collect_pids(int dirfd, json_t *out, unsigned int depth)
{
	_cleanup_free_ char *text = NULL;
	struct dirent *e;
	char *p, *end;
	DIR *d;

	if (rast_read_file(dirfd, "cgroup.procs", 1u << 22, &text, NULL) == 0)
		for (p = text; *p; p = end + (*end == '\n')) {
			long pid = strtol(p, &end, 10);

			if (end == p)
				break;
			(void)json_array_append_new(out, json_integer(pid));
		}
	d = depth < 32 ? fdopendir(dup(dirfd)) : NULL;
	if (!d)
		return 0;
	rewinddir(d);
	while ((e = readdir(d))) {
		int sub;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub >= 0) {
			(void)collect_pids(sub, out, depth + 1);
			(void)close(sub);
		}
	}
	(void)closedir(d);
	return 0;
}

/* The columns are ps's own: it is asked for exactly these processes. */
static int show_ps(struct oci *o, const json_t *pids, char **more)
{
	_cleanup_free_ char *list = NULL;
	const char *argv[32] = {"ps", "-ef"};
	size_t n = more[0] ? 1 : 2, i, len = 0;
	json_t *pid;
	pid_t child;
	int status;

	list = malloc(json_array_size(pids) * 12 + 1);
	if (!list)
		return rast_err_sys(&o->err, ENOMEM, "ps");
	list[0] = '\0';
	json_array_foreach(pids, i, pid)
		len += (size_t)sprintf(list + len, "%s%lld", i ? "," : "",
				       (long long)json_integer_value(pid));
	if (more[0])
		for (i = 0; more[i] && n < 28; i++)
			argv[n++] = more[i];
	else
		argv[1] = "-f";
	if (len) {
		argv[n++] = "-p";
		argv[n++] = list;
	}
	argv[n] = NULL;
	if (!len)
		return 0;
	child = fork();
	if (child == 0) {
		(void)execvp("ps", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return rast_err_sys(&o->err, errno, "ps");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : rast_err_set(&o->err, ECHILD, "ps failed");
}

static int ps_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_json_ json_t *pids = json_array();
	const char *format = oci_arg(a, "format");
	struct rast_cgroup cg = RAST_CGROUP_INIT;
	struct rast_cgroup_layout l;
	int r;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0 ||
	    rast_cgroup_layout_init_some(0, &l, &o->err) < 0)
		return OCI_EXIT_FAIL;
	r = rast_cgroup_open(&l, rast_json_str(c.state, "cgroup"), &cg, &o->err);
	rast_cgroup_layout_finish(&l);
	if (r < 0)
		return OCI_EXIT_FAIL;
	(void)collect_pids(cg.fd, pids, 0);
	rast_cgroup_finish(&cg);
	r = format && !strcmp(format, "json") ? print_json(pids) : show_ps(o, pids, a->argv + 1);
	return r < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_state_command = {
	"state", "ID", "print a container's state as JSON", no_opts, 1, 1, state_run};
const struct oci_command oci_list_command = {"list", "[OPTIONS]", "list containers", list_opts,
					     0,      0,           list_run};
const struct oci_command oci_ps_command = {
	"ps", "[OPTIONS] ID [PS OPTION…]", "list a container's processes", ps_opts, 1, -1, ps_run};
