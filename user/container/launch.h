/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process made into a container: the core under pods and under an OCI front. The parent fills a
 * plan (everything is allocated there), then one clone3 into the cgroup; the child only makes system
 * calls on what the plan holds and reports the one that failed over a socket.
 *
 * Our own executable must not be reachable from inside (CVE-2019-5736): until exec the child cannot be
 * traced or looked into (not dumpable), and just before exec it drops the mapping of our executable
 * and makes /proc/self/exe an empty sealed file (launch_tail.c), so that "#!/proc/self/exe" finds
 * nothing. No second start of ourselves is needed for that.
 */
#ifndef RAST_CONTAINER_LAUNCH_H
#define RAST_CONTAINER_LAUNCH_H

#include "base/err.h"
#include "container/mount.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RAST_LAUNCH_MAX_JOIN 8

struct rast_launch_rlimit {
	int resource;
	struct rlimit limit;
};

struct rast_launch {
	/* What is run. Strings and arrays are copied by rast_launch_start(). */
	const char *const *argv; /* argv[0] without a slash is looked for in PATH of env */
	const char *const *env;  /* "NAME=VALUE" */
	const char *cwd;
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary */
	size_t n_groups;

	/* Where: all borrowed. */
	uint64_t namespaces;                  /* CLONE_NEW* that are made */
	int join_pidfd;                       /* exec: enter all namespaces of this process; -1 */
	uint64_t join_flags;                  /* which */
	int join_ns[4];                       /* namespace fds that are entered one by one, or -1 */
	int cgroup_fd;                        /* cgroup2 directory; -1 */
	int procs[RAST_LAUNCH_MAX_JOIN];      /* cgroup.procs of v1 controllers, or -1 */
	const char *hostname;                 /* NULL: left alone */
	const struct rast_mount_plan *mounts; /* NULL: left alone (exec) */

	/* What it may do. */
	uint64_t caps; /* bounding, permitted and effective; inheritable and ambient are emptied */
	bool no_new_privs;
	const struct sock_filter *filter; /* NULL: no seccomp */
	unsigned short filter_len;
	const struct rast_launch_rlimit *rlimits;
	size_t n_rlimits;
	int oom_score_adj; /* 0: left alone */

	int stdio[3]; /* borrowed; all -1 with `tty` */
	bool tty;     /* a pseudo terminal of the container's own devpts */
	unsigned short rows, cols;

	/* While the child waits, before exec. A negative value undoes the launch. */
	int (*before_exec)(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err);
	void *arg;
	uint64_t cgroup_id; /* handed to before_exec */
};
#define RAST_LAUNCH_INIT                                                                    \
	{                                                                                   \
		.cwd = "/", .join_pidfd = -1, .join_ns = {-1, -1, -1, -1}, .cgroup_fd = -1, \
		.procs = {-1, -1, -1, -1, -1, -1, -1, -1}, .stdio = {-1, -1, -1},           \
	}

struct rast_launched {
	pid_t pid;
	int pidfd;
	int tty; /* master side, or -1 */
};

/* On error nothing is left: the child is dead and reaped. */
int rast_launch_start(const struct rast_launch *l, struct rast_launched *ret, struct rast_err *err);
/* Waits for the end. *ret_status: exit status, or 128 + signal. */
int rast_launch_wait(int pidfd, int *ret_status);

#endif
