// SPDX-License-Identifier: BSD-2-Clause
/* The decoder of map contents on types made by hand: no kernel and no root needed. */
#include "loader/btf_json.h"

#include <bpf/btf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct types {
	struct btf *btf;
	int u8, u16, u32, u64, s32, ch, boolean, f64;
};

static int setup(void **state)
{
	static struct types t;

	t.btf = btf__new_empty();
	assert_non_null(t.btf);
	t.u8 = btf__add_int(t.btf, "u8", 1, 0);
	t.u16 = btf__add_int(t.btf, "u16", 2, 0);
	t.u32 = btf__add_int(t.btf, "u32", 4, 0);
	t.u64 = btf__add_int(t.btf, "u64", 8, 0);
	t.s32 = btf__add_int(t.btf, "int", 4, BTF_INT_SIGNED);
	t.ch = btf__add_int(t.btf, "char", 1, BTF_INT_SIGNED);
	t.boolean = btf__add_int(t.btf, "_Bool", 1, BTF_INT_BOOL);
	t.f64 = btf__add_float(t.btf, "double", 8);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	btf__free(((struct types *)*state)->btf);
	return 0;
}

static void is_json(const struct types *t, int type, const void *data, size_t size,
		    const char *want)
{
	json_t *v = rast_btf_json(t->btf, (uint32_t)type, data, size, 2);
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
	json_decref(v);
}

static int add_array(const struct types *t, int elem, uint32_t n)
{
	return btf__add_array(t->btf, t->u32, elem, n);
}

static void numbers_keep_their_sign_and_size(void **state)
{
	struct types *t = *state;
	double half = 0.5;

	is_json(t, t->u8, "\xff", 1, "255");
	is_json(t, t->s32, "\xfe\xff\xff\xff", 4, "-2");
	is_json(t, t->u32, "\xfe\xff\xff\xff", 4, "4294967294");
	is_json(t, t->u64, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, "9223372036854775807");
	is_json(t, t->u64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "\"18446744073709551615\"");
	is_json(t, t->boolean, "\1", 1, "true");
	is_json(t, t->f64, &half, 8, "0.5");
}

static void structs_bitfields_and_nameless_members_become_one_object(void **state)
{
	struct types *t = *state;
	int inner, outer;

	inner = btf__add_union(t->btf, "", 2);
	assert_false(btf__add_field(t->btf, "port", t->u16, 0, 0));
	outer = btf__add_struct(t->btf, "outer", 8);
	assert_false(btf__add_field(t->btf, "low", t->u32, 0, 3));
	assert_false(btf__add_field(t->btf, "high", t->s32, 3, 5));
	assert_false(btf__add_field(t->btf, "", inner, 32, 0));
	assert_false(btf__add_field(t->btf, "ok", t->boolean, 48, 0));
	/* low = 5, high = -1 in five bits */
	is_json(t, outer, "\xfd\0\0\0\x50\0\1\0", 8,
		"{\"low\":5,\"high\":-1,\"port\":80,\"ok\":true}");
}

static void enums_are_names_and_unknown_values_numbers(void **state)
{
	struct types *t = *state;
	int e, e64;

	e = btf__add_enum(t->btf, "verdict", 4);
	assert_false(btf__add_enum_value(t->btf, "DENY", 0));
	assert_false(btf__add_enum_value(t->btf, "ALLOW", 1));
	e64 = btf__add_enum64(t->btf, "big", 8, false);
	assert_false(btf__add_enum64_value(t->btf, "HUGE", 1ull << 40));
	is_json(t, e, "\1\0\0\0", 4, "\"ALLOW\"");
	is_json(t, e, "\7\0\0\0", 4, "7");
	is_json(t, e64, "\0\0\0\0\0\1\0\0", 8, "\"HUGE\"");
}

static void char_arrays_are_strings_and_other_bytes_are_not(void **state)
{
	struct types *t = *state;

	is_json(t, add_array(t, t->ch, 8), "nginx\0xx", 8, "\"nginx\"");
	is_json(t, add_array(t, t->ch, 4), "full", 4, "\"full\"");
	is_json(t, add_array(t, t->ch, 4), "\xff\xfe\0\0", 4, "\"0xfffe\"");
	is_json(t, add_array(t, t->u8, 3), "abc", 3, "[97,98,99]");
}

static void long_arrays_show_what_is_not_zero_and_count_the_rest(void **state)
{
	struct types *t = *state;
	uint16_t data[100] = {[3] = 7, [50] = 8, [99] = 9};

	is_json(t, add_array(t, t->u16, 100), data, sizeof(data),
		"{\"elements\":100,\"nonzero\":3,\"values\":{\"3\":7,\"50\":8},\"left_out\":1}");
	memset(data, 0, sizeof(data));
	is_json(t, add_array(t, t->u16, 100), data, sizeof(data),
		"{\"elements\":100,\"nonzero\":0,\"values\":{},\"left_out\":0}");
}

static void typedefs_and_qualifiers_are_looked_through(void **state)
{
	struct types *t = *state;
	int c = btf__add_const(t->btf, t->s32);
	int d = btf__add_typedef(t->btf, "pid_t", btf__add_volatile(t->btf, c));
	char name[64];

	is_json(t, d, "\xff\xff\xff\xff", 4, "-1");
	assert_string_equal(rast_btf_type_name(t->btf, (uint32_t)d, name, sizeof(name)), "pid_t");
	assert_string_equal(rast_btf_type_name(t->btf, 0, name, sizeof(name)), "");
}

static void a_type_larger_than_the_bytes_is_never_followed(void **state)
{
	struct types *t = *state;
	int s = btf__add_struct(t->btf, "wide", 16);

	assert_false(btf__add_field(t->btf, "a", t->u64, 64, 0));
	is_json(t, s, "\1\2\3\4", 4, "\"0x01020304\"");
	is_json(t, t->u64, "\1", 1, "\"0x01\"");
	is_json(t, add_array(t, t->u64, 4), "\1\2", 2, "\"0x0102\"");
	is_json(t, 9999, "\1\2", 2, "\"0x0102\"");
	is_json(t, 0, "\1\2", 2, "\"0x0102\"");
}

static void a_struct_that_holds_a_pointer_to_itself_ends(void **state)
{
	struct types *t = *state;
	int s = btf__add_struct(t->btf, "node", 16);
	int p = s + 1;
	uint64_t data[2] = {1, 5};

	assert_false(btf__add_field(t->btf, "next", p, 0, 0));
	assert_false(btf__add_field(t->btf, "n", t->u64, 64, 0));
	assert_int_equal(btf__add_ptr(t->btf, s), p);
	is_json(t, s, data, sizeof(data), "{\"next\":\"0x0100000000000000\",\"n\":5}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(numbers_keep_their_sign_and_size),
		T(structs_bitfields_and_nameless_members_become_one_object),
		T(enums_are_names_and_unknown_values_numbers),
		T(char_arrays_are_strings_and_other_bytes_are_not),
		T(long_arrays_show_what_is_not_zero_and_count_the_rest),
		T(typedefs_and_qualifiers_are_looked_through),
		T(a_type_larger_than_the_bytes_is_never_followed),
		T(a_struct_that_holds_a_pointer_to_itself_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
