// SPDX-License-Identifier: BSD-2-Clause
/* See numset.h. The hash is the caller's, who changes a set member by member and its hash with it. */
#include "policy/numset.h"

#include <errno.h>
#include <string.h>

/* 256 MB: a thousand rules that all cover each of 64,000 ranges. */
#define MAX_TOTAL (64u << 20)

static void put(struct rast_numsets *s, uint32_t number)
{
	size_t at = s->sets[number].hash & (s->table_size - 1);

	while (s->table[at])
		at = (at + 1) & (s->table_size - 1);
	s->table[at] = number + 1;
}

static int grow(struct rast_numsets *s)
{
	size_t room = s->room ? s->room * 2 : 64;
	struct rast_numset *sets = rast_arena_take(s->arena, room, sizeof(*sets));

	s->table = rast_arena_take(s->arena, room * 2, sizeof(*s->table));
	if (!sets || !s->table)
		return -ENOMEM;
	if (s->n)
		memcpy(sets, s->sets, s->n * sizeof(*sets));
	s->sets = sets;
	s->room = room;
	s->table_size = room * 2;
	for (size_t i = 0; i < s->n; i++)
		put(s, (uint32_t)i);
	return 0;
}

int rast_numsets_get(struct rast_numsets *s, const uint32_t *members, size_t n, uint64_t hash,
		     uint32_t *ret)
{
	size_t at = hash & (s->table_size - 1);
	uint32_t *copy;

	for (; s->table[at]; at = (at + 1) & (s->table_size - 1)) {
		const struct rast_numset *have = &s->sets[s->table[at] - 1];

		if (have->hash == hash && have->n == n &&
		    (!n || !memcmp(have->members, members, n * sizeof(*members)))) {
			*ret = s->table[at] - 1;
			return 0;
		}
	}
	if (s->total + n > MAX_TOTAL)
		return -E2BIG;
	if (s->n == s->room && grow(s) < 0)
		return -ENOMEM;
	copy = rast_arena_take(s->arena, n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, members, n * sizeof(*copy));
	s->sets[s->n] = (struct rast_numset){copy, n, hash};
	s->total += n;
	put(s, (uint32_t)s->n);
	*ret = (uint32_t)s->n++;
	return 0;
}

int rast_numsets_init(struct rast_numsets *s, struct rast_arena *a)
{
	uint32_t zero;

	*s = (struct rast_numsets){.arena = a};
	return grow(s) < 0 ? -ENOMEM : rast_numsets_get(s, NULL, 0, 0, &zero);
}
