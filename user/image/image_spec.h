/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image as its YAML says it (apiVersion rast.os/v1, kind Image), checked: paths clean, names and
 * owners resolved, sources found. Pure but for looking whether a source file is there.
 * docs/man/rastbpf-image.8 has every field.
 */
#ifndef RAST_IMAGE_IMAGE_SPEC_H
#define RAST_IMAGE_IMAGE_SPEC_H

#include "base/err.h"
#include "base/json.h"
#include "base/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_IMAGE_PATH_MAX 1024

struct rast_image_package {
	const char *name; /* "redis-server" or "redis-server=5:7.0.15-1" */
	const struct rast_yaml_node *node;
};

struct rast_image_user {
	const char *name, *home;
	uint32_t uid, gid;
};

struct rast_image_file {
	char *path; /* below the root, without a leading slash */
	uint32_t mode, uid, gid;
	const char *content; /* or NULL, then: */
	char *source;        /* path of a file of the host */
	const struct rast_yaml_node *node;
};

struct rast_image_dir {
	char *path;
	uint32_t mode, uid, gid;
	const struct rast_yaml_node *node;
};

struct rast_image_link {
	char *path;
	const char *target; /* as it will stand in the link */
};

struct rast_image_spec {
	const struct rast_yaml_node *node; /* the document; must outlive this */
	const char *name;
	struct rast_image_package *packages;
	struct rast_image_user *users; /* the built-in ones first */
	struct rast_image_file *files;
	struct rast_image_dir *dirs;
	struct rast_image_link *links;
	const char **remove; /* glob patterns below the root */
	size_t n_packages, n_users, n_files, n_dirs, n_links, n_remove;
	json_t *config; /* {command, env, user, working_dir, ports}: defaults for containers */
};

/* `search`: folders in which a relative `source` is looked for after that of the YAML file itself. */
int rast_image_spec_parse(const struct rast_yaml_node *doc, const char *const *search,
			  size_t n_search, struct rast_image_spec **ret, struct rast_err *err);
void rast_image_spec_destroy(struct rast_image_spec *s);
static inline void rast_image_spec_destroyp(struct rast_image_spec **s)
{
	rast_image_spec_destroy(*s);
}

/* DNS label, as pods have it: what may be a folder's name. */
bool rast_image_name_valid(const char *name);

/*
 * A path as it lies in the image: no "./", "//" or trailing slash, and with /bin, /sbin and /lib* below
 * usr/. `absolute`: must begin with a slash (else: must not). -EINVAL for "..", "" and the root itself,
 * -ENAMETOOLONG.
 */
int rast_image_path_clean(const char *path, bool absolute, char ret[RAST_IMAGE_PATH_MAX]);

#endif
