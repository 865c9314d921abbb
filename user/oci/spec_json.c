// SPDX-License-Identifier: BSD-2-Clause
/* The table-driven reader; see spec_json.h. */
#include "oci/spec_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- memory ---- */

struct oci_chunk {
	struct oci_chunk *next;
	size_t used, size;
	max_align_t data[];
};

void *oci_alloc(struct oci_load *l, size_t size)
{
	struct oci_chunk *c = l->owner->chunks;
	size_t align = sizeof(max_align_t), want;
	char *p;

	size = (size + align - 1) / align * align;
	if (!c || c->size - c->used < size) {
		want = size > 8192 ? size : 8192;
		c = calloc(1, sizeof(*c) + want);
		if (!c) {
			(void)rast_err_sys(l->err, ENOMEM, "%s", l->file);
			return NULL;
		}
		c->size = want;
		c->next = l->owner->chunks;
		l->owner->chunks = c;
	}
	p = (char *)c->data + c->used;
	c->used += size;
	return p;
}

void oci_owner_free(struct oci_owner *o)
{
	while (o->chunks) {
		struct oci_chunk *next = o->chunks->next;

		free(o->chunks);
		o->chunks = next;
	}
	json_decref(o->doc);
	json_decref(o->landlock);
	free(o);
}

/* ---- errors ---- */

static size_t at_text(const struct oci_at *at, char *buf, size_t size)
{
	size_t n;
	int w;

	if (!at)
		return 0;
	n = at_text(at->up, buf, size);
	if (n + 1 >= size)
		return n;
	if (at->key)
		w = snprintf(buf + n, size - n, "%s%s", n ? "." : "", at->key);
	else
		w = snprintf(buf + n, size - n, "[%zu]", at->index);
	n += (size_t)w;
	return n < size ? n : size - 1;
}

const char *oci_at_text(const struct oci_at *at, char *buf, size_t size)
{
	buf[0] = '\0';
	(void)at_text(at, buf, size);
	return buf;
}

int oci_fail(struct oci_load *l, const struct oci_at *at, const char *fmt, ...)
{
	char field[sizeof(l->err->field)], text[sizeof(l->err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return rast_err_at(l->err, EINVAL, l->file, 0, 0, oci_at_text(at, field, sizeof(field)),
			   "%s", text);
}

int oci_warn(struct oci_load *l, const struct oci_at *at, const char *fmt, ...)
{
	struct rast_err e = {0};
	struct oci_warning *w;
	char field[128], buf[700];
	va_list ap;
	size_t n;
	char *s;

	/* Through struct rast_err: it makes the text printable. */
	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	(void)rast_err_at(&e, EINVAL, "", 0, 0, oci_at_text(at, field, sizeof(field)), "%s", buf);
	(void)rast_err_format(&e, buf, sizeof(buf));
	n = strlen(buf);
	w = oci_alloc(l, sizeof(*w));
	s = oci_alloc(l, n + 1);
	if (!w || !s)
		return -ENOMEM;
	memcpy(s, buf, n);
	w->text = s;
	*l->last_warning = w;
	l->last_warning = &w->next;
	l->spec->n_warnings++;
	return 0;
}

static const char *type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
	default:
		return "null";
	}
}

static int wrong_type(struct oci_load *l, const struct oci_at *at, const char *want,
		      const json_t *v)
{
	uint64_t big;

	return oci_fail(l, at, "want %s, got %s", want,
			oci_number_big(l, v, &big) ? "a number" : type_name(v));
}

int oci_want(struct oci_load *l, const struct oci_at *at, const json_t *v, json_type type)
{
	if (json_typeof(v) == type)
		return 0;
	return wrong_type(l, at,
			  type == JSON_OBJECT  ? "an object"
			  : type == JSON_ARRAY ? "a list"
					       : "a string",
			  v);
}

/* ---- values ---- */

const struct oci_name *oci_name_find(const struct oci_names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (!strcmp(names->v[i].name, name))
			return &names->v[i];
	return NULL;
}

int oci_string(struct oci_load *l, const struct oci_at *at, const json_t *v, unsigned int flags,
	       const char **ret)
{
	const char *s = json_string_value(v);

	if (!s)
		return wrong_type(l, at, "a string", v);
	if (!*s && (flags & OCI_NONEMPTY))
		return oci_fail(l, at, "is empty");
	if ((flags & OCI_ABSOLUTE) && *s && *s != '/')
		return oci_fail(l, at, "\"%.200s\" is not an absolute path", s);
	*ret = s;
	return 0;
}

static int want_list(struct oci_load *l, const struct oci_at *at, const json_t *v, size_t max,
		     unsigned int flags, size_t *ret_n)
{
	int r = oci_want(l, at, v, JSON_ARRAY);
	size_t n = json_array_size(v);

	if (r < 0)
		return r;
	if (n > max)
		return oci_fail(l, at, "%zu entries; at most %zu are taken", n, max);
	if (!n && (flags & OCI_NONEMPTY))
		return oci_fail(l, at, "is empty");
	*ret_n = n;
	return 0;
}

int oci_strings(struct oci_load *l, const struct oci_at *at, json_t *v, unsigned int flags,
		const char *const **ret, size_t *ret_n)
{
	const char **out;
	size_t n = 0, i;
	int r = want_list(l, at, v, RAST_OCI_MAX_STRINGS, flags & OCI_NONEMPTY, &n);

	if (r < 0)
		return r;
	out = oci_alloc(l, (n + 1) * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct oci_at here = {at, NULL, i};

		r = oci_string(l, &here, json_array_get(v, i), flags & ~OCI_NONEMPTY, &out[i]);
		if (r < 0)
			return r;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

/* Also an empty map is one: the pointer is set. */
static int key_values(struct oci_load *l, const struct oci_at *at, json_t *v,
		      const struct rast_oci_kv **ret, size_t *ret_n)
{
	struct rast_oci_kv *out;
	const char *key;
	json_t *value;
	size_t n = 0;
	int r = oci_want(l, at, v, JSON_OBJECT);

	if (r < 0)
		return r;
	if (json_object_size(v) > RAST_OCI_MAX_STRINGS)
		return oci_fail(l, at, "%zu entries; at most %u are taken", json_object_size(v),
				RAST_OCI_MAX_STRINGS);
	out = oci_alloc(l, (json_object_size(v) + 1) * sizeof(*out));
	if (!out)
		return -ENOMEM;
	json_object_foreach(v, key, value) {
		struct oci_at here = {at, key, 0};

		if (!*key)
			return oci_fail(l, at, "has an entry with an empty name");
		r = oci_string(l, &here, value, 0, &out[n].value);
		if (r < 0)
			return r;
		out[n++].key = key;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

struct bounds {
	int64_t min;
	uint64_t max;
};

static struct bounds bounds_of(const struct oci_field *f)
{
	static const struct bounds by_kind[] = {
		[OCI_U16] = {0, UINT16_MAX},          [OCI_U32] = {0, UINT32_MAX},
		[OCI_U32S] = {0, UINT32_MAX},         [OCI_I32] = {INT32_MIN, INT32_MAX},
		[OCI_I64] = {INT64_MIN, INT64_MAX},   [OCI_OPT_I64] = {INT64_MIN, INT64_MAX},
		[OCI_U64] = {0, UINT64_MAX},          [OCI_OPT_U64] = {0, UINT64_MAX},
		[OCI_CALL] = {INT64_MIN, UINT64_MAX},
	};

	return f->max || f->min ? (struct bounds){f->min, f->max} : by_kind[f->kind];
}

/* The bits of the number, whatever its sign. */
static int number(struct oci_load *l, const struct oci_at *at, const json_t *v,
		  const struct oci_field *f, uint64_t *ret)
{
	struct bounds b = bounds_of(f);
	uint64_t big = 0;
	bool is_big = false;
	int64_t i;

	if (json_is_integer(v))
		i = json_integer_value(v);
	else if (oci_number_big(l, v, &big))
		is_big = true, i = 0;
	else
		return wrong_type(l, at, "a whole number", v);
	if (is_big ? big > b.max : i < b.min || (i > 0 && (uint64_t)i > b.max)) {
		if (is_big)
			return oci_fail(l, at, "%llu: want at most %llu", (unsigned long long)big,
					(unsigned long long)b.max);
		return oci_fail(l, at, "%lld: want a number from %lld to %llu", (long long)i,
				(long long)b.min, (unsigned long long)b.max);
	}
	*ret = is_big ? big : (uint64_t)i;
	return 0;
}

static int numbers(struct oci_load *l, const struct oci_at *at, json_t *v,
		   const struct oci_field *f, void *base)
{
	size_t n = 0, i;
	uint32_t *out;
	uint64_t u;
	int r = want_list(l, at, v, RAST_OCI_MAX_STRINGS, f->flags, &n);

	if (r < 0)
		return r;
	out = oci_alloc(l, (n + 1) * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct oci_at here = {at, NULL, i};

		r = number(l, &here, json_array_get(v, i), f, &u);
		if (r < 0)
			return r;
		out[i] = (uint32_t)u;
	}
	*(const uint32_t **)((char *)base + f->offset) = out;
	*(size_t *)((char *)base + f->count) = n;
	return 0;
}

static int named(struct oci_load *l, const struct oci_at *at, const json_t *v,
		 const struct oci_names *names, uint64_t *ret)
{
	const struct oci_name *found;
	const char *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	found = oci_name_find(names, s);
	if (!found)
		return oci_fail(l, at, "\"%.80s\" is not known (want %s or the like)", s,
				names->v[0].name);
	*ret = found->value;
	return 0;
}

static int named_flags(struct oci_load *l, const struct oci_at *at, json_t *v,
		       const struct oci_names *names, uint64_t *ret)
{
	uint64_t one = 0, all = 0;
	size_t n = 0, i;
	int r = want_list(l, at, v, RAST_OCI_MAX_LIST, 0, &n);

	for (i = 0; !r && i < n; i++) {
		struct oci_at here = {at, NULL, i};

		r = named(l, &here, json_array_get(v, i), names, &one);
		all |= one;
	}
	if (!r)
		*ret = all;
	return r;
}

static int objects(struct oci_load *l, const struct oci_at *at, json_t *v,
		   const struct oci_field *f, void *base)
{
	const struct oci_table *t = f->arg;
	size_t n = 0, i;
	char *out;
	int r = want_list(l, at, v, f->max ? (size_t)f->max : RAST_OCI_MAX_LIST, f->flags, &n);

	if (r < 0)
		return r;
	out = oci_alloc(l, (n + 1) * t->size);
	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct oci_at here = {at, NULL, i};

		r = oci_object(l, &here, json_array_get(v, i), t, out + i * t->size);
		if (r < 0)
			return r;
	}
	*(void **)((char *)base + f->offset) = out;
	*(size_t *)((char *)base + f->count) = n;
	return 0;
}

static int named_objects(struct oci_load *l, const struct oci_at *at, json_t *v,
			 const struct oci_field *f, void *base)
{
	const struct oci_table *t = f->arg;
	const char *key;
	json_t *value;
	size_t n = 0;
	char *out;
	int r = oci_want(l, at, v, JSON_OBJECT);

	if (r < 0)
		return r;
	if (json_object_size(v) > RAST_OCI_MAX_LIST)
		return oci_fail(l, at, "%zu entries; at most %u are taken", json_object_size(v),
				RAST_OCI_MAX_LIST);
	out = oci_alloc(l, (json_object_size(v) + 1) * t->size);
	if (!out)
		return -ENOMEM;
	json_object_foreach(v, key, value) {
		struct oci_at here = {at, key, 0};

		if (!*key)
			return oci_fail(l, at, "has an entry with an empty name");
		*(const char **)(out + n * t->size) = key;
		r = oci_object(l, &here, value, t, out + n * t->size);
		if (r < 0)
			return r;
		n++;
	}
	*(void **)((char *)base + f->offset) = out;
	*(size_t *)((char *)base + f->count) = n;
	return 0;
}

static int truth(struct oci_load *l, const struct oci_at *at, const json_t *v, bool *ret)
{
	if (!json_is_boolean(v))
		return wrong_type(l, at, "true or false", v);
	*ret = json_is_true(v);
	return 0;
}

static int field(struct oci_load *l, const struct oci_at *at, json_t *v, const struct oci_field *f,
		 void *base)
{
	void *p = (char *)base + f->offset;
	size_t *count = (size_t *)((char *)base + f->count);
	const char *s = NULL;
	uint64_t u = 0;
	int r;

	switch (f->kind) {
	case OCI_BOOL:
		return truth(l, at, v, p);
	case OCI_OPT_BOOL:
		((struct rast_oci_bool *)p)->set = true;
		return truth(l, at, v, &((struct rast_oci_bool *)p)->v);
	case OCI_STR:
		r = oci_string(l, at, v, f->flags, &s);
		if (!r)
			*(const char **)p = *s ? s : NULL;
		return r;
	case OCI_STRS:
		return oci_strings(l, at, v, f->flags, p, count);
	case OCI_KVS:
		return key_values(l, at, v, p, count);
	case OCI_U32S:
		return numbers(l, at, v, f, base);
	case OCI_NAME:
		r = named(l, at, v, f->arg, &u);
		if (!r)
			*(uint32_t *)p = (uint32_t)u;
		return r;
	case OCI_FLAGS:
		return named_flags(l, at, v, f->arg, p);
	case OCI_OBJECT:
		if (f->count)
			*(bool *)count = true;
		return oci_object(l, at, v, f->arg, p);
	case OCI_LIST:
		return objects(l, at, v, f, base);
	case OCI_MAP:
		return named_objects(l, at, v, f, base);
	case OCI_CALL:
		return f->call(l, at, v, p);
	case OCI_U16:
	case OCI_U32:
	case OCI_I32:
	case OCI_I64:
	case OCI_U64:
	case OCI_OPT_I64:
	case OCI_OPT_U64:
		break;
	}
	r = number(l, at, v, f, &u);
	if (r < 0)
		return r;
	switch (f->kind) {
	case OCI_U16:
		*(uint16_t *)p = (uint16_t)u;
		break;
	case OCI_U32:
	case OCI_I32:
		*(uint32_t *)p = (uint32_t)u;
		break;
	case OCI_OPT_I64:
		*(struct rast_oci_i64 *)p = (struct rast_oci_i64){(int64_t)u, true};
		break;
	case OCI_OPT_U64:
		*(struct rast_oci_u64 *)p = (struct rast_oci_u64){u, true};
		break;
	default:
		*(uint64_t *)p = u;
	}
	return 0;
}

int oci_object(struct oci_load *l, const struct oci_at *at, json_t *v, const struct oci_table *t,
	       void *base)
{
	size_t i, k, next = 0;
	uint64_t seen = 0;
	const char *key;
	json_t *value;
	int r = oci_want(l, at, v, JSON_OBJECT);

	if (r < 0)
		return r;
	json_object_foreach(v, key, value) {
		struct oci_at here = {at, key, 0};

		if (json_is_null(value))
			continue;
		/* Writers keep the order of the specification: the next field is the likely one. */
		for (k = 0; k < t->n; k++) {
			i = next + k < t->n ? next + k : next + k - t->n;
			if (t->fields[i].name[0] == key[0] && !strcmp(t->fields[i].name, key))
				break;
		}
		if (k == t->n && t->closed)
			return oci_fail(l, &here, "is not known");
		if (k == t->n)
			continue;
		next = i + 1;
		seen |= (uint64_t)1 << i;
		r = field(l, &here, value, &t->fields[i], base);
		if (r < 0)
			return r;
	}
	for (i = 0; i < t->n; i++)
		if ((t->fields[i].flags & OCI_REQUIRED) && !(seen >> i & 1))
			return oci_fail(l, at, "field \"%s\" is missing", t->fields[i].name);
	return t->check ? t->check(l, at, base) : 0;
}
