// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci update: other limits for a container that runs. All are checked before the first is written; a
 * file of resources (--resources) and single options may be mixed, the options win.
 */
#include "base/fd.h"
#include "oci/create.h"
#include "oci/resources.h"
#include "oci/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct oci_opt update_opts[] = {
	{"resources", 'r', "FILE", "JSON object as linux.resources; \"-\": standard input"},
	{"blkio-weight", 0, "N", "I/O weight, 10 to 1000"},
	{"cpu-period", 0, "US", "length of a period"},
	{"cpu-quota", 0, "US", "CPU time in a period; -1: no limit"},
	{"cpu-burst", 0, "US", "CPU time that may be saved up"},
	{"cpu-share", 0, "N", "CPU shares, 2 to 262144"},
	{"cpu-shares", 0, "N", "the same"},
	{"cpu-rt-period", 0, "US", "cgroup v1 only"},
	{"cpu-rt-runtime", 0, "US", "cgroup v1 only"},
	{"cpuset-cpus", 0, "LIST", "CPUs"},
	{"cpuset-mems", 0, "LIST", "memory nodes"},
	{"cpu-idle", 0, "0|1", "run only when nothing else would"},
	{"memory", 'm', "BYTES", "memory limit; -1: none"},
	{"memory-reservation", 0, "BYTES", "memory that is kept for it"},
	{"memory-swap", 0, "BYTES", "memory and swap together; -1: no limit"},
	{"kernel-memory", 0, "BYTES", "accepted, without effect as in the kernel"},
	{"kernel-memory-tcp", 0, "BYTES", "cgroup v1 only"},
	{"pids-limit", 0, "N", "most processes; -1: no limit"},
	{0},
};

/* "512m" as runc takes it: a number with b, k, m, g. */
static int bytes(const char *name, const char *text, int64_t *ret, struct rast_err *err)
{
	char *end;
	long long v;
	int shift = 0;

	errno = 0;
	v = strtoll(text, &end, 10);
	switch (*end) {
	case 'g':
	case 'G':
		shift = 30;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'b':
	case 'B':
	case '\0':
		break;
	default:
		errno = EINVAL;
	}
	if (errno || end == text || (*end && end[1]) || v < -1 || v > INT64_MAX >> shift)
		return rast_err_set(err, EINVAL, "--%s: want a number of bytes, not \"%.40s\"",
				    name, text);
	*ret = v < 0 ? v : v << shift;
	return 0;
}

static int set_bytes(const struct oci_args *a, const char *name, struct rast_oci_i64 *out,
		     struct rast_err *err)
{
	const char *text = oci_arg(a, name);

	if (!text)
		return 0;
	out->set = true;
	return bytes(name, text, &out->v, err);
}

static int set_i64(const struct oci_args *a, const char *name, int64_t lo, struct rast_oci_i64 *out,
		   struct rast_err *err)
{
	long v;
	int r;

	if (!oci_arg(a, name))
		return 0;
	r = oci_arg_number(a, name, lo, INT64_MAX, 0, &v, err);
	if (r < 0)
		return r;
	out->v = v;
	out->set = true;
	return 0;
}

static int set_u64(const struct oci_args *a, const char *name, struct rast_oci_u64 *out,
		   struct rast_err *err)
{
	struct rast_oci_i64 v = {0};
	int r = set_i64(a, name, 0, &v, err);

	if (r == 0 && v.set)
		*out = (struct rast_oci_u64){(uint64_t)v.v, true};
	return r;
}

static int from_options(const struct oci_args *a, struct rast_oci_resources *res,
			struct rast_err *err)
{
	int r;

	if ((r = set_u64(a, "blkio-weight", &res->block_io.weight, err)) < 0 ||
	    (r = set_u64(a, "cpu-period", &res->cpu.period, err)) < 0 ||
	    (r = set_i64(a, "cpu-quota", -1, &res->cpu.quota, err)) < 0 ||
	    (r = set_u64(a, "cpu-burst", &res->cpu.burst, err)) < 0 ||
	    (r = set_u64(a, "cpu-share", &res->cpu.shares, err)) < 0 ||
	    (r = set_u64(a, "cpu-shares", &res->cpu.shares, err)) < 0 ||
	    (r = set_u64(a, "cpu-rt-period", &res->cpu.realtime_period, err)) < 0 ||
	    (r = set_i64(a, "cpu-rt-runtime", -1, &res->cpu.realtime_runtime, err)) < 0 ||
	    (r = set_i64(a, "cpu-idle", 0, &res->cpu.idle, err)) < 0 ||
	    (r = set_bytes(a, "memory", &res->memory.limit, err)) < 0 ||
	    (r = set_bytes(a, "memory-reservation", &res->memory.reservation, err)) < 0 ||
	    (r = set_bytes(a, "memory-swap", &res->memory.swap, err)) < 0 ||
	    (r = set_bytes(a, "kernel-memory-tcp", &res->memory.kernel_tcp, err)) < 0 ||
	    (r = set_i64(a, "pids-limit", -1, &res->pids_limit, err)) < 0)
		return r;
	if (oci_has(a, "cpuset-cpus"))
		res->cpu.cpus = oci_arg(a, "cpuset-cpus");
	if (oci_has(a, "cpuset-mems"))
		res->cpu.mems = oci_arg(a, "cpuset-mems");
	return 0;
}

/* checkBeforeUpdate: a limit below what is in use would kill. */
static int check_use(const struct rast_cgroup_layout *l, const char *cgroup,
		     const struct rast_oci_resources *res, struct rast_err *err)
{
	struct rast_cgroup_stats st = {0};

	if (!res->memory.check_before_update.v || !res->memory.limit.set || res->memory.limit.v < 0)
		return 0;
	if (rast_cgroup_stats(l, cgroup, &st) < 0 || st.mem_bytes <= (uint64_t)res->memory.limit.v)
		return 0;
	return rast_err_set(err, EBUSY,
			    "linux.resources.memory.limit: %lld is below the %llu bytes in use",
			    (long long)res->memory.limit.v, (unsigned long long)st.mem_bytes);
}

static int apply(struct oci_container *c, const struct rast_oci_resources *res,
		 struct rast_err *err)
{
	_cleanup_free_ struct oci_resources *out = malloc(sizeof(*out));
	_cleanup_free_ struct rast_device_rule *rules = NULL;
	const char *cgroup = rast_json_str(c->state, "cgroup");
	struct rast_cgroup cg = RAST_CGROUP_INIT;
	struct rast_cgroup_layout l;
	struct oci_scope scope;
	size_t n;
	int r;

	if (!out)
		return rast_err_sys(err, ENOMEM, "update");
	if (!*cgroup)
		return rast_err_set(err, EINVAL, "container %s has no cgroup", c->id);
	r = oci_resources_init(out, res, err);
	if (r == 0)
		r = rast_cgroup_layout_init(&l, err);
	if (r < 0)
		return r;
	r = check_use(&l, cgroup, res, err);
	/* First it, which would write its own again at the next daemon-reload. */
	if (r == 0 && oci_scope_from(c->state, &scope))
		r = oci_scope_set(&scope, out, l.v2, err);
	if (r == 0)
		r = rast_cgroup_apply(&l, cgroup, out->writes, out->n, err);
	if (r == 0 && res->n_devices) {
		r = oci_device_rules(res, &rules, &n, err);
		if (r == 0)
			r = rast_cgroup_open(&l, cgroup, &cg, err);
		if (r == 0)
			r = rast_device_rules_attach(cg.fd, rules, n, err);
		rast_cgroup_finish(&cg);
	}
	rast_cgroup_layout_finish(&l);
	return r;
}

static int update_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	struct rast_oci_resources res = {0};
	int r;

	if (oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	if (c.pidfd < 0) {
		(void)rast_err_set(&o->err, ESRCH, "container %s is not running", c.id);
		return OCI_EXIT_FAIL;
	}
	if (oci_has(a, "resources")) {
		r = rast_oci_resources_load(AT_FDCWD, oci_arg(a, "resources"), &spec, &o->err);
		if (r < 0)
			return OCI_EXIT_FAIL;
		res = spec->resources;
	}
	r = from_options(a, &res, &o->err);
	if (r == 0)
		r = apply(&c, &res, &o->err);
	return r < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_update_command = {
	"update", "[OPTIONS] ID", "change the limits of a container", update_opts, 1,
	1,        update_run};
