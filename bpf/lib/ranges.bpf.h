/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The class of an address outside the cluster: a search in the image itself while its ranges are few, else
 * in the slot's table. What cannot be looked up has class RANGE_MISS, which no image reaches: denied.
 *
 * No branch depends on the data of a search: the verifier would walk every path of one that has some.
 */
#ifndef RAST_BPF_LIB_RANGES_H
#define RAST_BPF_LIB_RANGES_H

#include <bpf/bpf_endian.h>

#include "bpf/lib/policy_maps.bpf.h"

#define RANGE_MISS 0xffffffffu
#define LINE_WORDS 16

static __always_inline struct rast_line *table_line(__u32 slot, __u32 line)
{
	void *table = bpf_map_lookup_elem(&policy_table, &slot);

	return table ? bpf_map_lookup_elem(table, &line) : NULL;
}

/* All ones if a < b, else 0; both below 2^32. In assembly, or the compiler makes it a branch again. */
static __always_inline __u64 below(__u64 a, __u64 b)
{
	__u64 d = a - b;

	asm volatile("%0 s>>= 63" : "+r"(d));
	return d;
}

/*
 * One step of a search for the last of `end` members that is not above `key`. The verifier of 6.1 loses
 * the bounds of `at` on the way, and the compiler, which knows them, would leave the mask out: so the
 * index is hidden from it.
 */
#define RANGE_STEP(bits, member, mask, key, end) \
	next = at + (1u << (bits));              \
	asm volatile("" : "+r"(next));           \
	at += (1u << (bits)) & below(member(next & (mask)), (__u64)(key) + 1) & below(next, end)

/* Up to 8 double words of a line, class << 16 | start. */
static __always_inline __u32 list16_class(const struct rast_line *line, __u64 at, __u64 n,
					  __u32 addr)
{
	__u64 next, end = at + n;

#define LIST16_START(i) (line->q[i] & 0xffff)
	RANGE_STEP(2, LIST16_START, 7, addr & 0xffff, end);
	RANGE_STEP(1, LIST16_START, 7, addr & 0xffff, end);
	RANGE_STEP(0, LIST16_START, 7, addr & 0xffff, end);
	asm volatile("" : "+r"(at));
	return line->q[at & 7] >> 16;
}

/* Up to 16 words, class << 8 | start. */
static __always_inline __u32 list24_class(const struct rast_line *line, __u64 at, __u64 n,
					  __u32 addr)
{
	__u64 next, end = at + n;

#define LIST24_START(i) (line->w[i] & 0xff)
	RANGE_STEP(3, LIST24_START, 15, addr & 0xff, end);
	RANGE_STEP(2, LIST24_START, 15, addr & 0xff, end);
	RANGE_STEP(1, LIST24_START, 15, addr & 0xff, end);
	RANGE_STEP(0, LIST24_START, 15, addr & 0xff, end);
	asm volatile("" : "+r"(at));
	return line->w[at & 15] >> 8;
}

static __always_inline __u32 word_at(const struct rast_line *line, __u64 at)
{
	asm volatile("" : "+r"(at));
	return line->w[at & (LINE_WORDS - 1)];
}

/* policy/addr_trie.h has the form. `first`: its first line in the slot's table. */
static __always_inline __u32 trie_class(__u32 slot, __u32 first, __u32 addr)
{
	const struct rast_line *line = table_line(slot, first + (addr >> 16) / LINE_WORDS);
	__u32 word, at;

	if (!line)
		return RANGE_MISS;
	word = word_at(line, addr >> 16);
	if (!(word & (RAST_TRIE_LIST | RAST_TRIE_TABLE)))
		return word;
	at = word & RAST_TRIE_AT;
	if (!(word & RAST_TRIE_LIST))
		at += addr >> 8 & 255;
	line = table_line(slot, first + at / LINE_WORDS);
	if (!line)
		return RANGE_MISS;
	if (word & RAST_TRIE_LIST)
		return list16_class(line, at / 2 & 7,
				    (word >> RAST_TRIE_COUNT_SHIFT & RAST_TRIE_COUNT) + 1, addr);
	word = word_at(line, at);
	if (!(word & (RAST_TRIE_LIST | RAST_TRIE_TABLE)))
		return word;
	at = word & RAST_TRIE_AT;
	if (!(word & RAST_TRIE_LIST))
		at += addr & 255;
	line = table_line(slot, first + at / LINE_WORDS);
	if (!line)
		return RANGE_MISS;
	if (word & RAST_TRIE_LIST)
		return list24_class(line, at & 15,
				    (word >> RAST_TRIE_COUNT_SHIFT & RAST_TRIE_COUNT) + 1, addr);
	return word_at(line, at);
}

/* The class of the last range that starts at or before addr. */
static __noinline __u32 range_class(const struct rast_policy_image *img, __u32 slot, __u32 addr)
{
	__u64 n = img->n_range4, at = 0, next;

	if (n > RAST_FEW_RANGES)
		return trie_class(slot, img->addr4_at, addr);
#define RANGE4_START(i) (img->range4[i].start)
	RANGE_STEP(5, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	RANGE_STEP(4, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	RANGE_STEP(3, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	RANGE_STEP(2, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	RANGE_STEP(1, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	RANGE_STEP(0, RANGE4_START, RAST_FEW_RANGES - 1, addr, n);
	asm volatile("" : "+r"(at));
	return img->range4[at & (RAST_FEW_RANGES - 1)].klass;
}

/* Is ah:al <= bh:bl? All ones, else 0; without a branch. */
static __always_inline __u64 not_above6(__u64 ah, __u64 al, __u64 bh, __u64 bl)
{
	/* The sign bit of each is "below": a borrow out of the subtraction. */
	__u64 hi_below = (~ah & bh) | (~(ah ^ bh) & (ah - bh));
	__u64 hi_above = (~bh & ah) | (~(ah ^ bh) & (bh - ah));
	__u64 lo_above = (~bl & al) | (~(al ^ bl) & (bl - al));
	__u64 d = hi_below | (~hi_above & ~lo_above);

	asm volatile("%0 s>>= 63" : "+r"(d));
	return d;
}

#define RANGE6_BITS 18
_Static_assert(RAST_MAX_RANGES6 == 1u << RANGE6_BITS, "the search below has so many steps");

/*
 * The same of more ranges, each a line of the slot's table: two in one line would need an offset, and to the
 * verifier each way to an offset is a way of its own. Global, so that it is verified once.
 */
__noinline __u32 range6_in_table(__u32 of_slot, __u64 hi, __u64 lo)
{
	__u32 slot = of_slot; /* 6.1 takes no argument of a global function as a key */
	const struct rast_policy_image *img = bpf_map_lookup_elem(&policy_image, &slot);
	const struct rast_line *line;
	__u32 at = 0, next, n, first;

	if (!img)
		return RANGE_MISS;
	n = img->n_range6;
	first = img->addr6_at;
	for (__u32 bit = RANGE6_BITS; bit > 0; bit--) {
		next = at + (1u << (bit - 1));
		if (next >= n)
			continue;
		line = table_line(slot, first + next);
		if (!line)
			return RANGE_MISS;
		if (line->q[0] < hi || (line->q[0] == hi && line->q[1] <= lo))
			at = next;
	}
	line = table_line(slot, first + at);
	return line ? line->q[2] : RANGE_MISS;
}

/* The same for IPv6; `addr` in network byte order. */
static __noinline __u32 range6_class(const struct rast_policy_image *img, const __u32 *addr)
{
	__u64 n = img->n_range6, at = 0, next;
	__u64 hi = (__u64)bpf_ntohl(addr[0]) << 32 | bpf_ntohl(addr[1]);
	__u64 lo = (__u64)bpf_ntohl(addr[2]) << 32 | bpf_ntohl(addr[3]);
	const struct rast_range6 *r;

#define RANGE6_STEP(bits)                               \
	next = at + (1u << (bits));                     \
	asm volatile("" : "+r"(next));                  \
	r = &img->range6[next & (RAST_FEW_RANGES - 1)]; \
	at += (1u << (bits)) & not_above6(r->hi, r->lo, hi, lo) & below(next, n)

	RANGE6_STEP(5);
	RANGE6_STEP(4);
	RANGE6_STEP(3);
	RANGE6_STEP(2);
	RANGE6_STEP(1);
	RANGE6_STEP(0);
	asm volatile("" : "+r"(at));
	return img->range6[at & (RAST_FEW_RANGES - 1)].klass;
}

#endif
