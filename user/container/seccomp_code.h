/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cBPF programs as graphs of decisions. Nodes are made from the leaves up and equal ones are one, so
 * whoever builds a decision shares without thinking of it; the layout then takes only what the root
 * reaches. A test loads what it needs: whatever the accumulator held before does not matter, but a test
 * of the same word right behind another saves its load.
 */
#ifndef RAST_CONTAINER_SECCOMP_CODE_H
#define RAST_CONTAINER_SECCOMP_CODE_H

#include "container/seccomp.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t code_node; /* 0: none was to be had; everything built upon it is 0 too */

#define CODE_BUCKETS 2048

struct code_insn {
	uint16_t code;
	uint32_t k;
	code_node yes, no; /* of a load: only yes */
	code_node next;    /* of the same bucket */
	uint32_t at, near; /* where it stands, counted from the end; a jump to it that is closer */
};

struct code {
	struct code_insn *n;
	uint32_t count, size;
	code_node bucket[CODE_BUCKETS];
};

/* -ENOMEM */
int code_init(struct code *c);
void code_finish(struct code *c);

code_node code_ret(struct code *c, uint32_t value);
/* op: BPF_JEQ, BPF_JGT or BPF_JGE of (word at `offset` & mask) with k, unsigned. */
code_node code_test(struct code *c, uint32_t offset, uint32_t mask, uint16_t op, uint32_t k,
		    code_node yes, code_node no);

struct code_range {
	uint32_t from; /* up to the next one's; the first is 0, the last has no end */
	code_node to;
};
/* Which range the word at `offset` lies in. Neighbours that lead to the same node are merged: r changes. */
code_node code_switch(struct code *c, uint32_t offset, struct code_range *r, unsigned int n);

/* -E2BIG: more than RAST_SECCOMP_MAX_INSNS; -ENOMEM. */
int code_layout(struct code *c, code_node root, struct rast_seccomp_filter *ret);

#endif
