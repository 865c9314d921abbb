/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRIU as a worker: `criu swrk`, asked over a socket pair for one thing, answering with notifications on
 * the way. It gets no descriptor but those that are named here, and an environment of one PATH.
 */
#ifndef RAST_OCI_CRIU_H
#define RAST_OCI_CRIU_H

#include "base/err.h"
#include "oci/criu_message.h"
#include "oci/oci.h"

#include <sys/types.h>

#define OCI_CRIU_MAX_FDS 16
/* The number that fds[0] has in criu: 0 to 2 are ours, 3 is the socket. */
#define OCI_CRIU_FIRST_FD 4

struct oci_criu_call {
	enum oci_criu_type type;
	struct oci_message opts; /* criu_opts; the caller's */
	/* What it is told to write to: an open folder and its name for messages. */
	int log_dir;
	const char *log_path, *log_file;

	bool stdio; /* it gets ours, to hand on to what it restores */
	int fds[OCI_CRIU_MAX_FDS];
	int n_fds;
	int cgroup_fd; /* cgroup2 directory it is started in, or -1 */
	/* It is there and waits for the request. NULL: nothing. */
	int (*started)(void *arg, pid_t pid, struct rast_err *err);
	/*
	 * One step of it is reached: "network-lock", "post-restore", … `fd` came with it, or -1; who
	 * wants it takes it out. A negative value makes criu give up.
	 */
	int (*notify)(void *arg, const char *script, pid_t pid, int *fd, struct rast_err *err);
	void *arg;
};
#define OCI_CRIU_CALL_INIT                     \
	{                                      \
		.log_dir = -1, .cgroup_fd = -1 \
	}

/* Its version, 402 for 4.2. An error says what is to be installed, or what `criu` itself says. Wants 3.15. */
int oci_criu_check(struct oci *o);
/* *ret_pid (may be NULL): what was restored, a child of ours. On error there is nothing of it. */
int oci_criu_call(struct oci *o, const struct oci_criu_call *call, pid_t *ret_pid);

/* A program where criu looks for it. -ENOENT. */
int oci_criu_find(const char *name, char *buf, size_t size);

/* Options that checkpoint and restore share. */
#define OCI_CRIU_COMMON_OPTS                                                                   \
	{"image-path", 0, "DIR", "folder of the images (default: ./checkpoint)"},              \
		{"work-path", 0, "DIR", "folder of criu's log (default: that of the images)"}, \
		{"tcp-established", 0, NULL, "allow open TCP connections"},                    \
		{"ext-unix-sk", 0, NULL, "allow unix sockets whose other end is outside"},     \
		{"shell-job", 0, NULL, "allow a session or terminal of the caller's"},         \
		{"file-locks", 0, NULL, "handle file locks"},                                  \
		{"manage-cgroups-mode", 0, "MODE", "soft (default), full, strict or ignore"},  \
		{"empty-ns", 0, "TYPE", "network: make it anew, empty (always so)"},           \
		{"auto-dedup", 0, NULL, "drop from older images what is in newer ones"},       \
	{                                                                                      \
		"lazy-pages", 0, NULL,                                                         \
			"memory is copied when it is used (userfaultfd, a page server)"        \
	}

struct oci_criu_dirs {
	int images, work;
	const char *images_path, *work_path;
};
/* Opens them, with `make` makes them, and writes all common options into the call. */
int oci_criu_common(struct oci *o, const struct oci_args *a, const char *log_file, bool make,
		    struct oci_criu_dirs *ret_dirs, struct oci_criu_call *call);
void oci_criu_dirs_finish(struct oci_criu_dirs *d);

#endif
