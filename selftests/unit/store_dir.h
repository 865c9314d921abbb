/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder for a test's store, and items in one line: shared by the tests of the store. */
#ifndef RAST_SELFTESTS_STORE_DIR_H
#define RAST_SELFTESTS_STORE_DIR_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "vector/vector.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static inline char *store_dir_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	assert_true(asprintf(&dir, "%s/rast-store.XXXXXX", tmp ? tmp : "/tmp") > 0);
	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline void store_dir_remove(char *dir)
{
	assert_int_equal(rast_remove_tree(AT_FDCWD, dir), 0);
	free(dir);
}

static inline struct rast_store *store_open(const char *dir)
{
	struct rast_err err = {0};
	struct rast_store *s = NULL;
	int r = rast_store_open(dir, RAST_STORE_CREATE, &s, &err);

	if (r < 0)
		print_message("%s\n", err.text);
	assert_int_equal(r, 0);
	return s;
}

static inline json_t *json_of(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(v);
	return v;
}

/* Stores one item; returns its version, or a negative errno. */
static inline int64_t put(struct rast_store *s, const char *key, const char *body, uint64_t expect,
			  struct rast_err *err)
{
	json_t *v = body ? json_of(body) : NULL;
	struct rast_change c = {.key = key, .body = v, .expect = expect};
	struct rast_author by = {"tester", "why not", 0};
	int r = rast_store_commit(s, &c, 1, &by, err);

	json_decref(v);
	return r < 0 ? r : (int64_t)c.op;
}

#endif
