// SPDX-License-Identifier: BSD-2-Clause
/* "linux.resources" of config.json; it also stands alone in `update --resources`. */
#include "oci/spec_json.h"

#include <string.h>

/* ---- devices ---- */

static int parse_rule_type(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *s = NULL;
	int r = oci_string(l, at, v, 0, &s);

	if (r < 0 || !*s)
		return r;
	if (s[1] || !strchr("abcu", s[0]))
		return oci_fail(l, at, "\"%.40s\": want a, b or c", s);
	*(char *)value = s[0] == 'u' ? 'c' : s[0];
	return 0;
}

static int parse_access(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	static const char letters[] = "rwm"; /* RAST_OCI_DEV_* in this order */
	uint32_t access = 0;
	const char *s = NULL, *p;
	int r = oci_string(l, at, v, 0, &s);

	for (; !r && *s; s++) {
		p = strchr(letters, *s);
		if (!p)
			return oci_fail(l, at, "\"%c\": want letters of \"rwm\"", *s);
		access |= 1u << (p - letters);
	}
	if (!r)
		*(uint32_t *)value = access;
	return r;
}

static int check_rule(struct oci_load *l, const struct oci_at *at, void *object)
{
	struct rast_oci_device_rule *d = object;

	d->major--;
	d->minor--;
	if (!d->type)
		d->type = 'a';
	if (!d->access) {
		/* A refusal of nothing in particular is one of everything. */
		if (d->allow)
			return oci_fail(l, at,
					"allows nothing: want access with letters of \"rwm\"");
		d->access = RAST_OCI_DEV_READ | RAST_OCI_DEV_WRITE | RAST_OCI_DEV_MKNOD;
	}
	return 0;
}

/* Absent means all, as -1 does: stored one higher, so that 0 is "absent", until check_rule(). */
static int parse_rule_number(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return oci_fail(l, at, "want a whole number");
	if (i < -1 || i > UINT32_MAX)
		return oci_fail(l, at, "%lld: want a number from -1 (all) to %u", (long long)i,
				UINT32_MAX);
	*(int64_t *)value = i + 1;
	return 0;
}

static const struct oci_field rule_fields[] = {
	OCI_FIELD(OCI_BOOL, "allow", struct rast_oci_device_rule, allow, .flags = OCI_REQUIRED),
	OCI_FIELD(OCI_CALL, "type", struct rast_oci_device_rule, type, .call = parse_rule_type),
	OCI_FIELD(OCI_CALL, "major", struct rast_oci_device_rule, major, .call = parse_rule_number),
	OCI_FIELD(OCI_CALL, "minor", struct rast_oci_device_rule, minor, .call = parse_rule_number),
	OCI_FIELD(OCI_CALL, "access", struct rast_oci_device_rule, access, .call = parse_access),
};
static const struct oci_table rule_table =
	OCI_TABLE(rule_fields, .size = sizeof(struct rast_oci_device_rule), .check = check_rule);

/* ---- memory and cpu ---- */

#define MEMORY(k, name, member, ...) \
	OCI_FIELD(k, name, struct rast_oci_resources, memory.member, ##__VA_ARGS__)
#define LIMIT .min = -1, .max = INT64_MAX
static const struct oci_field memory_fields[] = {
	MEMORY(OCI_OPT_I64, "limit", limit, LIMIT),
	MEMORY(OCI_OPT_I64, "reservation", reservation, LIMIT),
	MEMORY(OCI_OPT_I64, "swap", swap, LIMIT),
	MEMORY(OCI_OPT_I64, "kernel", kernel, LIMIT),
	MEMORY(OCI_OPT_I64, "kernelTCP", kernel_tcp, LIMIT),
	MEMORY(OCI_OPT_U64, "swappiness", swappiness, .max = 100),
	MEMORY(OCI_OPT_BOOL, "disableOOMKiller", disable_oom_killer),
	MEMORY(OCI_OPT_BOOL, "useHierarchy", use_hierarchy),
	MEMORY(OCI_OPT_BOOL, "checkBeforeUpdate", check_before_update),
};

static int check_memory(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_resources *r = object;

	if (r->memory.limit.v > 0 && r->memory.swap.v > 0 && r->memory.swap.v < r->memory.limit.v)
		return oci_fail(l, at,
				"swap %lld, which counts memory and swap, is below limit %lld",
				(long long)r->memory.swap.v, (long long)r->memory.limit.v);
	return 0;
}

static const struct oci_table memory_table = OCI_TABLE(memory_fields, .check = check_memory);

static int parse_list(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
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

#define CPU(k, name, member, ...) \
	OCI_FIELD(k, name, struct rast_oci_resources, cpu.member, ##__VA_ARGS__)
static const struct oci_field cpu_fields[] = {
	CPU(OCI_OPT_U64, "shares", shares),
	CPU(OCI_OPT_I64, "quota", quota),
	CPU(OCI_OPT_U64, "burst", burst),
	CPU(OCI_OPT_U64, "period", period),
	CPU(OCI_OPT_I64, "realtimeRuntime", realtime_runtime),
	CPU(OCI_OPT_U64, "realtimePeriod", realtime_period),
	CPU(OCI_CALL, "cpus", cpus, .call = parse_list),
	CPU(OCI_CALL, "mems", mems, .call = parse_list),
	CPU(OCI_OPT_I64, "idle", idle, .min = 0, .max = 1),
};

static int check_cpu(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_resources *r = object;

	if (r->cpu.quota.v > 0 && r->cpu.burst.v > (uint64_t)r->cpu.quota.v)
		return oci_fail(l, at, "burst %llu is above quota %lld",
				(unsigned long long)r->cpu.burst.v, (long long)r->cpu.quota.v);
	return 0;
}

static const struct oci_table cpu_table = OCI_TABLE(cpu_fields, .check = check_cpu);

static const struct oci_field pids_fields[] = {
	OCI_FIELD(OCI_OPT_I64, "limit", struct rast_oci_resources, pids_limit),
};
static const struct oci_table pids_table = OCI_TABLE(pids_fields);

/* ---- block devices ---- */

static int parse_weight(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return oci_fail(l, at, "want a whole number");
	if (i && (i < 10 || i > 1000))
		return oci_fail(l, at, "%lld: want a number from 10 to 1000, or 0 for none",
				(long long)i);
	*(struct rast_oci_u64 *)value = (struct rast_oci_u64){(uint64_t)i, i != 0};
	return 0;
}

#define NUMBER(name, type, member) \
	OCI_FIELD(OCI_I64, name, type, member, .flags = OCI_REQUIRED, .max = UINT32_MAX)
static const struct oci_field weight_fields[] = {
	NUMBER("major", struct rast_oci_weight_device, major),
	NUMBER("minor", struct rast_oci_weight_device, minor),
	OCI_FIELD(OCI_CALL, "weight", struct rast_oci_weight_device, weight, .call = parse_weight),
	OCI_FIELD(OCI_CALL, "leafWeight", struct rast_oci_weight_device, leaf_weight,
		  .call = parse_weight),
};
static int check_weight(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_weight_device *d = object;

	if (!d->weight.set && !d->leaf_weight.set)
		return oci_fail(l, at, "want weight, leafWeight or both");
	return 0;
}
static const struct oci_table weight_table = OCI_TABLE(
	weight_fields, .size = sizeof(struct rast_oci_weight_device), .check = check_weight);

static const struct oci_field throttle_fields[] = {
	NUMBER("major", struct rast_oci_throttle_device, major),
	NUMBER("minor", struct rast_oci_throttle_device, minor),
	OCI_FIELD(OCI_U64, "rate", struct rast_oci_throttle_device, rate, .flags = OCI_REQUIRED),
};
static const struct oci_table throttle_table =
	OCI_TABLE(throttle_fields, .size = sizeof(struct rast_oci_throttle_device));

#define BLOCK_LIST(name_, member, table)                                                           \
	{                                                                                          \
		.name = (name_), .kind = OCI_LIST,                                                 \
		.offset = offsetof(struct rast_oci_resources, block_io.member),                    \
		.count = offsetof(struct rast_oci_resources, block_io.n_##member), .arg = &(table) \
	}
static const struct oci_field block_fields[] = {
	OCI_FIELD(OCI_CALL, "weight", struct rast_oci_resources, block_io.weight,
		  .call = parse_weight),
	OCI_FIELD(OCI_CALL, "leafWeight", struct rast_oci_resources, block_io.leaf_weight,
		  .call = parse_weight),
	BLOCK_LIST("weightDevice", weight_devices, weight_table),
	BLOCK_LIST("throttleReadBpsDevice", read_bps, throttle_table),
	BLOCK_LIST("throttleWriteBpsDevice", write_bps, throttle_table),
	BLOCK_LIST("throttleReadIOPSDevice", read_iops, throttle_table),
	BLOCK_LIST("throttleWriteIOPSDevice", write_iops, throttle_table),
};
static const struct oci_table block_table = OCI_TABLE(block_fields);

/* ---- the rest ---- */

/* [1-9][0-9]*[KMG]B */
static int parse_page_size(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *s = NULL;
	size_t n;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	n = strspn(s, "0123456789");
	if (s[0] == '0' || !n || !s[n] || !strchr("KMG", s[n]) || strcmp(s + n + 1, "B") != 0)
		return oci_fail(l, at, "\"%.40s\": want a size such as 2MB, with KB, MB or GB", s);
	*(const char **)value = s;
	return 0;
}

static const struct oci_field hugepage_fields[] = {
	OCI_FIELD(OCI_CALL, "pageSize", struct rast_oci_hugepage, page_size, .flags = OCI_REQUIRED,
		  .call = parse_page_size),
	OCI_FIELD(OCI_U64, "limit", struct rast_oci_hugepage, limit, .flags = OCI_REQUIRED),
};
static const struct oci_table hugepage_table =
	OCI_TABLE(hugepage_fields, .size = sizeof(struct rast_oci_hugepage));

static const struct oci_field prio_fields[] = {
	OCI_FIELD(OCI_STR, "name", struct rast_oci_net_prio, name,
		  .flags = OCI_REQUIRED | OCI_NONEMPTY),
	OCI_FIELD(OCI_U32, "priority", struct rast_oci_net_prio, priority, .flags = OCI_REQUIRED),
};
static const struct oci_table prio_table =
	OCI_TABLE(prio_fields, .size = sizeof(struct rast_oci_net_prio));
static const struct oci_field network_fields[] = {
	OCI_FIELD(OCI_OPT_U64, "classID", struct rast_oci_resources, class_id, .max = UINT32_MAX),
	{.name = "priorities",
	 .kind = OCI_LIST,
	 .offset = offsetof(struct rast_oci_resources, net_prios),
	 .count = offsetof(struct rast_oci_resources, n_net_prios),
	 .arg = &prio_table},
};
static const struct oci_table network_table = OCI_TABLE(network_fields);

static const struct oci_field rdma_fields[] = {
	OCI_FIELD(OCI_OPT_U64, "hcaHandles", struct rast_oci_rdma, hca_handles, .max = UINT32_MAX),
	OCI_FIELD(OCI_OPT_U64, "hcaObjects", struct rast_oci_rdma, hca_objects, .max = UINT32_MAX),
};
static int check_rdma(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_rdma *d = object;

	if (!d->hca_handles.set && !d->hca_objects.set)
		return oci_fail(l, at, "want hcaHandles, hcaObjects or both");
	return 0;
}
static const struct oci_table rdma_table =
	OCI_TABLE(rdma_fields, .size = sizeof(struct rast_oci_rdma), .check = check_rdma);

static int check_resources(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct oci_at map = {at, "unified", 0};
	const struct rast_oci_resources *r = object;
	size_t i;

	for (i = 0; i < r->n_unified; i++) {
		const char *key = r->unified[i].key;
		const struct oci_at here = {&map, key, 0};

		if (strchr(key, '/') || !strcmp(key, ".") || !strcmp(key, ".."))
			return oci_fail(l, &here, "want the name of a file, without a slash");
	}
	return 0;
}

#define RESOURCES struct rast_oci_resources
static const struct oci_field resources_fields[] = {
	OCI_MANY(OCI_LIST, "devices", RESOURCES, devices, .arg = &rule_table),
	{.name = "memory", .kind = OCI_OBJECT, .arg = &memory_table},
	{.name = "cpu", .kind = OCI_OBJECT, .arg = &cpu_table},
	{.name = "pids", .kind = OCI_OBJECT, .arg = &pids_table},
	{.name = "blockIO", .kind = OCI_OBJECT, .arg = &block_table},
	OCI_MANY(OCI_LIST, "hugepageLimits", RESOURCES, hugepages, .arg = &hugepage_table),
	{.name = "network", .kind = OCI_OBJECT, .arg = &network_table},
	OCI_MANY(OCI_MAP, "rdma", RESOURCES, rdma, .arg = &rdma_table),
	OCI_MANY(OCI_KVS, "unified", RESOURCES, unified),
};
const struct oci_table oci_resources_table = OCI_TABLE(resources_fields, .check = check_resources);
