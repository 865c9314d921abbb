/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that make facts: how one is added, and who knows which kind. */
#ifndef RAST_VECTOR_FACTS_ADD_H
#define RAST_VECTOR_FACTS_ADD_H

#include "vector/facts.h"

/* Copies all; beyond RAST_FACTS_MAX silently nothing. */
int rast_facts_add(struct rast_facts *f, const char *path, const char *label, const char *text,
		   float weight, const char *from, const char *to);
/* What a NetworkPolicy allows and denies; nothing for another kind. */
int rast_facts_policy(struct rast_facts *f, const json_t *body);
/* What kinds, ports, schedules and security contexts mean. */
int rast_facts_kind(struct rast_facts *f, const json_t *body);

#endif
