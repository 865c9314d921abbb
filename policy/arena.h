/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is freed all at once: what a parsed policy or a compile run is made of. Zeroed. Each
 * function returns NULL when out of memory; an arena that is all zeroes is empty and ready.
 */
#ifndef RAST_POLICY_ARENA_H
#define RAST_POLICY_ARENA_H

#include <stddef.h>

struct rast_arena {
	struct rast_arena_block *blocks;
};

void *rast_arena_take(struct rast_arena *a, size_t n, size_t size);
char *rast_arena_str(struct rast_arena *a, const char *s);
void rast_arena_finish(struct rast_arena *a);

/*
 * For a plain malloc'ed array of n elements: room for one more. Doubles at powers of two, so that adding ten
 * thousand moves little. `array` is the address of the pointer. -ENOMEM.
 */
int rast_array_grow(void *array, size_t n, size_t size);

#endif
