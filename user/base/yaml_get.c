// SPDX-License-Identifier: BSD-2-Clause
/*
 * Typed fields of the tree that yaml.c made, errors at a node, and the tree as JSON; see yaml.h. A plain
 * scalar is a bool, a number or a string by YAML's core schema; one in quotes is a string.
 */
#include "base/yaml.h"

#include "base/near.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct rast_yaml_node *get_any(const struct rast_yaml_node *node, const char *key)
{
	if (!node || node->type != RAST_YAML_MAP)
		return NULL;
	rast_yaml_foreach(c, node)
		if (!strcmp(c->key, key))
			return c;
	return NULL;
}

const struct rast_yaml_node *rast_yaml_get(const struct rast_yaml_node *node, const char *key)
{
	const struct rast_yaml_node *c = get_any(node, key);

	return c && c->type != RAST_YAML_NULL ? c : NULL;
}

const char *rast_yaml_path(const struct rast_yaml_node *node, char *buf, size_t size)
{
	char piece[96];
	size_t len = 0;

	buf[0] = '\0';
	for (; node && node->parent; node = node->parent) {
		size_t n;

		if (node->key)
			(void)snprintf(piece, sizeof(piece), "%s%.64s",
				       node->parent->parent ? "." : "", node->key);
		else
			(void)snprintf(piece, sizeof(piece), "[%d]", node->index);
		n = strlen(piece);
		if (len + n + 1 > size)
			break;
		memmove(buf + n, buf, len + 1);
		memcpy(buf, piece, n);
		len += n;
	}
	return buf;
}

int rast_yaml_err(const struct rast_yaml_node *node, struct rast_err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)], path[sizeof(err->field)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return rast_err_at(err, EINVAL, rast_yaml_file(node->doc), node->line, node->col,
			   rast_yaml_path(node, path, sizeof(path)), "%s", text);
}

static const char *type_name(enum rast_yaml_type t)
{
	static const char *const names[] = {"nothing", "a single value", "a list", "a map"};

	return names[t];
}

int rast_yaml_want(const struct rast_yaml_node *node, enum rast_yaml_type type,
		   struct rast_err *err)
{
	if (node->type == type)
		return 0;
	return rast_yaml_err(node, err, "want %s, got %s", type_name(type), type_name(node->type));
}

int rast_yaml_check_fields(const struct rast_yaml_node *map, const char *const *allowed,
			   struct rast_err *err)
{
	rast_yaml_foreach(c, map) {
		const char *near = NULL;
		unsigned int best = 3;
		size_t i;

		for (i = 0; allowed[i]; i++) {
			unsigned int d;

			if (!strcmp(allowed[i], c->key))
				break;
			d = rast_near_distance(c->key, allowed[i]);
			if (d < best) {
				best = d;
				near = allowed[i];
			}
		}
		if (allowed[i])
			continue;
		if (near)
			return rast_yaml_err(c, err, "unknown field (did you mean \"%s\"?)", near);
		return rast_yaml_err(c, err, "unknown field");
	}
	return 0;
}

static int field(const struct rast_yaml_node *map, const char *key, bool required,
		 enum rast_yaml_type type, const struct rast_yaml_node **ret, struct rast_err *err)
{
	const struct rast_yaml_node *c = rast_yaml_get(map, key);
	int r;

	if (!c) {
		if (required)
			return rast_yaml_err(map, err, "field \"%s\" is missing", key);
		*ret = NULL;
		return 0;
	}
	r = rast_yaml_want(c, type, err);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

static bool is_bool(const char *v, bool *ret)
{
	if (!strcmp(v, "true") || !strcmp(v, "True") || !strcmp(v, "TRUE")) {
		*ret = true;
		return true;
	}
	if (!strcmp(v, "false") || !strcmp(v, "False") || !strcmp(v, "FALSE")) {
		*ret = false;
		return true;
	}
	return false;
}

static bool is_int(const char *v, int64_t *ret)
{
	char *end;
	long long n;

	if (!*v || (v[0] != '-' && v[0] != '+' && (v[0] < '0' || v[0] > '9')))
		return false;
	errno = 0;
	if (v[0] == '0' && v[1] == 'o') {
		if (v[2] < '0' || v[2] > '7')
			return false;
		n = strtoll(v + 2, &end, 8);
	} else {
		n = strtoll(v, &end, v[0] == '0' && v[1] == 'x' ? 16 : 10);
	}
	if (errno || *end || end == v)
		return false;
	*ret = n;
	return true;
}

bool rast_yaml_is_string(const struct rast_yaml_node *scalar)
{
	bool b;
	int64_t i;
	char *end;

	if (scalar->type != RAST_YAML_SCALAR)
		return false;
	if (scalar->quoted)
		return true;
	if (is_bool(scalar->value, &b) || is_int(scalar->value, &i))
		return false;
	if (strspn(scalar->value, "+-.0123456789eE") != strlen(scalar->value))
		return true;
	/* What overflows a double has no JSON number: it stays text. */
	return !isfinite(strtod(scalar->value, &end)) || *end;
}

int rast_yaml_str(const struct rast_yaml_node *map, const char *key, bool required,
		  const char **ret, struct rast_err *err)
{
	const struct rast_yaml_node *c = NULL;
	int r;

	r = field(map, key, required, RAST_YAML_SCALAR, &c, err);
	if (r < 0 || !c)
		return r;
	if (!rast_yaml_is_string(c))
		return rast_yaml_err(c, err, "want a string, got %.40s (put it in quotes)",
				     c->value);
	*ret = c->value;
	return 0;
}

int rast_yaml_int(const struct rast_yaml_node *map, const char *key, bool required, int64_t min,
		  int64_t max, int64_t *ret, struct rast_err *err)
{
	const struct rast_yaml_node *c = NULL;
	int64_t v;
	int r;

	r = field(map, key, required, RAST_YAML_SCALAR, &c, err);
	if (r < 0 || !c)
		return r;
	if (c->quoted || !is_int(c->value, &v))
		return rast_yaml_err(c, err, "want a whole number, got \"%.40s\"", c->value);
	if (v < min || v > max)
		return rast_yaml_err(c, err, "%lld is not within %lld to %lld", (long long)v,
				     (long long)min, (long long)max);
	*ret = v;
	return 0;
}

int rast_yaml_bool(const struct rast_yaml_node *map, const char *key, bool required, bool *ret,
		   struct rast_err *err)
{
	const struct rast_yaml_node *c = NULL;
	bool v;
	int r;

	r = field(map, key, required, RAST_YAML_SCALAR, &c, err);
	if (r < 0 || !c)
		return r;
	if (c->quoted || !is_bool(c->value, &v))
		return rast_yaml_err(c, err, "want true or false, got \"%.40s\"", c->value);
	*ret = v;
	return 0;
}

int rast_yaml_map(const struct rast_yaml_node *map, const char *key, bool required,
		  const struct rast_yaml_node **ret, struct rast_err *err)
{
	const struct rast_yaml_node *c = NULL;
	int r = field(map, key, required, RAST_YAML_MAP, &c, err);

	if (r >= 0 && c)
		*ret = c;
	return r;
}

int rast_yaml_seq(const struct rast_yaml_node *map, const char *key, bool required,
		  const struct rast_yaml_node **ret, struct rast_err *err)
{
	const struct rast_yaml_node *c = NULL;
	int r = field(map, key, required, RAST_YAML_SEQ, &c, err);

	if (r >= 0 && c)
		*ret = c;
	return r;
}

json_t *rast_yaml_to_json(const struct rast_yaml_node *node)
{
	json_t *out;
	int64_t i;
	bool b;

	if (!node->parent && rast_yaml_source(node->doc))
		return json_incref(rast_yaml_source(node->doc));
	switch (node->type) {
	case RAST_YAML_NULL:
		return json_null();
	case RAST_YAML_SCALAR:
		if (node->quoted)
			return json_string(node->value);
		if (is_bool(node->value, &b))
			return json_boolean(b);
		if (is_int(node->value, &i))
			return json_integer(i);
		if (!rast_yaml_is_string(node))
			return json_real(strtod(node->value, NULL));
		return json_string(node->value);
	case RAST_YAML_SEQ:
		out = json_array();
		rast_yaml_foreach(c, node)
			if (json_array_append_new(out, rast_yaml_to_json(c)) < 0)
				goto fail;
		return out;
	case RAST_YAML_MAP:
		out = json_object();
		rast_yaml_foreach(c, node)
			if (json_object_set_new(out, c->key, rast_yaml_to_json(c)) < 0)
				goto fail;
		return out;
	}
	return NULL;
fail:
	json_decref(out);
	return NULL;
}
