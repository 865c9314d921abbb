// SPDX-License-Identifier: BSD-2-Clause
/* See addr_trie.h. Built from the sorted ranges in one pass; the same ranges give the same lines. */
#include "policy/addr_trie.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 16u /* of a line */
#define TABLE_LINES (256u / WORDS)

struct build {
	const struct rast_range4 *ranges;
	size_t n_ranges;
	struct rast_line *lines;
	size_t n, room;
	size_t list;   /* line that lists are put into, 0: none yet */
	uint32_t used; /* words of it */
};

static int add_lines(struct build *b, size_t n, size_t *ret)
{
	struct rast_line *more;
	size_t room = b->room;

	while (room < b->n + n)
		room += room / 2 + 64;
	if (room > b->room) {
		more = realloc(b->lines, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		b->lines = more;
		b->room = room;
	}
	*ret = b->n;
	memset(b->lines + b->n, 0, n * sizeof(*b->lines));
	b->n += n;
	return b->n * WORDS <= RAST_TRIE_AT ? 0 : -E2BIG;
}

/* Words for one list, within one line; *ret counts words from the first line on. */
static int add_list(struct build *b, uint32_t words, uint32_t align, size_t *ret)
{
	int r = 0;

	b->used = (b->used + align - 1) / align * align;
	if (!b->list || b->used + words > WORDS) {
		r = add_lines(b, 1, &b->list);
		b->used = 0;
	}
	*ret = b->list * WORDS + b->used;
	b->used += words;
	return r;
}

static void put(struct build *b, size_t word, uint32_t value)
{
	b->lines[word / WORDS].w[word % WORDS] = value;
}

static uint32_t list_word(size_t at, size_t n)
{
	return RAST_TRIE_LIST | (uint32_t)(n - 1) << RAST_TRIE_COUNT_SHIFT | (uint32_t)at;
}

/* How many ranges from `first` on, which covers its beginning, have a part in the block. */
static size_t in_block(const struct build *b, size_t first, uint32_t last)
{
	size_t n = 1;

	while (first + n < b->n_ranges && b->ranges[first + n].start <= last)
		n++;
	return n;
}

/* Of a range that begins before the block, its beginning in it. */
static uint32_t start_in(const struct build *b, size_t i, uint32_t block)
{
	return b->ranges[i].start > block ? b->ranges[i].start - block : 0;
}

/* Where the last of n ranges ends with the block, the next one covers the next block's beginning. */
static size_t next_first(const struct build *b, size_t first, size_t n, uint32_t last)
{
	size_t next = first + n;

	return last != UINT32_MAX && next < b->n_ranges && b->ranges[next].start == last + 1
		       ? next
		       : next - 1;
}

static int block24(struct build *b, uint32_t block, size_t first, size_t n, uint32_t *ret)
{
	size_t at;
	int r;

	if (n == 1) {
		*ret = b->ranges[first].klass;
		return 0;
	}
	if (n <= RAST_TRIE_LIST24) {
		r = add_list(b, (uint32_t)n, 1, &at);
		for (size_t i = 0; !r && i < n; i++)
			put(b, at + i,
			    b->ranges[first + i].klass << 8 | start_in(b, first + i, block));
		*ret = list_word(at, n);
		return r;
	}
	r = add_lines(b, TABLE_LINES, &at);
	for (size_t i = 0; !r && i < n; i++) {
		uint32_t end = i + 1 < n ? start_in(b, first + i + 1, block) : 256;

		for (uint32_t k = start_in(b, first + i, block); k < end; k++)
			put(b, at * WORDS + k, b->ranges[first + i].klass);
	}
	*ret = RAST_TRIE_TABLE | (uint32_t)(at * WORDS);
	return r;
}

static int block16(struct build *b, uint32_t block, size_t first, size_t n, uint32_t *ret)
{
	size_t at;
	int r;

	if (n == 1) {
		*ret = b->ranges[first].klass;
		return 0;
	}
	if (n <= RAST_TRIE_LIST16) {
		r = add_list(b, (uint32_t)n * 2, 2, &at);
		for (size_t i = 0; !r && i < n; i++)
			b->lines[at / WORDS].q[at % WORDS / 2 + i] =
				(uint64_t)b->ranges[first + i].klass << 16 |
				start_in(b, first + i, block);
		*ret = list_word(at, n);
		return r;
	}
	r = add_lines(b, TABLE_LINES, &at);
	for (uint32_t k = 0; !r && k < 256; k++) {
		uint32_t sub = block | k << 8, last = sub | 255, word = 0;
		size_t here = in_block(b, first, last);

		r = block24(b, sub, first, here, &word);
		if (!r)
			put(b, at * WORDS + k, word);
		first = next_first(b, first, here, last);
	}
	*ret = RAST_TRIE_TABLE | (uint32_t)(at * WORDS);
	return r;
}

int rast_addr_trie_build(const struct rast_range4 *ranges, size_t n, struct rast_line **ret_lines,
			 size_t *ret_n)
{
	struct build b = {.ranges = ranges, .n_ranges = n};
	size_t first = 0, at;
	int r = add_lines(&b, 65536 / WORDS, &at);

	for (uint32_t k = 0; !r && k < 65536; k++) {
		uint32_t block = k << 16, last = block | 0xffff, word = 0;
		size_t here = in_block(&b, first, last);

		r = block16(&b, block, first, here, &word);
		if (!r)
			put(&b, k, word);
		first = next_first(&b, first, here, last);
	}
	if (r < 0) {
		free(b.lines);
		return r;
	}
	*ret_lines = b.lines;
	*ret_n = b.n;
	return 0;
}

static uint32_t word_at(const struct rast_line *lines, size_t word)
{
	return lines[word / WORDS].w[word % WORDS];
}

uint32_t rast_addr_trie_find(const struct rast_line *lines, uint32_t addr)
{
	uint32_t word = word_at(lines, addr >> 16), at = word & RAST_TRIE_AT;
	uint32_t n = (word >> RAST_TRIE_COUNT_SHIFT & RAST_TRIE_COUNT) + 1, i = 0;

	if (word & RAST_TRIE_LIST) {
		const __u64 *q = &lines[at / WORDS].q[at % WORDS / 2];

		while (i + 1 < n && (q[i + 1] & 0xffff) <= (addr & 0xffff))
			i++;
		return (uint32_t)(q[i] >> 16);
	}
	if (!(word & RAST_TRIE_TABLE))
		return word;
	word = word_at(lines, at + (addr >> 8 & 255));
	at = word & RAST_TRIE_AT;
	n = (word >> RAST_TRIE_COUNT_SHIFT & RAST_TRIE_COUNT) + 1;
	if (word & RAST_TRIE_LIST) {
		while (i + 1 < n && (word_at(lines, at + i + 1) & 0xff) <= (addr & 0xff))
			i++;
		return word_at(lines, at + i) >> 8;
	}
	return word & RAST_TRIE_TABLE ? word_at(lines, at + (addr & 255)) : word;
}
