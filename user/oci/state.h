/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a container between two commands: a folder <root>/ID with
 *   state.json    the object below, replaced by rename
 *   config.json   the bundle's as it was when the container was created
 *   start         the socket at which the created process waits for `start`; gone once it runs
 *   scope.json    "systemd_scope", "systemd_user" and "cgroup" of a container that has no state.json yet
 *   hooks are in config.json; nothing else is kept.
 *
 * state.json: {"ociVersion","id","pid","start_ticks","bundle","rootfs","created","owner","annotations",
 *   "cgroup" (path below each cgroup mount, or absent),"cgroup_v1" (bits of container/cgroup.h),
 *   "user_namespace", "registered" (with an instance, see register.h; true, or absent),
 *   "own_network" (of a registered one: its network namespace was made with it; true, or absent),
 *   "remove" (true, or absent: whoever made it removes it at its end),
 *   "systemd_scope" (unit, when systemd made the cgroup), "systemd_user" (true: the user's own systemd)}
 * The folder is locked (flock) as long as its maker is at work, or waits for the end of what it runs.
 * `pid` means the process whose start time in /proc/PID/stat is start_ticks; anything else is
 * somebody else's.
 */
#ifndef RAST_OCI_STATE_H
#define RAST_OCI_STATE_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <sys/types.h>

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };
const char *oci_status_name(enum oci_status status);

struct oci_container {
	char id[256];
	int dir;       /* the folder, opened */
	json_t *state; /* NULL while it is being created */
	enum oci_status status;
	pid_t pid;
	int pidfd;      /* of its first process; -1 when that has ended */
	bool made_here; /* by this process, which knows what hooks there are: */
	bool poststart, poststop;
};
#define OCI_CONTAINER_INIT             \
	{                              \
		.dir = -1, .pidfd = -1 \
	}

/* Letters, digits and "_+-."; no path. */
int oci_id_check(const char *id, struct rast_err *err);
/* Makes <root>/ID; -EEXIST with err when there is one. */
int oci_container_new(const char *root, const char *id, struct oci_container *ret,
		      struct rast_err *err);
/* Takes the lock; -EWOULDBLOCK while its maker is there, or somebody else removes it. */
int oci_container_claim(const struct oci_container *c);
/* -ENOENT with err "container ID does not exist". */
int oci_container_open(const char *root, const char *id, struct oci_container *ret,
		       struct rast_err *err);
/* All ids below root, sorted, NULL at the end, each and the list to be freed; NULL when there are none. */
int oci_container_ids(const char *root, char ***ret);
/* Somebody else has removed it meanwhile; there may be another of its name. */
bool oci_container_gone(const struct oci_container *c);
void oci_container_close(struct oci_container *c);
#define _cleanup_container_ _cleanup_(oci_container_close)
int oci_state_store(struct oci_container *c, struct rast_err *err);
/* Removes the folder with all that is in it. `dir`: the folder opened, or -1. */
int oci_state_remove(const char *root, const char *id, int dir, struct rast_err *err);
/* The object of `state` and of hooks; a new reference. */
json_t *oci_state_report(const struct oci_container *c);
/* A listening socket "start" in the folder. */
int oci_start_listen(struct oci_container *c, int *ret_fd, struct rast_err *err);
/* Connects to it; -ECONNREFUSED when nobody waits there. */
int oci_start_connect(struct oci_container *c, int *ret_fd, struct rast_err *err);

#endif
