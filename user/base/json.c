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
	uint64_t sec = realtime_ns / 1000000000u, days = sec / 86400 + 719468;
	uint64_t era = days / 146097, doe = days % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned int month = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);
	char buf[64];

	/*
	 * Not gmtime_r(): it reads /etc/localtime first, which this has no use for. Days are counted from
	 * 0000-03-01, so that the leap day is a year's last and months are 153 days in five.
	 */
	(void)snprintf(buf, sizeof(buf), "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
		       (unsigned int)(yoe + era * 400 + (month <= 2)), month,
		       (unsigned int)(doy - (153 * mp + 2) / 5 + 1),
		       (unsigned int)(sec % 86400 / 3600), (unsigned int)(sec % 3600 / 60),
		       (unsigned int)(sec % 60), (unsigned int)(realtime_ns % 1000000000u / 1000u));
	return json_string(buf);
}

int rast_json_load(int dirfd, const char *path, json_t **ret, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t jerr;
	size_t len;
	json_t *v;
	int r;

	r = rast_read_file(dirfd, path, RAST_JSON_MAX_BYTES, &text, &len);
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
