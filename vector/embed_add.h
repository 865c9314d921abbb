/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that make features out of items, questions and hits. */
#ifndef RAST_VECTOR_EMBED_ADD_H
#define RAST_VECTOR_EMBED_ADD_H

#include "vector/embed.h"

int rast_features_add(struct rast_features *f, uint64_t hash, float weight, uint8_t kind);
/* A word with its concepts and trigrams; with a prefix ("from>", "to>") as a role instead. */
int rast_features_add_word(struct rast_features *f, const char *stem, const char *prefix,
			   float weight);
/* Sorts, and adds up what is there twice. */
void rast_features_merge(struct rast_features *f);
uint64_t rast_feature_word(const char *stem);
uint64_t rast_feature_concept(const char *concept);

#endif
