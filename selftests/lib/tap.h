/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP for tests in C that are no unit tests; lib/tap.sh is the same for shell. */
#ifndef RAST_SELFTESTS_LIB_TAP_H
#define RAST_SELFTESTS_LIB_TAP_H

#include <stdbool.h>

void ok(bool pass, const char *sentence, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *sentence, const char *missing);
/* Prints the plan; the exit code. */
int done(void);
/* The stage itself is broken: says so (with errno in words) and exits. */
_Noreturn void bail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
