// SPDX-License-Identifier: BSD-2-Clause
/*
 * Labels → who has them, so that a selector costs what it matches and not what there is.
 *
 * NotIn and DoesNotExist match whoever does not have the key at all: both are a complement.
 */
#include "policy/stage.h"

#include <errno.h>
#include <string.h>

static int cmp_pod(const void *a, const void *b)
{
	const struct rast_policy_pod *x = *(const struct rast_policy_pod *const *)a;
	const struct rast_policy_pod *y = *(const struct rast_policy_pod *const *)b;
	int c = strcmp(x->ns, y->ns);

	return c ? c : strcmp(x->name, y->name);
}

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int cmp_posting(const void *a, const void *b)
{
	const struct rast_posting *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	if (!c)
		c = strcmp(x->value, y->value);
	return c ? c : (x->member > y->member) - (x->member < y->member);
}

static void post(struct rast_label_index *ix, const struct rast_policy_label *labels, size_t n,
		 size_t member)
{
	for (size_t i = 0; i < n; i++)
		ix->postings[ix->n_postings++] =
			(struct rast_posting){labels[i].key, labels[i].value, (uint32_t)member};
}

static int index_pods(struct rast_index *ix, struct rast_arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < ix->n_pods; i++)
		n += ix->pods[i]->n_labels;
	ix->pod_labels.n_members = ix->n_pods;
	ix->pod_labels.postings = rast_arena_take(a, n + 1, sizeof(struct rast_posting));
	if (!ix->pod_labels.postings)
		return -ENOMEM;
	for (size_t i = 0; i < ix->n_pods; i++)
		post(&ix->pod_labels, ix->pods[i]->labels, ix->pods[i]->n_labels, i);
	qsort(ix->pod_labels.postings, n, sizeof(struct rast_posting), cmp_posting);
	return 0;
}

static int cmp_addr(const void *a, const void *b)
{
	const struct rast_index_addr *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int index_addrs(struct rast_index *ix, struct rast_arena *a)
{
	for (int v6 = 0; v6 < 2; v6++) {
		ix->addrs[v6] = rast_arena_take(a, ix->n_pods + 1, sizeof(*ix->addrs[v6]));
		if (!ix->addrs[v6])
			return -ENOMEM;
		for (size_t i = 0; i < ix->n_pods; i++) {
			const struct rast_policy_pod *p = ix->pods[i];
			rast_u128 addr = v6 ? rast_addr_from_bytes(p->addr6) : p->addr4;

			if (addr)
				ix->addrs[v6][ix->n_addrs[v6]++] =
					(struct rast_index_addr){addr, (uint32_t)i};
		}
		qsort(ix->addrs[v6], ix->n_addrs[v6], sizeof(*ix->addrs[v6]), cmp_addr);
	}
	return 0;
}

static size_t find_ns(const struct rast_index *ix, const char *name)
{
	const char **at = ix->n_namespaces ? bsearch(&name, ix->namespaces, ix->n_namespaces,
						     sizeof(*ix->namespaces), cmp_str)
					   : NULL;

	return at ? (size_t)(at - ix->namespaces) : ix->n_namespaces;
}

static int name_namespaces(const struct rast_policy_set *set, const struct rast_policy_world *world,
			   struct rast_arena *a, struct rast_index *ix)
{
	size_t n = 0, kept = 0;

	ix->namespaces =
		rast_arena_take(a, ix->n_pods + set->n_namespaces + world->n_namespaces + 1,
				sizeof(*ix->namespaces));
	if (!ix->namespaces)
		return -ENOMEM;
	for (size_t i = 0; i < ix->n_pods; i++)
		if (!i || strcmp(ix->pods[i]->ns, ix->pods[i - 1]->ns) != 0)
			ix->namespaces[n++] = ix->pods[i]->ns;
	for (size_t i = 0; i < set->n_namespaces; i++)
		ix->namespaces[n++] = set->namespaces[i]->name;
	for (size_t i = 0; i < world->n_namespaces; i++)
		ix->namespaces[n++] = world->namespaces[i].name;
	qsort(ix->namespaces, n, sizeof(*ix->namespaces), cmp_str);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(ix->namespaces[i], ix->namespaces[kept - 1]) != 0)
			ix->namespaces[kept++] = ix->namespaces[i];
	ix->n_namespaces = kept;
	ix->first_pod = rast_arena_take(a, kept + 1, sizeof(*ix->first_pod));
	if (!ix->first_pod)
		return -ENOMEM;
	for (size_t i = 0, pod = 0; i <= kept; i++) {
		ix->first_pod[i] = pod;
		while (i < kept && pod < ix->n_pods &&
		       !strcmp(ix->pods[pod]->ns, ix->namespaces[i]))
			pod++;
	}
	return 0;
}

static int index_namespaces(const struct rast_policy_set *set,
			    const struct rast_policy_world *world, struct rast_arena *a,
			    struct rast_index *ix)
{
	struct rast_label_index *l = &ix->ns_labels;
	size_t n = ix->n_namespaces;
	bool *documented;

	for (size_t i = 0; i < set->n_namespaces; i++)
		n += set->namespaces[i]->n_labels;
	for (size_t i = 0; i < world->n_namespaces; i++)
		n += world->namespaces[i].n_labels;
	l->n_members = ix->n_namespaces;
	l->postings = rast_arena_take(a, n + 1, sizeof(*l->postings));
	documented = rast_arena_take(a, ix->n_namespaces + 1, sizeof(*documented));
	if (!l->postings || !documented)
		return -ENOMEM;
	for (size_t i = 0; i < ix->n_namespaces; i++)
		l->postings[l->n_postings++] = (struct rast_posting){
			"kubernetes.io/metadata.name", ix->namespaces[i], (uint32_t)i};
	for (size_t i = 0; i < set->n_namespaces; i++) {
		size_t at = find_ns(ix, set->namespaces[i]->name);

		documented[at] = true;
		post(l, set->namespaces[i]->labels, set->namespaces[i]->n_labels, at);
	}
	for (size_t i = 0; i < world->n_namespaces; i++) {
		size_t at = find_ns(ix, world->namespaces[i].name);

		if (!documented[at])
			post(l, world->namespaces[i].labels, world->namespaces[i].n_labels, at);
		documented[at] = true;
	}
	qsort(l->postings, l->n_postings, sizeof(*l->postings), cmp_posting);
	return 0;
}

int rast_index_build(const struct rast_policy_set *set, const struct rast_policy_world *world,
		     struct rast_arena *a, struct rast_index *ret)
{
	struct rast_index ix = {.n_pods = world->n_pods,
				.host4 = world->host4,
				.host6 = rast_addr_from_bytes(world->host6)};
	int r;

	ix.words = rast_bits_words(ix.n_pods);
	ix.pods = rast_arena_take(a, ix.n_pods + 1, sizeof(*ix.pods));
	if (!ix.pods)
		return -ENOMEM;
	for (size_t i = 0; i < ix.n_pods; i++)
		ix.pods[i] = &world->pods[i];
	qsort(ix.pods, ix.n_pods, sizeof(*ix.pods), cmp_pod);
	r = index_pods(&ix, a);
	if (!r)
		r = index_addrs(&ix, a);
	if (!r)
		r = name_namespaces(set, world, a, &ix);
	if (!r)
		r = index_namespaces(set, world, a, &ix);
	if (r < 0)
		return r;
	ix.scratch = rast_arena_take(a, 3 * ix.words + 2 * rast_bits_words(ix.n_namespaces) + 1,
				     sizeof(*ix.scratch));
	if (!ix.scratch)
		return -ENOMEM;
	*ret = ix;
	return 0;
}

/* The first posting that is not before (key, value); value NULL: of that key at all. */
static size_t lower(const struct rast_label_index *ix, const char *key, const char *value)
{
	size_t lo = 0, hi = ix->n_postings;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(ix->postings[mid].key, key);

		if (!c && value)
			c = strcmp(ix->postings[mid].value, value);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void mark(const struct rast_label_index *ix, const char *key, const char *value,
		 uint64_t *bits)
{
	for (size_t i = lower(ix, key, value);
	     i < ix->n_postings && !strcmp(ix->postings[i].key, key) &&
	     (!value || !strcmp(ix->postings[i].value, value));
	     i++)
		rast_bit_set(bits, ix->postings[i].member);
}

void rast_index_select(const struct rast_label_index *ix, const struct rast_policy_selector *sel,
		       uint64_t *bits, uint64_t *scratch)
{
	size_t words = rast_bits_words(ix->n_members);

	rast_bits_fill(bits, ix->n_members);
	for (size_t i = 0; i < sel->n_reqs; i++) {
		const struct rast_policy_req *q = &sel->reqs[i];

		memset(scratch, 0, words * sizeof(*scratch));
		if (q->op == RAST_OP_EXISTS || q->op == RAST_OP_DOES_NOT_EXIST)
			mark(ix, q->key, NULL, scratch);
		for (size_t v = 0; v < q->n_values; v++)
			mark(ix, q->key, q->values[v], scratch);
		if (q->op == RAST_OP_IN || q->op == RAST_OP_EXISTS)
			rast_bits_and(bits, scratch, words);
		else
			rast_bits_and_not(bits, scratch, words);
	}
}

bool rast_block_contains(const struct rast_policy_block *b, bool v6, rast_u128 addr)
{
	if (!rast_cidr_contains(&b->cidr, v6, addr))
		return false;
	for (size_t i = 0; i < b->n_excepts; i++)
		if (rast_cidr_contains(&b->excepts[i], v6, addr))
			return false;
	return true;
}

static void block(const struct rast_index *ix, const struct rast_policy_block *b, uint64_t *bits)
{
	const struct rast_index_addr *all = ix->addrs[b->cidr.v6];
	size_t lo = 0, hi = ix->n_addrs[b->cidr.v6];

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (all[mid].addr < b->cidr.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < ix->n_addrs[b->cidr.v6] && all[lo].addr <= b->cidr.hi; lo++)
		if (rast_block_contains(b, b->cidr.v6, all[lo].addr))
			rast_bit_set(bits, all[lo].pod);
}

static void set_pods_of(const struct rast_index *ix, size_t ns, uint64_t *bits)
{
	for (size_t i = ix->first_pod[ns]; i < ix->first_pod[ns + 1]; i++)
		rast_bit_set(bits, i);
}

void rast_index_peer(const struct rast_index *ix, const char *ns,
		     const struct rast_policy_peer *peer, uint64_t *bits)
{
	uint64_t *in = ix->scratch, *pods = in + ix->words, *tmp = pods + ix->words;
	uint64_t *some_ns = tmp + ix->words;
	size_t ns_words = rast_bits_words(ix->n_namespaces);

	if (peer->kind == RAST_PEER_BLOCK)
		block(ix, &peer->block, bits);
	if (peer->kind == RAST_PEER_ENTITIES &&
	    (peer->entities & (RAST_ENTITY_CLUSTER | RAST_ENTITY_ALL)))
		rast_bits_fill(bits, ix->n_pods);
	if (peer->kind != RAST_PEER_PODS)
		return;
	memset(in, 0, ix->words * sizeof(*in));
	if (peer->any_ns) {
		rast_index_select(&ix->ns_labels, &peer->namespaces, some_ns, some_ns + ns_words);
		rast_bits_foreach(i, some_ns, ns_words)
			set_pods_of(ix, i, in);
	} else {
		size_t at = find_ns(ix, ns);

		if (at < ix->n_namespaces)
			set_pods_of(ix, at, in);
	}
	if (peer->pods.n_reqs) {
		rast_index_select(&ix->pod_labels, &peer->pods, pods, tmp);
		rast_bits_and(in, pods, ix->words);
	}
	rast_bits_or(bits, in, ix->words);
}
