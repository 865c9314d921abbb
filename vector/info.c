// SPDX-License-Identifier: BSD-2-Clause
/* What there is to know about a store as a whole. */
#include "vector/store_priv.h"

#include <stdlib.h>
#include <string.h>

static int count(void *arg, const struct rast_version *v)
{
	++*(json_int_t *)arg;
	return 0;
}

static void set_int(json_t *o, const char *key, uint64_t v)
{
	(void)json_object_set_new(o, key, json_integer((json_int_t)v));
}

static uint64_t property(struct rast_store *s, int cf, const char *name)
{
	char *text = rocksdb_property_value_cf(s->db, s->cf[cf], name);
	uint64_t v = text ? strtoull(text, NULL, 10) : 0;

	rocksdb_free(text);
	return v;
}

json_t *rast_store_info(struct rast_store *s)
{
	rast_store_scope_lock(s);
	json_t *o = json_object();
	json_int_t items = 0;
	uint64_t disk = 0, mem = 0;
	char version[32];

	if (!o || !s->db)
		return o;
	(void)snprintf(version, sizeof(version), "%u.%u", FORMAT_MAJOR, FORMAT_MINOR);
	(void)json_object_set_new(o, "directory", json_string(s->dir));
	(void)json_object_set_new(o, "id", json_string(s->id));
	(void)json_object_set_new(o, "format", json_string(version));
	if (!rast_store_list(s, NULL, 0, count, &items, NULL))
		(void)json_object_set_new(o, "items", json_integer(items));
	set_int(o, "operations", s->last);
	for (int i = 0; i < N_CF; i++) {
		disk += property(s, i, "rocksdb.total-sst-files-size");
		mem += property(s, i, "rocksdb.cur-size-all-mem-tables");
	}
	set_int(o, "sst_bytes", disk);
	set_int(o, "memtable_bytes", mem);
	set_int(o, "dimensions", RAST_EMBED_DIMS);
	(void)snprintf(version, sizeof(version), "%08x", rast_embedder_id());
	(void)json_object_set_new(o, "embedder", json_string(version));
	(void)json_object_set_new(o, "kernel", json_string(rast_isa_name(s->isa)));
	set_int(o, "indexed", s->index ? rast_index_count(s->index) : 0);
	set_int(o, "index_bytes", s->index ? rast_index_bytes(s->index) : 0);
	return o;
}
