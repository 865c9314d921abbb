// SPDX-License-Identifier: BSD-2-Clause
/* See near.h. One row of the usual table is kept. */
#include "base/near.h"

#include <string.h>

unsigned int rast_near_distance(const char *a, const char *b)
{
	unsigned int row[64], m = (unsigned int)strlen(b), i, j;

	if (m > 63 || strlen(a) > 63)
		return 99;
	for (j = 0; j <= m; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned int diag = row[0];

		row[0] = i;
		for (j = 1; j <= m; j++) {
			unsigned int up = row[j], best = diag + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = up;
			row[j] = best;
		}
	}
	return row[m];
}
