// SPDX-License-Identifier: BSD-2-Clause
/*
 * Unified diff of the YAML text of two values, for people. Lines are aligned by longest common
 * subsequence once the common head and tail are off; where both middles are huge the middle is shown
 * as replaced, which is right if not shortest.
 */
#include "vector/vector.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3u
#define ALIGN_MAX (4u << 20)

struct lines {
	char *text;
	const char **line;
	size_t n;
};

static void lines_finish(struct lines *l)
{
	free(l->text);
	free(l->line);
}

static bool lines_init(struct lines *l, const json_t *v)
{
	size_t n = 0;

	l->text = v ? rast_json_yaml(v) : strdup("");
	if (!l->text)
		return false;
	for (const char *p = l->text; *p; p++)
		n += *p == '\n';
	l->line = calloc(n + 1, sizeof(*l->line));
	if (!l->line)
		return false;
	for (char *p = l->text; *p; l->n++) {
		char *nl = strchr(p, '\n');

		l->line[l->n] = p;
		if (!nl) {
			l->n++;
			break;
		}
		*nl = '\0';
		p = nl + 1;
	}
	return true;
}

/* One step of the edit script: ' ' both, '-' old only, '+' new only. */
struct script {
	char *op;
	size_t n;
};

static bool align(const struct lines *a, const struct lines *b, struct script *s)
{
	size_t lo = 0, an = a->n, bn = b->n, tail, w, i, j;
	_cleanup_free_ uint32_t *lcs = NULL;

	s->op = malloc(an + bn + 1);
	s->n = 0;
	if (!s->op)
		return false;
	while (lo < an && lo < bn && !strcmp(a->line[lo], b->line[lo]))
		lo++;
	while (an > lo && bn > lo && !strcmp(a->line[an - 1], b->line[bn - 1])) {
		an--;
		bn--;
	}
	tail = a->n - an;
	memset(s->op, ' ', lo);
	s->n = lo;
	w = bn - lo + 1;
	i = j = lo;
	if ((an - lo + 1) * w <= ALIGN_MAX) {
		lcs = calloc((an - lo + 1) * w, sizeof(*lcs));
		if (!lcs)
			return false;
		for (i = an - lo; i-- > 0;) {
			for (j = bn - lo; j-- > 0;) {
				uint32_t down = lcs[(i + 1) * w + j], right = lcs[i * w + j + 1];

				if (!strcmp(a->line[lo + i], b->line[lo + j]))
					lcs[i * w + j] = lcs[(i + 1) * w + j + 1] + 1;
				else
					lcs[i * w + j] = down > right ? down : right;
			}
		}
		for (i = lo, j = lo; i < an && j < bn;) {
			uint32_t down = lcs[(i - lo + 1) * w + (j - lo)];
			uint32_t right = lcs[(i - lo) * w + (j - lo + 1)];

			if (!strcmp(a->line[i], b->line[j])) {
				s->op[s->n++] = ' ';
				i++;
				j++;
			} else if (down >= right) {
				s->op[s->n++] = '-';
				i++;
			} else {
				s->op[s->n++] = '+';
				j++;
			}
		}
	}
	for (; i < an; i++)
		s->op[s->n++] = '-';
	for (; j < bn; j++)
		s->op[s->n++] = '+';
	memset(s->op + s->n, ' ', tail);
	s->n += tail;
	return true;
}

static void hunk(FILE *f, const struct lines *a, const struct lines *b, const char *op, size_t n,
		 size_t ai, size_t bi)
{
	size_t an = 0, bn = 0;

	for (size_t k = 0; k < n; k++) {
		an += op[k] != '+';
		bn += op[k] != '-';
	}
	(void)fprintf(f, "@@ -%zu,%zu +%zu,%zu @@\n", an ? ai + 1 : ai, an, bn ? bi + 1 : bi, bn);
	for (size_t k = 0; k < n; k++) {
		(void)fprintf(f, "%c%s\n", op[k], op[k] == '+' ? b->line[bi] : a->line[ai]);
		ai += op[k] != '+';
		bi += op[k] != '-';
	}
}

static void hunks(FILE *f, const struct lines *a, const struct lines *b, const struct script *s)
{
	size_t ai = 0, bi = 0, k = 0;

	while (k < s->n) {
		size_t end, quiet = 0, lead;

		if (s->op[k] == ' ') {
			ai++;
			bi++;
			k++;
			continue;
		}
		lead = k < CONTEXT ? k : CONTEXT;
		for (size_t back = 1; back <= lead; back++)
			if (s->op[k - back] != ' ')
				lead = back - 1;
		/* To the last change that has no more than two contexts of silence before it. */
		for (end = k; end < s->n && quiet <= 2 * CONTEXT; end++)
			quiet = s->op[end] == ' ' ? quiet + 1 : 0;
		end -= quiet > CONTEXT ? quiet - CONTEXT : 0;
		hunk(f, a, b, s->op + k - lead, end - (k - lead), ai - lead, bi - lead);
		for (; k < end; k++) {
			ai += s->op[k] != '+';
			bi += s->op[k] != '-';
		}
	}
}

char *rast_diff_text(const json_t *old, const json_t *new, const char *old_name,
		     const char *new_name)
{
	struct lines a = {0}, b = {0};
	struct script s = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *f = NULL;
	bool ok = lines_init(&a, old) && lines_init(&b, new) && align(&a, &b, &s);

	if (ok)
		f = open_memstream(&text, &len);
	if (f) {
		if (memchr(s.op, '-', s.n) || memchr(s.op, '+', s.n))
			(void)fprintf(f, "--- %s\n+++ %s\n", old_name, new_name);
		hunks(f, &a, &b, &s);
		if (fclose(f) != 0) {
			free(text);
			text = NULL;
		}
	}
	lines_finish(&a);
	lines_finish(&b);
	free(s.op);
	return text;
}
