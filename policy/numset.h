/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of numbers → small numbers, equal sets the same one, given in the order of first sight; 0 is the
 * empty set. For sets of few members out of very many, which bit sets would make quadratic.
 */
#ifndef RAST_POLICY_NUMSET_H
#define RAST_POLICY_NUMSET_H

#include "policy/arena.h"

#include <stddef.h>
#include <stdint.h>

struct rast_numsets {
	struct rast_arena *arena;
	size_t n, room, total; /* sets; members of all of them */
	struct rast_numset {
		const uint32_t *members; /* sorted */
		size_t n;
		uint64_t hash;
	} * sets;
	uint32_t *table; /* open addressing: number + 1 */
	size_t table_size;
};

/* The sum (exclusive or) of these over the members is the hash of a set. */
static inline uint64_t rast_numset_hash(uint32_t member)
{
	uint64_t h = ((uint64_t)member + 1) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 32) * 0xff51afd7ed558ccdull;
	return h ^ h >> 29;
}

int rast_numsets_init(struct rast_numsets *s, struct rast_arena *a);
/* `members` are sorted and copied. -E2BIG when all sets together become too large for memory. */
int rast_numsets_get(struct rast_numsets *s, const uint32_t *members, size_t n, uint64_t hash,
		     uint32_t *ret);

#endif
