// SPDX-License-Identifier: BSD-2-Clause
/*
 * The numbers of a container's cgroup in the layout of runc's `events --stats`, which monitoring tools
 * parse: names and units are runc's (nanoseconds, bytes), whichever version of cgroups they come from.
 * A number that has no source here is left out or 0, as runc does. "No limit" is the largest number that
 * JSON readers with signed integers still take.
 */
#include "oci/events.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE (1u << 20)
#define NO_LIMIT INT64_MAX

static json_t *number(uint64_t v)
{
	return json_integer(v > (uint64_t)NO_LIMIT ? NO_LIMIT : (json_int_t)v);
}

/* "max" is no limit; false when there is no such file. */
static bool read_number(int dir, const char *file, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;

	if (dir < 0 || rast_read_file(dir, file, 4096, &text, NULL) < 0)
		return false;
	*ret = text[0] == 'm' ? (uint64_t)NO_LIMIT : strtoull(text, NULL, 10);
	return true;
}

static void set_number(json_t *o, const char *key, int dir, const char *file)
{
	uint64_t v;

	if (read_number(dir, file, &v))
		(void)json_object_set_new(o, key, number(v));
}

/* Lines of "name number". */
static json_t *read_table(int dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	json_t *o = json_object();
	char *line, *rest;

	if (dir < 0 || rast_read_file(dir, file, MAX_FILE, &text, NULL) < 0)
		return o;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *space = strchr(line, ' ');

		if (!space)
			continue;
		*space = '\0';
		(void)json_object_set_new(o, line, number(strtoull(space + 1, NULL, 10)));
	}
	return o;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same of "full". */
static void set_pressure(json_t *o, int dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	json_t *psi;
	char *line, *rest;

	if (dir < 0 || rast_read_file(dir, file, 4096, &text, NULL) < 0)
		return;
	psi = json_object();
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		double avg[3];
		unsigned long long total;
		char name[8];

		if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", name, &avg[0],
			   &avg[1], &avg[2], &total) == 5)
			(void)json_object_set_new(psi, name,
						  json_pack("{s:f,s:f,s:f,s:o}", "avg10", avg[0],
							    "avg60", avg[1], "avg300", avg[2],
							    "total", number(total)));
	}
	(void)json_object_set_new(o, "psi", psi);
}

/* ---- cpu ---- */

static json_t *per_cpu(int dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	json_t *list = json_array();
	char *p, *end;

	if (rast_read_file(dir, file, MAX_FILE, &text, NULL) < 0)
		return list;
	for (p = text;; p = end) {
		uint64_t v = strtoull(p, &end, 10);

		if (end == p)
			return list;
		(void)json_array_append_new(list, number(v));
	}
}

static uint64_t ns_of_usec(const json_t *table, const char *key)
{
	return (uint64_t)rast_json_int(table, key) * 1000;
}

static json_t *cpu(const struct oci_cgroup_dirs *d)
{
	_cleanup_json_ json_t *v2 = read_table(d->v2, "cpu.stat");
	_cleanup_json_ json_t *v1 = read_table(d->v1[RAST_CG_CPU], "cpu.stat");
	json_t *usage, *throttling = json_object(), *o;
	int acct = d->v1[RAST_CG_CPUACCT];

	usage = json_pack("{s:o,s:o,s:o}", "total", number(ns_of_usec(v2, "usage_usec")), "kernel",
			  number(ns_of_usec(v2, "system_usec")), "user",
			  number(ns_of_usec(v2, "user_usec")));
	if (acct >= 0) {
		set_number(usage, "total", acct, "cpuacct.usage");
		(void)json_object_set_new(usage, "percpu", per_cpu(acct, "cpuacct.usage_percpu"));
		(void)json_object_set_new(usage, "percpu_kernel",
					  per_cpu(acct, "cpuacct.usage_percpu_sys"));
		(void)json_object_set_new(usage, "percpu_user",
					  per_cpu(acct, "cpuacct.usage_percpu_user"));
		set_number(usage, "kernel", acct, "cpuacct.usage_sys");
		set_number(usage, "user", acct, "cpuacct.usage_user");
	}
	if (json_object_get(v2, "nr_periods"))
		(void)json_object_update_new(
			throttling,
			json_pack("{s:I,s:I,s:o}", "periods",
				  (json_int_t)rast_json_int(v2, "nr_periods"), "throttledPeriods",
				  (json_int_t)rast_json_int(v2, "nr_throttled"), "throttledTime",
				  number(ns_of_usec(v2, "throttled_usec"))));
	else if (json_object_get(v1, "nr_periods"))
		(void)json_object_update_new(
			throttling,
			json_pack("{s:I,s:I,s:I}", "periods",
				  (json_int_t)rast_json_int(v1, "nr_periods"), "throttledPeriods",
				  (json_int_t)rast_json_int(v1, "nr_throttled"), "throttledTime",
				  (json_int_t)rast_json_int(v1, "throttled_time")));
	o = json_pack("{s:o,s:o}", "usage", usage, "throttling", throttling);
	set_pressure(o, d->v2, "cpu.pressure");
	return o;
}

/* "0-3,7" as a list of numbers. */
static void set_cpu_list(json_t *o, const char *key, int dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	json_t *list;
	char *p, *end;

	if (dir < 0 || rast_read_file(dir, file, MAX_FILE, &text, NULL) < 0)
		return;
	list = json_array();
	for (p = text; isdigit((unsigned char)*p); p = end + (*end == ',')) {
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < 65536; first++)
			(void)json_array_append_new(list, json_integer((json_int_t)first));
	}
	(void)json_object_set_new(o, key, list);
}

static json_t *cpuset(const struct oci_cgroup_dirs *d)
{
	static const char *const flags[][2] = {
		{"cpu_exclusive", "cpuset.cpu_exclusive"},
		{"mem_hardwall", "cpuset.mem_hardwall"},
		{"mem_exclusive", "cpuset.mem_exclusive"},
		{"memory_migrate", "cpuset.memory_migrate"},
		{"memory_spread_page", "cpuset.memory_spread_page"},
		{"memory_spread_slab", "cpuset.memory_spread_slab"},
		{"memory_pressure", "cpuset.memory_pressure"},
		{"sched_load_balance", "cpuset.sched_load_balance"},
		{"sched_relax_domain_level", "cpuset.sched_relax_domain_level"},
	};
	int dir = d->v1[RAST_CG_CPUSET];
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		(void)json_object_set_new(o, flags[i][0], json_integer(0));
		if (dir >= 0) {
			_cleanup_free_ char *text = NULL;

			if (rast_read_file(dir, flags[i][1], 64, &text, NULL) == 0)
				(void)json_object_set_new(o, flags[i][0],
							  json_integer(strtol(text, NULL, 10)));
		}
	}
	set_cpu_list(o, "cpus", dir >= 0 ? dir : d->v2,
		     dir >= 0 ? "cpuset.cpus" : "cpuset.cpus.effective");
	set_cpu_list(o, "mems", dir >= 0 ? dir : d->v2,
		     dir >= 0 ? "cpuset.mems" : "cpuset.mems.effective");
	return o;
}

/* ---- memory, pids ---- */

static json_t *entry_v1(int dir, const char *what)
{
	json_t *o = json_pack("{s:i,s:i}", "limit", 0, "failcnt", 0);
	char file[64];
	static const char *const files[][2] = {{"limit", "limit_in_bytes"},
					       {"usage", "usage_in_bytes"},
					       {"max", "max_usage_in_bytes"},
					       {"failcnt", "failcnt"}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		(void)snprintf(file, sizeof(file), "memory.%s%s", what, files[i][1]);
		set_number(o, files[i][0], dir, file);
	}
	return o;
}

/* runc's "swap" is memory and swap together, as v1 counts it. */
static json_t *swap_v2(int dir)
{
	uint64_t mem = 0, swap = 0, limit = NO_LIMIT, swap_limit = NO_LIMIT;

	(void)read_number(dir, "memory.current", &mem);
	(void)read_number(dir, "memory.max", &limit);
	(void)read_number(dir, "memory.swap.current", &swap);
	(void)read_number(dir, "memory.swap.max", &swap_limit);
	return json_pack("{s:o,s:o,s:i}", "limit",
			 number(limit == (uint64_t)NO_LIMIT ? limit : limit + swap_limit), "usage",
			 number(mem + swap), "failcnt", 0);
}

static json_t *memory(const struct oci_cgroup_dirs *d)
{
	int v1 = d->v1[RAST_CG_MEMORY];
	json_t *raw = read_table(v1 >= 0 ? v1 : d->v2, "memory.stat");
	json_t *usage, *o;

	if (v1 >= 0) {
		o = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o}", "cache",
			      (json_int_t)rast_json_int(raw, "cache"), "usage", entry_v1(v1, ""),
			      "swap", entry_v1(v1, "memsw."), "kernel", entry_v1(v1, "kmem."),
			      "kernelTCP", entry_v1(v1, "kmem.tcp."), "raw", raw);
	} else {
		usage = json_pack("{s:i,s:i}", "limit", 0, "failcnt", 0);
		set_number(usage, "usage", d->v2, "memory.current");
		set_number(usage, "limit", d->v2, "memory.max");
		set_number(usage, "max", d->v2, "memory.peak");
		o = json_pack("{s:I,s:o,s:o,s:{s:i,s:I,s:i},s:{s:i,s:i},s:o}", "cache",
			      (json_int_t)rast_json_int(raw, "file"), "usage", usage, "swap",
			      swap_v2(d->v2), "kernel", "limit", 0, "usage",
			      (json_int_t)rast_json_int(raw, "kernel"), "failcnt", 0, "kernelTCP",
			      "limit", 0, "failcnt", 0, "raw", raw);
	}
	set_pressure(o, d->v2, "memory.pressure");
	return o;
}

static json_t *pids(const struct oci_cgroup_dirs *d)
{
	int dir = d->v1[RAST_CG_PIDS] >= 0 ? d->v1[RAST_CG_PIDS] : d->v2;
	json_t *o = json_object();
	uint64_t limit;

	set_number(o, "current", dir, "pids.current");
	/* 0 and absent mean no limit. */
	if (read_number(dir, "pids.max", &limit) && limit != (uint64_t)NO_LIMIT)
		(void)json_object_set_new(o, "limit", number(limit));
	return o;
}

/* ---- block devices, huge pages ---- */

static void add_io(json_t *list, unsigned int major, unsigned int minor, const char *op, uint64_t v)
{
	(void)json_array_append_new(list, json_pack("{s:I,s:I,s:s,s:o}", "major", (json_int_t)major,
						    "minor", (json_int_t)minor, "op", op, "value",
						    number(v)));
}

/* v1: "8:0 Read 4096" a line. */
static json_t *io_v1(int dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	json_t *list = json_array();
	char *line, *rest;

	if (rast_read_file(dir, file, MAX_FILE, &text, NULL) < 0)
		return list;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned int major, minor;
		unsigned long long v;
		char op[16];

		if (sscanf(line, "%u:%u %15s %llu", &major, &minor, op, &v) == 4)
			add_io(list, major, minor, op, v);
	}
	return list;
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a line. */
static void io_v2(int dir, json_t *bytes, json_t *ios)
{
	static const struct {
		const char *name, *op;
		bool bytes;
	} fields[] = {{"rbytes=", "Read", true},    {"wbytes=", "Write", true},
		      {"dbytes=", "Discard", true}, {"rios=", "Read", false},
		      {"wios=", "Write", false},    {"dios=", "Discard", false}};
	_cleanup_free_ char *text = NULL;
	char *line, *rest;

	if (rast_read_file(dir, "io.stat", MAX_FILE, &text, NULL) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned int major, minor;
		size_t i;

		if (sscanf(line, "%u:%u", &major, &minor) != 2)
			continue;
		for (i = 0; i < ARRAY_SIZE(fields); i++) {
			const char *at = strstr(line, fields[i].name);

			if (at)
				add_io(fields[i].bytes ? bytes : ios, major, minor, fields[i].op,
				       strtoull(at + strlen(fields[i].name), NULL, 10));
		}
	}
}

static void set_list(json_t *o, const char *key, json_t *list)
{
	if (json_array_size(list))
		(void)json_object_set(o, key, list);
}

static json_t *blkio(const struct oci_cgroup_dirs *d)
{
	_cleanup_json_ json_t *bytes = NULL, *ios = NULL;
	int v1 = d->v1[RAST_CG_IO];
	json_t *o = json_object();

	if (v1 >= 0) {
		bytes = io_v1(v1, "blkio.throttle.io_service_bytes_recursive");
		ios = io_v1(v1, "blkio.throttle.io_serviced_recursive");
	} else {
		bytes = json_array();
		ios = json_array();
		io_v2(d->v2, bytes, ios);
	}
	set_list(o, "ioServiceBytesRecursive", bytes);
	set_list(o, "ioServicedRecursive", ios);
	set_pressure(o, d->v2, "io.pressure");
	return o;
}

/* One object a page size, found by the names of the files: hugetlb.2MB.current, …usage_in_bytes. */
static json_t *hugetlb(const struct oci_cgroup_dirs *d)
{
	bool v1 = d->v1[RAST_CG_HUGETLB] >= 0;
	int dir = v1 ? d->v1[RAST_CG_HUGETLB] : d->v2;
	const char *tail = v1 ? ".usage_in_bytes" : ".current";
	json_t *o = json_object();
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *list = copy < 0 ? NULL : fdopendir(copy);

	if (!list && copy >= 0)
		(void)close(copy);
	while (list && (e = readdir(list))) {
		const char *end = strstr(e->d_name, tail);
		char size[32], file[80];
		json_t *one;

		if (strncmp(e->d_name, "hugetlb.", 8) != 0 || !end || strcmp(end, tail) != 0 ||
		    strstr(e->d_name, "rsvd") || (size_t)(end - e->d_name) - 8 >= sizeof(size))
			continue;
		(void)snprintf(size, sizeof(size), "%.*s", (int)(end - e->d_name) - 8,
			       e->d_name + 8);
		one = json_pack("{s:i}", "failcnt", 0);
		set_number(one, "usage", dir, e->d_name);
		if (v1) {
			(void)snprintf(file, sizeof(file), "hugetlb.%s.max_usage_in_bytes", size);
			set_number(one, "max", dir, file);
			(void)snprintf(file, sizeof(file), "hugetlb.%s.failcnt", size);
			set_number(one, "failcnt", dir, file);
		} else {
			_cleanup_json_ json_t *events = NULL;

			(void)snprintf(file, sizeof(file), "hugetlb.%s.events", size);
			events = read_table(dir, file);
			(void)json_object_set_new(one, "failcnt",
						  json_integer(rast_json_int(events, "max")));
		}
		(void)json_object_set_new(o, size, one);
	}
	if (list)
		(void)closedir(list);
	return o;
}

json_t *oci_stats(const struct oci_cgroup_dirs *d)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:{},s:[]}", "cpu", cpu(d), "cpuset", cpuset(d),
			 "memory", memory(d), "pids", pids(d), "blkio", blkio(d), "hugetlb",
			 hugetlb(d), "intel_rdt", "network_interfaces");
}
