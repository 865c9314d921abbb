// SPDX-License-Identifier: BSD-2-Clause
/*
 * Search over the store: the in-memory index is made at the first search and follows commits from
 * then on; a search in the past makes one for that moment and throws it away.
 */
#include "vector/store_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HITS_MAX 1000u

int rast_store_embed(const char *key, const json_t *body, struct rast_features *ret, float *vec)
{
	struct rast_facts facts = {0};
	int r = rast_facts_build(key, body, &facts);

	if (r < 0)
		return r;
	r = rast_embed_item(&facts, ret);
	rast_facts_finish(&facts);
	if (!r)
		rast_embed_fold(ret, NULL, NULL, vec);
	return r;
}

void rast_store_index_change(struct rast_store *s, const char *key, uint64_t op,
			     const struct rast_features *f, const float *vec)
{
	if (!s->index)
		return;
	if (!vec) {
		rast_index_remove(s->index, key);
	} else if (rast_index_put(s->index, key, op, vec, f) < 0) {
		rast_index_destroy(s->index); /* made again by the next search */
		s->index = NULL;
	}
}

static int index_add(void *arg, const struct rast_version *v)
{
	struct rast_index *ix = arg;
	float vec[RAST_EMBED_DIMS];
	struct rast_features f = {0};
	int r = rast_store_embed(v->key, v->body, &f, vec);

	if (!r)
		r = rast_index_put(ix, v->key, v->op, vec, &f);
	rast_features_finish(&f);
	return r;
}

static int index_build(struct rast_store *s, uint64_t as_of, struct rast_index **ret,
		       struct rast_err *err)
{
	struct rast_index *ix = rast_index_create();
	int r = ix ? rast_store_list(s, NULL, as_of, index_add, ix, err)
		   : rast_err_set(err, ENOMEM, "out of memory");

	if (r < 0) {
		rast_index_destroy(ix);
		return rast_err_set(err, -r, "the search index cannot be built");
	}
	*ret = ix;
	return 0;
}

void rast_hits_free(struct rast_hit *hits, size_t n)
{
	for (size_t i = 0; hits && i < n; i++) {
		free(hits[i].key);
		free(hits[i].snippet);
		free(hits[i].matched);
		json_decref(hits[i].body);
	}
	free(hits);
}

static int hit_fill(struct rast_store *s, const char *query, const struct rast_match *m,
		    struct rast_hit *h, struct rast_err *err)
{
	struct rast_facts facts = {0};
	struct rast_version v;
	int r = rast_store_version_at(s, m->key, strlen(m->key), m->label, &v, err);

	if (r < 0)
		return r == -ENOENT
			       ? rast_err_set(err, EBADMSG, "damaged: %s has no version", m->key)
			       : r;
	h->op = m->label;
	h->score = (double)m->score;
	h->words = (double)m->words;
	h->cosine = (double)m->cosine;
	h->key = TAKE_PTR(v.key);
	h->body = TAKE_PTR(v.body);
	rast_version_finish(&v);
	r = rast_facts_build(h->key, h->body, &facts);
	if (!r)
		r = rast_embed_explain(&facts, query, &h->snippet, &h->matched);
	rast_facts_finish(&facts);
	return r < 0 ? rast_err_set(err, -r, "out of memory") : 0;
}

int rast_store_search(struct rast_store *s, const char *query, size_t k, uint64_t as_of,
		      struct rast_hit **ret, size_t *ret_n, struct rast_err *err)
{
	rast_store_scope_lock(s);
	_cleanup_free_ struct rast_match *m = NULL;
	struct rast_index *ix = NULL;
	struct rast_hit *hits;
	size_t n = 0;
	int r = s->db ? 0 : rast_store_reopen(s, err);

	if (k > HITS_MAX)
		k = HITS_MAX;
	if (as_of == s->last)
		as_of = 0;
	if (r < 0)
		return r;
	if (as_of || !s->index)
		r = index_build(s, as_of, &ix, err);
	if (r < 0)
		return r;
	if (!as_of && ix)
		s->index = ix;
	else if (!as_of)
		ix = s->index;
	m = calloc(k + 1, sizeof(*m));
	hits = calloc(k + 1, sizeof(*hits));
	if (!m || !hits)
		r = -ENOMEM;
	if (!r && k)
		r = rast_index_search(ix, s->isa, query, k, m, &n);
	if (r < 0)
		r = rast_err_set(err, -r, "the search failed for want of memory");
	for (size_t i = 0; i < n && !r; i++)
		r = hit_fill(s, query, &m[i], &hits[i], err);
	if (as_of)
		rast_index_destroy(ix);
	if (r < 0) {
		rast_hits_free(hits, n);
		return r;
	}
	*ret = hits;
	*ret_n = n;
	return 0;
}
