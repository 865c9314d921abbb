// SPDX-License-Identifier: BSD-2-Clause
/* The slow evaluator of policy_model.h. */
#include "policy_model.h"

#include <string.h>

static bool selects(const struct m_selector *sel, const struct m_labels *l)
{
	for (int i = 0; i < sel->n; i++) {
		int has = l->value[sel->expr[i].key];
		bool in = false;

		for (int v = 0; v < sel->expr[i].n_values; v++)
			in |= has >= 0 && has == sel->expr[i].values[v];
		switch (sel->expr[i].op) {
		case M_IN:
			if (!in)
				return false;
			break;
		case M_NOT_IN:
			/* "The NotIn operator matches also objects without the key." */
			if (in)
				return false;
			break;
		case M_EXISTS:
			if (has < 0)
				return false;
			break;
		case M_DOES_NOT_EXIST:
			if (has >= 0)
				return false;
			break;
		}
	}
	return true;
}

static bool in_cidr(const struct m_cidr *c, bool v6, const uint8_t addr[16])
{
	if (c->v6 != v6)
		return false;
	for (int b = 0; b < c->bits; b++)
		if ((c->addr[b / 8] ^ addr[b / 8]) & 0x80 >> b % 8)
			return false;
	return true;
}

static bool peer_is(const struct m_cluster *c, const struct m_policy *p, const struct m_peer *peer,
		    const struct m_end *end)
{
	const struct m_pod *pod = end->pod >= 0 ? &c->pods[end->pod] : NULL;

	if (peer->kind == M_NODES)
		return end->host;
	/* "host (this node), node (any other node of the cluster), cluster (every pod and node), world
	 * (everything else) and all": there are no other nodes here. */
	if (peer->kind == M_ENTITIES)
		return (peer->entity[0] && end->host) || (peer->entity[2] && (end->host || pod)) ||
		       (peer->entity[3] && !end->host && !pod) || peer->entity[4];
	if (peer->kind == M_BLOCK) {
		bool v6 = pod ? pod->v6 : end->v6;
		const uint8_t *addr = pod ? pod->addr : end->addr;

		if (end->host || !in_cidr(&peer->cidr, v6, addr))
			return false;
		for (int i = 0; i < peer->n_except; i++)
			if (in_cidr(&peer->except[i], v6, addr))
				return false;
		return true;
	}
	if (!pod)
		return false;
	if (peer->has_ns ? !selects(&peer->ns, &c->ns_labels[pod->ns]) : pod->ns != p->ns)
		return false;
	return !peer->has_pod || selects(&peer->pod, &pod->labels);
}

static bool port_is(const struct m_port *p, const struct m_pod *destination, int proto, int port)
{
	if (p->any || p->name < 0)
		return p->proto == proto && (p->any || (p->lo <= port && port <= p->hi));
	for (int i = 0; destination && i < destination->n_ports; i++)
		if (destination->ports[i].name == p->name && destination->ports[i].proto == proto &&
		    destination->ports[i].port == port && (p->proto < 0 || p->proto == proto))
			return true;
	return false;
}

static bool rule_is(const struct m_cluster *c, const struct m_policy *p, const struct m_rule *r,
		    int dir, int subject, const struct m_end *end, int proto, int port)
{
	int destination = dir == 0 ? subject : end->pod;
	/* "ports and icmp are joined by or"; without both: everything. */
	bool peer = r->n_peers == 0, where = r->n_ports == 0 && r->n_icmp == 0;

	for (int i = 0; i < r->n_peers; i++)
		peer |= peer_is(c, p, &r->peers[i], end);
	for (int i = 0; proto < 3 && i < r->n_ports; i++)
		where |= port_is(&r->ports[i], destination >= 0 ? &c->pods[destination] : NULL,
				 proto, port);
	for (int i = 0; (proto == 3 || proto == 4) && i < r->n_icmp; i++)
		where |= r->icmp[i].v6 == (proto == 4) && r->icmp[i].type == port / 256 &&
			 (r->icmp[i].code < 0 || r->icmp[i].code == port % 256);
	return peer && where;
}

static bool is_subject(const struct m_cluster *c, const struct m_policy *p, int pod)
{
	return peer_is(c, p, &p->subject, &(struct m_end){.pod = pod});
}

/* The first cluster policy of the tier, by priority and then name, that has an opinion: -1: none. */
static int tier_says(const struct m_cluster *c, int tier, int dir, int subject,
		     const struct m_end *end, int proto, int port)
{
	for (int priority = 0; priority <= 1000; priority++)
		for (int i = 0; i < c->n_policies; i++) {
			const struct m_policy *p = &c->policies[i];

			if (!p->cluster || p->tier != tier || p->priority != priority ||
			    !is_subject(c, p, subject))
				continue;
			for (int j = 0; j < p->n_rules[dir]; j++)
				if (rule_is(c, p, &p->rules[dir][j], dir, subject, end, proto,
					    port))
					return p->rules[dir][j].action;
		}
	return -1;
}

/* Does some deny rule apply? With `by_name` only those that name the node. */
static bool denied(const struct m_cluster *c, bool staged, int dir, int subject,
		   const struct m_end *end, int proto, int port, bool by_name)
{
	for (int i = 0; i < c->n_policies; i++) {
		const struct m_policy *p = &c->policies[i];

		if (!p->rast || (p->staged && !staged) || !is_subject(c, p, subject))
			continue;
		for (int j = 0; j < p->n_denies[dir]; j++) {
			const struct m_rule *r = &p->denies[dir][j];
			bool named = false;

			for (int k = 0; k < r->n_peers; k++)
				named |= r->peers[k].kind == M_ENTITIES &&
					 (r->peers[k].entity[0] || r->peers[k].entity[4]);
			if ((named || !by_name) && rule_is(c, p, r, dir, subject, end, proto, port))
				return true;
		}
	}
	return false;
}

static struct m_verdict verdict(const struct m_cluster *c, bool staged, int dir, int subject,
				const struct m_end *end, int proto, int port)
{
	bool isolated = false, allowed = false;
	int says;

	/* "The node is always let in, unless an ingressDeny rule names host or all." */
	if (dir == 0 && end->host) {
		bool no = denied(c, staged, dir, subject, end, proto, port, true);

		return (struct m_verdict){.allowed = !no, .by_rule = no};
	}
	says = tier_says(c, 0, dir, subject, end, proto, port);
	if (says == 0 || says == 1)
		return (struct m_verdict){.allowed = says == 0, .by_rule = true};
	/* "A deny wins over every allow of NetworkPolicy and ContainerNetworkPolicy." */
	if (denied(c, staged, dir, subject, end, proto, port, false))
		return (struct m_verdict){.by_rule = true};
	for (int i = 0; i < c->n_policies; i++) {
		const struct m_policy *p = &c->policies[i];

		if (p->cluster || (p->staged && !staged) || !p->isolates[dir] ||
		    !is_subject(c, p, subject))
			continue;
		isolated = true;
		for (int j = 0; j < p->n_rules[dir]; j++)
			allowed |= rule_is(c, p, &p->rules[dir][j], dir, subject, end, proto, port);
	}
	if (isolated)
		return (struct m_verdict){.allowed = allowed, .by_rule = allowed};
	says = tier_says(c, 1, dir, subject, end, proto, port);
	if (says == 0 || says == 1)
		return (struct m_verdict){.allowed = says == 0, .by_rule = true};
	return (struct m_verdict){.allowed = true};
}

struct m_verdict m_verdict(const struct m_cluster *c, int dir, int subject, const struct m_end *end,
			   int proto, int port)
{
	return verdict(c, false, dir, subject, end, proto, port);
}

struct m_verdict m_would(const struct m_cluster *c, int dir, int subject, const struct m_end *end,
			 int proto, int port)
{
	return verdict(c, true, dir, subject, end, proto, port);
}

bool m_rule_matches(const struct m_cluster *c, const char *name, bool deny, int index, int dir,
		    int subject, const struct m_end *end, int proto, int port)
{
	for (int i = 0; i < c->n_policies; i++) {
		const struct m_policy *p = &c->policies[i];
		bool of_denies = deny && p->rast;
		const struct m_rule *rules = of_denies ? p->denies[dir] : p->rules[dir];

		if (!strcmp(p->name, name))
			return index < (of_denies ? p->n_denies : p->n_rules)[dir] &&
			       is_subject(c, p, subject) &&
			       rule_is(c, p, &rules[index], dir, subject, end, proto, port);
	}
	return false;
}
