/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an item says, as short lines with weights: each leaf of the JSON ("spec.image: nginx"), and
 * for the kinds that we know, what the fields mean together ("allow api to connect to db on port
 * 6379"). They are what is embedded, counted and shown as a snippet. Pure.
 */
#ifndef RAST_VECTOR_FACTS_H
#define RAST_VECTOR_FACTS_H

#include "base/json.h"

#include <stddef.h>

/* An item of 16 MiB must not cost a thousand times an ordinary one: what is past these is not seen. */
#define RAST_FACTS_MAX 2048u
#define RAST_FACT_WORDS 512u

struct rast_fact {
	char *path;  /* "spec.containers[0].image"; "" for what is deduced */
	char *text;  /* the value, or the sentence */
	char *label; /* words of the path that carry meaning */
	float weight;
	char *from, *to; /* who connects to whom, or NULL */
};

struct rast_facts {
	struct rast_fact *v;
	size_t n, cap;
};

int rast_facts_build(const char *key, const json_t *body, struct rast_facts *ret);
void rast_facts_finish(struct rast_facts *f);

#endif
