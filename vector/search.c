// SPDX-License-Identifier: BSD-2-Clause
/*
 * Search in the index: an exact int8 scan whose best are ranked again by float, BM25 over words,
 * concepts and roles, and the fusion of both by reciprocal rank. All orders are total (score, then
 * key), so every machine gives the same answer.
 */
#include "vector/index_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BM25_K1 0.8f
#define BM25_B 0.5f
/* Reciprocal rank: a hit at rank r of a list counts weight / (RRF_K + r). */
#define RRF_K 10.0f
#define RRF_WORDS 1.0f
#define RRF_COSINE 0.6f
/* Rows scored at a time: their scores stay in the first-level cache. */
#define BLOCK 1024u

static const float kind_weight[] = {
	[RAST_F_WORD] = 1.0f,
	[RAST_F_CONCEPT] = 0.8f,
	[RAST_F_ROLE] = 1.6f,
	[RAST_F_GRAM] = 0.0f,
};

struct cand {
	uint32_t slot;
	float score;
};

/* A heap of the best `cap`, worst on top. */
struct top {
	struct cand *v;
	size_t n, cap;
	const struct rast_index *ix;
};

static bool worse(const struct rast_index *ix, struct cand a, struct cand b)
{
	if (a.score != b.score)
		return a.score < b.score;
	return strcmp(ix->docs[a.slot].key, ix->docs[b.slot].key) > 0;
}

static void sift_down(struct top *t, size_t i)
{
	for (;;) {
		size_t c = 2 * i + 1;
		struct cand tmp;

		if (c >= t->n)
			return;
		if (c + 1 < t->n && worse(t->ix, t->v[c + 1], t->v[c]))
			c++;
		if (!worse(t->ix, t->v[c], t->v[i]))
			return;
		tmp = t->v[c];
		t->v[c] = t->v[i];
		t->v[i] = tmp;
		i = c;
	}
}

static void top_add(struct top *t, struct cand c)
{
	if (t->n < t->cap) {
		size_t i = t->n++;

		t->v[i] = c;
		while (i && worse(t->ix, t->v[i], t->v[(i - 1) / 2])) {
			struct cand tmp = t->v[i];

			t->v[i] = t->v[(i - 1) / 2];
			t->v[(i - 1) / 2] = tmp;
			i = (i - 1) / 2;
		}
	} else if (worse(t->ix, t->v[0], c)) {
		t->v[0] = c;
		sift_down(t, 0);
	}
}

/* Best first. */
static void top_sort(struct top *t)
{
	size_t n = t->n;

	while (t->n > 1) {
		struct cand tmp = t->v[0];

		t->v[0] = t->v[--t->n];
		t->v[t->n] = tmp;
		sift_down(t, 0);
	}
	t->n = n;
}

static int top_init(struct top *t, const struct rast_index *ix, size_t cap)
{
	*t = (struct top){.ix = ix, .cap = cap < ix->live ? cap : ix->live};
	t->v = calloc(t->cap ? t->cap : 1, sizeof(*t->v));
	return t->v ? 0 : -ENOMEM;
}

/* Keeps 4k + 32 of the int8 scan: enough that the float order of the first k is the true one. */
static int nearest(const struct rast_index *ix, enum rast_isa isa, const float *vec, size_t k,
		   struct top *ret)
{
	int8_t q[STRIDE] __attribute__((aligned(64)));
	_cleanup_free_ float *scores = malloc(BLOCK * sizeof(*scores));
	struct top rough;
	float qs = rast_quantize(vec, RAST_EMBED_DIMS, q, STRIDE);
	int r;

	if (!scores)
		return -ENOMEM;
	r = top_init(ret, ix, k);
	if (r < 0)
		return r;
	r = top_init(&rough, ix, 4 * k + 32);
	if (r < 0) {
		free(ret->v);
		return r;
	}
	for (size_t at = 0; at < ix->n && qs > 0 && ret->cap; at += BLOCK) {
		size_t n = ix->n - at < BLOCK ? ix->n - at : BLOCK;

		rast_scan_i8(isa, q, qs, ix->rows + at * STRIDE, STRIDE, ix->scales + at, n,
			     scores);
		for (size_t i = 0; i < n; i++) {
			if (rough.n == rough.cap && scores[i] < rough.v[0].score)
				continue;
			if (ix->docs[at + i].key)
				top_add(&rough, (struct cand){(uint32_t)(at + i), scores[i]});
		}
	}
	for (size_t i = 0; i < rough.n; i++) {
		struct cand c = rough.v[i];

		c.score = rast_dot_f32(isa, vec, ix->floats + c.slot * RAST_EMBED_DIMS,
				       RAST_EMBED_DIMS);
		top_add(ret, c);
	}
	top_sort(ret);
	free(rough.v);
	return 0;
}

int rast_index_nearest(struct rast_index *ix, enum rast_isa isa, const float *vec, size_t k,
		       struct rast_match *ret, size_t *ret_n)
{
	struct top t;
	int r = nearest(ix, isa, vec, k, &t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		const struct doc *d = &ix->docs[t.v[i].slot];

		ret[i] = (struct rast_match){d->key, d->label, t.v[i].score, 0, t.v[i].score};
	}
	*ret_n = t.n;
	free(t.v);
	return 0;
}

/* How rare a feature is among the items: ln(1 + (N - df + ½) / (df + ½)). */
static float idf_of(const struct rast_index *ix, uint64_t hash)
{
	uint32_t id = rast_index_term(ix, hash);
	float df = id == TERM_NONE ? 0 : (float)ix->terms[id].df;

	return logf(1.0f + ((float)ix->live - df + 0.5f) / (df + 0.5f));
}

static float fold_idf(void *arg, const struct rast_feature_hash *f)
{
	return idf_of(arg, f->hash);
}

static int bm25(const struct rast_index *ix, const struct rast_features *q, float *scores,
		struct top *ret, size_t k)
{
	float avg = ix->live ? (float)(ix->total_len / (double)ix->live) : 1.0f;
	int r;

	for (size_t i = 0; i < q->n; i++) {
		uint32_t id = rast_index_term(ix, q->v[i].hash);
		const struct term *t;
		float idf;

		if (id == TERM_NONE || q->v[i].kind == RAST_F_GRAM)
			continue;
		t = &ix->terms[id];
		idf = idf_of(ix, t->hash) * kind_weight[t->kind] *
		      (q->v[i].weight < 1 ? q->v[i].weight : 1.0f);
		for (uint32_t p = 0; p < t->n; p++) {
			const struct doc *d = &ix->docs[t->v[p].slot];
			float tf = t->v[p].weight, norm;

			if (!d->key)
				continue;
			norm = BM25_K1 * (1.0f - BM25_B + BM25_B * d->len / (avg > 0 ? avg : 1.0f));
			scores[t->v[p].slot] += idf * tf * (BM25_K1 + 1.0f) / (tf + norm);
		}
	}
	r = top_init(ret, ix, k);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ix->n; i++)
		if (scores[i] > 0 && ix->docs[i].key && ret->cap)
			top_add(ret, (struct cand){(uint32_t)i, scores[i]});
	top_sort(ret);
	return 0;
}

static int fuse(const struct rast_index *ix, const struct top *words, const struct top *dense,
		const float *word_scores, size_t k, struct rast_match *ret, size_t *ret_n)
{
	const float full = (RRF_WORDS + RRF_COSINE) / (RRF_K + 1.0f);
	_cleanup_free_ float *sum = calloc(ix->n ? ix->n : 1, 2 * sizeof(*sum));
	float *cosine = sum + ix->n;
	struct top t;
	int r;

	if (!sum)
		return -ENOMEM;
	for (size_t i = 0; i < words->n; i++)
		sum[words->v[i].slot] += RRF_WORDS / (RRF_K + 1.0f + (float)i);
	for (size_t i = 0; i < dense->n; i++) {
		cosine[dense->v[i].slot] = dense->v[i].score;
		/* Nothing in common but the accidents of hashing: not a hit. */
		if (dense->v[i].score > 0.12f || word_scores[dense->v[i].slot] > 0)
			sum[dense->v[i].slot] += RRF_COSINE / (RRF_K + 1.0f + (float)i);
	}
	r = top_init(&t, ix, k);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ix->n && t.cap; i++)
		if (sum[i] > 0 && ix->docs[i].key)
			top_add(&t, (struct cand){(uint32_t)i, sum[i] / full});
	top_sort(&t);
	for (size_t i = 0; i < t.n; i++) {
		uint32_t slot = t.v[i].slot;

		ret[i] = (struct rast_match){ix->docs[slot].key, ix->docs[slot].label, t.v[i].score,
					     word_scores[slot], cosine[slot]};
	}
	*ret_n = t.n;
	free(t.v);
	return 0;
}

int rast_index_search(struct rast_index *ix, enum rast_isa isa, const char *query, size_t k,
		      struct rast_match *ret, size_t *ret_n)
{
	_cleanup_free_ float *scores = calloc(ix->n ? ix->n : 1, sizeof(*scores));
	float vec[RAST_EMBED_DIMS] __attribute__((aligned(64)));
	size_t depth = 4 * k + 20; /* how far down each list a hit may come from */
	struct top words = {0}, dense = {0};
	struct rast_features q = {0};
	int r;

	if (!scores)
		return -ENOMEM;
	r = rast_embed_query(query, &q);
	if (r < 0)
		return r;
	rast_embed_fold(&q, fold_idf, ix, vec);
	r = nearest(ix, isa, vec, depth, &dense);
	if (!r) {
		r = bm25(ix, &q, scores, &words, depth);
		if (!r)
			r = fuse(ix, &words, &dense, scores, k, ret, ret_n);
		free(words.v);
		free(dense.v);
	}
	rast_features_finish(&q);
	return r;
}
