// SPDX-License-Identifier: BSD-2-Clause
/*
 * The in-memory index: slots, one a document, with a matrix of int8 rows, one of floats, and postings
 * by term. A removed document leaves a dead slot; when the dead outnumber the living all is moved
 * together, from the forward lists that each slot keeps. search.c reads what this file writes.
 */
#include "vector/index_priv.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rast_index *rast_index_create(void)
{
	struct rast_index *ix = calloc(1, sizeof(*ix));

	if (!ix)
		return NULL;
	ix->slot_by_key = json_object();
	ix->n_buckets = 1024;
	ix->buckets = calloc(ix->n_buckets, sizeof(*ix->buckets));
	if (!ix->slot_by_key || !ix->buckets) {
		rast_index_destroy(ix);
		return NULL;
	}
	return ix;
}

void rast_index_destroy(struct rast_index *ix)
{
	if (!ix)
		return;
	for (size_t i = 0; i < ix->n; i++) {
		free(ix->docs[i].key);
		free(ix->docs[i].terms);
	}
	for (size_t i = 0; i < ix->n_terms; i++)
		free(ix->terms[i].v);
	free(ix->docs);
	free(ix->terms);
	free(ix->buckets);
	free(ix->rows);
	free(ix->floats);
	free(ix->scales);
	json_decref(ix->slot_by_key);
	free(ix);
}

size_t rast_index_count(const struct rast_index *ix)
{
	return ix->live;
}

size_t rast_index_bytes(const struct rast_index *ix)
{
	size_t sum = ix->cap * (STRIDE + RAST_EMBED_DIMS * sizeof(float) + sizeof(float) +
				sizeof(struct doc));

	for (size_t i = 0; i < ix->n_terms; i++)
		sum += sizeof(struct term) + ix->terms[i].cap * sizeof(struct posting);
	for (size_t i = 0; i < ix->n; i++)
		sum += ix->docs[i].n * sizeof(struct doc_term);
	return sum + ix->n_buckets * sizeof(*ix->buckets);
}

uint32_t rast_index_term(const struct rast_index *ix, uint64_t hash)
{
	for (size_t b = hash & (ix->n_buckets - 1);; b = (b + 1) & (ix->n_buckets - 1)) {
		if (!ix->buckets[b])
			return TERM_NONE;
		if (ix->terms[ix->buckets[b] - 1].hash == hash)
			return ix->buckets[b] - 1;
	}
}

static void bucket_put(uint32_t *buckets, size_t n, uint64_t hash, uint32_t id)
{
	size_t b = hash & (n - 1);

	while (buckets[b])
		b = (b + 1) & (n - 1);
	buckets[b] = id + 1;
}

static int term_make(struct rast_index *ix, const struct rast_feature_hash *f, uint32_t *ret)
{
	uint32_t id = rast_index_term(ix, f->hash);

	if (id != TERM_NONE) {
		*ret = id;
		return 0;
	}
	if (ix->n_terms == ix->cap_terms) {
		size_t cap = ix->cap_terms ? ix->cap_terms * 2 : 1024;
		struct term *t = realloc(ix->terms, cap * sizeof(*t));

		if (!t)
			return -ENOMEM;
		ix->terms = t;
		ix->cap_terms = cap;
	}
	if ((ix->n_terms + 1) * 2 > ix->n_buckets) {
		uint32_t *b = calloc(ix->n_buckets * 2, sizeof(*b));

		if (!b)
			return -ENOMEM;
		for (uint32_t i = 0; i < ix->n_terms; i++)
			bucket_put(b, ix->n_buckets * 2, ix->terms[i].hash, i);
		free(ix->buckets);
		ix->buckets = b;
		ix->n_buckets *= 2;
	}
	id = (uint32_t)ix->n_terms++;
	ix->terms[id] = (struct term){.hash = f->hash, .kind = f->kind};
	bucket_put(ix->buckets, ix->n_buckets, f->hash, id);
	*ret = id;
	return 0;
}

static int grow(struct rast_index *ix)
{
	size_t cap = ix->cap ? ix->cap * 2 : 64;
	struct doc *docs;
	int8_t *rows;
	float *floats, *scales;

	docs = realloc(ix->docs, cap * sizeof(*docs));
	if (!docs)
		return -ENOMEM;
	ix->docs = docs;
	scales = realloc(ix->scales, cap * sizeof(*scales));
	if (!scales)
		return -ENOMEM;
	ix->scales = scales;
	rows = aligned_alloc(RAST_ROW_ALIGN, cap * STRIDE);
	floats = aligned_alloc(64, cap * RAST_EMBED_DIMS * sizeof(*floats));
	if (!rows || !floats) {
		free(rows);
		free(floats);
		return -ENOMEM;
	}
	if (ix->n) {
		memcpy(rows, ix->rows, ix->n * STRIDE);
		memcpy(floats, ix->floats, ix->n * RAST_EMBED_DIMS * sizeof(*floats));
	}
	free(ix->rows);
	free(ix->floats);
	ix->rows = rows;
	ix->floats = floats;
	ix->cap = cap;
	return 0;
}

static int post(struct rast_index *ix, uint32_t slot, const struct doc_term *dt)
{
	struct term *t = &ix->terms[dt->term];

	t->df++;
	if (t->kind == RAST_F_GRAM)
		return 0; /* counted for their rarity, looked up only through the embedding */
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 4;
		struct posting *v = realloc(t->v, cap * sizeof(*v));

		if (!v) {
			t->df--;
			return -ENOMEM;
		}
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = (struct posting){slot, dt->weight};
	return 0;
}

/* All living slots to the front, postings made anew: postings never need more room than they had. */
static void compact(struct rast_index *ix)
{
	size_t out = 0;

	for (size_t i = 0; i < ix->n_terms; i++)
		ix->terms[i].n = ix->terms[i].df = 0;
	for (size_t i = 0; i < ix->n; i++) {
		if (!ix->docs[i].key)
			continue;
		if (out != i) {
			ix->docs[out] = ix->docs[i];
			ix->scales[out] = ix->scales[i];
			memcpy(ix->rows + out * STRIDE, ix->rows + i * STRIDE, STRIDE);
			memcpy(ix->floats + out * RAST_EMBED_DIMS, ix->floats + i * RAST_EMBED_DIMS,
			       RAST_EMBED_DIMS * sizeof(float));
			(void)json_integer_set(json_object_get(ix->slot_by_key, ix->docs[out].key),
					       (json_int_t)out);
		}
		for (uint32_t k = 0; k < ix->docs[out].n; k++)
			(void)post(ix, (uint32_t)out, &ix->docs[out].terms[k]);
		out++;
	}
	ix->n = out;
}

static void drop(struct rast_index *ix, struct doc *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		ix->terms[d->terms[i].term].df--;
	ix->total_len -= (double)d->len;
	ix->live--;
	free(d->key);
	free(d->terms);
	*d = (struct doc){0};
}

void rast_index_remove(struct rast_index *ix, const char *key)
{
	json_t *slot = json_object_get(ix->slot_by_key, key);

	if (!slot)
		return;
	drop(ix, &ix->docs[json_integer_value(slot)]);
	(void)json_object_del(ix->slot_by_key, key);
	if (ix->n - ix->live > ix->live + 64)
		compact(ix);
}

int rast_index_put(struct rast_index *ix, const char *key, uint64_t label, const float *vec,
		   const struct rast_features *f)
{
	struct doc d = {.label = label};
	uint32_t slot;
	int r = 0;

	rast_index_remove(ix, key);
	if (ix->n == ix->cap)
		r = grow(ix);
	if (r < 0)
		return r;
	d.key = strdup(key);
	d.terms = calloc(f->n ? f->n : 1, sizeof(*d.terms));
	for (size_t i = 0; d.key && d.terms && i < f->n && !r; i++) {
		r = term_make(ix, &f->v[i], &d.terms[i].term);
		d.terms[i].weight = f->v[i].weight;
		if (f->v[i].kind == RAST_F_WORD)
			d.len += f->v[i].weight;
		d.n += !r;
	}
	slot = (uint32_t)ix->n;
	if (!d.key || !d.terms || r < 0 ||
	    json_object_set_new(ix->slot_by_key, key, json_integer((json_int_t)slot)) < 0) {
		free(d.key);
		free(d.terms);
		return -ENOMEM;
	}
	ix->docs[slot] = d;
	memcpy(ix->floats + slot * RAST_EMBED_DIMS, vec, RAST_EMBED_DIMS * sizeof(float));
	ix->scales[slot] = rast_quantize(vec, RAST_EMBED_DIMS, ix->rows + slot * STRIDE, STRIDE);
	ix->n++;
	ix->live++;
	ix->total_len += (double)d.len;
	for (uint32_t i = 0; i < d.n && !r; i++) {
		r = post(ix, slot, &d.terms[i]);
		if (r < 0) { /* count what was not posted, so that drop() takes off what is there */
			for (; i < d.n; i++)
				ix->terms[d.terms[i].term].df++;
			rast_index_remove(ix, key);
		}
	}
	return r;
}
