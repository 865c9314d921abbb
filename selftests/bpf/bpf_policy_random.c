// SPDX-License-Identifier: BSD-2-Clause
/*
 * The loaded programs against the slow evaluator of policy_model.h: random clusters, each compiled and put
 * in the place of the one before, and random packets to and from each pod. A million packets, or what
 * RAST_RANDOM_SECONDS (40) allow; RAST_SEED repeats one cluster; a failure prints its seed.
 */
#include "selftests/bpf/policy_judge.h"
#include "selftests/lib/tap.h"
#include "selftests/unit/policy_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PACKETS 1000000u
#define ROUNDS 8 /* of questions for one image */

static const struct rast_policy_pod *world_pod(const struct pr_cluster *r, int pod)
{
	return pod < 0 ? NULL : &r->world.pods[pod];
}

static void ask(struct pr_cluster *r, int dir, int subject, const struct m_end *e, int proto,
		int port)
{
	uint32_t addr = (uint32_t)e->addr[0] << 24 | (uint32_t)e->addr[1] << 16 |
			(uint32_t)e->addr[2] << 8 | e->addr[3];
	bool got, want;

	/* These links carry IPv4 only. The addresses 0.0.0.0 and of the node are nobody's outside. */
	if (r->c.pods[subject].v6 || (e->pod >= 0 ? r->c.pods[e->pod].v6 : e->v6) ||
	    proto == RAST_PROTO_ICMP6)
		return;
	if (e->pod < 0 && !e->host && (!addr || addr == (10u << 24) + 1))
		return;
	got = judge_allows((enum rast_direction)dir, world_pod(r, subject), world_pod(r, e->pod),
			   e->host ? 0 : addr, (enum rast_policy_proto)proto, (uint16_t)port);
	want = m_verdict(&r->c, dir, subject, e, proto, port).allowed;
	r->verdicts++;
	if (got != want)
		fail_msg(
			"seed %llu: %s of pod%02d, peer pod %d host %d %d.%d.%d.%d, proto %d port %d: "
			"the program %s, want %s\n%s",
			(unsigned long long)r->seed, dir ? "egress" : "ingress", subject, e->pod,
			e->host, e->addr[0], e->addr[1], e->addr[2], e->addr[3], proto, port,
			got ? "allows" : "denies", want ? "allow" : "deny", r->yaml);
}

static void test_programs_say_what_a_slow_evaluator_says(void **state)
{
	struct pr_cluster r = {};
	struct pr_seeds seeds = pr_seeds_begin();
	double began = pr_now();

	(void)state;
	for (; r.verdicts < PACKETS && pr_seeds_more(&seeds, began, 40); seeds.count++) {
		uint64_t s = seeds.next++;

		pr_make(&r, &s);
		judge_world(&r.world);
		judge_apply(r.image);
		for (int i = 0; i < ROUNDS; i++)
			pr_ask_all(&r, &s, ask);
		pr_finish(&r);
	}
	print_message("# seeds %llu to %llu: %llu images, %llu packets, %.1f s\n",
		      (unsigned long long)seeds.first, (unsigned long long)seeds.next - 1,
		      (unsigned long long)seeds.count, (unsigned long long)r.verdicts,
		      pr_now() - began);
	assert_true(r.verdicts > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_say_what_a_slow_evaluator_says),
	};

	judge_open("bpfrandom", "10.0.0.0/16");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
