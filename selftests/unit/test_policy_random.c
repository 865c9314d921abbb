// SPDX-License-Identifier: BSD-2-Clause
/*
 * The compiler and the image's arithmetic against the slow evaluator of policy_model.h, on random
 * clusters. RAST_RANDOM_SECONDS (4) says how long, RAST_SEED repeats one cluster; a failure prints
 * its seed.
 */
#include "policy_model.h"

#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct run {
	struct m_cluster c;
	char *yaml;
	size_t yaml_len;
	struct rast_policy_set *set;
	struct rast_policy_world world;
	struct rast_policy_image *image, *other;
	struct rast_policy_rules *rules;
	uint64_t seed, verdicts;
};

static double now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void parse(struct run *r, int first)
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

static void forget(struct run *r)
{
	rast_policy_set_destroy(r->set);
	r->set = NULL;
	free(r->yaml);
	r->yaml = NULL;
}

static void add_pods(struct run *r)
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
					      .identity = RAST_IDENTITY_FIRST + (uint32_t)i * 7};

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

static void compile(struct run *r, struct rast_policy_image *im, struct rast_policy_rules **rules)
{
	struct rast_err err = {};
	char text[1024];

	if (rast_policy_compile(r->set, &r->world, 7, im, rules, NULL, &err) < 0 ||
	    rast_policy_image_check(im, &err) < 0)
		fail_msg("seed %llu: %s\n%s", (unsigned long long)r->seed,
			 rast_err_format(&err, text, sizeof(text)), r->yaml);
}

static struct rast_policy_end image_end(const struct m_end *e)
{
	struct rast_policy_end out = {.kind = RAST_END_IDENTITY};

	if (e->pod >= 0) {
		out.identity = RAST_IDENTITY_FIRST + (uint32_t)e->pod * 7;
	} else if (e->host) {
		out.identity = RAST_IDENTITY_HOST;
	} else if (e->v6) {
		out.kind = RAST_END_ADDR6;
		memcpy(out.addr6, e->addr, 16);
	} else {
		out.kind = RAST_END_ADDR4;
		out.addr4 = (uint32_t)e->addr[0] << 24 | (uint32_t)e->addr[1] << 16 |
			    (uint32_t)e->addr[2] << 8 | e->addr[3];
	}
	return out;
}

static void ask(struct run *r, int dir, int subject, const struct m_end *e, int proto, int port)
{
	struct rast_policy_end end = image_end(e);
	uint16_t cell = rast_policy_image_verdict(r->image, (enum rast_direction)dir,
						  RAST_IDENTITY_FIRST + (uint32_t)subject * 7, &end,
						  (enum rast_policy_proto)proto, (uint16_t)port);
	struct m_verdict want = m_verdict(&r->c, dir, subject, e, proto, port);
	const struct rast_policy_rule_ref *ref =
		rast_policy_rules_find(r->rules, cell & RAST_CELL_RULE);
	bool good = !!(cell & RAST_CELL_ALLOW) == want.allowed && !!ref == want.by_rule;

	r->verdicts++;
	/* The rule that the cell names must be one that matches, and say what the cell says. */
	if (good && ref)
		good = m_rule_matches(&r->c, r->rules->policies[ref->policy].name, ref->index, dir,
				      subject, e, proto, port) &&
		       !strcmp(ref->action, want.allowed ? "allow" : "deny") &&
		       ref->direction == (enum rast_direction)dir;
	if (!good) {
		char name[640];

		fail_msg(
			"seed %llu: %s of pod%02d, peer pod %d host %d v6 %d %d.%d.%d.%d, proto %d "
			"port %d: got %s by %s, want %s\n%s",
			(unsigned long long)r->seed, dir ? "egress" : "ingress", subject, e->pod,
			e->host, e->v6, e->addr[0], e->addr[1], e->addr[2], e->addr[3], proto, port,
			cell & RAST_CELL_ALLOW ? "allow" : "deny",
			rast_policy_rules_name(r->rules, cell & RAST_CELL_RULE, name, sizeof(name)),
			want.allowed ? "allow" : "deny", r->yaml);
	}
}

/* An address outside, on or next to an edge of some block when there is one. */
static void outside(const struct run *r, struct m_end *e, uint64_t *s)
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

static void ask_all(struct run *r, uint64_t *s)
{
	static const int ports[] = {0,   1,   2,   78,   79,   80,   81,    82,   83,
				    442, 443, 444, 8079, 8080, 8081, 65534, 65535};

	for (int i = 0; i < r->c.n_pods; i++)
		for (int j = -6; j < r->c.n_pods; j++) {
			struct m_end e = {.pod = j, .host = j == -1};

			if (j < -1)
				outside(r, &e, s);
			for (int k = 0; k < 6; k++)
				ask(r, (int)(m_next(s) % 2), i, &e, (int)(m_next(s) % 4),
				    k ? ports[m_next(s) % 17] : (int)(m_next(s) % 65536));
		}
}

/* The same cluster told in another order is the same image, byte for byte. */
static void tell_otherwise(struct run *r, uint64_t *s)
{
	struct rast_policy_rules *rules = NULL;
	struct rast_policy_pod p;
	void *a = NULL, *b = NULL;
	size_t n_a, n_b;

	forget(r);
	parse(r, (int)(m_next(s) % 16));
	for (size_t i = 0; i < r->world.n_pods; i++) {
		size_t j = m_next(s) % r->world.n_pods;

		p = r->world.pods[i];
		r->world.pods[i] = r->world.pods[j];
		r->world.pods[j] = p;
	}
	compile(r, r->other, &rules);
	if (memcmp(r->image, r->other, sizeof(*r->image)) != 0)
		fail_msg("seed %llu: another order gives another image\n%s",
			 (unsigned long long)r->seed, r->yaml);
	assert_int_equal(rast_policy_file_write(r->other, rules, &b, &n_b), 0);
	assert_int_equal(rast_policy_file_write(r->image, rules, &a, &n_a), 0);
	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, n_a);
	free(a);
	free(b);
	rast_policy_rules_destroy(rules);
}

static void one(struct run *r, uint64_t seed)
{
	uint64_t s = seed;

	r->seed = seed;
	m_random(&r->c, &s);
	parse(r, 0);
	add_pods(r);
	compile(r, r->image, &r->rules);
	ask_all(r, &s);
	if (m_next(&s) % 8 == 0)
		tell_otherwise(r, &s);
	forget(r);
	rast_policy_rules_destroy(r->rules);
	r->rules = NULL;
	rast_policy_world_finish(&r->world);
}

static void test_compiled_verdicts_are_those_of_a_slow_evaluator(void **state)
{
	const char *seconds = getenv("RAST_RANDOM_SECONDS"), *given = getenv("RAST_SEED");
	double end = now() + (seconds ? atof(seconds) : 4);
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003;
	uint64_t first = seed, clusters = 0;
	struct run r = {.image = malloc(sizeof(*r.image)), .other = malloc(sizeof(*r.other))};

	(void)state;
	assert_non_null(r.image);
	assert_non_null(r.other);
	do {
		one(&r, seed++);
		clusters++;
	} while (!given && now() < end);
	print_message("# seeds %llu to %llu: %llu clusters, %llu verdicts\n",
		      (unsigned long long)first, (unsigned long long)seed - 1,
		      (unsigned long long)clusters, (unsigned long long)r.verdicts);
	free(r.image);
	free(r.other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled_verdicts_are_those_of_a_slow_evaluator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
