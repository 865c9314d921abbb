// SPDX-License-Identifier: BSD-2-Clause
/* What the runtime specification calls actions, architectures, operators and flags of a profile. */
#include "container/seccomp_profile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

const struct rast_seccomp_name rast_seccomp_actions[] = {
	{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
	{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
	{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
	{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
	{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
	{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
	{NULL, 0},
};

/* No kernel of ours runs code of those with 0, so that there is nothing to filter. */
const struct rast_seccomp_name rast_seccomp_archs[] = {
	{"SCMP_ARCH_X86", AUDIT_ARCH_I386},
	{"SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64},
	{"SCMP_ARCH_X32", AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32},
	{"SCMP_ARCH_ARM", AUDIT_ARCH_ARM},
	{"SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64},
	{"SCMP_ARCH_MIPS", 0},
	{"SCMP_ARCH_MIPS64", 0},
	{"SCMP_ARCH_MIPS64N32", 0},
	{"SCMP_ARCH_MIPSEL", 0},
	{"SCMP_ARCH_MIPSEL64", 0},
	{"SCMP_ARCH_MIPSEL64N32", 0},
	{"SCMP_ARCH_PPC", 0},
	{"SCMP_ARCH_PPC64", 0},
	{"SCMP_ARCH_PPC64LE", 0},
	{"SCMP_ARCH_S390", 0},
	{"SCMP_ARCH_S390X", 0},
	{"SCMP_ARCH_PARISC", 0},
	{"SCMP_ARCH_PARISC64", 0},
	{"SCMP_ARCH_RISCV64", 0},
	{"SCMP_ARCH_LOONGARCH64", 0},
	{"SCMP_ARCH_M68K", 0},
	{"SCMP_ARCH_SH", 0},
	{"SCMP_ARCH_SHEB", 0},
	{NULL, 0},
};

const struct rast_seccomp_name rast_seccomp_ops[] = {
	{"SCMP_CMP_NE", RAST_SECCOMP_NE},
	{"SCMP_CMP_LT", RAST_SECCOMP_LT},
	{"SCMP_CMP_LE", RAST_SECCOMP_LE},
	{"SCMP_CMP_EQ", RAST_SECCOMP_EQ},
	{"SCMP_CMP_GE", RAST_SECCOMP_GE},
	{"SCMP_CMP_GT", RAST_SECCOMP_GT},
	{"SCMP_CMP_MASKED_EQ", RAST_SECCOMP_MASKED_EQ},
	{NULL, 0},
};

const struct rast_seccomp_name rast_seccomp_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
	{NULL, 0},
};

const struct rast_seccomp_name *rast_seccomp_name_find(const struct rast_seccomp_name *list,
						       const char *name)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

bool rast_seccomp_action_takes_data(uint32_t action)
{
	action &= SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
}

const char *rast_seccomp_name_of(const struct rast_seccomp_name *list, uint32_t value)
{
	if (list == rast_seccomp_actions && rast_seccomp_action_takes_data(value))
		value &= SECCOMP_RET_ACTION_FULL;
	for (; list->name; list++)
		if (list->value == value)
			return list->name;
	return NULL;
}
