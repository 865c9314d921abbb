// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which of several rules of a call decides when more than one holds. libseccomp does not say, but does
 * it always in the same way: it merges the rules into a tree, whose levels are sorted, and the first
 * rule that holds on a walk through the tree wins. Here each rule is the list of its comparisons
 * ("steps"), and the lists are put in the order of that walk:
 *  - the later argument first, the high half before the low one;
 *  - equality, then "less", then "greater"; of them the narrower ones first;
 *  - what shares its first steps stays together; the shorter of two is asked first.
 */
#include "container/seccomp_rules.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 18 /* six arguments, three comparisons each */

struct step {
	uint8_t word, op, asked; /* asked: the operator of the rule, op: that of the comparison */
	uint32_t mask, datum;
};

struct path {
	struct step s[MAX_STEPS];
	unsigned int n;
};

static void add(struct path *p, const struct rast_seccomp_arg *a, bool high,
		enum rast_seccomp_op op)
{
	uint64_t mask = a->op == RAST_SECCOMP_MASKED_EQ ? a->value : ~0ull,
		 datum = (a->op == RAST_SECCOMP_MASKED_EQ ? a->value_two : a->value) & mask;
	unsigned int shift = high ? 32 : 0;

	p->s[p->n++] = (struct step){(uint8_t)(2 * a->index + high), (uint8_t)op, (uint8_t)a->op,
				     (uint32_t)(mask >> shift), (uint32_t)(datum >> shift)};
}

static void add_arg(struct path *p, const struct rast_seccomp_arg *a, bool wide)
{
	enum rast_seccomp_op low;

	switch (a->op) {
	case RAST_SECCOMP_GT:
	case RAST_SECCOMP_LE:
		low = RAST_SECCOMP_GT;
		break;
	case RAST_SECCOMP_GE:
	case RAST_SECCOMP_LT:
		low = RAST_SECCOMP_GE;
		break;
	default:
		low = a->op == RAST_SECCOMP_NE ? RAST_SECCOMP_EQ : a->op;
		if (wide)
			add(p, a, true, low);
		add(p, a, false, low);
		return;
	}
	if (wide) {
		add(p, a, true, RAST_SECCOMP_GT);
		add(p, a, true, RAST_SECCOMP_EQ);
	}
	add(p, a, false, low);
}

static void path_of(struct path *p, const struct seccomp_rule *r, bool wide)
{
	unsigned int index, i;

	p->n = 0;
	for (index = 0; index < 6; index++)
		for (i = 0; i < r->n_args; i++)
			if (r->args[i].index == index && !seccomp_arg_idle(&r->args[i], wide))
				add_arg(p, &r->args[i], wide);
}

static unsigned int rank(uint8_t asked)
{
	switch (asked) {
	case RAST_SECCOMP_GE:
	case RAST_SECCOMP_GT:
		return 1;
	case RAST_SECCOMP_LE:
	case RAST_SECCOMP_LT:
		return 2;
	default:
		return 3;
	}
}

/* a is asked after b. */
static bool later(const struct step *a, const struct step *b)
{
	if (a->word != b->word)
		return a->word < b->word;
	if (rank(a->asked) != rank(b->asked))
		return rank(a->asked) < rank(b->asked);
	return rank(a->asked) == 2 ? a->datum > b->datum : a->datum < b->datum;
}

static bool same(const struct step *a, const struct step *b)
{
	return a->word == b->word && a->op == b->op && a->mask == b->mask && a->datum == b->datum;
}

bool seccomp_rules_sort(struct seccomp_rule *rules, unsigned int n, bool wide)
{
	struct path *paths;
	unsigned int i, k;

	for (i = 1; i < n && rules[i].action == rules[0].action; i++)
		;
	/* All say the same: whichever comes first. */
	if (i >= n)
		return true;
	paths = n <= SECCOMP_MAX_MIXED ? malloc((n + 1) * sizeof(*paths)) : NULL;
	if (!paths)
		return false;
	for (i = 0; i < n; i++) {
		struct path *new = &paths[n];
		const struct seccomp_rule rule = rules[i];
		unsigned int shared = 0, at = i;

		path_of(new, &rule, wide);
		for (k = 0; k < i; k++) {
			const struct path *p = &paths[k];
			unsigned int s = 0;

			while (s < p->n && s < new->n &&same(&p->s[s], &new->s[s]))
				s++;
			/* Past those that it shares more with. */
			if (s < shared)
				at = k;
			else if (s < p->n && (s == new->n || later(&p->s[s], &new->s[s])))
				at = k;
			if (at != i)
				break;
			shared = s;
		}
		memmove(&paths[at + 1], &paths[at], (i - at) * sizeof(*paths));
		memmove(&rules[at + 1], &rules[at], (i - at) * sizeof(*rules));
		rules[at] = rule;
		path_of(&paths[at], &rule, wide);
	}
	free(paths);
	return true;
}
