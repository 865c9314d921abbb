// SPDX-License-Identifier: BSD-2-Clause
/* Helpers over jansson; see json.h. */
#include "base/json.h"

#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *rast_json_str(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

int64_t rast_json_int(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool rast_json_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

void rast_json_set_str(json_t *obj, const char *key, const char *value)
{
	if (value && *value)
		(void)json_object_set_new(obj, key, json_string(value));
}

json_t *rast_json_time(uint64_t realtime_ns)
{
	time_t sec = (time_t)(realtime_ns / 1000000000u);
	struct tm tm;
	char buf[64];

	(void)gmtime_r(&sec, &tm);
	(void)snprintf(buf, sizeof(buf), "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (unsigned int)(realtime_ns % 1000000000u / 1000u));
	return json_string(buf);
}

int rast_json_load(int dirfd, const char *path, json_t **ret, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t jerr;
	size_t len;
	json_t *v;
	int r;

	r = rast_read_file(dirfd, path, 64u << 20, &text, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	if (!v)
		return rast_err_at(err, EINVAL, path, jerr.line, jerr.column, NULL, "%s",
				   jerr.text);
	*ret = v;
	return 0;
}

int rast_json_store(int dirfd, const char *path, const json_t *value, int sync)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	return rast_replace_file(dirfd, path, text, strlen(text), 0600, sync);
}
