// SPDX-License-Identifier: BSD-2-Clause
/* The key under which a manifest is filed. */
#include "vector/config_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A slash inside a part would make two manifests share a key. */
static int check_part(const char *field, const char *v, struct rast_err *err)
{
	if (!*v)
		return rast_err_at(err, EINVAL, NULL, 0, 0, field, "missing");
	if (strchr(v, '/'))
		return rast_err_at(err, EINVAL, NULL, 0, 0, field, "\"%.64s\" has a slash", v);
	return 0;
}

int rast_config_key(const json_t *manifest, char *buf, size_t size, struct rast_err *err)
{
	const json_t *meta = json_object_get(manifest, "metadata");
	const char *kind = rast_json_str(manifest, "kind");
	const char *name = rast_json_str(meta, "name");
	const char *ns = rast_json_str(meta, "namespace");
	int r;

	if (!json_is_object(manifest))
		return rast_err_set(err, EINVAL, "not a manifest: it must be a map");
	if (!*ns)
		ns = "default";
	r = check_part("kind", kind, err);
	if (!r)
		r = check_part("metadata.name", name, err);
	if (!r)
		r = check_part("metadata.namespace", ns, err);
	if (r < 0)
		return r;
	if ((size_t)snprintf(buf, size, "%s/%s/%s", kind, ns, name) >= size)
		return rast_err_set(err, EINVAL, "kind, namespace and name are too long together");
	return 0;
}
