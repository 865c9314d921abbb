// SPDX-License-Identifier: BSD-2-Clause
/* See seccomp_model.h. */
#include "seccomp_model.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define X32_BIT 0x40000000u

static const struct {
	uint32_t arch, abi;
	bool wide;
} abis[] = {
	{AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, true},
	{AUDIT_ARCH_I386, SCMP_ARCH_X86, false},
	{AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32, SCMP_ARCH_X32, false},
	{AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, true},
	{AUDIT_ARCH_ARM, SCMP_ARCH_ARM, false},
};
#define N_ABIS (sizeof(abis) / sizeof(abis[0]))

/* The calls of i386 that have a number besides being parts; libseccomp names only the parts. */
static uint32_t direct(const char *name)
{
	static const struct {
		const char *name;
		uint32_t nr;
	} calls[] = {
		{"recvmmsg", 337},   {"sendmmsg", 345},    {"socket", 359},
		{"socketpair", 360}, {"bind", 361},        {"connect", 362},
		{"listen", 363},     {"accept4", 364},     {"getsockopt", 365},
		{"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
		{"sendto", 369},     {"sendmsg", 370},     {"recvfrom", 371},
		{"recvmsg", 372},    {"shutdown", 373},    {"semget", 393},
		{"semctl", 394},     {"shmget", 395},      {"shmctl", 396},
		{"shmat", 397},      {"shmdt", 398},       {"msgget", 399},
		{"msgsnd", 400},     {"msgrcv", 401},      {"msgctl", 402},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].nr;
	return 0;
}

static void add(struct seccomp_model *m, uint32_t abi, uint32_t nr, uint32_t part,
		const struct rast_seccomp_call *c, const struct rast_seccomp_arg *args, size_t n)
{
	if (m->n_rules == sizeof(m->rules) / sizeof(m->rules[0]))
		abort();
	m->rules[m->n_rules++] = (struct seccomp_model_rule){nr, abi, c->action, part, args, n};
}

static void add_name(struct seccomp_model *m, uint32_t abi, const char *name,
		     const struct rast_seccomp_call *c, const struct rast_seccomp_arg *args,
		     size_t n)
{
	int nr = seccomp_syscall_resolve_name_arch(abi, name);

	if (nr >= 0)
		add(m, abi, (uint32_t)nr, 0, c, args, n);
	else if (abi == SCMP_ARCH_X86 && nr <= -100 && nr >= -120)
		add(m, abi, 102, (uint32_t)-nr % 100, c, args, n);
	else if (abi == SCMP_ARCH_X86 && nr <= -200 && nr >= -224)
		add(m, abi, 117, (uint32_t)-nr % 200, c, args, n);
	if (abi == SCMP_ARCH_X86 && nr < 0 && direct(name))
		add(m, abi, direct(name), 0, c, args, n);
}

static bool repeats(const struct rast_seccomp_call *c)
{
	for (size_t i = 0; i < c->n_args; i++)
		for (size_t k = 0; k < i; k++)
			if (c->args[i].index == c->args[k].index)
				return true;
	return false;
}

static int newest(uint32_t abi, const struct rast_seccomp_profile *p)
{
	int max = -1;

	for (size_t i = 0; i < p->n_calls; i++)
		for (size_t k = 0; k < p->calls[i].n_names; k++) {
			const char *name = p->calls[i].names[k];
			int nr = seccomp_syscall_resolve_name_arch(abi, name);

			if (abi == SCMP_ARCH_X86 && nr < 0 && direct(name))
				nr = (int)direct(name);
			if (abi == SCMP_ARCH_X32 && nr >= 0)
				nr &= ~(int)X32_BIT;
			/* ARM's own begin there. */
			if (nr > max && nr < 0xf0000)
				max = nr;
		}
	return max;
}

void seccomp_model_make(struct seccomp_model *m, const struct rast_seccomp_profile *p)
{
	m->n_abis = m->n_rules = 0;
	m->otherwise = p->default_action;
	for (size_t i = 0; i < N_ABIS; i++) {
		bool served = abis[i].abi == seccomp_arch_native();

		for (size_t k = 0; k < p->n_archs; k++)
			served |= p->archs[k] == abis[i].arch;
		if (!served)
			continue;
		m->newest[m->n_abis] = newest(abis[i].abi, p);
		m->abis[m->n_abis++] = abis[i].abi;
	}
	for (size_t i = 0; i < p->n_calls; i++) {
		const struct rast_seccomp_call *c = &p->calls[i];

		if (c->action == p->default_action)
			continue;
		for (size_t a = 0; a < m->n_abis; a++)
			for (size_t k = 0; k < c->n_names; k++) {
				if (!repeats(c))
					add_name(m, m->abis[a], c->names[k], c, c->args, c->n_args);
				for (size_t j = 0; repeats(c) && j < c->n_args; j++)
					add_name(m, m->abis[a], c->names[k], c, &c->args[j], 1);
			}
	}
}

static bool condition(const struct rast_seccomp_arg *a, uint64_t v, bool wide)
{
	uint64_t x = a->value, y = a->value_two;

	if (!wide) {
		v = (uint32_t)v;
		x = (uint32_t)x;
		y = (uint32_t)y;
	}
	switch (a->op) {
	case RAST_SECCOMP_NE:
		return v != x;
	case RAST_SECCOMP_LT:
		return v < x;
	case RAST_SECCOMP_LE:
		return v <= x;
	case RAST_SECCOMP_EQ:
		return v == x;
	case RAST_SECCOMP_GE:
		return v >= x;
	case RAST_SECCOMP_GT:
		return v > x;
	default:
		return (v & x) == (y & x);
	}
}

static bool idle(const struct seccomp_model_rule *r, bool wide)
{
	for (size_t k = 0; k < r->n_args; k++)
		if ((!r->part || r->args[k].index) &&
		    (r->args[k].op != RAST_SECCOMP_MASKED_EQ ||
		     (wide ? r->args[k].value : (uint32_t)r->args[k].value)))
			return false;
	return !r->part;
}

static uint32_t abi_of(const struct seccomp_data *d, bool *wide)
{
	uint32_t nr = (uint32_t)d->nr;

	for (size_t i = 0; i < N_ABIS; i++)
		if ((abis[i].arch & ~RAST_SECCOMP_ARCH_X32) == d->arch &&
		    (abis[i].abi == SCMP_ARCH_X32) ==
			    (d->arch == AUDIT_ARCH_X86_64 && nr >= X32_BIT && nr != UINT32_MAX)) {
			*wide = abis[i].wide;
			return abis[i].abi;
		}
	return 0;
}

bool seccomp_model_newer(const struct seccomp_model *m, const struct seccomp_data *d)
{
	uint32_t nr = (uint32_t)d->nr, abi;
	bool wide;

	abi = abi_of(d, &wide);
	if ((m->otherwise & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return false;
	/* All ones is no call on x86-64, and no number of ARM's own is a new one. */
	if ((d->arch == AUDIT_ARCH_X86_64 && nr == UINT32_MAX) ||
	    (abi == SCMP_ARCH_ARM && nr >= 0xf0000))
		return false;
	if (abi == SCMP_ARCH_X32)
		nr -= X32_BIT;
	for (size_t i = 0; i < m->n_abis; i++)
		if (m->abis[i] == abi)
			return m->newest[i] >= 0 && nr > (uint32_t)m->newest[i];
	return false;
}

bool seccomp_model_verdict(const struct seccomp_model *m, const struct seccomp_data *d,
			   uint32_t *ret)
{
	uint32_t nr = (uint32_t)d->nr, abi;
	bool wide = false, served = false, clear = true, any = false;

	abi = abi_of(d, &wide);
	for (size_t i = 0; i < m->n_abis; i++)
		served |= m->abis[i] == abi || (nr == UINT32_MAX && m->abis[i] == SCMP_ARCH_X32 &&
						abi == SCMP_ARCH_X86_64);
	*ret = served ? m->otherwise : SECCOMP_RET_KILL_THREAD;
	if (seccomp_model_newer(m, d))
		*ret = SECCOMP_RET_ERRNO | ENOSYS;
	for (size_t i = 0; served && i < m->n_rules; i++) {
		const struct seccomp_model_rule *r = &m->rules[i];
		bool holds = r->abi == abi && r->nr == nr &&
			     (!r->part || r->part == (uint32_t)d->args[0]);

		for (size_t k = 0; holds && k < r->n_args; k++)
			if (!r->part || r->args[k].index)
				holds = condition(&r->args[k], d->args[r->args[k].index], wide);
		if (!holds)
			continue;
		if (idle(r, wide)) {
			*ret = r->action;
			return true;
		}
		clear &= !any || *ret == r->action;
		any = true;
		*ret = r->action;
	}
	return clear;
}
