// SPDX-License-Identifier: BSD-2-Clause
/* Thresholds, back-off, phases, and HTTP answers of which not all are meant well. */
#include "node/probe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static void test_a_probe_begins_after_its_delay_and_then_once_a_period(void **state)
{
	const struct rast_pod_probe spec = {
		.initial_delay_s = 5, .period_s = 7, .failures = 1, .successes = 1};
	struct rast_probe p;

	(void)state;
	rast_probe_start(&p, &spec, false, 100 * SECOND);
	assert_int_equal(p.next_ns, 105 * SECOND);
	rast_probe_begin(&p, &spec, 200 * SECOND);
	assert_int_equal(p.next_ns, 207 * SECOND);
}

static void test_readiness_takes_as_many_successes_in_a_row_as_asked_for(void **state)
{
	const struct rast_pod_probe spec = {.period_s = 1, .failures = 2, .successes = 3};
	struct rast_probe p;

	(void)state;
	rast_probe_start(&p, &spec, false, 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
	assert_int_equal(rast_probe_result(&p, &spec, false), 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
	assert_false(p.ok);
	assert_int_equal(rast_probe_result(&p, &spec, true), 1);
	assert_true(p.ok);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
}

static void test_failures_in_a_row_are_told_once(void **state)
{
	const struct rast_pod_probe spec = {.period_s = 1, .failures = 2, .successes = 1};
	struct rast_probe p;

	(void)state;
	rast_probe_start(&p, &spec, true, 0);
	assert_int_equal(rast_probe_result(&p, &spec, false), 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 0);
	assert_int_equal(rast_probe_result(&p, &spec, false), 0);
	assert_int_equal(rast_probe_result(&p, &spec, false), -1);
	assert_false(p.ok);
	assert_int_equal(rast_probe_result(&p, &spec, false), 0);
	assert_int_equal(rast_probe_result(&p, &spec, true), 1);
}

static void test_http_answers_are_read_as_strictly_as_they_are_written(void **state)
{
	static const struct {
		const char *text;
		int want;
	} table[] = {
		{"HTTP/1.1 200 OK\r\n", 200},
		{"HTTP/1.0 399\r\n", 399},
		{"HTTP/1.1 503 \n", 503},
		{"HTTP/2.0 204\n", 204},
		{"", 0},
		{"H", 0},
		{"HTTP/1.1 20", 0},
		{"HTTP/1.1 200", 0}, /* 2000 could follow */
		{"HTTP/1.1 2000 ", -EBADMSG},
		{"HTTP/1.1 099 x", -EBADMSG},
		{"HTTP/1.1 600 x", -EBADMSG},
		{"HTTP/1.1 -20 x", -EBADMSG},
		{"HTTP/1.1  200 ", -EBADMSG},
		{"HTTP/11 200 OK", -EBADMSG},
		{"http/1.1 200 OK", -EBADMSG},
		{"SSH-2.0-x\r\n", -EBADMSG},
		{"\xff", -EBADMSG},
		{"\r\nHTTP/1.1 200 OK", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(rast_probe_http_status(table[i].text, strlen(table[i].text)),
				 table[i].want);
	assert_int_equal(rast_probe_http_status("HTTP/1.1 2\0000 OK", 15), -EBADMSG);
	assert_int_equal(rast_probe_http_status("HTTP/1.1 200 OK", 12), 0);
}

static void test_http_answers_are_never_read_past_what_has_come(void **state)
{
	static const char whole[] = "HTTP/1.1 200 OK\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *part = malloc(n + 1); /* its end is where a sanitizer would see more */

		assert_non_null(part);
		memcpy(part, whole, n);
		part[n] = '9';
		assert_int_equal(rast_probe_http_status(part, n), n < 13 ? 0 : 200);
		free(part);
	}
}

static void test_statuses_from_200_to_399_are_healthy(void **state)
{
	(void)state;
	assert_false(rast_probe_http_success(199));
	assert_true(rast_probe_http_success(200));
	assert_true(rast_probe_http_success(399));
	assert_false(rast_probe_http_success(400));
	assert_false(rast_probe_http_success(-EBADMSG));
}

static void test_the_request_names_path_and_host(void **state)
{
	char *text = rast_probe_http_request("/health?x=%n", "10.77.0.2", 8080);

	(void)state;
	assert_non_null(text);
	assert_true(strncmp(text, "GET /health?x=%n HTTP/1.0\r\nHost: 10.77.0.2:8080\r\n", 49) ==
		    0);
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	free(text);
}

static void
test_the_first_restart_is_at_once_and_the_next_ones_wait_up_to_five_minutes(void **state)
{
	static const unsigned int want[] = {0, 10, 20, 40, 80, 160, 300, 300, 300};
	struct rast_backoff b = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(rast_backoff_next(&b, SECOND), want[i]);
}

static void test_ten_minutes_of_running_are_forgiven_everything(void **state)
{
	struct rast_backoff b = {.delay_s = 160};

	(void)state;
	assert_int_equal(rast_backoff_next(&b, 600 * SECOND - 1), 160);
	assert_int_equal(rast_backoff_next(&b, 600 * SECOND), 0);
	assert_int_equal(rast_backoff_next(&b, 0), 10);
}

static void test_the_restart_policy_decides_by_the_exit_code(void **state)
{
	(void)state;
	assert_true(rast_restart_wanted(RAST_RESTART_ALWAYS, 0));
	assert_false(rast_restart_wanted(RAST_RESTART_ON_FAILURE, 0));
	assert_true(rast_restart_wanted(RAST_RESTART_ON_FAILURE, 1));
	assert_true(rast_restart_wanted(RAST_RESTART_ON_FAILURE, RAST_EXIT_UNKNOWN));
	assert_false(rast_restart_wanted(RAST_RESTART_NEVER, 1));
}

static void test_exit_codes_are_those_of_a_shell(void **state)
{
	(void)state;
	assert_int_equal(rast_exit_code(3 << 8), 3);
	assert_int_equal(rast_exit_code(0), 0);
	assert_int_equal(rast_exit_code(9), 137);
	assert_int_equal(rast_exit_code(0x80 | 11), 139);
}

static void test_a_pods_phase_follows_its_containers(void **state)
{
	(void)state;
	assert_string_equal(rast_pod_phase(1, 1, 0, 0), "Pending");
	assert_string_equal(rast_pod_phase(0, 1, 0, 1), "Running");
	assert_string_equal(rast_pod_phase(0, 0, 1, 1), "Running");
	assert_string_equal(rast_pod_phase(0, 0, 0, 1), "Failed");
	assert_string_equal(rast_pod_phase(0, 0, 0, 0), "Succeeded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_probe_begins_after_its_delay_and_then_once_a_period),
		cmocka_unit_test(test_readiness_takes_as_many_successes_in_a_row_as_asked_for),
		cmocka_unit_test(test_failures_in_a_row_are_told_once),
		cmocka_unit_test(test_http_answers_are_read_as_strictly_as_they_are_written),
		cmocka_unit_test(test_http_answers_are_never_read_past_what_has_come),
		cmocka_unit_test(test_statuses_from_200_to_399_are_healthy),
		cmocka_unit_test(test_the_request_names_path_and_host),
		cmocka_unit_test(
			test_the_first_restart_is_at_once_and_the_next_ones_wait_up_to_five_minutes),
		cmocka_unit_test(test_ten_minutes_of_running_are_forgiven_everything),
		cmocka_unit_test(test_the_restart_policy_decides_by_the_exit_code),
		cmocka_unit_test(test_exit_codes_are_those_of_a_shell),
		cmocka_unit_test(test_a_pods_phase_follows_its_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
