// SPDX-License-Identifier: BSD-2-Clause
/*
 * YAML stream → bounded tree, over libyaml's event parser; see yaml.h. Aliases are expanded into
 * copies so that every node has one parent and one path; the node limit bounds what that can cost.
 */
#include "base/yaml_tree.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

struct rast_yaml_block {
	struct rast_yaml_block *next;
	size_t used, size;
	char data[];
};

struct rast_yaml_anchor {
	struct rast_yaml_anchor *next;
	const char *name;
	struct rast_yaml_node *node;
};

struct parse {
	yaml_parser_t yp;
	const char *text;
	unsigned int anchors;
	struct rast_yaml *y;
	struct rast_err *err;
};

void *rast_yaml_take(struct rast_yaml *y, size_t n)
{
	struct rast_yaml_block *b = y->blocks;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!b || b->size - b->used < n) {
		size_t size = n > 65536 - sizeof(*b) ? n : 65536 - sizeof(*b);

		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->next = y->blocks;
		b->used = 0;
		b->size = size;
		y->blocks = b;
	}
	p = b->data + b->used;
	b->used += n;
	return p;
}

static const char *take_str(struct rast_yaml *y, const char *s, size_t n)
{
	char *p = rast_yaml_take(y, n + 1);

	if (p) {
		memcpy(p, s, n);
		p[n] = '\0';
	}
	return p;
}

static int fail_mark(struct parse *p, const yaml_mark_t *m, const char *text)
{
	return rast_err_at(p->err, EINVAL, p->y->file, (int)m->line + 1, (int)m->column + 1, NULL,
			   "%s", text);
}

/* The reader knows only how many bytes it has seen. */
static int fail_offset(struct parse *p, size_t offset, const char *text)
{
	yaml_mark_t m = {0};

	for (size_t i = 0; i < offset; i++) {
		if (p->text[i] == '\n') {
			m.line++;
			m.column = 0;
		} else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
			m.column++;
		}
	}
	return fail_mark(p, &m, text);
}

static int next_event(struct parse *p, yaml_event_t *ev)
{
	if (yaml_parser_parse(&p->yp, ev))
		return 0;
	if (p->yp.error == YAML_MEMORY_ERROR)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	if (p->yp.error == YAML_READER_ERROR)
		return fail_offset(p, p->yp.problem_offset,
				   p->yp.problem ? p->yp.problem : "not UTF-8 text");
	return fail_mark(p, &p->yp.problem_mark, p->yp.problem ? p->yp.problem : "not YAML");
}

static struct rast_yaml_node *new_node(struct parse *p, const yaml_mark_t *m,
				       enum rast_yaml_type type)
{
	struct rast_yaml_node *n;

	if (p->y->nodes >= RAST_YAML_MAX_NODES) {
		(void)fail_mark(p, m, "more than 1000000 nodes, aliases expanded");
		return NULL;
	}
	n = rast_yaml_take(p->y, sizeof(*n));
	if (!n) {
		(void)rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
		return NULL;
	}
	p->y->nodes++;
	memset(n, 0, sizeof(*n));
	n->type = type;
	n->line = (int)m->line + 1;
	n->col = (int)m->column + 1;
	n->value = "";
	n->index = -1;
	n->doc = p->y;
	return n;
}

/* `allowed` ends with NULL; "!" (no specific tag) is always allowed. */
static int check_tag(struct parse *p, const yaml_char_t *tag, const char *const *allowed,
		     const yaml_mark_t *m)
{
	if (!tag || !strcmp((const char *)tag, "!"))
		return 0;
	for (; *allowed; allowed++)
		if (!strcmp((const char *)tag, *allowed))
			return 0;
	return fail_mark(p, m, "tag that does not fit here or is outside the YAML core schema");
}

static int remember(struct parse *p, const yaml_char_t *anchor, struct rast_yaml_node *node)
{
	struct rast_yaml_anchor *a;

	if (!anchor)
		return 0;
	/* They are searched one by one. */
	if (++p->anchors > RAST_YAML_MAX_ANCHORS)
		return rast_err_at(p->err, EINVAL, p->y->file, node->line, node->col, NULL,
				   "more than %u anchors in one document", RAST_YAML_MAX_ANCHORS);
	a = rast_yaml_take(p->y, sizeof(*a));
	if (!a)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	a->name = take_str(p->y, (const char *)anchor, strlen((const char *)anchor));
	if (!a->name)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	a->node = node;
	a->next = p->y->anchors;
	p->y->anchors = a;
	return 0;
}

static struct rast_yaml_node *copy(struct parse *p, const struct rast_yaml_node *from,
				   const yaml_mark_t *m, unsigned int depth)
{
	struct rast_yaml_node *n, *last = NULL;

	if (depth > RAST_YAML_MAX_DEPTH) {
		(void)fail_mark(p, m, "nested deeper than 64 levels");
		return NULL;
	}
	n = new_node(p, m, from->type);
	if (!n)
		return NULL;
	n->quoted = from->quoted;
	n->value = from->value;
	n->count = from->count;
	rast_yaml_foreach(child, from) {
		struct rast_yaml_node *c = copy(p, child, m, depth + 1);

		if (!c)
			return NULL;
		c->key = child->key;
		c->index = child->index;
		c->parent = n;
		if (last)
			last->next = c;
		else
			n->first = c;
		last = c;
	}
	return n;
}

static int scalar(struct parse *p, yaml_event_t *ev, struct rast_yaml_node **ret)
{
	static const char *const tags[] = {YAML_STR_TAG, YAML_NULL_TAG,  YAML_BOOL_TAG,
					   YAML_INT_TAG, YAML_FLOAT_TAG, NULL};
	struct rast_yaml_node *n;
	const char *tag = (const char *)ev->data.scalar.tag;
	const char *v = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	int r;

	if (memchr(v, '\0', len))
		return fail_mark(p, &ev->start_mark, "NUL byte in a string");
	r = check_tag(p, ev->data.scalar.tag, tags, &ev->start_mark);
	if (r < 0)
		return r;
	n = new_node(p, &ev->start_mark, RAST_YAML_SCALAR);
	if (!n)
		return -EINVAL;
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (tag && (!strcmp(tag, YAML_STR_TAG) || !strcmp(tag, "!")))
		n->quoted = true;
	n->value = take_str(p->y, v, len);
	if (!n->value)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	if (!n->quoted && (!len || !strcmp(v, "~") || !strcasecmp(v, "null")))
		n->type = RAST_YAML_NULL;
	*ret = n;
	return remember(p, ev->data.scalar.anchor, n);
}

static int collect(struct parse *p, yaml_event_t *ev, unsigned int depth,
		   struct rast_yaml_node **ret);

static int add_child(struct parse *p, struct rast_yaml_node *parent, struct rast_yaml_node **last,
		     struct rast_yaml_node *child)
{
	child->parent = parent;
	if (*last)
		(*last)->next = child;
	else
		parent->first = child;
	*last = child;
	parent->count++;
	return 0;
}

static int map_key(struct parse *p, struct rast_yaml_node *map, yaml_event_t *ev,
		   const char **ret_key)
{
	const char *k;

	if (ev->type != YAML_SCALAR_EVENT)
		return fail_mark(p, &ev->start_mark, "a map's key must be a plain name");
	if (memchr(ev->data.scalar.value, '\0', ev->data.scalar.length))
		return fail_mark(p, &ev->start_mark, "NUL byte in a string");
	k = take_str(p->y, (const char *)ev->data.scalar.value, ev->data.scalar.length);
	if (!k)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	*ret_key = k;
	return 0;
}

static int cmp_key(const void *a, const void *b)
{
	const struct rast_yaml_node *x = *(struct rast_yaml_node *const *)a;
	const struct rast_yaml_node *y = *(struct rast_yaml_node *const *)b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->line != y->line ? x->line - y->line : x->col - y->col);
}

/* Sorting keeps a map of many keys at n log n. */
static int check_duplicates(struct parse *p, struct rast_yaml_node *map)
{
	_cleanup_free_ const struct rast_yaml_node **all = NULL;
	size_t i = 0;

	if (map->count < 2)
		return 0;
	all = malloc(map->count * sizeof(*all));
	if (!all)
		return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
	rast_yaml_foreach(c, map)
		all[i++] = c;
	qsort(all, i, sizeof(*all), cmp_key);
	for (size_t j = 1; j < i; j++)
		if (!strcmp(all[j]->key, all[j - 1]->key))
			return rast_err_at(p->err, EINVAL, p->y->file, all[j]->line, all[j]->col,
					   NULL, "field \"%.64s\" appears twice (first on line %d)",
					   all[j]->key, all[j - 1]->line);
	return 0;
}

static int collection(struct parse *p, yaml_event_t *start, unsigned int depth,
		      struct rast_yaml_node **ret)
{
	static const char *const tags[2][2] = {{YAML_SEQ_TAG, NULL}, {YAML_MAP_TAG, NULL}};
	bool is_map = start->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag =
		is_map ? start->data.mapping_start.tag : start->data.sequence_start.tag;
	const yaml_char_t *anchor =
		is_map ? start->data.mapping_start.anchor : start->data.sequence_start.anchor;
	struct rast_yaml_node *n, *child, *last = NULL;
	const char *key = NULL;
	yaml_event_t ev;
	int r;

	if (depth >= RAST_YAML_MAX_DEPTH)
		return fail_mark(p, &start->start_mark, "nested deeper than 64 levels");
	r = check_tag(p, tag, tags[is_map], &start->start_mark);
	if (r < 0)
		return r;
	n = new_node(p, &start->start_mark, is_map ? RAST_YAML_MAP : RAST_YAML_SEQ);
	if (!n)
		return -EINVAL;
	for (;;) {
		r = next_event(p, &ev);
		if (r < 0)
			return r;
		if (ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		if (is_map) {
			int line = (int)ev.start_mark.line + 1, col = (int)ev.start_mark.column + 1;

			r = map_key(p, n, &ev, &key);
			yaml_event_delete(&ev);
			if (!r)
				r = next_event(p, &ev);
			if (r < 0)
				return r;
			r = collect(p, &ev, depth + 1, &child);
			if (r < 0)
				return r;
			child->key = key;
			/* An error about a field should point at its name. */
			child->line = line;
			child->col = col;
		} else {
			r = collect(p, &ev, depth + 1, &child);
			if (r < 0)
				return r;
			child->index = (int)n->count;
		}
		(void)add_child(p, n, &last, child);
	}
	if (is_map) {
		r = check_duplicates(p, n);
		if (r < 0)
			return r;
	}
	/* Only now: an alias inside its own anchor must not resolve. */
	r = remember(p, anchor, n);
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

/* Consumes ev. */
static int collect(struct parse *p, yaml_event_t *ev, unsigned int depth,
		   struct rast_yaml_node **ret)
{
	struct rast_yaml_anchor *a;
	int r = 0;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		r = scalar(p, ev, ret);
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		r = collection(p, ev, depth, ret);
		break;
	case YAML_ALIAS_EVENT:
		for (a = p->y->anchors; a; a = a->next)
			if (!strcmp(a->name, (const char *)ev->data.alias.anchor))
				break;
		if (!a) {
			r = fail_mark(p, &ev->start_mark,
				      "alias to an anchor that is not defined before it");
			break;
		}
		*ret = copy(p, a->node, &ev->start_mark, depth);
		if (!*ret)
			r = -EINVAL;
		break;
	default:
		r = fail_mark(p, &ev->start_mark, "not YAML");
	}
	yaml_event_delete(ev);
	return r;
}

static int stream(struct parse *p)
{
	struct rast_yaml_node *root;
	struct rast_yaml_node **more;
	yaml_event_t ev;
	yaml_event_type_t type;
	int r;

	for (;;) {
		r = next_event(p, &ev);
		if (r < 0)
			return r;
		type = ev.type;
		if (type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		if (type == YAML_DOCUMENT_START_EVENT) {
			p->y->anchors = NULL; /* anchors end with their document */
			p->anchors = 0;
			yaml_event_delete(&ev);
			r = next_event(p, &ev);
			if (r < 0)
				return r;
			r = collect(p, &ev, 0, &root);
			if (r < 0)
				return r;
			/* "---" with nothing behind it is no document. */
			if (root->type == RAST_YAML_NULL)
				continue;
			more = realloc(p->y->roots, (p->y->count + 1) * sizeof(*more));
			if (!more)
				return rast_err_sys(p->err, ENOMEM, "%s", p->y->file);
			p->y->roots = more;
			p->y->roots[p->y->count++] = root;
		} else {
			yaml_event_delete(&ev);
		}
	}
}

int rast_yaml_parse(const char *file, const char *text, size_t len, struct rast_yaml **ret,
		    struct rast_err *err)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct parse p = {.text = text, .err = err};
	int r;

	if (len > RAST_YAML_MAX_BYTES)
		return rast_err_at(err, EFBIG, file, 0, 0, NULL, "larger than 16 MiB");
	y = calloc(1, sizeof(*y));
	if (!y || !(y->file = strdup(file)))
		return rast_err_sys(err, ENOMEM, "%s", file);
	p.y = y;
	if (!yaml_parser_initialize(&p.yp))
		return rast_err_sys(err, ENOMEM, "%s", file);
	yaml_parser_set_input_string(&p.yp, (const unsigned char *)text, len);
	r = stream(&p);
	yaml_parser_delete(&p.yp);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(y);
	return 0;
}

int rast_yaml_load(const char *path, struct rast_yaml **ret, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	bool in = !strcmp(path, "-");
	size_t len;
	int r;

	r = rast_read_file(AT_FDCWD, in ? "/dev/stdin" : path, RAST_YAML_MAX_BYTES, &text, &len);
	if (r == -EFBIG)
		return rast_err_at(err, EFBIG, path, 0, 0, NULL, "larger than 16 MiB");
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	return rast_yaml_parse(in ? "<stdin>" : path, text, len, ret, err);
}

void rast_yaml_destroy(struct rast_yaml *y)
{
	struct rast_yaml_block *b, *next;

	if (!y)
		return;
	for (b = y->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	json_decref(y->source);
	free(y->roots);
	free(y->file);
	free(y);
}

size_t rast_yaml_count(const struct rast_yaml *y)
{
	return y->count;
}

const struct rast_yaml_node *rast_yaml_root(const struct rast_yaml *y, size_t i)
{
	return i < y->count ? y->roots[i] : NULL;
}

json_t *rast_yaml_source(const struct rast_yaml *y)
{
	return y->source;
}

const char *rast_yaml_file(const struct rast_yaml *y)
{
	return y->file;
}
