// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci [OPTIONS] COMMAND …: the options before the command, and which command it is. */
#include "base/fd.h"
#include "base/json.h"
#include "base/node_root.h"
#include "oci/completion.h"
#include "oci/log.h"
#include "oci/oci.h"
#include "oci/spec.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define HEAP_BYTES (128u << 10)

#ifndef RAST_VERSION
#define RAST_VERSION "0"
#endif

static const struct oci_opt global_opts[] = {
	{"root", 'r', "DIR", "folder of states (default: /run/rast-oci, or below XDG_RUNTIME_DIR)"},
	{"log", 0, "FILE", "also journald:ID or syslog:ID"},
	{"log-format", 0, "FORMAT", "text (default) or json"},
	{"log-level", 0, "LEVEL", "accepted: what is said are errors and warnings"},
	{"debug", 0, NULL, "accepted, without effect"},
	{"systemd-cgroup", 's', NULL,
	 "cgroups are scopes of systemd (cgroupsPath slice:prefix:name)"},
	{"cgroup-manager", 0, "NAME", "cgroupfs (default), systemd or disabled"},
	{"rootless", 0, "BOOL", "accepted: who calls is seen"},
	{"criu", 0, "PATH", "the criu that checkpoint and restore use"},
	{"version", 'v', NULL, "print the version"},
	{"help", 'h', NULL, "print help"},
	{0},
};

static const struct oci_command *const commands[] = {
	&oci_create_command,     &oci_start_command,    &oci_run_command,    &oci_exec_command,
	&oci_kill_command,       &oci_delete_command,   &oci_state_command,  &oci_list_command,
	&oci_ps_command,         &oci_pause_command,    &oci_resume_command, &oci_spec_command,
	&oci_update_command,     &oci_features_command, &oci_events_command, &oci_mounts_command,
	&oci_checkpoint_command, &oci_restore_command,  &oci_gc_command,
};

static void print_opts(const struct oci_opt *opts)
{
	for (; opts->name; opts++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%s%s%s%s", opts->name, opts->arg ? " " : "",
			       opts->arg ? opts->arg : "", "");
		if (opts->key)
			(void)printf("  -%c, --%-26s %s\n", opts->key, left, opts->help);
		else
			(void)printf("      --%-26s %s\n", left, opts->help);
	}
}

static int help(void)
{
	size_t i;

	(void)printf("usage: rast-oci [OPTIONS] COMMAND [ARG…]\n\n"
		     "OCI runtime (runtime-spec %s) of rastOS\n\ncommands:\n",
		     RAST_OCI_SPEC_VERSION);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	(void)printf("  %-10s %s\n", "completion", "print a bash completion");
	(void)printf("\noptions:\n");
	print_opts(global_opts);
	(void)printf("\n`rast-oci COMMAND --help` says more.\n");
	return OCI_EXIT_OK;
}

static int help_of(const struct oci_command *c)
{
	(void)printf("usage: rast-oci %s %s\n\n%s\n", c->name, c->usage, c->summary);
	if (c->opts->name) {
		(void)printf("\noptions:\n");
		print_opts(c->opts);
	}
	return OCI_EXIT_OK;
}

/* The lines and words that podman and containerd read: a name, then what specification is followed. */
static int version(void)
{
	(void)printf("rast-oci version %s\nspec: %s\n", RAST_VERSION, RAST_OCI_SPEC_VERSION);
	return OCI_EXIT_OK;
}

/* As runc: within a user namespace the caller's folder, unless root itself has made it. */
static bool is_ordinary_user(void)
{
	const char *user = getenv("USER");

	return geteuid() != 0 || (!rast_is_node_root() && (!user || strcmp(user, "root") != 0));
}

static int set_root(struct oci *o, const char *given)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (given && !*given)
		return rast_err_set(&o->err, EINVAL, "--root is empty");
	if (given)
		o->root = given;
	else if (run && is_ordinary_user() && *run == '/' &&
		 strlen(run) < sizeof(o->root_buf) - 16) {
		(void)snprintf(o->root_buf, sizeof(o->root_buf), "%s/rast-oci", run);
		o->root = o->root_buf;
	} else {
		o->root = OCI_DEFAULT_ROOT;
	}
	return 0;
}

static int set_globals(struct oci *o, const struct oci_args *a)
{
	const char *format = oci_arg(a, "log-format"), *manager = oci_arg(a, "cgroup-manager");

	o->log = oci_arg(a, "log");
	o->criu = oci_arg(a, "criu");
	o->systemd = oci_has(a, "systemd-cgroup");
	if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return rast_err_set(&o->err, EINVAL, "--log-format %.40s: want text or json",
				    format);
	o->log_json = format && !strcmp(format, "json");
	if (manager && !strcmp(manager, "systemd"))
		o->systemd = true;
	else if (manager && !strcmp(manager, "disabled"))
		o->no_cgroup = true;
	else if (manager && strcmp(manager, "cgroupfs") != 0)
		return rast_err_set(&o->err, EINVAL,
				    "--cgroup-manager %.40s: want cgroupfs, systemd or disabled",
				    manager);
	return set_root(o, oci_arg(a, "root"));
}

static const struct oci_command *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int fail(struct oci *o)
{
	char text[1024];

	oci_log_error(o, rast_err_format(&o->err, text, sizeof(text)));
	return OCI_EXIT_FAIL;
}

static int run_command(struct oci *o, const struct oci_command *c, int argc, char **argv)
{
	struct oci_args a;
	int i, r;

	for (i = 1; i < argc && (c->max_args >= 0 || argv[i][0] == '-'); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return help_of(c);
	if (oci_args_parse(c->opts, c->max_args < 0, argc, argv, &a, &o->err) < 0)
		return fail(o);
	if (a.argc < c->min_args || (c->max_args >= 0 && a.argc > c->max_args)) {
		(void)rast_err_set(&o->err, EINVAL, "usage: rast-oci %s %s", c->name, c->usage);
		return fail(o);
	}
	r = c->run(o, &a);
	/* What was to be read has not been said: a full disk, a closed pipe. */
	if (r == OCI_EXIT_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		(void)rast_err_sys(&o->err, errno, "standard output");
		r = OCI_EXIT_FAIL;
	}
	return o->err.code && r == OCI_EXIT_FAIL ? fail(o) : r;
}

/*
 * What a container's start needs of heap, had by one call instead of a page fault for each page; the
 * faults are a fifth of the time. Where the kernel (before 5.14) or a memory limit says no they come.
 */
void oci_heap_populate(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	(void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
	p = malloc(HEAP_BYTES);
	if (p)
		(void)madvise((void *)((uintptr_t)p & ~(page - 1)), HEAP_BYTES,
			      MADV_POPULATE_WRITE);
	free(p);
}

int oci_main(int argc, char **argv)
{
	const struct oci_command *c;
	struct oci_args a;
	struct oci o = {.argv = argv};
	size_t seed;

	/* The kernel's 16 random bytes: else jansson opens /dev/urandom for its hash. */
	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
	json_object_seed(seed);
	if (oci_args_parse(global_opts, true, argc, argv, &a, &o.err) < 0 ||
	    set_globals(&o, &a) < 0)
		return fail(&o);
	if (oci_has(&a, "version"))
		return version();
	if (a.argc && !strcmp(a.argv[0], "completion"))
		return oci_completion(global_opts, commands, ARRAY_SIZE(commands));
	if (oci_has(&a, "help") || !a.argc || !strcmp(a.argv[0], "help"))
		return help();
	c = find(a.argv[0]);
	if (!c) {
		(void)rast_err_set(&o.err, EINVAL, "unknown command \"%.40s\"; see rast-oci --help",
				   a.argv[0]);
		return fail(&o);
	}
	return run_command(&o, c, a.argc, a.argv);
}
