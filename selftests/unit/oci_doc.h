/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of config.json share: a small document, changes to it at a path, and rows that hold a
 * change and the whole error. For one C file of a test each; cmocka is included before this.
 */
#ifndef RAST_TEST_OCI_DOC_H
#define RAST_TEST_OCI_DOC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/spec.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char small[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
	"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{}},\"hooks\":{},"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"uts\"},"
	"{\"type\":\"ipc\"},{\"type\":\"network\"},{\"type\":\"cgroup\"},{\"type\":\"time\"}],"
	"\"resources\":{}}}";

static inline int parse(const char *text, struct rast_oci_spec **ret, struct rast_err *err)
{
	char *copy = strdup(text);
	int r;

	assert_non_null(copy);
	r = rast_oci_spec_parse("config.json", copy, strlen(copy), ret, err);
	free(copy);
	return r;
}

static inline struct rast_oci_spec *must_parse(const char *text)
{
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};
	char buf[1024];

	if (parse(text, &spec, &err) < 0)
		fail_msg("%s\n%s", rast_err_format(&err, buf, sizeof(buf)), text);
	return spec;
}

/* Sets "a.b.c" of an object; the objects on the way are made. Value NULL: deletes. */
static inline void set_path(json_t *doc, const char *path, const char *value)
{
	const char *dot = strchr(path, '.');
	char key[64];
	json_t *v;

	if (dot) {
		(void)snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
		if (!json_object_get(doc, key))
			json_object_set_new(doc, key, json_object());
		set_path(json_object_get(doc, key), dot + 1, value);
		return;
	}
	if (!value) {
		json_object_del(doc, path);
		return;
	}
	v = json_loads(value, JSON_DECODE_ANY, NULL);
	if (!v)
		fail_msg("the test's own JSON is wrong: %s", value);
	json_object_set_new(doc, path, v);
}

/* error NULL: taken; otherwise what follows "config.json: ". Up to two changes of `small`. */
struct row {
	const char *path, *value, *error, *path2, *value2;
};

static inline void check_rows(const struct row *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *doc = json_loads(small, 0, NULL);
		struct rast_oci_spec *spec = NULL;
		struct rast_err err = {0};
		char got[1024] = "", want[1024], *text;
		int r;

		set_path(doc, t[i].path, t[i].value);
		if (t[i].path2)
			set_path(doc, t[i].path2, t[i].value2);
		text = json_dumps(doc, 0);
		r = parse(text, &spec, &err);
		if (r < 0)
			rast_err_format(&err, got, sizeof(got));
		(void)snprintf(want, sizeof(want), "%s%s", t[i].error ? "config.json: " : "",
			       t[i].error ? t[i].error : "");
		if (strcmp(got, want) != 0)
			fail_msg("got:  %s\nwant: %s\nfor:  %s = %s\n%s", got, want, t[i].path,
				 t[i].value ? t[i].value : "(absent)", text);
		assert_int_equal(r, t[i].error ? -EINVAL : 0);
		assert_true(!spec == !!t[i].error);
		rast_oci_spec_destroy(spec);
		free(text);
		json_decref(doc);
	}
}
#define CHECK_ROWS(t) check_rows(t, sizeof(t) / sizeof((t)[0]))

#endif
