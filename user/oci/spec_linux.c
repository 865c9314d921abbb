// SPDX-License-Identifier: BSD-2-Clause
/* "linux" of config.json without its resources (spec_resources.c) and seccomp (spec_seccomp.c). */
#include "oci/spec_json.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/personality.h>

/* In the order of enum rast_oci_ns. */
const struct rast_oci_ns_kind rast_oci_ns_kinds[RAST_OCI_NS_MAX] = {
	{"user", CLONE_NEWUSER, "user"},       {"mount", CLONE_NEWNS, "mnt"},
	{"pid", CLONE_NEWPID, "pid"},          {"network", CLONE_NEWNET, "net"},
	{"uts", CLONE_NEWUTS, "uts"},          {"ipc", CLONE_NEWIPC, "ipc"},
	{"cgroup", CLONE_NEWCGROUP, "cgroup"}, {"time", CLONE_NEWTIME, "time"},
};

/* ---- namespaces ---- */

struct ns {
	const char *type, *path;
};
static const struct oci_field ns_fields[] = {
	OCI_FIELD(OCI_STR, "type", struct ns, type, .flags = OCI_REQUIRED | OCI_NONEMPTY),
	OCI_FIELD(OCI_STR, "path", struct ns, path, .flags = OCI_ABSOLUTE),
};
static const struct oci_table ns_table = OCI_TABLE(ns_fields);

static int parse_namespaces(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_oci_spec *s = value;
	size_t i, k;
	int r = oci_want(l, at, v, JSON_ARRAY);

	for (i = 0; !r && i < json_array_size(v); i++) {
		const struct oci_at here = {at, NULL, i}, type = {&here, "type", 0};
		struct ns ns = {0};

		r = oci_object(l, &here, json_array_get(v, i), &ns_table, &ns);
		if (r < 0)
			return r;
		for (k = 0; k < RAST_OCI_NS_MAX; k++)
			if (!strcmp(ns.type, rast_oci_ns_kinds[k].name))
				break;
		if (k == RAST_OCI_NS_MAX)
			return oci_fail(l, &type, "\"%.40s\" is no namespace", ns.type);
		if ((s->ns_new | s->ns_join) & rast_oci_ns_kinds[k].flag)
			return oci_fail(l, &type, "a second %s namespace", ns.type);
		if (ns.path)
			s->ns_join |= rast_oci_ns_kinds[k].flag;
		else
			s->ns_new |= rast_oci_ns_kinds[k].flag;
		s->ns_path[k] = ns.path;
		s->ns_order[s->n_ns++] = (enum rast_oci_ns)k;
	}
	return r;
}

static const struct oci_field offset_fields[] = {
	OCI_FIELD(OCI_I64, "secs", struct rast_oci_time_offset, secs),
	OCI_FIELD(OCI_U32, "nanosecs", struct rast_oci_time_offset, nanosecs, .max = 999999999),
};
static const struct oci_table offset_table = OCI_TABLE(offset_fields);

static int parse_offsets(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_oci_spec *s = value;
	const char *key;
	json_t *one;
	int r = oci_want(l, at, v, JSON_OBJECT);

	if (r < 0)
		return r;
	json_object_foreach(v, key, one) {
		const struct oci_at here = {at, key, 0};
		struct rast_oci_time_offset *o = !strcmp(key, "monotonic")  ? &s->monotonic
						 : !strcmp(key, "boottime") ? &s->boottime
									    : NULL;

		if (!o)
			return oci_fail(l, &here, "only monotonic and boottime have offsets");
		o->set = true;
		r = oci_object(l, &here, one, &offset_table, o);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- devices ---- */

static int parse_device_type(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	if (s[1] || !strchr("cbup", s[0]))
		return oci_fail(l, at, "\"%.40s\": want c, b, u or p", s);
	*(char *)value = s[0] == 'u' ? 'c' : s[0];
	return 0;
}

/* Numbers are needed for all but pipes: one higher until check_device(). */
static int parse_device_number(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return oci_fail(l, at, "want a whole number");
	if (i < 0 || i > UINT32_MAX)
		return oci_fail(l, at, "%lld: want a number from 0 to %u", (long long)i,
				UINT32_MAX);
	*(int64_t *)value = i + 1;
	return 0;
}

static int check_device(struct oci_load *l, const struct oci_at *at, void *object)
{
	struct rast_oci_device *d = object;

	if (d->type != 'p' && (!d->major || !d->minor))
		return oci_fail(l, at, "field \"%s\" is missing", d->major ? "minor" : "major");
	d->major = d->type == 'p' || !d->major ? 0 : d->major - 1;
	d->minor = d->type == 'p' || !d->minor ? 0 : d->minor - 1;
	/* Some writers leave the type of the file in. */
	d->mode.v &= 07777;
	return 0;
}

static const struct oci_field device_fields[] = {
	OCI_FIELD(OCI_STR, "path", struct rast_oci_device, path,
		  .flags = OCI_REQUIRED | OCI_NONEMPTY | OCI_ABSOLUTE),
	OCI_FIELD(OCI_CALL, "type", struct rast_oci_device, type, .flags = OCI_REQUIRED,
		  .call = parse_device_type),
	OCI_FIELD(OCI_CALL, "major", struct rast_oci_device, major, .call = parse_device_number),
	OCI_FIELD(OCI_CALL, "minor", struct rast_oci_device, minor, .call = parse_device_number),
	OCI_FIELD(OCI_OPT_U64, "fileMode", struct rast_oci_device, mode, .max = 0177777),
	OCI_FIELD(OCI_OPT_U64, "uid", struct rast_oci_device, uid, .max = RAST_OCI_ID_MAX),
	OCI_FIELD(OCI_OPT_U64, "gid", struct rast_oci_device, gid, .max = RAST_OCI_ID_MAX),
};
static const struct oci_table device_table =
	OCI_TABLE(device_fields, .size = sizeof(struct rast_oci_device), .check = check_device);

static bool interface_name(const char *s)
{
	return strlen(s) < 16 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       !s[strcspn(s, "/: \t\n\v\f\r")];
}

static int check_net_device(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_net_device *d = object;

	if (!interface_name(d->host_name) || (d->name && !interface_name(d->name)))
		return oci_fail(l, at,
				"want the name of a network interface, at most 15 characters");
	return 0;
}

static const struct oci_field net_device_fields[] = {
	OCI_FIELD(OCI_STR, "name", struct rast_oci_net_device, name),
};
static const struct oci_table net_device_table = OCI_TABLE(
	net_device_fields, .size = sizeof(struct rast_oci_net_device), .check = check_net_device);

/* ---- sysctl ---- */

/*
 * To the form with dots. As sysctl(8) has it, the separator that comes first decides; the other one stands
 * for itself ("net/ipv4/conf/eno2.100/rp_filter").
 */
static const char *with_dots(struct oci_load *l, const char *key)
{
	size_t n = strlen(key), i;
	char *out;

	if (key[strcspn(key, "./")] != '/')
		return key;
	out = oci_alloc(l, n + 1);
	for (i = 0; out && i < n; i++)
		out[i] = (char)(key[i] == '/' ? '.' : key[i] == '.' ? '/' : key[i]);
	return out;
}

/* No component that leads elsewhere: in this form "." and ".." of the path are "/" and "//". */
static bool sysctl_ok(const char *s)
{
	size_t len;

	for (;; s += len + 1) {
		len = strcspn(s, ".");
		if (!len || (len == 1 && s[0] == '/') || (len == 2 && s[0] == '/' && s[1] == '/'))
			return false;
		if (!s[len])
			return true;
	}
}

static int check_linux(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct oci_at map = {at, "sysctl", 0};
	const struct rast_oci_spec *s = object;
	struct rast_oci_kv *kv = (struct rast_oci_kv *)s->sysctls; /* ours (oci_alloc) */
	size_t i;

	for (i = 0; i < s->n_sysctls; i++) {
		const struct oci_at here = {&map, kv[i].key, 0};
		const char *key = with_dots(l, kv[i].key);

		if (!key)
			return -ENOMEM;
		if (strlen(key) > 255 || !sysctl_ok(key))
			return oci_fail(l, &here, "is not the name of a setting");
		kv[i].key = key;
	}
	return 0;
}

/* ---- small ones ---- */

static int parse_propagation(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const struct oci_name *n;
	const char *s = NULL;
	int r = oci_string(l, at, v, 0, &s);

	if (r < 0 || !*s)
		return r;
	n = oci_name_find(&oci_propagations, s);
	if (!n)
		return oci_fail(l, at,
				"\"%.40s\": want private, shared, slave or unbindable, or one of "
				"them with an \"r\" before it",
				s);
	*(uint32_t *)value = (uint32_t)n->value;
	return 0;
}

static int parse_domain(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);
	bool is_32;

	if (r < 0)
		return r;
	is_32 = !strcmp(s, "LINUX32");
	if (!is_32 && strcmp(s, "LINUX") != 0)
		return oci_fail(l, at, "\"%.40s\": want LINUX or LINUX32", s);
	*(struct rast_oci_u64 *)value =
		(struct rast_oci_u64){is_32 ? PER_LINUX32 : PER_LINUX, true};
	return 0;
}

/* The specification knows none; runc warns. */
static int parse_domain_flags(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char *const *flags = NULL;
	size_t n = 0;
	int r = oci_strings(l, at, v, 0, &flags, &n);

	(void)value;
	if (!r && n)
		r = oci_warn(l, at, "flags of a personality are not supported, ignored");
	return r;
}

static const struct oci_field personality_fields[] = {
	OCI_FIELD(OCI_CALL, "domain", struct rast_oci_spec, personality, .flags = OCI_REQUIRED,
		  .call = parse_domain),
	{.name = "flags", .kind = OCI_CALL, .call = parse_domain_flags},
};
static const struct oci_table personality_table = OCI_TABLE(personality_fields);

#define RDT(k, name, member) OCI_FIELD(k, name, struct rast_oci_spec, intel_rdt.member)
static const struct oci_field rdt_fields[] = {
	RDT(OCI_STR, "closID", clos_id),
	RDT(OCI_STR, "l3CacheSchema", l3_cache_schema),
	RDT(OCI_STR, "memBwSchema", mem_bw_schema),
	{.name = "schemata",
	 .kind = OCI_STRS,
	 .offset = offsetof(struct rast_oci_spec, intel_rdt.schemata),
	 .count = offsetof(struct rast_oci_spec, intel_rdt.n_schemata)},
	RDT(OCI_BOOL, "enableCMT", enable_cmt),
	RDT(OCI_BOOL, "enableMBM", enable_mbm),
	RDT(OCI_BOOL, "enableMonitoring", enable_monitoring),
};

static int check_rdt(struct oci_load *l, const struct oci_at *at, void *object)
{
	const char *id = ((struct rast_oci_spec *)object)->intel_rdt.clos_id;

	if (id && (strchr(id, '/') || !strcmp(id, ".") || !strcmp(id, "..")))
		return oci_fail(l, at, "closID \"%.80s\" is not the name of a directory", id);
	return 0;
}

static const struct oci_table rdt_table = OCI_TABLE(rdt_fields, .check = check_rdt);

static const struct oci_name mempolicy_names[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},  {"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},        {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},      {"MPOL_PREFERRED_MANY", 5},
	{"MPOL_WEIGHTED_INTERLEAVE", 6},
};
static const struct oci_name mempolicy_flag_names[] = {
	{"MPOL_F_NUMA_BALANCING", 1 << 13},
	{"MPOL_F_RELATIVE_NODES", 1 << 14},
	{"MPOL_F_STATIC_NODES", 1 << 15},
};
static const struct oci_names mempolicies = OCI_NAMES(mempolicy_names),
			      mempolicy_flags = OCI_NAMES(mempolicy_flag_names);

struct mempolicy {
	uint32_t mode;
	uint64_t flags;
	const char *nodes;
};
static const struct oci_field mempolicy_fields[] = {
	OCI_FIELD(OCI_NAME, "mode", struct mempolicy, mode, .flags = OCI_REQUIRED,
		  .arg = &mempolicies),
	OCI_FIELD(OCI_STR, "nodes", struct mempolicy, nodes),
	OCI_FIELD(OCI_FLAGS, "flags", struct mempolicy, flags, .arg = &mempolicy_flags),
};
static const struct oci_table mempolicy_table = OCI_TABLE(mempolicy_fields);

static int parse_mempolicy(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_oci_spec *s = value;
	struct mempolicy p = {0};
	int r = oci_object(l, at, v, &mempolicy_table, &p);

	if (r < 0)
		return r;
	if (p.nodes && !oci_number_list(p.nodes, 1023)) {
		const struct oci_at here = {at, "nodes", 0};

		return oci_fail(l, &here, "\"%.80s\": want numbers and ranges such as \"0-3,7\"",
				p.nodes);
	}
	s->memory_policy.set = true;
	s->memory_policy.mode = p.mode | (uint32_t)p.flags;
	s->memory_policy.nodes = p.nodes;
	return 0;
}

#define SPEC struct rast_oci_spec
static const struct oci_field linux_fields[] = {
	OCI_MANY(OCI_LIST, "uidMappings", SPEC, uid_maps, .arg = &oci_idmap_table,
		 .max = RAST_OCI_MAX_IDMAPS),
	OCI_MANY(OCI_LIST, "gidMappings", SPEC, gid_maps, .arg = &oci_idmap_table,
		 .max = RAST_OCI_MAX_IDMAPS),
	OCI_MANY(OCI_KVS, "sysctl", SPEC, sysctls),
	OCI_FIELD(OCI_OBJECT, "resources", SPEC, resources, .arg = &oci_resources_table,
		  .count = offsetof(SPEC, has_resources)),
	OCI_FIELD(OCI_STR, "cgroupsPath", SPEC, cgroups_path),
	{.name = "namespaces", .kind = OCI_CALL, .call = parse_namespaces},
	OCI_MANY(OCI_LIST, "devices", SPEC, devices, .arg = &device_table),
	OCI_MANY(OCI_MAP, "netDevices", SPEC, net_devices, .arg = &net_device_table),
	OCI_FIELD(OCI_CALL, "rootfsPropagation", SPEC, rootfs_propagation,
		  .call = parse_propagation),
	OCI_MANY(OCI_STRS, "maskedPaths", SPEC, masked_paths, .flags = OCI_ABSOLUTE),
	OCI_MANY(OCI_STRS, "readonlyPaths", SPEC, readonly_paths, .flags = OCI_ABSOLUTE),
	OCI_FIELD(OCI_STR, "mountLabel", SPEC, mount_label),
	{.name = "intelRdt",
	 .kind = OCI_OBJECT,
	 .arg = &rdt_table,
	 .count = offsetof(SPEC, intel_rdt.set)},
	OCI_FIELD(OCI_CALL, "seccomp", SPEC, seccomp, .call = oci_seccomp),
	{.name = "memoryPolicy", .kind = OCI_CALL, .call = parse_mempolicy},
	{.name = "personality", .kind = OCI_OBJECT, .arg = &personality_table},
	{.name = "timeOffsets", .kind = OCI_CALL, .call = parse_offsets},
};
const struct oci_table oci_linux_table = OCI_TABLE(linux_fields, .check = check_linux);
