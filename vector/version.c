// SPDX-License-Identifier: BSD-2-Clause
/* struct rast_version as an owner of memory and as JSON, and the canonical bytes of a value. */
#include "vector/vector.h"

#include <sodium.h>
#include <stdlib.h>

void rast_version_finish(struct rast_version *v)
{
	free(v->key);
	free(v->author);
	free(v->message);
	json_decref(v->body);
	*v = (struct rast_version){0};
}

static void set_hex(json_t *obj, const char *key, const uint8_t hash[RAST_HASH_LEN])
{
	char hex[2 * RAST_HASH_LEN + 1];

	(void)sodium_bin2hex(hex, sizeof(hex), hash, RAST_HASH_LEN);
	(void)json_object_set_new(obj, key, json_string(hex));
}

json_t *rast_version_json(const struct rast_version *v, bool with_body)
{
	json_t *o = json_object();

	(void)json_object_set_new(o, "key", json_string(v->key));
	(void)json_object_set_new(o, "version", json_integer((json_int_t)v->op));
	(void)json_object_set_new(o, "seq", json_integer((json_int_t)v->seq));
	(void)json_object_set_new(o, "previous", json_integer((json_int_t)v->prev_op));
	if (v->from_op)
		(void)json_object_set_new(o, "restores", json_integer((json_int_t)v->from_op));
	(void)json_object_set_new(o, "transaction", json_integer((json_int_t)v->txn));
	(void)json_object_set_new(o, "time", rast_json_time(v->time_ns));
	(void)json_object_set_new(o, "author", json_string(v->author));
	(void)json_object_set_new(o, "message", json_string(v->message));
	(void)json_object_set_new(o, "deleted", json_boolean(v->deleted));
	set_hex(o, "hash", v->hash);
	if (v->prev_op)
		set_hex(o, "previous_hash", v->prev_hash);
	if (with_body && v->body)
		(void)json_object_set(o, "body", v->body);
	return o;
}

char *rast_json_canonical(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}
