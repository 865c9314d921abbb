// SPDX-License-Identifier: BSD-2-Clause
/* See policy_random.h. */
#include "policy_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

double pr_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct pr_seeds pr_seeds_begin(void)
{
	const char *given = getenv("RAST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003;

	return (struct pr_seeds){.first = seed, .next = seed, .given = given};
}

bool pr_seeds_more(const struct pr_seeds *s, double began, double seconds)
{
	const char *given = getenv("RAST_RANDOM_SECONDS");

	if (s->given)
		return s->next == s->first;
	return s->next == s->first || pr_now() < began + (given ? atof(given) : seconds);
}

void pr_parse(struct pr_cluster *r, int first)
{
	struct rast_yaml *y = NULL;
	struct rast_err err = {};
	FILE *f = open_memstream(&r->yaml, &r->yaml_len);
	char text[1024];

	assert_non_null(f);
	m_write_yaml(&r->c, first, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rast_policy_set_create(&r->set), 0);
	if (rast_yaml_parse("random.yaml", r->yaml, r->yaml_len, &y, &err) < 0)
		fail_msg("seed %llu: %s\n%s", (unsigned long long)r->seed,
			 rast_err_format(&err, text, sizeof(text)), r->yaml);
	for (size_t i = 0; i < rast_yaml_count(y); i++)
		if (rast_policy_set_parse(rast_yaml_root(y, i), r->set, &err) < 0)
			fail_msg("seed %llu: %s\n%s", (unsigned long long)r->seed,
				 rast_err_format(&err, text, sizeof(text)), r->yaml);
	rast_yaml_destroy(y);
}

void pr_forget_set(struct pr_cluster *r)
{
	rast_policy_set_destroy(r->set);
	r->set = NULL;
	free(r->yaml);
	r->yaml = NULL;
}

static void add_pods(struct pr_cluster *r)
{
	static char names[M_MAX][3][8], ns[M_MAX][8];
	static const char *const keys[] = {"k0", "k1", "k2"}, *const values[] = {"v0", "v1", "v2"};

	for (int i = 0; i < r->c.n_pods; i++) {
		const struct m_pod *p = &r->c.pods[i];
		struct rast_policy_label labels[M_KEYS];
		struct rast_policy_named_port ports[3];
		struct rast_policy_pod pod = {.ns = ns[i],
					      .name = p->name,
					      .labels = labels,
					      .ports = ports,
					      .n_ports = (size_t)p->n_ports,
					      .identity = PR_IDENTITY(i)};

		(void)snprintf(ns[i], sizeof(ns[i]), "ns%d", p->ns);
		for (int k = 0; k < M_KEYS; k++)
			if (p->labels.value[k] >= 0)
				labels[pod.n_labels++] = (struct rast_policy_label){
					keys[k], values[p->labels.value[k]]};
		for (int j = 0; j < p->n_ports; j++) {
			(void)snprintf(names[i][j], sizeof(names[i][j]), "name%d",
				       p->ports[j].name);
			ports[j] = (struct rast_policy_named_port){
				names[i][j], (enum rast_policy_proto)p->ports[j].proto,
				(uint16_t)p->ports[j].port};
		}
		if (p->v6)
			memcpy(pod.addr6, p->addr, 16);
		else
			pod.addr4 = (uint32_t)p->addr[0] << 24 | (uint32_t)p->addr[1] << 16 |
				    (uint32_t)p->addr[2] << 8 | p->addr[3];
		assert_int_equal(rast_policy_world_add_pod(&r->world, &pod), 0);
	}
}

void pr_compile(struct pr_cluster *r, struct rast_policy_image **im,
		struct rast_policy_rules **rules)
{
	struct rast_err err = {};
	char text[1024];

	free(*im);
	*im = NULL;
	if (rast_policy_compile(r->set, &r->world, 7, im, rules, NULL, &err) < 0 ||
	    rast_policy_image_check(*im, &err) < 0)
		fail_msg("seed %llu: %s\n%s", (unsigned long long)r->seed,
			 rast_err_format(&err, text, sizeof(text)), r->yaml);
}

void pr_make(struct pr_cluster *r, uint64_t *seed)
{
	r->seed = *seed;
	m_random(&r->c, seed);
	pr_parse(r, 0);
	add_pods(r);
	pr_compile(r, &r->image, &r->rules);
}

void pr_finish(struct pr_cluster *r)
{
	pr_forget_set(r);
	rast_policy_rules_destroy(r->rules);
	r->rules = NULL;
	free(r->image);
	r->image = NULL;
	rast_policy_world_finish(&r->world);
}

/* An address outside, on or next to an edge of some block when there is one. */
static void outside(const struct pr_cluster *r, struct m_end *e, uint64_t *s)
{
	const struct m_cidr *c = NULL;

	*e = (struct m_end){.pod = -1, .v6 = m_next(s) % 4 == 0};
	for (int tries = 0; !c && tries < 8 && r->c.n_policies; tries++) {
		const struct m_policy *p = &r->c.policies[m_next(s) % (uint64_t)r->c.n_policies];
		const struct m_rule *rule = &p->rules[m_next(s) % 2][m_next(s) % 3];
		const struct m_peer *peer = &rule->peers[m_next(s) % 3];

		if (peer->kind == M_BLOCK)
			c = peer->n_except && m_next(s) % 2 ? &peer->except[0] : &peer->cidr;
	}
	for (int i = 0; !c && i < 16; i++)
		e->addr[i] = (uint8_t)m_next(s);
	if (c) {
		int width = c->v6 ? 128 : 32;
		uint8_t fill = m_next(s) % 2 ? 0xff : 0;
		int step = (int)(m_next(s) % 3) - 1;

		e->v6 = c->v6;
		memcpy(e->addr, c->addr, 16);
		for (int b = c->bits; b < width; b++)
			e->addr[b / 8] = (uint8_t)((e->addr[b / 8] & ~(0x80 >> b % 8)) |
						   (fill & 0x80 >> b % 8));
		/* One before, on it, one behind. */
		for (int i = width / 8 - 1; step && i >= 0; i--) {
			e->addr[i] = (uint8_t)(e->addr[i] + step);
			if (e->addr[i] != (step > 0 ? 0 : 0xff))
				break;
		}
	}
	/* It must be nobody's. */
	for (int i = 0; i < r->c.n_pods; i++)
		if (r->c.pods[i].v6 == e->v6 && !memcmp(r->c.pods[i].addr, e->addr, e->v6 ? 16 : 4))
			e->pod = i;
}

void pr_ask_all(struct pr_cluster *r, uint64_t *s, pr_ask_fn *ask)
{
	static const int types[] = {0, 1, 3, 8, 127, 128, 129, 254, 255};
	static const int ports[] = {0,   1,   2,   78,   79,   80,   81,    82,   83,
				    442, 443, 444, 8079, 8080, 8081, 65534, 65535};

	for (int i = 0; i < r->c.n_pods; i++)
		for (int j = -6; j < r->c.n_pods; j++) {
			struct m_end e = {.pod = j, .host = j == -1};

			if (j < -1)
				outside(r, &e, s);
			for (int k = 0; k < 8; k++) {
				int proto = (int)(m_next(s) % 6);
				int port = k ? ports[m_next(s) % 17] : (int)(m_next(s) % 65536);

				if (proto == 3 || proto == 4)
					port = types[m_next(s) % 9] * 256 + (int)(m_next(s) % 3);
				ask(r, (int)(m_next(s) % 2), i, &e, proto, port);
			}
		}
}
