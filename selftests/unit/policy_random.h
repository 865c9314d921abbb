/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One random cluster of policy_model.h as the compiler takes it, compiled, and questions about it. Whatever
 * goes wrong on the way fails the cmocka test that called, with the seed and the policies.
 */
#ifndef SELFTESTS_POLICY_RANDOM_H
#define SELFTESTS_POLICY_RANDOM_H

#include "policy_model.h"

#include "policy/policy.h"

/* The identity of a cluster's pod: not in a row, as pods that went left gaps. */
#define PR_IDENTITY(pod) (RAST_IDENTITY_FIRST + (uint32_t)(pod)*7)

struct pr_cluster {
	struct m_cluster c;
	char *yaml;
	size_t yaml_len;
	struct rast_policy_set *set;
	struct rast_policy_world world;
	struct rast_policy_image *image;
	struct rast_policy_rules *rules;
	uint64_t seed, verdicts;
};

/* dir: enum rast_direction; proto: enum rast_policy_proto. */
typedef void pr_ask_fn(struct pr_cluster *r, int dir, int subject, const struct m_end *e, int proto,
		       int port);

/* Makes the cluster of *seed and compiles it; *seed goes on. */
void pr_make(struct pr_cluster *r, uint64_t *seed);
/* Each pod about the node, each other pod and some addresses outside, most of them at some block's edge. */
void pr_ask_all(struct pr_cluster *r, uint64_t *seed, pr_ask_fn *ask);
/* Parses its text once more, beginning with the `first`-th policy. */
void pr_parse(struct pr_cluster *r, int first);
void pr_forget_set(struct pr_cluster *r);
void pr_compile(struct pr_cluster *r, struct rast_policy_image **im,
		struct rast_policy_rules **rules);
void pr_finish(struct pr_cluster *r);

/* Counted up from RAST_SEED, which then is the only one, or from the time. */
struct pr_seeds {
	uint64_t first, next, count;
	bool given;
};
struct pr_seeds pr_seeds_begin(void);
/* Is there another one? For RAST_RANDOM_SECONDS, or `seconds`. */
bool pr_seeds_more(const struct pr_seeds *s, double began, double seconds);
double pr_now(void);

#endif
