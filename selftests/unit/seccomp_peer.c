// SPDX-License-Identifier: BSD-2-Clause
/* See seccomp_peer.h. */
#include "seccomp_peer.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t token(uint32_t arch)
{
	switch (arch) {
	case AUDIT_ARCH_I386:
		return SCMP_ARCH_X86;
	case AUDIT_ARCH_X86_64:
		return SCMP_ARCH_X86_64;
	case AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32:
		return SCMP_ARCH_X32;
	case AUDIT_ARCH_ARM:
		return SCMP_ARCH_ARM;
	case AUDIT_ARCH_AARCH64:
		return SCMP_ARCH_AARCH64;
	default:
		return 0;
	}
}

static const enum scmp_compare ops[] = {
	[RAST_SECCOMP_NE] = SCMP_CMP_NE,
	[RAST_SECCOMP_LT] = SCMP_CMP_LT,
	[RAST_SECCOMP_LE] = SCMP_CMP_LE,
	[RAST_SECCOMP_EQ] = SCMP_CMP_EQ,
	[RAST_SECCOMP_GE] = SCMP_CMP_GE,
	[RAST_SECCOMP_GT] = SCMP_CMP_GT,
	[RAST_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static int add(scmp_filter_ctx ctx, const struct rast_seccomp_call *c, int nr)
{
	struct scmp_arg_cmp args[64];
	unsigned int seen[6] = {0}, n = 0, i;
	int r = 0, several = 0;

	for (; n < c->n_args && n < 64; n++) {
		args[n] = (struct scmp_arg_cmp){c->args[n].index, ops[c->args[n].op],
						c->args[n].value, c->args[n].value_two};
		several |= seen[c->args[n].index]++ > 0;
	}
	if (!several)
		return seccomp_rule_add_array(ctx, c->action, nr, n, args);
	for (i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add_array(ctx, c->action, nr, 1, &args[i]);
	return r;
}

int seccomp_peer_compile(const struct rast_seccomp_profile *p, struct rast_seccomp_filter *ret)
{
	scmp_filter_ctx ctx = seccomp_init(p->default_action);
	int r = 0, fd;
	ssize_t got;

	if (!ctx)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_archs && r == 0; i++)
		if (token(p->archs[i])) {
			r = seccomp_arch_add(ctx, token(p->archs[i]));
			r = r == -EEXIST ? 0 : r;
		}
	for (size_t i = 0; i < p->n_calls && r == 0; i++)
		for (size_t k = 0; k < p->calls[i].n_names && r == 0; k++) {
			int nr = seccomp_syscall_resolve_name(p->calls[i].names[k]);

			if (nr != __NR_SCMP_ERROR && p->calls[i].action != p->default_action)
				r = add(ctx, &p->calls[i], nr);
		}
	fd = r == 0 ? memfd_create("peer", MFD_CLOEXEC) : -1;
	if (r == 0)
		r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	if (r == 0) {
		ret->insns = malloc(RAST_SECCOMP_MAX_INSNS * sizeof(*ret->insns));
		got = ret->insns ? pread(fd, ret->insns,
					 RAST_SECCOMP_MAX_INSNS * sizeof(*ret->insns), 0)
				 : -1;
		if (got <= 0)
			r = -EIO;
		else
			ret->len = (unsigned short)((size_t)got / sizeof(*ret->insns));
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}
