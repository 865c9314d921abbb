// SPDX-License-Identifier: BSD-2-Clause
/* Kernels of distance.h. Which one runs is decided by the caller's isa, never by the build machine. */
#include "vector/distance.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

enum rast_isa rast_isa_best(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vnni"))
		return RAST_ISA_AVX512;
	return __builtin_cpu_supports("avx2") ? RAST_ISA_AVX2 : RAST_ISA_PLAIN;
}

const char *rast_isa_name(enum rast_isa isa)
{
	static const char *const names[] = {"plain", "avx2", "avx512-vnni"};

	return names[isa];
}

float rast_quantize(const float *v, size_t dims, int8_t *out, size_t stride)
{
	float max = 0, scale;

	memset(out, 0, stride);
	for (size_t i = 0; i < dims; i++)
		max = fmaxf(max, fabsf(v[i]));
	if (!(max > 0) || !isfinite(max))
		return 0;
	scale = max / 127.0f;
	for (size_t i = 0; i < dims; i++)
		out[i] = (int8_t)lrintf(v[i] / scale);
	return scale;
}

static void scan_plain(const int8_t *q, float qs, const int8_t *rows, size_t stride,
		       const float *scales, size_t n, float *scores)
{
	for (size_t i = 0; i < n; i++, rows += stride) {
		int32_t sum = 0;

		for (size_t k = 0; k < stride; k++)
			sum += (int32_t)q[k] * rows[k];
		scores[i] = (float)sum * qs * scales[i];
	}
}

__attribute__((target("avx2"))) static void scan_avx2(const int8_t *q, float qs, const int8_t *rows,
						      size_t stride, const float *scales, size_t n,
						      float *scores)
{
	for (size_t i = 0; i < n; i++, rows += stride) {
		__m256i a0 = _mm256_setzero_si256(), a1 = a0;
		__m128i s;

		for (size_t k = 0; k < stride; k += 32) {
			const __m128i *d = (const __m128i *)(const void *)(rows + k);
			const __m128i *p = (const __m128i *)(const void *)(q + k);

			_mm_prefetch((const char *)rows + k + 4096, _MM_HINT_T0);
			a0 = _mm256_add_epi32(
				a0, _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(d)),
						      _mm256_cvtepi8_epi16(_mm_loadu_si128(p))));
			a1 = _mm256_add_epi32(
				a1,
				_mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(d + 1)),
						  _mm256_cvtepi8_epi16(_mm_loadu_si128(p + 1))));
		}
		a0 = _mm256_add_epi32(a0, a1);
		s = _mm_add_epi32(_mm256_castsi256_si128(a0), _mm256_extracti128_si256(a0, 1));
		s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
		s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
		scores[i] = (float)_mm_cvtsi128_si32(s) * qs * scales[i];
	}
}

/*
 * VNNI multiplies unsigned by signed: the query is shifted by 128 into unsigned, and 128 * sum(row)
 * is taken off again by a second accumulator, which costs nothing where memory is the limit.
 */
__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void
scan_avx512(const int8_t *q, float qs, const int8_t *rows, size_t stride, const float *scales,
	    size_t n, float *scores)
{
	const __m512i flip = _mm512_set1_epi8((char)0x80);

	for (size_t i = 0; i < n; i++, rows += stride) {
		__m512i dot = _mm512_setzero_si512(), off = dot;

		for (size_t k = 0; k < stride; k += 64) {
			__m512i d = _mm512_loadu_si512(rows + k);
			__m512i p = _mm512_xor_si512(_mm512_loadu_si512(q + k), flip);

			_mm_prefetch((const char *)rows + k + 4096, _MM_HINT_T0);
			dot = _mm512_dpbusd_epi32(dot, p, d);
			off = _mm512_dpbusd_epi32(off, flip, d);
		}
		scores[i] =
			(float)_mm512_reduce_add_epi32(_mm512_sub_epi32(dot, off)) * qs * scales[i];
	}
}

void rast_scan_i8(enum rast_isa isa, const int8_t *query, float query_scale, const int8_t *rows,
		  size_t stride, const float *scales, size_t n, float *scores)
{
	switch (isa) {
	case RAST_ISA_AVX512:
		scan_avx512(query, query_scale, rows, stride, scales, n, scores);
		break;
	case RAST_ISA_AVX2:
		scan_avx2(query, query_scale, rows, stride, scales, n, scores);
		break;
	default:
		scan_plain(query, query_scale, rows, stride, scales, n, scores);
	}
}

/* The one order of summation: lane i of sixteen takes elements i, i + 16, …; then halves are added. */
static float sum_lanes(const float lane[16])
{
	float l[16];

	memcpy(l, lane, sizeof(l));
	for (size_t half = 8; half; half /= 2)
		for (size_t i = 0; i < half; i++)
			l[i] += l[i + half];
	return l[0];
}

__attribute__((target("avx2"))) static void dot_avx2(const float *a, const float *b, size_t n,
						     float lane[16])
{
	__m256 lo = _mm256_setzero_ps(), hi = lo;

	for (size_t k = 0; k < n; k += 16) {
		lo = _mm256_add_ps(lo,
				   _mm256_mul_ps(_mm256_loadu_ps(a + k), _mm256_loadu_ps(b + k)));
		hi = _mm256_add_ps(
			hi, _mm256_mul_ps(_mm256_loadu_ps(a + k + 8), _mm256_loadu_ps(b + k + 8)));
	}
	_mm256_storeu_ps(lane, lo);
	_mm256_storeu_ps(lane + 8, hi);
}

__attribute__((target("avx512f"))) static void dot_avx512(const float *a, const float *b, size_t n,
							  float lane[16])
{
	__m512 acc = _mm512_setzero_ps();

	for (size_t k = 0; k < n; k += 16)
		acc = _mm512_add_ps(acc,
				    _mm512_mul_ps(_mm512_loadu_ps(a + k), _mm512_loadu_ps(b + k)));
	_mm512_storeu_ps(lane, acc);
}

float rast_dot_f32(enum rast_isa isa, const float *a, const float *b, size_t n)
{
	float lane[16] = {0};

	if (isa == RAST_ISA_AVX512)
		dot_avx512(a, b, n, lane);
	else if (isa == RAST_ISA_AVX2)
		dot_avx2(a, b, n, lane);
	else
		for (size_t k = 0; k < n; k += 16)
			for (size_t i = 0; i < 16; i++)
				lane[i] += a[k + i] * b[k + i];
	return sum_lanes(lane);
}
