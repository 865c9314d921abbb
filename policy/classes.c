// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pods → classes, by partition refinement: all pods begin as one class, and each set of pods that
 * some rule or policy speaks of splits the classes that it cuts. The cost is the size of the sets.
 */
#include "policy/stage.h"

#include <errno.h>

struct part {
	uint32_t *class_of, *size, *hit, *moved_to, *stamp, *touched;
	uint32_t n, round;
};

static void refine(struct part *p, const uint64_t *bits, size_t words)
{
	size_t n = 0;

	p->round++;
	rast_bits_foreach(i, bits, words) {
		uint32_t c = p->class_of[i];

		if (p->stamp[c] != p->round) {
			p->stamp[c] = p->round;
			p->touched[n++] = c;
			p->hit[c] = 0;
			p->moved_to[c] = UINT32_MAX;
		}
		p->hit[c]++;
	}
	rast_bits_foreach(i, bits, words) {
		uint32_t c = p->class_of[i];

		/* A class made in this round has no stamp of it: its members are not moved again. */
		if (p->stamp[c] != p->round || p->hit[c] == p->size[c])
			continue;
		if (p->moved_to[c] == UINT32_MAX)
			p->moved_to[c] = p->n++;
		p->class_of[i] = p->moved_to[c];
		p->size[p->moved_to[c]]++;
	}
	/* Only now, as hit == size above means that all of a class is in the set. */
	for (size_t i = 0; i < n; i++)
		if (p->hit[p->touched[i]] < p->size[p->touched[i]])
			p->size[p->touched[i]] -= p->hit[p->touched[i]];
}

int rast_classes_build(const struct rast_flat *flat, const struct rast_ports *ports,
		       const struct rast_index *ix, struct rast_arena *a, struct rast_classes *ret)
{
	struct part p = {.n = 1};
	struct rast_classes out = {.n_class = 1};
	uint32_t **arrays[] = {&p.class_of, &p.size,    &p.hit,     &p.moved_to,
			       &p.stamp,    &p.touched, &out.pod_of};
	uint32_t *renamed;

	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		*arrays[i] = rast_arena_take(a, ix->n_pods + 2, sizeof(uint32_t));
		if (!*arrays[i])
			return -ENOMEM;
	}
	p.size[0] = (uint32_t)ix->n_pods;
	for (size_t i = 0; i < flat->n_policies; i++) {
		const struct rast_flat_policy *f = &flat->policies[i];

		refine(&p, f->subject, ix->words);
		for (int d = 0; d < 2; d++)
			for (size_t j = 0; j < f->n_rules[d]; j++)
				if (f->rules[d][j].some_pods)
					refine(&p, f->rules[d][j].pods, ix->words);
	}
	for (size_t i = 0; i < ports->n_named; i++)
		refine(&p, ports->named[i].pods, ix->words);
	/* Numbered by first member, whatever the order of the splits was. */
	renamed = p.hit;
	memset(renamed, 0, (ix->n_pods + 2) * sizeof(*renamed));
	for (size_t i = 0; i < ix->n_pods; i++) {
		uint32_t *c = &renamed[p.class_of[i]];

		if (!*c) {
			*c = (uint32_t)out.n_class++;
			out.pod_of[*c] = (uint32_t)i;
		}
		p.class_of[i] = *c;
	}
	out.class_of = p.class_of;
	*ret = out;
	return 0;
}
