/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The systemd cgroup driver: a container's cgroup is that of a transient scope. D-Bus is spoken by
 * rast-oci-systemd (bin/oci_systemd.c), one process for each thing that is asked.
 *
 * A scope exists only around a process. So rast-oci-systemd has the scope made around itself and waits in
 * it; rast-oci finds a cgroup that is there, and clones the container into it as into one of its own.
 * oci_systemd_release() lets the other process end, before anything of the container runs.
 */
#ifndef RAST_OCI_SYSTEMD_H
#define RAST_OCI_SYSTEMD_H

#include "base/json.h"
#include "container/cgroup.h"
#include "oci/systemd_unit.h"

#include <sys/types.h>

struct oci_scope {
	char unit[OCI_UNIT_MAX + 1]; /* "" : none */
	bool user;                   /* of the user's systemd */
	char cgroup[RAST_CGROUP_PATH_MAX];
	int sock; /* to the process that is in it meanwhile; -1 */
	pid_t pid;
};
#define OCI_SCOPE_INIT      \
	{                   \
		.sock = -1, \
	}

/*
 * A scope for this container, with its limits and annotations; v2 as oci_words_add_limits() has it. On
 * error there is none. The process in it is one more that pids.max counts.
 */
int oci_scope_start(const char *id, const struct rast_oci_spec *spec,
		    const struct oci_resources *res, unsigned int v2, struct oci_scope *ret,
		    struct rast_err *err);
/*
 * Makes sure that we may clone into `cgroup`, of that scope or below. The kernel asks for leave to move a
 * process from where we are, which an ordinary user who was not started by his own systemd has not: then we
 * are moved to a scope of our own there.
 */
int oci_scope_approach(const struct oci_scope *s, const char *cgroup, struct rast_err *err);
/* The process in it ends, and is waited for. May be called again. */
void oci_scope_release(struct oci_scope *s);
/* Limits of one that runs. */
int oci_scope_set(const struct oci_scope *s, const struct oci_resources *res, unsigned int v2,
		  struct rast_err *err);
/* Ends the unit and what lives in it; 0 when there is none. */
int oci_scope_stop(const struct oci_scope *s, struct rast_err *err);

/*
 * cgroup.procs of it in the v1 hierarchy "name=systemd" of hybrid hosts, or -1; `cgroup` is its path, or one
 * below. The descriptor is the caller's.
 */
int oci_scope_open_v1(const struct oci_scope *s, const char *cgroup);

/* "systemd_scope" and "systemd_user" of state.json, or of what is kept before there is one. */
void oci_scope_describe(const struct oci_scope *s, json_t *o);
/* false: `o` (may be NULL) names none. */
bool oci_scope_from(const json_t *o, struct oci_scope *ret);

/* Where rast-oci-systemd is, for a start of ourselves from where it cannot be found; see own_exe.c. */
void oci_systemd_remember(void);
bool oci_systemd_installed(void);

#endif
