// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing. One RocksDB batch carries everything that a commit changes: heads, versions, operations,
 * vectors and the last operation number, so that a reader after a crash sees all of it or nothing.
 */
#include "vector/store_priv.h"

#include "base/mem.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AUTHOR_MAX 256u
#define MESSAGE_MAX 4096u

/* What a commit knows about one of its changes until it is written. */
struct pending {
	struct rast_features features;
	float *vec;
	struct rast_version now; /* for the callback */
};

struct commit {
	struct rast_store *s;
	rocksdb_writebatch_t *batch;
	struct pending *p;
	size_t n;
	uint64_t txn, last, time_ns;
	uint8_t chain[RAST_HASH_LEN];
	const char *author, *message;
};

static void commit_finish(struct commit *c)
{
	for (size_t i = 0; i < c->n; i++) {
		rast_features_finish(&c->p[i].features);
		free(c->p[i].vec);
		rast_version_finish(&c->p[i].now);
	}
	free(c->p);
	if (c->batch)
		rocksdb_writebatch_destroy(c->batch);
}

static bool too_deep(const json_t *v, unsigned int left)
{
	const char *name;
	json_t *child;
	size_t i;

	if (!left)
		return true;
	json_object_foreach((json_t *)v, name, child)
		if (too_deep(child, left - 1))
			return true;
	json_array_foreach(v, i, child)
		if (too_deep(child, left - 1))
			return true;
	return false;
}

/* The bytes to store, or an error that names the item. */
static int body_text(const struct rast_change *ch, char **ret, struct rast_err *err)
{
	char *text;
	size_t len;

	if (too_deep(ch->body, RAST_BODY_MAX_DEPTH))
		return rast_err_set(err, E2BIG, "%s: nested deeper than %u levels", ch->key,
				    RAST_BODY_MAX_DEPTH);
	text = rast_json_canonical(ch->body);
	if (!text)
		return rast_err_set(err, EINVAL, "%s: a value that JSON cannot hold", ch->key);
	len = strlen(text);
	if (len > RAST_BODY_MAX) {
		free(text);
		return rast_err_set(err, E2BIG, "%s: %zu bytes; at most %u are allowed", ch->key,
				    len, RAST_BODY_MAX);
	}
	*ret = text;
	return 0;
}

static int check_expect(const struct rast_change *ch, bool exists, uint64_t at,
			struct rast_err *err)
{
	if (ch->expect == RAST_ANY || (exists ? ch->expect == at : ch->expect == RAST_ABSENT))
		return 0;
	if (!exists)
		return rast_err_set(err, ESTALE,
				    "conflict: %s was expected at version %llu and is not there",
				    ch->key, (unsigned long long)ch->expect);
	if (ch->expect == RAST_ABSENT)
		return rast_err_set(err, ESTALE,
				    "conflict: %s was expected not to be there and is at version "
				    "%llu",
				    ch->key, (unsigned long long)at);
	return rast_err_set(err, ESTALE,
			    "conflict: %s was expected at version %llu and is at version %llu",
			    ch->key, (unsigned long long)ch->expect, (unsigned long long)at);
}

static void put(struct commit *c, int cf, const void *key, size_t key_len, const void *v,
		size_t len)
{
	rocksdb_writebatch_put_cf(c->batch, c->s->cf[cf], key, key_len, v, len);
}

/* Is the body that is stored now the same bytes? */
static int same_body(struct rast_store *s, const struct rast_change *ch, const char *text,
		     bool *ret_same, struct rast_err *err)
{
	struct rast_version v;
	_cleanup_free_ char *old = NULL;
	int r = rast_store_version_at(s, ch->key, strlen(ch->key), 0, &v, err);

	if (r < 0)
		return r == -ENOENT
			       ? rast_err_set(err, EBADMSG, "damaged: %s has no version", ch->key)
			       : r;
	old = v.body ? rast_json_canonical(v.body) : NULL;
	*ret_same = old && !strcmp(old, text);
	rast_version_finish(&v);
	return 0;
}

/* Puts one change into the batch. */
static int add_change(struct commit *c, struct rast_change *ch, struct pending *p,
		      struct rast_err *err)
{
	size_t key_len = strlen(ch->key), n, rec_len;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *rec_buf = NULL;
	struct rast_head head = {0};
	struct rast_record rec = {0};
	struct rast_oprec op = {
		.collection = COLLECTION_CONFIG, .key = ch->key, .key_len = key_len};
	uint8_t key[KEY_BUF], head_buf[RAST_HEAD_LEN], op_buf[RAST_OP_FIXED + RAST_KEY_MAX];
	uint8_t vec_buf[RAST_VECREC_FIXED + 4 * RAST_EMBED_DIMS];
	bool exists, same = false;
	int r;

	r = rast_store_head(c->s, ch->key, &head, err);
	if (r < 0 && r != -ENOENT)
		return r;
	exists = !r && !(head.flags & RAST_RECORD_DELETED);
	r = check_expect(ch, exists, head.op, err);
	if (r < 0)
		return r;
	if (!ch->body && !exists)
		return rast_err_set(err, ENOENT, "%s: not found", ch->key);
	if (ch->body) {
		r = body_text(ch, &text, err);
		if (!r && exists)
			r = same_body(c->s, ch, text, &same, err);
		if (r < 0)
			return r;
	}
	ch->changed = !same;
	ch->op = same ? head.op : ++c->last;
	if (same)
		return 0;

	rec = (struct rast_record){
		.flags = ch->body ? 0 : RAST_RECORD_DELETED,
		.op = ch->op,
		.txn = c->txn,
		.seq = head.seq + 1,
		.prev_op = head.op,
		.from_op = ch->from_op,
		.time_ns = c->time_ns,
		.key = ch->key,
		.author = c->author,
		.message = c->message,
		.body = text,
		.key_len = (uint32_t)key_len,
		.author_len = (uint32_t)strlen(c->author),
		.message_len = (uint32_t)strlen(c->message),
		.body_len = text ? (uint32_t)strlen(text) : 0,
	};
	memcpy(rec.prev_hash, head.hash, RAST_HASH_LEN);
	r = rast_record_encode(&rec, &rec_buf, &rec_len);
	if (!r)
		r = rast_record_version(&rec, &p->now);
	if (r < 0)
		return rast_err_set(err, -r, "%s: cannot be encoded", ch->key);
	n = rast_key_version(key, ch->key, key_len, ch->op);
	put(c, CF_VERSIONS, key, n, rec_buf, rec_len);

	head = (struct rast_head){.flags = rec.flags, .op = rec.op, .seq = rec.seq};
	memcpy(head.hash, rec.hash, RAST_HASH_LEN);
	rast_head_encode(&head, head_buf);
	n = rast_key_item(key, ch->key, key_len);
	put(c, CF_ITEMS, key, n, head_buf, sizeof(head_buf));

	rast_chain_next(c->chain, rec.hash, c->chain);
	memcpy(op.hash, rec.hash, RAST_HASH_LEN);
	memcpy(op.chain, c->chain, RAST_HASH_LEN);
	rast_oprec_encode(&op, op_buf);
	rast_key_op(key, ch->op);
	put(c, CF_OPS, key, 8, op_buf, RAST_OP_FIXED + key_len);

	if (!ch->body)
		return 0;
	p->vec = calloc(RAST_EMBED_DIMS, sizeof(*p->vec));
	r = p->vec ? rast_store_embed(ch->key, ch->body, &p->features, p->vec) : -ENOMEM;
	if (r < 0)
		return rast_err_set(err, -r, "%s: cannot be embedded", ch->key);
	rast_vecrec_encode(rast_embedder_id(), p->vec, RAST_EMBED_DIMS, vec_buf);
	rast_key_vector(key, ch->op);
	put(c, CF_VECTORS, key, 12, vec_buf, sizeof(vec_buf));
	return 0;
}

/* A key twice in one commit would make the outcome depend on their order. */
static int check_keys(const struct rast_change *changes, size_t n, struct rast_err *err)
{
	json_t *seen = json_object();
	int r = seen ? 0 : rast_err_set(err, ENOMEM, "out of memory");

	for (size_t i = 0; i < n && !r; i++) {
		r = rast_key_check(changes[i].key, err);
		if (!r && json_object_get(seen, changes[i].key))
			r = rast_err_set(err, EINVAL, "%s: twice in one commit", changes[i].key);
		if (!r && json_object_set_new(seen, changes[i].key, json_true()) < 0)
			r = rast_err_set(err, ENOMEM, "out of memory");
	}
	json_decref(seen);
	return r;
}

static int write_batch(struct commit *c, struct rast_err *err)
{
	uint8_t last[8 + RAST_HASH_LEN];
	uint64_t op = htole64(c->last);
	char *text = NULL;

	memcpy(last, &op, sizeof(op));
	memcpy(last + 8, c->chain, RAST_HASH_LEN);
	put(c, CF_META, "last", 4, last, sizeof(last));
	rocksdb_write(c->s->db, c->s->write, c->batch, &text);
	if (text) {
		c->s->failed = true;
		return rast_store_error(text, err, "the change was not stored");
	}
	return 0;
}

static int commit_start(struct commit *c, struct rast_store *s, const struct rast_author *by,
			size_t n, struct rast_err *err)
{
	struct timespec now;

	*c = (struct commit){.s = s, .last = s->last, .txn = s->last + 1, .n = n};
	c->author = by && by->author ? by->author : "";
	c->message = by && by->message ? by->message : "";
	if (strlen(c->author) > AUTHOR_MAX || strlen(c->message) > MESSAGE_MAX)
		return rast_err_set(err, E2BIG,
				    "author or message too long; at most %u and %u bytes",
				    AUTHOR_MAX, MESSAGE_MAX);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	c->time_ns = by && by->time_ns ? by->time_ns
				       : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	memcpy(c->chain, s->chain, RAST_HASH_LEN);
	c->p = calloc(n ? n : 1, sizeof(*c->p));
	if (!c->p) {
		c->n = 0;
		return rast_err_set(err, ENOMEM, "out of memory");
	}
	c->batch = rocksdb_writebatch_create();
	return 0;
}

int rast_store_commit(struct rast_store *s, struct rast_change *changes, size_t n,
		      const struct rast_author *by, struct rast_err *err)
{
	rast_store_scope_lock(s);
	__attribute__((cleanup(commit_finish))) struct commit c = {0};
	int r = 0;

	if (s->notifying)
		return rast_err_set(err, EDEADLK, "a change callback must not write");
	if (n > RAST_COMMIT_MAX)
		return rast_err_set(err, E2BIG, "%zu changes in one commit; at most %u", n,
				    RAST_COMMIT_MAX);
	r = check_keys(changes, n, err);
	if (!r && (s->failed || !s->db))
		r = rast_store_reopen(s, err);
	if (!r)
		r = commit_start(&c, s, by, n, err);
	for (size_t i = 0; i < n && !r; i++)
		r = add_change(&c, &changes[i], &c.p[i], err);
	if (r < 0)
		return r;
	if (c.last == s->last)
		return 0; /* all of it is there already */
	r = write_batch(&c, err);
	if (r < 0)
		return r;
	s->last = c.last;
	memcpy(s->chain, c.chain, RAST_HASH_LEN);
	if (!(s->flags & RAST_STORE_NOSYNC))
		rast_ack_set(s->ack, s->last);
	for (size_t i = 0; i < n; i++)
		if (changes[i].changed)
			rast_store_index_change(s, changes[i].key, changes[i].op, &c.p[i].features,
						c.p[i].vec);
	if (s->on_change) {
		s->notifying = true;
		for (size_t i = 0; i < n; i++)
			if (changes[i].changed)
				s->on_change(s->on_change_arg, &c.p[i].now);
		s->notifying = false;
	}
	return 0;
}

int rast_store_rollback(struct rast_store *s, const char *key, uint64_t to,
			const struct rast_author *by, uint64_t *ret_op, struct rast_err *err)
{
	rast_store_scope_lock(s);
	struct rast_change ch = {.key = key, .expect = RAST_ANY, .from_op = to};
	struct rast_version then;
	int r;

	if (!to || to > s->last)
		return rast_err_set(err, EINVAL, "there is no version %llu; they go from 1 to %llu",
				    (unsigned long long)to, (unsigned long long)s->last);
	r = rast_store_get(s, key, to, &then, err);
	if (r < 0)
		return r;
	ch.body = then.body;
	ch.from_op = then.op;
	r = rast_store_commit(s, &ch, 1, by, err);
	rast_version_finish(&then);
	if (!r && ret_op)
		*ret_op = ch.op;
	return r;
}
