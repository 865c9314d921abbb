// SPDX-License-Identifier: BSD-2-Clause
/* Records on disk; see record.h. Every length is checked before a byte behind it is read. */
#include "vector/record.h"

#include "base/mem.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(RAST_HASH_LEN == crypto_hash_sha256_BYTES, "SHA-256");

#define MAGIC_VERSION 0x31565352u /* "RSV1" */
#define MAGIC_HEAD 0x31485352u    /* "RSH1" */
#define MAGIC_OP 0x314f5352u      /* "RSO1" */
#define MAGIC_VECTOR 0x31585352u  /* "RSX1" */

/* magic, format, flags, zero; op txn seq prev from time; prev hash; four lengths */
#define VERSION_FIXED (8u + 6 * 8u + RAST_HASH_LEN + 4 * 4u)

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put(uint8_t *p, const void *data, size_t len)
{
	if (len)
		memcpy(p, data, len);
	return p + len;
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint8_t *put_start(uint8_t *p, uint32_t magic, uint8_t flags)
{
	p = put32(p, magic);
	*p++ = 1; /* format */
	*p++ = flags;
	return put16(p, 0);
}

static bool starts(const uint8_t *p, uint32_t magic)
{
	return get32(p) == magic && p[4] == 1 && get16(p + 6) == 0;
}

int rast_record_encode(struct rast_record *r, uint8_t **ret, size_t *ret_len)
{
	size_t len = VERSION_FIXED + r->key_len + r->author_len + r->message_len + r->body_len;
	uint8_t *buf = malloc(len + RAST_HASH_LEN), *p = buf;

	if (!buf)
		return -ENOMEM;
	p = put_start(p, MAGIC_VERSION, r->flags);
	p = put64(p, r->op);
	p = put64(p, r->txn);
	p = put64(p, r->seq);
	p = put64(p, r->prev_op);
	p = put64(p, r->from_op);
	p = put64(p, r->time_ns);
	p = put(p, r->prev_hash, RAST_HASH_LEN);
	p = put32(p, r->key_len);
	p = put32(p, r->author_len);
	p = put32(p, r->message_len);
	p = put32(p, r->body_len);
	p = put(p, r->key, r->key_len);
	p = put(p, r->author, r->author_len);
	p = put(p, r->message, r->message_len);
	p = put(p, r->body, r->body_len);
	(void)crypto_hash_sha256(r->hash, buf, len);
	(void)put(p, r->hash, RAST_HASH_LEN);
	*ret = buf;
	*ret_len = len + RAST_HASH_LEN;
	return 0;
}

int rast_record_decode(const void *data, size_t len, struct rast_record *ret)
{
	const uint8_t *d = data, *p;
	uint8_t hash[RAST_HASH_LEN];
	struct rast_record r = {0};

	if (len < VERSION_FIXED + RAST_HASH_LEN || !starts(d, MAGIC_VERSION))
		return -EBADMSG;
	r.flags = d[5];
	p = d + 8;
	r.op = get64(p);
	r.txn = get64(p + 8);
	r.seq = get64(p + 16);
	r.prev_op = get64(p + 24);
	r.from_op = get64(p + 32);
	r.time_ns = get64(p + 40);
	memcpy(r.prev_hash, p + 48, RAST_HASH_LEN);
	p += 48 + RAST_HASH_LEN;
	r.key_len = get32(p);
	r.author_len = get32(p + 4);
	r.message_len = get32(p + 8);
	r.body_len = get32(p + 12);
	if ((uint64_t)r.key_len + r.author_len + r.message_len + r.body_len !=
	    len - VERSION_FIXED - RAST_HASH_LEN)
		return -EBADMSG;
	r.key = (const char *)d + VERSION_FIXED;
	r.author = r.key + r.key_len;
	r.message = r.author + r.author_len;
	r.body = r.message + r.message_len;
	memcpy(r.hash, r.body + r.body_len, RAST_HASH_LEN);
	(void)crypto_hash_sha256(hash, d, len - RAST_HASH_LEN);
	if (memcmp(hash, r.hash, RAST_HASH_LEN) != 0)
		return -EBADMSG;
	*ret = r;
	return 0;
}

int rast_record_version(const struct rast_record *r, struct rast_version *ret)
{
	struct rast_version v = {
		.deleted = r->flags & RAST_RECORD_DELETED,
		.op = r->op,
		.txn = r->txn,
		.seq = r->seq,
		.prev_op = r->prev_op,
		.from_op = r->from_op,
		.time_ns = r->time_ns,
	};

	v.key = strndup(r->key, r->key_len);
	v.author = strndup(r->author, r->author_len);
	v.message = strndup(r->message, r->message_len);
	memcpy(v.hash, r->hash, RAST_HASH_LEN);
	memcpy(v.prev_hash, r->prev_hash, RAST_HASH_LEN);
	if (!v.key || !v.author || !v.message) {
		rast_version_finish(&v);
		return -ENOMEM;
	}
	if (!v.deleted) {
		v.body = json_loadb(r->body, r->body_len, JSON_DECODE_ANY, NULL);
		if (!v.body) {
			rast_version_finish(&v);
			return -EBADMSG;
		}
	}
	*ret = v;
	return 0;
}

void rast_head_encode(const struct rast_head *h, uint8_t out[RAST_HEAD_LEN])
{
	uint8_t *p = put_start(out, MAGIC_HEAD, h->flags);

	p = put64(p, h->op);
	p = put64(p, h->seq);
	(void)put(p, h->hash, RAST_HASH_LEN);
}

int rast_head_decode(const void *data, size_t len, struct rast_head *ret)
{
	const uint8_t *p = data;

	if (len != RAST_HEAD_LEN || !starts(p, MAGIC_HEAD))
		return -EBADMSG;
	ret->flags = p[5];
	ret->op = get64(p + 8);
	ret->seq = get64(p + 16);
	memcpy(ret->hash, p + 24, RAST_HASH_LEN);
	return 0;
}

void rast_chain_next(const uint8_t chain[RAST_HASH_LEN], const uint8_t hash[RAST_HASH_LEN],
		     uint8_t ret[RAST_HASH_LEN])
{
	uint8_t both[2 * RAST_HASH_LEN];

	memcpy(both, chain, RAST_HASH_LEN);
	memcpy(both + RAST_HASH_LEN, hash, RAST_HASH_LEN);
	(void)crypto_hash_sha256(ret, both, sizeof(both));
}

void rast_oprec_encode(const struct rast_oprec *o, uint8_t *out)
{
	uint8_t *p = put32(out, MAGIC_OP);

	p = put32(p, o->collection);
	p = put(p, o->hash, RAST_HASH_LEN);
	p = put(p, o->chain, RAST_HASH_LEN);
	(void)put(p, o->key, o->key_len);
}

int rast_oprec_decode(const void *data, size_t len, struct rast_oprec *ret)
{
	const uint8_t *p = data;

	if (len <= RAST_OP_FIXED || get32(p) != MAGIC_OP)
		return -EBADMSG;
	ret->collection = get32(p + 4);
	memcpy(ret->hash, p + 8, RAST_HASH_LEN);
	memcpy(ret->chain, p + 8 + RAST_HASH_LEN, RAST_HASH_LEN);
	ret->key = (const char *)p + RAST_OP_FIXED;
	ret->key_len = len - RAST_OP_FIXED;
	return 0;
}

void rast_vecrec_encode(uint32_t embedder, const float *v, uint16_t dims, uint8_t *out)
{
	uint8_t *p = put_start(out, MAGIC_VECTOR, 1);

	p = put32(p, embedder);
	p = put16(p, dims);
	p = put16(p, 0);
	for (uint16_t i = 0; i < dims; i++) {
		uint32_t bits;

		memcpy(&bits, &v[i], sizeof(bits));
		p = put32(p, bits);
	}
}

int rast_vecrec_decode(const void *data, size_t len, uint32_t embedder, float *v, uint16_t dims)
{
	const uint8_t *p = data;
	uint16_t have;

	if (len < RAST_VECREC_FIXED || !starts(p, MAGIC_VECTOR))
		return -EBADMSG;
	have = get16(p + 12);
	if (p[5] != 1)
		return -ESTALE;
	if (len != RAST_VECREC_FIXED + 4u * have)
		return -EBADMSG;
	if (get32(p + 8) != embedder || have != dims)
		return -ESTALE;
	for (uint16_t i = 0; i < dims; i++) {
		uint32_t bits = get32(p + RAST_VECREC_FIXED + 4u * i);

		memcpy(&v[i], &bits, sizeof(bits));
		if (!__builtin_isfinite(v[i]))
			return -EBADMSG;
	}
	return 0;
}
