// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policies → flat rules that know which pods they mean. Policies that select no pod fall out here:
 * they decide nothing, and their labels, addresses and ports must not split classes.
 */
#include "policy/stage.h"

#include <errno.h>

static int warn(struct rast_flat *flat, const struct rast_policy *p, int line, const char *what)
{
	json_t *w = json_pack("{s:s, s:i, s:s, s:s, s:s}", "file", p->file, "line", line,
			      "namespace", p->ns, "policy", p->name, "text", what);

	return json_array_append_new(flat->warnings, w) < 0 ? -ENOMEM : 0;
}

static int rule(const struct rast_policy *p, const struct rast_policy_rule *r,
		const struct rast_index *ix, struct rast_arena *a, struct rast_flat *flat,
		struct rast_flat_rule *ret)
{
	bool blocks = false, named = false;

	ret->rule = r;
	ret->block_bit = UINT32_MAX;
	ret->port_list = UINT32_MAX;
	ret->host = r->any_peer;
	if (r->any_peer)
		return 0;
	/* Many rules are of addresses alone: those share one empty set. */
	ret->pods = flat->no_pods ?: rast_arena_take(a, ix->words + 1, sizeof(*ret->pods));
	if (!ret->pods)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_peers; i++) {
		const struct rast_policy_peer *peer = &r->peers[i];

		rast_index_peer(ix, p->ns, peer, ret->pods);
		if (peer->kind == RAST_PEER_BLOCK) {
			blocks = true;
			ret->host |=
				(ix->host4 &&
				 rast_block_contains(&peer->block, false, ix->host4)) ||
				(ix->host6 && rast_block_contains(&peer->block, true, ix->host6));
		}
		blocks |= peer->kind == RAST_PEER_FQDNS;
		ret->host |= peer->kind == RAST_PEER_NODES;
		if (peer->kind != RAST_PEER_ENTITIES)
			continue;
		/* Of other nodes nothing is known here: RAST_ENTITY_NODE is nobody. */
		named |= peer->entities & (RAST_ENTITY_HOST | RAST_ENTITY_ALL);
		ret->host |=
			peer->entities & (RAST_ENTITY_HOST | RAST_ENTITY_CLUSTER | RAST_ENTITY_ALL);
		ret->world |= peer->entities & (RAST_ENTITY_WORLD | RAST_ENTITY_ALL);
	}
	ret->host_named = named;
	if (blocks)
		ret->block_bit = (uint32_t)flat->n_blocks++;
	ret->some_pods = rast_bits_any(ret->pods, ix->words);
	flat->no_pods = ret->some_pods ? NULL : ret->pods;
	if (!blocks && !ret->host && !ret->world && !ret->some_pods)
		return warn(flat, p, r->line, "no pod that runs is a peer of this rule");
	return 0;
}

static int rules(const struct rast_policy *p, enum rast_direction dir, const struct rast_index *ix,
		 uint32_t number, struct rast_arena *a, struct rast_flat *flat,
		 struct rast_flat_policy *ret)
{
	size_t n = rast_policy_n_live(p, dir);

	ret->rules[dir] = rast_arena_take(a, n + 1, sizeof(*ret->rules[dir]));
	if (!ret->rules[dir])
		return -ENOMEM;
	ret->n_rules[dir] = n;
	for (size_t i = 0; i < n; i++) {
		struct rast_flat_rule *f = &ret->rules[dir][i];
		int r;

		f->policy = (uint32_t)flat->n_policies;
		f->number = number + (uint32_t)i;
		flat->attr[f->number] = (uint8_t)((p->rules[dir][i].log ? RAST_RULE_LOGS : 0) |
						  (p->staged ? RAST_RULE_IS_STAGED : 0));
		r = rule(p, &p->rules[dir][i], ix, a, flat, f);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_flatten(const struct rast_policy_set *set, const struct rast_index *ix,
		 struct rast_arena *a, struct rast_flat *ret)
{
	struct rast_flat flat = {.warnings = ret->warnings};
	uint64_t *subject = NULL;
	size_t n_rules = 0;
	int r;

	flat.policies = rast_arena_take(a, set->n_policies + 1, sizeof(*flat.policies));
	for (size_t i = 0; i < set->n_policies; i++)
		n_rules += rast_policy_n_live(set->policies[i], RAST_DIR_INGRESS) +
			   rast_policy_n_live(set->policies[i], RAST_DIR_EGRESS);
	flat.attr = rast_arena_take(a, n_rules + 1, sizeof(*flat.attr));
	if (!flat.policies || !flat.attr)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_policies; i++) {
		const struct rast_policy *p = set->policies[i];
		struct rast_flat_policy *f = &flat.policies[flat.n_policies];
		size_t first = flat.n_rules;

		flat.n_rules += rast_policy_n_live(p, RAST_DIR_INGRESS) +
				rast_policy_n_live(p, RAST_DIR_EGRESS);
		if (!subject)
			subject = rast_arena_take(a, ix->words + 1, sizeof(*subject));
		if (!subject)
			return -ENOMEM;
		rast_index_peer(ix, p->ns, &p->subject, subject);
		if (!rast_bits_any(subject, ix->words)) {
			r = warn(&flat, p, p->line, "selects no pod that runs");
			if (r < 0)
				return r;
			continue;
		}
		f->policy = p;
		flat.staged |= p->staged;
		f->number = (uint32_t)i;
		f->subject = TAKE_PTR(subject);
		r = rules(p, RAST_DIR_INGRESS, ix, (uint32_t)first, a, &flat, f);
		if (!r)
			r = rules(p, RAST_DIR_EGRESS, ix,
				  (uint32_t)(first + rast_policy_n_live(p, RAST_DIR_INGRESS)), a,
				  &flat, f);
		if (r < 0)
			return r;
		flat.n_policies++;
	}
	*ret = flat;
	return 0;
}
