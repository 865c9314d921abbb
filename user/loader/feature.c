// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of features and the frame in which each is tried: a forked process, so that a probe may
 * confine itself, and so that one which dies is a "no" and not our end.
 */
#include "loader/feature.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "loader/feature_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT_MS 20000 /* emulated guests take seconds to read BTF */

static const struct feature {
	const char *name, *group;
	rast_probe_fn probe;
	const char *used_for, *otherwise;
} table[] = {
	{"btf", "bpf", rast_probe_btf, "one object for every kernel (CO-RE), map contents",
	 "nothing that uses BPF starts"},
	{"ringbuf", "bpf", rast_probe_ringbuf, "events", "nothing that uses BPF starts"},
	{"tp_btf", "bpf", rast_probe_tp_btf, "audit and accounting of processes and system calls",
	 "no audit, no accounting of system calls"},
	{"cgroup_hooks", "bpf", rast_probe_cgroup_hooks,
	 "connections in audit, network accounting, device rules",
	 "no audit of connections, no network accounting"},
	{"connect_hooks", "bpf", rast_probe_connect_hooks,
	 "network policy at connect and sendto: EPERM at once",
	 "network policy drops packets: programs wait for a time-out"},
	{"tcx", "bpf", rast_probe_tcx, "network policy on pod links, pinned", "clsact filters"},
	{"clsact", "bpf", rast_probe_clsact, "network policy where there is no tcx",
	 "no network policy, unless there is tcx"},
	{"cgroup_iter", "bpf", rast_probe_cgroup_iter, "CPU, memory and tasks of all containers",
	 "files of each cgroup are read"},
	{"rstat_kfunc", "bpf", rast_probe_rstat, "CPU figures that are not stale",
	 "files of each cgroup are read"},
	{"fentry", "bpf", rast_probe_fentry, "not used", "tracepoints"},
	{"lsm", "bpf", rast_probe_lsm, "not used", "tracepoints: audit sees, seccomp refuses"},
	{"kprobe", "bpf", rast_probe_kprobe, "not used", "tracepoints"},
	{"cgrp_storage", "bpf", rast_probe_cgrp_storage, "not used", "a hash by cgroup number"},
	{"arena", "bpf", rast_probe_bpf_arena, "not used", "arrays that are mapped"},
	{"redirect_peer", "bpf", rast_probe_redirect_peer,
	 "a short cut for packets between pods of one host", "packets pass the bridge"},
	{"clone_into_cgroup", "kernel", rast_probe_clone_into_cgroup,
	 "a container is in its cgroup from its first instruction", "no containers"},
	{"mount_api", "kernel", rast_probe_mount_api, "root file systems without a path race",
	 "no containers"},
	{"overlayfs", "kernel", rast_probe_overlayfs, "containers that share an image",
	 "no writable root file systems over an image"},
	{"seccomp", "kernel", rast_probe_seccomp, "system calls that containers may not make",
	 "no containers"},
	{"nf_tables", "kernel", rast_probe_nf_tables, "masquerading of what leaves the pods' range",
	 "pods reach each other and the node only"},
	{"user_namespaces", "kernel", rast_probe_userns, "not used",
	 "capabilities are dropped instead"},
	{"landlock", "kernel", rast_probe_landlock, "not used (containers may use it themselves)",
	 "mount namespaces"},
};

int rast_probe_yes(struct rast_probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
	return 1;
}

int rast_probe_no(struct rast_probe *p, int code, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
	n = strlen(p->reason);
	if (code)
		(void)snprintf(p->reason + n, sizeof(p->reason) - n, ": %s",
			       strerror(code < 0 ? -code : code));
	return 0;
}

struct answer {
	int have;
	char reason[sizeof(((struct rast_probe *)0)->reason)];
};

static void run_child(const struct feature *f, int cgroup_fd, int out)
{
	struct rast_probe p = {.cgroup_fd = cgroup_fd};
	struct answer a = {0};

	a.have = f->probe(&p);
	memcpy(a.reason, p.reason, sizeof(a.reason));
	_exit(write(out, &a, sizeof(a)) == sizeof(a) ? 0 : 1);
}

static void run_probe(const struct feature *f, int cgroup_fd, struct answer *ret)
{
	struct pollfd p = {.events = POLLIN};
	int fds[2], status = 0;
	pid_t pid;

	*ret = (struct answer){0};
	if (pipe2(fds, O_CLOEXEC) < 0) {
		(void)snprintf(ret->reason, sizeof(ret->reason), "pipe: %s", strerror(errno));
		return;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(f, cgroup_fd, fds[1]);
	(void)close(fds[1]);
	p.fd = fds[0];
	if (pid > 0 && poll(&p, 1, TIME_LIMIT_MS) == 0) {
		(void)kill(pid, SIGKILL);
		(void)snprintf(ret->reason, sizeof(ret->reason), "no answer within %d s",
			       TIME_LIMIT_MS / 1000);
	} else if (pid < 0 || read(fds[0], ret, sizeof(*ret)) != sizeof(*ret)) {
		*ret = (struct answer){.reason = "the trial process died"};
	}
	(void)close(fds[0]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
}

static void add_row(json_t *rows, const char *name, const char *group, bool have,
		    const char *reason, const char *used_for, const char *otherwise)
{
	(void)json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "name", name,
						    "group", group, "have", have, "reason", reason,
						    "used_for", used_for, "otherwise", otherwise));
}

/* cgroup2 and where each controller is: cgroup2, a v1 mount, or nowhere. */
static void add_controllers(json_t *rows, const struct rast_cgroup_layout *l, const char *missing)
{
	static const struct {
		const char *name, *used_for, *otherwise;
	} use[RAST_CG_MAX] = {
		[RAST_CG_CPU] = {"cgroup_cpu", "CPU requests and limits", "no CPU limits"},
		[RAST_CG_MEMORY] = {"cgroup_memory", "memory limits, OOM kills per container",
				    "no memory limits"},
		[RAST_CG_PIDS] = {"cgroup_pids", "limit of processes", "no limit of processes"},
		[RAST_CG_IO] = {"cgroup_io", "I/O weights", "no I/O weights"},
		[RAST_CG_CPUACCT] = {"cgroup_cpuacct", "CPU time where cpu is a v1 controller",
				     "cgroup2's cpu.stat"},
		[RAST_CG_CPUSET] = {"cgroup_cpuset", "pinning to CPUs (OCI)", "no pinning to CPUs"},
		[RAST_CG_HUGETLB] = {"cgroup_hugetlb", "limits of huge pages (OCI)",
				     "no limits of huge pages"},
		[RAST_CG_RDMA] = {"cgroup_rdma", "limits of RDMA (OCI)", "no limits of RDMA"},
	};

	add_row(rows, "cgroup2", "cgroup", l != NULL, l ? l->v2_path : missing,
		"identity, freezing and killing of containers, BPF hooks", "nothing starts");
	for (int i = 0; i < RAST_CG_MAX; i++) {
		bool v2 = l && l->v2 >> i & 1, v1 = l && l->v1 >> i & 1;
		char reason[96];

		if (v2)
			(void)snprintf(reason, sizeof(reason), "v2 at %s", l->v2_path);
		else if (v1)
			(void)snprintf(reason, sizeof(reason), "v1 at %s", l->v1_path[i]);
		else
			(void)snprintf(reason, sizeof(reason), "missing");
		add_row(rows, use[i].name, "cgroup", v2 || v1, reason, use[i].used_for,
			use[i].otherwise);
	}
}

int rast_feature_probe(const struct rast_instance *in, json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	struct rast_cgroup_layout layout;
	_cleanup_close_ int cgroup_fd = -1;
	struct rast_err missing = {0};
	char dir[64];
	bool have_layout;

	if (geteuid() != 0)
		return rast_err_set(err, EPERM, "this needs root (euid is %u)", geteuid());
	have_layout = rast_cgroup_layout_init(&layout, &missing) == 0;
	(void)snprintf(dir, sizeof(dir), "%s.probe.%d", in->name, (int)getpid());
	if (have_layout && mkdirat(layout.v2_fd, dir, 0755) == 0)
		cgroup_fd = openat(layout.v2_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct answer a;

		if (i && strcmp(table[i].group, table[i - 1].group) != 0)
			add_controllers(rows, have_layout ? &layout : NULL, missing.text);
		run_probe(&table[i], cgroup_fd, &a);
		a.reason[sizeof(a.reason) - 1] = '\0';
		add_row(rows, table[i].name, table[i].group, a.have == 1, a.reason,
			table[i].used_for, table[i].otherwise);
	}
	if (have_layout) {
		/* What was in it has been waited for; its last reference may take a moment. */
		for (int i = 0; i < 100 && unlinkat(layout.v2_fd, dir, AT_REMOVEDIR) < 0; i++) {
			if (errno != EBUSY)
				break;
			(void)poll(NULL, 0, 10);
		}
		rast_cgroup_layout_finish(&layout);
	}
	*ret = TAKE_PTR(rows);
	return 0;
}
