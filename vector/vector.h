/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An embedded, versioned store of JSON items that can be searched by plain language. This header is
 * the manual; docs/store.md has the format on disk and the measured figures.
 *
 *   struct rast_store *s;
 *   struct rast_err err = { 0 };
 *   rast_store_open("/var/lib/x/store", RAST_STORE_CREATE, &s, &err);
 *   struct rast_change c = { .key = "NetworkPolicy/shop/db", .body = body, .expect = RAST_ANY };
 *   rast_store_commit(s, &c, 1, &(struct rast_author){ "root", "let the api in" }, &err);
 *   rast_store_search(s, "which service may talk to the database", 5, 0, &hits, &n, &err);
 *   rast_store_close(s);
 *
 * Items and versions. An item is a key and a JSON value. Every change of an item, deletion included,
 * is an immutable version with an author, a message, a time and an operation number. Operation
 * numbers are the store's clock: 1, 2, 3, … over all items, without gaps. A version carries the
 * SHA-256 of the version before it of the same item, and every operation is also linked into one
 * chain over the whole store, so that nothing can be altered, dropped or slipped in unnoticed.
 *
 * Writing. rast_store_commit() applies any number of changes, all or none of them. When it returns
 * 0 they are on disk (the write-ahead log is synced). `expect` makes a change conditional on the
 * version that its author has seen; -ESTALE says that somebody was faster, and nothing is applied.
 *
 * Reading the past. Where a function takes `as_of`, 0 means now and any other number the state just
 * after that operation.
 *
 * One process at a time has a store open; a second one gets -EBUSY. Inside it all functions may be
 * called from any thread. The one thing a caller gets wrong: after -ENOSPC or -EIO from a commit
 * nothing of it is visible, and the next commit reopens the store by itself and tries anew. Only
 * when the disk refused the final sync can such a change be found to have survived, and then whole.
 */
#ifndef RAST_VECTOR_VECTOR_H
#define RAST_VECTOR_VECTOR_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_HASH_LEN 32
/* Limits; past them -EINVAL (key), -E2BIG (body, changes in one commit). */
#define RAST_KEY_MAX 512u
#define RAST_BODY_MAX (16u << 20)
#define RAST_BODY_MAX_DEPTH 64u
#define RAST_COMMIT_MAX 100000u

struct rast_store;

/* rast_change.expect */
#define RAST_ANY UINT64_MAX /* whatever is there */
#define RAST_ABSENT 0       /* the item must not exist */

struct rast_version {
	char *key;
	json_t *body; /* NULL when deleted */
	bool deleted;
	uint64_t op;      /* operation number: what people call the version */
	uint64_t txn;     /* first operation of the commit that this was part of */
	uint64_t seq;     /* 1, 2, … within the item */
	uint64_t prev_op; /* the item's version before; 0 for the first */
	uint64_t from_op; /* a rollback: the operation whose state was restored; else 0 */
	uint64_t time_ns; /* CLOCK_REALTIME */
	char *author, *message;
	uint8_t hash[RAST_HASH_LEN], prev_hash[RAST_HASH_LEN];
};
void rast_version_finish(struct rast_version *v);
/* {"key","version","seq","previous","time","author","message","deleted","hash",…[,"body"]} */
json_t *rast_version_json(const struct rast_version *v, bool with_body);

struct rast_change {
	const char *key;    /* 1..RAST_KEY_MAX bytes of UTF-8 without control characters */
	const json_t *body; /* borrowed; NULL deletes */
	uint64_t expect;    /* RAST_ANY, RAST_ABSENT, or the version it must be at now */
	uint64_t from_op;   /* 0, or the operation that this restores (kept in the version) */
	/* Filled by a commit that succeeds. A body that is there already makes no new version. */
	uint64_t op;
	bool changed;
};

struct rast_author {
	const char *author, *message; /* at most 256 bytes and 4 KiB; NULL means "" */
	uint64_t time_ns;             /* 0: now */
};

#define RAST_STORE_CREATE 1u /* make it when there is none */
#define RAST_STORE_NOSYNC 2u /* acknowledge before the sync: bulk loads that can be repeated */

/* -ENOENT, -EBUSY (another process has it open), -EIO (damaged), -EPROTO (made by a newer rastOS). */
int rast_store_open(const char *dir, unsigned int flags, struct rast_store **ret,
		    struct rast_err *err);
void rast_store_close(struct rast_store *s);

/* All or none. -ESTALE: an expectation failed; -ENOENT: deleting what is not there; -ENOSPC. */
int rast_store_commit(struct rast_store *s, struct rast_change *changes, size_t n,
		      const struct rast_author *by, struct rast_err *err);
/* Makes the item what it was just after operation `to`, by a new version; *ret_op may be NULL. */
int rast_store_rollback(struct rast_store *s, const char *key, uint64_t to,
			const struct rast_author *by, uint64_t *ret_op, struct rast_err *err);

/* -ENOENT when it does not exist, or did not then, or is deleted. Release by rast_version_finish. */
int rast_store_get(struct rast_store *s, const char *key, uint64_t as_of, struct rast_version *ret,
		   struct rast_err *err);
/* The number of the last operation. */
uint64_t rast_store_last_op(struct rast_store *s);

/* Sees a version, borrowed. Anything but 0 ends the walk and is returned. */
typedef int rast_version_fn(void *arg, const struct rast_version *v);
/* Every item that exists and whose key begins with `prefix` (NULL: all), in key order. */
int rast_store_list(struct rast_store *s, const char *prefix, uint64_t as_of, rast_version_fn *fn,
		    void *arg, struct rast_err *err);
/* Versions of an item, newest first; -ENOENT when it never existed. limit 0: all. */
int rast_store_log(struct rast_store *s, const char *key, size_t limit, rast_version_fn *fn,
		   void *arg, struct rast_err *err);
/* Every operation from number `first` on, oldest first: each change once, in order. */
int rast_store_changes(struct rast_store *s, uint64_t first, size_t limit, rast_version_fn *fn,
		       void *arg, struct rast_err *err);

struct rast_hit {
	char *key;
	uint64_t op;
	double score;  /* 0..1; comparable within one answer only */
	double words;  /* BM25 score over words and concepts */
	double cosine; /* similarity of the embeddings, -1..1 */
	char *snippet; /* the facts of the item that matched best: "path: value; …" */
	char *matched; /* words of the query that were found, in its order */
	json_t *body;
};
void rast_hits_free(struct rast_hit *hits, size_t n);
/* The k best items for a query in plain language, best first. An empty query finds nothing. */
int rast_store_search(struct rast_store *s, const char *query, size_t k, uint64_t as_of,
		      struct rast_hit **ret, size_t *ret_n, struct rast_err *err);

struct rast_verify {
	uint64_t items, versions, operations, vectors;
};
/*
 * Reads everything back with checksums: every version's hash, every link, the chain over the whole
 * store, heads, vectors. -EBADMSG with the first thing that is wrong in err.
 */
int rast_store_verify(struct rast_store *s, struct rast_verify *ret, struct rast_err *err);

/* {"directory","id","format","items","operations","sst_bytes","dimensions","embedder","kernel",…} */
json_t *rast_store_info(struct rast_store *s);

/*
 * Called after each commit, for every change in it, on the committing thread. `now` has body NULL
 * when it was deleted. The callback may read the store, not write it.
 */
typedef void rast_store_change_fn(void *arg, const struct rast_version *now);
void rast_store_on_change(struct rast_store *s, rast_store_change_fn *fn, void *arg);

/*
 * Difference of two JSON values; either may be NULL (not there). An array, in order of the paths, of
 *   {"path":"spec.ingress[0].ports[0].port","op":"change","old":6379,"new":6380}
 * with op "add" (no old), "remove" (no new) or "change". A path that begins an element's removal
 * counts in the old value, any other in the new one. NULL when out of memory.
 */
json_t *rast_diff(const json_t *old, const json_t *new);
/* The same as a unified diff of the YAML text of both, three lines of context; "" when equal. */
char *rast_diff_text(const json_t *old, const json_t *new, const char *old_name,
		     const char *new_name);
/* A JSON value as YAML that reads back as the same value. NULL when out of memory. */
char *rast_json_yaml(const json_t *value);
/* Serialised with sorted keys and without blanks: equal values give equal bytes. */
char *rast_json_canonical(const json_t *value);

#endif
