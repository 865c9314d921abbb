/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of struct rast_index, for the file that fills it and the one that searches it. */
#ifndef RAST_VECTOR_INDEX_PRIV_H
#define RAST_VECTOR_INDEX_PRIV_H

#include "vector/index.h"

#include <jansson.h>

/* RAST_EMBED_DIMS is a multiple of the row alignment: no padding. */
#define STRIDE ((size_t)RAST_EMBED_DIMS)
_Static_assert(RAST_EMBED_DIMS % RAST_ROW_ALIGN == 0, "rows need no padding");
#define TERM_NONE UINT32_MAX

struct posting {
	uint32_t slot;
	float weight;
};

struct term {
	uint64_t hash;
	struct posting *v;
	uint32_t n, cap, df; /* df: living documents; n may count dead ones too */
	uint8_t kind;
};

struct doc_term {
	uint32_t term;
	float weight;
};

struct doc {
	char *key; /* NULL: dead */
	uint64_t label;
	struct doc_term *terms;
	uint32_t n;
	float len; /* weighted words */
};

struct rast_index {
	struct doc *docs;
	int8_t *rows;
	float *floats, *scales;
	size_t n, cap, live;
	double total_len;
	struct term *terms;
	size_t n_terms, cap_terms;
	uint32_t *buckets; /* 1 + index of a term, by hash; open addressing */
	size_t n_buckets;
	json_t *slot_by_key;
};

/* TERM_NONE when no item has it. */
uint32_t rast_index_term(const struct rast_index *ix, uint64_t hash);

#endif
