// SPDX-License-Identifier: BSD-2-Clause
/* Loading of config.json: text, document, structure; see spec.h. The parts are in spec_*.c. */
#include "oci/spec.h"

#include "base/fd.h"
#include "oci/spec_json.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* MAJOR.MINOR.PATCH with perhaps -PRERELEASE and +BUILD. */
static bool is_semver(const char *s, unsigned long *ret_major)
{
	int i;

	for (i = 0; i < 3; i++) {
		size_t n = strspn(s, "0123456789");

		if (!n || n > 9 || (n > 1 && s[0] == '0'))
			return false;
		if (!i)
			*ret_major = strtoul(s, NULL, 10);
		s += n;
		if (i < 2 && *s++ != '.')
			return false;
	}
	return !*s || ((*s == '-' || *s == '+') && s[1]);
}

static int parse_version(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	unsigned long major = 0;
	const char *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	if (!is_semver(s, &major))
		return oci_fail(l, at, "\"%.40s\" is not a version such as 1.2.0", s);
	if (major != 1)
		return oci_fail(l, at, "%.40s: only 1.x is known", s);
	*(const char **)value = s;
	return 0;
}

#define SPEC struct rast_oci_spec
static const struct oci_field root_fields[] = {
	OCI_FIELD(OCI_STR, "path", SPEC, root_path, .flags = OCI_REQUIRED | OCI_NONEMPTY),
	OCI_FIELD(OCI_BOOL, "readonly", SPEC, root_readonly),
};
static const struct oci_table root_table = OCI_TABLE(root_fields);

#define HOOKS(name_, point)                                                                  \
	{                                                                                    \
		.name = (name_), .kind = OCI_LIST, .offset = offsetof(SPEC, hooks[point].v), \
		.count = offsetof(SPEC, hooks[point].n), .arg = &oci_hook_table              \
	}
static const struct oci_field hooks_fields[] = {
	HOOKS("prestart", RAST_OCI_PRESTART),
	HOOKS("createRuntime", RAST_OCI_CREATE_RUNTIME),
	HOOKS("createContainer", RAST_OCI_CREATE_CONTAINER),
	HOOKS("startContainer", RAST_OCI_START_CONTAINER),
	HOOKS("poststart", RAST_OCI_POSTSTART),
	HOOKS("poststop", RAST_OCI_POSTSTOP),
};
static const struct oci_table hooks_table = OCI_TABLE(hooks_fields);

static const struct oci_field spec_fields[] = {
	OCI_FIELD(OCI_CALL, "ociVersion", SPEC, version, .flags = OCI_REQUIRED,
		  .call = parse_version),
	OCI_FIELD(OCI_OBJECT, "process", SPEC, process, .arg = &oci_process_table,
		  .count = offsetof(SPEC, has_process)),
	{.name = "root", .kind = OCI_OBJECT, .flags = OCI_REQUIRED, .arg = &root_table},
	OCI_FIELD(OCI_STR, "hostname", SPEC, hostname),
	OCI_FIELD(OCI_STR, "domainname", SPEC, domainname),
	OCI_MANY(OCI_LIST, "mounts", SPEC, mounts, .arg = &oci_mount_table),
	{.name = "hooks", .kind = OCI_OBJECT, .arg = &hooks_table},
	OCI_MANY(OCI_KVS, "annotations", SPEC, annotations),
	{.name = "linux", .kind = OCI_OBJECT, .arg = &oci_linux_table},
};
static const struct oci_table spec_table = OCI_TABLE(spec_fields);

static int read_spec(struct oci_load *l, json_t *doc)
{
	int r = oci_object(l, NULL, doc, &spec_table, l->spec);

	if (!r)
		r = oci_landlock(l);
	return r ? r : oci_rules(l);
}

static int read_resources(struct oci_load *l, json_t *doc)
{
	l->spec->has_resources = true;
	return oci_object(l, NULL, doc, &oci_resources_table, &l->spec->resources);
}

static int read_process(struct oci_load *l, json_t *doc)
{
	l->spec->has_process = true;
	return oci_object(l, NULL, doc, &oci_process_table, &l->spec->process);
}

static const struct oci_field mounts_fields[] = {
	OCI_MANY(OCI_LIST, "mounts", SPEC, mounts, .flags = OCI_REQUIRED, .arg = &oci_mount_table),
};
static const struct oci_table mounts_table = OCI_TABLE(mounts_fields);
static const struct oci_field places_fields[] = {
	OCI_MANY(OCI_LIST, "mounts", SPEC, mounts, .flags = OCI_REQUIRED,
		 .arg = &oci_mount_place_table),
};
static const struct oci_table places_table = OCI_TABLE(places_fields);

static int read_mounts(struct oci_load *l, json_t *doc)
{
	json_t *object = json_is_array(doc) ? json_pack("{s:O}", "mounts", doc) : json_incref(doc);
	const struct rast_oci_spec *c = l->container;
	struct rast_oci_spec *s = l->spec;
	int r;

	if (c) {
		s->ns_new = c->ns_new;
		s->ns_join = c->ns_join;
		s->uid_maps = c->uid_maps;
		s->gid_maps = c->gid_maps;
		s->n_uid_maps = c->n_uid_maps;
		s->n_gid_maps = c->n_gid_maps;
	}
	r = oci_object(l, NULL, object, c ? &mounts_table : &places_table, s);
	/* What is in it lives on in the document. */
	json_decref(object);
	return r ? r : oci_rules(l);
}

typedef int read_fn(struct oci_load *l, json_t *doc);

static int list_warnings(struct oci_load *l)
{
	const struct oci_warning *w;
	const char **out;
	size_t n = 0;

	if (!l->warnings)
		return 0;
	out = oci_alloc(l, (l->spec->n_warnings + 1) * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (w = l->warnings; w; w = w->next)
		out[n++] = w->text;
	l->spec->warnings = out;
	return 0;
}

/* jansson says of NUL which flag of its own would allow it. */
static int syntax_error(const char *file, const json_error_t *e, struct rast_err *err)
{
	const char *near = strstr(e->text, " near ");
	bool nul = json_error_code(e) == json_error_null_character ||
		   json_error_code(e) == json_error_null_byte_in_key;

	return rast_err_at(err, EINVAL, file, e->line, e->column, NULL, "%s%s",
			   nul ? "\\u0000 is in a string" : e->text, nul && near ? near : "");
}

static int parse(const char *file, char *text, size_t len, read_fn *read_doc,
		 const struct rast_oci_spec *container, struct rast_oci_spec **ret,
		 struct rast_err *err)
{
	struct oci_owner *o = calloc(1, sizeof(*o));
	_cleanup_free_ uint64_t *big = NULL;
	struct oci_load l = {.file = file, .owner = o, .container = container, .err = err};
	json_error_t jerr;
	int r;

	if (!o)
		return rast_err_sys(err, ENOMEM, "%s", file);
	l.spec = &o->spec;
	l.last_warning = &l.warnings;
	if (len > RAST_OCI_MAX_TEXT) {
		r = rast_err_at(err, EFBIG, file, 0, 0, NULL, "longer than %u bytes",
				RAST_OCI_MAX_TEXT);
		goto fail;
	}
	r = oci_number_scan(text, len, &big, &l.n_big);
	if (r < 0) {
		(void)rast_err_sys(err, -r, "%s", file);
		goto fail;
	}
	l.big = big;
	o->doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	if (!o->doc) {
		r = syntax_error(file, &jerr, err);
		goto fail;
	}
	r = read_doc(&l, o->doc);
	if (!r)
		r = list_warnings(&l);
	if (r < 0)
		goto fail;
	*ret = &o->spec;
	return 0;
fail:
	oci_owner_free(o);
	return r;
}

/* Standard input, which may be anything that can be read. */
static int read_stdin(char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, len = 0;
	ssize_t n;
	char *p;

	do {
		if (len == size) {
			size = size ? size * 2 : 16384;
			p = realloc(buf, size + 1);
			if (!p)
				return -ENOMEM;
			buf = p;
		}
		n = read(STDIN_FILENO, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > RAST_OCI_MAX_TEXT)
			return -EFBIG;
	} while (n);
	buf[len] = '\0';
	*ret_len = len;
	*ret = TAKE_PTR(buf);
	return 0;
}

static int load(int dirfd, const char *path, read_fn *read_doc,
		const struct rast_oci_spec *container, struct rast_oci_spec **ret,
		struct rast_err *err)
{
	bool in = !strcmp(path, "-");
	const char *slash = strrchr(path, '/');
	const char *file = in ? "standard input" : slash ? slash + 1 : path;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = in ? read_stdin(&text, &len)
		   : rast_read_file(dirfd, path, RAST_OCI_MAX_TEXT, &text, &len);

	if (r == -EFBIG)
		return rast_err_at(err, EFBIG, file, 0, 0, NULL, "longer than %u bytes",
				   RAST_OCI_MAX_TEXT);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", in ? file : path);
	return parse(file, text, len, read_doc, container, ret, err);
}

int rast_oci_spec_load(int dirfd, const char *path, struct rast_oci_spec **ret,
		       struct rast_err *err)
{
	return load(dirfd, path, read_spec, NULL, ret, err);
}

int rast_oci_resources_load(int dirfd, const char *path, struct rast_oci_spec **ret,
			    struct rast_err *err)
{
	return load(dirfd, path, read_resources, NULL, ret, err);
}

int rast_oci_process_load(int dirfd, const char *path, struct rast_oci_spec **ret,
			  struct rast_err *err)
{
	return load(dirfd, path, read_process, NULL, ret, err);
}

int rast_oci_spec_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			struct rast_err *err)
{
	return parse(file, text, len, read_spec, NULL, ret, err);
}

int rast_oci_resources_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			     struct rast_err *err)
{
	return parse(file, text, len, read_resources, NULL, ret, err);
}

int rast_oci_process_parse(const char *file, char *text, size_t len, struct rast_oci_spec **ret,
			   struct rast_err *err)
{
	return parse(file, text, len, read_process, NULL, ret, err);
}

int rast_oci_mounts_load(int dirfd, const char *path, const struct rast_oci_spec *container,
			 struct rast_oci_spec **ret, struct rast_err *err)
{
	return load(dirfd, path, read_mounts, container, ret, err);
}

int rast_oci_mounts_parse(const char *file, char *text, size_t len,
			  const struct rast_oci_spec *container, struct rast_oci_spec **ret,
			  struct rast_err *err)
{
	return parse(file, text, len, read_mounts, container, ret, err);
}

void rast_oci_spec_destroy(struct rast_oci_spec *spec)
{
	if (spec)
		oci_owner_free((struct oci_owner *)spec); /* its first member */
}

const char *rast_oci_annotation(const struct rast_oci_spec *spec, const char *key)
{
	size_t i;

	for (i = 0; i < spec->n_annotations; i++)
		if (!strcmp(spec->annotations[i].key, key))
			return spec->annotations[i].value;
	return NULL;
}

char *rast_oci_annotations_dump(const struct rast_oci_spec *spec)
{
	const struct oci_owner *o = (const struct oci_owner *)spec;
	const json_t *a = json_object_get(o->doc, "annotations");

	return json_is_object(a) ? json_dumps(a, JSON_COMPACT) : strdup("{}");
}
