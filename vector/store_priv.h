/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of struct rast_store, for the files that include rocksdb/c.h. */
#ifndef RAST_VECTOR_STORE_PRIV_H
#define RAST_VECTOR_STORE_PRIV_H

#include "vector/index.h"
#include "vector/record.h"
#include "vector/vector.h"

#include <pthread.h>
#include <rocksdb/c.h>

/*
 * Column families. Keys begin with a collection number (4 bytes, big-endian) where more than one
 * collection can have them; collection 1 is the configuration.
 *   default   "format", "store", "last": see docs/store.md
 *   items     collection key                      → head
 *   versions  collection key 0x00 operation(8 BE) → version
 *   ops       operation(8 BE)                     → link of the chain
 *   vectors   collection operation(8 BE)          → embedding of that version
 *   segments  (graph segments: none yet)
 *   audit     (index of the audit log: none yet)
 */
enum { CF_META, CF_ITEMS, CF_VERSIONS, CF_OPS, CF_VECTORS, CF_SEGMENTS, CF_AUDIT, N_CF };

#define FORMAT_MAJOR 1u /* an older program must refuse the store */
#define FORMAT_MINOR 0u /* an older program can still read and write it */
#define COLLECTION_CONFIG 1u

/* A page beside the database: the last acknowledged operation; see ack.c. */
struct ack_page;

struct rast_store {
	char *dir;
	unsigned int flags;
	int lock_fd;
	pthread_mutex_t lock; /* recursive: a change callback may read */
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_cache_t *cache;
	rocksdb_writeoptions_t *write;
	rocksdb_readoptions_t *read, *scan;
	rocksdb_column_family_handle_t *cf[N_CF];
	/* Families that a newer minor version added: kept open, never touched. */
	rocksdb_column_family_handle_t **other_cf;
	size_t n_other;
	struct ack_page *ack;
	char id[33];
	uint64_t last;
	uint8_t chain[RAST_HASH_LEN];
	bool failed;              /* a write failed: reopen before the next one */
	bool notifying;           /* inside a change callback */
	struct rast_index *index; /* NULL until the first search */
	enum rast_isa isa;
	rast_store_change_fn *on_change;
	void *on_change_arg;
};

#define rast_store_scope_lock(s)                                                          \
	pthread_mutex_t *_lock __attribute__((cleanup(rast_store_unlockp))) = &(s)->lock; \
	(void)pthread_mutex_lock(_lock)
void rast_store_unlockp(pthread_mutex_t **m);

/* Frees the RocksDB text and turns it into errno and err: ENOSPC, EROFS, EBUSY, EIO. */
int rast_store_error(char *text, struct rast_err *err, const char *what);
/* Closes and opens the database below a store that stays. */
int rast_store_reopen(struct rast_store *s, struct rast_err *err);

/* Keys. Buffers hold RAST_KEY_MAX and what is put around it. */
#define KEY_BUF (4u + RAST_KEY_MAX + 1u + 8u)
size_t rast_key_item(uint8_t *buf, const char *key, size_t len);
size_t rast_key_version(uint8_t *buf, const char *key, size_t len, uint64_t op);
void rast_key_op(uint8_t buf[8], uint64_t op);
void rast_key_vector(uint8_t buf[12], uint64_t op);
uint64_t rast_key_tail_op(const void *key, size_t len);
/* -EINVAL with the reason. */
int rast_key_check(const char *key, struct rast_err *err);

/* -ENOENT when it never existed (err is left alone). */
int rast_store_head(struct rast_store *s, const char *key, struct rast_head *ret,
		    struct rast_err *err);
/* The item's version at or before `as_of`; -ENOENT (err left alone). Deleted ones are returned. */
int rast_store_version_at(struct rast_store *s, const char *key, size_t key_len, uint64_t as_of,
			  struct rast_version *ret, struct rast_err *err);
/* Embeds an item. *vec: RAST_EMBED_DIMS floats. */
int rast_store_embed(const char *key, const json_t *body, struct rast_features *ret, float *vec);
/* Follows a change in the in-memory index, if there is one; drops the index when that fails. */
void rast_store_index_change(struct rast_store *s, const char *key, uint64_t op,
			     const struct rast_features *f, const float *vec);

int rast_ack_open(const char *dir, struct ack_page **ret, struct rast_err *err);
void rast_ack_close(struct ack_page *a);
/* The last operation known to be acknowledged; 0 when the page says nothing. */
uint64_t rast_ack_get(const struct ack_page *a);
void rast_ack_set(struct ack_page *a, uint64_t op);

#endif
