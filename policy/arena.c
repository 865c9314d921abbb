// SPDX-License-Identifier: BSD-2-Clause
/*
 * Blocks in a list, filled from the front. A request larger than a block gets one of its own.
 */
#include "policy/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rast_arena_block {
	struct rast_arena_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

#define BLOCK_MIN 2048u
#define BLOCK_MAX 65536u

void *rast_arena_take(struct rast_arena *a, size_t n, size_t size)
{
	struct rast_arena_block *b = a->blocks;
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + 15) & ~(size_t)15;
	if (!b || b->size - b->used < bytes) {
		/* Most arenas hold one small policy, some a whole run: grow with use. */
		size_t room = b ? b->size * 2 : BLOCK_MIN;

		if (room > BLOCK_MAX)
			room = BLOCK_MAX;
		if (room < bytes)
			room = bytes;
		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += bytes;
	return p;
}

char *rast_arena_str(struct rast_arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = rast_arena_take(a, n, 1);

	if (p)
		memcpy(p, s, n);
	return p;
}

void rast_arena_finish(struct rast_arena *a)
{
	struct rast_arena_block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
}

int rast_array_grow(void *array, size_t n, size_t size)
{
	void **p = array;
	void *more;

	if (n & (n - 1))
		return 0;
	more = realloc(*p, (n ? n * 2 : 1) * size);
	if (!more)
		return -ENOMEM;
	*p = more;
	return 0;
}
