// SPDX-License-Identifier: BSD-2-Clause
/* The messages to and from criu, against bytes written out from the format's description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/criu_message.h"

#include <errno.h>
#include <string.h>

#define IS(m, text)                                                    \
	do {                                                           \
		assert_int_equal((m).len, sizeof(text) - 1);           \
		assert_memory_equal((m).data, text, sizeof(text) - 1); \
	} while (0)

static void test_numbers_are_varints(void **state)
{
	struct oci_message m = {0};

	(void)state;
	oci_message_int(&m, 1, 0);
	oci_message_int(&m, 2, 150);
	IS(m, "\x08\x00\x10\x96\x01");
	oci_message_finish(&m);
	oci_message_int(&m, OCI_CRIU_EMPTY_NS, 0x40000000);
	IS(m, "\xb0\x02\x80\x80\x80\x80\x04");
	oci_message_finish(&m);
	oci_message_int(&m, 1, -1);
	IS(m, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	oci_message_finish(&m);
}

static void test_texts_have_a_length(void **state)
{
	struct oci_message m = {0};
	char big[300];

	(void)state;
	oci_message_text(&m, OCI_CRIU_LOG_FILE, "a.log");
	oci_message_text(&m, OCI_CRIU_ROOT, NULL);
	oci_message_text(&m, OCI_CRIU_ROOT, "");
	oci_message_format(&m, OCI_CRIU_EXTERNAL, "mnt[%s]:%d", "/x", 7);
	IS(m, "\x52\x05"
	      "a.log"
	      "\x6a\x00"
	      "\xaa\x02\x09"
	      "mnt[/x]:7");
	oci_message_finish(&m);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	oci_message_text(&m, 1, big);
	assert_int_equal(m.len, 3 + 299);
	assert_memory_equal(m.data, "\x0a\xab\x02xx", 5);
	oci_message_finish(&m);
}

static void test_messages_nest(void **state)
{
	struct oci_message m = {0}, sub = {0};

	(void)state;
	oci_message_text(&sub, 1, "pipe:[7]");
	oci_message_int(&sub, 2, 1);
	oci_message_sub(&m, OCI_CRIU_INHERIT_FD, &sub);
	IS(m, "\xda\x01\x0c\x0a\x08pipe:[7]\x10\x01");
	oci_message_finish(&sub);
	oci_message_finish(&m);
}

static void test_a_failed_part_fails_the_whole(void **state)
{
	struct oci_message m = {0}, sub = {.failed = true};

	(void)state;
	oci_message_sub(&m, 2, &sub);
	assert_true(m.failed);
	oci_message_finish(&m);
}

#define PARSE(text, a) oci_criu_answer_parse(text, sizeof(text) - 1, a)

static void test_answers_are_read(void **state)
{
	struct oci_criu_answer a;

	(void)state;
	assert_int_equal(PARSE("\x08\x02\x10\x01\x22\x03\x08\xd2\x09", &a), 0);
	assert_int_equal(a.type, OCI_CRIU_RESTORE);
	assert_true(a.success);
	assert_int_equal(a.pid, 1234);
	assert_int_equal(PARSE("\x08\x06\x10\x01\x2a\x10\x0a\x0cpost-restore\x10\x07", &a), 0);
	assert_int_equal(a.type, OCI_CRIU_NOTIFY);
	assert_string_equal(a.script, "post-restore");
	assert_int_equal(a.pid, 7);
	assert_int_equal(PARSE("\x08\x01\x10\x00\x38\x16\x4a\x03why", &a), 0);
	assert_false(a.success);
	assert_int_equal(a.code, 22);
	assert_string_equal(a.text, "why");
	assert_int_equal(PARSE("\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01", &a), 0);
	assert_int_equal(a.major, 3);
	assert_int_equal(a.minor, 17);
	assert_int_equal(a.sublevel, 1);
}

static void test_unknown_fields_are_skipped(void **state)
{
	struct oci_criu_answer a;

	(void)state;
	/* Field 100 in each kind: varint, 64 bits, bytes, 32 bits. */
	assert_int_equal(PARSE("\xa0\x06\x01\xa1\x06"
			       "12345678\xa2\x06\x02xx\xa5\x06"
			       "1234\x08\x01\x10\x01",
			       &a),
			 0);
	assert_int_equal(a.type, OCI_CRIU_DUMP);
	assert_true(a.success);
}

static void test_broken_answers_are_refused(void **state)
{
	static const char whole[] = "\x08\x06\x10\x01\x2a\x10\x0a\x0cpost-restore\x10\x07";
	struct oci_criu_answer a = {.type = 99};
	size_t n;

	(void)state;
	/* Cut anywhere but between fields. */
	for (n = 0; n < sizeof(whole) - 1; n++)
		if (n != 2 && n != 4)
			assert_int_equal(oci_criu_answer_parse(whole, n, &a), -EBADMSG);
	assert_int_equal(PARSE("\x08\x01\x0b", &a), -EBADMSG); /* a group */
	assert_int_equal(PARSE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", &a), -EBADMSG);
	assert_int_equal(PARSE("\x08\x01\x4a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &a),
			 -EBADMSG);
	assert_int_equal(PARSE("\x10\x01", &a), -EBADMSG); /* no type */
	assert_int_equal(a.type, 99);
}

static void test_long_texts_are_cut(void **state)
{
	char text[2 + 3 + 1000] = "\x08\x06";
	struct oci_criu_answer a;

	(void)state;
	memcpy(text + 2, "\x4a\xe8\x07", 3);
	memset(text + 5, 'e', 1000);
	assert_int_equal(oci_criu_answer_parse(text, sizeof(text), &a), 0);
	assert_int_equal(strlen(a.text), sizeof(a.text) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_varints),
		cmocka_unit_test(test_texts_have_a_length),
		cmocka_unit_test(test_messages_nest),
		cmocka_unit_test(test_a_failed_part_fails_the_whole),
		cmocka_unit_test(test_answers_are_read),
		cmocka_unit_test(test_unknown_fields_are_skipped),
		cmocka_unit_test(test_broken_answers_are_refused),
		cmocka_unit_test(test_long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
