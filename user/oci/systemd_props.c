// SPDX-License-Identifier: BSD-2-Clause
/*
 * Limits and annotations as properties of a unit; see systemd_unit.h. The files are the common tongue: what
 * linux.resources and its "unified" write is looked at by its file's name.
 */
#include "oci/systemd_unit.h"

#include "oci/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANNOTATION "org.systemd.property."

/* Files that hold one number, and what systemd calls it. */
static const struct {
	const char *file, *property;
} v2_numbers[] =
	{
		{"memory.max", "MemoryMax"},          {"memory.high", "MemoryHigh"},
		{"memory.low", "MemoryLow"},          {"memory.min", "MemoryMin"},
		{"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"},
		{"cpu.weight", "CPUWeight"},          {"io.weight", "IOWeight"},
},
  v1_numbers[] = {
	  {"memory.limit_in_bytes", "MemoryLimit"},
	  {"pids.max", "TasksMax"},
	  {"cpu.shares", "CPUShares"},
	  {"blkio.weight", "BlockIOWeight"},
};

static void add_number(struct oci_words *w, const char *property, const char *value)
{
	uint64_t n = UINT64_MAX; /* systemd's infinity */

	if (!strncmp(value, "default ", 8))
		value += 8;
	if (strcmp(value, "max") != 0 && strcmp(value, "-1") != 0) {
		char *end;

		errno = 0;
		n = strtoull(value, &end, 10);
		/* Something else of "unified": the kernel judges it. */
		if (errno || end == value || *end)
			return;
	}
	oci_words_add(w, "%s", property);
	oci_words_add(w, "t");
	oci_words_add(w, "%" PRIu64, n);
}

/* "QUOTA [PERIOD]": systemd has hundredths of a processor and would round down what is between. */
static void add_quota(struct oci_words *w, const char *value)
{
	unsigned long long quota, period = 100000;
	uint64_t usec = UINT64_MAX;
	char *end;

	if (strncmp(value, "max", 3) != 0) {
		errno = 0;
		quota = strtoull(value, &end, 10);
		if (errno || end == value)
			return;
		if (*end == ' ')
			period = strtoull(end + 1, NULL, 10);
		if (!period || quota > UINT64_MAX / 1000000)
			return;
		usec = quota * 1000000 / period;
		usec = (usec + 9999) / 10000 * 10000;
	} else if (value[3] == ' ') {
		period = strtoull(value + 4, NULL, 10);
	}
	oci_words_add(w, "CPUQuotaPerSecUSec");
	oci_words_add(w, "t");
	oci_words_add(w, "%" PRIu64, usec);
	if (!period)
		return;
	oci_words_add(w, "?CPUQuotaPeriodUSec");
	oci_words_add(w, "t");
	oci_words_add(w, "%llu", period);
}

/* "0-2,7" as the bytes of a set of bits. */
static void add_set(struct oci_words *w, const char *property, const char *value)
{
	unsigned long bits[1024 / (8 * sizeof(unsigned long))] = {0};
	size_t n = sizeof(bits), i;

	if (oci_parse_list(value, bits, 1024) < 0)
		return;
#define BYTE(i) (bits[(i) / sizeof(long)] >> (i) % sizeof(long) * 8 & 0xff)
	while (n && !BYTE(n - 1))
		n--;
	oci_words_add(w, "%s", property);
	oci_words_add(w, "ay");
	oci_words_add(w, "%zu", n);
	for (i = 0; i < n; i++)
		oci_words_add(w, "%lu", BYTE(i));
#undef BYTE
}

static void add_v2(struct oci_words *w, const struct rast_cgroup_write *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v2_numbers); i++)
		if (!strcmp(s->v2_file, v2_numbers[i].file))
			add_number(w, v2_numbers[i].property, s->v2_value);
	if (!strcmp(s->v2_file, "cpuset.cpus"))
		add_set(w, "?AllowedCPUs", s->v2_value);
	else if (!strcmp(s->v2_file, "cpuset.mems"))
		add_set(w, "?AllowedMemoryNodes", s->v2_value);
	/* Idle is the lowest of weights to systemd since it knows of it. */
	else if (!strcmp(s->v2_file, "cpu.idle") && !strcmp(s->v2_value, "1"))
		add_number(w, "?CPUWeight", "0");
}

int oci_words_add_limits(struct oci_words *w, const struct oci_resources *res, unsigned int v2,
			 struct rast_err *err)
{
	size_t i, j;

	for (i = 0; i < res->n; i++) {
		const struct rast_cgroup_write *s = &res->writes[i];

		/* Both versions have the same for it, and here are quota and period together. */
		if (s->v2_file && !strcmp(s->v2_file, "cpu.max"))
			add_quota(w, s->v2_value);
		else if ((v2 & 1u << s->controller) && s->v2_file)
			add_v2(w, s);
		else if (!(v2 & 1u << s->controller) && s->v1_file)
			for (j = 0; j < ARRAY_SIZE(v1_numbers); j++)
				if (!strcmp(s->v1_file, v1_numbers[j].file))
					add_number(w, v1_numbers[j].property, s->v1_value);
	}
	return oci_words_check(w, err);
}

/* "TimeoutStopSec" is how unit files have what is TimeoutStopUSec on the bus; runc and crun take both. */
static bool in_seconds(const char *name, size_t n)
{
	return n > 4 && !strcmp(name + n - 3, "Sec") && name[n - 4] >= 'a' && name[n - 4] <= 'z';
}

int oci_words_add_annotations(struct oci_words *w, const struct rast_oci_spec *spec,
			      struct rast_err *err)
{
	/* What is ours to say. */
	static const char *const taken[] = {"PIDs", "Slice", "Delegate", "Scope"};
	size_t i, j;

	for (i = 0; i < spec->n_annotations; i++) {
		const char *key = spec->annotations[i].key, *name = key + strlen(ANNOTATION);
		size_t n;
		int r;

		if (strncmp(key, ANNOTATION, strlen(ANNOTATION)) != 0)
			continue;
		n = strlen(name);
		if (!n || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789") != n)
			return rast_err_set(err, EINVAL,
					    "annotations.%.80s: no name of a property of systemd",
					    key);
		for (j = 0; j < ARRAY_SIZE(taken); j++)
			if (!strcmp(name, taken[j]))
				return rast_err_set(err, EINVAL,
						    "annotations.%.80s: rast-oci sets this itself",
						    key);
		if (in_seconds(name, n))
			oci_words_add(w, "%.*sUSec", (int)n - 3, name);
		else
			oci_words_add(w, "%s", name);
		r = oci_words_add_value(w, key, spec->annotations[i].value, in_seconds(name, n),
					err);
		if (r < 0)
			return r;
	}
	return oci_words_check(w, err);
}
