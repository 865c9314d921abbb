// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our own table → cBPF, by the same back end as any other profile (seccomp_code.h). It is not written as
 * one of those, since it says more than they can: which numbers are unknown rather than denied, that
 * another architecture ends the process, and that the calls of i386 count by their own numbers, not as
 * parts of socketcall(2), which is allowed as a whole.
 */
#include "container/seccomp.h"

#include "base/mem.h"
#include "container/seccomp_code.h"
#include "container/seccomp_numbers.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define ACT_ERRNO(e) (SECCOMP_RET_ERRNO | (e))

#if defined(__x86_64__)
static const struct {
	uint32_t arch;
	enum seccomp_abi abi;
} served[] = {{AUDIT_ARCH_I386, SECCOMP_I386}, {AUDIT_ARCH_X86_64, SECCOMP_X86_64}};
#elif defined(__aarch64__)
static const struct {
	uint32_t arch;
	enum seccomp_abi abi;
} served[] = {{AUDIT_ARCH_ARM, SECCOMP_ARM}, {AUDIT_ARCH_AARCH64, SECCOMP_AARCH64}};
#endif

static code_node decide(struct code *c, const struct rast_seccomp_rule *r, uint64_t caps)
{
	code_node allow = code_ret(c, SECCOMP_RET_ALLOW),
		  to = code_ret(c, ACT_ERRNO((uint32_t)(r->error ? r->error : EPERM)));
	unsigned int i;

	if (r->caps ? (r->caps & caps) != 0 : !r->n_conds)
		return allow;
	for (i = r->n_conds; i-- > 0;)
		/* Little endian: the low half comes first. */
		to = code_test(
			c, (uint32_t)(offsetof(struct seccomp_data, args) + 8u * r->conds[i].arg),
			r->conds[i].mask, BPF_JEQ, r->conds[i].value, allow, to);
	return to;
}

static code_node architecture(struct code *c, enum seccomp_abi abi, uint64_t caps,
			      const struct seccomp_numbers *const *numbers)
{
	struct code_range ranges[RAST_SECCOMP_NEWEST + 2];
	code_node denied = code_ret(c, ACT_ERRNO(EPERM));
	size_t i;

	for (i = 0; i <= RAST_SECCOMP_NEWEST; i++)
		ranges[i] = (struct code_range){(uint32_t)i, denied};
	for (i = 0; i < rast_seccomp_n_rules; i++) {
		int32_t nr = numbers[i] ? numbers[i]->nr[abi] : -1;

		if (nr >= 0 && nr <= RAST_SECCOMP_NEWEST)
			ranges[nr].to = decide(c, &rast_seccomp_rules[i], caps);
	}
	/* Without an end: x32 numbers (bit 30) and -1 are ENOSYS too. */
	ranges[RAST_SECCOMP_NEWEST + 1] =
		(struct code_range){RAST_SECCOMP_NEWEST + 1, code_ret(c, ACT_ERRNO(ENOSYS))};
	return code_switch(c, offsetof(struct seccomp_data, nr), ranges, ARRAY_SIZE(ranges));
}

int rast_seccomp_compile(uint64_t caps, struct rast_seccomp_filter *ret, struct rast_err *err)
{
	_cleanup_free_ const struct seccomp_numbers **numbers =
		calloc(rast_seccomp_n_rules, sizeof(*numbers));
	_cleanup_free_ struct code *c = malloc(sizeof(*c));
	code_node top;
	size_t i;
	int r;

	if (!c || !numbers || code_init(c) < 0)
		return rast_err_sys(err, ENOMEM, "system call filter");
	for (i = 0; i < rast_seccomp_n_rules; i++)
		numbers[i] = seccomp_numbers_find(rast_seccomp_rules[i].name);
	top = code_ret(c, SECCOMP_RET_KILL_PROCESS);
	for (i = 0; i < ARRAY_SIZE(served) && top; i++)
		top = code_test(c, offsetof(struct seccomp_data, arch), ~0u, BPF_JEQ,
				served[i].arch, architecture(c, served[i].abi, caps, numbers), top);
	r = code_layout(c, top, ret);
	code_finish(c);
	return r < 0 ? rast_err_sys(err, -r, "system call filter") : 0;
}
