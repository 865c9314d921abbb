/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of a map, told by the map's BTF, as JSON: structs are objects (members without a name are
 * part of their parent), enums their names, arrays of char strings, numbers past 2^63-1 and those of
 * more than 64 bits strings. An array of up to RAST_BTF_SHORT_ARRAY elements is a JSON array, however
 * it is filled; a longer one is {"elements":N,"nonzero":N,"values":{"INDEX":…},"left_out":N} with what
 * is not zero. So the shape depends on the type, not on the contents.
 */
#ifndef RAST_LOADER_BTF_JSON_H
#define RAST_LOADER_BTF_JSON_H

#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct btf;

#define RAST_BTF_SHORT_ARRAY 32u

/*
 * A new value; bytes as "0x…" where the BTF is NULL or does not fit `size` bytes. `limit`: elements
 * shown of each long array. NULL when out of memory.
 */
json_t *rast_btf_json(const struct btf *btf, uint32_t type, const void *data, size_t size,
		      size_t limit);
/* "u32", "struct rast_container", …; "" when there is none. */
const char *rast_btf_type_name(const struct btf *btf, uint32_t type, char *buf, size_t size);

#endif
