/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scope-owned memory. `_cleanup_free_ char *s = NULL;` frees s when the scope ends; TAKE_PTR(s)
 * hands it over and leaves NULL behind.
 */
#ifndef RAST_BASE_MEM_H
#define RAST_BASE_MEM_H

#include <stdlib.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

static inline void rast_freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(rast_freep)

#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
