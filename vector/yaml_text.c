// SPDX-License-Identifier: BSD-2-Clause
/*
 * A JSON value as YAML text: what people read in `config get` and in a text diff, and what
 * user/base/yaml.h reads back as the same value. Strings that YAML could take for something else are
 * written in JSON's double quotes, which YAML understands.
 */
#include "vector/vector.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool plain(const char *s)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no",
					    "on",   "off",  "y",     "n"};

	if (!isalpha((unsigned char)*s) && *s != '/' && *s != '_')
		return false;
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_./-", *p))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	return true;
}

static void scalar(FILE *f, const json_t *v)
{
	_cleanup_free_ char *text = NULL;

	if (json_is_string(v) && plain(json_string_value(v))) {
		(void)fputs(json_string_value(v), f);
		return;
	}
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	(void)fputs(text ? text : "null", f);
}

static void key(FILE *f, const char *k)
{
	if (plain(k)) {
		(void)fprintf(f, "%s:", k);
	} else {
		json_t *s = json_string(k);

		scalar(f, s);
		(void)fputc(':', f);
		json_decref(s);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool nested(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) ||
	       (json_is_array(v) && json_array_size(v));
}

static void indent(FILE *f, int level)
{
	for (int i = 0; i < level; i++)
		(void)fputs("  ", f);
}

static void emit(FILE *f, const json_t *v, int level, bool first_inline);

static void emit_object(FILE *f, const json_t *v, int level, bool first_inline)
{
	size_t n = json_object_size(v), i = 0;
	_cleanup_free_ const char **names = calloc(n, sizeof(*names));
	const char *name;
	json_t *child;

	if (!names)
		return;
	json_object_foreach((json_t *)v, name, child)
		names[i++] = name;
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++) {
		child = json_object_get(v, names[i]);
		if (i || !first_inline)
			indent(f, level);
		key(f, names[i]);
		if (nested(child)) {
			(void)fputc('\n', f);
			emit(f, child, json_is_array(child) ? level : level + 1, false);
		} else {
			(void)fputc(' ', f);
			scalar(f, child);
			(void)fputc('\n', f);
		}
	}
}

static void emit(FILE *f, const json_t *v, int level, bool first_inline)
{
	json_t *child;
	size_t i;

	if (!nested(v)) {
		if (!first_inline)
			indent(f, level);
		scalar(f, v);
		(void)fputc('\n', f);
	} else if (json_is_object(v)) {
		emit_object(f, v, level, first_inline);
	} else {
		json_array_foreach(v, i, child) {
			if (i || !first_inline)
				indent(f, level);
			(void)fputs("- ", f);
			emit(f, child, level + 1, true);
		}
	}
}

char *rast_json_yaml(const json_t *value)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	emit(f, value, 0, false);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
