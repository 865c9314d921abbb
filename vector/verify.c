// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads a whole store with doubt: block checksums by RocksDB, then what only we know. Every operation
 * from 1 to the last has its link in the chain; the link names a version whose hash it carries; every
 * version points at the one before it of its item by number and hash; the head is the last of them;
 * the vector is the one that the body gives.
 */
#include "vector/store_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void iter_destroyp(rocksdb_iterator_t **it)
{
	if (*it)
		rocksdb_iter_destroy(*it);
}
#define _cleanup_iter_ __attribute__((cleanup(iter_destroyp)))

static int iter_error(rocksdb_iterator_t *it, struct rast_err *err)
{
	char *text = NULL;

	rocksdb_iter_get_error(it, &text);
	if (!text)
		return 0;
	(void)rast_err_set(err, EBADMSG, "damaged: %s", text);
	rocksdb_free(text);
	return -EBADMSG;
}

#define WRONG(err, fmt, ...) rast_err_set(err, EBADMSG, "damaged: " fmt, __VA_ARGS__)

static int verify_vector(struct rast_store *s, const struct rast_record *rec, bool *ret_have,
			 struct rast_err *err)
{
	float want[RAST_EMBED_DIMS], have[RAST_EMBED_DIMS];
	struct rast_features f = {0};
	struct rast_version v;
	uint8_t key[12];
	char *text = NULL, *data;
	size_t len;
	int r;

	rast_key_vector(key, rec->op);
	data = rocksdb_get_cf(s->db, s->scan, s->cf[CF_VECTORS], (const char *)key, sizeof(key),
			      &len, &text);
	if (text) {
		(void)rast_err_set(err, EBADMSG, "damaged: %s", text);
		rocksdb_free(text);
		return -EBADMSG;
	}
	*ret_have = data != NULL;
	if (rec->flags & RAST_RECORD_DELETED) {
		rocksdb_free(data);
		return data ? WRONG(err, "version %llu is a deletion and has a vector",
				    (unsigned long long)rec->op)
			    : 0;
	}
	if (!data)
		return WRONG(err, "version %llu has no vector", (unsigned long long)rec->op);
	r = rast_vecrec_decode(data, len, rast_embedder_id(), have, RAST_EMBED_DIMS);
	rocksdb_free(data);
	if (r == -ESTALE)
		return 0; /* of another embedder: nothing to compare with */
	if (!r)
		r = rast_record_version(rec, &v);
	if (!r) {
		r = rast_store_embed(v.key, v.body, &f, want);
		rast_features_finish(&f);
		rast_version_finish(&v);
		/* Another machine's libm may round the last bit of a logarithm its own way. */
		if (!r && rast_dot_f32(s->isa, have, want, RAST_EMBED_DIMS) < 0.9999f &&
		    rast_dot_f32(s->isa, want, want, RAST_EMBED_DIMS) > 0.5f)
			r = -EBADMSG;
	}
	if (r == -EBADMSG)
		return WRONG(err, "the vector of version %llu is not the one of its body",
			     (unsigned long long)rec->op);
	return r < 0 ? rast_err_set(err, -r, "out of memory") : 0;
}

/* What is known of the item that the walk over the versions is in. */
struct item {
	char key[RAST_KEY_MAX];
	size_t key_len;
	uint64_t op, seq;
	uint8_t hash[RAST_HASH_LEN], flags;
};

static int item_end(struct rast_store *s, struct item *it, struct rast_verify *sum,
		    struct rast_err *err)
{
	_cleanup_free_ char *key = NULL;
	struct rast_head head;
	int r;

	if (!it->op)
		return 0;
	key = strndup(it->key, it->key_len);
	if (!key)
		return rast_err_set(err, ENOMEM, "out of memory");
	r = rast_store_head(s, key, &head, err);
	if (r == -ENOENT)
		return WRONG(err, "%s has versions and no head", key);
	if (r < 0)
		return r;
	if (head.op != it->op || head.seq != it->seq || head.flags != it->flags ||
	    memcmp(head.hash, it->hash, RAST_HASH_LEN) != 0)
		return WRONG(err, "the head of %s is not its last version, %llu", key,
			     (unsigned long long)it->op);
	sum->items += !(head.flags & RAST_RECORD_DELETED);
	it->op = 0;
	return 0;
}

static int verify_versions(struct rast_store *s, struct rast_verify *sum, size_t *ret_keys,
			   struct rast_err *err)
{
	_cleanup_iter_ rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_VERSIONS]);
	_cleanup_free_ struct item *item = calloc(1, sizeof(*item));
	int r;

	if (!item)
		return rast_err_set(err, ENOMEM, "out of memory");
	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		size_t key_len, len;
		const char *key = rocksdb_iter_key(it, &key_len);
		const char *data = rocksdb_iter_value(it, &len);
		struct rast_record rec;
		uint64_t op;
		bool have;

		if (key_len < 14 || key_len > KEY_BUF)
			return WRONG(err, "a key of %zu bytes among the versions", key_len);
		op = rast_key_tail_op(key, key_len);
		if (rast_record_decode(data, len, &rec) < 0 || rec.op != op ||
		    rec.key_len != key_len - 13 || memcmp(rec.key, key + 4, rec.key_len) != 0)
			return WRONG(err, "version %llu of %.*s", (unsigned long long)op,
				     (int)key_len - 13, key + 4);
		if (!item->op || item->key_len != rec.key_len ||
		    memcmp(item->key, rec.key, rec.key_len) != 0) {
			r = item_end(s, item, sum, err);
			if (r < 0)
				return r;
			memset(item, 0, sizeof(*item));
			memcpy(item->key, rec.key, rec.key_len);
			item->key_len = rec.key_len;
			++*ret_keys;
		}
		if (rec.prev_op != item->op || rec.seq != item->seq + 1 ||
		    memcmp(rec.prev_hash, item->hash, RAST_HASH_LEN) != 0)
			return WRONG(err, "version %llu of %.*s does not follow version %llu",
				     (unsigned long long)op, (int)rec.key_len, rec.key,
				     (unsigned long long)item->op);
		item->op = op;
		item->seq = rec.seq;
		item->flags = rec.flags;
		memcpy(item->hash, rec.hash, RAST_HASH_LEN);
		sum->versions++;
		r = verify_vector(s, &rec, &have, err);
		if (r < 0)
			return r;
		sum->vectors += have;
	}
	r = iter_error(it, err);
	return r < 0 ? r : item_end(s, item, sum, err);
}

static int verify_ops(struct rast_store *s, struct rast_verify *sum, struct rast_err *err)
{
	_cleanup_iter_ rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_OPS]);
	uint8_t chain[RAST_HASH_LEN] = {0};
	int r;

	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		size_t key_len, len, vlen;
		const char *key = rocksdb_iter_key(it, &key_len);
		const char *data = rocksdb_iter_value(it, &len);
		uint8_t buf[KEY_BUF];
		struct rast_oprec o;
		char *text = NULL, *v;
		bool same;
		uint64_t op;

		if (key_len != 8 || rast_oprec_decode(data, len, &o) < 0 ||
		    o.key_len > RAST_KEY_MAX)
			return WRONG(err, "operation %llu",
				     (unsigned long long)sum->operations + 1);
		op = rast_key_tail_op(key, key_len);
		if (op != sum->operations + 1)
			return WRONG(err, "operation %llu is missing",
				     (unsigned long long)sum->operations + 1);
		rast_chain_next(chain, o.hash, chain);
		if (memcmp(chain, o.chain, RAST_HASH_LEN) != 0)
			return WRONG(err, "the chain breaks at operation %llu",
				     (unsigned long long)op);
		key_len = rast_key_version(buf, o.key, o.key_len, op);
		v = rocksdb_get_cf(s->db, s->scan, s->cf[CF_VERSIONS], (const char *)buf, key_len,
				   &vlen, &text);
		if (text) {
			(void)rast_err_set(err, EBADMSG, "damaged: %s", text);
			rocksdb_free(text);
			return -EBADMSG;
		}
		same = v && vlen > RAST_HASH_LEN &&
		       !memcmp(v + vlen - RAST_HASH_LEN, o.hash, RAST_HASH_LEN);
		rocksdb_free(v);
		if (!same)
			return WRONG(err, "version %llu of %.*s is missing or another",
				     (unsigned long long)op, (int)o.key_len, o.key);
		sum->operations++;
	}
	r = iter_error(it, err);
	if (r < 0)
		return r;
	if (sum->operations != s->last || memcmp(chain, s->chain, RAST_HASH_LEN) != 0)
		return WRONG(err, "the chain ends at operation %llu, the store at %llu",
			     (unsigned long long)sum->operations, (unsigned long long)s->last);
	return 0;
}

/* Heads and vectors beyond those that the versions led to. */
static int verify_count(struct rast_store *s, int cf, size_t want, const char *what,
			struct rast_err *err)
{
	_cleanup_iter_ rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(s->db, s->scan, s->cf[cf]);
	size_t n = 0;
	int r;

	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it))
		n++;
	r = iter_error(it, err);
	if (r < 0)
		return r;
	return n == want ? 0 : WRONG(err, "%zu %s where there should be %zu", n, what, want);
}

int rast_store_verify(struct rast_store *s, struct rast_verify *ret, struct rast_err *err)
{
	rast_store_scope_lock(s);
	struct rast_verify sum = {0};
	size_t keys = 0;
	int r = s->db ? 0 : rast_store_reopen(s, err);

	if (!r)
		r = verify_ops(s, &sum, err);
	if (!r)
		r = verify_versions(s, &sum, &keys, err);
	if (!r && sum.versions != sum.operations)
		r = WRONG(err, "%llu versions for %llu operations",
			  (unsigned long long)sum.versions, (unsigned long long)sum.operations);
	if (!r)
		r = verify_count(s, CF_ITEMS, keys, "heads", err);
	if (!r)
		r = verify_count(s, CF_VECTORS, sum.vectors, "vectors", err);
	if (r < 0)
		return r;
	*ret = sum;
	return 0;
}
