/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a search looks at: for each item of a collection its embedding (int8 to scan, float to rank)
 * and its words in an inverted index, all in memory and made from the store, so it may be thrown
 * away. Both lists of a search are fused by reciprocal rank. Pure. A graph will stand beside the scan
 * for large collections: labels are operation numbers, which never change their meaning.
 */
#ifndef RAST_VECTOR_INDEX_H
#define RAST_VECTOR_INDEX_H

#include "vector/distance.h"
#include "vector/embed.h"

#include <stddef.h>
#include <stdint.h>

struct rast_index;

struct rast_index *rast_index_create(void);
void rast_index_destroy(struct rast_index *ix);
/* Replaces what is there under this key. vec: RAST_EMBED_DIMS floats of length 1 or 0. */
int rast_index_put(struct rast_index *ix, const char *key, uint64_t label, const float *vec,
		   const struct rast_features *f);
void rast_index_remove(struct rast_index *ix, const char *key);
size_t rast_index_count(const struct rast_index *ix);
size_t rast_index_bytes(const struct rast_index *ix);

struct rast_match {
	const char *key; /* lives until the index changes */
	uint64_t label;
	float score, words, cosine;
};
/* Best first, ties by key; 0 when nothing shares anything with the query. */
int rast_index_search(struct rast_index *ix, enum rast_isa isa, const char *query, size_t k,
		      struct rast_match *ret, size_t *ret_n);
/* The exact scan alone: nearest by embedding. */
int rast_index_nearest(struct rast_index *ix, enum rast_isa isa, const float *vec, size_t k,
		       struct rast_match *ret, size_t *ret_n);

#endif
