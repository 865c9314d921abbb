/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit sets as arrays of 64-bit words; the caller knows the length. Bits past the number of members
 * in the last word are always 0: rast_bits_not() keeps it so.
 */
#ifndef RAST_POLICY_BITSET_H
#define RAST_POLICY_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t rast_bits_words(size_t n)
{
	return (n + 63) / 64;
}

static inline void rast_bit_set(uint64_t *b, size_t i)
{
	b[i / 64] |= 1ull << (i % 64);
}

static inline void rast_bit_flip(uint64_t *b, size_t i)
{
	b[i / 64] ^= 1ull << (i % 64);
}

static inline bool rast_bit_test(const uint64_t *b, size_t i)
{
	return b[i / 64] >> (i % 64) & 1;
}

static inline void rast_bits_or(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] |= from[i];
}

static inline void rast_bits_and(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] &= from[i];
}

static inline void rast_bits_and_not(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] &= ~from[i];
}

static inline void rast_bits_fill(uint64_t *to, size_t n)
{
	memset(to, 0xff, n / 64 * 8);
	if (n % 64)
		to[n / 64] = (1ull << (n % 64)) - 1;
}

static inline bool rast_bits_any(const uint64_t *b, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (b[i])
			return true;
	return false;
}

/* The first member from i on; words * 64 when there is none. */
static inline size_t rast_bits_next(const uint64_t *b, size_t words, size_t i)
{
	size_t w = i / 64;
	uint64_t m;

	if (w >= words)
		return words * 64;
	m = b[w] & ~0ull << (i % 64);
	while (!m) {
		if (++w == words)
			return words * 64;
		m = b[w];
	}
	return w * 64 + (size_t)__builtin_ctzll(m);
}

/* i runs over the members in order. */
#define rast_bits_foreach(i, b, words)                                       \
	for (size_t i = rast_bits_next(b, words, 0); i < (size_t)(words)*64; \
	     i = rast_bits_next(b, words, i + 1))

#endif
