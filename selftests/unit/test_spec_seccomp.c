// SPDX-License-Identifier: BSD-2-Clause
/* linux.seccomp of config.json: what is read, and what is said of what cannot be. */
#include "container/seccomp_profile.h"
#include "oci/plan.h"
#include "oci/spec.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *seccomp, struct rast_oci_spec **ret, struct rast_err *err)
{
	char *text;
	int r;

	assert_true(asprintf(&text,
			     "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
			     "\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":%s}}",
			     seccomp) > 0);
	r = rast_oci_spec_parse("config.json", text, strlen(text), ret, err);
	free(text);
	return r;
}

static void test_a_profile_is_read_whole(void **state)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	const struct rast_seccomp_profile *p;
	struct rast_err err = {0};

	(void)state;
	if (parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		  "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\",\"SCMP_ARCH_S390X\"],"
		  "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],"
		  "\"listenerPath\":\"/run/l\",\"listenerMetadata\":\"m\",\"syscalls\":["
		  "{\"names\":[\"read\",\"not_yet\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		  "{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_NOTIFY\"},"
		  "{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":0},"
		  "{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\"},"
		  "{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":65535},"
		  "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		  "{\"index\":5,\"value\":18446744073709551615,\"valueTwo\":3,"
		  "\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}",
		  &spec, &err) < 0)
		fail_msg("%s: %s", err.field, err.text);
	p = spec->seccomp;
	assert_non_null(p);
	assert_int_equal(p->default_action, SECCOMP_RET_ERRNO | 38);
	assert_int_equal(p->n_archs, 3);
	assert_int_equal(p->archs[0], AUDIT_ARCH_X86_64);
	assert_int_equal(p->archs[1], AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32);
	assert_int_equal(p->archs[2], 0);
	assert_int_equal(p->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_string_equal(p->listener_path, "/run/l");
	assert_string_equal(p->listener_metadata, "m");
	assert_int_equal(p->n_calls, 6);
	assert_int_equal(p->calls[0].n_names, 2);
	assert_string_equal(p->calls[0].names[1], "not_yet");
	assert_int_equal(p->calls[0].action, SECCOMP_RET_ALLOW);
	assert_int_equal(p->calls[1].action, SECCOMP_RET_USER_NOTIF);
	assert_int_equal(p->calls[2].action, SECCOMP_RET_ERRNO);
	assert_int_equal(p->calls[3].action, SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(p->calls[4].action, SECCOMP_RET_TRACE | 65535);
	assert_int_equal(p->calls[5].n_args, 1);
	assert_int_equal(p->calls[5].args[0].index, 5);
	assert_int_equal(p->calls[5].args[0].op, RAST_SECCOMP_MASKED_EQ);
	assert_true(p->calls[5].args[0].value == ~0ull);
	assert_true(p->calls[5].args[0].value_two == 3);
	assert_true(rast_seccomp_profile_notifies(p));
}

#define CALL(rest) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{" rest "}]}"
#define ARG(rest) CALL("\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{" rest "}]")

static void test_what_cannot_be_is_named_by_its_field(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{"[]", "linux.seccomp"},
		{"{}", "linux.seccomp"},
		{"{\"defaultAction\":\"ALLOW\"}", "linux.seccomp.defaultAction"},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "linux.seccomp.defaultAction"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		 "linux.seccomp.defaultErrnoRet"},
		{"{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":65536}",
		 "linux.seccomp.defaultErrnoRet"},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"architectures\":[\"SCMP_ARCH_X86\",\"PDP11\"]}",
		 "linux.seccomp.architectures[1]"},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"architectures\":\"SCMP_ARCH_X86\"}",
		 "linux.seccomp.architectures"},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"flags\":[\"SECCOMP_FILTER_FLAG_NEW\"]}",
		 "linux.seccomp.flags[0]"},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"listenerMetadata\":\"x\"}",
		 "linux.seccomp.listenerMetadata"},
		{CALL("\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\""),
		 "linux.seccomp.listenerPath"},
		{CALL("\"names\":[],\"action\":\"SCMP_ACT_ALLOW\""),
		 "linux.seccomp.syscalls[0].names"},
		{CALL("\"action\":\"SCMP_ACT_ALLOW\""), "linux.seccomp.syscalls[0]"},
		{CALL("\"names\":[\"read\"]"), "linux.seccomp.syscalls[0]"},
		{CALL("\"names\":[\"read\"],\"action\":7"), "linux.seccomp.syscalls[0].action"},
		{CALL("\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5000"),
		 "linux.seccomp.syscalls[0].errnoRet"},
		{CALL("\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1"),
		 "linux.seccomp.syscalls[0].errnoRet"},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"defaultErrnoRet\":1}",
		 "linux.seccomp.defaultErrnoRet"},
		{ARG("\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\""),
		 "linux.seccomp.syscalls[0].args[0].index"},
		{ARG("\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\""),
		 "linux.seccomp.syscalls[0].args[0].value"},
		{ARG("\"index\":0,\"value\":1,\"op\":\"EQ\""),
		 "linux.seccomp.syscalls[0].args[0].op"},
		{ARG("\"index\":0,\"value\":1"), "linux.seccomp.syscalls[0].args[0]"},
		{ARG("\"value\":1,\"op\":\"SCMP_CMP_EQ\""), "linux.seccomp.syscalls[0].args[0]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
		struct rast_err err = {0};

		if (parse(rows[i].text, &spec, &err) >= 0)
			fail_msg("row %zu was taken: %s", i, rows[i].text);
		if (strcmp(err.field, rows[i].field) != 0)
			fail_msg("row %zu: at \"%s\" (%s), not at \"%s\"", i, err.field, err.text,
				 rows[i].field);
		assert_true(err.text[0]);
	}
}

static void test_each_name_leads_to_its_value_and_back(void **state)
{
	static const struct rast_seccomp_name *const lists[] = {
		rast_seccomp_actions, rast_seccomp_archs, rast_seccomp_ops, rast_seccomp_flags};

	(void)state;
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++)
		for (const struct rast_seccomp_name *n = lists[l]; n->name; n++) {
			const char *back = rast_seccomp_name_of(lists[l], n->value);

			assert_ptr_equal(rast_seccomp_name_find(lists[l], n->name), n);
			assert_non_null(back);
			assert_int_equal(rast_seccomp_name_find(lists[l], back)->value, n->value);
		}
	assert_null(rast_seccomp_name_find(rast_seccomp_ops, "SCMP_CMP"));
	assert_string_equal(rast_seccomp_name_of(rast_seccomp_actions, SECCOMP_RET_ERRNO | 38),
			    "SCMP_ACT_ERRNO");
	assert_null(rast_seccomp_name_of(rast_seccomp_actions, 0x12340000));
}

static void test_a_plan_gets_the_program_and_the_flags(void **state)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL, *without = NULL;
	struct rast_err err = {0};
	struct oci_plan plan;
	static const struct {
		const char *text;
		unsigned int flags;
	} rows[] = {
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", 0},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
		 "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
		 1u << 5},
	};

	(void)state;
	assert_int_equal(parse("{\"defaultAction\":\"SCMP_ACT_ALLOW\","
			       "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]}",
			       &spec, &err),
			 0);
	oci_plan_init(&plan);
	assert_int_equal(oci_plan_filter(&plan, spec, &err), 0);
	assert_non_null(plan.launch.filter);
	assert_true(plan.launch.filter_len > 0);
	assert_int_equal(plan.launch.filter_flags, SECCOMP_FILTER_FLAG_LOG);
	oci_plan_finish(&plan);
	assert_null(plan.launch.filter);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_oci_spec_ struct rast_oci_spec *one = NULL;

		assert_int_equal(parse(rows[i].text, &one, &err), 0);
		oci_plan_init(&plan);
		assert_int_equal(oci_plan_filter(&plan, one, &err), 0);
		assert_int_equal(plan.launch.filter_flags, rows[i].flags);
		oci_plan_finish(&plan);
	}
	assert_int_equal(parse("null", &without, &err), 0);
	oci_plan_init(&plan);
	assert_int_equal(oci_plan_filter(&plan, without, &err), 0);
	assert_null(plan.launch.filter);
	oci_plan_finish(&plan);
}

/* A rule for each of 3,000 constants cannot be told apart in fewer comparisons than a kernel takes. */
static void test_a_program_that_no_kernel_takes_is_refused(void **state)
{
	static struct rast_seccomp_call calls[3000];
	static struct rast_seccomp_arg args[3000];
	const char *const name = "read";
	const struct rast_seccomp_profile p = {
		.default_action = SECCOMP_RET_ALLOW, .calls = calls, .n_calls = 3000};
	struct rast_seccomp_filter f = {0};
	struct rast_err err = {0};

	(void)state;
	for (size_t i = 0; i < 3000; i++) {
		args[i] = (struct rast_seccomp_arg){(unsigned int)i % 6, RAST_SECCOMP_EQ,
						    0x100000001ull * (i * 7919 + 1), 0};
		calls[i] = (struct rast_seccomp_call){&name, 1, SECCOMP_RET_TRAP, &args[i], 1};
	}
	assert_int_equal(rast_seccomp_profile_compile(&p, &f, &err), -E2BIG);
	assert_non_null(strstr(err.text, "4096"));
	assert_null(f.insns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_profile_is_read_whole),
		cmocka_unit_test(test_what_cannot_be_is_named_by_its_field),
		cmocka_unit_test(test_each_name_leads_to_its_value_and_back),
		cmocka_unit_test(test_a_plan_gets_the_program_and_the_flags),
		cmocka_unit_test(test_a_program_that_no_kernel_takes_is_refused),
	};

	return cmocka_run_group_tests_name("spec_seccomp", tests, NULL, NULL);
}
