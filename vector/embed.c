// SPDX-License-Identifier: BSD-2-Clause
/* Features and embeddings; see embed.h. query.c finds out who connects to whom in a question. */
#include "vector/embed_add.h"

#include "base/mem.h"
#include "vector/token.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bump when anything here or in facts*.c, token.c changes what a vector is. */
#define EMBEDDER_VERSION 1u

static const float fold_weight[] = {
	[RAST_F_WORD] = 1.0f,
	[RAST_F_CONCEPT] = 0.9f,
	[RAST_F_ROLE] = 1.2f,
	[RAST_F_GRAM] = 0.35f,
};

uint32_t rast_embedder_id(void)
{
	return rast_concept_id() ^ (EMBEDDER_VERSION * 0x9e3779b9u);
}

void rast_features_finish(struct rast_features *f)
{
	free(f->v);
	*f = (struct rast_features){0};
}

int rast_features_add(struct rast_features *f, uint64_t hash, float weight, uint8_t kind)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct rast_feature_hash *v = realloc(f->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n++] = (struct rast_feature_hash){hash, weight, kind};
	return 0;
}

struct adding {
	struct rast_features *f;
	const char *prefix; /* of a role; NULL otherwise */
	float weight;
	int r;
};

static uint64_t feature(const char *space, const char *prefix, const char *s)
{
	uint64_t h = rast_hash_more(RAST_HASH_START, space);

	return rast_hash_done(rast_hash_more(rast_hash_more(h, prefix ? prefix : ""), s));
}

uint64_t rast_feature_word(const char *stem)
{
	return feature("w ", NULL, stem);
}

uint64_t rast_feature_concept(const char *concept)
{
	return feature("c ", NULL, concept);
}

static void add_concept(void *arg, const char *concept)
{
	struct adding *a = arg;
	uint8_t kind = a->prefix ? RAST_F_ROLE : RAST_F_CONCEPT;

	if (!a->r)
		a->r = rast_features_add(a->f, feature("c ", a->prefix, concept), a->weight * 0.6f,
					 kind);
}

int rast_features_add_word(struct rast_features *f, const char *stem, const char *prefix,
			   float weight)
{
	struct adding a = {.f = f, .prefix = prefix, .weight = weight};
	size_t n = strlen(stem);
	char padded[RAST_TOKEN_MAX + 2];

	a.r = rast_features_add(f, feature("w ", prefix, stem), weight,
				prefix ? RAST_F_ROLE : RAST_F_WORD);
	rast_concepts(stem, add_concept, &a);
	if (prefix || n < 3)
		return a.r;
	/* "^wo", "wor", …: what a slip of the pen leaves standing. */
	padded[0] = '^';
	memcpy(padded + 1, stem, n);
	padded[n + 1] = '$';
	for (size_t i = 0; i + 3 <= n + 2 && !a.r; i++) {
		char gram[4] = {padded[i], padded[i + 1], padded[i + 2], '\0'};

		a.r = rast_features_add(f, feature("g ", NULL, gram), weight / sqrtf((float)n),
					RAST_F_GRAM);
	}
	return a.r;
}

static int by_hash(const void *a, const void *b)
{
	const struct rast_feature_hash *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	/* Sums of floats depend on their order: keep it the same for the same features. */
	return (x->weight > y->weight) - (x->weight < y->weight);
}

void rast_features_merge(struct rast_features *f)
{
	size_t out = 0;

	if (!f->n)
		return;
	qsort(f->v, f->n, sizeof(*f->v), by_hash);
	for (size_t i = 1; i < f->n; i++) {
		if (f->v[i].hash == f->v[out].hash)
			f->v[out].weight += f->v[i].weight;
		else
			f->v[++out] = f->v[i];
	}
	f->n = out + 1;
}

static bool add_token(void *arg, const struct rast_token *t)
{
	struct adding *a = arg;

	if (rast_token_is_stopword(t->plain))
		return true;
	a->r = rast_features_add_word(a->f, t->text, a->prefix, a->weight);
	return !a->r;
}

static int add_text(struct rast_features *f, const char *text, const char *prefix, float weight)
{
	struct adding a = {.f = f, .prefix = prefix, .weight = weight};

	if (text)
		rast_tokens(text, strlen(text), RAST_FACT_WORDS, add_token, &a);
	return a.r;
}

int rast_embed_item(const struct rast_facts *facts, struct rast_features *ret)
{
	struct rast_features f = {0};
	int r = 0;

	for (size_t i = 0; i < facts->n && !r; i++) {
		const struct rast_fact *x = &facts->v[i];

		r = add_text(&f, x->text, NULL, x->weight);
		if (!r)
			r = add_text(&f, x->label, NULL, 0.5f * x->weight);
		if (!r)
			r = add_text(&f, x->from, "from>", 1.0f);
		if (!r)
			r = add_text(&f, x->to, "to>", 1.0f);
	}
	if (r < 0) {
		rast_features_finish(&f);
		return r;
	}
	rast_features_merge(&f);
	*ret = f;
	return 0;
}

void rast_embed_fold(const struct rast_features *f,
		     float (*idf)(void *arg, const struct rast_feature_hash *f), void *arg,
		     float *v)
{
	double norm = 0;

	memset(v, 0, RAST_EMBED_DIMS * sizeof(*v));
	for (size_t i = 0; i < f->n; i++) {
		const struct rast_feature_hash *x = &f->v[i];
		float w = fold_weight[x->kind] * log1pf(x->weight) * (idf ? idf(arg, x) : 1.0f);

		v[(x->hash >> 1) % RAST_EMBED_DIMS] += x->hash & 1 ? w : -w;
	}
	for (size_t i = 0; i < RAST_EMBED_DIMS; i++)
		norm += (double)v[i] * (double)v[i];
	if (norm <= 0)
		return;
	norm = sqrt(norm);
	for (size_t i = 0; i < RAST_EMBED_DIMS; i++)
		v[i] = (float)((double)v[i] / norm);
}
