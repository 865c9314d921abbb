/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a profile says about a call, worked out without a program: which rules of the call have conditions
 * that all hold? Numbers are libseccomp's. Where rules with different actions hold, and none of them is
 * without conditions, the order of the rules decides, which is libseccomp's secret: then ask it.
 */
#ifndef RAST_SELFTESTS_SECCOMP_MODEL_H
#define RAST_SELFTESTS_SECCOMP_MODEL_H

#include "container/seccomp_profile.h"

#include <linux/seccomp.h>
#include <stdbool.h>

struct seccomp_model_rule {
	uint32_t nr;  /* with the bit of x32 */
	uint32_t abi; /* SCMP_ARCH_* */
	uint32_t action;
	uint32_t part; /* of socketcall or ipc; 0: none */
	const struct rast_seccomp_arg *args;
	size_t n_args;
};

struct seccomp_model {
	uint32_t otherwise;
	uint32_t abis[5];
	int newest[5]; /* of each of them, the highest number that the profile names; -1 */
	size_t n_abis;
	struct seccomp_model_rule rules[4096];
	size_t n_rules;
};

void seccomp_model_make(struct seccomp_model *m, const struct rast_seccomp_profile *p);
/*
 * Newer than all that a profile names whose default is an errno: ENOSYS, whatever libseccomp says, for that
 * is runc's addition to it.
 */
bool seccomp_model_newer(const struct seccomp_model *m, const struct seccomp_data *d);
/* false: only the order of the rules can say. */
bool seccomp_model_verdict(const struct seccomp_model *m, const struct seccomp_data *d,
			   uint32_t *ret);

#endif
