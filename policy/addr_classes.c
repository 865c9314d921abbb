// SPDX-License-Identifier: BSD-2-Clause
/*
 * CIDRs and what they except → ranges, and classes of addresses that no rule tells apart. A sweep
 * over all ends: between two of them the set of rules that cover an address does not change.
 * Class 0 is what no block covers; IPv4 and IPv6 share the classes.
 */
#include "policy/stage.h"

#include <errno.h>

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

static int sweep(const struct events *e, size_t n_bits, struct rast_arena *a,
		 struct rast_sigs *sigs, struct rast_addr_range **ret, size_t *ret_n)
{
	struct rast_addr_range *out = rast_arena_take(a, e->n + 1, sizeof(*out));
	uint64_t *bits = rast_arena_take(a, sigs->words, sizeof(*bits));
	int32_t *depth = rast_arena_take(a, n_bits + 1, sizeof(*depth));
	rast_u128 at = 0;
	size_t i = 0, n = 0;

	if (!out || !bits || !depth)
		return -ENOMEM;
	for (;;) {
		uint32_t klass;

		for (; i < e->n && e->ev[i].at == at; i++) {
			uint32_t bit = e->ev[i].bit;
			bool was = depth[bit];

			depth[bit] += e->ev[i].add;
			if (was != (depth[bit] != 0))
				rast_bit_flip(bits, bit);
		}
		if (rast_sigs_get(sigs, bits, &klass) < 0)
			return -ENOMEM;
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

	if (collect(flat, a, e) < 0 || rast_sigs_init(&out.sigs, a, flat->n_blocks) < 0)
		return -ENOMEM;
	for (int v6 = 0; v6 < 2; v6++) {
		qsort(e[v6].ev, e[v6].n, sizeof(*e[v6].ev), cmp_event);
		if (sweep(&e[v6], flat->n_blocks, a, &out.sigs, &out.ranges[v6],
			  &out.n_ranges[v6]) < 0)
			return -ENOMEM;
	}
	*ret = out;
	return 0;
}
