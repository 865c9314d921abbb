/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (FIPS 180-4), for digests of a few files; not for speed. */
#ifndef RAST_BASE_SHA256_H
#define RAST_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct rast_sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};

void rast_sha256_init(struct rast_sha256 *s);
void rast_sha256_add(struct rast_sha256 *s, const void *data, size_t len);
/* A text with its NUL, so that "ab","c" and "a","bc" differ. */
void rast_sha256_add_str(struct rast_sha256 *s, const char *text);
/* 64 lower-case hex digits and a NUL. */
void rast_sha256_hex(struct rast_sha256 *s, char ret_hex[65]);

#endif
