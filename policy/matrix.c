// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which rule decides each cell. For one class of containers and one direction the rules are laid
 * over the cells in order of precedence, and the first that covers a cell keeps it: Admin tier
 * (allow, deny, pass), then deny rules of ContainerNetworkPolicies, then what these and NetworkPolicies
 * allow (or default deny where one isolates), then Baseline tier, then allow.
 */
#include "policy/stage.h"

#include <errno.h>

#define ALLOW(rule) ((uint32_t)(rule) << 1 | 1)
#define DENY(rule) ((uint32_t)(rule) << 1)
#define OPEN UINT32_MAX
#define PASSED (UINT32_MAX - 1)

struct run {
	const struct rast_flat *flat;
	const struct rast_index *ix;
	const struct rast_ports *ports;
	const struct rast_addrs *addrs;
	const struct rast_classes *classes;
	size_t n_peer, n_port;
	uint32_t *left;    /* open cells by peer */
	uint64_t every[4]; /* port classes */
	bool with_staged;  /* as if staged policies were enforced */
	uint32_t *cells;   /* n_peer × n_port: of one class in one direction */
};

static uint32_t cell_of(const struct rast_flat_rule *f)
{
	switch (f->rule->action) {
	case RAST_ACTION_ALLOW:
		return ALLOW(f->number + RAST_RULE_FIRST);
	case RAST_ACTION_DENY:
		return DENY(f->number + RAST_RULE_FIRST);
	case RAST_ACTION_PASS:
		break;
	}
	return PASSED;
}

/* One rule as it is laid over the cells. */
struct laid {
	const struct rast_port_list *list; /* NULL: every port */
	enum rast_direction dir;
	uint32_t value;
	uint64_t ports[4];
};

static void lay_peer(struct run *m, struct laid *l, size_t p)
{
	uint32_t *row = m->cells + p * m->n_port;

	if (!m->left[p])
		return;
	/* What a name means is the destination's affair; only pods have names. */
	if (l->list && l->list->n_names && l->dir == RAST_DIR_EGRESS)
		rast_ports_of(m->ports, l->list, m->ix,
			      p && p < m->classes->n_class ? &m->classes->pod_of[p] : NULL,
			      l->ports);
	rast_bits_foreach(q, l->ports, 4)
		if (row[q] == OPEN) {
			row[q] = l->value;
			m->left[p]--;
		}
}

/* Rules are many and most have few peers: nothing here takes time by the number of all peers. */
static void lay(struct run *m, const struct rast_flat_rule *f, enum rast_direction dir,
		uint32_t subject)
{
	struct laid l = {.list = f->port_list == UINT32_MAX ? NULL : &m->ports->lists[f->port_list],
			 .dir = dir,
			 .value = cell_of(f)};
	size_t n_class = m->classes->n_class, first, end;

	if (!l.list)
		memcpy(l.ports, m->every, sizeof(l.ports));
	else
		rast_ports_of(m->ports, l.list, m->ix,
			      dir == RAST_DIR_INGRESS ? &m->classes->pod_of[subject] : NULL,
			      l.ports);
	if (f->rule->any_peer || f->host)
		lay_peer(m, &l, 0);
	for (size_t c = 1; (f->rule->any_peer || f->some_pods) && c < n_class; c++)
		if (f->rule->any_peer || rast_bit_test(f->pods, m->classes->pod_of[c]))
			lay_peer(m, &l, c);
	if (f->rule->any_peer || f->world) {
		for (size_t c = n_class; c < m->n_peer; c++)
			lay_peer(m, &l, c);
	} else if (f->block_bit != UINT32_MAX) {
		first = m->addrs->first_of_bit[f->block_bit];
		end = m->addrs->first_of_bit[f->block_bit + 1];
		for (size_t i = first; i < end; i++)
			lay_peer(m, &l, n_class + m->addrs->classes_of_bit[i]);
	}
}

static bool counts(const struct run *m, const struct rast_flat_policy *f, uint32_t subject)
{
	return (m->with_staged || !f->policy->staged) &&
	       rast_bit_test(f->subject, m->classes->pod_of[subject]);
}

/* True when a policy of this tier isolates the subject. */
static bool lay_tier(struct run *m, enum rast_policy_tier tier, enum rast_direction dir,
		     uint32_t subject)
{
	bool isolated = false;

	/* `dns` takes from what a rule allows: where a rule without it allows the same, that one decides. */
	for (size_t i = 0; i < 2 * m->flat->n_policies; i++) {
		const struct rast_flat_policy *f = &m->flat->policies[i % m->flat->n_policies];
		bool dns = i >= m->flat->n_policies;

		if (f->policy->tier != tier || !f->policy->isolates[dir] || !counts(m, f, subject))
			continue;
		isolated = true;
		for (size_t j = f->policy->n_deny[dir]; j < f->n_rules[dir]; j++)
			if (!f->rules[dir][j].rule->n_dns == !dns)
				lay(m, &f->rules[dir][j], dir, subject);
	}
	return isolated;
}

/* Deny lists count also where nothing is isolated. */
static void lay_denies(struct run *m, enum rast_direction dir, uint32_t subject, bool host_named)
{
	for (size_t i = 0; i < m->flat->n_policies; i++) {
		const struct rast_flat_policy *f = &m->flat->policies[i];

		if (!f->policy->n_deny[dir] || !counts(m, f, subject))
			continue;
		for (size_t j = 0; j < f->policy->n_deny[dir]; j++)
			if (!host_named || f->rules[dir][j].host_named)
				lay(m, &f->rules[dir][j], dir, subject);
	}
}

static void replace(struct run *m, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < m->n_peer * m->n_port; i++)
		if (m->cells[i] == from) {
			m->cells[i] = to;
			m->left[i / m->n_port] += to == OPEN;
		}
}

/* The node is let in whatever the rules say, but by those that deny it by name. */
static void let_node_in(struct run *m, uint32_t subject)
{
	for (size_t p = 0; p < m->n_peer; p++)
		m->left[p] = 0;
	for (size_t q = 0; q < m->n_port; q++)
		m->cells[q] = OPEN;
	m->left[0] = (uint32_t)m->n_port;
	if (subject)
		lay_denies(m, RAST_DIR_INGRESS, subject, true);
	for (size_t q = 0; q < m->n_port; q++)
		if (m->cells[q] == OPEN)
			m->cells[q] = ALLOW(RAST_RULE_NODE);
}

static void one(struct run *m, enum rast_direction dir, uint32_t subject)
{
	for (size_t i = 0; i < m->n_peer * m->n_port; i++)
		m->cells[i] = OPEN;
	for (size_t p = 0; p < m->n_peer; p++)
		m->left[p] = (uint32_t)m->n_port;
	/* Class 0 is the node: it has no policies. */
	if (subject) {
		(void)lay_tier(m, RAST_TIER_ADMIN, dir, subject);
		replace(m, PASSED, OPEN);
		lay_denies(m, dir, subject, false);
		if (lay_tier(m, RAST_TIER_NETPOL, dir, subject)) {
			replace(m, OPEN, DENY(RAST_RULE_DEFAULT_DENY));
		} else {
			(void)lay_tier(m, RAST_TIER_BASELINE, dir, subject);
			replace(m, PASSED, OPEN);
		}
	}
	replace(m, OPEN, ALLOW(RAST_RULE_NONE));
	if (dir == RAST_DIR_INGRESS)
		let_node_in(m, subject);
}

int rast_matrix_build(const struct rast_flat *flat, const struct rast_index *ix,
		      const struct rast_ports *ports, const struct rast_addrs *addrs,
		      const struct rast_classes *classes, struct rast_arena *a,
		      struct rast_matrix *ret)
{
	struct run m = {.flat = flat,
			.ix = ix,
			.ports = ports,
			.addrs = addrs,
			.classes = classes,
			.n_peer = classes->n_class + addrs->n_class,
			.n_port = ports->n_class};
	size_t size = m.n_peer * m.n_port;
	size_t n_dir = flat->staged ? 4 : 2;
	uint32_t *all = rast_arena_take(a, n_dir * classes->n_class * size, sizeof(*all));

	m.left = rast_arena_take(a, m.n_peer, sizeof(*m.left));
	if (!all || !m.left)
		return -ENOMEM;
	rast_bits_fill(m.every, m.n_port);
	for (size_t d = 0; d < n_dir; d++) {
		m.with_staged = d >= 2;
		for (size_t c = 0; c < classes->n_class; c++) {
			m.cells = all + (d * classes->n_class + c) * size;
			one(&m, (enum rast_direction)(d % 2), (uint32_t)c);
		}
	}
	*ret = (struct rast_matrix){classes->n_class, m.n_peer, m.n_port, flat->staged, all};
	return 0;
}
