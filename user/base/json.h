/* SPDX-License-Identifier: BSD-2-Clause */
/* Small helpers over jansson: scope ownership and getters with a default. */
#ifndef RAST_BASE_JSON_H
#define RAST_BASE_JSON_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdint.h>

static inline void rast_json_decrefp(json_t **p)
{
	json_decref(*p);
}
#define _cleanup_json_ _cleanup_(rast_json_decrefp)

/* "" / 0 / false when the key is absent or of another type. The string belongs to the object. */
const char *rast_json_str(const json_t *obj, const char *key);
int64_t rast_json_int(const json_t *obj, const char *key);
bool rast_json_bool(const json_t *obj, const char *key);
/* Adds only when value is not NULL or "". */
void rast_json_set_str(json_t *obj, const char *key, const char *value);
/* "2026-01-02T03:04:05.678901Z" from nanoseconds since the epoch. */
json_t *rast_json_time(uint64_t realtime_ns);
/* Of a file. An applied set of some millions of rules has it. */
#define RAST_JSON_MAX_BYTES (512u << 20)
/* Reads and parses a JSON file; err names file, line and column. */
int rast_json_load(int dirfd, const char *path, json_t **ret, struct rast_err *err);
/* Serialised and put in place by rename. */
int rast_json_store(int dirfd, const char *path, const json_t *value, int sync);

#endif
