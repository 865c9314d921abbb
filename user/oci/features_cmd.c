// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci features: what this runtime knows, as features.md of the specification lays it out. */
#include "container/landlock.h"
#include "container/seccomp_profile.h"
#include "oci/oci.h"
#include "oci/spec.h"
#include "oci/systemd.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct oci_opt no_opts[] = {{0}};

static json_t *strings(const char *const *list)
{
	json_t *out = json_array();

	for (; *list; list++)
		(void)json_array_append_new(out, json_string(*list));
	return out;
}

static json_t *names(const struct rast_seccomp_name *list)
{
	json_t *out = json_array();

	for (; list->name; list++)
		(void)json_array_append_new(out, json_string(list->name));
	return out;
}

static json_t *indexed(const char *(*name)(size_t i))
{
	json_t *out = json_array();
	const char *text;
	size_t i;

	for (i = 0; (text = name(i)); i++)
		(void)json_array_append_new(out, json_string(text));
	return out;
}

static json_t *capabilities(void)
{
	json_t *out = json_array();
	const char *name;
	unsigned int i;

	for (i = 0; (name = rast_oci_cap_name(i)); i++)
		(void)json_array_append_new(out, json_string(name));
	return out;
}

static json_t *namespaces(void)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < RAST_OCI_NS_MAX; i++)
		(void)json_array_append_new(out, json_string(rast_oci_ns_kinds[i].name));
	return out;
}

static json_t *linux_features(void)
{
	json_t *seccomp =
		json_pack("{s:b,s:o,s:o,s:o,s:o,s:o}", "enabled", 1, "actions",
			  names(rast_seccomp_actions), "operators", names(rast_seccomp_ops),
			  "archs", names(rast_seccomp_archs), "knownFlags",
			  names(rast_seccomp_flags), "supportedFlags", names(rast_seccomp_flags));

	return json_pack("{s:o,s:o,s:{s:b,s:b,s:b,s:b,s:b},s:o,s:{s:b},s:{s:b},s:{s:b},s:{s:{s:b}},"
			 "s:{s:b},s:{s:b}}",
			 "namespaces", namespaces(), "capabilities", capabilities(), "cgroup", "v1",
			 1, "v2", 1, "systemd", oci_systemd_installed(), "systemdUser",
			 oci_systemd_installed(), "rdma", 1, "seccomp", seccomp, "apparmor",
			 "enabled", 1, "selinux", "enabled", 1, "intelRdt", "enabled", 0,
			 "mountExtensions", "idmap", "enabled", 1, "netDevices", "enabled", 0,
			 "memoryPolicy", "enabled", 1);
}

static int features_run(struct oci *o, const struct oci_args *a)
{
	static const char *const hooks[] = {"prestart",
					    "createRuntime",
					    "createContainer",
					    "startContainer",
					    "poststart",
					    "poststop",
					    NULL};
	_cleanup_json_ json_t *out = NULL;
	char abi[16];

	(void)a;
	(void)snprintf(abi, sizeof(abi), "%d", rast_landlock_abi());
	out = json_pack("{s:s,s:s,s:o,s:o,s:o,s:{s:s,s:s}}", "ociVersionMin", "1.0.0",
			"ociVersionMax", RAST_OCI_SPEC_VERSION, "hooks", strings(hooks),
			"mountOptions", indexed(rast_oci_mount_option_name), "linux",
			linux_features(), "annotations", "rast.os/version", RAST_VERSION,
			RAST_OCI_LANDLOCK ".abi", abi);
	if (!out)
		return rast_err_sys(&o->err, ENOMEM, "features"), OCI_EXIT_FAIL;
	(void)json_dumpf(out, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	return OCI_EXIT_OK;
}

const struct oci_command oci_features_command = {
	"features", "", "print what this runtime supports as JSON", no_opts, 0, 0, features_run};
