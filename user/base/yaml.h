/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A YAML (or JSON) stream as a tree whose every node knows its file, line and field path, and typed
 * getters that turn a mistake into one clear error. This is the only YAML front end.
 *
 * Hostile input is bounded here, for everybody: RAST_YAML_MAX_BYTES of text, _MAX_DEPTH levels,
 * _MAX_NODES nodes with aliases counted as often as they are used (an alias that explodes fails),
 * _MAX_ANCHORS anchors, duplicate keys, tags other than the core schema's, and NUL bytes are refused.
 */
#ifndef RAST_BASE_YAML_H
#define RAST_BASE_YAML_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RAST_YAML_MAX_BYTES (16u << 20)
#define RAST_YAML_MAX_DEPTH 64u
#define RAST_YAML_MAX_NODES 1000000u
#define RAST_YAML_MAX_ANCHORS 1000u /* a document */

enum rast_yaml_type { RAST_YAML_NULL, RAST_YAML_SCALAR, RAST_YAML_SEQ, RAST_YAML_MAP };

struct rast_yaml_node {
	enum rast_yaml_type type;
	bool quoted;       /* a scalar in quotes or a block is a string whatever it looks like */
	int line, col;     /* 1-based */
	const char *value; /* scalar text; "" otherwise */
	const char *key;   /* the name under which a map holds this node; NULL elsewhere */
	int index;         /* position in the parent sequence; -1 elsewhere */
	const struct rast_yaml *doc;
	const struct rast_yaml_node *parent, *next, *first; /* siblings and children in order */
	size_t count;                                       /* children */
};

/* A parsed stream; owns all its nodes. */
struct rast_yaml;

/* `file` is only for messages. On success *ret has one root per document (rast_yaml_root). */
int rast_yaml_parse(const char *file, const char *text, size_t len, struct rast_yaml **ret,
		    struct rast_err *err);
/* Reads the file ("-": standard input) and parses it. */
int rast_yaml_load(const char *path, struct rast_yaml **ret, struct rast_err *err);
/*
 * The tree of JSON that is there already, as that of its text but without lines. Strings belong to `value`,
 * which the tree keeps and which must not change.
 */
int rast_yaml_from_json(const char *file, json_t *value, struct rast_yaml **ret,
			struct rast_err *err);
void rast_yaml_destroy(struct rast_yaml *y);
static inline void rast_yaml_destroyp(struct rast_yaml **y)
{
	rast_yaml_destroy(*y);
}
#define _cleanup_yaml_ _cleanup_(rast_yaml_destroyp)

size_t rast_yaml_count(const struct rast_yaml *y);
const struct rast_yaml_node *rast_yaml_root(const struct rast_yaml *y, size_t i);
/* What rast_yaml_from_json() was given; NULL for others. */
json_t *rast_yaml_source(const struct rast_yaml *y);
const char *rast_yaml_file(const struct rast_yaml *y);

#define rast_yaml_foreach(child, node)                                                  \
	for (const struct rast_yaml_node *child = (node) ? (node)->first : NULL; child; \
	     child = child->next)

/* The child of a map; NULL when absent, not a map, or null. `node` may be NULL. */
const struct rast_yaml_node *rast_yaml_get(const struct rast_yaml_node *node, const char *key);

/* An error at this node: file, line, column and dotted path are filled in. Returns -EINVAL. */
int rast_yaml_err(const struct rast_yaml_node *node, struct rast_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "spec.containers[0].image" */
const char *rast_yaml_path(const struct rast_yaml_node *node, char *buf, size_t size);

/* Refuses fields that are not in the NULL-terminated list, with the nearest known name as a hint. */
int rast_yaml_check_fields(const struct rast_yaml_node *map, const char *const *allowed,
			   struct rast_err *err);
int rast_yaml_want(const struct rast_yaml_node *node, enum rast_yaml_type type,
		   struct rast_err *err);

/*
 * Typed fields of a map. Absent and null leave *ret alone and return 0 (set a default before), unless
 * `required`: then -EINVAL at the map. Strings belong to the tree.
 */
int rast_yaml_str(const struct rast_yaml_node *map, const char *key, bool required,
		  const char **ret, struct rast_err *err);
int rast_yaml_int(const struct rast_yaml_node *map, const char *key, bool required, int64_t min,
		  int64_t max, int64_t *ret, struct rast_err *err);
int rast_yaml_bool(const struct rast_yaml_node *map, const char *key, bool required, bool *ret,
		   struct rast_err *err);
int rast_yaml_map(const struct rast_yaml_node *map, const char *key, bool required,
		  const struct rast_yaml_node **ret, struct rast_err *err);
int rast_yaml_seq(const struct rast_yaml_node *map, const char *key, bool required,
		  const struct rast_yaml_node **ret, struct rast_err *err);

/*
 * The same tree as JSON, scalars resolved by the YAML core schema. NULL when out of memory. The root of a tree
 * that was made of JSON gives that very value: not to be changed.
 */
json_t *rast_yaml_to_json(const struct rast_yaml_node *node);
/* An int or bool-looking plain scalar? (core schema) */
bool rast_yaml_is_string(const struct rast_yaml_node *scalar);
/*
 * The value as a document of its own, with "---"; strings that would come back as something else are quoted.
 * -EIO, -ENOMEM.
 */
int rast_yaml_write(const json_t *doc, FILE *out);

#endif
