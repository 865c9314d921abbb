// SPDX-License-Identifier: BSD-2-Clause
/*
 * The compiler and the image's arithmetic against the slow evaluator of policy_model.h, on random
 * clusters. RAST_RANDOM_SECONDS (4) says how long, RAST_SEED repeats one cluster; a failure prints
 * its seed.
 */
#include "policy_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rast_policy_end image_end(const struct m_end *e)
{
	struct rast_policy_end out = {.kind = RAST_END_IDENTITY};

	if (e->pod >= 0) {
		out.identity = PR_IDENTITY(e->pod);
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

static const struct m_policy *policy_of(const struct pr_cluster *r,
					const struct rast_policy_rule_ref *ref)
{
	for (int i = 0; ref && i < r->c.n_policies; i++)
		if (!strcmp(r->c.policies[i].name, r->rules->policies[ref->policy].name))
			return &r->c.policies[i];
	return NULL;
}

struct question {
	int dir, subject, proto, port;
	const struct m_end *e;
};

/* The rule that the cell names must be one that matches, and say what the cell says. */
static bool fits(const struct pr_cluster *r, const struct question *q, uint32_t cell,
		 struct m_verdict want, const struct m_policy **ret_policy)
{
	const struct rast_policy_rule_ref *ref =
		rast_policy_rules_find(r->rules, cell & RAST_CELL_RULE);

	*ret_policy = policy_of(r, ref);
	if (!!(cell & RAST_CELL_ALLOW) != want.allowed || !!ref != want.by_rule)
		return false;
	return !ref || (m_rule_matches(&r->c, r->rules->policies[ref->policy].name,
				       !strcmp(ref->action, "deny"), (int)ref->index, q->dir,
				       q->subject, q->e, q->proto, q->port) &&
			!strcmp(ref->action, want.allowed ? "allow" : "deny") &&
			ref->direction == (enum rast_direction)q->dir);
}

static void wrong(const struct pr_cluster *r, const struct question *q, uint32_t cell, bool want,
		  const char *what)
{
	char name[640];

	fail_msg(
		"seed %llu: %s of pod%02d, peer pod %d host %d v6 %d %d.%d.%d.%d, proto %d port %d: "
		"%s%s by %s (%#x), want %s\n%s",
		(unsigned long long)r->seed, q->dir ? "egress" : "ingress", q->subject, q->e->pod,
		q->e->host, q->e->v6, q->e->addr[0], q->e->addr[1], q->e->addr[2], q->e->addr[3],
		q->proto, q->port, what, cell & RAST_CELL_ALLOW ? "allow" : "deny",
		rast_policy_rules_name(r->rules, cell & RAST_CELL_RULE, name, sizeof(name)), cell,
		want ? "allow" : "deny", r->yaml);
}

/* What would hold if staged policies were enforced is where the cell says that one must look. */
static void ask_staged(const struct pr_cluster *r, const struct question *q, uint32_t cell,
		       uint32_t staged)
{
	struct m_verdict would = m_would(&r->c, q->dir, q->subject, q->e, q->proto, q->port);
	const struct m_policy *p;

	if (!(cell & RAST_CELL_STAGED)) {
		if (would.allowed != !!(cell & RAST_CELL_ALLOW))
			wrong(r, q, cell, would.allowed, "staged, without its mark: ");
		return;
	}
	if (!fits(r, q, staged, would, &p))
		wrong(r, q, staged, would.allowed, "staged: ");
	if (would.allowed == !!(cell & RAST_CELL_ALLOW) && !(p && p->staged))
		wrong(r, q, staged, would.allowed, "staged mark for nothing: ");
}

static void ask(struct pr_cluster *r, int dir, int subject, const struct m_end *e, int proto,
		int port)
{
	struct rast_policy_end end = image_end(e);
	struct question q = {dir, subject, proto, port, e};
	uint32_t cell =
		rast_policy_image_verdict(r->image, (enum rast_direction)dir, PR_IDENTITY(subject),
					  &end, (enum rast_policy_proto)proto, (uint16_t)port);
	struct m_verdict want = m_verdict(&r->c, dir, subject, e, proto, port);
	const struct m_policy *p;

	r->verdicts++;
	if (!fits(r, &q, cell, want, &p))
		wrong(r, &q, cell, want.allowed, "");
	if (p && p->staged)
		wrong(r, &q, cell, want.allowed, "a staged rule decides: ");
	if (!!(cell & RAST_CELL_LOG) != (p && p->log))
		wrong(r, &q, cell, want.allowed, "log: ");
	ask_staged(r, &q, cell,
		   rast_policy_image_staged(r->image, (enum rast_direction)dir,
					    PR_IDENTITY(subject), &end,
					    (enum rast_policy_proto)proto, (uint16_t)port));
}

/* The same cluster told in another order is the same image, byte for byte. */
static void tell_otherwise(struct pr_cluster *r, uint64_t *s)
{
	struct rast_policy_image *other = NULL;
	struct rast_policy_rules *rules = NULL;
	struct rast_policy_pod p;
	void *a = NULL, *b = NULL;
	size_t n_a, n_b;

	pr_forget_set(r);
	pr_parse(r, (int)(m_next(s) % 16));
	for (size_t i = 0; i < r->world.n_pods; i++) {
		size_t j = m_next(s) % r->world.n_pods;

		p = r->world.pods[i];
		r->world.pods[i] = r->world.pods[j];
		r->world.pods[j] = p;
	}
	pr_compile(r, &other, &rules);
	if (rast_policy_image_size(r->image) != rast_policy_image_size(other) ||
	    memcmp(r->image, other, rast_policy_image_size(other)) != 0)
		fail_msg("seed %llu: another order gives another image\n%s",
			 (unsigned long long)r->seed, r->yaml);
	assert_int_equal(rast_policy_file_write(other, rules, &b, &n_b), 0);
	assert_int_equal(rast_policy_file_write(r->image, rules, &a, &n_a), 0);
	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, n_a);
	free(a);
	free(b);
	free(other);
	rast_policy_rules_destroy(rules);
}

static void test_compiled_verdicts_are_those_of_a_slow_evaluator(void **state)
{
	struct pr_cluster r = {};
	struct pr_seeds seeds = pr_seeds_begin();
	double began = pr_now();

	(void)state;
	for (; pr_seeds_more(&seeds, began, 4); seeds.count++) {
		uint64_t s = seeds.next++;

		pr_make(&r, &s);
		pr_ask_all(&r, &s, ask);
		if (m_next(&s) % 8 == 0)
			tell_otherwise(&r, &s);
		pr_finish(&r);
	}
	print_message("# seeds %llu to %llu: %llu clusters, %llu verdicts\n",
		      (unsigned long long)seeds.first, (unsigned long long)seeds.next - 1,
		      (unsigned long long)seeds.count, (unsigned long long)r.verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled_verdicts_are_those_of_a_slow_evaluator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
