// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as YAML: it parses or it is refused with a text, and a tree that came out keeps its
 * promises (limits, links between nodes, paths) and goes through every getter and to JSON and back.
 */
#include "base/yaml.h"

#include "fuzz.h"

#include <string.h>

/* A failed call says something, and in text that JSON can carry. */
static void check_err(int r, const struct rast_err *err)
{
	char line[sizeof(*err)];
	json_t *s;

	if (!r) {
		MUST(!err->code);
		return;
	}
	MUST(r == -err->code && err->text[0]);
	s = json_string(rast_err_format(err, line, sizeof(line)));
	MUST(s);
	json_decref(s);
}

static void getters(const struct rast_yaml_node *map, const char *key)
{
	static const char *const known[] = {"apiVersion", "kind", "metadata", "spec", "name", NULL};
	const struct rast_yaml_node *node = NULL;
	const char *s = NULL;
	int64_t n = 7;
	bool b = false;
	struct rast_err err = {0};

	check_err(rast_yaml_str(map, key, true, &s, &err), &err);
	rast_err_clear(&err);
	check_err(rast_yaml_int(map, key, false, -5, 1000, &n, &err), &err);
	MUST(n >= -5 && n <= 1000);
	rast_err_clear(&err);
	check_err(rast_yaml_bool(map, key, true, &b, &err), &err);
	rast_err_clear(&err);
	check_err(rast_yaml_map(map, key, true, &node, &err), &err);
	MUST(!node || node->type == RAST_YAML_MAP);
	rast_err_clear(&err);
	check_err(rast_yaml_seq(map, key, false, &node, &err), &err);
	rast_err_clear(&err);
	check_err(rast_yaml_check_fields(map, known, &err), &err);
}

/* Returns how many nodes are below and with this one. */
static size_t walk(const struct rast_yaml_node *node, unsigned int depth)
{
	char path[128];
	size_t children = 0, nodes = 1;

	MUST(depth <= RAST_YAML_MAX_DEPTH);
	MUST(node->line >= 1 && node->col >= 1 && node->value && node->doc);
	MUST(strlen(rast_yaml_path(node, path, sizeof(path))) < sizeof(path));
	MUST(node->type == RAST_YAML_SCALAR || !*node->value || node->type == RAST_YAML_NULL);
	MUST(!node->first || node->type == RAST_YAML_MAP || node->type == RAST_YAML_SEQ);
	rast_yaml_foreach(c, node) {
		MUST(c->parent == node);
		MUST(node->type == RAST_YAML_MAP ? c->key && c->index == -1
						 : !c->key && c->index == (int)children);
		/* A few keys of a big map are enough: looking one up is a walk. */
		if (c->key && children < 8) {
			const struct rast_yaml_node *got = rast_yaml_get(node, c->key);

			MUST(c->type == RAST_YAML_NULL ? !got : got == c);
			getters(node, c->key);
		}
		nodes += walk(c, depth + 1);
		children++;
	}
	MUST(children == node->count);
	if (node->type == RAST_YAML_MAP)
		getters(node, "not there");
	return nodes;
}

/* A tree made of the JSON of a tree is that tree, as far as JSON can tell. */
static void compare(const struct rast_yaml_node *a, const struct rast_yaml_node *b)
{
	const struct rast_yaml_node *x = a->first, *y = b->first;

	MUST(a->type == b->type && a->count == b->count && a->index == b->index);
	MUST(!a->key == !b->key && (!a->key || !strcmp(a->key, b->key)));
	MUST(!rast_yaml_is_string(a) || !strcmp(a->value, b->value));
	for (; x && y; x = x->next, y = y->next)
		compare(x, y);
	MUST(!x && !y);
}

static void through_json(const struct rast_yaml_node *root, json_t *v)
{
	struct rast_yaml *y = NULL;

	MUST(!rast_yaml_from_json("json", v, &y, NULL) && rast_yaml_count(y) == 1);
	compare(root, rast_yaml_root(y, 0));
	MUST(rast_yaml_source(y) == v);
	rast_yaml_destroy(y);
}

/* Once as JSON and parsed again, a tree is the same. */
static void round_trip(const struct rast_yaml_node *root)
{
	json_t *v = rast_yaml_to_json(root), *again;
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	char *text;

	MUST(v);
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	MUST(text);
	/* libyaml reads no U+007F and no noncharacters, JSON text may hold them; that one may fail. */
	if (!rast_yaml_parse("again", text, strlen(text), &y, &err) && rast_yaml_count(y) == 1) {
		again = rast_yaml_to_json(rast_yaml_root(y, 0));
		MUST(again);
		MUST(json_typeof(v) == json_typeof(again));
		if (json_is_object(v))
			MUST(json_object_size(v) == json_object_size(again));
		json_decref(again);
	}
	rast_yaml_destroy(y);
	through_json(root, v);
	free(text);
	json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	size_t nodes = 0;
	int r = rast_yaml_parse("fuzz.yaml", (const char *)data, size, &y, &err);

	check_err(r, &err);
	MUST(!r == !!y);
	for (size_t i = 0; y && i < rast_yaml_count(y); i++) {
		const struct rast_yaml_node *root = rast_yaml_root(y, i);

		MUST(root && !root->parent && !root->key && !root->next &&
		     root->type != RAST_YAML_NULL);
		nodes += walk(root, 0);
		round_trip(root);
	}
	MUST(nodes <= RAST_YAML_MAX_NODES);
	rast_yaml_destroy(y);
	return 0;
}
