/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Kubernetes v1 Pod manifest as a struct: the front of everything that starts containers. Pure; the
 * launch core (launch.h, mount.h, cgroup.h, seccomp.h) knows nothing of it, run.c translates.
 *
 * Everything a pod holds lives in its own arena and dies with rast_pod_destroy(): the YAML tree may go
 * first. Parsing is strict: an unknown field, a wrong type or a value out of range is one error with
 * file, line, column and field. Fields of Kubernetes that are not listed here are refused, not ignored.
 */
#ifndef RAST_CONTAINER_POD_H
#define RAST_CONTAINER_POD_H

#include "base/err.h"
#include "base/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits, each an error past it. */
#define RAST_POD_MAX_CONTAINERS 16
#define RAST_POD_MAX_NAME 63 /* namespace, pod, container: RFC 1123; dots in the pod's only */
#define RAST_POD_MAX_LIST \
	256 /* labels, annotations, ports, volumes, mounts, sysctls, capabilities */
#define RAST_POD_MAX_ARGS 1024  /* command, args, env: entries each */
#define RAST_POD_MAX_ARG 131071 /* bytes of one argument or NAME=VALUE (MAX_ARG_STRLEN) */
/* Of all strings and lists: a few aliases and $(VAR)s in a small file could ask for gigabytes. */
#define RAST_POD_MAX_BYTES (64u << 20)
#define RAST_POD_MAX_CONFIG (1u << 20) /* bytes of all data of one ConfigMap */

#define RAST_POD_ID_UNSET 0xffffffffu

struct rast_pod_kv {
	const char *key, *value;
};

struct rast_pod_port {
	const char *name; /* "" when it has none */
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
};

enum rast_pod_probe_kind { RAST_PROBE_NONE = 0, RAST_PROBE_HTTP, RAST_PROBE_TCP, RAST_PROBE_EXEC };

struct rast_pod_probe {
	enum rast_pod_probe_kind kind;
	uint16_t port;              /* HTTP, TCP; port names are resolved */
	const char *path;           /* HTTP; "/" by default */
	const char *host;           /* HTTP, TCP; "" means the pod's address */
	const char *const *command; /* EXEC; NULL-terminated */
	unsigned int initial_delay_s, period_s, timeout_s, failures, successes;
};

enum rast_pod_seccomp { RAST_SECCOMP_RUNTIME_DEFAULT = 0, RAST_SECCOMP_UNCONFINED };

struct rast_pod_mount {
	int volume;       /* index into the pod's volumes */
	const char *path; /* absolute, normal: no "." or ".." component */
	const char *sub_path;
	bool read_only;
};

struct rast_pod_container {
	const char *name;
	const char *image;          /* "" only for a pod made by `container run --rootfs` */
	const char *const *command; /* NULL-terminated; $(VAR) is expanded already */
	const char *const *args;
	size_t n_command, n_args;
	const struct rast_pod_kv *env;
	size_t n_env;
	const char *working_dir; /* "/" by default */
	const struct rast_pod_port *ports;
	size_t n_ports;
	const struct rast_pod_mount *mounts;
	size_t n_mounts;
	/* 0: none given. */
	uint64_t cpu_request_milli, cpu_limit_milli;
	uint64_t mem_request_bytes, mem_limit_bytes;
	uint64_t pids_limit;
	uint64_t log_max_bytes;
	uint32_t uid, gid; /* RAST_POD_ID_UNSET: as the image says */
	bool read_only_root;
	bool allow_privilege_escalation; /* no_new_privs is not set */
	enum rast_pod_seccomp seccomp;
	uint64_t cap_add, cap_drop; /* bits by capability number; all ones for ALL */
	struct rast_pod_probe readiness, liveness;
	bool tty, stdin_open; /* only `container run -it` */
};

enum rast_pod_volume_kind { RAST_VOLUME_EMPTY, RAST_VOLUME_HOST, RAST_VOLUME_CONFIG };

struct rast_pod_volume {
	const char *name;
	enum rast_pod_volume_kind kind;
	bool memory;                     /* EMPTY: a tmpfs */
	uint64_t size_bytes;             /* EMPTY: sizeLimit; 0 none (bounds a tmpfs only) */
	const char *path;                /* HOST */
	bool host_is_file, host_create;  /* HOST: type File; DirectoryOrCreate */
	const struct rast_pod_kv *files; /* CONFIG: name → text */
	size_t n_files;
};

enum rast_pod_restart { RAST_RESTART_ALWAYS = 0, RAST_RESTART_ON_FAILURE, RAST_RESTART_NEVER };

struct rast_pod {
	const char *name, *ns;
	const struct rast_pod_kv *labels, *annotations;
	size_t n_labels, n_annotations;
	const struct rast_pod_container *containers;
	size_t n_containers;
	const struct rast_pod_volume *volumes;
	size_t n_volumes;
	const struct rast_pod_kv *sysctls; /* "net.ipv4.ip_forward" → "0" */
	size_t n_sysctls;
	enum rast_pod_restart restart;
	bool host_network;
	bool no_network;      /* only `container run --network none` */
	const char *hostname; /* the pod's name by default */
	unsigned int grace_s;
	struct rast_pod_block *arena;
	size_t arena_bytes;
	bool arena_full; /* an allocation was refused because of RAST_POD_MAX_BYTES */
};

/*
 * `doc`: a document with apiVersion v1 and kind Pod. `others` (may be NULL): the documents beside it,
 * among which ConfigMaps of the same namespace are looked for. -EINVAL with err.
 */
int rast_pod_parse(const struct rast_yaml_node *doc, const struct rast_yaml_node *const *others,
		   size_t n_others, struct rast_pod **ret, struct rast_err *err);

/* An empty pod, for callers that fill it by hand; strings and arrays from the two below. */
struct rast_pod *rast_pod_create(void);
/* NULL when out of memory or, arena_full then, past RAST_POD_MAX_BYTES. */
void *rast_pod_alloc(struct rast_pod *pod, size_t size);
const char *rast_pod_strdup(struct rast_pod *pod, const char *s);
void rast_pod_destroy(struct rast_pod *pod);
static inline void rast_pod_destroyp(struct rast_pod **pod)
{
	rast_pod_destroy(*pod);
}
#define _cleanup_pod_ _cleanup_(rast_pod_destroyp)

/* RFC 1123 label; with `dots`: subdomain. At most RAST_POD_MAX_NAME bytes. */
bool rast_pod_name_valid(const char *name, bool dots);
/* "NET_ADMIN" or "CAP_NET_ADMIN" → 12; -EINVAL. */
int rast_pod_capability(const char *name);
/*
 * $(NAME) → its value, $$ → $; a reference to an unknown name stays as it is. NULL when out of memory
 * or longer than RAST_POD_MAX_ARG.
 */
const char *rast_pod_expand(struct rast_pod *pod, const char *text, const struct rast_pod_kv *env,
			    size_t n_env);
/* The label's or annotation's value, NULL when absent. */
const char *rast_pod_label(const struct rast_pod *pod, const char *key);

#endif
