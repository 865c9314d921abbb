// SPDX-License-Identifier: BSD-2-Clause
/* Accounted figures: their split, rates, names, and a frame of `account top` at several widths. */
#include "account/account.h"
#include "account/account_top.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static void cpu_is(uint64_t sum, uint64_t user, uint64_t system, uint64_t want_user,
		   uint64_t want_system)
{
	struct rast_account a = {.cpu_usage_ns = sum, .cpu_user_ns = user, .cpu_system_ns = system};
	uint64_t u, s;

	rast_account_cpu(&a, &u, &s);
	assert_int_equal(u, want_user);
	assert_int_equal(s, want_system);
	assert_int_equal(u + s, sum);
}

static void sampled_cpu_time_is_scaled_to_the_exact_sum(void **state)
{
	cpu_is(0, 0, 0, 0, 0);
	cpu_is(1000, 0, 0, 1000, 0); /* no tick has fallen on it yet */
	cpu_is(1000, 0, 4, 0, 1000);
	cpu_is(1000, 4, 0, 1000, 0);
	cpu_is(1000, 3000, 1000, 750, 250);
	/* A year of a hundred CPUs: the product does not fit 64 bits. */
	cpu_is(31557600ull * 100 * SECOND, 1ull << 54, 1ull << 54, 31557600ull * 50 * SECOND,
	       31557600ull * 50 * SECOND);
}

static struct rast_account_sample sample(uint64_t time_ns, uint64_t by)
{
	struct rast_account a = {
		.cpu_usage_ns = by * SECOND / 4, .rx_bytes = by * 1000, .tx_bytes = by * 500};
	struct rast_syscalls s = {.count = {[0] = by * 7, [RAST_SYSCALL_OTHER] = by * 3}};
	struct rast_account_sample ret;

	a.execs = by * 2;
	rast_account_sample(&a, &s, time_ns, &ret);
	return ret;
}

static void rates_are_a_second(void **state)
{
	struct rast_account_sample before = sample(SECOND, 1), now = sample(3 * SECOND, 5);
	_cleanup_json_ json_t *obj = json_object();
	_cleanup_free_ char *text = NULL;

	rast_account_rates(&before, &now, obj);
	text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"cpu_percent\":50.0,\"execs_s\":4,\"net_rx_bytes_s\":2000,"
				  "\"net_tx_bytes_s\":1000,\"syscalls_s\":20}");
}

static void more_than_one_cpu_is_more_than_a_hundred_percent(void **state)
{
	struct rast_account_sample before = sample(SECOND, 0), now = sample(2 * SECOND, 10);
	_cleanup_json_ json_t *obj = json_object();

	rast_account_rates(&before, &now, obj);
	assert_true(json_real_value(json_object_get(obj, "cpu_percent")) == 250.0);
}

static void no_rates_of_one_moment_or_of_counters_that_went_back(void **state)
{
	struct rast_account_sample a = sample(SECOND, 5), b = sample(SECOND, 6),
				   c = sample(2 * SECOND, 4), d = sample(SECOND / 2, 6);
	_cleanup_json_ json_t *obj = json_object();

	rast_account_rates(&a, &b, obj);
	rast_account_rates(&a, &c, obj);
	rast_account_rates(&a, &d, obj);
	assert_int_equal(json_object_size(obj), 0);
}

static void system_calls_have_names(void **state)
{
	char buf[64];

	assert_string_equal(rast_account_syscall_name(0, buf, sizeof(buf)), "read");
	assert_string_equal(rast_account_syscall_name(59, buf, sizeof(buf)), "execve");
	assert_string_equal(rast_account_syscall_name(257, buf, sizeof(buf)), "openat");
	assert_string_equal(rast_account_syscall_name(RAST_SYSCALL_OTHER, buf, sizeof(buf)),
			    "other");
	assert_string_equal(rast_account_syscall_name(400, buf, sizeof(buf)), "#400");
}

static void the_most_used_calls_come_first_and_equal_ones_by_number(void **state)
{
	struct rast_syscalls s = {.count = {[3] = 5, [1] = 5, [500] = 9, [7] = 1}};
	struct rast_account_top top[8];

	assert_int_equal(rast_account_top(&s, top, 8), 4);
	assert_int_equal(top[0].nr, 500);
	assert_int_equal(top[1].nr, 1);
	assert_int_equal(top[2].nr, 3);
	assert_int_equal(top[3].nr, 7);
	assert_int_equal(rast_account_top(&s, top, 2), 2);
	assert_int_equal(rast_account_calls(&s), 20);
	assert_int_equal(rast_account_calls(NULL), 0);
}

static void figures_as_json_say_where_memory_comes_from(void **state)
{
	struct rast_account a = {.mem_bytes = 1, .flags = RAST_ACCOUNT_CPU};
	static const struct {
		unsigned int flag;
		const char *want;
	} rows[] = {
		{0, "none"}, {RAST_ACCOUNT_MEM_V1, "cgroup1"}, {RAST_ACCOUNT_MEM_V2, "cgroup2"}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ json_t *obj = NULL;

		a.flags = RAST_ACCOUNT_CPU | rows[i].flag;
		obj = rast_account_json(&a, NULL);
		assert_string_equal(rast_json_str(obj, "mem_source"), rows[i].want);
		assert_int_equal(rast_json_int(obj, "syscalls"), 0);
	}
}

/* ---- top ---- */

static json_t *table(void)
{
	json_t *rows = json_loads(
		"[{\"name\":\"shop/web/main\",\"cpu_percent\":12.5,\"mem_bytes\":1536,"
		"\"mem_peak_bytes\":2097152,\"tasks\":3,\"net_rx_bytes_s\":10,"
		"\"net_tx_bytes_s\":2048,\"syscalls_s\":1500,\"execs_s\":0,\"cpu_ns\":1500000,"
		"\"net_rx_bytes\":1,\"net_tx_bytes\":2,\"syscall_errors\":4},"
		"{\"name\":\"shop/db/main\",\"cpu_percent\":99.0,\"mem_bytes\":1024,\"tasks\":1},"
		"{\"name\":\"a-namespace-with-a-long-name/and-its-pod/main\","
		"\"cpu_percent\":0.0,\"mem_bytes\":5}]",
		0, NULL);

	assert_non_null(rows);
	return rows;
}

static void frame_is(const struct rast_top *top, const char *want)
{
	_cleanup_json_ json_t *rows = table();
	_cleanup_free_ char *frame = rast_top_frame(top, rows, "12:00:01");

	assert_non_null(frame);
	assert_string_equal(frame, want);
}

static void a_wide_frame_has_every_column(void **state)
{
	frame_is(&(struct rast_top){.columns = 140},
		 "rastOS 12:00:01  3 containers  by cpu   q quit, c m n s a order, r reverse\n"
		 "CONTAINER                          CPU%      MEM     PEAK    TASKS     RX/s"
		 "     TX/s   CALL/s   EXEC/s      CPU       RX       TX   ERRORS\n"
		 "shop/db/main                       99.0     1.0K        -        1        -"
		 "        -        -        -        -        -        -        -\n"
		 "shop/web/main                      12.5     1.5K     2.0M        3       10"
		 "     2.0K     1.5k        0    1.5ms        1        2        4\n"
		 "~-a-long-name/and-its-pod/main      0.0        5        -        -        -"
		 "        -        -        -        -        -        -        -\n");
}

static void a_narrow_frame_leaves_columns_out(void **state)
{
	frame_is(&(struct rast_top){.columns = 48},
		 "rastOS 12:00:01  3 containers  by cpu   q quit, \n"
		 "CONTAINER                          CPU%      MEM\n"
		 "shop/db/main                       99.0     1.0K\n"
		 "shop/web/main                      12.5     1.5K\n"
		 "~-a-long-name/and-its-pod/main      0.0        5\n");
}

/* Every line of any width fits, and so does the number of lines. */
static void no_line_is_wider_than_the_terminal(void **state)
{
	_cleanup_json_ json_t *rows = table();
	int columns, lines;

	for (columns = 1; columns < 160; columns++)
		for (lines = 3; lines < 7; lines++) {
			struct rast_top top = {.columns = columns, .lines = lines};
			_cleanup_free_ char *frame = rast_top_frame(&top, rows, "12:00:01");
			char *p, *end;
			int n = 0;

			assert_non_null(frame);
			for (p = frame; (end = strchr(p, '\n')); p = end + 1, n++) {
				if (strstr(p, "… ") == p)
					continue;
				assert_true(end - p <= columns);
			}
			assert_int_equal(n, lines < 5 ? lines : 5);
		}
}

static const char *order(const struct rast_top *top)
{
	static char text[200];
	_cleanup_json_ json_t *rows = table(), *sorted = rast_top_sorted(top, rows);
	json_t *row;
	size_t i, n = 0;

	json_array_foreach(sorted, i, row)
		text[n++] = rast_json_str(row, "name")[strlen("shop/")];
	text[n] = '\0';
	return text;
}

/* The fifth letters: w of web, d of db, e of the long name. */
static void keys_choose_the_order(void **state)
{
	struct rast_top top = {0};

	assert_string_equal(order(&top), "dwe");
	assert_true(rast_top_key(&top, 'm'));
	assert_string_equal(order(&top), "wde");
	assert_true(rast_top_key(&top, 'n'));
	assert_string_equal(order(&top), "wed"); /* equal ones by name */
	assert_true(rast_top_key(&top, 's'));
	assert_string_equal(order(&top), "wed");
	assert_true(rast_top_key(&top, 'a'));
	assert_string_equal(order(&top), "edw");
	assert_true(rast_top_key(&top, 'r'));
	assert_string_equal(order(&top), "wde");
	assert_false(rast_top_key(&top, 'x'));
}

static void names_from_containers_cannot_move_the_cursor(void **state)
{
	_cleanup_json_ json_t *rows = json_pack("[{s:s}]", "name", "x\033[2Jy\nz");
	_cleanup_free_ char *frame = rast_top_frame(&(struct rast_top){.columns = 80}, rows, "");
	char *p = strchr(frame, '\n') + 1;

	assert_null(strchr(frame, '\033'));
	p = strchr(p, '\n') + 1;
	assert_ptr_equal(strchr(p, '\n') + 1, frame + strlen(frame)); /* one line, the last */
}

static void an_empty_table_is_two_lines(void **state)
{
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_free_ char *frame = rast_top_frame(&(struct rast_top){.columns = 40}, rows, "");

	assert_string_equal(frame, "rastOS   0 containers  by cpu   q quit, \n"
				   "CONTAINER                          CPU%\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sampled_cpu_time_is_scaled_to_the_exact_sum),
		cmocka_unit_test(rates_are_a_second),
		cmocka_unit_test(more_than_one_cpu_is_more_than_a_hundred_percent),
		cmocka_unit_test(no_rates_of_one_moment_or_of_counters_that_went_back),
		cmocka_unit_test(system_calls_have_names),
		cmocka_unit_test(the_most_used_calls_come_first_and_equal_ones_by_number),
		cmocka_unit_test(figures_as_json_say_where_memory_comes_from),
		cmocka_unit_test(a_wide_frame_has_every_column),
		cmocka_unit_test(a_narrow_frame_leaves_columns_out),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(keys_choose_the_order),
		cmocka_unit_test(names_from_containers_cannot_move_the_cursor),
		cmocka_unit_test(an_empty_table_is_two_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
