// SPDX-License-Identifier: BSD-2-Clause
/* Reading: an item now or as of an operation, lists, logs, the sequence of all changes. */
#include "vector/store_priv.h"

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
	return text ? rast_store_error(text, err, "reading the store") : 0;
}

static int damaged(struct rast_err *err, const char *key, int key_len, uint64_t op)
{
	return rast_err_set(err, EBADMSG, "damaged: version %llu of %.*s", (unsigned long long)op,
			    key_len, key);
}

int rast_store_head(struct rast_store *s, const char *key, struct rast_head *ret,
		    struct rast_err *err)
{
	uint8_t buf[KEY_BUF];
	size_t n = rast_key_item(buf, key, strlen(key)), len;
	char *text = NULL, *v;
	int r;

	v = rocksdb_get_cf(s->db, s->read, s->cf[CF_ITEMS], (const char *)buf, n, &len, &text);
	if (text)
		return rast_store_error(text, err, "reading the store");
	if (!v)
		return -ENOENT;
	r = rast_head_decode(v, len, ret);
	rocksdb_free(v);
	return r < 0 ? rast_err_set(err, EBADMSG, "damaged: head of %s", key) : 0;
}

/* The version under the iterator, which stands on a key of the versions family. */
static int version_here(rocksdb_iterator_t *it, struct rast_version *ret, struct rast_err *err)
{
	size_t key_len, len;
	const char *key = rocksdb_iter_key(it, &key_len), *v = rocksdb_iter_value(it, &len);
	struct rast_record rec;
	int r;

	if (key_len < 4 + 1 + 8)
		return rast_err_set(err, EBADMSG, "damaged: a key in the versions");
	r = rast_record_decode(v, len, &rec);
	if (!r && (rec.op != rast_key_tail_op(key, key_len) || rec.key_len != key_len - 13 ||
		   memcmp(rec.key, key + 4, rec.key_len) != 0))
		r = -EBADMSG;
	if (!r)
		r = rast_record_version(&rec, ret);
	if (r == -EBADMSG)
		return damaged(err, key + 4, (int)key_len - 13, rast_key_tail_op(key, key_len));
	return r < 0 ? rast_err_set(err, -r, "out of memory") : 0;
}

/* Is the iterator on a version of this item? */
static bool on_item(rocksdb_iterator_t *it, const uint8_t *prefix, size_t n)
{
	size_t len;
	const char *k;

	if (!rocksdb_iter_valid(it))
		return false;
	k = rocksdb_iter_key(it, &len);
	return len == n + 8 && !memcmp(k, prefix, n);
}

static int at(rocksdb_iterator_t *it, const char *key, size_t key_len, uint64_t as_of,
	      struct rast_version *ret, struct rast_err *err)
{
	uint8_t buf[KEY_BUF];
	size_t n = rast_key_version(buf, key, key_len, as_of ? as_of : UINT64_MAX);
	int r;

	rocksdb_iter_seek_for_prev(it, (const char *)buf, n);
	if (on_item(it, buf, n - 8))
		return version_here(it, ret, err);
	r = iter_error(it, err);
	return r < 0 ? r : -ENOENT;
}

int rast_store_version_at(struct rast_store *s, const char *key, size_t key_len, uint64_t as_of,
			  struct rast_version *ret, struct rast_err *err)
{
	_cleanup_iter_ rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(s->db, s->read, s->cf[CF_VERSIONS]);

	return at(it, key, key_len, as_of, ret, err);
}

static int ready(struct rast_store *s, struct rast_err *err)
{
	return s->db ? 0 : rast_store_reopen(s, err);
}

static int future(struct rast_store *s, uint64_t as_of, struct rast_err *err)
{
	if (as_of <= s->last)
		return 0;
	return rast_err_set(err, EINVAL, "there is no version %llu yet; the last one is %llu",
			    (unsigned long long)as_of, (unsigned long long)s->last);
}

int rast_store_get(struct rast_store *s, const char *key, uint64_t as_of, struct rast_version *ret,
		   struct rast_err *err)
{
	rast_store_scope_lock(s);
	int r = ready(s, err);

	if (!r)
		r = rast_key_check(key, err);
	if (!r)
		r = future(s, as_of, err);
	if (r < 0)
		return r;
	r = rast_store_version_at(s, key, strlen(key), as_of, ret, err);
	if (!r && ret->deleted) {
		r = rast_err_set(err, ENOENT, "%s: deleted at version %llu", key,
				 (unsigned long long)ret->op);
		rast_version_finish(ret);
	} else if (r == -ENOENT) {
		(void)rast_err_set(err, ENOENT,
				   as_of ? "%s: not there at version %llu" : "%s: not found", key,
				   (unsigned long long)as_of);
	}
	return r;
}

int rast_store_list(struct rast_store *s, const char *prefix, uint64_t as_of, rast_version_fn *fn,
		    void *arg, struct rast_err *err)
{
	rast_store_scope_lock(s);
	_cleanup_iter_ rocksdb_iterator_t *it = NULL, *vit = NULL;
	uint8_t buf[KEY_BUF];
	size_t n;
	int r = ready(s, err);

	if (!prefix)
		prefix = "";
	if (!r && strlen(prefix) > RAST_KEY_MAX)
		r = rast_err_set(err, EINVAL, "a prefix longer than any key");
	if (!r)
		r = future(s, as_of, err);
	if (r < 0)
		return r;
	n = rast_key_item(buf, prefix, strlen(prefix));
	it = rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_ITEMS]);
	vit = rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_VERSIONS]);
	for (rocksdb_iter_seek(it, (const char *)buf, n); rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		size_t len, vlen;
		const char *k = rocksdb_iter_key(it, &len), *d = rocksdb_iter_value(it, &vlen);
		struct rast_version v;
		struct rast_head head;

		if (len < n || memcmp(k, buf, n) != 0)
			break;
		if (rast_head_decode(d, vlen, &head) < 0)
			return rast_err_set(err, EBADMSG, "damaged: head of %.*s", (int)len - 4,
					    k + 4);
		if (!as_of && head.flags & RAST_RECORD_DELETED)
			continue;
		r = at(vit, k + 4, len - 4, as_of, &v, err);
		if (r == -ENOENT && as_of)
			continue; /* came later */
		if (r == -ENOENT)
			return damaged(err, k + 4, (int)len - 4, head.op);
		if (r < 0)
			return r;
		r = v.deleted ? 0 : fn(arg, &v);
		rast_version_finish(&v);
		if (r)
			return r;
	}
	return iter_error(it, err);
}

int rast_store_log(struct rast_store *s, const char *key, size_t limit, rast_version_fn *fn,
		   void *arg, struct rast_err *err)
{
	rast_store_scope_lock(s);
	_cleanup_iter_ rocksdb_iterator_t *it = NULL;
	uint8_t buf[KEY_BUF];
	size_t n, seen = 0;
	int r = ready(s, err);

	if (!r)
		r = rast_key_check(key, err);
	if (r < 0)
		return r;
	it = rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_VERSIONS]);
	n = rast_key_version(buf, key, strlen(key), UINT64_MAX);
	for (rocksdb_iter_seek_for_prev(it, (const char *)buf, n); on_item(it, buf, n - 8);
	     rocksdb_iter_prev(it)) {
		struct rast_version v;

		r = version_here(it, &v, err);
		if (r < 0)
			return r;
		r = fn(arg, &v);
		rast_version_finish(&v);
		if (r)
			return r;
		if (++seen == limit)
			return 0;
	}
	r = iter_error(it, err);
	if (!r && !seen)
		return rast_err_set(err, ENOENT, "%s: not found", key);
	return r;
}

int rast_store_changes(struct rast_store *s, uint64_t first, size_t limit, rast_version_fn *fn,
		       void *arg, struct rast_err *err)
{
	rast_store_scope_lock(s);
	_cleanup_iter_ rocksdb_iterator_t *it = NULL;
	uint8_t buf[8];
	size_t seen = 0;
	int r = ready(s, err);

	if (r < 0)
		return r;
	it = rocksdb_create_iterator_cf(s->db, s->scan, s->cf[CF_OPS]);
	rast_key_op(buf, first ? first : 1);
	for (rocksdb_iter_seek(it, (const char *)buf, 8); rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		size_t len, klen;
		const char *k = rocksdb_iter_key(it, &klen), *d = rocksdb_iter_value(it, &len);
		struct rast_oprec o;
		struct rast_version v;
		uint64_t op;

		if (klen != 8 || rast_oprec_decode(d, len, &o) < 0 || o.key_len > RAST_KEY_MAX)
			return rast_err_set(err, EBADMSG, "damaged: the list of operations");
		op = rast_key_tail_op(k, klen);
		r = rast_store_version_at(s, o.key, o.key_len, op, &v, err);
		if (r == -ENOENT || (!r && v.op != op)) {
			if (!r)
				rast_version_finish(&v);
			return damaged(err, o.key, (int)o.key_len, op);
		}
		if (r < 0)
			return r;
		r = fn(arg, &v);
		rast_version_finish(&v);
		if (r)
			return r;
		if (++seen == limit)
			return 0;
	}
	return iter_error(it, err);
}
