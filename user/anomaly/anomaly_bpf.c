// SPDX-License-Identifier: BSD-2-Clause
/* Loader half of anomaly; see anomaly_bpf.h. */
#include "anomaly/anomaly_bpf.h"

#include "account/account.h"
#include "account/account_bpf.h"
#include "anomaly.skel.h"
#include "base/fd.h"
#include "bpf/event.h"
#include "bpf/policy.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define WINDOWS_BYTES (RAST_MAX_CONTAINERS * sizeof(struct rast_anomaly_window))

struct rast_anomaly_reader {
	const struct rast_instance *in;
	struct rast_account_reader *account;
	const struct rast_anomaly_window *windows;
	int limits, links, cpus;
	struct rast_link_counters *per_cpu;
};

int rast_anomaly_bpf_supported(struct rast_err *err)
{
	return rast_loader_check(err);
}

int rast_anomaly_bpf_start(const struct rast_instance *in, struct rast_err *err)
{
	struct anomaly_bpf *skel = anomaly_bpf__open();
	int r;

	if (!skel)
		return rast_err_sys(err, errno, "anomaly: open the BPF object");
	r = rast_loader_start(in, skel->obj, "anomaly", err);
	anomaly_bpf__destroy(skel);
	return r;
}

static int open_maps(struct rast_anomaly_reader *r, struct rast_err *err)
{
	const void *view;
	int rc = rast_loader_map_view(r->in, "anomaly_by_slot", WINDOWS_BYTES, &view, err);

	if (rc < 0)
		return rc;
	r->windows = view;
	r->limits = rast_loader_map_fd(r->in, "anomaly_limit_by_slot", err);
	if (r->limits < 0)
		return r->limits;
	return rast_account_reader_open(r->in, &r->account, err);
}

int rast_anomaly_reader_open(const struct rast_instance *in, struct rast_anomaly_reader **ret,
			     struct rast_err *err)
{
	struct rast_anomaly_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return rast_err_set(err, ENOMEM, "out of memory");
	r->in = in;
	r->limits = r->links = -1;
	r->cpus = libbpf_num_possible_cpus();
	r->per_cpu = calloc(r->cpus > 0 ? (size_t)r->cpus : 1, sizeof(*r->per_cpu));
	rc = r->per_cpu && r->cpus > 0 ? open_maps(r, err)
				       : rast_err_set(err, ENOMEM, "out of memory");
	if (rc < 0) {
		rast_anomaly_reader_destroy(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void rast_anomaly_reader_destroy(struct rast_anomaly_reader *r)
{
	if (!r)
		return;
	if (r->windows)
		(void)munmap((void *)r->windows, WINDOWS_BYTES);
	rast_account_reader_destroy(r->account);
	rast_closep(&r->limits);
	rast_closep(&r->links);
	free(r->per_cpu);
	free(r);
}

/* Packets of the container's link that policy did not let out. */
static uint64_t denied(struct rast_anomaly_reader *r, uint32_t slot)
{
	uint32_t key = slot * 2 + RAST_DIR_EGRESS;
	uint64_t sum = 0;
	size_t i;
	int cpu;

	/* Policy may be loaded later than we are. */
	if (r->links < 0)
		r->links = rast_loader_map_fd(r->in, "counters_by_link", NULL);
	if (r->links < 0 || bpf_map_lookup_elem(r->links, &key, r->per_cpu) < 0)
		return 0;
	for (cpu = 0; cpu < r->cpus; cpu++)
		for (i = 0; i < ARRAY_SIZE(r->per_cpu[cpu].dropped); i++)
			sum += r->per_cpu[cpu].dropped[i];
	return sum;
}

double rast_anomaly_reader_window(const struct rast_anomaly_reader *r, uint32_t slot,
				  uint64_t time_ns)
{
	const double window = RAST_ANOMALY_WINDOW_MS / 1e3;
	double s;

	if (slot >= RAST_MAX_CONTAINERS || time_ns < r->windows[slot].start_ns)
		return window;
	s = (double)(time_ns - r->windows[slot].start_ns) / 1e9;
	return s < window ? s : window;
}

static void read_one(struct rast_anomaly_reader *r, const struct rast_account_entry *a,
		     uint64_t now_ns, struct rast_anomaly_entry *ret)
{
	uint32_t slot = a->container.slot;
	const struct rast_anomaly_window *w = &r->windows[slot];
	struct rast_anomaly_reading *out = &ret->reading;
	unsigned int i;

	ret->slot = slot;
	out->time_ns = now_ns;
	out->cgroup_id = a->cgroup_id;
	if (w->cgroup_id == a->cgroup_id) {
		out->connects = w->connects;
		out->window_s = rast_anomaly_reader_window(r, slot, now_ns);
		/* A window is closed by the next event only. */
		if (now_ns < w->start_ns + RAST_ANOMALY_WINDOW_MS * 1000000ull)
			out->destinations = rast_anomaly_destinations(w->fanout_bits);
	}
	out->denied = denied(r, slot);
	out->execs = a->figures.execs;
	out->forks = a->figures.forks;
	out->errors = a->figures.syscall_errors;
	out->cpu_ns = a->figures.cpu_usage_ns;
	if (!a->syscalls)
		return;
	out->syscalls = rast_account_calls(a->syscalls);
	for (i = 0; i < RAST_MAX_SYSCALLS; i++)
		out->syscalls_used += a->syscalls->count[i] != 0;
}

int rast_anomaly_reader_list(struct rast_anomaly_reader *r, struct rast_anomaly_entry **ret,
			     size_t *ret_n, struct rast_err *err)
{
	_cleanup_free_ struct rast_account_entry *accounts = NULL;
	struct rast_anomaly_entry *list;
	struct timespec ts;
	size_t n, i, used = 0;
	int rc;

	rc = rast_account_reader_list(r->account, &accounts, &n, err);
	if (rc < 0)
		return rc;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return rast_err_set(err, ENOMEM, "out of memory");
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	for (i = 0; i < n; i++)
		if (accounts[i].container.slot < RAST_MAX_CONTAINERS)
			read_one(r, &accounts[i],
				 (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec,
				 &list[used++]);
	*ret = list;
	*ret_n = used;
	return 0;
}

int rast_anomaly_reader_limit(struct rast_anomaly_reader *r, uint32_t slot,
			      const struct rast_anomaly_limit *limit, struct rast_err *err)
{
	if (bpf_map_update_elem(r->limits, &slot, limit, BPF_ANY) < 0)
		return rast_err_sys(err, errno, "anomaly_limit_by_slot");
	return 0;
}
