// SPDX-License-Identifier: BSD-2-Clause
/*
 * State of pods as files: numbers, names that people type, and files that are broken. The folders are
 * in a temporary place: nothing here needs root.
 */
#include "base/fd.h"
#include "bpf/container.h"
#include "bpf/policy.h"
#include "container/state.h"
#include "container/state_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct rast_instance in;
static char dir[40];

static int setup(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/rast-state.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(in.run_dir, sizeof(in.run_dir), "%s/run", dir);
	(void)snprintf(in.lib_dir, sizeof(in.lib_dir), "%s/lib", dir);
	return rast_mkdir_p(in.run_dir, 0755);
}

static int teardown(void **state)
{
	(void)state;
	return rast_remove_tree(AT_FDCWD, dir);
}

static void add_pod(const char *ns, const char *name, const char *container)
{
	_cleanup_json_ json_t *pod = json_pack("{s:s,s:s}", "namespace", ns, "name", name);
	_cleanup_json_ json_t *c = container ? json_pack("{s:s}", "name", container) : NULL;

	assert_int_equal(rast_state_pod_store(&in, pod, NULL), 0);
	if (c)
		assert_int_equal(rast_state_container_store(&in, ns, name, c, NULL), 0);
}

static void write_file(const char *tail, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", in.run_dir, tail);
	assert_int_equal(rast_replace_file(AT_FDCWD, path, text, strlen(text), 0600, 0), 0);
}

static void test_the_lowest_free_numbers_are_taken(void **state)
{
	uint32_t id = 0, slots[3];

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(rast_state_numbers_take(&in, &id, slots, 2, NULL), 0);
		assert_int_equal(id, RAST_IDENTITY_FIRST + i);
		assert_int_equal(slots[0], 2 * i);
		assert_int_equal(slots[1], 2 * i + 1);
	}
	slots[0] = 7;
	slots[1] = 3;
	assert_int_equal(rast_state_numbers_drop(&in, RAST_IDENTITY_FIRST + 5, slots, 2), 0);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 3, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST + 5);
	assert_int_equal(slots[0], 3);
	assert_int_equal(slots[1], 7);
	assert_int_equal(slots[2], 40);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 0, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST + 20);
}

static void test_when_all_slots_are_taken_the_error_says_so_and_nothing_is(void **state)
{
	static uint32_t slots[RAST_MAX_CONTAINERS + 1];
	struct rast_err err = {0};
	uint32_t id = 0;
	char want[80];

	(void)state;
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, RAST_MAX_CONTAINERS + 1, &err),
			 -ENOSPC);
	(void)snprintf(want, sizeof(want), "all %d container slots are taken", RAST_MAX_CONTAINERS);
	assert_string_equal(err.text, want);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, RAST_MAX_CONTAINERS, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST);
	assert_int_equal(slots[RAST_MAX_CONTAINERS - 1], RAST_MAX_CONTAINERS - 1);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 1, NULL), -ENOSPC);
	/* Slots did not run into the identities. */
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 0, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST + 1);
}

static void test_a_number_out_of_range_drops_nothing(void **state)
{
	uint32_t id = 0, slot = 0, odd;

	(void)state;
	assert_int_equal(rast_state_numbers_take(&in, &id, &slot, 1, NULL), 0);
	/* As a slot this would be the bit of that identity. */
	odd = RAST_MAX_CONTAINERS + id;
	assert_int_equal(rast_state_numbers_drop(&in, RAST_MAX_IDENTITIES, &odd, 1), 0);
	odd = UINT32_MAX;
	assert_int_equal(rast_state_numbers_drop(&in, UINT32_MAX, &odd, 1), 0);
	assert_int_equal(rast_state_numbers_take(&in, &id, &slot, 1, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST + 1);
	assert_int_equal(slot, 1);
}

static void test_a_rebuild_keeps_what_pods_hold_and_nothing_else(void **state)
{
	_cleanup_json_ json_t *pods = json_pack(
		"[{s:i,s:[i,i]},{s:I,s:[I]},{s:s}]", "identity", RAST_IDENTITY_FIRST + 1, "slots",
		0, 2, "identity", (json_int_t)1 << 40, "slots", (json_int_t)-1, "broken", "x");
	uint32_t id = 0, slots[5];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rast_state_numbers_take(&in, &id, slots, 5, NULL), 0);
	assert_int_equal(rast_state_numbers_rebuild(&in, pods, NULL), 0);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 2, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST);
	assert_int_equal(slots[0], 1);
	assert_int_equal(slots[1], 3);
	assert_int_equal(rast_state_numbers_take(&in, &id, slots, 0, NULL), 0);
	assert_int_equal(id, RAST_IDENTITY_FIRST + 2);
}

static void test_a_name_means_one_pod_or_container(void **state)
{
	static const struct {
		const char *text, *ns, *pod, *container;
	} t[] = {
		{"web", "shop", "web", ""},
		{"shop/web", "shop", "web", ""},
		{"shop/web/main", "shop", "web", "main"},
		{"a.b", "default", "a.b", ""},
		{"default/both", "default", "both", ""},
	};
	struct rast_state_name name;

	(void)state;
	add_pod("shop", "web", "main");
	add_pod("default", "a.b", NULL);
	add_pod("default", "both", NULL);
	add_pod("shop", "both", NULL);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(rast_state_resolve(&in, t[i].text, &name, NULL), 0);
		assert_string_equal(name.ns, t[i].ns);
		assert_string_equal(name.pod, t[i].pod);
		assert_string_equal(name.container, t[i].container);
	}
}

static void test_names_that_mean_nothing_are_refused_with_the_reason(void **state)
{
#define WANT(x) "\"" x "\": want POD, NAMESPACE/POD or NAMESPACE/POD/CONTAINER"
	static const struct {
		const char *text;
		int code;
		const char *error;
	} t[] = {
		{"", EINVAL, WANT("")},
		{"/", EINVAL, WANT("/")},
		{"/web", EINVAL, WANT("/web")},
		{"web/", EINVAL, WANT("web/")},
		{"shop//web", EINVAL, WANT("shop//web")},
		{"shop/web//main", EINVAL, WANT("shop/web//main")},
		{"shop/web/main/x", EINVAL, WANT("shop/web/main/x")},
		{"shop/web/main/", EINVAL, WANT("shop/web/main/")},
		{"..", EINVAL, WANT("..")},
		{"../web", EINVAL, WANT("../web")},
		{"shop/..", EINVAL, WANT("shop/..")},
		{"shop/web/..", EINVAL, WANT("shop/web/..")},
		{"Web", EINVAL, WANT("Web")},
		{"-web", EINVAL, WANT("-web")},
		{"we b", EINVAL, WANT("we b")},
		{"nobody", ENOENT, "no pod nobody"},
		{"shop/nobody", ENOENT, "no pod shop/nobody"},
		{"shop/web/other", ENOENT, "no container other in pod shop/web"},
		{"both", EEXIST, "2 namespaces have a pod both: name it NAMESPACE/both"},
	};

	(void)state;
	add_pod("shop", "web", "main");
	add_pod("default", "both", NULL);
	add_pod("shop", "both", NULL);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rast_state_name name;
		struct rast_err err = {0};
		int r = rast_state_resolve(&in, t[i].text, &name, &err);

		if (r != -t[i].code || strcmp(err.text, t[i].error) != 0)
			fail_msg("%s: got %d %s, want %d %s", t[i].text, r, err.text, -t[i].code,
				 t[i].error);
	}
}

static void test_a_very_long_name_is_refused(void **state)
{
	char text[2000];
	struct rast_state_name name;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t n = 64; n < sizeof(text); n += 61) {
		text[n] = '\0';
		assert_true(rast_state_resolve(&in, text, &name, NULL) < 0);
		text[n / 2] = '/';
		assert_true(rast_state_resolve(&in, text, &name, NULL) < 0);
		text[n / 2] = text[n] = 'a';
	}
}

static void test_a_broken_file_is_shown_and_hides_no_other_pod(void **state)
{
	static const char *const broken[] = {"", "{", "[]", "null", "{\"name\":\"x\"} x"};

	(void)state;
	add_pod("default", "a", "main");
	add_pod("default", "b", "main");
	add_pod("default", "c", "main");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		_cleanup_json_ json_t *pods = NULL;
		struct rast_err err = {0};
		json_t *pod = NULL;

		write_file("pods/default/b/pod.json", broken[i]);
		if (rast_state_pods(&in, true, &pods, &err) < 0)
			fail_msg("%s: %s", broken[i], err.text);
		assert_int_equal(json_array_size(pods), 3);
		assert_non_null(strstr(rast_json_str(json_array_get(pods, 1), "broken"),
				       "pods/default/b/pod.json"));
		assert_string_equal(rast_json_str(json_array_get(pods, 2), "name"), "c");
		assert_true(rast_state_pod_load(&in, "default", "b", true, &pod, &err) < 0);
		assert_true(err.code && err.code != ENOMEM);
		assert_null(pod);
	}
	assert_int_equal(rast_state_pod_remove(&in, "default", "b", NULL), 0);
}

static void test_a_pod_is_stored_loaded_and_removed_with_all_it_has(void **state)
{
	_cleanup_json_ json_t *pod = NULL, *c = NULL;
	struct rast_err err = {0};
	char path[512];

	(void)state;
	add_pod("shop", "web", "main");
	assert_int_equal(rast_state_data_path(&in, "shop", "web", "logs", path, sizeof(path)), 0);
	assert_int_equal(rast_mkdir_p(path, 0700), 0);
	assert_int_equal(rast_state_pod_load(&in, "shop", "web", true, &pod, &err), 0);
	assert_int_equal(json_array_size(json_object_get(pod, "containers")), 1);
	assert_int_equal(rast_state_container_load(&in, "shop", "web", "main", &c, &err), 0);
	/* What is loaded with its containers is stored without them. */
	assert_int_equal(rast_state_pod_store(&in, pod, &err), 0);
	json_decref(pod);
	pod = NULL;
	assert_int_equal(rast_state_pod_load(&in, "shop", "web", false, &pod, &err), 0);
	assert_null(json_object_get(pod, "containers"));
	assert_int_equal(rast_state_pod_remove(&in, "shop", "web", &err), 0);
	assert_int_equal(rast_state_pod_remove(&in, "shop", "web", &err), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/pods/shop", in.run_dir);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_no_name_leads_out_of_the_folder(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "A", "-a", "a\n"};
	struct rast_err err = {0};
	char path[512];
	json_t *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rast_state_pod_path(&in, bad[i], "p", NULL, path, sizeof(path)),
				 -EINVAL);
		assert_int_equal(rast_state_data_path(&in, "n", bad[i], NULL, path, sizeof(path)),
				 -EINVAL);
		assert_int_equal(rast_state_container_load(&in, "n", "p", bad[i], &c, &err),
				 -EINVAL);
		assert_int_equal(rast_state_pod_remove(&in, bad[i], "p", NULL), -EINVAL);
	}
	assert_int_equal(rast_state_pod_path(&in, "n", "p", NULL, path, 10), -ENAMETOOLONG);
}

static void test_a_process_is_known_by_its_start_time(void **state)
{
	uint64_t ticks = 0;
	json_t *c;

	(void)state;
	assert_int_equal(rast_state_start_ticks((int)getpid(), &ticks), 0);
	assert_true(ticks > 0);
	c = json_pack("{s:i,s:I}", "pid", (int)getpid(), "start_ticks", (json_int_t)ticks);
	assert_true(rast_state_container_alive(c));
	(void)json_object_set_new(c, "start_ticks", json_integer((json_int_t)ticks + 1));
	assert_false(rast_state_container_alive(c));
	(void)json_object_set_new(c, "pid", json_integer(0));
	assert_false(rast_state_container_alive(c));
	json_decref(c);
	assert_int_equal(rast_state_start_ticks(0x7ffffff0, &ticks), -ESRCH);
}

/* As rast_state_pods() and in its order, whatever happened since the last look. */
static json_t *look_and_compare(struct rast_state_cache *c)
{
	json_t *fresh, *cached;

	assert_int_equal(rast_state_pods(&in, true, &fresh, NULL), 0);
	assert_int_equal(rast_state_cache_pods(c, &cached, NULL), 0);
	assert_true(json_equal(fresh, cached));
	json_decref(fresh);
	return cached;
}

static void test_whoever_asks_again_is_told_of_every_change_at_once(void **state)
{
	struct rast_state_cache *c = rast_state_cache_create(&in);
	json_t *last, *now;

	(void)state;
	assert_non_null(c);
	json_decref(look_and_compare(c));
	for (int i = 0; i < 300; i++) {
		static const char *const names[] = {"a", "b", "c", "d"};
		const char *name = names[rand() % 4], *ns = rand() % 2 ? "x" : "y";

		if (rand() % 3)
			add_pod(ns, name, rand() % 2 ? names[rand() % 4] : NULL);
		else
			(void)rast_state_pod_remove(&in, ns, name, NULL);
		if (!(rand() % 20)) {
			add_pod("x", "a", NULL);
			write_file("pods/x/a/pod.json", "{\"namespace\": ");
		}
		json_decref(look_and_compare(c));
	}
	/* Times of folders are coarse: from here on nothing changes any more. */
	(void)usleep(80000);
	add_pod("x", "e", "one");
	(void)usleep(80000);
	json_decref(look_and_compare(c));
	last = look_and_compare(c);
	add_pod("z", "e", "one");
	now = look_and_compare(c);
	assert_int_equal(json_array_size(now), json_array_size(last) + 1);
	for (size_t i = 0; i < json_array_size(last); i++)
		assert_ptr_equal(json_array_get(now, i), json_array_get(last, i));
	json_decref(last);
	json_decref(now);
	rast_state_cache_destroy(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_lowest_free_numbers_are_taken),
		TEST(test_when_all_slots_are_taken_the_error_says_so_and_nothing_is),
		TEST(test_a_number_out_of_range_drops_nothing),
		TEST(test_a_rebuild_keeps_what_pods_hold_and_nothing_else),
		TEST(test_a_name_means_one_pod_or_container),
		TEST(test_names_that_mean_nothing_are_refused_with_the_reason),
		TEST(test_a_very_long_name_is_refused),
		TEST(test_a_broken_file_is_shown_and_hides_no_other_pod),
		TEST(test_a_pod_is_stored_loaded_and_removed_with_all_it_has),
		TEST(test_no_name_leads_out_of_the_folder),
		TEST(test_whoever_asks_again_is_told_of_every_change_at_once),
		TEST(test_a_process_is_known_by_its_start_time),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
