// SPDX-License-Identifier: BSD-2-Clause
/* JSON → facts; see facts.h. facts_policy.c and facts_kind.c add what fields mean. */
#include "vector/facts_add.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rast_facts_finish(struct rast_facts *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].text);
		free(f->v[i].label);
		free(f->v[i].from);
		free(f->v[i].to);
	}
	free(f->v);
	*f = (struct rast_facts){0};
}

int rast_facts_add(struct rast_facts *f, const char *path, const char *label, const char *text,
		   float weight, const char *from, const char *to)
{
	struct rast_fact *x;

	if (f->n >= RAST_FACTS_MAX)
		return 0;
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 32;
		struct rast_fact *v = realloc(f->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->v = v;
		f->cap = cap;
	}
	x = &f->v[f->n];
	*x = (struct rast_fact){.weight = weight};
	x->path = strdup(path);
	x->label = strdup(label);
	x->text = strdup(text);
	x->from = from ? strdup(from) : NULL;
	x->to = to ? strdup(to) : NULL;
	f->n++; /* half-built entries are freed by finish */
	return x->path && x->label && x->text && (x->from || !from) && (x->to || !to) ? 0 : -ENOMEM;
}

/* Names that structure a manifest and say nothing about its content. */
static bool structural(const char *name)
{
	static const char *const words[] = {"spec",        "metadata",   "data",
					    "template",    "items",      "value",
					    "matchLabels", "apiVersion", "stringData"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}

/* How much a leaf tells about what the item is. */
static float weight_of(const char *path)
{
	if (!strcmp(path, "metadata.name"))
		return 2.5f;
	if (!strcmp(path, "kind"))
		return 1.5f;
	if (!strcmp(path, "metadata.namespace"))
		return 0.7f;
	if (!strcmp(path, "apiVersion"))
		return 0.1f;
	if (!strncmp(path, "metadata.annotations", 20) || strstr(path, "description"))
		return 1.2f;
	if (!strncmp(path, "metadata.labels", 15))
		return 1.2f;
	return 1.0f;
}

struct walk {
	struct rast_facts *f;
	char path[512];
	const char *names[64]; /* of the levels above, outermost first */
	int depth;
};

static int leaf(struct walk *w, const json_t *v)
{
	char label[256] = "", num[64];
	const char *text = num;
	float weight = weight_of(w->path);
	size_t n = 0;

	/* The three innermost names that mean something: "resources limits memory". */
	for (int i = w->depth - 1, used = 0; i >= 0 && used < 3; i--) {
		if (structural(w->names[i]))
			continue;
		used++;
		n += (size_t)snprintf(label + n, sizeof(label) - n, "%s ", w->names[i]);
		if (n >= sizeof(label))
			break;
	}
	switch (json_typeof(v)) {
	case JSON_STRING:
		text = json_string_value(v);
		break;
	case JSON_INTEGER:
		(void)snprintf(num, sizeof(num), "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		(void)snprintf(num, sizeof(num), "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		text = "true";
		weight *= 1.5f; /* its name is what counts, and it holds */
		break;
	case JSON_FALSE:
		text = "false";
		weight *= 0.4f;
		break;
	default:
		text = "none";
		weight *= 0.4f;
	}
	return rast_facts_add(w->f, w->path, label, text, weight, NULL, NULL);
}

static int walk(struct walk *w, const json_t *v)
{
	size_t len = strlen(w->path), i;
	const char *name;
	json_t *child;
	int r = 0;

	if (w->f->n >= RAST_FACTS_MAX)
		return 0;
	if (json_is_object(v)) {
		if (w->depth == (int)ARRAY_SIZE(w->names))
			return 0;
		json_object_foreach((json_t *)v, name, child) {
			(void)snprintf(w->path + len, sizeof(w->path) - len, "%s%s", len ? "." : "",
				       name);
			w->names[w->depth++] = name;
			r = walk(w, child);
			w->depth--;
			w->path[len] = '\0';
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (json_is_array(v)) {
		json_array_foreach(v, i, child) {
			(void)snprintf(w->path + len, sizeof(w->path) - len, "[%zu]", i);
			r = walk(w, child);
			w->path[len] = '\0';
			if (r < 0)
				return r;
		}
		return 0;
	}
	return leaf(w, v);
}

int rast_facts_build(const char *key, const json_t *body, struct rast_facts *ret)
{
	struct rast_facts f = {0};
	struct walk w = {.f = &f};
	int r = 0;

	if (!json_object_get(json_object_get(body, "metadata"), "name"))
		r = rast_facts_add(&f, "key", "", key, 2.0f, NULL, NULL);
	if (!r)
		r = rast_facts_policy(&f, body);
	if (!r)
		r = rast_facts_kind(&f, body);
	if (!r)
		r = walk(&w, body);
	if (r < 0) {
		rast_facts_finish(&f);
		return r;
	}
	*ret = f;
	return 0;
}
