/* SPDX-License-Identifier: BSD-2-Clause */
/* What every fuzzer here needs: the entry point that libFuzzer calls, and a promise that must hold. */
#ifndef RAST_FUZZ_H
#define RAST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(x)                                                                               \
	do {                                                                                  \
		if (!(x)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                              \
		}                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
