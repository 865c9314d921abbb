/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON objects into C structures by table: one row says a field's name, type, bounds and place. The
 * rows are the whole of most of config.json; what is left are `call` and `check` functions. Only the
 * spec_*.c files that make up spec.h use this.
 *
 * Where a value stands is a chain on the stack (struct oci_at); it becomes text only in an error.
 */
#ifndef RAST_OCI_SPEC_JSON_H
#define RAST_OCI_SPEC_JSON_H

#include "base/err.h"
#include "oci/spec.h"

#include <jansson.h>
#include <stdint.h>

struct oci_at {
	const struct oci_at *up; /* NULL: the document */
	const char *key;         /* NULL: the index counts */
	size_t index;
};

struct oci_chunk;

/* What rast_oci_spec_destroy() frees. The strings of the spec are those of the document. */
struct oci_owner {
	struct rast_oci_spec spec; /* first */
	json_t *doc;
	json_t *landlock; /* the document in the annotation, or NULL */
	struct oci_chunk *chunks;
};

/* An id mapping that is relative to the user namespace (idmap=uids=@…): resolved when all is read. */
struct oci_relative {
	struct oci_relative *next;
	struct rast_oci_idmap *map;
	size_t mount;
	bool gid;
};

struct oci_warning {
	struct oci_warning *next;
	const char *text;
};

struct oci_load {
	const char *file;
	struct oci_owner *owner;
	struct rast_oci_spec *spec;
	const struct rast_oci_spec *container; /* of mounts alone, or NULL */
	struct rast_err *err;
	const uint64_t *big; /* numbers above INT64_MAX (oci_number.c) */
	size_t n_big;
	struct oci_relative *relative;
	struct oci_warning *warnings, **last_warning;
};

enum oci_kind {
	OCI_BOOL,     /* bool */
	OCI_OPT_BOOL, /* struct rast_oci_bool */
	OCI_STR,      /* const char *; "" becomes NULL */
	OCI_STRS,     /* const char *const * and a count */
	OCI_KVS,      /* const struct rast_oci_kv * and a count */
	OCI_U16,
	OCI_U32,
	OCI_I32,
	OCI_I64,
	OCI_U64,
	OCI_OPT_I64, /* struct rast_oci_i64 */
	OCI_OPT_U64, /* struct rast_oci_u64 */
	OCI_U32S,    /* const uint32_t * and a count */
	OCI_NAME,    /* uint32_t from `arg`, a struct oci_names */
	OCI_FLAGS,   /* uint64_t: a list of names from `arg` or'ed */
	OCI_OBJECT,  /* `arg`: struct oci_table, based at offset; count: a bool "is there", or 0 */
	OCI_LIST,    /* const T * and a count; `arg`: struct oci_table with the size of T */
	OCI_MAP,     /* the same for an object; the table's first string takes the key */
	OCI_CALL,    /* `call` */
};

#define OCI_REQUIRED 1u
#define OCI_NONEMPTY 2u /* strings and lists */
#define OCI_ABSOLUTE 4u /* a path that begins with "/" (also each string of a list) */

struct oci_field {
	const char *name;
	enum oci_kind kind;
	unsigned int flags;
	size_t offset, count;
	int64_t min;
	uint64_t max; /* of a number, or of entries; 0: as wide as the type (the usual limit) */
	const void *arg;
	int (*call)(struct oci_load *l, const struct oci_at *at, json_t *v, void *value);
};

struct oci_table {
	const struct oci_field *fields;
	size_t n;
	size_t size; /* of an element, for lists and maps */
	bool closed; /* a field that is not listed is an error */
	/* After all fields of one object. */
	int (*check)(struct oci_load *l, const struct oci_at *at, void *object);
};

struct oci_name {
	const char *name;
	uint64_t value;
};
struct oci_names {
	const struct oci_name *v;
	size_t n;
};

#define OCI_FIELD(k, name_, type, member, ...)                                                \
	{                                                                                     \
		.name = (name_), .kind = (k), .offset = offsetof(type, member), ##__VA_ARGS__ \
	}
/* `member` with `n_member` beside it. */
#define OCI_MANY(k, name_, type, member, ...)                                   \
	{                                                                       \
		.name = (name_), .kind = (k), .offset = offsetof(type, member), \
		.count = offsetof(type, n_##member), ##__VA_ARGS__              \
	}
#define OCI_TABLE(fields_, ...)                                              \
	{                                                                    \
		.fields = (fields_), .n = ARRAY_SIZE(fields_), ##__VA_ARGS__ \
	}
#define OCI_NAMES(names_)                              \
	{                                              \
		.v = (names_), .n = ARRAY_SIZE(names_) \
	}

/* All return 0 or a negative errno with err filled. */
int oci_object(struct oci_load *l, const struct oci_at *at, json_t *v, const struct oci_table *t,
	       void *base);
int oci_strings(struct oci_load *l, const struct oci_at *at, json_t *v, unsigned int flags,
		const char *const **ret, size_t *ret_n);
int oci_string(struct oci_load *l, const struct oci_at *at, const json_t *v, unsigned int flags,
	       const char **ret);
/* "want KIND, got …" unless v is of that type. */
int oci_want(struct oci_load *l, const struct oci_at *at, const json_t *v, json_type type);
/* The entry of that name, or NULL. */
const struct oci_name *oci_name_find(const struct oci_names *names, const char *name);

int oci_fail(struct oci_load *l, const struct oci_at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int oci_warn(struct oci_load *l, const struct oci_at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The dotted path, cut to size. */
const char *oci_at_text(const struct oci_at *at, char *buf, size_t size);

/* Zeroed memory of the spec; NULL with err filled. */
void *oci_alloc(struct oci_load *l, size_t size);
void oci_owner_free(struct oci_owner *o);

/* ---- oci_number.c ---- */

/*
 * jansson keeps numbers as int64_t, the specification has uint64_t (RLIM_INFINITY is written out).
 * Larger ones are replaced in the text by a mark that oci_number_big() turns back. *ret is malloc'ed.
 */
int oci_number_scan(char *text, size_t len, uint64_t **ret, size_t *ret_n);
bool oci_number_big(const struct oci_load *l, const json_t *v, uint64_t *ret);
/* "0-3,7": numbers and ranges, at most `max`. */
bool oci_number_list(const char *s, unsigned long max);

/* ---- parts ---- */

extern const struct oci_table oci_process_table, oci_resources_table, oci_linux_table,
	oci_mount_table, oci_mount_place_table, oci_hook_table, oci_idmap_table;
extern const struct oci_names oci_propagations;

/* The two lists of an "idmap=uids=…;gids=…" option (oci_idmap.c). */
int oci_idmap_option(struct oci_load *l, const struct oci_at *at, const char *text,
		     struct rast_oci_mount *m, size_t mount);
/* Relative mappings are made absolute; no list may overlap. */
int oci_idmap_resolve(struct oci_load *l);
/* What the specification says about more than one field (spec_rules.c). */
int oci_rules(struct oci_load *l);
/* The annotation for Landlock, when there is one (spec_landlock.c). */
int oci_landlock(struct oci_load *l);
int oci_seccomp(struct oci_load *l, const struct oci_at *at, json_t *v, void *value);

#endif
