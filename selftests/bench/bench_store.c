// SPDX-License-Identifier: BSD-2-Clause
/*
 * The store against what the machine can do at all: the exact int8 scan against reading the same
 * bytes, a durable put against appending as many bytes to a file and fdatasync. Both in one run.
 */
#include "bench.h"

#include "base/fd.h"
#include "vector/distance.h"
#include "vector/vector.h"

#include <fcntl.h>
#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIMS 384u
#define ROWS 200000u /* 77 MB: beyond the caches */
#define REPS 15
#define PUTS 200

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((target("avx2"))) static uint64_t read_avx2(const int8_t *p, size_t len)
{
	__m256i a = _mm256_setzero_si256(), b = a;

	for (size_t i = 0; i < len; i += 64) {
		_mm_prefetch((const char *)p + i + 4096, _MM_HINT_T0);
		a = _mm256_xor_si256(a, _mm256_load_si256((const void *)(p + i)));
		b = _mm256_xor_si256(b, _mm256_load_si256((const void *)(p + i + 32)));
	}
	a = _mm256_xor_si256(a, b);
	return (uint64_t)_mm256_extract_epi64(a, 0) ^ (uint64_t)_mm256_extract_epi64(a, 2);
}

static uint64_t read_plain(const int8_t *p, size_t len)
{
	uint64_t x = 0, v;

	for (size_t i = 0; i < len; i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		x ^= v;
	}
	return x;
}

static int bench_scan(void)
{
	size_t bytes = (size_t)ROWS * DIMS;
	int8_t *rows = aligned_alloc(64, bytes), q[DIMS] __attribute__((aligned(64)));
	float *scales = malloc(ROWS * sizeof(*scales)), *scores = malloc(ROWS * sizeof(*scores));
	double ours[REPS], peer[REPS];
	enum rast_isa isa = rast_isa_best();
	volatile uint64_t sink = 0;
	char note[64];
	int r;

	if (!rows || !scales || !scores)
		return 1;
	for (size_t i = 0; i < bytes; i++)
		rows[i] = (int8_t)((i * 2654435761u >> 13) & 0x7f);
	for (size_t i = 0; i < ROWS; i++)
		scales[i] = 1.0f;
	memset(q, 3, sizeof(q));
	for (int i = 0; i < REPS; i++) {
		double t0 = now(), t1;

		rast_scan_i8(isa, q, 1.0f, rows, DIMS, scales, ROWS, scores);
		t1 = now();
		ours[i] = (double)bytes / (t1 - t0) / 1e9;
		t0 = now();
		sink ^= isa == RAST_ISA_PLAIN ? read_plain(rows, bytes) : read_avx2(rows, bytes);
		t1 = now();
		peer[i] = (double)bytes / (t1 - t0) / 1e9;
	}
	(void)snprintf(note, sizeof(note), "%s, %u x %u, one thread", rast_isa_name(isa), ROWS,
		       DIMS);
	struct rast_bench_row row = {.name = "store_exact_scan",
				     .unit = "GB/s",
				     .ours = rast_bench_median(ours, REPS),
				     .peer = "reading the same memory",
				     .peer_figure = rast_bench_median(peer, REPS),
				     .target = 0.9,
				     .higher_is_better = true,
				     .note = note};
	r = rast_bench_print(&row);
	free(rows);
	free(scales);
	free(scores);
	return r < 0;
}

static int bench_put(const char *dir)
{
	struct rast_store *s = NULL;
	double ours[PUTS], peer[PUTS];
	char path[256], block[4096];
	struct rast_err err = {0};
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "%s/store", dir);
	if (rast_store_open(path, RAST_STORE_CREATE, &s, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < PUTS && !r; i++) {
		json_t *body = json_pack("{s:s, s:i}", "kind", "Bench", "number", i);
		struct rast_change c = {.key = "bench/item", .body = body, .expect = RAST_ANY};
		double t0 = now(), t1;

		r = rast_store_commit(s, &c, 1, NULL, &err);
		t1 = now();
		ours[i] = (t1 - t0) * 1e6;
		json_decref(body);
		/* What one such version takes in the log: 1.5 KB of embedding, and the rest. */
		t0 = now();
		if (rast_write_all(fd, block, 2200) < 0 || fdatasync(fd) < 0)
			r = -1;
		t1 = now();
		peer[i] = (t1 - t0) * 1e6;
	}
	(void)close(fd);
	rast_store_close(s);
	if (r < 0)
		return 1;
	struct rast_bench_row row = {.name = "store_durable_put",
				     .unit = "us",
				     .ours = rast_bench_median(ours, PUTS),
				     .peer = "append 2200 bytes + fdatasync",
				     .peer_figure = rast_bench_median(peer, PUTS),
				     .target = 1.2,
				     .note = "one item a commit, embedding included"};
	return rast_bench_print(&row) < 0;
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char dir[256];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/rast-bench.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	r = bench_scan();
	r |= bench_put(dir);
	(void)rast_remove_tree(AT_FDCWD, dir);
	return r;
}
