// SPDX-License-Identifier: BSD-2-Clause
/*
 * Structural difference of two JSON values. Arrays are aligned by their longest common subsequence
 * first, so that an element put in front does not make every later one "changed"; what is left
 * between two aligned elements is paired in order and compared inside. See vector.h for the answer's
 * form; diff_text.c has the view for people.
 */
#include "vector/vector.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Alignment costs len × len; past this arrays are compared position by position. */
#define ALIGN_MAX (1u << 20)

struct path {
	char *text; /* NUL-terminated */
	size_t len, cap;
	bool failed;
};

static void path_add(struct path *p, const char *s)
{
	size_t n = strlen(s);

	if (p->len + n + 1 > p->cap) {
		size_t cap = (p->len + n + 1) * 2;
		char *t = realloc(p->text, cap);

		if (!t) {
			p->failed = true;
			return;
		}
		p->text = t;
		p->cap = cap;
	}
	memcpy(p->text + p->len, s, n + 1);
	p->len += n;
}

static void path_cut(struct path *p, size_t len)
{
	p->len = len;
	p->text[len] = '\0';
}

static void path_key(struct path *p, const char *key)
{
	bool simple = *key != '\0';

	for (const char *c = key; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			simple = false;
	if (simple) {
		if (p->len)
			path_add(p, ".");
		path_add(p, key);
	} else {
		json_t *s = json_string(key);
		_cleanup_free_ char *quoted = s ? json_dumps(s, JSON_ENCODE_ANY) : NULL;

		json_decref(s);
		path_add(p, "[");
		path_add(p, quoted ? quoted : "?");
		path_add(p, "]");
	}
}

static void path_index(struct path *p, size_t i)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "[%zu]", i);
	path_add(p, buf);
}

static void report(json_t *out, struct path *p, const json_t *a, const json_t *b)
{
	json_t *e = json_object();

	if (!e || json_object_set_new(e, "path", json_string(p->text)) < 0)
		p->failed = true;
	(void)json_object_set_new(e, "op", json_string(a && b ? "change" : a ? "remove" : "add"));
	if (a)
		(void)json_object_set(e, "old", (json_t *)a);
	if (b)
		(void)json_object_set(e, "new", (json_t *)b);
	if (json_array_append_new(out, e) < 0)
		p->failed = true;
}

static void compare(json_t *out, struct path *p, const json_t *a, const json_t *b);

static void compare_at(json_t *out, struct path *p, size_t i, const json_t *a, const json_t *b)
{
	size_t len = p->len;

	path_index(p, i);
	compare(out, p, a, b);
	path_cut(p, len);
}

/* Elements [ai,an) and [bi,bn) have nothing in common: pair them in order. */
static void compare_gap(json_t *out, struct path *p, const json_t *a, size_t ai, size_t an,
			const json_t *b, size_t bi, size_t bn)
{
	for (; ai < an && bi < bn; ai++, bi++)
		compare_at(out, p, bi, json_array_get(a, ai), json_array_get(b, bi));
	for (; ai < an; ai++)
		compare_at(out, p, ai, json_array_get(a, ai), NULL);
	for (; bi < bn; bi++)
		compare_at(out, p, bi, NULL, json_array_get(b, bi));
}

static void compare_arrays(json_t *out, struct path *p, const json_t *a, const json_t *b)
{
	size_t an = json_array_size(a), bn = json_array_size(b), lo = 0, i, j, gi, gj, w;
	_cleanup_free_ uint32_t *lcs = NULL;

	while (lo < an && lo < bn && json_equal(json_array_get(a, lo), json_array_get(b, lo)))
		lo++;
	while (an > lo && bn > lo &&
	       json_equal(json_array_get(a, an - 1), json_array_get(b, bn - 1))) {
		an--;
		bn--;
	}
	w = bn - lo + 1;
	if (an == lo || bn == lo || (an - lo + 1) * w > ALIGN_MAX) {
		compare_gap(out, p, a, lo, an, b, lo, bn);
		return;
	}
	/* lcs[i][j]: longest common subsequence of a[lo+i..an) and b[lo+j..bn). */
	lcs = calloc((an - lo + 1) * w, sizeof(*lcs));
	if (!lcs) {
		p->failed = true;
		return;
	}
	for (i = an - lo; i-- > 0;) {
		for (j = bn - lo; j-- > 0;) {
			uint32_t down = lcs[(i + 1) * w + j], right = lcs[i * w + j + 1];

			if (json_equal(json_array_get(a, lo + i), json_array_get(b, lo + j)))
				lcs[i * w + j] = lcs[(i + 1) * w + j + 1] + 1;
			else
				lcs[i * w + j] = down > right ? down : right;
		}
	}
	gi = gj = lo;
	for (i = lo, j = lo; i < an && j < bn;) {
		uint32_t here = lcs[(i - lo) * w + (j - lo)];

		if (json_equal(json_array_get(a, i), json_array_get(b, j)) &&
		    here == lcs[(i - lo + 1) * w + (j - lo + 1)] + 1) {
			compare_gap(out, p, a, gi, i, b, gj, j);
			gi = ++i;
			gj = ++j;
		} else if (lcs[(i - lo + 1) * w + (j - lo)] >= lcs[(i - lo) * w + (j - lo + 1)]) {
			i++;
		} else {
			j++;
		}
	}
	compare_gap(out, p, a, gi, an, b, gj, bn);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void compare_objects(json_t *out, struct path *p, const json_t *a, const json_t *b)
{
	size_t n = 0, len = p->len;
	_cleanup_free_ const char **names =
		calloc(json_object_size(a) + json_object_size(b) + 1, sizeof(*names));
	const char *name;
	json_t *child;

	if (!names) {
		p->failed = true;
		return;
	}
	json_object_foreach((json_t *)a, name, child)
		names[n++] = name;
	json_object_foreach((json_t *)b, name, child)
		if (!json_object_get(a, name))
			names[n++] = name;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n && !p->failed; i++) {
		path_key(p, names[i]);
		compare(out, p, json_object_get(a, names[i]), json_object_get(b, names[i]));
		path_cut(p, len);
	}
}

static void compare(json_t *out, struct path *p, const json_t *a, const json_t *b)
{
	if (p->failed || (!a && !b))
		return;
	if (a && b) {
		if (json_is_object(a) && json_is_object(b)) {
			compare_objects(out, p, a, b);
			return;
		}
		if (json_is_array(a) && json_is_array(b)) {
			compare_arrays(out, p, a, b);
			return;
		}
		if (json_equal(a, b))
			return;
	}
	report(out, p, a, b);
}

json_t *rast_diff(const json_t *old, const json_t *new)
{
	struct path p = {0};
	json_t *out = json_array();

	path_add(&p, "");
	if (out && !p.failed)
		compare(out, &p, old, new);
	if (p.failed) {
		json_decref(out);
		out = NULL;
	}
	free(p.text);
	return out;
}
