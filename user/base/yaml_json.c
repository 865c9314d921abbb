// SPDX-License-Identifier: BSD-2-Clause
/*
 * JSON that was parsed before → the tree that its text would give, with the same limits. There are no lines:
 * every node is at 1:1.
 */
#include "base/yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct maker {
	struct rast_yaml *y;
	struct rast_err *err;
};

static int refuse(struct maker *m, const char *text)
{
	return rast_err_at(m->err, EINVAL, m->y->file, 0, 0, NULL, "%s", text);
}

static int no_memory(struct maker *m)
{
	return rast_err_sys(m->err, ENOMEM, "%s", m->y->file);
}

static const char *number(struct maker *m, const json_t *v)
{
	char *s = rast_yaml_take(m->y, 40);

	if (!s)
		return NULL;
	if (json_is_integer(v)) {
		(void)snprintf(s, 40, "%lld", (long long)json_integer_value(v));
		return s;
	}
	(void)snprintf(s, 37, "%.17g", json_real_value(v));
	/* It stays one that is not whole. */
	if (!strpbrk(s, ".e"))
		(void)strcat(s, ".0");
	return s;
}

static int make(struct maker *m, const json_t *v, unsigned int depth, struct rast_yaml_node **ret);

static int add(struct maker *m, struct rast_yaml_node *parent, struct rast_yaml_node **last,
	       const char *key, const json_t *v, unsigned int depth)
{
	struct rast_yaml_node *n;
	int r = make(m, v, depth + 1, &n);

	if (r < 0)
		return r;
	n->parent = parent;
	n->key = key;
	if (!key)
		n->index = (int)parent->count;
	parent->count++;
	if (*last)
		(*last)->next = n;
	else
		parent->first = n;
	*last = n;
	return 0;
}

static int children(struct maker *m, const json_t *v, unsigned int depth, struct rast_yaml_node *n)
{
	struct rast_yaml_node *last = NULL;
	const char *key;
	json_t *c;
	size_t i;
	int r = 0;

	if (depth >= RAST_YAML_MAX_DEPTH)
		return refuse(m, "nested deeper than 64 levels");
	if (json_is_array(v)) {
		json_array_foreach(v, i, c) {
			r = add(m, n, &last, NULL, c, depth);
			if (r < 0)
				break;
		}
		return r;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, c) {
		r = add(m, n, &last, key, c, depth);
		if (r < 0)
			break;
	}
	return r;
}

static int make(struct maker *m, const json_t *v, unsigned int depth, struct rast_yaml_node **ret)
{
	struct rast_yaml_node *n;

	if (m->y->nodes >= RAST_YAML_MAX_NODES)
		return refuse(m, "more than 1000000 nodes");
	n = rast_yaml_take(m->y, sizeof(*n));
	if (!n)
		return no_memory(m);
	m->y->nodes++;
	*n = (struct rast_yaml_node){.type = RAST_YAML_SCALAR,
				     .line = 1,
				     .col = 1,
				     .value = "",
				     .index = -1,
				     .doc = m->y};
	*ret = n;
	switch (json_typeof(v)) {
	case JSON_NULL:
		n->type = RAST_YAML_NULL;
		n->value = "null";
		return 0;
	case JSON_STRING:
		n->quoted = true;
		n->value = json_string_value(v);
		/* As of text: what asks for such a string would see only its beginning. */
		return strlen(n->value) == json_string_length(v)
			       ? 0
			       : refuse(m, "NUL byte in a string");
	case JSON_TRUE:
	case JSON_FALSE:
		n->value = json_is_true(v) ? "true" : "false";
		return 0;
	case JSON_INTEGER:
	case JSON_REAL:
		n->value = number(m, v);
		return n->value ? 0 : no_memory(m);
	case JSON_ARRAY:
	case JSON_OBJECT:
		n->type = json_is_array(v) ? RAST_YAML_SEQ : RAST_YAML_MAP;
		return children(m, v, depth, n);
	}
	return refuse(m, "not JSON");
}

int rast_yaml_from_json(const char *file, json_t *value, struct rast_yaml **ret,
			struct rast_err *err)
{
	_cleanup_yaml_ struct rast_yaml *y = calloc(1, sizeof(*y));
	struct maker m = {.y = y, .err = err};
	int r;

	if (!y || !(y->file = strdup(file)) || !(y->roots = calloc(1, sizeof(*y->roots))))
		return rast_err_sys(err, ENOMEM, "%s", file);
	y->source = json_incref(value);
	r = make(&m, value, 0, &y->roots[0]);
	if (r < 0)
		return r;
	y->count = y->roots[0]->type != RAST_YAML_NULL;
	*ret = TAKE_PTR(y);
	return 0;
}
