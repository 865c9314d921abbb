/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A local text embedder without a model: words, concepts, who-connects-to-whom roles and character
 * trigrams, each a 64-bit hash with a weight, folded by signed feature hashing into a unit vector.
 * The same features feed BM25 (index.h). Pure and deterministic: the vector of an item depends on
 * nothing but the item, so it never goes stale; what is rare in the collection is weighed on the
 * query's side only.
 */
#ifndef RAST_VECTOR_EMBED_H
#define RAST_VECTOR_EMBED_H

#include "vector/facts.h"

#include <stddef.h>
#include <stdint.h>

#define RAST_EMBED_DIMS 384u

enum rast_feature_kind { RAST_F_WORD, RAST_F_CONCEPT, RAST_F_ROLE, RAST_F_GRAM };

struct rast_feature_hash {
	uint64_t hash;
	float weight; /* of a word: term frequency weighted by field */
	uint8_t kind;
};

/* Sorted by hash, each once. */
struct rast_features {
	struct rast_feature_hash *v;
	size_t n, cap;
};
void rast_features_finish(struct rast_features *f);

/* Identity of this embedder: vectors of another one are made anew. */
uint32_t rast_embedder_id(void);

int rast_embed_item(const struct rast_facts *facts, struct rast_features *ret);
int rast_embed_query(const char *query, struct rast_features *ret);
/*
 * Folds features into `v`, RAST_EMBED_DIMS floats of length 1, or all zero when there are none.
 * idf (may be NULL) says how rare a feature is.
 */
void rast_embed_fold(const struct rast_features *f,
		     float (*idf)(void *arg, const struct rast_feature_hash *f), void *arg,
		     float *v);

/* Which facts fit the query best: "path: value; path: value", and the words that were found. */
int rast_embed_explain(const struct rast_facts *facts, const char *query, char **ret_snippet,
		       char **ret_matched);

#endif
