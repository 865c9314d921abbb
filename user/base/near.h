/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a mistyped name is from a known one, for "did you mean". */
#ifndef RAST_BASE_NEAR_H
#define RAST_BASE_NEAR_H

/* Levenshtein distance; 99 for names of more than 63 bytes, which nobody mistypes by one letter. */
unsigned int rast_near_distance(const char *a, const char *b);

#endif
