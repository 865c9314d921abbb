/* SPDX-License-Identifier: BSD-2-Clause */
/* Text → a set of policies, for tests. */
#ifndef RAST_SELFTESTS_POLICY_DOCS_H
#define RAST_SELFTESTS_POLICY_DOCS_H

#include "policy/policy.h"

/* Adds every document of `text`, which is called f.yaml, to `set`. */
int parse(const char *text, struct rast_policy_set *set, struct rast_err *err);
/* A set of these documents; fails the test when one is refused. */
struct rast_policy_set *must_parse(const char *text);

#endif
