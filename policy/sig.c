// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interning of bit sets. Numbers are given in the order of first sight, so that they depend on the
 * input only and not on the hash.
 */
#include "policy/stage.h"

#include <errno.h>

static uint64_t hash(const uint64_t *bits, size_t words)
{
	uint64_t h = 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < words; i++) {
		h = (h ^ bits[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h;
}

static void put(struct rast_sigs *s, uint32_t number)
{
	size_t at = hash(s->sets[number], s->words) & (s->table_size - 1);

	while (s->table[at])
		at = (at + 1) & (s->table_size - 1);
	s->table[at] = number + 1;
}

static int grow(struct rast_sigs *s)
{
	size_t room = s->room ? s->room * 2 : 64;
	uint64_t **sets = rast_arena_take(s->arena, room, sizeof(*sets));

	s->table = rast_arena_take(s->arena, room * 2, sizeof(*s->table));
	if (!sets || !s->table)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		sets[i] = s->sets[i];
	s->sets = sets;
	s->room = room;
	s->table_size = room * 2;
	for (size_t i = 0; i < s->n; i++)
		put(s, (uint32_t)i);
	return 0;
}

int rast_sigs_get(struct rast_sigs *s, const uint64_t *bits, uint32_t *ret)
{
	size_t at = hash(bits, s->words) & (s->table_size - 1);
	uint64_t *copy;

	for (; s->table[at]; at = (at + 1) & (s->table_size - 1))
		if (!memcmp(s->sets[s->table[at] - 1], bits, s->words * sizeof(*bits))) {
			*ret = s->table[at] - 1;
			return 0;
		}
	if (s->n == s->room && grow(s) < 0)
		return -ENOMEM;
	copy = rast_arena_take(s->arena, s->words, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bits, s->words * sizeof(*copy));
	s->sets[s->n] = copy;
	put(s, (uint32_t)s->n);
	*ret = (uint32_t)s->n++;
	return 0;
}

int rast_sigs_init(struct rast_sigs *s, struct rast_arena *a, size_t bits)
{
	uint64_t *none;
	uint32_t zero;

	*s = (struct rast_sigs){.arena = a, .words = rast_bits_words(bits) ?: 1};
	none = rast_arena_take(a, s->words, sizeof(*none));
	if (!none || grow(s) < 0)
		return -ENOMEM;
	return rast_sigs_get(s, none, &zero);
}
