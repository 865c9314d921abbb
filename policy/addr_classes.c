// SPDX-License-Identifier: BSD-2-Clause
/*
 * CIDRs and what they except → ranges, and classes of addresses that no rule tells apart. A sweep
 * over all ends: between two of them the set of rules that cover an address does not change.
 * Class 0 is what no block covers; IPv4 and IPv6 share the classes.
 */
#include "policy/stage.h"

#include <errno.h>
#include <string.h>

struct event {
	rast_u128 at;
	uint32_t bit;
	int32_t add; /* blocks of that rule that begin, less those that end */
};

struct events {
	struct event *ev;
	size_t n, room;
};

static int cmp_event(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->bit > y->bit) - (x->bit < y->bit);
}

static int cmp_cidr(const void *a, const void *b)
{
	const struct rast_cidr *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return (x->hi < y->hi) - (x->hi > y->hi); /* the larger first */
}

static void span(struct events *e, uint32_t bit, rast_u128 lo, rast_u128 hi, rast_u128 max)
{
	e->ev[e->n++] = (struct event){lo, bit, 1};
	if (hi != max)
		e->ev[e->n++] = (struct event){hi + 1, bit, -1};
}

/* The block without its excepts, as disjoint spans. */
static int block(struct events *e, uint32_t bit, const struct rast_policy_block *b,
		 struct rast_arena *a)
{
	rast_u128 max = b->cidr.v6 ? ~(rast_u128)0 : UINT32_MAX, at = b->cidr.lo;
	struct rast_cidr *x = rast_arena_take(a, b->n_excepts + 1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_excepts; i++)
		x[i] = b->excepts[i];
	qsort(x, b->n_excepts, sizeof(*x), cmp_cidr);
	for (size_t i = 0; i < b->n_excepts; i++) {
		if (x[i].hi < at)
			continue; /* within an earlier one */
		if (x[i].lo > at)
			span(e, bit, at, x[i].lo - 1, max);
		if (x[i].hi == b->cidr.hi)
			return 0;
		at = x[i].hi + 1;
	}
	span(e, bit, at, b->cidr.hi, max);
	return 0;
}

static int collect(const struct rast_flat *flat, struct rast_arena *a, struct events e[2])
{
	for (int fill = 0; fill < 2; fill++) {
		for (size_t i = 0; i < flat->n_policies * 2; i++) {
			const struct rast_flat_policy *p = &flat->policies[i / 2];

			for (size_t j = 0; j < p->n_rules[i % 2]; j++) {
				const struct rast_flat_rule *f = &p->rules[i % 2][j];

				for (size_t k = 0; k < f->rule->n_peers; k++) {
					const struct rast_policy_peer *peer = &f->rule->peers[k];
					bool v6 = peer->block.cidr.v6;

					if (peer->kind != RAST_PEER_BLOCK)
						continue;
					if (!fill)
						e[v6].room += 2 * peer->block.n_excepts + 2;
					else if (block(&e[v6], f->block_bit, &peer->block, a) < 0)
						return -ENOMEM;
				}
			}
		}
		for (int v6 = 0; !fill && v6 < 2; v6++) {
			e[v6].ev = rast_arena_take(a, e[v6].room + 1, sizeof(*e[v6].ev));
			if (!e[v6].ev)
				return -ENOMEM;
		}
	}
	return 0;
}

/* The rules that cover the address at hand, sorted. */
struct active {
	uint32_t *bits;
	size_t n;
	uint64_t hash;
};

static void flip(struct active *a, uint32_t bit)
{
	size_t lo = 0, hi = a->n;

	a->hash ^= rast_numset_hash(bit);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (a->bits[mid] < bit)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < a->n && a->bits[lo] == bit) {
		a->n--;
		memmove(&a->bits[lo], &a->bits[lo + 1], (a->n - lo) * sizeof(*a->bits));
	} else {
		memmove(&a->bits[lo + 1], &a->bits[lo], (a->n - lo) * sizeof(*a->bits));
		a->bits[lo] = bit;
		a->n++;
	}
}

static int sweep(const struct events *e, size_t n_bits, struct rast_arena *a,
		 struct rast_numsets *sets, struct rast_addr_range **ret, size_t *ret_n)
{
	struct rast_addr_range *out = rast_arena_take(a, e->n + 1, sizeof(*out));
	struct active now = {.bits = rast_arena_take(a, n_bits + 1, sizeof(*now.bits))};
	int32_t *depth = rast_arena_take(a, n_bits + 1, sizeof(*depth));
	rast_u128 at = 0;
	size_t i = 0, n = 0;

	if (!out || !now.bits || !depth)
		return -ENOMEM;
	for (;;) {
		uint32_t klass;
		int r;

		for (; i < e->n && e->ev[i].at == at; i++) {
			uint32_t bit = e->ev[i].bit;
			bool was = depth[bit];

			depth[bit] += e->ev[i].add;
			if (was != (depth[bit] != 0))
				flip(&now, bit);
		}
		r = rast_numsets_get(sets, now.bits, now.n, now.hash, &klass);
		if (r < 0)
			return r;
		if (!n || out[n - 1].klass != klass)
			out[n++] = (struct rast_addr_range){at, klass};
		if (i == e->n)
			break;
		at = e->ev[i].at;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

int rast_addrs_build(const struct rast_flat *flat, struct rast_arena *a, struct rast_addrs *ret)
{
	struct events e[2] = {};
	struct rast_addrs out = {};
	int r;

	if (collect(flat, a, e) < 0 || rast_numsets_init(&out.sets, a) < 0)
		return -ENOMEM;
	for (int v6 = 0; v6 < 2; v6++) {
		qsort(e[v6].ev, e[v6].n, sizeof(*e[v6].ev), cmp_event);
		r = sweep(&e[v6], flat->n_blocks, a, &out.sets, &out.ranges[v6], &out.n_ranges[v6]);
		if (r < 0)
			return r;
	}
	*ret = out;
	return 0;
}

/* For each rule with blocks its classes, in order. */
int rast_addrs_index(struct rast_addrs *addrs, const struct rast_flat *flat, struct rast_arena *a)
{
	const struct rast_numsets *sets = &addrs->sets;
	size_t n_bits = flat->n_blocks;
	size_t *first = rast_arena_take(a, n_bits + 2, sizeof(*first));
	uint32_t *classes = rast_arena_take(a, sets->total + 1, sizeof(*classes));

	if (!first || !classes)
		return -ENOMEM;
	/* Counted two places on, so that filling moves each one to where its rule's begin. */
	for (size_t c = 0; c < sets->n; c++)
		for (size_t i = 0; i < sets->sets[c].n; i++)
			first[sets->sets[c].members[i] + 2]++;
	for (size_t b = 2; b < n_bits + 2; b++)
		first[b] += first[b - 1];
	for (size_t c = 0; c < sets->n; c++)
		for (size_t i = 0; i < sets->sets[c].n; i++)
			classes[first[sets->sets[c].members[i] + 1]++] = (uint32_t)c;
	addrs->first_of_bit = first;
	addrs->classes_of_bit = classes;
	addrs->n_class = sets->n;
	return 0;
}
