// SPDX-License-Identifier: BSD-2-Clause
/* Keys of the column families (store_priv.h lists them), and which item keys are allowed. */
#include "vector/store_priv.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static uint8_t *put_collection(uint8_t *p)
{
	uint32_t c = htobe32(COLLECTION_CONFIG);

	memcpy(p, &c, sizeof(c));
	return p + sizeof(c);
}

void rast_key_op(uint8_t buf[8], uint64_t op)
{
	op = htobe64(op);
	memcpy(buf, &op, sizeof(op));
}

size_t rast_key_item(uint8_t *buf, const char *key, size_t len)
{
	memcpy(put_collection(buf), key, len);
	return 4 + len;
}

size_t rast_key_version(uint8_t *buf, const char *key, size_t len, uint64_t op)
{
	size_t n = rast_key_item(buf, key, len);

	buf[n] = 0;
	rast_key_op(buf + n + 1, op);
	return n + 9;
}

void rast_key_vector(uint8_t buf[12], uint64_t op)
{
	rast_key_op(put_collection(buf), op);
}

uint64_t rast_key_tail_op(const void *key, size_t len)
{
	uint64_t op;

	memcpy(&op, (const uint8_t *)key + len - sizeof(op), sizeof(op));
	return be64toh(op);
}

int rast_key_check(const char *key, struct rast_err *err)
{
	size_t len = key ? strlen(key) : 0;
	json_t *utf8;

	if (!len)
		return rast_err_set(err, EINVAL, "a key must not be empty");
	if (len > RAST_KEY_MAX)
		return rast_err_set(err, EINVAL, "a key of %zu bytes; at most %u are allowed", len,
				    RAST_KEY_MAX);
	for (const char *p = key; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return rast_err_set(err, EINVAL, "a key must not have control characters");
	utf8 = json_string(key);
	if (!utf8)
		return rast_err_set(err, EINVAL, "a key must be UTF-8");
	json_decref(utf8);
	return 0;
}
