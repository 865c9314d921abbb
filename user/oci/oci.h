/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rast-oci: the OCI runtime command line that podman, containerd and CRI-O drive, with the options of runc
 * and of crun. One process a command and nothing left running: what a container is stands in its folder
 * below --root (state.h), what it does is in the kernel.
 *
 * A command gets its words and returns an exit code; errors go to the log (log.h) and to stderr.
 */
#ifndef RAST_OCI_OCI_H
#define RAST_OCI_OCI_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define OCI_DEFAULT_ROOT "/run/rast-oci"

enum { OCI_EXIT_OK = 0, OCI_EXIT_FAIL = 1 };

/* What the options before the command say. */
struct oci {
	const char *root; /* folder of states */
	const char *log;  /* file, "file:PATH", "journald:ID", "syslog:ID"; NULL: none */
	bool log_json;
	bool systemd;     /* cgroups are made by systemd (slice:prefix:name) */
	bool no_cgroup;   /* --cgroup-manager disabled */
	const char *criu; /* --criu: a path, or a name looked for; NULL: "criu" */
	char root_buf[128];
	char **argv; /* all of it, as main() has it */
	struct rast_err err;
};

struct oci_opt {
	const char *name; /* long; NULL ends the table */
	int key;          /* letter, or 0 */
	const char *arg;  /* NULL: a switch */
	const char *help;
};

#define OCI_MAX_OPTS 40
#define OCI_MAX_VALUES 256

/* The words of a command, taken apart. */
struct oci_args {
	const struct oci_opt *opts;
	struct {
		int opt;
		const char *value;
	} all[OCI_MAX_VALUES];
	int n_all;
	int argc; /* what is no option */
	char **argv;
};

/* The last value; "" for a switch; NULL when not given. */
const char *oci_arg(const struct oci_args *a, const char *name);
/* The n-th value; NULL past the last. */
const char *oci_arg_nth(const struct oci_args *a, const char *name, int n);
static inline bool oci_has(const struct oci_args *a, const char *name)
{
	return oci_arg(a, name) != NULL;
}
/*
 * Takes options out of argv[1]… With `stop` the first other word ends them. A switch also takes "=true"
 * and "=false", as runc's does.
 */
int oci_args_parse(const struct oci_opt *opts, bool stop, int argc, char **argv,
		   struct oci_args *ret, struct rast_err *err);
/* A decimal number in lo..hi. */
int oci_arg_number(const struct oci_args *a, const char *name, long lo, long hi, long fallback,
		   long *ret, struct rast_err *err);

struct oci_command {
	const char *name;
	const char *usage, *summary;
	const struct oci_opt *opts;
	int min_args, max_args; /* max -1: any number, and the first one ends the options */
	int (*run)(struct oci *o, const struct oci_args *a);
};

extern const struct oci_command oci_create_command, oci_run_command, oci_start_command,
	oci_exec_command, oci_state_command, oci_list_command, oci_ps_command, oci_kill_command,
	oci_delete_command, oci_pause_command, oci_resume_command, oci_spec_command,
	oci_update_command, oci_features_command, oci_events_command, oci_mounts_command,
	oci_checkpoint_command, oci_restore_command, oci_gc_command;

/* argv as main() has it. */
int oci_main(int argc, char **argv);

/* For commands that start something; see main.c. */
void oci_heap_populate(void);

#endif
