// SPDX-License-Identifier: BSD-2-Clause
/* "process" and "hooks" of config.json; "process" also stands alone in `exec --process`. */
#include "oci/spec_json.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

/* ---- capabilities ---- */

static const char *const cap_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
_Static_assert(ARRAY_SIZE(cap_names) == 41, "capabilities are numbered by their place");

const char *rast_oci_cap_name(unsigned int number)
{
	return number < ARRAY_SIZE(cap_names) ? cap_names[number] : NULL;
}

int rast_oci_cap_number(const char *name)
{
	size_t i;

	if (!strncasecmp(name, "CAP_", 4))
		name += 4;
	for (i = 0; i < ARRAY_SIZE(cap_names); i++)
		if ((cap_names[i][4] | 0x20) == (name[0] | 0x20) &&
		    !strcasecmp(cap_names[i] + 4, name))
			return (int)i;
	return -1;
}

/* Names that are not known, perhaps of a newer kernel, are passed over as runc does. */
static int parse_caps(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *const *names = NULL;
	uint64_t caps = 0;
	size_t n = 0, i;
	int r = oci_strings(l, at, v, 0, &names, &n);

	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		const struct oci_at here = {at, NULL, i};
		int cap = rast_oci_cap_number(names[i]);

		if (cap >= 0)
			caps |= (uint64_t)1 << cap;
		else if (oci_warn(l, &here, "unknown capability %.80s, ignored", names[i]) < 0)
			return -ENOMEM;
	}
	*(uint64_t *)value = caps;
	return 0;
}

#define CAPS(name, member) \
	OCI_FIELD(OCI_CALL, name, struct rast_oci_caps, member, .call = parse_caps)
static const struct oci_field caps_fields[] = {
	CAPS("bounding", bounding),   CAPS("effective", effective),
	CAPS("permitted", permitted), CAPS("inheritable", inheritable),
	CAPS("ambient", ambient),
};
static const struct oci_table caps_table = OCI_TABLE(caps_fields);

/* ---- limits ---- */

static const struct oci_name rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};
static const struct oci_names rlimits = OCI_NAMES(rlimit_names);

int rast_oci_rlimit_number(const char *name)
{
	const struct oci_name *n = oci_name_find(&rlimits, name);

	return n ? (int)n->value : -1;
}

static int check_rlimit(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_rlimit *r = object;

	if (r->soft > r->hard)
		return oci_fail(l, at, "soft limit %llu is above hard limit %llu",
				(unsigned long long)r->soft, (unsigned long long)r->hard);
	return 0;
}

_Static_assert(sizeof(((struct rast_oci_rlimit *)0)->resource) == sizeof(uint32_t), "OCI_NAME");
static const struct oci_field rlimit_fields[] = {
	OCI_FIELD(OCI_NAME, "type", struct rast_oci_rlimit, resource, .flags = OCI_REQUIRED,
		  .arg = &rlimits),
	OCI_FIELD(OCI_U64, "hard", struct rast_oci_rlimit, hard, .flags = OCI_REQUIRED),
	OCI_FIELD(OCI_U64, "soft", struct rast_oci_rlimit, soft, .flags = OCI_REQUIRED),
};
static const struct oci_table rlimit_table =
	OCI_TABLE(rlimit_fields, .size = sizeof(struct rast_oci_rlimit), .check = check_rlimit);

/* ---- scheduling ---- */

static const struct oci_name policy_names[] = {
	{"SCHED_OTHER", SCHED_NORMAL},      {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},       {"SCHED_ISO", 4},           {"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
};
static const struct oci_name sched_flag_names[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};
static const struct oci_names policies = OCI_NAMES(policy_names),
			      sched_flags = OCI_NAMES(sched_flag_names);

static int check_scheduler(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_scheduler *s = object;
	bool real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (s->priority && !real_time)
		return oci_fail(l, at, "priority is only for SCHED_FIFO and SCHED_RR");
	if (s->policy != SCHED_DEADLINE && (s->runtime || s->deadline || s->period))
		return oci_fail(l, at, "runtime, deadline and period are only for SCHED_DEADLINE");
	return 0;
}

static const struct oci_field scheduler_fields[] = {
	OCI_FIELD(OCI_NAME, "policy", struct rast_oci_scheduler, policy, .flags = OCI_REQUIRED,
		  .arg = &policies),
	OCI_FIELD(OCI_I32, "nice", struct rast_oci_scheduler, nice, .min = -20, .max = 19),
	OCI_FIELD(OCI_U32, "priority", struct rast_oci_scheduler, priority, .max = 99),
	OCI_FIELD(OCI_FLAGS, "flags", struct rast_oci_scheduler, flags, .arg = &sched_flags),
	OCI_FIELD(OCI_U64, "runtime", struct rast_oci_scheduler, runtime),
	OCI_FIELD(OCI_U64, "deadline", struct rast_oci_scheduler, deadline),
	OCI_FIELD(OCI_U64, "period", struct rast_oci_scheduler, period),
};
static const struct oci_table scheduler_table =
	OCI_TABLE(scheduler_fields, .check = check_scheduler);

static const struct oci_name io_class_names[] = {
	{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
static const struct oci_names io_classes = OCI_NAMES(io_class_names);
static const struct oci_field io_fields[] = {
	OCI_FIELD(OCI_NAME, "class", struct rast_oci_process, io_class, .flags = OCI_REQUIRED,
		  .arg = &io_classes),
	OCI_FIELD(OCI_U32, "priority", struct rast_oci_process, io_priority, .max = 7),
};
static const struct oci_table io_table = OCI_TABLE(io_fields);

static int parse_cpu_list(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *s = NULL;
	int r = oci_string(l, at, v, 0, &s);

	if (r < 0 || !*s)
		return r;
	if (!oci_number_list(s, 65535))
		return oci_fail(l, at, "\"%.80s\": want numbers and ranges such as \"0-3,7\"", s);
	*(const char **)value = s;
	return 0;
}

static const struct oci_field affinity_fields[] = {
	OCI_FIELD(OCI_CALL, "initial", struct rast_oci_process, cpu_initial,
		  .call = parse_cpu_list),
	OCI_FIELD(OCI_CALL, "final", struct rast_oci_process, cpu_final, .call = parse_cpu_list),
};
static const struct oci_table affinity_table = OCI_TABLE(affinity_fields);

/* ---- the rest ---- */

static const struct oci_field user_fields[] = {
	OCI_FIELD(OCI_U32, "uid", struct rast_oci_process, uid, .max = RAST_OCI_ID_MAX),
	OCI_FIELD(OCI_U32, "gid", struct rast_oci_process, gid, .max = RAST_OCI_ID_MAX),
	OCI_FIELD(OCI_OPT_U64, "umask", struct rast_oci_process, umask, .max = 0777),
	OCI_MANY(OCI_U32S, "additionalGids", struct rast_oci_process, groups,
		 .max = RAST_OCI_ID_MAX),
};
static const struct oci_table user_table = OCI_TABLE(user_fields);

static const struct oci_field console_fields[] = {
	OCI_FIELD(OCI_U16, "height", struct rast_oci_process, rows, .flags = OCI_REQUIRED),
	OCI_FIELD(OCI_U16, "width", struct rast_oci_process, cols, .flags = OCI_REQUIRED),
};
static const struct oci_table console_table = OCI_TABLE(console_fields);

static int check_env(struct oci_load *l, const struct oci_at *at, const char *const *env, size_t n)
{
	const struct oci_at list = {at, "env", 0};
	size_t i;

	for (i = 0; i < n; i++) {
		const struct oci_at here = {&list, NULL, i};

		if (env[i][0] == '=' || !strchr(env[i], '='))
			return oci_fail(l, &here, "\"%.80s\": want NAME=VALUE", env[i]);
	}
	return 0;
}

static int check_process(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct oci_at list = {at, "rlimits", 0}, args = {at, "args", 0};
	struct rast_oci_process *p = object;
	uint64_t seen = 0;
	size_t i;

	if (!p->args[0][0]) {
		const struct oci_at first = {&args, NULL, 0};

		return oci_fail(l, &first, "is empty");
	}
	for (i = 0; i < p->n_rlimits; i++) {
		const struct oci_at here = {&list, NULL, i};

		if (seen >> p->rlimits[i].resource & 1)
			return oci_fail(l, &here, "a second limit of this type");
		seen |= (uint64_t)1 << p->rlimits[i].resource;
	}
	if (!p->terminal)
		p->rows = p->cols = 0;
	return check_env(l, at, p->env, p->n_env);
}

#define PROCESS(k, name, member, ...) \
	OCI_FIELD(k, name, struct rast_oci_process, member, ##__VA_ARGS__)
static const struct oci_field process_fields[] = {
	PROCESS(OCI_BOOL, "terminal", terminal),
	{.name = "consoleSize", .kind = OCI_OBJECT, .arg = &console_table},
	{.name = "user", .kind = OCI_OBJECT, .arg = &user_table},
	OCI_MANY(OCI_STRS, "args", struct rast_oci_process, args,
		 .flags = OCI_REQUIRED | OCI_NONEMPTY),
	OCI_MANY(OCI_STRS, "env", struct rast_oci_process, env),
	PROCESS(OCI_STR, "cwd", cwd, .flags = OCI_REQUIRED | OCI_NONEMPTY | OCI_ABSOLUTE),
	PROCESS(OCI_OBJECT, "capabilities", caps, .arg = &caps_table,
		.count = offsetof(struct rast_oci_process, has_caps)),
	OCI_MANY(OCI_LIST, "rlimits", struct rast_oci_process, rlimits, .arg = &rlimit_table),
	PROCESS(OCI_BOOL, "noNewPrivileges", no_new_privs),
	PROCESS(OCI_STR, "apparmorProfile", apparmor_profile),
	PROCESS(OCI_OPT_I64, "oomScoreAdj", oom_score_adj, .min = -1000, .max = 1000),
	PROCESS(OCI_OBJECT, "scheduler", scheduler, .arg = &scheduler_table,
		.count = offsetof(struct rast_oci_process, has_scheduler)),
	PROCESS(OCI_STR, "selinuxLabel", selinux_label),
	{.name = "ioPriority",
	 .kind = OCI_OBJECT,
	 .arg = &io_table,
	 .count = offsetof(struct rast_oci_process, has_io_priority)},
	{.name = "execCPUAffinity", .kind = OCI_OBJECT, .arg = &affinity_table},
};
const struct oci_table oci_process_table = OCI_TABLE(process_fields, .check = check_process);

/* ---- hooks ---- */

static int check_hook(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_hook *h = object;

	return check_env(l, at, h->env, h->n_env);
}

static const struct oci_field hook_fields[] = {
	OCI_FIELD(OCI_STR, "path", struct rast_oci_hook, path,
		  .flags = OCI_REQUIRED | OCI_NONEMPTY | OCI_ABSOLUTE),
	OCI_MANY(OCI_STRS, "args", struct rast_oci_hook, args),
	OCI_MANY(OCI_STRS, "env", struct rast_oci_hook, env),
	OCI_FIELD(OCI_OPT_I64, "timeout", struct rast_oci_hook, timeout_s, .min = 1,
		  .max = INT32_MAX),
};
const struct oci_table oci_hook_table =
	OCI_TABLE(hook_fields, .size = sizeof(struct rast_oci_hook), .check = check_hook);
