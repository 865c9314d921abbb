/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seccomp programs without a kernel: what the kernel would say to one at load and at a call. Nothing of
 * this knows how the programs were made.
 */
#ifndef RAST_SELFTESTS_CBPF_H
#define RAST_SELFTESTS_CBPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* NULL: the kernel would take it; else why not. */
const char *cbpf_check(const struct sock_filter *f, size_t n);
/* The verdict. Only for programs that cbpf_check() takes. */
uint32_t cbpf_run(const struct sock_filter *f, size_t n, const struct seccomp_data *d);
/*
 * Some comparison is made of one word when it is reached one way and of another word when it is reached
 * another way: libseccomp (2.5.4 at least) takes it that a word is still loaded which a rule that did
 * not hold has overwritten. What such a program says is not what was asked of it.
 */
int cbpf_confused(const struct sock_filter *f, size_t n);

#endif
