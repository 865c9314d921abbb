// SPDX-License-Identifier: BSD-2-Clause
/* Why a hit was found: the facts that share most with the question, and the words that they share. */
#include "vector/embed_add.h"

#include "base/mem.h"
#include "vector/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNIPPET_FACTS 2u
#define SNIPPET_TEXT 96

static bool has(const struct rast_features *f, uint64_t hash)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->v[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n && f->v[lo].hash == hash;
}

static float overlap(const struct rast_features *fact, const struct rast_features *query)
{
	float sum = 0;

	for (size_t i = 0; i < fact->n; i++) {
		const struct rast_feature_hash *x = &fact->v[i];

		if (x->kind != RAST_F_GRAM && has(query, x->hash))
			sum += x->kind == RAST_F_WORD ? 1.0f : 0.8f;
	}
	return sum;
}

struct matching {
	const struct rast_features *item;
	const char *stem;
	FILE *out;
	bool any, hit;
};

static void try_concept(void *arg, const char *concept)
{
	struct matching *m = arg;

	m->hit |= has(m->item, rast_feature_concept(concept));
}

static bool try_word(void *arg, const struct rast_token *t)
{
	struct matching *m = arg;

	if (rast_token_is_stopword(t->plain))
		return true;
	m->hit = has(m->item, rast_feature_word(t->text));
	if (!m->hit)
		rast_concepts(t->text, try_concept, m);
	if (m->hit) {
		(void)fprintf(m->out, "%s%s", m->any ? " " : "", t->plain);
		m->any = true;
	}
	return true;
}

static void print_fact(FILE *f, const struct rast_fact *x, bool first)
{
	int len = (int)strcspn(x->text, "\n");
	bool cut = len > SNIPPET_TEXT || x->text[len];

	if (len > SNIPPET_TEXT) {
		len = SNIPPET_TEXT;
		while (len > 0 && ((unsigned char)x->text[len] & 0xc0) == 0x80)
			len--; /* not inside a UTF-8 character */
	}
	(void)fprintf(f, "%s%s%s%.*s%s", first ? "" : "; ", x->path, *x->path ? ": " : "", len,
		      x->text, cut ? "…" : "");
}

int rast_embed_explain(const struct rast_facts *facts, const char *query, char **ret_snippet,
		       char **ret_matched)
{
	struct rast_features q = {0}, item = {0};
	float best[SNIPPET_FACTS] = {0};
	size_t at[SNIPPET_FACTS] = {0}, len;
	_cleanup_free_ char *snippet = NULL, *matched = NULL;
	FILE *f;
	int r;

	r = rast_embed_query(query, &q);
	for (size_t i = 0; i < facts->n && !r; i++) {
		struct rast_facts one = {.v = &facts->v[i], .n = 1};
		struct rast_features x = {0};
		float score;

		r = rast_embed_item(&one, &x);
		score = overlap(&x, &q);
		rast_features_finish(&x);
		for (size_t k = 0; k < SNIPPET_FACTS; k++) {
			if (score <= best[k])
				continue;
			for (size_t m = SNIPPET_FACTS - 1; m > k; m--) {
				best[m] = best[m - 1];
				at[m] = at[m - 1];
			}
			best[k] = score;
			at[k] = i;
			break;
		}
	}
	if (!r)
		r = rast_embed_item(facts, &item);
	if (!r) {
		f = open_memstream(&snippet, &len);
		if (!f)
			r = -ENOMEM;
		else {
			for (size_t k = 0; k < SNIPPET_FACTS && best[k] > 0; k++)
				print_fact(f, &facts->v[at[k]], k == 0);
			r = fclose(f) ? -ENOMEM : 0;
		}
	}
	if (!r) {
		struct matching m = {.item = &item};

		m.out = open_memstream(&matched, &len);
		if (!m.out)
			r = -ENOMEM;
		else {
			rast_tokens(query, strlen(query), 64, try_word, &m);
			r = fclose(m.out) ? -ENOMEM : 0;
		}
	}
	rast_features_finish(&q);
	rast_features_finish(&item);
	if (r < 0)
		return r;
	*ret_snippet = TAKE_PTR(snippet);
	*ret_matched = TAKE_PTR(matched);
	return 0;
}
