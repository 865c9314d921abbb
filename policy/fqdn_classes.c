// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of rules → peer classes. A name is to the matrix what an address is: something outside the cluster
 * that a set of rules speaks of. So a pattern has the class of the addresses of which the same rules speak,
 * and, where there are none, one more class behind theirs.
 */
#include "policy/fqdn.h"
#include "policy/stage.h"

#include <errno.h>
#include <stdio.h>

struct use {
	struct rast_fqdn fqdn;
	uint32_t bit;
};

static int cmp_fqdn(const struct rast_fqdn *a, const struct rast_fqdn *b)
{
	if (a->suffix != b->suffix)
		return a->suffix ? 1 : -1;
	return memcmp(a->wire, b->wire, sizeof(a->wire));
}

static int cmp_use(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int r = cmp_fqdn(&x->fqdn, &y->fqdn);

	return r ? r : (x->bit > y->bit) - (x->bit < y->bit);
}

/* How many; with `use`, writes them there. */
static size_t collect(const struct rast_flat *flat, struct use *use)
{
	size_t n = 0;

	for (size_t i = 0; i < flat->n_policies; i++) {
		const struct rast_flat_policy *p = &flat->policies[i];

		for (size_t j = 0; j < p->n_rules[RAST_DIR_EGRESS]; j++) {
			const struct rast_flat_rule *f = &p->rules[RAST_DIR_EGRESS][j];

			for (size_t k = 0; k < f->rule->n_peers; k++) {
				const struct rast_policy_peer *peer = &f->rule->peers[k];

				for (size_t m = 0; m < peer->n_fqdns; m++, n++)
					if (use &&
					    !rast_fqdn_parse(peer->fqdns[m].text, &use[n].fqdn))
						use[n].bit = f->block_bit;
			}
		}
	}
	return n;
}

/* Do the peers of these rules meet? Of blocks it is only known that there are some. */
static bool peers_meet(const struct rast_flat_rule *a, const struct rast_flat_rule *b, size_t words)
{
	if (a->rule->any_peer || b->rule->any_peer || (a->host && b->host) ||
	    (a->block_bit != UINT32_MAX && b->block_bit != UINT32_MAX))
		return true;
	for (size_t i = 0; i < words; i++)
		if (a->pods[i] & b->pods[i])
			return true;
	return false;
}

/*
 * Where two rules with `dns` let the same container ask the same server, the first one alone says which names:
 * stricter than both together, and worth a word.
 */
static int warn_dns(const struct rast_flat *flat, size_t words)
{
	struct {
		const struct rast_flat_policy *policy;
		const struct rast_flat_rule *rule;
	} seen[256];
	size_t n = 0;

	for (size_t i = 0; i < flat->n_policies; i++) {
		const struct rast_flat_policy *p = &flat->policies[i];

		for (size_t j = 0; j < p->n_rules[RAST_DIR_EGRESS]; j++) {
			const struct rast_flat_rule *f = &p->rules[RAST_DIR_EGRESS][j];
			bool met = false;

			if (!f->rule->n_dns)
				continue;
			for (size_t k = 0; k < n && !met; k++) {
				for (size_t w = 0; w < words && !met; w++)
					met = seen[k].policy->subject[w] & p->subject[w];
				met = met && peers_meet(seen[k].rule, f, words);
			}
			if (met &&
			    json_array_append_new(
				    flat->warnings,
				    json_pack("{s:s, s:i, s:s, s:s, s:s}", "file", p->policy->file,
					      "line", f->rule->line, "namespace", p->policy->ns,
					      "policy", p->policy->name, "text",
					      "an earlier rule with dns is for the same pods "
					      "and servers: there its names alone count")) < 0)
				return -ENOMEM;
			if (n < ARRAY_SIZE(seen)) {
				seen[n].policy = p;
				seen[n++].rule = f;
			}
		}
	}
	return 0;
}

int rast_fqdns_build(const struct rast_flat *flat, size_t words, struct rast_arena *a,
		     struct rast_addrs *addrs, struct rast_fqdns *ret)
{
	size_t n = collect(flat, NULL);
	struct use *use = rast_arena_take(a, n + 1, sizeof(*use));
	uint32_t *rules = rast_arena_take(a, n + 1, sizeof(*rules));
	struct rast_fqdns out = {.list = rast_arena_take(a, n + 1, sizeof(*out.list))};

	if (!use || !rules || !out.list)
		return -ENOMEM;
	(void)collect(flat, use);
	qsort(use, n, sizeof(*use), cmp_use);
	for (size_t i = 0; i < n;) {
		struct rast_fqdn_class *c = &out.list[out.n++];
		uint64_t hash = 0;
		size_t n_rules = 0;
		int r;

		c->fqdn = &use[i].fqdn;
		for (; i < n && !cmp_fqdn(&use[i].fqdn, c->fqdn); i++) {
			if (n_rules && rules[n_rules - 1] == use[i].bit)
				continue;
			rules[n_rules++] = use[i].bit;
			hash ^= rast_numset_hash(use[i].bit);
		}
		r = rast_numsets_get(&addrs->sets, rules, n_rules, hash, &c->klass);
		if (r < 0)
			return r;
	}
	*ret = out;
	return warn_dns(flat, words);
}

int rast_fqdns_label(const struct rast_fqdns *fqdns, struct rast_policy_rules *rules)
{
	char text[RAST_FQDN_TEXT_SIZE], all[2 * RAST_FQDN_TEXT_SIZE];

	for (size_t i = 0; i < fqdns->n; i++) {
		const struct rast_fqdn *f = fqdns->list[i].fqdn;
		const char **label = &rules->addr_classes[fqdns->list[i].klass];

		(void)rast_fqdn_format(f->wire, f->len, text);
		(void)snprintf(all, sizeof(all), "%.1000s%s%s%s", *label, **label ? ", " : "",
			       !f->suffix   ? ""
			       : f->len > 1 ? "*."
					    : "*",
			       f->suffix && f->len == 1 ? "" : text);
		*label = rast_arena_str(&rules->arena, all);
		if (!*label)
			return -ENOMEM;
	}
	return 0;
}

/* ---- into the image ---- */

static int write_dns(const struct rast_flat_rule *f, uint32_t id, struct rast_name_table *t)
{
	for (size_t i = 0; i < f->rule->n_dns; i++) {
		struct rast_fqdn fqdn;
		int r = rast_fqdn_parse(f->rule->dns[i].text, &fqdn);

		if (!r)
			r = rast_fqdn_table_add(t, &fqdn, 0, id);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_fqdns(const struct rast_policy_rule *r)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (r->peers[i].n_fqdns)
			return true;
	return false;
}

static void set_flag(const struct rast_flat_policy *p, const struct rast_classes *classes,
		     uint8_t flag, struct rast_name_table *t)
{
	for (size_t c = 1; c < classes->n_class; c++)
		if (rast_bit_test(p->subject, classes->pod_of[c]))
			t->flags_by_class[c] |= flag;
}

int rast_fqdns_write(const struct rast_flat *flat, const struct rast_classes *classes,
		     const struct rast_fqdns *fqdns, const uint32_t *id_by_number,
		     struct rast_name_table *ret, struct rast_err *err)
{
	int r = 0;

	for (size_t i = 0; i < fqdns->n && !r; i++)
		r = rast_fqdn_table_add(ret, fqdns->list[i].fqdn,
					(uint32_t)classes->n_class + fqdns->list[i].klass, 0);
	for (size_t i = 0; i < flat->n_policies; i++) {
		const struct rast_flat_policy *p = &flat->policies[i];

		for (size_t j = 0; j < p->n_rules[RAST_DIR_EGRESS] && !r; j++) {
			const struct rast_flat_rule *f = &p->rules[RAST_DIR_EGRESS][j];

			if (has_fqdns(f->rule))
				set_flag(p, classes, RAST_NAMES_PEERS, ret);
			/* 0: it decides nothing. */
			if (!f->rule->n_dns || !id_by_number[f->number])
				continue;
			set_flag(p, classes, RAST_NAMES_DNS, ret);
			r = write_dns(f, id_by_number[f->number], ret);
		}
	}
	return r < 0 ? rast_err_set(err, E2BIG,
				    "policy is too large: more than %u names and patterns, or more "
				    "than %u bytes of them",
				    RAST_MAX_PATTERNS, RAST_MAX_PATTERN_TEXT)
		     : 0;
}
