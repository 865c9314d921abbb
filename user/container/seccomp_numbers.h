/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls by name, and their numbers on each architecture that a kernel of ours can be asked to
 * serve. Numbers of x32 are without their bit 30. Calls that i386 has only as a part of socketcall and
 * ipc have none there: see seccomp_profile.c.
 */
#ifndef RAST_CONTAINER_SECCOMP_NUMBERS_H
#define RAST_CONTAINER_SECCOMP_NUMBERS_H

#include <stdint.h>

enum seccomp_abi {
	SECCOMP_X86_64,
	SECCOMP_I386,
	SECCOMP_X32,
	SECCOMP_AARCH64,
	SECCOMP_ARM,
	SECCOMP_ABIS
};

struct seccomp_numbers {
	char name[32]; /* not a pointer: those are all written to at the start of a static PIE */
	int32_t nr[SECCOMP_ABIS]; /* -1: none */
};
/* NULL: no such call. */
const struct seccomp_numbers *seccomp_numbers_find(const char *name);
/* For tests: all of them; the last has no name. */
extern const struct seccomp_numbers seccomp_numbers_all[];

#endif
