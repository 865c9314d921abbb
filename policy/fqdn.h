/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS names of rules: a name or a pattern as people write it → what the programs compare (bpf/names.h),
 * and back. "api.example.com" is that name; "*.example.com" is every name with one or more labels before
 * example.com, not example.com itself; "*" is every name.
 */
#ifndef RAST_POLICY_FQDN_H
#define RAST_POLICY_FQDN_H

#include "base/err.h"
#include "bpf/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As text: every byte may take four ("\255"). */
#define RAST_FQDN_TEXT_SIZE 1024

struct rast_fqdn {
	bool suffix;
	uint8_t len;       /* with the root's zero */
	uint8_t wire[256]; /* zeroes behind it */
};

/* A dot at the end is allowed. -EINVAL: no name, or a "*" that is not the whole first label. */
int rast_fqdn_parse(const char *text, struct rast_fqdn *ret);
/* Does the pattern match this name (suffix false)? */
bool rast_fqdn_matches(const struct rast_fqdn *pattern, const struct rast_fqdn *name);
/* The same for the same pattern on every host and for ever; never 0. */
uint64_t rast_fqdn_id(const struct rast_fqdn *f);
/*
 * A name on the wire, cut off behind `len` bytes or not, as text: "api.example.com", "…" in front of
 * nothing but behind what was cut off; "." is the root. Returns buf.
 */
const char *rast_fqdn_format(const uint8_t *wire, size_t len, char buf[RAST_FQDN_TEXT_SIZE]);

/* Adds a pattern. -E2BIG when the table is full. */
int rast_fqdn_table_add(struct rast_name_table *t, const struct rast_fqdn *f, uint32_t klass,
			uint32_t group);
/* The pattern at t->patterns[i]. */
void rast_fqdn_table_get(const struct rast_name_table *t, uint32_t i, struct rast_fqdn *ret);
/* Is it one that the compiler could have written? -EINVAL with the reason. */
int rast_fqdn_table_check(const struct rast_name_table *t, uint32_t n_peer, uint32_t n_rule,
			  struct rast_err *err);

#endif
