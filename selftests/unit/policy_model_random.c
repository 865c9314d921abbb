// SPDX-License-Identifier: BSD-2-Clause
/* The random clusters of policy_model.h, and the same as YAML. */
#include "policy_model.h"

#include <string.h>

uint64_t m_next(uint64_t *seed)
{
	/* splitmix64 */
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static int below(uint64_t *seed, int n)
{
	return (int)(m_next(seed) % (uint64_t)n);
}

/* ---- random clusters ---- */

static void random_labels(struct m_labels *l, uint64_t *s)
{
	for (int k = 0; k < M_KEYS; k++)
		l->value[k] = below(s, M_VALUES + 1) - 1;
}

static void random_selector(struct m_selector *sel, uint64_t *s)
{
	bool used[M_KEYS] = {false};

	sel->n = below(s, 10) < 3 ? 0 : 1 + below(s, 2);
	for (int i = 0; i < sel->n; i++) {
		sel->expr[i].key = below(s, M_KEYS);
		sel->expr[i].op = (enum m_op)below(s, 4);
		/* matchLabels is a map: one value a key. */
		sel->expr[i].as_label = !used[sel->expr[i].key] && below(s, 2);
		used[sel->expr[i].key] |= sel->expr[i].as_label;
		if (sel->expr[i].as_label)
			sel->expr[i].op = M_IN;
		sel->expr[i].n_values = sel->expr[i].as_label ? 1 : 1 + below(s, 2);
		for (int v = 0; v < sel->expr[i].n_values; v++)
			sel->expr[i].values[v] = below(s, M_VALUES);
	}
}

/* Close together, so that blocks overlap and pods are in some. */
static void random_addr(bool v6, uint8_t addr[16], uint64_t *s)
{
	memset(addr, 0, 16);
	addr[0] = v6 ? 0xfd : 10;
	addr[v6 ? 14 : 2] = (uint8_t)below(s, 2);
	addr[v6 ? 15 : 3] = (uint8_t)below(s, 256);
	if (!below(s, 8))
		addr[v6 ? 7 : 1] = (uint8_t)below(s, 256);
	if (!below(s, 40))
		memset(addr, below(s, 2) ? 0xff : 0, v6 ? 16 : 4);
}

static void random_block(struct m_peer *p, uint64_t *s)
{
	static const int bits4[] = {0, 8, 15, 24, 25, 28, 31, 32};
	static const int bits6[] = {0, 8, 56, 112, 120, 124, 127, 128};

	p->kind = M_BLOCK;
	p->cidr.v6 = below(s, 4) == 0;
	p->cidr.bits = (p->cidr.v6 ? bits6 : bits4)[below(s, 8)];
	random_addr(p->cidr.v6, p->cidr.addr, s);
	for (int i = below(s, 3); i > 0 && p->cidr.bits < (p->cidr.v6 ? 128 : 32); i--) {
		struct m_cidr *e = &p->except[p->n_except];

		*e = p->cidr;
		/* Within the block: the bits behind its prefix are free. */
		e->bits = p->cidr.bits + 1 + below(s, (p->cidr.v6 ? 128 : 32) - p->cidr.bits);
		for (int b = p->cidr.bits; b < e->bits; b++)
			if (below(s, 2))
				e->addr[b / 8] ^= (uint8_t)(0x80 >> b % 8);
		p->n_except++;
	}
}

static void random_port(struct m_port *p, uint64_t *s)
{
	static const int some[] = {1, 79, 80, 81, 443, 8080, 65535};

	p->proto = below(s, 3);
	p->name = -1;
	p->any = below(s, 6) == 0;
	if (!p->any && below(s, 3) == 0)
		p->name = below(s, 3);
	p->lo = some[below(s, 7)];
	p->hi = below(s, 3) ? p->lo : p->lo + below(s, 65536 - p->lo);
}

static void random_entities(struct m_peer *p, uint64_t *s)
{
	p->kind = M_ENTITIES;
	if (!below(s, 6)) {
		p->entity[4] = true;
		return;
	}
	p->entity[below(s, 4)] = true;
	p->entity[below(s, 4)] = true;
}

static void random_icmp(struct m_rule *r, uint64_t *s)
{
	static const int types[] = {0, 3, 8, 128, 129, 255};
	bool family[2] = {!r->n_peers, !r->n_peers};

	for (int i = 0; i < r->n_peers; i++)
		for (int v6 = 0; v6 < 2; v6++)
			family[v6] |= r->peers[i].kind != M_BLOCK || r->peers[i].cidr.v6 == v6;
	r->n_icmp = below(s, 3);
	for (int i = 0; i < r->n_icmp; i++) {
		struct m_icmp *m = &r->icmp[i];

		/* Of a family that some peer has; no two may overlap. */
		m->v6 = below(s, 2);
		if (!family[m->v6])
			m->v6 = !m->v6;
		m->type = types[2 * below(s, 3) + i];
		m->code = below(s, 3) - 1;
	}
}

static void random_rule(struct m_rule *r, bool cluster, bool rast, int dir, uint64_t *s)
{
	bool pods_only = true;

	r->n_peers = cluster ? 1 + below(s, 3) : below(s, 4);
	r->n_ports = below(s, 3);
	r->action = cluster ? below(s, 3) : 0;
	for (int i = 0; i < r->n_peers; i++) {
		struct m_peer *p = &r->peers[i];

		if (cluster && dir == 1 && !below(s, 8)) {
			p->kind = M_NODES;
		} else if (rast && !below(s, 4)) {
			random_entities(p, s);
		} else if ((!cluster || dir == 1) && below(s, 3) == 0) {
			random_block(p, s);
			if (cluster)
				p->n_except = 0;
		} else {
			p->kind = M_PODS;
			p->has_ns = cluster || below(s, 2);
			p->has_pod = cluster ? below(s, 2) : !p->has_ns || below(s, 2);
			random_selector(&p->ns, s);
			random_selector(&p->pod, s);
		}
	}
	if (rast)
		random_icmp(r, s);
	for (int i = 0; i < r->n_peers; i++)
		pods_only &= r->peers[i].kind == M_PODS;
	for (int i = 0; i < r->n_ports; i++) {
		struct m_port *p = &r->ports[i];

		random_port(p, s);
		/* In rast.os/v1 no two may overlap: at most one number and one name, or all of a protocol. */
		if (rast && i)
			p->proto = (r->ports[0].proto + i) % 3;
		if (!cluster)
			continue;
		/* A cluster policy always writes numbers, or a name where every peer is a pod. */
		if (p->any) {
			p->lo = 1;
			p->hi = 65535;
		}
		p->any = false;
		if (!pods_only)
			p->name = -1;
		if (p->name >= 0)
			p->proto = -1;
	}
}

static void random_policy(struct m_policy *p, const struct m_cluster *c, int index, uint64_t *s)
{
	memset(p, 0, sizeof(*p));
	p->cluster = below(s, 4) == 0;
	p->rast = !p->cluster && below(s, 2);
	p->staged = p->rast && !below(s, 4);
	p->log = p->rast && !below(s, 4);
	p->ns = below(s, c->n_ns);
	/* One name is enough to find it again. */
	(void)snprintf(p->name, sizeof(p->name), "p%02d", index);
	p->subject.kind = M_PODS;
	p->subject.has_ns = p->cluster;
	p->subject.has_pod = !p->cluster || below(s, 2);
	random_selector(&p->subject.ns, s);
	random_selector(&p->subject.pod, s);
	for (int d = 0; d < 2; d++) {
		p->n_rules[d] = below(s, 3);
		for (int i = 0; i < p->n_rules[d]; i++)
			random_rule(&p->rules[d][i], p->cluster, p->rast, d, s);
		p->n_denies[d] = p->rast ? below(s, 3) : 0;
		for (int i = 0; i < p->n_denies[d]; i++)
			random_rule(&p->denies[d][i], false, true, d, s);
	}
	if (p->cluster) {
		p->tier = below(s, 2);
		p->priority = below(s, 3);
		return;
	}
	if (p->rast) {
		/* A list that is there isolates; rules where nothing is isolated may not be written. */
		for (int d = 0; d < 2; d++) {
			p->isolates[d] = below(s, 3) != 0;
			if (!p->isolates[d])
				p->n_rules[d] = 0;
		}
		if (!p->isolates[0] && !p->isolates[1] && !p->n_denies[0] && !p->n_denies[1])
			p->isolates[0] = true;
		p->types_given = below(s, 2);
		return;
	}
	p->types_given = below(s, 3) != 0;
	p->isolates[0] = !p->types_given || below(s, 3) != 0;
	p->isolates[1] = p->types_given ? !p->isolates[0] || below(s, 2) : p->n_rules[1] > 0;
}

void m_random(struct m_cluster *c, uint64_t *s)
{
	memset(c, 0, sizeof(*c));
	c->n_ns = 1 + below(s, 4);
	c->n_pods = 1 + below(s, M_MAX);
	c->n_policies = below(s, M_MAX);
	for (int i = 0; i < c->n_ns; i++) {
		c->ns_has_doc[i] = below(s, 4) != 0;
		random_labels(&c->ns_labels[i], s);
		for (int k = 0; !c->ns_has_doc[i] && k < M_KEYS; k++)
			c->ns_labels[i].value[k] = -1;
	}
	for (int i = 0; i < c->n_pods; i++) {
		struct m_pod *p = &c->pods[i];

		p->ns = below(s, c->n_ns);
		(void)snprintf(p->name, sizeof(p->name), "pod%02d", i);
		random_labels(&p->labels, s);
		p->v6 = below(s, 5) == 0;
		random_addr(p->v6, p->addr, s);
		/* No two alike, none the first (the node's), all in one /16 or /112: a cluster's pod range. */
		p->addr[p->v6 ? 14 : 2] = (uint8_t)(below(s, 2));
		p->addr[p->v6 ? 15 : 3] = (uint8_t)(i * 20 + 2 + below(s, 20));
		memset(p->addr + 1, 0, p->v6 ? 13 : 1);
		p->addr[0] = p->v6 ? 0xfd : 10;
		p->n_ports = below(s, 4);
		for (int j = 0; j < p->n_ports; j++) {
			p->ports[j].name = below(s, 3);
			p->ports[j].proto = below(s, 3);
			p->ports[j].port = 79 + below(s, 4);
		}
	}
	for (int i = 0; i < c->n_policies; i++)
		random_policy(&c->policies[i], c, i, s);
}

/* ---- as YAML ---- */

static const char *const protos[] = {"TCP", "UDP", "SCTP"};
static const char *const lower[] = {"tcp", "udp", "sctp"};

static void write_selector(const struct m_selector *sel, FILE *out)
{
	static const char *const ops[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	bool any = false;

	(void)fprintf(out, "{matchLabels: {");
	for (int i = 0; i < sel->n; i++)
		if (sel->expr[i].as_label) {
			(void)fprintf(out, "%sk%d: v%d", any ? ", " : "", sel->expr[i].key,
				      sel->expr[i].values[0]);
			any = true;
		}
	(void)fprintf(out, "}, matchExpressions: [");
	any = false;
	for (int i = 0; i < sel->n; i++) {
		if (sel->expr[i].as_label)
			continue;
		(void)fprintf(out, "%s{key: k%d, operator: %s", any ? ", " : "", sel->expr[i].key,
			      ops[sel->expr[i].op]);
		if (sel->expr[i].op < M_EXISTS) {
			(void)fprintf(out, ", values: [");
			for (int v = 0; v < sel->expr[i].n_values; v++)
				(void)fprintf(out, "%sv%d", v ? ", " : "", sel->expr[i].values[v]);
			(void)fprintf(out, "]");
		}
		(void)fprintf(out, "}");
		any = true;
	}
	(void)fprintf(out, "]}");
}

static void write_cidr(const struct m_cidr *c, FILE *out)
{
	(void)fputc('"', out);
	for (int i = 0; i < (c->v6 ? 16 : 4); i++)
		if (c->v6)
			(void)fprintf(out, "%s%02x", i && i % 2 == 0 ? ":" : "", c->addr[i]);
		else
			(void)fprintf(out, "%s%d", i ? "." : "", c->addr[i]);
	(void)fprintf(out, "/%d\"", c->bits);
}

static void write_peer(const struct m_peer *p, bool cluster, FILE *out)
{
	static const char *const entities[] = {"host", "node", "cluster", "world", "all"};

	if (p->kind == M_ENTITIES) {
		(void)fprintf(out, "{entities: [");
		for (int i = 0, any = 0; i < 5; i++)
			if (p->entity[i])
				(void)fprintf(out, "%s%s", any++ ? ", " : "", entities[i]);
		(void)fprintf(out, "]}");
	} else if (p->kind == M_NODES) {
		(void)fprintf(out, "{nodes: {}}");
	} else if (p->kind == M_BLOCK && cluster) {
		(void)fprintf(out, "{networks: [");
		write_cidr(&p->cidr, out);
		(void)fprintf(out, "]}");
	} else if (p->kind == M_BLOCK) {
		(void)fprintf(out, "{ipBlock: {cidr: ");
		write_cidr(&p->cidr, out);
		(void)fprintf(out, ", except: [");
		for (int i = 0; i < p->n_except; i++) {
			(void)fprintf(out, "%s", i ? ", " : "");
			write_cidr(&p->except[i], out);
		}
		(void)fprintf(out, "]}}");
	} else if (cluster && !p->has_pod) {
		(void)fprintf(out, "{namespaces: ");
		write_selector(&p->ns, out);
		(void)fprintf(out, "}");
	} else {
		(void)fprintf(out, "%s", cluster ? "{pods: {" : "{");
		if (p->has_ns) {
			(void)fprintf(out, "namespaceSelector: ");
			write_selector(&p->ns, out);
		}
		if (p->has_pod) {
			(void)fprintf(out, "%spodSelector: ", p->has_ns ? ", " : "");
			write_selector(&p->pod, out);
		}
		(void)fprintf(out, "%s", cluster ? "}}" : "}");
	}
}

static void write_port(const struct m_port *p, bool cluster, FILE *out)
{
	if (!cluster) {
		(void)fprintf(out, "{protocol: %s", protos[p->proto]);
		if (!p->any && p->name >= 0)
			(void)fprintf(out, ", port: name%d", p->name);
		else if (!p->any)
			(void)fprintf(out, ", port: %d", p->lo);
		if (!p->any && p->name < 0 && p->hi > p->lo)
			(void)fprintf(out, ", endPort: %d", p->hi);
		(void)fprintf(out, "}");
	} else if (p->name >= 0) {
		(void)fprintf(out, "{destinationNamedPort: name%d}", p->name);
	} else if (p->hi > p->lo) {
		(void)fprintf(out, "{%s: {destinationPort: {range: {start: %d, end: %d}}}}",
			      lower[p->proto], p->lo, p->hi);
	} else {
		(void)fprintf(out, "{%s: {destinationPort: {number: %d}}}", lower[p->proto], p->lo);
	}
}

static void write_rule(const struct m_policy *p, const struct m_rule *r, int dir, FILE *out)
{
	static const char *const actions[] = {"Accept", "Deny", "Pass"};
	const char *between = "";

	(void)fprintf(out, "  - {");
	/* An empty list is every peer and every port to Kubernetes, and an error to rast.os. */
	if (!p->rast || r->n_peers) {
		(void)fprintf(out, "%s: [", dir ? "to" : "from");
		for (int j = 0; j < r->n_peers; j++) {
			(void)fprintf(out, "%s", j ? ", " : "");
			write_peer(&r->peers[j], p->cluster, out);
		}
		(void)fprintf(out, "]");
		between = ", ";
	}
	if (p->cluster)
		(void)fprintf(out, "%saction: %s", between, actions[r->action]);
	if ((!p->cluster && !p->rast) || r->n_ports) {
		(void)fprintf(out, "%s%s: [", between, p->cluster ? "protocols" : "ports");
		for (int j = 0; j < r->n_ports; j++) {
			(void)fprintf(out, "%s", j ? ", " : "");
			write_port(&r->ports[j], p->cluster, out);
		}
		(void)fprintf(out, "]");
		between = ", ";
	}
	for (int j = 0; j < r->n_icmp; j++) {
		if (!j)
			(void)fprintf(out, "%sicmp: [", between);
		(void)fprintf(out, "%s{family: %s, type: %d", j ? ", " : "",
			      r->icmp[j].v6 ? "IPv6" : "IPv4", r->icmp[j].type);
		if (r->icmp[j].code >= 0)
			(void)fprintf(out, ", code: %d", r->icmp[j].code);
		(void)fprintf(out, "}%s", j == r->n_icmp - 1 ? "]" : "");
	}
	(void)fprintf(out, "}\n");
}

static void write_list(const struct m_policy *p, const char *key, const struct m_rule *rules, int n,
		       int dir, FILE *out)
{
	(void)fprintf(out, "  %s:%s\n", key, n ? "" : " []");
	for (int i = 0; i < n; i++)
		write_rule(p, &rules[i], dir, out);
}

static void write_policy(const struct m_policy *p, FILE *out)
{
	if (p->cluster) {
		(void)fprintf(
			out,
			"---\napiVersion: policy.networking.k8s.io/v1alpha2\n"
			"kind: ClusterNetworkPolicy\nmetadata: {name: %s}\nspec:\n  tier: %s\n"
			"  priority: %d\n  subject: ",
			p->name, p->tier ? "Baseline" : "Admin", p->priority);
		write_peer(&p->subject, true, out);
	} else {
		(void)fprintf(out,
			      "---\napiVersion: %s\nkind: %s\n"
			      "metadata: {name: %s, namespace: ns%d}\nspec:\n  podSelector: ",
			      p->rast ? "rast.os/v1" : "networking.k8s.io/v1",
			      p->rast ? "ContainerNetworkPolicy" : "NetworkPolicy", p->name, p->ns);
		write_selector(&p->subject.pod, out);
		if (p->staged)
			(void)fprintf(out, "\n  mode: Staged");
		if (p->log)
			(void)fprintf(out, "\n  log: true");
		if (p->types_given)
			(void)fprintf(out, "\n  policyTypes: [%s%s%s]",
				      p->isolates[0] ? "Ingress" : "",
				      p->isolates[0] && p->isolates[1] ? ", " : "",
				      p->isolates[1] ? "Egress" : "");
	}
	(void)fprintf(out, "\n");
	for (int d = 0; d < 2; d++) {
		/* To rast.os the list alone isolates: without it where nothing is to be isolated. */
		if (!p->rast || (p->isolates[d] && (p->n_rules[d] || !p->types_given)))
			write_list(p, d ? "egress" : "ingress", p->rules[d], p->n_rules[d], d, out);
		if (p->n_denies[d])
			write_list(p, d ? "egressDeny" : "ingressDeny", p->denies[d],
				   p->n_denies[d], d, out);
	}
}

void m_write_yaml(const struct m_cluster *c, int first, FILE *out)
{
	for (int i = 0; i < c->n_ns; i++) {
		if (!c->ns_has_doc[i])
			continue;
		(void)fprintf(out,
			      "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns%d\n"
			      "  labels: {",
			      i);
		for (int k = 0, any = 0; k < M_KEYS; k++)
			if (c->ns_labels[i].value[k] >= 0)
				(void)fprintf(out, "%sk%d: v%d", any++ ? ", " : "", k,
					      c->ns_labels[i].value[k]);
		(void)fprintf(out, "}\n");
	}
	for (int i = 0; i < c->n_policies; i++)
		write_policy(&c->policies[(first + i) % c->n_policies], out);
}
