// SPDX-License-Identifier: BSD-2-Clause
/*
 * GVariant's text form, as far as systemd's properties need it: true, 5, uint64 5, @t 5, 1.5, 'text',
 * ['a', 'b'], @as []. See systemd_unit.h.
 */
#include "oci/systemd_unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 64

static const struct {
	const char *word;
	char type;
} keywords[] = {
	{"boolean", 'b'}, {"byte", 'y'},       {"int16", 'n'},     {"uint16", 'q'}, {"int32", 'i'},
	{"uint32", 'u'},  {"int64", 'x'},      {"uint64", 't'},    {"double", 'd'}, {"string", 's'},
	{"handle", 0},    {"objectpath", 'o'}, {"signature", 'g'},
};

/* Where the values lie in the text, before it is known what they are. */
struct literal {
	const char *at;
	size_t len;
	char looks; /* b, i, d or s */
};

struct reader {
	const char *key, *p;
	struct literal v[MAX_VALUES];
	size_t n;
	bool array;
	char type; /* 0: not said */
	struct rast_err *err;
};

static int bad(const struct reader *r, const char *what)
{
	return rast_err_set(r->err, EINVAL, "annotations.%.80s: %s at \"%.40s\"", r->key, what,
			    *r->p ? r->p : "its end");
}

static void skip_space(struct reader *r)
{
	while (isspace((unsigned char)*r->p))
		r->p++;
}

static bool is_basic(char c)
{
	return c && strchr("ybnqiuxtdsog", c);
}

/* "uint64" or "@t"; in front of an array "@at" names the array. */
static int read_type(struct reader *r)
{
	size_t len = strspn(r->p, "abcdefghijklmnopqrstuvwxyz0123456789"), i;
	char type = 0;

	if (*r->p == '@') {
		bool array = r->p[1] == 'a';

		type = r->p[1 + array];
		if (!is_basic(type) || !(isspace((unsigned char)r->p[2 + array]) || r->p[2] == '['))
			return bad(r, "a type that is not known");
		r->p += 2 + array;
		skip_space(r);
		if (array != (*r->p == '[' && !r->array))
			return bad(r, "want a value of the type that is said");
	} else {
		for (i = 0; i < ARRAY_SIZE(keywords); i++)
			if (strlen(keywords[i].word) == len &&
			    !strncmp(r->p, keywords[i].word, len))
				type = keywords[i].type;
		if (!type)
			return 0;
		r->p += len;
		skip_space(r);
		if (*r->p == '[')
			return bad(r, "want a value of the type that is said");
	}
	if (r->type && r->type != type)
		return bad(r, "values of different types");
	r->type = type;
	return 0;
}

static int read_literal(struct reader *r)
{
	struct literal *v = &r->v[r->n];
	const char *p = r->p;

	if (r->n >= MAX_VALUES)
		return bad(r, "too many values");
	v->at = p;
	if (*p == '\'' || *p == '"') {
		char quote = *p++;

		for (v->at = p; *p && *p != quote; p++)
			if (*p == '\\' && p[1])
				p++;
		if (*p != quote)
			return bad(r, "a string that does not end");
		v->len = (size_t)(p - v->at);
		v->looks = 's';
		p++;
	} else {
		v->len = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "+-.");
		p += v->len;
		if (!v->len)
			return bad(r, *v->at ? "what systemd's properties do not need, or no value,"
					     : "no value");
		if ((v->len == 4 && !strncmp(v->at, "true", 4)) ||
		    (v->len == 5 && !strncmp(v->at, "false", 5)))
			v->looks = 'b';
		else if (!strncmp(v->at, "0x", 2) || !strncmp(v->at + strspn(v->at, "+-"), "0x", 2))
			v->looks = 'i';
		else if (strcspn(v->at, ".eEn") < v->len)
			v->looks = 'd';
		else
			v->looks = 'i';
	}
	r->p = p;
	r->n++;
	return 0;
}

static int read_text(struct reader *r)
{
	int e;

	skip_space(r);
	if ((e = read_type(r)) < 0)
		return e;
	skip_space(r);
	if (*r->p != '[') {
		e = read_literal(r);
	} else {
		r->array = true;
		r->p++;
		for (skip_space(r); *r->p != ']'; skip_space(r)) {
			if (r->n && *r->p++ != ',')
				return r->p--, bad(r, "want , or ]");
			skip_space(r);
			if ((e = read_type(r)) < 0)
				return e;
			skip_space(r);
			if ((e = read_literal(r)) < 0)
				return e;
		}
		r->p++;
	}
	if (e < 0)
		return e;
	skip_space(r);
	return *r->p ? bad(r, "more than one value") : 0;
}

/* One code point as UTF-8; 0 when there is none of that number. */
static size_t utf8(unsigned long c, char *out)
{
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (c < 0x80)
		return out[0] = (char)c, 1;
	if (c < 0x800)
		return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3f)), 2;
	if (c < 0x10000)
		return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3f)),
		       out[2] = (char)(0x80 | (c & 0x3f)), 3;
	return out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 0x3f)),
	       out[2] = (char)(0x80 | (c >> 6 & 0x3f)), out[3] = (char)(0x80 | (c & 0x3f)), 4;
}

/* What the quotes hold, without its backslashes. */
static int add_string(struct oci_words *w, struct reader *r, const struct literal *v)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	_cleanup_free_ char *out = malloc(v->len + 1);
	const char *p = v->at, *end = v->at + v->len, *known;
	size_t n = 0;

	if (!out)
		return rast_err_sys(r->err, ENOMEM, "annotations.%.80s", r->key);
	while (p < end) {
		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		p++;
		if (*p == 'u' || *p == 'U') {
			size_t digits = *p == 'u' ? 4 : 8, len;
			char hex[9] = "";

			r->p = p - 1;
			(void)snprintf(hex, digits + 1, "%.*s", (int)(end - p - 1), p + 1);
			len = strspn(hex, "0123456789abcdefABCDEF") == digits
				      ? utf8(strtoul(hex, NULL, 16), out + n)
				      : 0;
			if (!len)
				return bad(r, "no character");
			n += len;
			p += 1 + digits;
			continue;
		}
		known = strchr(from, *p);
		out[n++] = known ? to[known - from] : *p;
		p++;
	}
	out[n] = '\0';
	oci_words_add(w, "%s", out);
	return 0;
}

static int add_number(struct oci_words *w, struct reader *r, const struct literal *v, bool usec)
{
	static const struct {
		char type;
		int64_t lo;
		uint64_t hi;
	} ranges[] = {
		{'y', 0, UINT8_MAX},  {'n', INT16_MIN, INT16_MAX},
		{'q', 0, UINT16_MAX}, {'i', INT32_MIN, INT32_MAX},
		{'u', 0, UINT32_MAX}, {'x', INT64_MIN, INT64_MAX},
		{'t', 0, UINT64_MAX},
	};
	char text[64], *end;
	bool minus = v->at[0] == '-';
	uint64_t n;
	size_t i;

	r->p = v->at;
	(void)snprintf(text, sizeof(text), "%.*s", (int)v->len, v->at);
	if (v->len >= sizeof(text) || strspn(text, "+-") > 1)
		return bad(r, "no number");
	errno = 0;
	if (r->type == 'd' || (usec && v->looks == 'd')) {
		double d = strtod(text, &end);

		if (errno || end == text || *end || !isfinite(d))
			return bad(r, "no number");
		if (usec && !(d >= 0 && d < 1e13))
			return bad(r, "no number of seconds");
		if (usec)
			oci_words_add(w, "%.0f", d * 1e6);
		else
			oci_words_add(w, "%.17g", d);
		return 0;
	}
	n = strtoull(text + strspn(text, "+-"), &end, 0);
	if (errno || end == text + strspn(text, "+-") || *end)
		return bad(r, "no number");
	for (i = 0; ranges[i].type != r->type;)
		i++;
	if (minus ? n > (uint64_t)INT64_MAX + 1 || n > -(uint64_t)ranges[i].lo : n > ranges[i].hi)
		return bad(r, "a number out of the range of its type");
	if (usec && (minus || n > UINT64_MAX / 1000000))
		return bad(r, "no number of seconds");
	oci_words_add(w, "%s%" PRIu64, minus && n ? "-" : "", usec ? n * 1000000 : n);
	return 0;
}

/* Does a literal that looks like this have that type? */
static bool fits(char looks, char type)
{
	switch (looks) {
	case 's':
		return strchr("sog", type) != NULL;
	case 'b':
		return type == 'b';
	case 'd':
		return type == 'd';
	default:
		return strchr("ynqiuxtd", type) != NULL;
	}
}

int oci_words_add_value(struct oci_words *w, const char *key, const char *text, bool usec,
			struct rast_err *err)
{
	struct reader r = {.key = key, .p = text, .err = err};
	size_t i;
	int e = read_text(&r);

	if (e < 0)
		return e;
	if (!r.n && !r.type)
		return bad(&r, "an array without a type");
	/* As GVariant: a number among others that has a point makes all of them such. */
	for (i = 0; i < r.n && !r.type; i++)
		if (r.v[i].looks == 'd')
			r.type = 'd';
	if (!r.type)
		r.type = r.v[0].looks;
	for (i = 0; i < r.n; i++) {
		r.p = r.v[i].at;
		if (!fits(r.v[i].looks, r.type))
			return bad(&r, "a value of another type");
	}
	if (usec && (r.array || !strchr("ynqiuxtd", r.type)))
		return bad(&r, "no number of seconds");
	oci_words_add(w, "%s%c", r.array ? "a" : "", usec ? 't' : r.type);
	if (r.array)
		oci_words_add(w, "%zu", r.n);
	for (i = 0; i < r.n; i++) {
		if (r.v[i].looks == 's')
			e = add_string(w, &r, &r.v[i]);
		else if (r.v[i].looks == 'b')
			oci_words_add(w, "%.*s", (int)r.v[i].len, r.v[i].at);
		else
			e = add_number(w, &r, &r.v[i], usec);
		if (e < 0)
			return e;
	}
	return 0;
}
