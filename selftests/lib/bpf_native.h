/* SPDX-License-Identifier: BSD-2-Clause */
/* What a pure header of bpf/lib needs to compile for user space, for its unit test and its fuzzer. */
#ifndef RAST_SELFTESTS_LIB_BPF_NATIVE_H
#define RAST_SELFTESTS_LIB_BPF_NATIVE_H

#include <linux/types.h>
#include <string.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define bpf_loop(n, fn, ctx, flags)                       \
	do {                                              \
		for (__u32 i_ = 0; i_ < (__u32)(n); i_++) \
			if (fn(i_, ctx))                  \
				break;                    \
	} while (0)

#endif
