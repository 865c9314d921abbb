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

static unsigned long long v6_verdicts;

static const struct rast_policy_pod *world_pod(const struct pr_cluster *r, int pod)
{
	return pod < 0 ? NULL : &r->world.pods[pod];
}

static void compare(struct pr_cluster *r, bool v6, int dir, int subject, const struct m_end *e,
		    int proto, int port, bool got)
{
	bool want = m_verdict(&r->c, dir, subject, e, proto, port).allowed;

	r->verdicts++;
	v6_verdicts += v6;
	if (got != want)
		fail_msg(
			"seed %llu: IPv%d %s of pod%02d, peer pod %d host %d v6 %d %d.%d.%d.%d, proto %d "
			"port %d: the program %s, want %s\n%s",
			(unsigned long long)r->seed, v6 ? 6 : 4, dir ? "egress" : "ingress",
			subject, e->pod, e->host, e->v6, e->addr[0], e->addr[1], e->addr[2],
			e->addr[3], proto, port, got ? "allows" : "denies", want ? "allow" : "deny",
			r->yaml);
}

/* What no link lets through, whatever the policy: link-local, unspecified and such; groups that send. */
static bool never_on_a_link(const uint8_t a[16], int dir)
{
	static const uint8_t none[8];

	return !memcmp(a, none, 8) || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       (a[0] == 0xff && dir == RAST_DIR_INGRESS);
}

/* Neighbour discovery and group membership are the link's matter too. */
static bool links_own(int type)
{
	return (type >= 130 && type <= 137) || type == 143;
}

static void ask(struct pr_cluster *r, int dir, int subject, const struct m_end *e, int proto,
		int port)
{
	const struct rast_policy_pod *pod = world_pod(r, subject), *peer = world_pod(r, e->pod);
	uint32_t addr = (uint32_t)e->addr[0] << 24 | (uint32_t)e->addr[1] << 16 |
			(uint32_t)e->addr[2] << 8 | e->addr[3];
	bool only6 = r->c.pods[subject].v6 || (peer && r->c.pods[e->pod].v6);
	bool outside = !peer && !e->host;

	/* Pods of IPv4 have the address of their index in IPv6 too; policy is the same in both. */
	if (proto != RAST_PROTO_ICMP && !(proto == RAST_PROTO_ICMP6 && links_own(port >> 8)) &&
	    !(outside && (!e->v6 || never_on_a_link(e->addr, dir))))
		compare(r, true, dir, subject, e, proto, port,
			judge_allows6((enum rast_direction)dir, pod, peer, outside ? e->addr : NULL,
				      (enum rast_policy_proto)proto, (uint16_t)port));
	/* The addresses 0.0.0.0 and of the node are nobody's outside. */
	if (only6 || proto == RAST_PROTO_ICMP6 ||
	    (outside && (e->v6 || !addr || addr == (10u << 24) + 1)))
		return;
	compare(r, false, dir, subject, e, proto, port,
		judge_allows((enum rast_direction)dir, pod, peer, e->host ? 0 : addr,
			     (enum rast_policy_proto)proto, (uint16_t)port));
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
	print_message(
		"# seeds %llu to %llu: %llu images, %llu packets, %llu of them IPv6, %.1f s\n",
		(unsigned long long)seeds.first, (unsigned long long)seeds.next - 1,
		(unsigned long long)seeds.count, (unsigned long long)r.verdicts, v6_verdicts,
		pr_now() - began);
	assert_true(r.verdicts > 0 && v6_verdicts > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_say_what_a_slow_evaluator_says),
	};

	judge_open("bpfrandom", "10.0.0.0/16");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
