// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's reader of DNS messages (bpf/lib/dns.bpf.h), compiled for user space. */
#include "selftests/lib/bpf_native.h"

#include "bpf/lib/dns.bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 0x1234567890abcdefull

static struct dns_scratch s;

static void put(const void *bytes, size_t n)
{
	assert_true(s.len + n <= sizeof(s.msg));
	memcpy(s.msg + s.len, bytes, n);
	s.len += (__u32)n;
}

static void put16(unsigned int v)
{
	put((uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void put_name(const char *dotted)
{
	while (*dotted) {
		size_t n = strcspn(dotted, ".");

		put((uint8_t[]){(uint8_t)n}, 1);
		put(dotted, n);
		dotted += n + (dotted[n] == '.');
	}
	put("", 1);
}

static void header(unsigned int flags, unsigned int questions, unsigned int answers)
{
	memset(&s, 0x5a, sizeof(s));
	s.len = 0;
	put("\x12\x34", 2);
	put16(flags);
	put16(questions);
	put16(answers);
	put16(0);
	put16(0);
}

static void ask(const char *dotted, unsigned int type)
{
	put_name(dotted);
	put16(type);
	put16(1);
}

static void record(const void *name, size_t name_len, unsigned int type, uint32_t ttl,
		   const void *data, size_t n)
{
	put(name, name_len);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16((unsigned int)n);
	put(data, n);
}

static int question(int is_answer)
{
	return dns_question(&s, SEED, is_answer);
}

/* A query as glibc sends it, with an EDNS record. */
static void test_query_is_read(void **state)
{
	static const uint8_t want[] = "\3api\7example\3com";

	(void)state;
	header(0x0100, 1, 0);
	s.msg[11] = 1; /* additional records */
	ask("api.example.com", 1);
	put("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	assert_int_equal(question(0), RAST_DNS_OK);
	assert_int_equal(s.name_len, sizeof(want));
	assert_memory_equal(s.key + 8, want, sizeof(want));
	assert_int_equal(s.n_labels, 4);
	assert_int_equal(s.label_at[0], 0);
	assert_int_equal(s.label_at[1], 4);
	assert_int_equal(s.label_at[2], 12);
	assert_int_equal(s.label_at[3], 16);
	assert_int_equal(s.type, 1);
	assert_memory_equal(&s.id, "\x12\x34", 2);
	for (size_t i = 8 + sizeof(want); i < sizeof(s.key); i++)
		assert_int_equal(s.key[i], 0);
}

static void test_case_does_not_matter(void **state)
{
	__u64 hash;

	(void)state;
	header(0x0100, 1, 0);
	ask("api.example.com", 1);
	assert_int_equal(question(0), RAST_DNS_OK);
	hash = s.hash;
	header(0x8180, 1, 0);
	ask("aPi.EXAMPLE.cOm", 1);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(s.hash, hash);
	assert_memory_equal(s.key + 8, "\3api\7example\3com", 17);
	header(0x8180, 1, 0);
	ask("api.example.con", 1);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_not_equal(s.hash, hash);
	/* Dots within a label are no borders of labels, and @ and [ stand beside the letters. */
	header(0x0100, 1, 0);
	put("\x0c@[pi.example\3com", 18);
	put16(1);
	put16(1);
	assert_int_equal(question(0), RAST_DNS_OK);
	assert_int_equal(s.n_labels, 3);
	assert_memory_equal(s.key + 8, "\x0c@[pi.example\3com", 18);
}

static void test_root_is_a_name(void **state)
{
	(void)state;
	header(0x0100, 1, 0);
	ask("", 2);
	assert_int_equal(question(0), RAST_DNS_OK);
	assert_int_equal(s.name_len, 1);
	assert_int_equal(s.n_labels, 1);
	assert_int_equal(s.label_at[0], 0);
}

static void test_longest_name(void **state)
{
	char name[300] = "";

	(void)state;
	for (int i = 0; i < 127; i++)
		strcat(name, i ? ".a" : "a");
	header(0x0100, 1, 0);
	ask(name, 1);
	assert_int_equal(question(0), RAST_DNS_OK);
	assert_int_equal(s.name_len, 255);
	assert_int_equal(s.n_labels, 128);
	strcat(name, ".a");
	header(0x0100, 1, 0);
	ask(name, 1);
	assert_int_equal(question(0), RAST_DNS_MALFORMED);
	assert_int_equal(s.name_len, 0);
}

static void test_broken_questions(void **state)
{
	static const struct {
		unsigned int flags, n_questions, n_answers;
		const char *name;
		size_t len;
	} bad[] = {
		{0x8000, 1, 0, "\1a\0\0\1\0\1", 7}, /* an answer */
		{0x2800, 1, 0, "\1a\0\0\1\0\1", 7}, /* UPDATE */
		{0x0100, 0, 0, "\1a\0\0\1\0\1", 7},
		{0x0100, 2, 0, "\1a\0\0\1\0\1\1b\0\0\1\0\1", 14},
		{0x0100, 1, 1, "\1a\0\0\1\0\1", 7},
		{0x0100, 1, 0, "\1a\0\0\1\0\3", 7}, /* CHAOS */
		{0x0100, 1, 0, "\1a\0\0\1\0", 6},
		{0x0100, 1, 0, "\1a\0", 3},
		{0x0100, 1, 0, "\1a", 2},
		{0x0100, 1, 0, "", 0},
		{0x0100, 1, 0, "\xc0\x0c\0\1\0\1", 6},    /* points to itself */
		{0x0100, 1, 0, "\1a\xc0\x0c\0\1\0\1", 8}, /* a loop */
		{0x0100, 1, 0, "\x40\0\0\1\0\1", 6},      /* a label of 64 */
		{0x0100, 1, 0, "\x80\0\0\1\0\1", 6},
		{0x0100, 1, 0, "\x3fonly a few bytes\0\0\1\0\1", 22},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header(bad[i].flags, bad[i].n_questions, bad[i].n_answers);
		put(bad[i].name, bad[i].len);
		if (question(0) != RAST_DNS_MALFORMED)
			fail_msg("row %zu was taken", i);
	}
	for (__u32 len = 0; len < DNS_HEADER; len++) {
		header(0x0100, 1, 0);
		s.len = len;
		assert_int_equal(question(0), RAST_DNS_MALFORMED);
	}
	/* The other way round: a query where an answer is wanted. */
	header(0x0100, 1, 0);
	ask("a", 1);
	assert_int_equal(question(1), RAST_DNS_MALFORMED);
}

/* api → CNAME lb.example.net → two A, one AAAA; a TXT between. */
static void test_addresses_behind_an_alias(void **state)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};

	(void)state;
	header(0x8180, 1, 5);
	ask("api.example.com", 1);
	record("\xc0\x0c", 2, 5, 30, "\2lb\7example\3net", 16);
	record("\2lb\7example\3net", 16, 1, 300, "\xc0\0\2\1", 4);
	record("\2LB\xc0\x30", 5, 1, 0x01020304, "\xc0\0\2\2", 4);
	record("\xc0\x2b", 2, 16, 5, "\4text", 5);
	record("\xc0\x2b", 2, 28, 60, v6, 16);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), 0);
	assert_int_equal(s.n_found, 3);
	assert_memory_equal(s.found[0].addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	assert_int_equal(s.found[0].ttl, 300);
	assert_memory_equal(s.found[1].addr + 12, "\xc0\0\2\2", 4);
	assert_int_equal(s.found[1].ttl, 0x01020304);
	assert_memory_equal(s.found[2].addr, v6, 16);
	assert_int_equal(s.at, s.len);
}

static void test_records_that_are_no_addresses(void **state)
{
	(void)state;
	header(0x8180, 1, 3);
	ask("a", 1);
	record("\xc0\x0c", 2, 1, 9, "\1\2\3", 3);    /* A of three bytes */
	record("\xc0\x0c", 2, 28, 9, "\1\2\3\4", 4); /* AAAA of four */
	record("\xc0\x0c", 2, 1, 9, "\1\2\3\4", 4);
	s.msg[s.len - 12] = 3; /* of another class */
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), 0);
	assert_int_equal(s.n_found, 0);
}

/* What stands before the break was found. */
static void test_cut_short(void **state)
{
	(void)state;
	header(0x8180, 1, 2);
	ask("a", 1);
	record("\xc0\x0c", 2, 1, 9, "\1\2\3\4", 4);
	record("\xc0\x0c", 2, 1, 9, "\1\2\3\4", 4);
	for (__u32 whole = s.len, len = whole - 1; len >= whole - 16; len--) {
		s.len = len;
		assert_int_equal(question(1), RAST_DNS_OK);
		assert_int_equal(dns_addresses(&s), -1);
		assert_int_equal(s.n_found, 1);
	}
	/* More records promised than there are; and a name that is none. */
	header(0x8180, 1, 2);
	ask("a", 1);
	record("\xc0\x0c", 2, 1, 9, "\1\2\3\4", 4);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), -1);
	put("\x7f", 1);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), -1);
	/* The length of a record leads beyond the end. */
	header(0x8180, 1, 1);
	ask("a", 1);
	record("\xc0\x0c", 2, 1, 9, "\1\2\3\4", 4);
	s.msg[s.len - 6] = 0xff;
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), -1);
	assert_int_equal(s.n_found, 0);
}

static void test_many_answers(void **state)
{
	(void)state;
	header(0x8180, 1, 200);
	ask("a", 1);
	for (int i = 0; i < 200; i++)
		record("\xc0\x0c", 2, 1, 9, (uint8_t[]){10, 0, 0, (uint8_t)i}, 4);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), 0);
	assert_int_equal(s.n_found, RAST_DNS_MAX_ADDRESSES);
	assert_int_equal(s.left_out, 200 - RAST_DNS_MAX_ADDRESSES);
	assert_memory_equal(s.found[63].addr + 12, "\x0a\0\0\x3f", 4);
	/* A name of 127 labels for each record: more steps than there are. */
	header(0x8180, 1, 16);
	ask("a", 1);
	for (int i = 0; i < 15; i++) {
		uint8_t name[255];

		for (int k = 0; k < 254; k += 2) {
			name[k] = 1;
			name[k + 1] = 'x';
		}
		name[254] = 0;
		record(name, 255, 1, 9, "\1\2\3\4", 4);
	}
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), -1);
	assert_true(s.n_found > 0 && s.n_found < 15);
}

static void test_no_answers(void **state)
{
	(void)state;
	header(0x8183, 1, 0); /* NXDOMAIN */
	ask("a", 1);
	assert_int_equal(question(1), RAST_DNS_OK);
	assert_int_equal(dns_addresses(&s), 0);
	assert_int_equal(s.n_found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query_is_read),
		cmocka_unit_test(test_case_does_not_matter),
		cmocka_unit_test(test_root_is_a_name),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_broken_questions),
		cmocka_unit_test(test_addresses_behind_an_alias),
		cmocka_unit_test(test_records_that_are_no_addresses),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_many_answers),
		cmocka_unit_test(test_no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
