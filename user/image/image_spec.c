// SPDX-License-Identifier: BSD-2-Clause
/* From a YAML document to struct rast_image_spec; see image_spec.h. */
#include "image/image_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_FIELDS "path", "mode", "content", "source", "owner"

/* What base-passwd has and packages of servers expect. */
static const struct rast_image_user builtin[] = {
	{"root", "/root", 0, 0},
	{"daemon", "/usr/sbin", 1, 1},
	{"www-data", "/var/www", 33, 33},
	{"nobody", "/nonexistent", 65534, 65534},
};

bool rast_image_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n &&
	       name[0] != '-' && name[0] != '.' && name[n - 1] != '-' && name[n - 1] != '.' &&
	       !strstr(name, "..");
}

int rast_image_path_clean(const char *path, bool absolute, char ret[RAST_IMAGE_PATH_MAX])
{
	static const char *const merged[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
	char out[RAST_IMAGE_PATH_MAX];
	size_t len = 0;
	bool first = true;

	if ((*path == '/') != absolute)
		return -EINVAL;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2))
			return -EINVAL;
		if (n && !(n == 1 && *path == '.')) {
			const char *usr = "";

			for (size_t i = 0; first && i < sizeof(merged) / sizeof(*merged); i++)
				if (strlen(merged[i]) == n && !strncmp(path, merged[i], n))
					usr = "usr/";
			if (len + n + 6 > sizeof(out))
				return -ENAMETOOLONG;
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s%.*s",
						len ? "/" : "", usr, (int)n, path);
			first = false;
		}
		path += n;
		path += *path == '/';
	}
	if (!len)
		return -EINVAL;
	memcpy(ret, out, len + 1);
	return 0;
}

static int take_path(const struct rast_yaml_node *map, char **ret, struct rast_err *err)
{
	char clean[RAST_IMAGE_PATH_MAX];
	const char *text = NULL;
	int r;

	r = rast_yaml_str(map, "path", true, &text, err);
	if (r < 0)
		return r;
	if (rast_image_path_clean(text, true, clean) < 0)
		return rast_yaml_err(rast_yaml_get(map, "path"), err,
				     "want an absolute path without \"..\", other than /");
	*ret = strdup(clean);
	return *ret ? 0 : rast_err_set(err, ENOMEM, "out of memory");
}

/* A mode or an owner may be written with or without quotes: 0644, "0644", 33. */
static int take_scalar(const struct rast_yaml_node *map, const char *key, const char **ret,
		       struct rast_err *err)
{
	const struct rast_yaml_node *n = rast_yaml_get(map, key);
	int r = n ? rast_yaml_want(n, RAST_YAML_SCALAR, err) : 0;

	if (!r && n)
		*ret = n->value;
	return r;
}

static int take_mode(const struct rast_yaml_node *map, uint32_t *mode, struct rast_err *err)
{
	const char *text = NULL;
	unsigned long v;
	char *end;
	int r;

	r = take_scalar(map, "mode", &text, err);
	if (r < 0 || !text)
		return r;
	/* YAML 1.2 writes octal 0o644; in a mode everybody means 0644 by 0644. */
	v = strtoul(!strncmp(text, "0o", 2) ? text + 2 : text, &end, 8);
	if (*end || end == text || v > 01777)
		return rast_yaml_err(rast_yaml_get(map, "mode"), err,
				     "want an octal mode such as \"0644\", at most 1777");
	*mode = (uint32_t)v;
	return 0;
}

static int take_id(const char *text, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	v = strtoul(text, &end, 10);
	if (*end || v >= 0xffffffffu)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* "NAME", "NAME:GROUP", "UID", "UID:GID"; a group of a name is that user's. */
static int take_owner(const struct rast_image_spec *s, const struct rast_yaml_node *map,
		      const char *key, uint32_t *uid, uint32_t *gid, struct rast_err *err)
{
	const char *text = NULL, *group;
	char name[64];
	int r;

	r = take_scalar(map, key, &text, err);
	if (r < 0 || !text)
		return r;
	group = strchr(text, ':');
	(void)snprintf(name, sizeof(name), "%.*s", group ? (int)(group - text) : 63, text);
	group = group ? group + 1 : NULL;
	r = take_id(name, uid);
	*gid = r ? 0 : *uid;
	for (size_t i = 0; r && i < s->n_users; i++)
		if (!strcmp(s->users[i].name, name)) {
			*uid = s->users[i].uid;
			*gid = s->users[i].gid;
			r = 0;
		}
	if (!r && group) {
		r = take_id(group, gid);
		for (size_t i = 0; r && i < s->n_users; i++)
			if (!strcmp(s->users[i].name, group)) {
				*gid = s->users[i].gid;
				r = 0;
			}
	}
	if (r)
		return rast_yaml_err(rast_yaml_get(map, key), err,
				     "no user \"%.40s\" in this image (see spec.users)", text);
	return 0;
}

static int parse_users(struct rast_image_spec *s, const struct rast_yaml_node *list,
		       struct rast_err *err)
{
	static const char *const fields[] = {"name", "uid", "gid", "home", NULL};
	size_t n = ARRAY_SIZE(builtin);
	int r;

	s->users = calloc(n + (list ? list->count : 0), sizeof(*s->users));
	if (!s->users)
		return rast_err_set(err, ENOMEM, "out of memory");
	memcpy(s->users, builtin, sizeof(builtin));
	s->n_users = n;
	rast_yaml_foreach(u, list) {
		struct rast_image_user *out = &s->users[s->n_users];
		int64_t uid = 0, gid = -1;
		size_t len;

		if ((r = rast_yaml_want(u, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(u, fields, err)) < 0 ||
		    (r = rast_yaml_str(u, "name", true, &out->name, err)) < 0 ||
		    (r = rast_yaml_int(u, "uid", true, 0, 0xfffffffe, &uid, err)) < 0 ||
		    (r = rast_yaml_int(u, "gid", false, 0, 0xfffffffe, &gid, err)) < 0)
			return r;
		out->home = "/nonexistent";
		r = rast_yaml_str(u, "home", false, &out->home, err);
		if (r < 0)
			return r;
		len = strlen(out->name);
		if (!len || len > 31 || *out->name == '-' ||
		    strspn(out->name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len)
			return rast_yaml_err(rast_yaml_get(u, "name"), err,
					     "want a user name of a-z, 0-9, _ and -");
		if (*out->home != '/' || strpbrk(out->home, ":\n"))
			return rast_yaml_err(rast_yaml_get(u, "home"), err,
					     "want an absolute path");
		for (size_t i = 0; i < s->n_users; i++)
			if (!strcmp(s->users[i].name, out->name))
				return rast_yaml_err(rast_yaml_get(u, "name"), err,
						     "user %s is there already", out->name);
		out->uid = (uint32_t)uid;
		out->gid = gid < 0 ? out->uid : (uint32_t)gid;
		s->n_users++;
	}
	return 0;
}

static int parse_packages(struct rast_image_spec *s, const struct rast_yaml_node *list,
			  struct rast_err *err)
{
	int r;

	s->packages = calloc(list ? list->count + 1 : 1, sizeof(*s->packages));
	if (!s->packages)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_yaml_foreach(p, list) {
		size_t n;

		r = rast_yaml_want(p, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		/* Debian policy 5.6.1 and 5.6.12; and it becomes an argument of apt-get. */
		n = strspn(p->value, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
		if (n >= 2 && p->value[n] == '=' && p->value[n + 1])
			n += 1 + strspn(p->value + n + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"
							  "NOPQRSTUVWXYZ0123456789+-.~:");
		if (n < 2 || p->value[n] || strchr("+-.", p->value[0]))
			return rast_yaml_err(p, err,
					     "\"%.60s\" is no Debian package name (NAME or "
					     "NAME=VERSION)",
					     p->value);
		/* apt-get reads "NAME-" as: remove it. */
		if (p->value[strlen(p->value) - 1] == '-')
			return rast_yaml_err(p, err, "\"%.60s\" ends with -", p->value);
		s->packages[s->n_packages++] = (struct rast_image_package){p->value, p};
	}
	return 0;
}

static int find_source(const struct rast_yaml_node *map, const char *source,
		       const char *const *search, size_t n_search, char **ret, struct rast_err *err)
{
	const char *file = rast_yaml_file(map->doc), *slash = strrchr(file, '/');
	char path[4096];

	for (size_t i = 0; i <= n_search; i++) {
		int n;

		if (*source == '/')
			n = snprintf(path, sizeof(path), "%s", source);
		else if (i == 0)
			n = snprintf(path, sizeof(path), "%.*s%s",
				     slash ? (int)(slash - file) + 1 : 0, file, source);
		else
			n = snprintf(path, sizeof(path), "%s/%s", search[i - 1], source);
		if (n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0) {
			*ret = strdup(path);
			return *ret ? 0 : rast_err_set(err, ENOMEM, "out of memory");
		}
	}
	return rast_yaml_err(rast_yaml_get(map, "source"), err, "no file %s beside this file%s",
			     source,
			     n_search ? " nor in the folders given by -I"
				      : " (other folders can be given by -I)");
}

static int parse_files(struct rast_image_spec *s, const struct rast_yaml_node *list,
		       const char *const *search, size_t n_search, struct rast_err *err)
{
	static const char *const fields[] = {FILE_FIELDS, NULL};
	int r;

	s->files = calloc(list ? list->count + 1 : 1, sizeof(*s->files));
	if (!s->files)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_yaml_foreach(f, list) {
		struct rast_image_file *out = &s->files[s->n_files++];
		const char *source = NULL;

		out->mode = 0644;
		out->node = f;
		if ((r = rast_yaml_want(f, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(f, fields, err)) < 0 ||
		    (r = take_path(f, &out->path, err)) < 0 ||
		    (r = take_mode(f, &out->mode, err)) < 0 ||
		    (r = take_owner(s, f, "owner", &out->uid, &out->gid, err)) < 0 ||
		    (r = rast_yaml_str(f, "content", false, &out->content, err)) < 0 ||
		    (r = rast_yaml_str(f, "source", false, &source, err)) < 0)
			return r;
		if (!out->content == !source)
			return rast_yaml_err(f, err, "want either content or source");
		if (source)
			r = find_source(f, source, search, n_search, &out->source, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_dirs(struct rast_image_spec *s, const struct rast_yaml_node *list,
		      struct rast_err *err)
{
	static const char *const fields[] = {"path", "mode", "owner", NULL};
	int r;

	s->dirs = calloc(list ? list->count + 1 : 1, sizeof(*s->dirs));
	if (!s->dirs)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_yaml_foreach(d, list) {
		struct rast_image_dir *out = &s->dirs[s->n_dirs++];

		out->mode = 0755;
		out->node = d;
		if ((r = rast_yaml_want(d, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(d, fields, err)) < 0 ||
		    (r = take_path(d, &out->path, err)) < 0 ||
		    (r = take_mode(d, &out->mode, err)) < 0 ||
		    (r = take_owner(s, d, "owner", &out->uid, &out->gid, err)) < 0)
			return r;
	}
	return 0;
}

static int parse_links(struct rast_image_spec *s, const struct rast_yaml_node *list,
		       struct rast_err *err)
{
	static const char *const fields[] = {"path", "target", NULL};
	int r;

	s->links = calloc(list ? list->count + 1 : 1, sizeof(*s->links));
	if (!s->links)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_yaml_foreach(l, list) {
		struct rast_image_link *out = &s->links[s->n_links++];

		if ((r = rast_yaml_want(l, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(l, fields, err)) < 0 ||
		    (r = take_path(l, &out->path, err)) < 0 ||
		    (r = rast_yaml_str(l, "target", true, &out->target, err)) < 0)
			return r;
		if (!*out->target)
			return rast_yaml_err(rast_yaml_get(l, "target"), err, "is empty");
	}
	return 0;
}

static int parse_remove(struct rast_image_spec *s, const struct rast_yaml_node *list,
			struct rast_err *err)
{
	s->remove = calloc(list ? list->count + 1 : 1, sizeof(*s->remove));
	if (!s->remove)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_yaml_foreach(g, list) {
		int r = rast_yaml_want(g, RAST_YAML_SCALAR, err);

		if (r < 0)
			return r;
		if (g->value[0] != '/' || !g->value[1])
			return rast_yaml_err(g, err, "want a pattern such as /usr/share/perl*");
		s->remove[s->n_remove++] = g->value + 1;
	}
	return 0;
}

/* env as pods have it: a list of {name, value}. */
static int parse_env(json_t *config, const struct rast_yaml_node *list, struct rast_err *err)
{
	static const char *const fields[] = {"name", "value", NULL};
	json_t *env = json_array();
	int r = json_object_set_new(config, "env", env);

	rast_yaml_foreach(e, list) {
		const char *name = NULL, *value = "";

		if ((r = rast_yaml_want(e, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(e, fields, err)) < 0 ||
		    (r = rast_yaml_str(e, "name", true, &name, err)) < 0 ||
		    (r = rast_yaml_str(e, "value", false, &value, err)) < 0)
			return r;
		if (!*name || strchr(name, '='))
			return rast_yaml_err(rast_yaml_get(e, "name"), err,
					     "want a name without \"=\"");
		r = json_array_append_new(env, json_sprintf("%s=%s", name, value));
	}
	return r ? rast_err_set(err, ENOMEM, "out of memory") : 0;
}

static int parse_config(struct rast_image_spec *s, const struct rast_yaml_node *spec,
			struct rast_err *err)
{
	const struct rast_yaml_node *command = NULL, *env = NULL, *ports = NULL;
	const char *workdir = "/";
	json_t *list, *plist;
	uint32_t uid = 0, gid = 0;
	int r;

	if ((r = rast_yaml_seq(spec, "command", false, &command, err)) < 0 ||
	    (r = rast_yaml_seq(spec, "env", false, &env, err)) < 0 ||
	    (r = rast_yaml_seq(spec, "ports", false, &ports, err)) < 0 ||
	    (r = rast_yaml_str(spec, "workingDir", false, &workdir, err)) < 0 ||
	    (r = take_owner(s, spec, "user", &uid, &gid, err)) < 0)
		return r;
	if (*workdir != '/')
		return rast_yaml_err(rast_yaml_get(spec, "workingDir"), err,
				     "want an absolute path");
	s->config = json_pack("{s:[],s:o,s:s,s:[]}", "command", "user",
			      json_sprintf("%u:%u", uid, gid), "working_dir", workdir, "ports");
	if (!s->config)
		return rast_err_set(err, ENOMEM, "out of memory");
	list = json_object_get(s->config, "command");
	plist = json_object_get(s->config, "ports");
	rast_yaml_foreach(c, command) {
		r = rast_yaml_want(c, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		if (json_array_append_new(list, json_string(c->value)))
			return rast_yaml_err(c, err, "is not UTF-8");
	}
	rast_yaml_foreach(p, ports) {
		uint32_t port = 0;

		r = rast_yaml_want(p, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		if (take_id(p->value, &port) < 0 || !port || port > 65535)
			return rast_yaml_err(p, err, "want a port from 1 to 65535");
		if (json_array_append_new(plist, json_integer(port)))
			return rast_err_set(err, ENOMEM, "out of memory");
	}
	return parse_env(s->config, env, err);
}

static int parse(struct rast_image_spec *s, const struct rast_yaml_node *doc,
		 const char *const *search, size_t n_search, struct rast_err *err)
{
	static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", NULL};
	static const char *const meta[] = {"name", "labels", "annotations", NULL};
	static const char *const fields[] = {"packages", "links",      "files",   "directories",
					     "users",    "remove",     "command", "env",
					     "user",     "workingDir", "ports",   NULL};
	const struct rast_yaml_node *m = NULL, *spec = NULL, *list[6] = {0};
	const char *version = NULL, *kind = NULL;
	int r;

	if ((r = rast_yaml_want(doc, RAST_YAML_MAP, err)) < 0 ||
	    (r = rast_yaml_str(doc, "apiVersion", true, &version, err)) < 0 ||
	    (r = rast_yaml_str(doc, "kind", true, &kind, err)) < 0)
		return r;
	if (strcmp(version, "rast.os/v1") || strcmp(kind, "Image"))
		return rast_yaml_err(doc, err,
				     "want apiVersion rast.os/v1 and kind Image, not %s %s",
				     version, kind);
	if ((r = rast_yaml_check_fields(doc, top, err)) < 0 ||
	    (r = rast_yaml_map(doc, "metadata", true, &m, err)) < 0 ||
	    (r = rast_yaml_check_fields(m, meta, err)) < 0 ||
	    (r = rast_yaml_str(m, "name", true, &s->name, err)) < 0 ||
	    (r = rast_yaml_map(doc, "spec", true, &spec, err)) < 0 ||
	    (r = rast_yaml_check_fields(spec, fields, err)) < 0)
		return r;
	if (!rast_image_name_valid(s->name))
		return rast_yaml_err(rast_yaml_get(m, "name"), err,
				     "\"%.40s\": want at most 63 of a-z, 0-9, - and .", s->name);
	if ((r = rast_yaml_seq(spec, "packages", false, &list[0], err)) < 0 ||
	    (r = rast_yaml_seq(spec, "files", false, &list[1], err)) < 0 ||
	    (r = rast_yaml_seq(spec, "directories", false, &list[2], err)) < 0 ||
	    (r = rast_yaml_seq(spec, "users", false, &list[3], err)) < 0 ||
	    (r = rast_yaml_seq(spec, "remove", false, &list[4], err)) < 0 ||
	    (r = rast_yaml_seq(spec, "links", false, &list[5], err)) < 0)
		return r;
	if ((r = parse_users(s, list[3], err)) < 0 || (r = parse_packages(s, list[0], err)) < 0 ||
	    (r = parse_files(s, list[1], search, n_search, err)) < 0 ||
	    (r = parse_dirs(s, list[2], err)) < 0 || (r = parse_links(s, list[5], err)) < 0 ||
	    (r = parse_remove(s, list[4], err)) < 0)
		return r;
	if (!s->n_packages && !s->n_files)
		return rast_yaml_err(spec, err, "an image needs packages or files");
	return parse_config(s, spec, err);
}

int rast_image_spec_parse(const struct rast_yaml_node *doc, const char *const *search,
			  size_t n_search, struct rast_image_spec **ret, struct rast_err *err)
{
	struct rast_image_spec *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rast_err_set(err, ENOMEM, "out of memory");
	s->node = doc;
	r = parse(s, doc, search, n_search, err);
	if (r < 0)
		rast_image_spec_destroy(s);
	else
		*ret = s;
	return r;
}

void rast_image_spec_destroy(struct rast_image_spec *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_files; i++) {
		free(s->files[i].path);
		free(s->files[i].source);
	}
	for (size_t i = 0; i < s->n_dirs; i++)
		free(s->dirs[i].path);
	for (size_t i = 0; i < s->n_links; i++)
		free(s->links[i].path);
	free(s->links);
	free(s->packages);
	free(s->users);
	free(s->files);
	free(s->dirs);
	free(s->remove);
	json_decref(s->config);
	free(s);
}
