// SPDX-License-Identifier: BSD-2-Clause
/*
 * From bytes and their BTF to JSON; see btf_json.h. Needs no kernel: the BTF may be made by hand. A
 * type that is larger than the bytes that are there is never followed.
 */
#include "loader/btf_json.h"

#include <bpf/btf.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 32

struct decoder {
	const struct btf *btf;
	size_t limit;
};

static json_t *value(const struct decoder *d, uint32_t type, const uint8_t *p, size_t size,
		     int depth);

static json_t *hex(const uint8_t *p, size_t size)
{
	size_t n = size < 256 ? size : 256;
	char text[2 + 2 * 256 + sizeof("…")];

	(void)strcpy(text, "0x");
	for (size_t i = 0; i < n; i++)
		(void)sprintf(text + 2 + 2 * i, "%02x", p[i]);
	if (n < size)
		(void)strcat(text, "…");
	return json_string(text);
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return !size || (!p[0] && !memcmp(p, p + 1, size - 1));
}

/* `bits` at most 64 from bit `start` on, as little-endian machines lay them out. */
static uint64_t take_bits(const uint8_t *p, size_t start, size_t bits)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bits; i++)
		v |= (uint64_t)(p[(start + i) / 8] >> (start + i) % 8 & 1) << i;
	return v;
}

static int64_t sign_extend(uint64_t v, size_t bits)
{
	if (bits < 64 && v >> (bits - 1) & 1)
		v |= ~0ull << bits;
	return (int64_t)v;
}

static json_t *number(uint64_t v, size_t bits, bool is_signed)
{
	char text[32];

	if (is_signed)
		return json_integer(sign_extend(v, bits));
	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_string(text);
}

static json_t *enum_value(const struct btf *btf, const struct btf_type *t, uint64_t v, size_t bits)
{
	bool is_signed = btf_kflag(t);
	int n = btf_vlen(t);

	for (int i = 0; i < n; i++) {
		uint64_t have = btf_is_enum64(t) ? btf_enum64_value(&btf_enum64(t)[i])
						 : (uint64_t)(int64_t)btf_enum(t)[i].val;
		__u32 name = btf_is_enum64(t) ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;

		if (bits < 64)
			have &= (1ull << bits) - 1;
		if (have == v)
			return json_string(btf__name_by_offset(btf, name));
	}
	return number(v, bits, is_signed);
}

static const struct btf_type *resolve(const struct btf *btf, uint32_t type, uint32_t *ret)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	for (int i = 0; t && i < MAX_DEPTH; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_type_tag(t) && !btf_is_var(t))
			break;
		type = t->type;
		t = btf__type_by_id(btf, type);
	}
	*ret = type;
	return t;
}

static json_t *scalar(const struct decoder *d, const struct btf_type *t, const uint8_t *p,
		      size_t start, size_t bits)
{
	uint64_t v;

	if (!bits || bits > 64)
		return hex(p + start / 8, bits / 8);
	v = take_bits(p, start, bits);
	if (btf_is_any_enum(t))
		return enum_value(d->btf, t, v, bits);
	if (btf_int_encoding(t) & BTF_INT_BOOL)
		return json_boolean(v != 0);
	return number(v, bits, (btf_int_encoding(t) & BTF_INT_SIGNED) != 0);
}

static bool is_char(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	return btf_is_int(t) && t->size == 1 &&
	       ((btf_int_encoding(t) & BTF_INT_CHAR) || (name && !strcmp(name, "char")));
}

/* Up to the first NUL, if that is text; else what the bytes are. */
static json_t *string(const uint8_t *p, size_t size)
{
	size_t n = strnlen((const char *)p, size);
	json_t *s = json_stringn((const char *)p, n);

	return s ? s : hex(p, n);
}

static json_t *array(const struct decoder *d, const struct btf_type *t, const uint8_t *p,
		     size_t size, int depth)
{
	const struct btf_array *a = btf_array(t);
	uint32_t elem;
	const struct btf_type *et = resolve(d->btf, a->type, &elem);
	int64_t step = btf__resolve_size(d->btf, elem);
	json_t *list, *values;
	size_t nonzero = 0, left = 0;
	char index[16];

	if (!et || step <= 0 || (uint64_t)step * a->nelems > size)
		return hex(p, size);
	if (is_char(d->btf, et))
		return string(p, a->nelems);
	if (a->nelems <= RAST_BTF_SHORT_ARRAY) {
		list = json_array();
		for (uint32_t i = 0; i < a->nelems; i++)
			(void)json_array_append_new(
				list, value(d, elem, p + i * (size_t)step, (size_t)step, depth));
		return list;
	}
	values = json_object();
	for (uint32_t i = 0; i < a->nelems; i++) {
		const uint8_t *at = p + i * (size_t)step;

		if (is_zero(at, (size_t)step))
			continue;
		if (nonzero++ >= d->limit) {
			left++;
			continue;
		}
		(void)snprintf(index, sizeof(index), "%u", i);
		(void)json_object_set_new(values, index, value(d, elem, at, (size_t)step, depth));
	}
	return json_pack("{s:I, s:I, s:o, s:I}", "elements", (json_int_t)a->nelems, "nonzero",
			 (json_int_t)nonzero, "values", values, "left_out", (json_int_t)left);
}

static json_t *record(const struct decoder *d, const struct btf_type *t, const uint8_t *p,
		      size_t size, int depth)
{
	const struct btf_member *m = btf_members(t);
	json_t *obj = json_object();
	int n = btf_vlen(t);

	for (int i = 0; i < n; i++) {
		const char *name = btf__name_by_offset(d->btf, m[i].name_off);
		size_t off = btf_member_bit_offset(t, (__u32)i);
		size_t bits = btf_member_bitfield_size(t, (__u32)i);
		uint32_t type;
		const struct btf_type *mt = resolve(d->btf, m[i].type, &type);
		json_t *v;

		if (!mt || (off + bits + 7) / 8 > size)
			continue;
		if (bits) {
			if (name && *name)
				(void)json_object_set_new(obj, name, scalar(d, mt, p, off, bits));
			continue;
		}
		v = value(d, type, p + off / 8, size - off / 8, depth);
		if (name && *name) {
			(void)json_object_set_new(obj, name, v);
		} else {
			if (json_is_object(v))
				(void)json_object_update(obj, v);
			json_decref(v);
		}
	}
	return obj;
}

static json_t *value(const struct decoder *d, uint32_t type, const uint8_t *p, size_t size,
		     int depth)
{
	const struct btf_type *t = resolve(d->btf, type, &type);
	int64_t want = t ? btf__resolve_size(d->btf, type) : -1;
	double f8;
	float f4;

	if (want < 0 || (uint64_t)want > size || depth >= MAX_DEPTH)
		return hex(p, size);
	size = (size_t)want;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return scalar(d, t, p, btf_int_offset(t), btf_int_bits(t));
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return scalar(d, t, p, 0, size * 8);
	case BTF_KIND_ARRAY:
		return array(d, t, p, size, depth + 1);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return record(d, t, p, size, depth + 1);
	case BTF_KIND_FLOAT:
		if (size == sizeof(f8))
			memcpy(&f8, p, sizeof(f8));
		else if (size == sizeof(f4))
			memcpy(&f4, p, sizeof(f4)), f8 = (double)f4;
		else
			return hex(p, size);
		return isfinite(f8) ? json_real(f8) : hex(p, size);
	default:
		return hex(p, size);
	}
}

json_t *rast_btf_json(const struct btf *btf, uint32_t type, const void *data, size_t size,
		      size_t limit)
{
	const struct decoder d = {btf, limit};

	return btf && type ? value(&d, type, data, size, 0) : hex(data, size);
}

const char *rast_btf_type_name(const struct btf *btf, uint32_t type, char *buf, size_t size)
{
	const struct btf_type *t = btf ? btf__type_by_id(btf, type) : NULL;
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	buf[0] = '\0';
	if (!type || !name || !*name)
		return buf;
	(void)snprintf(buf, size, "%s%s",
		       btf_is_struct(t)     ? "struct "
		       : btf_is_union(t)    ? "union "
		       : btf_is_any_enum(t) ? "enum "
					    : "",
		       name);
	return buf;
}
