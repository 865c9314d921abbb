// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening and closing: the lock file, RocksDB and its column families, the format check, and what
 * its errors mean. commit.c writes, versions.c reads, verify.c doubts.
 *
 * The one thing to know: the write-ahead log is recovered in the mode that forgives a torn last
 * record and nothing else. RocksDB's default stops silently at the first damaged record and would
 * forget acknowledged writes behind it.
 */
#include "vector/store_priv.h"

#include "base/fd.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const cf_names[N_CF] = {"default", "items",    "versions", "ops",
					   "vectors", "segments", "audit"};

#define REOPEN_BYTES (4u << 20)

void rast_store_unlockp(pthread_mutex_t **m)
{
	(void)pthread_mutex_unlock(*m);
}

int rast_store_error(char *text, struct rast_err *err, const char *what)
{
	int code = EIO;

	if (strstr(text, "No space left") || strstr(text, "NoSpace") || strstr(text, "quota"))
		code = ENOSPC;
	else if (strstr(text, "Read-only file system"))
		code = EROFS;
	else if (strstr(text, "Permission denied"))
		code = EACCES;
	if (code == ENOSPC)
		(void)rast_err_set(err, code, "%s: no space left on the device of the store", what);
	else
		(void)rast_err_set(err, code, "%s: %s", what, text);
	rocksdb_free(text);
	return -code;
}

static rocksdb_options_t *options_create(rocksdb_cache_t *cache)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();

	/* 0: a torn tail is the write that was never acknowledged; anything else is an error. */
	rocksdb_options_set_wal_recovery_mode(o, 0);
	rocksdb_options_set_paranoid_checks(o, 1);
	rocksdb_options_set_create_missing_column_families(o, 1);
	rocksdb_options_set_write_buffer_size(o, 8u << 20);
	rocksdb_options_set_db_write_buffer_size(o, 32u << 20);
	rocksdb_options_set_max_total_wal_size(o, 64u << 20);
	rocksdb_options_set_max_open_files(o, 128);
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
	rocksdb_options_set_info_log_level(o, 3); /* errors only: LOG is not for people */
	rocksdb_options_set_keep_log_file_num(o, 2);
	rocksdb_options_set_max_log_file_size(o, 1u << 20);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	rocksdb_block_based_options_set_block_cache(t, cache);
	rocksdb_block_based_options_set_format_version(t, 5);
	rocksdb_options_set_block_based_table_factory(o, t);
	rocksdb_block_based_options_destroy(t);
	return o;
}

static void db_close(struct rast_store *s)
{
	for (size_t i = 0; i < N_CF; i++)
		if (s->cf[i])
			rocksdb_column_family_handle_destroy(s->cf[i]);
	memset(s->cf, 0, sizeof(s->cf));
	for (size_t i = 0; i < s->n_other; i++)
		rocksdb_column_family_handle_destroy(s->other_cf[i]);
	free(s->other_cf);
	s->other_cf = NULL;
	s->n_other = 0;
	if (s->db)
		rocksdb_close(s->db);
	s->db = NULL;
}

/* Opens every family that there is, ours first. */
static int db_open(struct rast_store *s, bool create, struct rast_err *err)
{
	char **have = NULL, *text = NULL;
	size_t n_have = 0, n = N_CF;
	_cleanup_free_ const char **names = NULL;
	_cleanup_free_ rocksdb_column_family_handle_t **handles = NULL;
	_cleanup_free_ const rocksdb_options_t **opts = NULL;

	if (!create) {
		have = rocksdb_list_column_families(s->options, s->dir, &n_have, &text);
		if (text) {
			/* Also on failure there is a list, of nothing. */
			if (have)
				rocksdb_list_column_families_destroy(have, n_have);
			return rast_store_error(text, err, s->dir);
		}
	}
	names = calloc(N_CF + n_have, sizeof(*names));
	handles = calloc(N_CF + n_have, sizeof(*handles));
	opts = calloc(N_CF + n_have, sizeof(*opts));
	if (!names || !handles || !opts) {
		if (have)
			rocksdb_list_column_families_destroy(have, n_have);
		return rast_err_set(err, ENOMEM, "out of memory");
	}
	memcpy(names, cf_names, sizeof(cf_names));
	for (size_t i = 0; i < n_have; i++) {
		bool ours = false;

		for (size_t k = 0; k < N_CF; k++)
			ours |= !strcmp(have[i], cf_names[k]);
		if (!ours)
			names[n++] = have[i];
	}
	for (size_t i = 0; i < n; i++)
		opts[i] = s->options;
	rocksdb_options_set_create_if_missing(s->options, create);
	s->db = rocksdb_open_column_families(s->options, s->dir, (int)n, names, opts, handles,
					     &text);
	if (have)
		rocksdb_list_column_families_destroy(have, n_have);
	if (text) {
		s->db = NULL;
		return rast_store_error(text, err, s->dir);
	}
	memcpy(s->cf, handles, N_CF * sizeof(*handles));
	if (n > N_CF) {
		s->other_cf = calloc(n - N_CF, sizeof(*s->other_cf));
		for (size_t i = N_CF; i < n; i++) {
			if (s->other_cf)
				s->other_cf[s->n_other++] = handles[i];
			else
				rocksdb_column_family_handle_destroy(handles[i]);
		}
	}
	return 0;
}

static int meta_create(struct rast_store *s, struct rast_err *err)
{
	uint32_t format[2] = {htole32(FORMAT_MAJOR), htole32(FORMAT_MINOR)};
	uint8_t last[8 + RAST_HASH_LEN] = {0}, id[16];
	rocksdb_writebatch_t *b = rocksdb_writebatch_create();
	char *text = NULL;

	randombytes_buf(id, sizeof(id));
	(void)sodium_bin2hex(s->id, sizeof(s->id), id, sizeof(id));
	rocksdb_writebatch_put_cf(b, s->cf[CF_META], "format", 6, (const char *)format,
				  sizeof(format));
	rocksdb_writebatch_put_cf(b, s->cf[CF_META], "store", 5, s->id, 32);
	rocksdb_writebatch_put_cf(b, s->cf[CF_META], "last", 4, (const char *)last, sizeof(last));
	rocksdb_write(s->db, s->write, b, &text);
	rocksdb_writebatch_destroy(b);
	return text ? rast_store_error(text, err, s->dir) : 0;
}

static int meta_get(struct rast_store *s, const char *name, void *out, size_t size, bool *ret_have,
		    struct rast_err *err)
{
	char *text = NULL, *v;
	size_t len;

	v = rocksdb_get_cf(s->db, s->read, s->cf[CF_META], name, strlen(name), &len, &text);
	if (text)
		return rast_store_error(text, err, s->dir);
	*ret_have = v != NULL;
	if (v && len != size) {
		rocksdb_free(v);
		return rast_err_set(err, EBADMSG, "%s: record \"%s\" is damaged", s->dir, name);
	}
	if (v)
		memcpy(out, v, size);
	rocksdb_free(v);
	return 0;
}

static int meta_load(struct rast_store *s, bool created, struct rast_err *err)
{
	uint8_t last[8 + RAST_HASH_LEN];
	uint32_t format[2];
	uint64_t op, acked;
	bool have, have_last, have_id;
	int r;

	r = meta_get(s, "format", format, sizeof(format), &have, err);
	if (r < 0)
		return r;
	/* A folder that was made but whose first write never came: begin again. */
	if (!have && (created || rast_ack_get(s->ack) == 0))
		return meta_create(s, err);
	if (!have)
		return rast_err_set(err, EBADMSG, "%s: the format record is missing", s->dir);
	if (le32toh(format[0]) != FORMAT_MAJOR)
		return rast_err_set(err, EPROTO, "%s: format %u; this program knows format %u",
				    s->dir, le32toh(format[0]), FORMAT_MAJOR);
	r = meta_get(s, "last", last, sizeof(last), &have_last, err);
	if (!r)
		r = meta_get(s, "store", s->id, 32, &have_id, err);
	if (r < 0)
		return r;
	if (!have_last || !have_id)
		return rast_err_set(err, EBADMSG, "%s: a record of its own is missing", s->dir);
	memcpy(&op, last, sizeof(op));
	s->last = le64toh(op);
	memcpy(s->chain, last + 8, RAST_HASH_LEN);
	acked = rast_ack_get(s->ack);
	if (acked > s->last)
		return rast_err_set(
			err, EBADMSG,
			"%s: damaged: operations %llu to %llu were acknowledged and are "
			"missing",
			s->dir, (unsigned long long)s->last + 1, (unsigned long long)acked);
	rast_ack_set(s->ack, s->last);
	return 0;
}

static int lock_dir(struct rast_store *s, struct rast_err *err)
{
	_cleanup_free_ char *path = NULL, *pid = NULL;
	char buf[24];
	int r, len;

	if (asprintf(&path, "%s/owner", s->dir) < 0) {
		path = NULL;
		return rast_err_set(err, ENOMEM, "out of memory");
	}
	r = rast_lock_file(path, 0, &s->lock_fd);
	if (r == -EWOULDBLOCK) {
		(void)rast_read_file(AT_FDCWD, path, 64, &pid, NULL);
		if (pid)
			pid[strcspn(pid, "\n")] = '\0';
		return rast_err_set(err, EBUSY, "%s: the store is in use by process %s", s->dir,
				    pid && *pid ? pid : "(unknown)");
	}
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	len = snprintf(buf, sizeof(buf), "%d\n", (int)getpid());
	/* Only for the message above: a disk too full for it is found out by what matters. */
	if (ftruncate(s->lock_fd, 0) == 0)
		(void)!pwrite(s->lock_fd, buf, (size_t)len, 0);
	return 0;
}

/* Is there anything of RocksDB in it? Never make a new database over a damaged one. */
static bool looks_new(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool fresh = true;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "MANIFEST-", 9) || !strcmp(e->d_name, "CURRENT") ||
		    strstr(e->d_name, ".sst") || strstr(e->d_name, ".log"))
			fresh = false;
	if (d)
		(void)closedir(d);
	return fresh;
}

int rast_store_reopen(struct rast_store *s, struct rast_err *err)
{
	bool created = false;
	struct statvfs fs;
	int r;

	/* Opening writes a log and a manifest: while that cannot work, stay open for readers. */
	if (s->db && statvfs(s->dir, &fs) == 0 && fs.f_bavail * fs.f_frsize < REOPEN_BYTES)
		return rast_err_set(err, ENOSPC,
				    "the change was not stored: no space left on the device of the "
				    "store");
	db_close(s);
	rast_index_destroy(s->index);
	s->index = NULL;
	r = db_open(s, created, err);
	if (!r)
		r = meta_load(s, created, err);
	if (!r)
		s->failed = false;
	return r;
}

int rast_store_open(const char *dir, unsigned int flags, struct rast_store **ret,
		    struct rast_err *err)
{
	struct rast_store *s;
	pthread_mutexattr_t attr;
	struct stat st;
	bool create;
	int r = 0;

	if (sodium_init() < 0)
		return rast_err_set(err, ENOSYS, "libsodium cannot start");
	if (flags & RAST_STORE_CREATE)
		r = rast_mkdir_p(dir, 0700);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", dir);
	if (stat(dir, &st) < 0)
		return rast_err_sys(err, errno, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return rast_err_sys(err, ENOTDIR, "%s", dir);
	s = calloc(1, sizeof(*s));
	if (!s)
		return rast_err_set(err, ENOMEM, "out of memory");
	s->lock_fd = -1;
	s->flags = flags;
	s->isa = rast_isa_best();
	(void)pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&s->lock, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	s->dir = strdup(dir);
	s->cache = rocksdb_cache_create_lru(8u << 20);
	s->options = options_create(s->cache);
	s->write = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(s->write, !(flags & RAST_STORE_NOSYNC));
	s->read = rocksdb_readoptions_create();
	rocksdb_readoptions_set_verify_checksums(s->read, 1);
	s->scan = rocksdb_readoptions_create();
	rocksdb_readoptions_set_verify_checksums(s->scan, 1);
	rocksdb_readoptions_set_fill_cache(s->scan, 0);
	create = looks_new(dir);
	if (!s->dir)
		r = rast_err_set(err, ENOMEM, "out of memory");
	else if (create && !(flags & RAST_STORE_CREATE))
		r = rast_err_set(err, ENOENT, "%s: there is no store in it", dir);
	if (!r)
		r = lock_dir(s, err);
	if (!r)
		r = rast_ack_open(dir, &s->ack, err);
	if (!r && create && rast_ack_get(s->ack))
		r = rast_err_set(err, EBADMSG, "%s: damaged: the database files are missing", dir);
	if (!r)
		r = db_open(s, create, err);
	if (!r)
		r = meta_load(s, create, err);
	if (r < 0) {
		rast_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void rast_store_close(struct rast_store *s)
{
	if (!s)
		return;
	db_close(s);
	rast_index_destroy(s->index);
	rast_ack_close(s->ack);
	rocksdb_readoptions_destroy(s->read);
	rocksdb_readoptions_destroy(s->scan);
	rocksdb_writeoptions_destroy(s->write);
	rocksdb_options_destroy(s->options);
	rocksdb_cache_destroy(s->cache);
	rast_closep(&s->lock_fd);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

void rast_store_on_change(struct rast_store *s, rast_store_change_fn *fn, void *arg)
{
	rast_store_scope_lock(s);
	s->on_change = fn;
	s->on_change_arg = arg;
}

uint64_t rast_store_last_op(struct rast_store *s)
{
	rast_store_scope_lock(s);
	return s->last;
}
