// SPDX-License-Identifier: BSD-2-Clause
/*
 * See seccomp_code.h. The program is written from its end to its beginning: what a node leads to stands
 * already when the node is written, so jumps are forward and their distances known. A conditional jump
 * reaches 255 instructions: for what is farther away a return is written once more, anything else
 * is reached by an unconditional jump close by.
 */
#include "container/seccomp_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define AND (BPF_ALU | BPF_AND | BPF_K)
#define RET (BPF_RET | BPF_K)
#define JUMP(op) ((uint16_t)(BPF_JMP | (op) | BPF_K))
/* A program has 4,096; what is built in vain and depth of recursion are bounded with it. */
#define MAX_NODES 32768u
#define REACH 254u /* one less than it is, for what the other branch may put in between */

int code_init(struct code *c)
{
	memset(c, 0, sizeof(*c));
	c->size = 256;
	c->n = malloc(c->size * sizeof(*c->n));
	c->count = 1;
	return c->n ? 0 : -ENOMEM;
}

void code_finish(struct code *c)
{
	free(c->n);
	c->n = NULL;
}

static code_node node(struct code *c, uint16_t code, uint32_t k, code_node yes, code_node no)
{
	uint32_t h = (code * 31u + k) * 0x9e3779b1u ^ yes * 0x85ebca6bu ^ no * 0xc2b2ae35u;
	code_node *bucket = &c->bucket[(h ^ h >> 15) % CODE_BUCKETS], i;

	for (i = *bucket; i; i = c->n[i].next) {
		const struct code_insn *o = &c->n[i];

		if (o->k == k && o->yes == yes && o->no == no && o->code == code)
			return i;
	}
	if (c->count == c->size) {
		struct code_insn *n =
			c->size >= MAX_NODES ? NULL : realloc(c->n, 2 * c->size * sizeof(*n));

		if (!n)
			return 0;
		c->n = n;
		c->size *= 2;
	}
	i = c->count++;
	c->n[i] = (struct code_insn){code, k, yes, no, *bucket, 0, 0};
	*bucket = i;
	return i;
}

code_node code_ret(struct code *c, uint32_t value)
{
	return node(c, RET, value, 0, 0);
}

/* What a branch leads to when the accumulator holds the word at `offset`, masked: past the same loads. */
static code_node past(const struct code *c, code_node to, uint32_t offset, uint32_t mask)
{
	const struct code_insn *load = &c->n[to], *and;

	if (load->code != LOAD || load->k != offset)
		return to;
	and = &c->n[load->yes];
	if (mask == ~0u)
		return load->yes;
	return and->code == AND && and->k == mask ? and->yes : to;
}

code_node code_test(struct code *c, uint32_t offset, uint32_t mask, uint16_t op, uint32_t k,
		    code_node yes, code_node no)
{
	code_node n;

	if (!yes || !no)
		return 0;
	if (yes == no)
		return yes;
	n = node(c, JUMP(op), k, past(c, yes, offset, mask), past(c, no, offset, mask));
	if (n && mask != ~0u)
		n = node(c, AND, mask, n, 0);
	return n ? node(c, LOAD, offset, n, 0) : 0;
}

/* ---- switches ---- */

static code_node choose(struct code *c, const struct code_range *r, unsigned int n)
{
	unsigned int half = n / 2;
	code_node below, above;

	if (n == 1)
		return r->to;
	/* One number within another range is found by asking for it. */
	if (n == 3 && r[0].to == r[2].to && r[2].from == r[1].from + 1)
		return node(c, JUMP(BPF_JEQ), r[1].from, r[1].to, r[0].to);
	below = choose(c, r, half);
	above = below ? choose(c, r + half, n - half) : 0;
	return above ? node(c, JUMP(BPF_JGE), r[half].from, above, below) : 0;
}

code_node code_switch(struct code *c, uint32_t offset, struct code_range *r, unsigned int n)
{
	unsigned int i, kept = 0;
	code_node top;

	for (i = 0; i < n; i++) {
		if (!r[i].to)
			return 0;
		if (!kept || r[kept - 1].to != r[i].to)
			r[kept++] = r[i];
	}
	top = choose(c, r, kept);
	return top && kept > 1 ? node(c, LOAD, offset, top, 0) : top;
}

/* ---- layout ---- */

struct layout {
	struct code *c;
	struct sock_filter f[RAST_SECCOMP_MAX_INSNS]; /* filled from its end */
	uint32_t n;
	bool full;
};

/* Returns its place, counted from the end and from 1. */
static uint32_t put(struct layout *l, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (l->n == RAST_SECCOMP_MAX_INSNS) {
		l->full = true;
		return l->n;
	}
	l->n++;
	l->f[RAST_SECCOMP_MAX_INSNS - l->n] = (struct sock_filter){code, jt, jf, k};
	return l->n;
}

static void place(struct layout *l, code_node i);

/* To where a conditional jump that comes next, or next but one, can jump to get to `to`. */
static uint32_t reach(struct layout *l, code_node to)
{
	struct code_insn *n = &l->c->n[to];

	if (n->near && l->n - n->near <= REACH)
		return n->near;
	if (n->code == RET)
		n->near = put(l, RET, 0, 0, n->k);
	else
		n->near = put(l, BPF_JMP | BPF_JA, 0, 0, l->n - n->at);
	return n->near;
}

/* Which of two branches is laid out first, so that it lies farther off, is no matter of correctness. */
static void place_jump(struct layout *l, code_node i)
{
	struct code_insn *n = &l->c->n[i];
	uint32_t yes, no;

	if (l->c->n[n->no].code != RET)
		place(l, n->no);
	if (l->c->n[n->yes].code != RET)
		place(l, n->yes);
	no = reach(l, n->no);
	yes = reach(l, n->yes);
	n->at = n->near = put(l, n->code, (uint8_t)(l->n - yes), (uint8_t)(l->n - no), n->k);
}

static void place(struct layout *l, code_node i)
{
	struct code_insn *n = &l->c->n[i];

	if (n->at || l->full)
		return;
	if (n->code == RET) {
		n->at = n->near = put(l, RET, 0, 0, n->k);
		return;
	}
	if (n->code != LOAD && n->code != AND) {
		place_jump(l, i);
		return;
	}
	place(l, n->yes);
	if (l->c->n[n->yes].at != l->n)
		(void)put(l, BPF_JMP | BPF_JA, 0, 0, l->n - l->c->n[n->yes].at);
	n->at = n->near = put(l, n->code, 0, 0, n->k);
}

int code_layout(struct code *c, code_node root, struct rast_seccomp_filter *ret)
{
	struct layout *l;

	if (!root)
		return c->count >= MAX_NODES ? -E2BIG : -ENOMEM;
	l = malloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->c = c;
	l->n = 0;
	l->full = false;
	place(l, root);
	if (l->full) {
		free(l);
		return -E2BIG;
	}
	ret->insns = malloc(l->n * sizeof(l->f[0]));
	if (ret->insns) {
		memcpy(ret->insns, l->f + RAST_SECCOMP_MAX_INSNS - l->n, l->n * sizeof(l->f[0]));
		ret->len = (unsigned short)l->n;
	}
	free(l);
	return ret->insns ? 0 : -ENOMEM;
}
