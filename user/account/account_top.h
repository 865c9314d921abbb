/* SPDX-License-Identifier: BSD-2-Clause */
/* One frame of `account top` as text: sorted, cut to the terminal. No terminal is touched here. */
#ifndef RAST_ACCOUNT_ACCOUNT_TOP_H
#define RAST_ACCOUNT_ACCOUNT_TOP_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

enum rast_top_sort {
	RAST_TOP_CPU,
	RAST_TOP_MEM,
	RAST_TOP_NET,
	RAST_TOP_SYSCALLS,
	RAST_TOP_NAME,
	RAST_TOP_MAX
};

struct rast_top {
	enum rast_top_sort sort;
	bool reverse;
	int columns, lines; /* of the terminal; 0: not limited */
	bool style;         /* bold and reverse video allowed */
};

/* 'c' 'm' 'n' 's' 'a' choose the order, 'r' turns it round; false for other keys. */
bool rast_top_key(struct rast_top *top, int key);
/* The rows in order; new references. */
json_t *rast_top_sorted(const struct rast_top *top, const json_t *rows);
/* The whole frame, lines separated by \n; the caller frees. NULL when out of memory. */
char *rast_top_frame(const struct rast_top *top, const json_t *rows, const char *clock);

#endif
