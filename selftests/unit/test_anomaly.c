// SPDX-License-Identifier: BSD-2-Clause
/* Scoring on made-up series of counters: a second a step, noise from a fixed seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "anomaly/anomaly.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BIT(m) (1u << (m))

struct series {
	struct rast_anomaly a;
	struct rast_anomaly_reading r;
	unsigned int begun, findings, ended, random;
};

static unsigned int noise(struct series *s, unsigned int most)
{
	s->random = s->random * 1664525u + 1013904223u;
	return most ? (s->random >> 8) % most : 0;
}

/* One more second with so much of each. */
struct second {
	double destinations;
	unsigned int connects, denied, execs, forks, syscalls, errors, fresh;
	double cpu;
};

static void step(struct series *s, struct second d)
{
	unsigned int begun, ended, m;

	if (!s->r.time_ns) {
		s->r.time_ns = 1000000000u;
		s->r.cgroup_id = 1;
		assert_int_equal(rast_anomaly_sample(&s->a, &s->r, NULL), 0);
	}
	s->r.time_ns += 990000000u + noise(s, 20000000u);
	s->r.destinations = d.destinations;
	s->r.window_s = 2;
	s->r.connects += d.connects;
	s->r.denied += d.denied;
	s->r.execs += d.execs;
	s->r.forks += d.forks;
	s->r.syscalls += d.syscalls;
	s->r.errors += d.errors;
	s->r.syscalls_used += d.fresh;
	s->r.cpu_ns += (uint64_t)(d.cpu * 1e7);
	begun = rast_anomaly_sample(&s->a, &s->r, &ended);
	s->begun |= begun;
	s->ended |= ended;
	for (m = 0; m < RAST_METRIC_MAX; m++)
		s->findings += begun >> m & 1;
}

static void idle(struct series *s, unsigned int n)
{
	while (n--)
		step(s, (struct second){.syscalls = 20 + noise(s, 10), .cpu = 0.1});
}

/* A web service: a few hundred requests a second, now and then a health check that forks. */
static void serve(struct series *s, unsigned int n)
{
	while (n--) {
		unsigned int q = 200 + noise(s, 100), check = noise(s, 10) == 0;

		step(s, (struct second){.destinations = 1 + noise(s, 3),
					.connects = q / 10,
					.execs = check * 2,
					.forks = check * 2,
					.syscalls = q * 12,
					.errors = q,
					.cpu = 10 + noise(s, 5)});
	}
}

static const char *text(struct series *s, enum rast_anomaly_metric m)
{
	static char buf[256];

	return rast_anomaly_text(&s->a, m, "nmap", 123, buf, sizeof(buf));
}

static void an_idle_container_that_does_one_thing_is_no_alarm(void **state)
{
	struct series s = {0};

	(void)state;
	idle(&s, 200);
	step(&s, (struct second){.destinations = 1,
				 .connects = 1,
				 .execs = 1,
				 .forks = 1,
				 .syscalls = 900,
				 .fresh = 9,
				 .cpu = 3});
	assert_int_equal(s.findings, 0);
	assert_true(s.a.score < 0.7);
	idle(&s, 1);
	assert_true(s.a.score < 0.1);
}

static void normal_bursts_are_no_alarm(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		serve(&s, 60);
		/* Three times the load for some seconds, and a reload of everything. */
		step(&s, (struct second){.destinations = 12,
					 .connects = 90,
					 .execs = 20,
					 .forks = 30,
					 .syscalls = 12000,
					 .errors = 800,
					 .fresh = i ? 0 : 6,
					 .cpu = 60});
		step(&s, (struct second){.connects = 80, .syscalls = 11000, .cpu = 70});
	}
	assert_int_equal(s.findings, 0);
}

static void a_scan_is_one_finding_that_says_so(void **state)
{
	struct series s = {0};

	(void)state;
	serve(&s, 60);
	/* With everything else that a scan is. */
	step(&s, (struct second){.destinations = 180,
				 .connects = 2500,
				 .denied = 300,
				 .fresh = 20,
				 .syscalls = 300000,
				 .errors = 290000,
				 .cpu = 95});
	step(&s, (struct second){.destinations = 412,
				 .connects = 2500,
				 .denied = 300,
				 .syscalls = 300000,
				 .errors = 290000,
				 .cpu = 95});
	serve(&s, 30);
	assert_int_equal(s.begun, BIT(RAST_METRIC_DESTINATIONS));
	assert_int_equal(s.findings, 1);
	assert_int_equal(s.ended, BIT(RAST_METRIC_DESTINATIONS));
	assert_string_equal(text(&s, RAST_METRIC_DESTINATIONS),
			    "port scan: 412 distinct destinations in 2 s (threshold 50, usual 2), "
			    "by nmap[123]");
}

static void a_scan_is_seen_before_anything_was_learned(void **state)
{
	struct series s = {0};

	(void)state;
	idle(&s, 3);
	step(&s, (struct second){.destinations = 60, .connects = 60});
	assert_int_equal(s.begun, BIT(RAST_METRIC_DESTINATIONS));
	assert_string_equal(
		text(&s, RAST_METRIC_DESTINATIONS),
		"port scan: 60 distinct destinations in 2 s (threshold 50), by nmap[123]");
}

static void a_scan_over_many_windows_is_one_episode(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	idle(&s, 60);
	for (i = 0; i < 100; i++)
		step(&s, (struct second){.destinations = 10.0 * (i % 10 + 1), .connects = 10});
	assert_int_equal(s.findings, 1);
	assert_int_equal(s.ended, 0);
	idle(&s, RAST_ANOMALY_QUIET);
	assert_int_equal(s.ended, BIT(RAST_METRIC_DESTINATIONS));
	/* And a second scan is a second finding. */
	step(&s, (struct second){.destinations = 100, .connects = 100});
	assert_int_equal(s.findings, 2);
}

static void a_scan_during_warm_up_leaves_no_trace(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	idle(&s, 12);
	for (i = 1; i <= 10; i++)
		step(&s, (struct second){.destinations = 10.0 * i, .connects = 10});
	idle(&s, 60);
	assert_int_equal(s.findings, 1);
	assert_true(rast_anomaly_threshold(&s.a, RAST_METRIC_DESTINATIONS) == 50);
}

static void what_the_kernel_raised_is_not_found_again(void **state)
{
	struct series s = {0};

	(void)state;
	idle(&s, 60);
	assert_true(rast_anomaly_raise(&s.a, RAST_METRIC_DESTINATIONS, 51, 50, 0.2));
	assert_string_equal(
		text(&s, RAST_METRIC_DESTINATIONS),
		"port scan: 51 distinct destinations in 1 s (threshold 50), by nmap[123]");
	step(&s, (struct second){.destinations = 412, .connects = 900, .fresh = 30});
	assert_false(rast_anomaly_raise(&s.a, RAST_METRIC_DESTINATIONS, 51, 50, 0.2));
	assert_int_equal(s.findings, 0);
	/* But it knows the worst of it. */
	assert_true(s.a.episode[RAST_METRIC_DESTINATIONS].value == 412);
}

static void a_fork_bomb_is_one_finding(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	serve(&s, 60);
	for (i = 0; i < 20; i++)
		step(&s, (struct second){.forks = 3000,
					 .execs = 400,
					 .syscalls = 200000,
					 .errors = 150000,
					 .cpu = 190});
	assert_int_equal(s.begun, BIT(RAST_METRIC_FORKS));
	assert_int_equal(s.findings, 1);
	assert_non_null(strstr(text(&s, RAST_METRIC_FORKS), "fork bomb: "));
	assert_non_null(strstr(text(&s, RAST_METRIC_FORKS), " forks a second (threshold 100"));
}

static void burning_a_cpu_is_named_when_it_lasts(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	serve(&s, 60);
	for (i = 0; i < 10; i++)
		step(&s, (struct second){.syscalls = 3000, .cpu = 100});
	assert_int_equal(s.findings, 0);
	for (i = 0; i < 10; i++)
		step(&s, (struct second){.syscalls = 3000, .cpu = 100});
	assert_int_equal(s.begun, BIT(RAST_METRIC_CPU));
	assert_non_null(strstr(text(&s, RAST_METRIC_CPU), "CPU burn: "));
}

static void one_that_always_burns_is_what_it_is(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < 200; i++)
		step(&s, (struct second){.syscalls = 1000, .cpu = 95 + noise(&s, 6)});
	assert_int_equal(s.findings, 0);
}

static void what_goes_on_for_minutes_becomes_usual(void **state)
{
	struct series s = {0};
	unsigned int i;

	(void)state;
	serve(&s, 60);
	for (i = 0; i < 2 * RAST_ANOMALY_ACCEPT; i++)
		step(&s, (struct second){.connects = 900, .syscalls = 40000, .cpu = 40});
	assert_int_equal(s.findings, 1);
	assert_int_equal(s.begun, BIT(RAST_METRIC_CONNECTS));
	assert_int_equal(s.ended, BIT(RAST_METRIC_CONNECTS));
	assert_true(s.a.score < 1);
}

static void an_attack_teaches_nothing(void **state)
{
	struct series s = {0};
	double before;
	unsigned int i;

	(void)state;
	serve(&s, 100);
	before = rast_anomaly_threshold(&s.a, RAST_METRIC_FORKS);
	for (i = 0; i < 100; i++)
		step(&s, (struct second){.forks = 3000});
	assert_true(rast_anomaly_threshold(&s.a, RAST_METRIC_FORKS) == before);
}

static void a_restarted_container_is_no_alarm_and_keeps_its_past(void **state)
{
	struct series s = {0};
	unsigned int samples;

	(void)state;
	serve(&s, 60);
	samples = s.a.samples;
	/* Its counters begin at zero, under another cgroup; then only the counters do. */
	s.r = (struct rast_anomaly_reading){.time_ns = s.r.time_ns, .cgroup_id = 2};
	serve(&s, 10);
	assert_int_equal(s.a.samples, samples + 9);
	s.r = (struct rast_anomaly_reading){.time_ns = s.r.time_ns, .cgroup_id = 2};
	serve(&s, 10);
	assert_int_equal(s.findings, 0);
	assert_true(rast_anomaly_learned(&s.a));
}

static void the_past_outlives_the_controller(void **state)
{
	struct series s = {0}, t = {0};
	unsigned int i, m;
	json_t *json;

	(void)state;
	for (i = 0; i < 100; i++)
		step(&s, (struct second){.connects = 1000 + noise(&s, 200),
					 .syscalls = 90000 + noise(&s, 9000)});
	assert_true(rast_anomaly_raise(&s.a, RAST_METRIC_DESTINATIONS, 51, 50, 2));
	json = rast_anomaly_to_json(&s.a);
	assert_int_equal(rast_anomaly_from_json(&t.a, json), 0);
	json_decref(json);
	assert_true(rast_anomaly_learned(&t.a));
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		double a = rast_anomaly_threshold(&s.a, m), b = rast_anomaly_threshold(&t.a, m);

		assert_true(fabs(a - b) <= 0.05 * a);
	}
	assert_false(rast_anomaly_raise(&t.a, RAST_METRIC_DESTINATIONS, 51, 50, 2));
	for (i = 0; i < 20; i++)
		step(&t, (struct second){.connects = 1100, .syscalls = 95000});
	assert_int_equal(t.findings, 0);
	assert_int_equal(t.ended, BIT(RAST_METRIC_DESTINATIONS));
}

static void a_file_that_is_not_ours_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"learned\":{\"destinations\":[1]}}",
		"{\"learned\":{\"destinations\":[-1],\"forks_s\":[1],\"execs_s\":[1],"
		"\"connects_s\":[1],\"denied_s\":[1],\"syscalls_s\":[1],\"errno_ratio\":[1],"
		"\"new_syscalls\":[1],\"cpu_percent\":[1]}}",
		"{\"learned\":{\"destinations\":[],\"forks_s\":[1],\"execs_s\":[1],"
		"\"connects_s\":[1],\"denied_s\":[1],\"syscalls_s\":[1],\"errno_ratio\":[1],"
		"\"new_syscalls\":[1],\"cpu_percent\":[1]}}",
	};
	struct rast_anomaly a = {.samples = 7};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *json = json_loads(bad[i], 0, NULL);

		assert_non_null(json);
		assert_int_not_equal(rast_anomaly_from_json(&a, json), 0);
		assert_int_equal(a.samples, 7);
		json_decref(json);
	}
}

static void bits_stand_for_destinations(void **state)
{
	unsigned int n;

	(void)state;
	assert_int_equal(rast_anomaly_bits(50), 49);
	for (n = 1; n < 3000; n += 37)
		assert_true(fabs(rast_anomaly_destinations(rast_anomaly_bits(n)) - n) <=
			    0.02 * n + 1);
	assert_true(rast_anomaly_bits(1e9) < RAST_FANOUT_BITS);
	assert_true(isfinite(rast_anomaly_destinations(RAST_FANOUT_BITS)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_container_that_does_one_thing_is_no_alarm),
		cmocka_unit_test(normal_bursts_are_no_alarm),
		cmocka_unit_test(a_scan_is_one_finding_that_says_so),
		cmocka_unit_test(a_scan_is_seen_before_anything_was_learned),
		cmocka_unit_test(a_scan_over_many_windows_is_one_episode),
		cmocka_unit_test(a_scan_during_warm_up_leaves_no_trace),
		cmocka_unit_test(what_the_kernel_raised_is_not_found_again),
		cmocka_unit_test(a_fork_bomb_is_one_finding),
		cmocka_unit_test(burning_a_cpu_is_named_when_it_lasts),
		cmocka_unit_test(one_that_always_burns_is_what_it_is),
		cmocka_unit_test(what_goes_on_for_minutes_becomes_usual),
		cmocka_unit_test(an_attack_teaches_nothing),
		cmocka_unit_test(a_restarted_container_is_no_alarm_and_keeps_its_past),
		cmocka_unit_test(the_past_outlives_the_controller),
		cmocka_unit_test(a_file_that_is_not_ours_is_refused),
		cmocka_unit_test(bits_stand_for_destinations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
