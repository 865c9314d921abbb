/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cgroups of a container, on pure cgroup2 and on hybrid hosts where the controllers are still v1: the
 * cgroup2 directory always exists (BPF, kill and identity hang on it), the same path exists below each
 * v1 controller that is needed. Mounts are only looked for at their known places, never changed.
 *
 * A path is "<instance>/<ns>_<pod>/<container>" below each mount (bpf/container.h: the level counts).
 */
#ifndef RAST_CONTAINER_CGROUP_H
#define RAST_CONTAINER_CGROUP_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

/* Slices of systemd in slices make long ones: "kubelet.slice/kubelet-kubepods.slice/…" has 230. */
#define RAST_CGROUP_PATH_MAX 512

enum rast_cgroup_controller {
	RAST_CG_CPU,
	RAST_CG_MEMORY,
	RAST_CG_PIDS,
	RAST_CG_IO,
	RAST_CG_CPUACCT, /* v1 only */
	RAST_CG_CPUSET,
	RAST_CG_HUGETLB,
	RAST_CG_RDMA,
	RAST_CG_MAX,
	/* For writes: a file of cgroup2 that no controller above is needed for, cgroup.* above all. */
	RAST_CG_CORE = RAST_CG_MAX
};

struct rast_cgroup_layout {
	int v2_fd; /* the cgroup2 mount */
	char v2_path[64];
	unsigned int v2;               /* bit by controller: on cgroup2 */
	unsigned int v1;               /* bit by controller: on a v1 mount of its own */
	char v1_path[RAST_CG_MAX][64]; /* "" when it is not there */
};

/* -ENODEV with err when there is no cgroup2 mount. */
int rast_cgroup_layout_init(struct rast_cgroup_layout *ret, struct rast_err *err);
struct rast_cgroup_limits;
/* The same, but only those v1 mounts are looked for that these limits need. */
int rast_cgroup_layout_init_for(const struct rast_cgroup_limits *lim,
				struct rast_cgroup_layout *ret, struct rast_err *err);
/* To remove: the cgroup2 mount without its controllers, and these v1 mounts, by bit. */
int rast_cgroup_layout_init_some(unsigned int v1, struct rast_cgroup_layout *ret,
				 struct rast_err *err);
/* rmdir of `path`, and of it below those v1 mounts of `v1`, where nothing lives any more. Waits for
 * nothing and goes no deeper: -EBUSY when that is not enough. */
int rast_cgroup_remove_empty(const struct rast_cgroup_layout *l, unsigned int v1, const char *path);
void rast_cgroup_layout_finish(struct rast_cgroup_layout *l);

/* One setting by the names that each version has for it; NULL where one has none. */
struct rast_cgroup_write {
	enum rast_cgroup_controller controller;
	const char *v2_file, *v2_value, *v1_file, *v1_value;
	bool optional;    /* a kernel that has no such file is no error */
	const char *what; /* for messages: "memory.limit" */
};

/* 0 means not limited. */
struct rast_cgroup_limits {
	uint64_t cpu_max_milli;    /* 500: half a CPU */
	uint64_t cpu_weight_milli; /* request: 1000 is a weight of 100 */
	uint64_t mem_max_bytes, mem_high_bytes;
	bool no_swap; /* swap is not a way around mem_max */
	uint64_t pids_max;
	unsigned int io_weight; /* 1..10000 */
	bool stats;             /* join v1 memory, cpuacct and pids also when nothing is limited */
	unsigned int
		v1_join; /* v1 controllers, by bit, that are joined besides, where there are any */
	bool exists;     /* on cgroup2, by systemd: neither made here nor removed on error */
	const struct rast_cgroup_write *writes; /* besides; a missing controller is an error here */
	size_t n_writes;
};

struct rast_cgroup {
	char path[RAST_CGROUP_PATH_MAX];
	int fd; /* cgroup2 directory: for CLONE_INTO_CGROUP */
	uint64_t id;
	unsigned int v1;        /* controllers joined through v1 */
	int procs[RAST_CG_MAX]; /* cgroup.procs of each of those, or -1 */
};
#define RAST_CGROUP_INIT                                              \
	{                                                             \
		.fd = -1, .procs = { -1, -1, -1, -1, -1, -1, -1, -1 } \
	}

/*
 * Creates the directories, enables controllers and writes limits. A limit whose controller is nowhere
 * is left out (see rast_cgroup_missing). On error nothing is left.
 */
int rast_cgroup_create(const struct rast_cgroup_layout *l, const char *path,
		       const struct rast_cgroup_limits *lim, struct rast_cgroup *ret,
		       struct rast_err *err);
/* One that exists: with its v1 parts where they exist. -ENOENT. */
int rast_cgroup_open(const struct rast_cgroup_layout *l, const char *path, struct rast_cgroup *ret,
		     struct rast_err *err);
/* Settings of one that exists; the first that fails ends it. */
int rast_cgroup_apply(const struct rast_cgroup_layout *l, const char *path,
		      const struct rast_cgroup_write *writes, size_t n, struct rast_err *err);
void rast_cgroup_finish(struct rast_cgroup *cg);
#define _cleanup_cgroup_ _cleanup_(rast_cgroup_finish)

/* "memory, pids" of those that are asked for and have no controller here; "" when none. */
const char *rast_cgroup_missing(const struct rast_cgroup_layout *l,
				const struct rast_cgroup_limits *lim, char *buf, size_t size);

/* SIGKILL to everything in it and below. Does not wait. */
int rast_cgroup_kill(const struct rast_cgroup_layout *l, const char *path);
/* Another signal to all of them; without the kernel's help, so what forks meanwhile may miss it. */
int rast_cgroup_signal(const struct rast_cgroup_layout *l, const char *path, int sig);
int rast_cgroup_freeze(const struct rast_cgroup_layout *l, const char *path, bool frozen);
/* Waits until all of it is (or no longer is) frozen; -ETIMEDOUT. */
int rast_cgroup_wait_frozen(const struct rast_cgroup_layout *l, const char *path, bool frozen,
			    unsigned int timeout_ms);
/* Waits until nothing lives in it; -ETIMEDOUT. */
int rast_cgroup_wait_empty(const struct rast_cgroup_layout *l, const char *path,
			   unsigned int timeout_ms);
/* Removes it (and what it has below) everywhere; 0 when it was not there. Waits for the last exits. */
int rast_cgroup_remove(const struct rast_cgroup_layout *l, const char *path, struct rast_err *err);

struct rast_cgroup_stats {
	uint64_t cpu_usage_ns, mem_bytes, mem_peak_bytes, pids, oom_kills;
	unsigned int known; /* bit by controller */
};
/* The fallback of accounting: reads what files there are. */
int rast_cgroup_stats(const struct rast_cgroup_layout *l, const char *path,
		      struct rast_cgroup_stats *ret);

#endif
