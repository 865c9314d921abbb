// SPDX-License-Identifier: BSD-2-Clause
/*
 * See resources.h. Conversions follow config-linux.md and what runc does where that is silent: -1 is
 * "max", a swap limit is memory and swap together on v1 and swap alone on v2.
 */
#include "oci/resources.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that lives as long as the resources; NULL when it is full, which init() notices at the end. */
static const char *text(struct oci_resources *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static const char *text(struct oci_resources *o, const char *fmt, ...)
{
	char *at = o->text + o->used;
	size_t room = sizeof(o->text) - o->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		o->used = sizeof(o->text);
		return NULL;
	}
	o->used += (size_t)n + 1;
	return at;
}

static struct rast_cgroup_write *add(struct oci_resources *o, enum rast_cgroup_controller c,
				     const char *what, const char *v2_file, const char *v2_value,
				     const char *v1_file, const char *v1_value)
{
	static struct rast_cgroup_write none;
	struct rast_cgroup_write *w = o->n < OCI_MAX_WRITES ? &o->writes[o->n] : &none;

	*w = (struct rast_cgroup_write){.controller = c,
					.what = what,
					.v2_file = v2_file,
					.v2_value = v2_value,
					.v1_file = v1_file,
					.v1_value = v1_value};
	o->n++;
	return w;
}

static const char *limit_v2(struct oci_resources *o, int64_t v)
{
	return v < 0 ? "max" : text(o, "%lld", (long long)v);
}

static const char *number(struct oci_resources *o, int64_t v)
{
	return text(o, "%lld", (long long)v);
}

static int memory(struct oci_resources *o, const struct rast_oci_resources *r, struct rast_err *err)
{
	struct rast_cgroup_write *w;

	if (r->memory.swap.set && r->memory.swap.v >= 0 && r->memory.limit.set &&
	    r->memory.limit.v >= 0 && r->memory.swap.v < r->memory.limit.v)
		return rast_err_set(err, EINVAL,
				    "linux.resources.memory.swap: %lld is less than the limit %lld "
				    "that it includes",
				    (long long)r->memory.swap.v, (long long)r->memory.limit.v);
	if (r->memory.limit.set)
		(void)add(o, RAST_CG_MEMORY, "linux.resources.memory.limit", "memory.max",
			  limit_v2(o, r->memory.limit.v), "memory.limit_in_bytes",
			  number(o, r->memory.limit.v));
	if (r->memory.reservation.set)
		(void)add(o, RAST_CG_MEMORY, "linux.resources.memory.reservation", "memory.low",
			  limit_v2(o, r->memory.reservation.v), "memory.soft_limit_in_bytes",
			  number(o, r->memory.reservation.v));
	if (r->memory.swap.set && (r->memory.swap.v < 0 || r->memory.limit.set)) {
		int64_t only = r->memory.swap.v < 0 || r->memory.limit.v < 0
				       ? -1
				       : r->memory.swap.v - r->memory.limit.v;

		w = add(o, RAST_CG_MEMORY, "linux.resources.memory.swap", "memory.swap.max",
			limit_v2(o, only), "memory.memsw.limit_in_bytes",
			number(o, r->memory.swap.v));
		/* Absent on kernels without swap accounting: there is no swap to limit. */
		w->optional = true;
	}
	if (r->memory.kernel_tcp.set)
		(void)add(o, RAST_CG_MEMORY, "linux.resources.memory.kernelTCP", NULL, NULL,
			  "memory.kmem.tcp.limit_in_bytes", number(o, r->memory.kernel_tcp.v));
	if (r->memory.swappiness.set)
		/* v2 has none; runc and crun pass it over as well. */
		add(o, RAST_CG_MEMORY, "linux.resources.memory.swappiness", NULL, NULL,
		    "memory.swappiness", number(o, (int64_t)r->memory.swappiness.v))
			->optional = true;
	if (r->memory.disable_oom_killer.set && r->memory.disable_oom_killer.v)
		add(o, RAST_CG_MEMORY, "linux.resources.memory.disableOOMKiller", NULL, NULL,
		    "memory.oom_control", "1")
			->optional = true;
	return 0;
}

uint64_t oci_cpu_weight(uint64_t shares)
{
	double l, e;

	if (!shares)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* 2, 1024 and 262144 become 1, 100 and 10000 (opencontainers/cgroups, 2025). */
	l = log2((double)shares);
	e = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
	return (uint64_t)ceil(pow(10, e));
}

static void cpu(struct oci_resources *o, const struct rast_oci_resources *r)
{
	const char *period = r->cpu.period.set && r->cpu.period.v
				     ? text(o, "%llu", (unsigned long long)r->cpu.period.v)
				     : NULL;

	if (r->cpu.shares.set && r->cpu.shares.v)
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.shares", "cpu.weight",
			  text(o, "%llu", (unsigned long long)oci_cpu_weight(r->cpu.shares.v)),
			  "cpu.shares", text(o, "%llu", (unsigned long long)r->cpu.shares.v));
	if (r->cpu.idle.set)
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.idle", "cpu.idle",
			  number(o, r->cpu.idle.v), "cpu.idle", number(o, r->cpu.idle.v));
	if (r->cpu.quota.set || period) {
		const char *quota =
			r->cpu.quota.set && r->cpu.quota.v > 0 ? number(o, r->cpu.quota.v) : "max";

		/* v1 wants the period first: the quota is checked against it. */
		if (period)
			add(o, RAST_CG_CPU, "linux.resources.cpu.period", NULL, NULL,
			    "cpu.cfs_period_us", period)
				->optional = true;
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.quota", "cpu.max",
			  text(o, "%s %s", quota, period ? period : "100000"), "cpu.cfs_quota_us",
			  r->cpu.quota.set ? number(o, r->cpu.quota.v) : "-1");
	}
	if (r->cpu.burst.set)
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.burst", "cpu.max.burst",
			  text(o, "%llu", (unsigned long long)r->cpu.burst.v), "cpu.cfs_burst_us",
			  text(o, "%llu", (unsigned long long)r->cpu.burst.v));
	if (r->cpu.realtime_period.set && r->cpu.realtime_period.v)
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.realtimePeriod", NULL, NULL,
			  "cpu.rt_period_us",
			  text(o, "%llu", (unsigned long long)r->cpu.realtime_period.v));
	if (r->cpu.realtime_runtime.set && r->cpu.realtime_runtime.v)
		(void)add(o, RAST_CG_CPU, "linux.resources.cpu.realtimeRuntime", NULL, NULL,
			  "cpu.rt_runtime_us", number(o, r->cpu.realtime_runtime.v));
	if (r->cpu.cpus)
		(void)add(o, RAST_CG_CPUSET, "linux.resources.cpu.cpus", "cpuset.cpus", r->cpu.cpus,
			  "cpuset.cpus", r->cpu.cpus);
	if (r->cpu.mems)
		(void)add(o, RAST_CG_CPUSET, "linux.resources.cpu.mems", "cpuset.mems", r->cpu.mems,
			  "cpuset.mems", r->cpu.mems);
}

/* io.weight is 1 to 10000, blkio's 10 to 1000. */
static uint64_t io_weight(uint64_t w)
{
	return w < 10 ? 1 : 1 + (w - 10) * 9999 / 990;
}

static void throttle(struct oci_resources *o, const char *what, const char *key, const char *v1,
		     const struct rast_oci_throttle_device *d, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char rate[24] = "max";

		if (d[i].rate)
			(void)snprintf(rate, sizeof(rate), "%llu", (unsigned long long)d[i].rate);
		(void)add(o, RAST_CG_IO, what, "io.max",
			  text(o, "%lld:%lld %s=%s", (long long)d[i].major, (long long)d[i].minor,
			       key, rate),
			  v1,
			  text(o, "%lld:%lld %llu", (long long)d[i].major, (long long)d[i].minor,
			       (unsigned long long)d[i].rate));
	}
}

static void block_io(struct oci_resources *o, const struct rast_oci_resources *r)
{
	size_t i;

	if (r->block_io.weight.set && r->block_io.weight.v) {
		/* Only the scheduler in use has a file: bfq's keeps the old range. */
		add(o, RAST_CG_IO, "linux.resources.blockIO.weight", "io.bfq.weight",
		    text(o, "%llu", (unsigned long long)r->block_io.weight.v), "blkio.weight",
		    text(o, "%llu", (unsigned long long)r->block_io.weight.v))
			->optional = true;
		add(o, RAST_CG_IO, "linux.resources.blockIO.weight", "io.weight",
		    text(o, "%llu", (unsigned long long)io_weight(r->block_io.weight.v)), NULL,
		    NULL)
			->optional = true;
	}
	for (i = 0; i < r->block_io.n_weight_devices; i++) {
		const struct rast_oci_weight_device *d = &r->block_io.weight_devices[i];

		if (d->weight.set)
			add(o, RAST_CG_IO, "linux.resources.blockIO.weightDevice", "io.bfq.weight",
			    text(o, "%lld:%lld %llu", (long long)d->major, (long long)d->minor,
				 (unsigned long long)d->weight.v),
			    "blkio.weight_device",
			    text(o, "%lld:%lld %llu", (long long)d->major, (long long)d->minor,
				 (unsigned long long)d->weight.v))
				->optional = true;
	}
	throttle(o, "linux.resources.blockIO.throttleReadBpsDevice", "rbps",
		 "blkio.throttle.read_bps_device", r->block_io.read_bps, r->block_io.n_read_bps);
	throttle(o, "linux.resources.blockIO.throttleWriteBpsDevice", "wbps",
		 "blkio.throttle.write_bps_device", r->block_io.write_bps, r->block_io.n_write_bps);
	throttle(o, "linux.resources.blockIO.throttleReadIOPSDevice", "riops",
		 "blkio.throttle.read_iops_device", r->block_io.read_iops, r->block_io.n_read_iops);
	throttle(o, "linux.resources.blockIO.throttleWriteIOPSDevice", "wiops",
		 "blkio.throttle.write_iops_device", r->block_io.write_iops,
		 r->block_io.n_write_iops);
}

/* What begins with no known name is cgroup.*, or of a kernel to come: it is written, and the kernel judges. */
static enum rast_cgroup_controller unified_controller(const char *file)
{
	static const struct {
		const char *prefix;
		enum rast_cgroup_controller c;
	} known[] = {{"cpu.", RAST_CG_CPU},       {"memory.", RAST_CG_MEMORY},
		     {"pids.", RAST_CG_PIDS},     {"io.", RAST_CG_IO},
		     {"cpuset.", RAST_CG_CPUSET}, {"hugetlb.", RAST_CG_HUGETLB},
		     {"rdma.", RAST_CG_RDMA}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(file, known[i].prefix, strlen(known[i].prefix)))
			return known[i].c;
	return RAST_CG_CORE;
}

static int the_rest(struct oci_resources *o, const struct rast_oci_resources *r,
		    struct rast_err *err)
{
	size_t i;

	if (r->pids_limit.set)
		(void)add(o, RAST_CG_PIDS, "linux.resources.pids.limit", "pids.max",
			  r->pids_limit.v > 0 ? number(o, r->pids_limit.v) : "max", "pids.max",
			  r->pids_limit.v > 0 ? number(o, r->pids_limit.v) : "max");
	for (i = 0; i < r->n_hugepages; i++) {
		const struct rast_oci_hugepage *h = &r->hugepages[i];
		const char *v = text(o, "%llu", (unsigned long long)h->limit);

		(void)add(o, RAST_CG_HUGETLB, "linux.resources.hugepageLimits",
			  text(o, "hugetlb.%s.max", h->page_size), v,
			  text(o, "hugetlb.%s.limit_in_bytes", h->page_size), v);
		add(o, RAST_CG_HUGETLB, "linux.resources.hugepageLimits",
		    text(o, "hugetlb.%s.rsvd.max", h->page_size), v,
		    text(o, "hugetlb.%s.rsvd.limit_in_bytes", h->page_size), v)
			->optional = true;
	}
	for (i = 0; i < r->n_rdma; i++) {
		const struct rast_oci_rdma *d = &r->rdma[i];
		char handles[40] = "", objects[40] = "";
		const char *v;

		if (d->hca_handles.set)
			(void)snprintf(handles, sizeof(handles), " hca_handle=%llu",
				       (unsigned long long)d->hca_handles.v);
		if (d->hca_objects.set)
			(void)snprintf(objects, sizeof(objects), " hca_object=%llu",
				       (unsigned long long)d->hca_objects.v);
		v = text(o, "%s%s%s", d->device, handles, objects);
		(void)add(o, RAST_CG_RDMA, "linux.resources.rdma", "rdma.max", v, "rdma.max", v);
	}
	for (i = 0; i < r->n_unified; i++) {
		const char *file = r->unified[i].key;

		if (strchr(file, '/'))
			return rast_err_set(err, EINVAL,
					    "linux.resources.unified: \"%.60s\" is no file name",
					    file);
		(void)add(o, unified_controller(file), "linux.resources.unified", file,
			  r->unified[i].value, NULL, NULL);
	}
	return 0;
}

int oci_resources_init(struct oci_resources *o, const struct rast_oci_resources *res,
		       struct rast_err *err)
{
	int r;

	o->n = o->used = 0;
	r = memory(o, res, err);
	if (r < 0)
		return r;
	cpu(o, res);
	block_io(o, res);
	r = the_rest(o, res, err);
	if (r < 0)
		return r;
	if (o->n > OCI_MAX_WRITES || o->used >= sizeof(o->text))
		return rast_err_set(err, E2BIG, "linux.resources: more than %d settings",
				    OCI_MAX_WRITES);
	return 0;
}

int oci_device_rules(const struct rast_oci_resources *res, struct rast_device_rule **ret,
		     size_t *ret_n, struct rast_err *err)
{
	size_t n = 0, i;
	struct rast_device_rule *rules =
		calloc(res->n_devices + rast_device_n_defaults, sizeof(*rules));

	if (!rules)
		return rast_err_sys(err, ENOMEM, "device rules");
	for (i = 0; i < res->n_devices; i++) {
		const struct rast_oci_device_rule *d = &res->devices[i];

		rules[n++] = (struct rast_device_rule){
			.allow = d->allow,
			.type = d->type,
			.major = d->major,
			.minor = d->minor,
			.access = (d->access & RAST_OCI_DEV_READ ? RAST_DEVICE_READ : 0) |
				  (d->access & RAST_OCI_DEV_WRITE ? RAST_DEVICE_WRITE : 0) |
				  (d->access & RAST_OCI_DEV_MKNOD ? RAST_DEVICE_MKNOD : 0),
		};
	}
	/* Behind them, as runc does: what the specification says that every container has works. */
	memcpy(rules + n, rast_device_defaults, rast_device_n_defaults * sizeof(*rules));
	*ret = rules;
	*ret_n = n + rast_device_n_defaults;
	return 0;
}
