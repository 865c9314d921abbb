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
#include "container/landlock.h"
#include "container/mount.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RAST_LAUNCH_MAX_JOIN 8
#define RAST_LAUNCH_MAX_PROCS 9 /* v1 controllers, and the hierarchy of systemd */
#define RAST_LAUNCH_MAX_PRESERVED 64

struct rast_launch_rlimit {
	int resource;
	struct rlimit limit;
};

/* Bit n is capability n. */
struct rast_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* What a container has when its manifest knows one set only: nothing to inherit, nothing ambient. */
static inline struct rast_caps rast_caps_plain(uint64_t caps)
{
	return (struct rast_caps){.bounding = caps, .effective = caps, .permitted = caps};
}

/* A namespace that exists already. `fd` is borrowed. */
struct rast_launch_join {
	uint64_t type; /* CLONE_NEW* */
	int fd;
};

/* Ids `inside`… of a new user namespace are `outside`… of the caller's. */
struct rast_launch_idmap {
	uint32_t inside, outside, count;
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
	mode_t umask;

	/* Where: all borrowed. */
	uint64_t namespaces; /* CLONE_NEW* that are made */
	int join_pidfd;      /* exec: enter namespaces of this process; -1 */
	uint64_t join_flags; /* which */
	struct rast_launch_join joins[RAST_LAUNCH_MAX_JOIN];
	size_t n_joins;
	const struct rast_launch_idmap *uids, *gids; /* with CLONE_NEWUSER */
	size_t n_uids, n_gids;
	const char *time_offsets; /* with CLONE_NEWTIME: text for timens_offsets; NULL: none */
	int cgroup_fd;            /* cgroup2 directory; -1 */
	int procs[RAST_LAUNCH_MAX_PROCS];     /* cgroup.procs of v1 hierarchies, or -1 */
	const char *hostname, *domainname;    /* NULL: left alone */
	const struct rast_mount_plan *mounts; /* NULL: left alone (exec) */

	/* What it may do. */
	struct rast_caps caps;
	bool no_new_privs;
	const struct sock_filter *filter; /* NULL: no seccomp */
	unsigned short filter_len;
	unsigned int filter_flags;            /* SECCOMP_FILTER_FLAG_* */
	const struct rast_landlock *landlock; /* fits the kernel; NULL: no Landlock */
	const struct rast_launch_rlimit *rlimits;
	size_t n_rlimits;
	bool set_oom_score_adj;
	int oom_score_adj;
	const struct rast_launch_attr *attr; /* NULL: none of them; see launch_attr.h */

	int stdio[3]; /* borrowed; all -1 with `tty` */
	bool tty;     /* a pseudo terminal of the container's own devpts */
	unsigned short rows, cols;
	unsigned int preserved; /* so many fds from 3 on stay open */

	/*
	 * While the child waits. A negative value undoes the launch. before_exec comes once its
	 * process exists. With `hooks` the child waits also when its file systems are mounted and its
	 * root is not entered yet: then mounted() runs in the parent, in_mounts() in the child.
	 */
	int (*before_exec)(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err);
	bool hooks;
	int (*mounted)(void *arg, pid_t pid, struct rast_err *err);
	int (*in_mounts)(void *arg, pid_t pid);
	/* In the child, when the word has come, as the user and with the capabilities of the plan. */
	int (*in_container)(void *arg, pid_t pid);
	/* With SECCOMP_FILTER_FLAG_NEW_LISTENER: who gets the listener; the fd is borrowed. */
	int (*on_listener)(void *arg, pid_t pid, int fd, struct rast_err *err);
	void *arg;
	uint64_t cgroup_id; /* handed to before_exec */

	/*
	 * A listening SOCK_SEQPACKET socket: rast_launch_start() returns when all is ready, and the
	 * command runs when rast_launch_go() connects. -1: at once.
	 */
	int start_fd;
};
#define RAST_LAUNCH_INIT                                                              \
	{                                                                             \
		.cwd = "/", .umask = 022, .join_pidfd = -1, .cgroup_fd = -1,          \
		.procs = {-1, -1, -1, -1, -1, -1, -1, -1, -1}, .stdio = {-1, -1, -1}, \
		.start_fd = -1,                                                       \
	}

/* Who gets the seccomp listener of a process that is started. */
struct rast_launch_taker {
	pid_t pid;
	int pidfd;                                                              /* borrowed */
	int (*on_listener)(void *arg, pid_t pid, int fd, struct rast_err *err); /* may be NULL */
	void *arg;
};

struct rast_launched {
	pid_t pid;
	int pidfd;
	int tty; /* master side, or -1 */
};

/* On error nothing is left: the child is dead and reaped. */
int rast_launch_start(const struct rast_launch *l, struct rast_launched *ret, struct rast_err *err);
/*
 * Connects to the socket that a launch with start_fd listens on. 0 when the command runs; an error
 * that says why when it could not be run (the child has ended then). `sock` is connected already.
 */
int rast_launch_go(int sock, const struct rast_launch_taker *taker, struct rast_err *err);
/*
 * A user namespace with these maps and nobody in it, to give its ids to mounts. Not while the caller is
 * undumpable.
 */
int rast_launch_userns(const struct rast_launch_idmap *uids, size_t n_uids,
		       const struct rast_launch_idmap *gids, size_t n_gids, int *ret_fd,
		       struct rast_err *err);
/* Brings up the loopback device in the network namespace of that process. */
int rast_launch_loopback(pid_t pid, struct rast_err *err);
/* Waits for the end. *ret_status: exit status, or 128 + signal. */
int rast_launch_wait(int pidfd, int *ret_status);

#endif
