/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records as they lie on disk: little-endian, each opening with a magic and a format byte, so that
 * another program can read them and a later rastOS can tell old from new. Pure: bytes in, bytes out.
 * Decoders trust nothing, and point into the buffer that they are given.
 */
#ifndef RAST_VECTOR_RECORD_H
#define RAST_VECTOR_RECORD_H

#include "vector/vector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAST_RECORD_DELETED = 1 };

/* One version of one item; never changed once written. */
struct rast_record {
	uint8_t flags;
	uint64_t op, txn, seq, prev_op, from_op, time_ns;
	uint8_t prev_hash[RAST_HASH_LEN];
	const char *key, *author, *message, *body; /* not NUL-terminated after decoding */
	uint32_t key_len, author_len, message_len, body_len;
	uint8_t hash[RAST_HASH_LEN]; /* SHA-256 of all that stands before it in the record */
};
/* Fills r->hash. *ret is the caller's. */
int rast_record_encode(struct rast_record *r, uint8_t **ret, size_t *ret_len);
/* -EBADMSG: not a record, cut short, or its hash does not fit. */
int rast_record_decode(const void *data, size_t len, struct rast_record *ret);
/* As rast_version; the body is parsed when there is one. -ENOMEM, -EBADMSG. */
int rast_record_version(const struct rast_record *r, struct rast_version *ret);

/* Where an item stands now. */
#define RAST_HEAD_LEN 56u
struct rast_head {
	uint8_t flags;
	uint64_t op, seq;
	uint8_t hash[RAST_HASH_LEN];
};
void rast_head_encode(const struct rast_head *h, uint8_t out[RAST_HEAD_LEN]);
int rast_head_decode(const void *data, size_t len, struct rast_head *ret);

/* One operation of the store's chain: chain[n] = SHA-256(chain[n-1], hash[n]); chain[0] is zero. */
#define RAST_OP_FIXED 72u
struct rast_oprec {
	uint8_t hash[RAST_HASH_LEN], chain[RAST_HASH_LEN];
	uint32_t collection;
	const char *key;
	size_t key_len;
};
void rast_chain_next(const uint8_t chain[RAST_HASH_LEN], const uint8_t hash[RAST_HASH_LEN],
		     uint8_t ret[RAST_HASH_LEN]);
void rast_oprec_encode(const struct rast_oprec *o, uint8_t *out); /* RAST_OP_FIXED + key_len */
int rast_oprec_decode(const void *data, size_t len, struct rast_oprec *ret);

/* An embedding: encoding 1 is float32. Room for others (int8, 1 bit) by number. */
#define RAST_VECREC_FIXED 16u
struct rast_vecrec {
	uint8_t encoding;
	uint16_t dims;
	uint32_t embedder;
};
void rast_vecrec_encode(uint32_t embedder, const float *v, uint16_t dims, uint8_t *out);
/* v has room for `dims`; -EBADMSG, or -ESTALE when it is well-formed but not of this embedder. */
int rast_vecrec_decode(const void *data, size_t len, uint32_t embedder, float *v, uint16_t dims);

#endif
