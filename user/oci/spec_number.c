// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers of config.json that jansson cannot hold: it keeps an int64_t, the specification has uint64_t,
 * and RLIM_INFINITY is written as 18446744073709551615. Such a number is replaced in the text, before
 * parsing, by a fraction that nobody writes and that carries an index; no field takes a fraction.
 */
#include "oci/spec_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_BIG 4096
/* INT64_MAX has 19 digits and UINT64_MAX 20. */
#define DIGITS 19

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct scan {
	const char *at;
	bool in_string;
};

/* Moves on to `to` and says whether that is within a string. */
static bool in_string(struct scan *s, const char *to)
{
	while (s->at < to) {
		if (s->in_string && *s->at == '\\')
			s->at++;
		else if (*s->at == '"')
			s->in_string = !s->in_string;
		s->at++;
	}
	return s->in_string;
}

static bool above_int64(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	*ret = v;
	return s[0] != '0' && v > INT64_MAX;
}

int oci_number_scan(char *text, size_t len, uint64_t **ret, size_t *ret_n)
{
	struct scan s = {text, false};
	size_t i, start, end = 0, n = 0;
	uint64_t *out = NULL, v;
	char mark[32];

	/* A run of 19 digits covers one of every 19 bytes: the others are not looked at. */
	for (i = DIGITS - 1; i < len; i += DIGITS) {
		if (!is_digit(text[i]))
			continue;
		for (start = i; start > end && is_digit(text[start - 1]);)
			start--;
		for (end = i + 1; end < len && is_digit(text[end]);)
			end++;
		i = end - 1;
		if (end - start < DIGITS || end - start > DIGITS + 1 ||
		    !above_int64(text + start, end - start, &v) ||
		    (start && text[start - 1] == '-') ||
		    (end < len && strchr(".eE", text[end]) && text[end]) ||
		    in_string(&s, text + start) || n == MAX_BIG)
			continue;
		if (!out) {
			out = calloc(MAX_BIG, sizeof(*out));
			if (!out)
				return -ENOMEM;
		}
		(void)snprintf(mark, sizeof(mark), "-%zu.5e-300", n);
		memset(text + start, ' ', end - start);
		memcpy(text + start, mark, strlen(mark));
		out[n++] = v;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

bool oci_number_big(const struct oci_load *l, const json_t *v, uint64_t *ret)
{
	double x;
	size_t i;

	if (!l->n_big || !json_is_real(v))
		return false;
	x = json_real_value(v) * -1e300;
	if (!(x > 0 && x < (double)l->n_big))
		return false;
	i = (size_t)x;
	if (x - (double)i < 0.499 || x - (double)i > 0.501)
		return false;
	*ret = l->big[i];
	return true;
}

bool oci_number_list(const char *s, unsigned long max)
{
	unsigned long first, last;
	char *end;

	for (;;) {
		while (*s == ' ')
			s++;
		if (!is_digit(*s))
			return false;
		first = last = strtoul(s, &end, 10);
		if (*end == '-') {
			if (!is_digit(end[1]))
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (first > last || last > max)
			return false;
		while (*end == ' ')
			end++;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		s = end + 1;
		/* The kernel takes a comma at the end. */
		if (!*s)
			return true;
	}
}
