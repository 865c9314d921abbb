/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile as crun gives it to libseccomp: the same calls in the same order. */
#ifndef RAST_SELFTESTS_SECCOMP_PEER_H
#define RAST_SELFTESTS_SECCOMP_PEER_H

#include "container/seccomp_profile.h"

/* 0, or libseccomp's error: -EEXIST where two rules contradict each other. *ret is malloc'ed. */
int seccomp_peer_compile(const struct rast_seccomp_profile *p, struct rast_seccomp_filter *ret);

#endif
