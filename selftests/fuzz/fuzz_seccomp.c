// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a seccomp profile: the compiler refuses it, or makes a program that the kernel would
 * take, that says of a foreign architecture what it must, and never anything that is no action of the
 * profile. The bytes are a stream of small numbers, so that a mutation stays a profile.
 */
#include "container/seccomp_numbers.h"
#include "container/seccomp_profile.h"

#include "../unit/cbpf.h"
#include "fuzz.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <string.h>

#define MAX_CALLS 64
#define MAX_NAMES 8
#define MAX_ARGS 8

static const uint8_t *at;
static size_t left;

static unsigned int byte(void)
{
	if (!left)
		return 0;
	left--;
	return *at++;
}

static uint64_t number(void)
{
	uint64_t v = byte();

	switch (byte() & 7) {
	case 0:
		return v << 32 | byte();
	case 1:
		return ~v;
	case 2:
		return 1ull << (v & 63);
	case 3:
		return v << (byte() & 63);
	default:
		return v;
	}
}

static const uint32_t actions[] = {
	SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_TRAP,  SECCOMP_RET_TRACE | 3, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_LOG};

static bool of_the_profile(const struct rast_seccomp_profile *p, uint32_t action)
{
	if (action == p->default_action || action == SECCOMP_RET_KILL_THREAD)
		return true;
	/* A number that is newer than the profile. */
	if (action == (SECCOMP_RET_ERRNO | ENOSYS) &&
	    (p->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		return true;
	for (size_t i = 0; i < p->n_calls; i++)
		if (p->calls[i].action == action)
			return true;
	return false;
}

static void run(const struct rast_seccomp_profile *p, const struct rast_seccomp_filter *f)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
					 AUDIT_ARCH_ARM};
	struct seccomp_data d = {.arch = AUDIT_ARCH_S390X};

	MUST(cbpf_run(f->insns, f->len, &d) == SECCOMP_RET_KILL_THREAD);
	for (int i = 0; i < 64; i++) {
		d.arch = archs[i % 4];
		d.nr = i % 8 == 7 ? -1 : (int)(byte() | byte() << 8 | (byte() & 1) << 30);
		for (int k = 0; k < 6; k++)
			d.args[k] = number();
		MUST(of_the_profile(p, cbpf_run(f->insns, f->len, &d)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rast_seccomp_call calls[MAX_CALLS];
	static struct rast_seccomp_arg args[MAX_CALLS][MAX_ARGS];
	static const char *names[MAX_CALLS][MAX_NAMES];
	static size_t n_all;
	struct rast_seccomp_profile p = {.calls = calls};
	struct rast_seccomp_filter f = {0};
	struct rast_err err = {0};
	uint32_t archs[4];
	int r;

	while (seccomp_numbers_all[n_all].name[0])
		n_all++;
	at = data;
	left = size;
	p.default_action = actions[byte() % 8];
	p.archs = archs;
	p.n_archs = byte() % 5;
	for (size_t i = 0; i < p.n_archs; i++)
		archs[i] = rast_seccomp_archs[byte() % 6].value;
	while (left && p.n_calls < MAX_CALLS) {
		struct rast_seccomp_call *c = &calls[p.n_calls];

		*c = (struct rast_seccomp_call){.names = names[p.n_calls], .args = args[p.n_calls]};
		c->action = actions[byte() % 8];
		c->n_names = 1 + byte() % MAX_NAMES;
		for (size_t i = 0; i < c->n_names; i++)
			names[p.n_calls][i] =
				seccomp_numbers_all[(byte() | byte() << 8) % n_all].name;
		c->n_args = byte() % (MAX_ARGS + 1);
		for (size_t i = 0; i < c->n_args; i++)
			args[p.n_calls][i] = (struct rast_seccomp_arg){
				byte() % 7, (enum rast_seccomp_op)(byte() % 8), number(), number()};
		p.n_calls++;
	}
	r = rast_seccomp_profile_compile(&p, &f, &err);
	if (r < 0) {
		MUST(err.text[0] && !f.insns);
		return 0;
	}
	MUST(f.insns && !cbpf_check(f.insns, f.len));
	run(&p, &f);
	rast_seccomp_finish(&f);
	return 0;
}
