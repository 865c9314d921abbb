/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.json of the OCI runtime specification (1.2, and what 1.3 added for Linux) as a C structure.
 *
 * Everything that can be judged from the text alone has been judged when a load returns 0; nothing here
 * looks at the system. Unknown fields are ignored, null is as good as absent, a wrong type is an error
 * that names the field ("config.json: process.rlimits[2].soft: want …"). Strings and arrays belong to
 * the spec and live until rast_oci_spec_destroy(). A string that is absent or empty is NULL. Arrays of
 * strings end in NULL. What the specification calls optional without a default carries `set`.
 *
 * Limits: 4 MiB of text, 2048 levels, RAST_OCI_MAX_* entries.
 */
#ifndef RAST_OCI_SPEC_H
#define RAST_OCI_SPEC_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_OCI_SPEC_VERSION "1.2.1" /* what rast_oci_spec_default() says */
#define RAST_OCI_MAX_TEXT (4u << 20)
#define RAST_OCI_MAX_STRINGS 65536u /* entries of a list or map of strings */
#define RAST_OCI_MAX_LIST 8192u     /* entries of any other list */
#define RAST_OCI_MAX_IDMAPS 340u    /* the kernel's limit */
#define RAST_OCI_ID_MAX 4294967294u

/* The annotation for Landlock: a JSON document as a string. */
#define RAST_OCI_LANDLOCK "rast.os/landlock"

struct rast_seccomp_profile; /* container/seccomp_profile.h */
struct rast_landlock;        /* container/landlock.h */

struct rast_oci_i64 {
	int64_t v;
	bool set;
};
struct rast_oci_u64 {
	uint64_t v;
	bool set;
};
struct rast_oci_bool {
	bool v, set;
};
struct rast_oci_kv {
	const char *key, *value; /* never NULL */
};
struct rast_oci_idmap {
	uint32_t container_id, host_id, size; /* size > 0, no overlap in one list */
};

/* ---- mounts ---- */

#define RAST_OCI_MOUNT_BIND (1u << 0)
#define RAST_OCI_MOUNT_RBIND (1u << 1) /* with BIND: the whole tree */
#define RAST_OCI_MOUNT_REMOUNT (1u << 2)
#define RAST_OCI_MOUNT_TMPCOPYUP (1u << 3)
#define RAST_OCI_MOUNT_IDMAP (1u << 4)
#define RAST_OCI_MOUNT_RIDMAP (1u << 5) /* with IDMAP: the whole tree */
#define RAST_OCI_MOUNT_COPY_SYMLINK \
	(1u << 6) /* a source that is a symlink is made anew, not bound */
#define RAST_OCI_MOUNT_SRC_NOFOLLOW (1u << 7) /* the last component of the source is not followed */
#define RAST_OCI_MOUNT_DST_NOFOLLOW (1u << 8) /* nor that of the destination */

#define RAST_OCI_MAX_PROPAGATION 4

/* Fit for mount_setattr(2): whoever sets a kind of atime also clears MOUNT_ATTR__ATIME. */
struct rast_oci_attr {
	uint64_t set, clear;
};

struct rast_oci_mount {
	const char *destination;         /* absolute, without ".", ".." and "//" */
	const char *type;                /* NULL: none */
	const char *source;              /* as written: relative to the bundle when not absolute */
	uint32_t flags;                  /* RAST_OCI_MOUNT_* */
	struct rast_oci_attr attr, tree; /* MOUNT_ATTR_*: of this mount; of all below it (rro, …) */
	/*
	 * MS_* of the superblock: RDONLY (always together with attr), SYNCHRONOUS, DIRSYNC, MANDLOCK,
	 * I_VERSION, LAZYTIME, SILENT.
	 */
	struct {
		uint64_t set, clear;
	} sb;
	uint32_t propagation
		[RAST_OCI_MAX_PROPAGATION]; /* MS_SHARED, …, perhaps | MS_REC; in order */
	size_t n_propagation;
	const char *const *data; /* the rest, for the file system: "mode=755", "size=65536k", … */
	size_t n_data;
	/* With IDMAP and none of these: those of the user namespace, or of the one joined by path. */
	const struct rast_oci_idmap *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
};

/* ---- process ---- */

struct rast_oci_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient; /* 1 << CAP_* */
};
struct rast_oci_rlimit {
	int resource;        /* RLIMIT_* */
	uint64_t soft, hard; /* UINT64_MAX: none */
};
/* As sched_setattr(2) takes them. */
struct rast_oci_scheduler {
	uint32_t policy, priority;
	int32_t nice;
	uint64_t flags, runtime, deadline, period;
};

struct rast_oci_process {
	bool terminal;
	uint16_t rows, cols; /* 0: not given; without a terminal always 0 */
	uint32_t uid, gid;
	struct rast_oci_u64 umask;
	const uint32_t *groups; /* additionalGids */
	size_t n_groups;
	const char *const *args; /* at least one */
	size_t n_args;
	const char *const *env; /* "NAME=VALUE" */
	size_t n_env;
	const char *cwd; /* absolute */
	bool has_caps;
	struct rast_oci_caps caps;
	const struct rast_oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privs;
	const char *apparmor_profile, *selinux_label;
	struct rast_oci_i64 oom_score_adj;
	bool has_scheduler;
	struct rast_oci_scheduler scheduler;
	bool has_io_priority;
	uint32_t io_class; /* IOPRIO_CLASS_*: 1 RT, 2 BE, 3 IDLE */
	uint32_t io_priority;
	const char *cpu_initial, *cpu_final; /* execCPUAffinity: "0-3,7" */
};

/* ---- hooks ---- */

struct rast_oci_hook {
	const char *path; /* absolute */
	const char *const *args;
	size_t n_args;
	const char *const *env;
	size_t n_env;
	struct rast_oci_i64 timeout_s; /* > 0 */
};

enum rast_oci_hook_point {
	RAST_OCI_PRESTART,
	RAST_OCI_CREATE_RUNTIME,
	RAST_OCI_CREATE_CONTAINER,
	RAST_OCI_START_CONTAINER,
	RAST_OCI_POSTSTART,
	RAST_OCI_POSTSTOP,
	RAST_OCI_HOOK_POINTS
};

struct rast_oci_hooks {
	const struct rast_oci_hook *v;
	size_t n;
};

/* ---- linux.resources ---- */

#define RAST_OCI_DEV_READ 1u
#define RAST_OCI_DEV_WRITE 2u
#define RAST_OCI_DEV_MKNOD 4u

struct rast_oci_device_rule {
	bool allow;
	char type;            /* 'a' (both), 'b' or 'c' */
	int64_t major, minor; /* -1: all */
	uint32_t access;      /* RAST_OCI_DEV_* */
};
struct rast_oci_weight_device {
	int64_t major, minor;
	struct rast_oci_u64 weight, leaf_weight;
};
struct rast_oci_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};
struct rast_oci_hugepage {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};
struct rast_oci_net_prio {
	const char *name;
	uint32_t priority;
};
struct rast_oci_rdma {
	const char *device;
	struct rast_oci_u64 hca_handles, hca_objects;
};

struct rast_oci_resources {
	const struct rast_oci_device_rule *devices;
	size_t n_devices;
	struct {
		struct rast_oci_i64 limit, reservation, swap, kernel, kernel_tcp; /* -1: none */
		struct rast_oci_u64 swappiness;
		struct rast_oci_bool disable_oom_killer, use_hierarchy, check_before_update;
	} memory;
	struct {
		struct rast_oci_u64 shares, burst, period, realtime_period;
		struct rast_oci_i64 quota, realtime_runtime, idle;
		const char *cpus, *mems; /* "0-3,7" */
	} cpu;
	struct rast_oci_i64 pids_limit; /* <= 0: none */
	struct {
		struct rast_oci_u64 weight, leaf_weight;
		const struct rast_oci_weight_device *weight_devices;
		const struct rast_oci_throttle_device *read_bps, *write_bps, *read_iops,
			*write_iops;
		size_t n_weight_devices, n_read_bps, n_write_bps, n_read_iops, n_write_iops;
	} block_io;
	const struct rast_oci_hugepage *hugepages;
	size_t n_hugepages;
	struct rast_oci_u64 class_id;
	const struct rast_oci_net_prio *net_prios;
	size_t n_net_prios;
	const struct rast_oci_rdma *rdma;
	size_t n_rdma;
	const struct rast_oci_kv *unified; /* file name in the cgroup → what is written */
	size_t n_unified;
};

/* ---- linux ---- */

enum rast_oci_ns {
	RAST_OCI_NS_USER,
	RAST_OCI_NS_MOUNT,
	RAST_OCI_NS_PID,
	RAST_OCI_NS_NETWORK,
	RAST_OCI_NS_UTS,
	RAST_OCI_NS_IPC,
	RAST_OCI_NS_CGROUP,
	RAST_OCI_NS_TIME,
	RAST_OCI_NS_MAX
};
struct rast_oci_ns_kind {
	const char *name; /* "network" */
	uint64_t flag;    /* CLONE_NEWNET */
	const char *proc; /* "net": the file below /proc/PID/ns */
};
extern const struct rast_oci_ns_kind rast_oci_ns_kinds[RAST_OCI_NS_MAX];

struct rast_oci_device {
	char type; /* 'c' (also for "u"), 'b' or 'p' */
	const char *path;
	int64_t major, minor;
	struct rast_oci_u64 mode; /* permissions, at most 07777 */
	struct rast_oci_u64 uid, gid;
};
struct rast_oci_net_device {
	const char *host_name, *name; /* name NULL: keeps its own */
};
struct rast_oci_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct rast_oci_spec {
	const char *version; /* ociVersion */
	const char *root_path;
	bool root_readonly;
	const struct rast_oci_mount *mounts;
	size_t n_mounts;
	bool has_process; /* always true after rast_oci_spec_load() when "process" was there */
	struct rast_oci_process process;
	const char *hostname, *domainname;
	struct rast_oci_hooks hooks[RAST_OCI_HOOK_POINTS];
	const struct rast_oci_kv *annotations;
	size_t n_annotations;

	/* "linux" */
	uint64_t ns_new;                            /* CLONE_NEW* that are made */
	uint64_t ns_join;                           /* CLONE_NEW* that are entered by path */
	const char *ns_path[RAST_OCI_NS_MAX];       /* by enum rast_oci_ns; absolute */
	enum rast_oci_ns ns_order[RAST_OCI_NS_MAX]; /* as written */
	size_t n_ns;
	const struct rast_oci_idmap *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	struct rast_oci_time_offset monotonic, boottime;
	const struct rast_oci_kv
		*sysctls; /* keys with dots as separators, as sysctl(8) writes them */
	size_t n_sysctls;
	const char *cgroups_path;
	const struct rast_oci_device *devices;
	size_t n_devices;
	const struct rast_oci_net_device *net_devices;
	size_t n_net_devices;
	uint32_t rootfs_propagation; /* MS_*; 0: not given */
	const char *const *masked_paths;
	size_t n_masked_paths;
	const char *const *readonly_paths;
	size_t n_readonly_paths;
	const char *mount_label;
	struct rast_oci_u64 personality; /* PER_LINUX or PER_LINUX32 */
	struct {
		bool set;
		const char *clos_id, *l3_cache_schema, *mem_bw_schema;
		const char *const *schemata;
		size_t n_schemata;
		bool enable_cmt, enable_mbm, enable_monitoring;
	} intel_rdt;
	struct {
		bool set;
		uint32_t mode;     /* MPOL_* with MPOL_F_* */
		const char *nodes; /* "0-3,7" */
	} memory_policy;
	bool has_resources;
	struct rast_oci_resources resources;
	const struct rast_seccomp_profile *seccomp; /* NULL: none */
	const struct rast_landlock *landlock;       /* of the annotation; NULL: none */

	/* What was taken though it is odd, for the log: "process.capabilities.bounding[3]: …". */
	const char *const *warnings;
	size_t n_warnings;
};

/* ---- loading ---- */

/* `path` relative to dirfd; the last component is the file's name in errors. "-": standard input. */
int rast_oci_spec_load(int dirfd, const char *path, struct rast_oci_spec **ret,
		       struct rast_err *err);
/* A "resources" object alone (update --resources): only resources is filled. */
int rast_oci_resources_load(int dirfd, const char *path, struct rast_oci_spec **ret,
			    struct rast_err *err);
/* A "process" object alone (exec --process): only process is filled. */
int rast_oci_process_load(int dirfd, const char *path, struct rast_oci_spec **ret,
			  struct rast_err *err);
/*
 * Mounts alone, as a list or as an object with "mounts" (mounts add): mounts is filled, and of `container`,
 * which must live as long, what mounts depend on (namespaces, id maps). NULL: only destinations are read.
 */
int rast_oci_mounts_load(int dirfd, const char *path, const struct rast_oci_spec *container,
			 struct rast_oci_spec **ret, struct rast_err *err);
/* The same from memory; `text` may be changed during the call and is free to go after it. */
int rast_oci_spec_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			struct rast_err *err);
int rast_oci_resources_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			     struct rast_err *err);
int rast_oci_process_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			   struct rast_err *err);
int rast_oci_mounts_parse(const char *file, char *text, size_t len,
			  const struct rast_oci_spec *container, struct rast_oci_spec **ret,
			  struct rast_err *err);
void rast_oci_spec_destroy(struct rast_oci_spec *spec);

static inline void rast_oci_spec_destroyp(struct rast_oci_spec **spec)
{
	rast_oci_spec_destroy(*spec);
}
#define _cleanup_oci_spec_ _cleanup_(rast_oci_spec_destroyp)

/* NULL when there is none of that name. */
const char *rast_oci_annotation(const struct rast_oci_spec *spec, const char *key);
/* The JSON value of spec.annotations or {} as text, for state; the caller frees it. NULL: no memory. */
char *rast_oci_annotations_dump(const struct rast_oci_spec *spec);

/* The config.json of `rast-oci spec`, a malloc'ed text; uid and gid are only used when rootless. */
char *rast_oci_spec_default(bool rootless, uint32_t uid, uint32_t gid);

/* ---- small parsers, for flags of the command line as well ---- */

/* "CAP_KILL" (or "KILL", any case) → its number, or -1. */
int rast_oci_cap_number(const char *name);
/* "RLIMIT_NOFILE" → RLIMIT_NOFILE, or -1. */
int rast_oci_rlimit_number(const char *name);
/* Names that `features` lists; the last one is NULL. */
const char *rast_oci_cap_name(unsigned int number);
const char *rast_oci_mount_option_name(size_t i);

#endif
