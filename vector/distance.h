/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inner products of vectors, by the widest instructions that this CPU has. All kernels give the same
 * bits: int8 sums are exact, float sums are taken over the same sixteen lanes in the same order
 * without fused multiply-add (distance.c is compiled with -ffp-contract=off). Pure.
 */
#ifndef RAST_VECTOR_DISTANCE_H
#define RAST_VECTOR_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

enum rast_isa { RAST_ISA_PLAIN, RAST_ISA_AVX2, RAST_ISA_AVX512, RAST_N_ISA };

/* The best that this machine has; every smaller one works too. */
enum rast_isa rast_isa_best(void);
const char *rast_isa_name(enum rast_isa isa);

/* Rows are padded with zeros to a multiple of this many elements, and start at such an address. */
#define RAST_ROW_ALIGN 64u
static inline size_t rast_row_stride(size_t dims)
{
	return (dims + RAST_ROW_ALIGN - 1) / RAST_ROW_ALIGN * RAST_ROW_ALIGN;
}

/* out[i] ≈ v[i] / scale, |out| ≤ 127; returns scale, 0 for a zero vector. Fills `stride` elements. */
float rast_quantize(const float *v, size_t dims, int8_t *out, size_t stride);
/* scores[i] = dot(query, row i) * query_scale * scales[i] for n rows of `stride` bytes. */
void rast_scan_i8(enum rast_isa isa, const int8_t *query, float query_scale, const int8_t *rows,
		  size_t stride, const float *scales, size_t n, float *scores);
/* n is a multiple of 16 (pad with zeros). */
float rast_dot_f32(enum rast_isa isa, const float *a, const float *b, size_t n);

#endif
