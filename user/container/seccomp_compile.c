// SPDX-License-Identifier: BSD-2-Clause
/*
 * Table → cBPF. Per architecture every number gets an action; runs of equal actions become ranges, and
 * the ranges a balanced tree of "nr >= k" comparisons whose leaves return. libseccomp is opened only
 * here, to learn the numbers: a warm start never loads it.
 */
#include "container/seccomp.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NR 512
#define ACT_ERRNO(e) (SECCOMP_RET_ERRNO | (e))

struct out {
	struct sock_filter f[RAST_SECCOMP_MAX_INSNS];
	unsigned int n;
	bool overflow;
};

struct action {
	bool cond;
	uint32_t value; /* SECCOMP_RET_*, or the rule's index */
};

struct range {
	uint32_t from;
	struct action act;
};

static void emit(struct out *o, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (o->n >= RAST_SECCOMP_MAX_INSNS) {
		o->overflow = true;
		return;
	}
	o->f[o->n++] = (struct sock_filter){code, jt, jf, k};
}

static void emit_ret(struct out *o, uint32_t value)
{
	emit(o, BPF_RET | BPF_K, 0, 0, value);
}

static uint32_t denied(const struct rast_seccomp_rule *r)
{
	return ACT_ERRNO((uint32_t)(r->error ? r->error : EPERM));
}

static void emit_conds(struct out *o, const struct rast_seccomp_rule *r)
{
	uint32_t mask = ~0u;
	int arg = -1;
	unsigned int i;

	for (i = 0; i < r->n_conds; i++) {
		const struct rast_seccomp_cond *c = &r->conds[i];

		if (arg != c->arg || mask != ~0u) {
			/* Little endian: the low half comes first. */
			emit(o, BPF_LD | BPF_W | BPF_ABS, 0, 0,
			     (uint32_t)(offsetof(struct seccomp_data, args) + 8u * c->arg));
			arg = c->arg;
			mask = ~0u;
		}
		if (c->mask != ~0u)
			emit(o, BPF_ALU | BPF_AND | BPF_K, 0, 0, c->mask);
		mask = c->mask;
		emit(o, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, c->value);
		emit_ret(o, SECCOMP_RET_ALLOW);
	}
	emit_ret(o, denied(r));
}

static void emit_tree(struct out *o, const struct range *ranges, unsigned int n)
{
	unsigned int at, half = n / 2, left;

	if (n == 1) {
		if (ranges->act.cond)
			emit_conds(o, &rast_seccomp_rules[ranges->act.value]);
		else
			emit_ret(o, ranges->act.value);
		return;
	}
	at = o->n;
	emit(o, BPF_JMP | BPF_JGE | BPF_K, 0, 0, ranges[half].from);
	emit_tree(o, ranges, half);
	if (o->overflow)
		return;
	left = o->n - at - 1;
	if (left <= 255) {
		o->f[at].jt = (uint8_t)left;
	} else if (o->n < RAST_SECCOMP_MAX_INSNS) {
		/* Too far for a conditional jump: over an unconditional one. */
		memmove(&o->f[at + 2], &o->f[at + 1], left * sizeof(o->f[0]));
		o->n++;
		o->f[at].jt = 0;
		o->f[at].jf = 1;
		o->f[at + 1] = (struct sock_filter){BPF_JMP | BPF_JA, 0, 0, left};
	} else {
		o->overflow = true;
		return;
	}
	emit_tree(o, ranges + half, n - half);
}

static char *(*name_of)(uint32_t arch, int nr);
/* There in an executable that has libseccomp in it, which saves dlopen. */
extern char *seccomp_syscall_resolve_num_arch(uint32_t arch, int nr) __attribute__((weak));

static int find_name_of(void **ret_lib, struct rast_err *err)
{
	*ret_lib = NULL;
	name_of = seccomp_syscall_resolve_num_arch;
	if (name_of)
		return 0;
	*ret_lib = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
	if (!*ret_lib)
		return rast_err_set(err, ENOSYS,
				    "libseccomp.so.2 cannot be loaded to compile the system call "
				    "filter: %.200s",
				    dlerror());
	*(void **)&name_of = dlsym(*ret_lib, "seccomp_syscall_resolve_num_arch");
	if (name_of)
		return 0;
	(void)dlclose(*ret_lib);
	return rast_err_sys(err, ENOSYS, "libseccomp");
}

/*
 * The rule of a number. Numbers are asked for names, not the other way round: asked for the number of
 * "socket" on i386, libseccomp answers that it is part of socketcall, and 359 would stay denied.
 */
static int rule_of(uint32_t arch, uint32_t nr)
{
	char *name = name_of(arch, (int)nr);
	int found = -1;
	size_t i;

	for (i = 0; i < rast_seccomp_n_rules && found < 0; i++)
		if (name ? !strcmp(rast_seccomp_rules[i].name, name)
			 : rast_seccomp_rules[i].number == (int)nr && nr)
			found = (int)i;
	free(name);
	return found;
}

static struct action action_of(uint32_t arch, uint32_t nr, uint64_t caps)
{
	const struct rast_seccomp_rule *r;
	int i = rule_of(arch, nr);

	if (i < 0)
		return (struct action){false, ACT_ERRNO(nr > RAST_SECCOMP_NEWEST ? ENOSYS : EPERM)};
	r = &rast_seccomp_rules[i];
	if (r->caps ? (r->caps & caps) != 0 : !r->n_conds)
		return (struct action){false, SECCOMP_RET_ALLOW};
	if (r->n_conds)
		return (struct action){true, (uint32_t)i};
	return (struct action){false, denied(r)};
}

static void emit_arch(struct out *o, uint32_t arch, uint64_t caps)
{
	struct range ranges[MAX_NR];
	unsigned int n = 0, nr;

	for (nr = 0; nr < MAX_NR; nr++) {
		struct action act = action_of(arch, nr, caps);

		if (n && !act.cond && !ranges[n - 1].act.cond &&
		    act.value == ranges[n - 1].act.value)
			continue;
		ranges[n++] = (struct range){nr, act};
	}
	/* The last range has no end: x32 numbers (bit 30) and -1 are ENOSYS too. */
	emit(o, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	emit_tree(o, ranges, n);
}

#if defined(__x86_64__)
static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
#elif defined(__aarch64__)
static const uint32_t arches[] = {AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM};
#endif

int rast_seccomp_compile(uint64_t caps, struct rast_seccomp_filter *ret, struct rast_err *err)
{
	struct out *o;
	unsigned int at, i;
	void *lib;
	int r = find_name_of(&lib, err);

	if (r < 0)
		return r;
	o = calloc(1, sizeof(*o));
	if (!o) {
		if (lib)
			(void)dlclose(lib);
		return rast_err_sys(err, ENOMEM, "system call filter");
	}
	emit(o, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		at = o->n;
		emit(o, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, arches[i]);
		emit(o, BPF_JMP | BPF_JA, 0, 0, 0);
		emit_arch(o, arches[i], caps);
		o->f[at + 1].k = o->n - at - 2;
	}
	emit_ret(o, SECCOMP_RET_KILL_PROCESS);
	if (lib)
		(void)dlclose(lib);
	if (o->overflow) {
		free(o);
		return rast_err_set(err, E2BIG, "system call filter is too long");
	}
	ret->insns = malloc(o->n * sizeof(o->f[0]));
	if (!ret->insns) {
		free(o);
		return rast_err_sys(err, ENOMEM, "system call filter");
	}
	memcpy(ret->insns, o->f, o->n * sizeof(o->f[0]));
	ret->len = (unsigned short)o->n;
	free(o);
	return 0;
}
