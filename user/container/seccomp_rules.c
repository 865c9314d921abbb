// SPDX-License-Identifier: BSD-2-Clause
/*
 * See seccomp_rules.h. Conditions are taken apart into tests of words. Each way through the tests keeps
 * what it has learned (`struct known`), so that "the high half is 0" is asked once and not again for
 * each of twenty constants. That may double the graph with every rule: past a budget the plain chain of
 * rules is taken, which is as long as its conditions.
 */
#include "container/seccomp_rules.h"

#include <linux/seccomp.h>
#include <stddef.h>

#define MAX_KNOWN 24

struct known {
	uint32_t offset, mask, k;
	uint16_t op;
	bool holds;
};

struct way {
	struct code *c;
	const struct seccomp_rule *rules;
	unsigned int n;
	bool wide, learn;
	uint32_t otherwise;
	code_node plain; /* without learning: the rules behind this one */
	int budget;
	struct known known[MAX_KNOWN];
	unsigned int n_known;
};

/* 1, 0, or -1: cannot be said. */
static int answer(const struct way *w, uint32_t offset, uint32_t mask, uint16_t op, uint32_t k)
{
	uint32_t low = 0, high = mask;
	unsigned int i;

	for (i = 0; i < w->n_known; i++) {
		const struct known *f = &w->known[i];

		if (f->offset != offset || f->mask != mask)
			continue;
		if (f->op == BPF_JEQ && f->holds)
			low = high = f->k;
		else if (f->op == BPF_JEQ && op == BPF_JEQ && f->k == k)
			return 0;
		else if (f->op == BPF_JGE && f->holds && f->k > low)
			low = f->k;
		else if (f->op == BPF_JGE && !f->holds && f->k <= high)
			high = f->k - 1;
		else if (f->op == BPF_JGT && f->holds && f->k >= low)
			low = f->k + 1;
		else if (f->op == BPF_JGT && !f->holds && f->k < high)
			high = f->k;
	}
	if (op == BPF_JEQ)
		return k < low || k > high || (k & ~mask) ? 0 : low == high ? 1 : -1;
	if (op == BPF_JGE)
		return low >= k ? 1 : high < k ? 0 : -1;
	return low > k ? 1 : high <= k ? 0 : -1;
}

/* Where a way goes on: argument `arg` of rule `rule`, and within it from test `step`. */
struct place {
	unsigned int rule, arg;
};

static code_node go(struct way *w, struct place p);

typedef code_node (*branch)(struct way *w, struct place p, const struct rast_seccomp_arg *a);

static code_node test(struct way *w, struct place p, const struct rast_seccomp_arg *a,
		      const struct known *q, branch yes, branch no)
{
	int known = w->learn ? answer(w, q->offset, q->mask, q->op, q->k) : -1;
	code_node y, n;
	bool kept;

	if (known >= 0)
		return (known ? yes : no)(w, p, a);
	if (--w->budget < 0)
		return 0;
	kept = w->n_known < MAX_KNOWN;
	if (kept)
		w->known[w->n_known++] = *q;
	if (kept)
		w->known[w->n_known - 1].holds = false;
	n = no(w, p, a);
	if (kept)
		w->known[w->n_known - 1].holds = true;
	y = n ? yes(w, p, a) : 0;
	if (kept)
		w->n_known--;
	return code_test(w->c, q->offset, q->mask, q->op, q->k, y, n);
}

static code_node holds(struct way *w, struct place p, const struct rast_seccomp_arg *a)
{
	(void)a;
	p.arg++;
	return go(w, p);
}

static code_node fails(struct way *w, struct place p, const struct rast_seccomp_arg *a)
{
	(void)a;
	if (!w->learn)
		return w->plain;
	return go(w, (struct place){p.rule + 1, 0});
}

static struct known word(const struct rast_seccomp_arg *a, bool high, uint16_t op)
{
	uint64_t value = a->value, mask = ~0ull;
	unsigned int shift = high ? 32 : 0;

	if (a->op == RAST_SECCOMP_MASKED_EQ) {
		mask = a->value;
		value = a->value_two & mask;
	}
	/* Little endian: the low half comes first. */
	return (struct known){(uint32_t)offsetof(struct seccomp_data, args) + 8u * a->index +
				      (high ? 4u : 0u),
			      (uint32_t)(mask >> shift), (uint32_t)(value >> shift), op, false};
}

static code_node low_half(struct way *w, struct place p, const struct rast_seccomp_arg *a)
{
	struct known q;

	switch (a->op) {
	case RAST_SECCOMP_NE:
		q = word(a, false, BPF_JEQ);
		return test(w, p, a, &q, fails, holds);
	case RAST_SECCOMP_GT:
	case RAST_SECCOMP_LE:
		q = word(a, false, BPF_JGT);
		break;
	case RAST_SECCOMP_GE:
	case RAST_SECCOMP_LT:
		q = word(a, false, BPF_JGE);
		break;
	default:
		q = word(a, false, BPF_JEQ);
		return q.mask ? test(w, p, a, &q, holds, fails) : holds(w, p, a);
	}
	if (a->op == RAST_SECCOMP_LT || a->op == RAST_SECCOMP_LE)
		return test(w, p, a, &q, fails, holds);
	return test(w, p, a, &q, holds, fails);
}

/* The high half is not greater: is it the same? */
static code_node high_same(struct way *w, struct place p, const struct rast_seccomp_arg *a)
{
	struct known q = word(a, true, BPF_JEQ);
	bool less = a->op == RAST_SECCOMP_LT || a->op == RAST_SECCOMP_LE;

	return test(w, p, a, &q, low_half, less ? holds : fails);
}

static code_node argument(struct way *w, struct place p, const struct rast_seccomp_arg *a)
{
	struct known q;

	if (!w->wide)
		return low_half(w, p, a);
	switch (a->op) {
	case RAST_SECCOMP_LT:
	case RAST_SECCOMP_LE:
		q = word(a, true, BPF_JGT);
		return test(w, p, a, &q, fails, high_same);
	case RAST_SECCOMP_GE:
	case RAST_SECCOMP_GT:
		q = word(a, true, BPF_JGT);
		return test(w, p, a, &q, holds, high_same);
	case RAST_SECCOMP_NE:
		q = word(a, true, BPF_JEQ);
		return test(w, p, a, &q, low_half, holds);
	default:
		q = word(a, true, BPF_JEQ);
		return q.mask ? test(w, p, a, &q, low_half, fails) : low_half(w, p, a);
	}
}

static code_node go(struct way *w, struct place p)
{
	if (p.rule == w->n)
		return code_ret(w->c, w->otherwise);
	if (p.arg == w->rules[p.rule].n_args)
		return code_ret(w->c, w->rules[p.rule].action);
	return argument(w, p, &w->rules[p.rule].args[p.arg]);
}

code_node seccomp_rules_build(struct code *c, const struct seccomp_rule *rules, unsigned int n,
			      bool wide, uint32_t otherwise)
{
	struct way w = {.c = c, .rules = rules, .n = n, .wide = wide, .otherwise = otherwise};
	code_node top;
	unsigned int i, words = 0;

	for (i = 0; i < n; i++)
		words += 3 * rules[i].n_args;
	w.learn = words <= 512;
	w.budget = 8 + 2 * (int)words;
	top = w.learn ? go(&w, (struct place){0, 0}) : 0;
	if (top)
		return top;
	w.learn = false;
	w.n_known = 0;
	w.plain = code_ret(c, otherwise);
	for (i = n; i-- > 0 && w.plain;) {
		w.budget = 1 << 20; /* 2^arguments at most; none of it twice in the graph */
		w.plain = go(&w, (struct place){i, 0});
	}
	return w.plain;
}
