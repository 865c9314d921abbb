// SPDX-License-Identifier: BSD-2-Clause
/* What the specification says about several fields of config.json together. */
#include "oci/spec_json.h"

#include <linux/sched.h>
#include <string.h>

static uint64_t namespaces(const struct rast_oci_spec *s)
{
	return s->ns_new | s->ns_join;
}

/* A field that is for a namespace of the container's own, and whether it is there. */
static bool has_hostname(const struct rast_oci_spec *s)
{
	return s->hostname;
}
static bool has_domainname(const struct rast_oci_spec *s)
{
	return s->domainname;
}
static bool has_uid_maps(const struct rast_oci_spec *s)
{
	return s->n_uid_maps;
}
static bool has_gid_maps(const struct rast_oci_spec *s)
{
	return s->n_gid_maps;
}
static bool has_offsets(const struct rast_oci_spec *s)
{
	return s->monotonic.set || s->boottime.set;
}
static bool has_masked(const struct rast_oci_spec *s)
{
	return s->n_masked_paths;
}
static bool has_readonly(const struct rast_oci_spec *s)
{
	return s->n_readonly_paths;
}
static bool has_net_devices(const struct rast_oci_spec *s)
{
	return s->n_net_devices;
}

static const struct {
	bool os; /* below "linux" */
	const char *field;
	bool (*there)(const struct rast_oci_spec *s);
	enum rast_oci_ns ns;
} needs[] = {
	{false, "hostname", has_hostname, RAST_OCI_NS_UTS},
	{false, "domainname", has_domainname, RAST_OCI_NS_UTS},
	{true, "uidMappings", has_uid_maps, RAST_OCI_NS_USER},
	{true, "gidMappings", has_gid_maps, RAST_OCI_NS_USER},
	{true, "timeOffsets", has_offsets, RAST_OCI_NS_TIME},
	{true, "maskedPaths", has_masked, RAST_OCI_NS_MOUNT},
	{true, "readonlyPaths", has_readonly, RAST_OCI_NS_MOUNT},
	{true, "netDevices", has_net_devices, RAST_OCI_NS_NETWORK},
};

static const struct oci_at os = {NULL, "linux", 0};

static int check_needs(struct oci_load *l)
{
	const struct rast_oci_spec *s = l->spec;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct rast_oci_ns_kind *k = &rast_oci_ns_kinds[needs[i].ns];
		const struct oci_at at = {needs[i].os ? &os : NULL, needs[i].field, 0};

		if (needs[i].there(s) && !(namespaces(s) & k->flag))
			return oci_fail(l, &at, "needs a namespace of type %s in linux.namespaces",
					k->name);
	}
	return 0;
}

/* Below the cgroup mount, wherever that is: no way up. */
static int check_cgroups_path(struct oci_load *l)
{
	const struct oci_at at = {&os, "cgroupsPath", 0};
	const char *p = l->spec->cgroups_path;

	for (; p && *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2))
			return oci_fail(l, &at, "\"%.80s\" has \"..\" in it",
					l->spec->cgroups_path);
		p += n;
	}
	return 0;
}

/* ---- sysctl ---- */

/* Which namespace a setting belongs to; a name that ends in "." is a beginning. */
static const struct {
	const char *name;
	enum rast_oci_ns ns;
} sysctls[] = {
	{"kernel.msgmax", RAST_OCI_NS_IPC},   {"kernel.msgmnb", RAST_OCI_NS_IPC},
	{"kernel.msgmni", RAST_OCI_NS_IPC},   {"kernel.sem", RAST_OCI_NS_IPC},
	{"kernel.shmall", RAST_OCI_NS_IPC},   {"kernel.shmmax", RAST_OCI_NS_IPC},
	{"kernel.shmmni", RAST_OCI_NS_IPC},   {"kernel.shm_rmid_forced", RAST_OCI_NS_IPC},
	{"fs.mqueue.", RAST_OCI_NS_IPC},      {"net.", RAST_OCI_NS_NETWORK},
	{"kernel.hostname", RAST_OCI_NS_UTS}, {"kernel.domainname", RAST_OCI_NS_UTS},
	{"user.", RAST_OCI_NS_USER},
};

static bool is_sysctl(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	return pattern[n - 1] == '.' ? !strncmp(name, pattern, n) : !strcmp(name, pattern);
}

static int check_sysctls(struct oci_load *l)
{
	const struct oci_at map = {&os, "sysctl", 0};
	const struct rast_oci_spec *s = l->spec;
	size_t i, k;

	for (i = 0; i < s->n_sysctls; i++) {
		const char *name = s->sysctls[i].key;
		const struct oci_at at = {&map, name, 0};
		const struct rast_oci_ns_kind *ns;

		for (k = 0; k < ARRAY_SIZE(sysctls) && !is_sysctl(sysctls[k].name, name);)
			k++;
		if (k == ARRAY_SIZE(sysctls))
			return oci_fail(l, &at,
					"is a setting of the whole machine, not of a "
					"namespace");
		ns = &rast_oci_ns_kinds[sysctls[k].ns];
		if (!(namespaces(s) & ns->flag))
			return oci_fail(l, &at, "needs a namespace of type %s in linux.namespaces",
					ns->name);
		if ((!strcmp(name, "kernel.hostname") && s->hostname) ||
		    (!strcmp(name, "kernel.domainname") && s->domainname))
			return oci_fail(l, &at, "is set by \"%s\" as well", strchr(name, '.') + 1);
	}
	return 0;
}

/* ---- ids ---- */

static bool mapped(const struct rast_oci_idmap *m, size_t n, uint32_t id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (id >= m[i].container_id && id - m[i].container_id < m[i].size)
			return true;
	return !n;
}

static int check_ids(struct oci_load *l)
{
	const struct oci_at process = {NULL, "process", 0}, user = {&process, "user", 0};
	const struct oci_at uid = {&user, "uid", 0}, gid = {&user, "gid", 0};
	const struct oci_at mounts = {NULL, "mounts", 0};
	const struct rast_oci_spec *s = l->spec;
	size_t i;

	if (!s->n_uid_maps != !s->n_gid_maps)
		return oci_fail(l, &os,
				"has mappings of only one kind: want uidMappings and "
				"gidMappings");
	if (s->has_process && !mapped(s->uid_maps, s->n_uid_maps, s->process.uid))
		return oci_fail(l, &uid, "%u is not in linux.uidMappings", s->process.uid);
	if (s->has_process && !mapped(s->gid_maps, s->n_gid_maps, s->process.gid))
		return oci_fail(l, &gid, "%u is not in linux.gidMappings", s->process.gid);
	for (i = 0; i < s->n_mounts; i++) {
		const struct oci_at at = {&mounts, NULL, i};

		if ((s->mounts[i].flags & RAST_OCI_MOUNT_IDMAP) && !s->mounts[i].n_uid_maps &&
		    !(namespaces(s) & CLONE_NEWUSER))
			return oci_fail(l, &at,
					"idmap without mappings needs a namespace of type user in "
					"linux.namespaces");
	}
	return 0;
}

int oci_rules(struct oci_load *l)
{
	int r = check_needs(l);

	if (!r)
		r = check_cgroups_path(l);
	if (!r)
		r = check_sysctls(l);
	if (!r)
		r = check_ids(l);
	return r ? r : oci_idmap_resolve(l);
}
