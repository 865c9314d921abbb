// SPDX-License-Identifier: BSD-2-Clause
/* See plan.h: namespaces, ids, limits and attributes. Mounts are in plan_mounts.c. */
#include "oci/plan.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define IOPRIO_CLASS_SHIFT 13
#define BITS (8 * sizeof(unsigned long))

void oci_plan_init(struct oci_plan *p)
{
	memset(p, 0, sizeof(*p));
	p->launch = (struct rast_launch)RAST_LAUNCH_INIT;
	p->mounts.root_fd = -1;
}

struct oci_plan_block {
	struct oci_plan_block *next;
	max_align_t data[];
};

void *oci_plan_alloc(struct oci_plan *p, size_t n, size_t size)
{
	struct oci_plan_block *b;

	if (size && n > (SIZE_MAX - sizeof(*b)) / size)
		return NULL;
	b = calloc(1, sizeof(*b) + n * size);
	if (!b)
		return NULL;
	b->next = p->memory;
	p->memory = b;
	return b->data;
}

void oci_plan_close(struct oci_plan *p)
{
	size_t i;

	for (i = 0; i < p->launch.n_joins; i++)
		(void)close(p->launch.joins[i].fd);
	p->launch.n_joins = 0;
	for (i = 0; i < p->n_idmap_fds; i++)
		(void)close(p->idmap_fds[i]);
	p->n_idmap_fds = 0;
	rast_mount_list_finish(&p->list);
	rast_mount_plan_finish(&p->mounts);
}

void oci_plan_finish(struct oci_plan *p)
{
	oci_plan_close(p);
	rast_seccomp_finish(&p->filter);
	p->launch.filter = NULL;
	while (p->memory) {
		struct oci_plan_block *next = p->memory->next;

		free(p->memory);
		p->memory = next;
	}
}

int oci_parse_list(const char *text, unsigned long *bits, size_t n_bits)
{
	const char *s = text;

	memset(bits, 0, (n_bits + BITS - 1) / BITS * sizeof(*bits));
	while (*s) {
		char *end;
		unsigned long a, b;

		a = b = strtoul(s, &end, 10);
		if (end == s)
			return -EINVAL;
		if (*end == '-') {
			s = end + 1;
			b = strtoul(s, &end, 10);
			if (end == s)
				return -EINVAL;
		}
		if (b < a || b >= n_bits || (*end && *end != ','))
			return -EINVAL;
		for (; a <= b; a++)
			bits[a / BITS] |= 1ul << (a % BITS);
		s = *end ? end + 1 : end;
	}
	return 0;
}

static int plan_attr(struct oci_plan *p, const struct rast_oci_process *pr, struct rast_err *err)
{
	struct rast_launch_attr *a = &p->attr;

	a->apparmor = pr->apparmor_profile;
	a->selinux = pr->selinux_label;
	if (pr->has_scheduler) {
		const struct rast_oci_scheduler *s = &pr->scheduler;

		a->set_sched = true;
		a->sched = (struct rast_sched_attr){
			.policy = s->policy,
			.flags = s->flags,
			.nice = s->nice,
			.priority = s->priority,
			.runtime_ns = s->runtime,
			.deadline_ns = s->deadline,
			.period_ns = s->period,
		};
	}
	if (pr->has_io_priority) {
		a->set_ioprio = true;
		a->ioprio = (int)(pr->io_class << IOPRIO_CLASS_SHIFT | pr->io_priority);
	}
	if (pr->cpu_final || pr->cpu_initial) {
		const char *list = pr->cpu_final ? pr->cpu_final : pr->cpu_initial;

		a->set_affinity = true;
		if (oci_parse_list(list, (unsigned long *)&a->affinity, CPU_SETSIZE) < 0)
			return rast_err_set(err, EINVAL,
					    "process.execCPUAffinity: \"%.60s\" is no list of CPUs",
					    list);
	}
	return 0;
}

/* There is a descriptor for each place that is handed on, or the caller counted wrong. */
int oci_plan_preserve(struct oci_plan *p, unsigned int n, struct rast_err *err)
{
	unsigned int fd;

	if (n > RAST_LAUNCH_MAX_PRESERVED)
		return rast_err_set(err, EINVAL, "--preserve-fds: at most %d",
				    RAST_LAUNCH_MAX_PRESERVED);
	for (fd = 3; fd < 3 + n; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return rast_err_set(err, EBADF,
					    "--preserve-fds %u: file descriptor %u is not open", n,
					    fd);
	p->launch.preserved = n;
	return 0;
}

int oci_plan_process(struct oci_plan *p, const struct rast_oci_process *pr, struct rast_err *err)
{
	struct rast_launch *l = &p->launch;
	size_t i;

	l->argv = pr->args;
	l->env = pr->env;
	l->cwd = pr->cwd;
	l->uid = pr->uid;
	l->gid = pr->gid;
	l->groups = pr->groups;
	l->n_groups = pr->n_groups;
	l->umask = pr->umask.set ? (mode_t)pr->umask.v : 022;
	if (pr->has_caps)
		l->caps = (struct rast_caps){pr->caps.bounding, pr->caps.effective,
					     pr->caps.permitted, pr->caps.inheritable,
					     pr->caps.ambient};
	l->no_new_privs = pr->no_new_privs;
	if (pr->n_rlimits > ARRAY_SIZE(p->rlimits))
		return rast_err_set(err, E2BIG, "process.rlimits: more than there are kinds");
	for (i = 0; i < pr->n_rlimits; i++)
		p->rlimits[i] = (struct rast_launch_rlimit){
			pr->rlimits[i].resource, {pr->rlimits[i].soft, pr->rlimits[i].hard}};
	l->rlimits = p->rlimits;
	l->n_rlimits = pr->n_rlimits;
	l->set_oom_score_adj = pr->oom_score_adj.set;
	l->oom_score_adj = (int)pr->oom_score_adj.v;
	l->tty = pr->terminal;
	l->rows = pr->rows;
	l->cols = pr->cols;
	for (i = 0; i < 3 && !l->tty; i++)
		l->stdio[i] = (int)i;
	l->attr = &p->attr;
	return plan_attr(p, pr, err);
}

/* The sockets are at 3 and on in the container too, and the process is number 1 or is told that it is. */
static int tell_listen_fds(struct oci_plan *p, unsigned int n, struct rast_err *err)
{
	const struct rast_oci_process *pr = &p->spec->process;
	const char **env = oci_plan_alloc(p, pr->n_env + 3, sizeof(*env));
	char *text = oci_plan_alloc(p, 1, 32);

	if (!env || !text)
		return rast_err_sys(err, ENOMEM, "LISTEN_FDS");
	if (pr->n_env)
		memcpy(env, pr->env, pr->n_env * sizeof(*env));
	(void)snprintf(text, 32, "LISTEN_FDS=%u", n);
	env[pr->n_env] = text;
	env[pr->n_env + 1] = "LISTEN_PID=1";
	p->launch.env = env;
	return 0;
}

static int join(struct oci_plan *p, enum rast_oci_ns kind, struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	struct rast_launch *l = &p->launch;
	const char *path = s->ns_path[kind];
	int fd = open(path, O_RDONLY | O_CLOEXEC), type;

	if (fd < 0)
		return rast_err_sys(err, errno, "linux.namespaces (%s): %s",
				    rast_oci_ns_kinds[kind].name, path);
	/* NS_GET_NSTYPE: the path must lead to a namespace of this kind. */
	type = ioctl(fd, _IO(0xb7, 0x3));
	if (type < 0 || (uint64_t)(unsigned int)type != rast_oci_ns_kinds[kind].flag) {
		(void)close(fd);
		return rast_err_set(err, EINVAL, "linux.namespaces (%s): %s is no %s namespace",
				    rast_oci_ns_kinds[kind].name, path,
				    rast_oci_ns_kinds[kind].name);
	}
	l->joins[l->n_joins++] = (struct rast_launch_join){rast_oci_ns_kinds[kind].flag, fd};
	return 0;
}

static int plan_namespaces(struct oci_plan *p, struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	struct rast_launch *l = &p->launch;
	struct rast_launch_idmap *maps;
	size_t i, n = 0;
	int r;

	l->namespaces = s->ns_new;
	for (i = 0; i < RAST_OCI_NS_MAX; i++)
		if (s->ns_path[i] && (r = join(p, (enum rast_oci_ns)i, err)) < 0)
			return r;
	if (s->monotonic.set || s->boottime.set) {
		(void)snprintf(p->time_offsets, sizeof(p->time_offsets),
			       "monotonic %lld %u\nboottime %lld %u\n",
			       (long long)s->monotonic.secs, s->monotonic.nanosecs,
			       (long long)s->boottime.secs, s->boottime.nanosecs);
		l->time_offsets = p->time_offsets;
	}
	if (!(s->ns_new & CLONE_NEWUSER))
		return 0;
	maps = oci_plan_alloc(p, s->n_uid_maps + s->n_gid_maps, sizeof(*maps));
	if (!maps)
		return rast_err_sys(err, ENOMEM, "id maps");
	l->uids = maps;
	l->n_uids = s->n_uid_maps;
	for (i = 0; i < s->n_uid_maps; i++)
		maps[n++] = (struct rast_launch_idmap){s->uid_maps[i].container_id,
						       s->uid_maps[i].host_id, s->uid_maps[i].size};
	l->gids = maps + n;
	l->n_gids = s->n_gid_maps;
	for (i = 0; i < s->n_gid_maps; i++)
		maps[n++] = (struct rast_launch_idmap){s->gid_maps[i].container_id,
						       s->gid_maps[i].host_id, s->gid_maps[i].size};
	return 0;
}

int oci_plan_container(struct oci_plan *p, const struct rast_oci_spec *spec, const char *bundle,
		       const struct oci_plan_options *opt, struct rast_err *err)
{
	int r;

	p->spec = spec;
	if (!spec->has_process)
		return rast_err_set(err, EINVAL, "config.json: process: missing");
	if ((r = oci_plan_preserve(p, opt->preserve_fds, err)) < 0 ||
	    (r = oci_plan_process(p, &spec->process, err)) < 0 ||
	    (r = oci_plan_filter(p, spec, err)) < 0 || (r = oci_plan_landlock(p, spec, err)) < 0 ||
	    (r = plan_namespaces(p, err)) < 0)
		return r;
	if (opt->listen_fds && (r = tell_listen_fds(p, opt->listen_fds, err)) < 0)
		return r;
	p->launch.hostname = spec->hostname;
	p->launch.domainname = spec->domainname;
	p->attr.new_keyring = !opt->no_new_keyring;
	if (spec->personality.set) {
		p->attr.set_personality = true;
		p->attr.personality = spec->personality.v;
	}
	if (spec->memory_policy.set) {
		p->attr.set_mempolicy = true;
		p->attr.mempolicy_mode = (int)spec->memory_policy.mode;
		p->attr.mempolicy_nodes = p->mempolicy_nodes;
		p->attr.mempolicy_max_node = sizeof(p->mempolicy_nodes) * 8;
		if (spec->memory_policy.nodes &&
		    oci_parse_list(spec->memory_policy.nodes, p->mempolicy_nodes,
				   sizeof(p->mempolicy_nodes) * 8) < 0)
			return rast_err_set(err, EINVAL,
					    "linux.memoryPolicy.nodes: \"%.60s\" is no list",
					    spec->memory_policy.nodes);
	}
	return oci_plan_mounts(p, bundle, opt->no_pivot, err);
}
