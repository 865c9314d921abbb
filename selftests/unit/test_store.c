// SPDX-License-Identifier: BSD-2-Clause
/* The store by its public functions, in a folder of its own. No root. */
#include "store_dir.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = store_dir_make();
	return 0;
}

static int teardown(void **state)
{
	store_dir_remove(*state);
	return 0;
}

static void assert_body(struct rast_store *s, const char *key, uint64_t as_of, const char *want)
{
	struct rast_version v;
	struct rast_err err = {0};
	char *text;

	assert_int_equal(rast_store_get(s, key, as_of, &v, &err), 0);
	text = rast_json_canonical(v.body);
	assert_string_equal(text, want);
	free(text);
	rast_version_finish(&v);
}

static void an_item_is_what_was_put_and_survives_reopening(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_version v;

	assert_int_equal(put(s, "k/a", "{\"z\":1,\"a\":[true,null,\"x\"]}", RAST_ANY, NULL), 1);
	rast_store_close(s);
	s = store_open(*state);
	assert_body(s, "k/a", 0, "{\"a\":[true,null,\"x\"],\"z\":1}");
	assert_int_equal(rast_store_get(s, "k/a", 0, &v, NULL), 0);
	assert_int_equal(v.op, 1);
	assert_int_equal(v.seq, 1);
	assert_int_equal(v.prev_op, 0);
	assert_string_equal(v.author, "tester");
	assert_string_equal(v.message, "why not");
	rast_version_finish(&v);
	assert_int_equal(rast_store_last_op(s), 1);
	rast_store_close(s);
}

static void a_body_that_is_there_already_makes_no_version(void **state)
{
	struct rast_store *s = store_open(*state);

	assert_int_equal(put(s, "a", "{\"x\":1,\"y\":2}", RAST_ANY, NULL), 1);
	assert_int_equal(put(s, "a", "{\"y\":2,\"x\":1}", RAST_ANY, NULL), 1);
	assert_int_equal(rast_store_last_op(s), 1);
	assert_int_equal(put(s, "a", "{\"y\":2}", RAST_ANY, NULL), 2);
	rast_store_close(s);
}

static void the_past_can_be_read_as_it_was(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_err err = {0};
	struct rast_version v;

	assert_int_equal(put(s, "a", "1", RAST_ANY, NULL), 1);
	assert_int_equal(put(s, "b", "2", RAST_ANY, NULL), 2);
	assert_int_equal(put(s, "a", "3", RAST_ANY, NULL), 3);
	assert_int_equal(put(s, "a", NULL, RAST_ANY, NULL), 4);
	assert_int_equal(put(s, "a", "5", RAST_ANY, NULL), 5);
	assert_body(s, "a", 1, "1");
	assert_body(s, "a", 2, "1");
	assert_body(s, "a", 3, "3");
	assert_body(s, "a", 0, "5");
	assert_int_equal(rast_store_get(s, "a", 4, &v, &err), -ENOENT);
	assert_string_equal(err.text, "a: deleted at version 4");
	rast_err_clear(&err);
	assert_int_equal(rast_store_get(s, "b", 1, &v, &err), -ENOENT);
	assert_string_equal(err.text, "b: not there at version 1");
	rast_err_clear(&err);
	assert_int_equal(rast_store_get(s, "b", 6, &v, &err), -EINVAL);
	rast_store_close(s);
}

static int collect_ops(void *arg, const struct rast_version *v)
{
	char *text = arg;
	size_t n = strlen(text);

	(void)snprintf(text + n, 256 - n, "%s%s@%llu", n ? " " : "", v->key,
		       (unsigned long long)v->op);
	return 0;
}

static void lists_logs_and_changes_come_in_order(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_err err = {0};
	char text[256] = "";

	(void)put(s, "Pod/a/x", "1", RAST_ANY, NULL);
	(void)put(s, "Pod/a", "1", RAST_ANY, NULL);
	(void)put(s, "Pod/a/y", "1", RAST_ANY, NULL);
	(void)put(s, "Pod/a", "2", RAST_ANY, NULL);
	(void)put(s, "Pod/a/x", NULL, RAST_ANY, NULL);
	assert_int_equal(rast_store_list(s, NULL, 0, collect_ops, text, &err), 0);
	assert_string_equal(text, "Pod/a@4 Pod/a/y@3");
	text[0] = '\0';
	assert_int_equal(rast_store_list(s, "Pod/a/", 2, collect_ops, text, &err), 0);
	assert_string_equal(text, "Pod/a/x@1");
	text[0] = '\0';
	assert_int_equal(rast_store_log(s, "Pod/a", 0, collect_ops, text, &err), 0);
	assert_string_equal(text, "Pod/a@4 Pod/a@2");
	text[0] = '\0';
	assert_int_equal(rast_store_log(s, "Pod/a/x", 1, collect_ops, text, &err), 0);
	assert_string_equal(text, "Pod/a/x@5");
	text[0] = '\0';
	assert_int_equal(rast_store_changes(s, 2, 3, collect_ops, text, &err), 0);
	assert_string_equal(text, "Pod/a@2 Pod/a/y@3 Pod/a@4");
	assert_int_equal(rast_store_log(s, "Pod", 0, collect_ops, text, &err), -ENOENT);
	rast_store_close(s);
}

static void a_rollback_is_a_new_version_with_the_same_bytes(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_author by = {"tester", "back", 0};
	struct rast_err err = {0};
	struct rast_version v;
	uint64_t op = 0;

	(void)put(s, "a", "{\"n\":1}", RAST_ANY, NULL);
	(void)put(s, "b", "0", RAST_ANY, NULL);
	(void)put(s, "a", "{\"n\":2}", RAST_ANY, NULL);
	assert_int_equal(rast_store_rollback(s, "a", 2, &by, &op, &err), 0);
	assert_int_equal(op, 4);
	assert_body(s, "a", 0, "{\"n\":1}");
	assert_int_equal(rast_store_get(s, "a", 0, &v, NULL), 0);
	assert_int_equal(v.from_op, 1);
	assert_int_equal(v.prev_op, 3);
	rast_version_finish(&v);
	assert_int_equal(rast_store_rollback(s, "a", 9, &by, &op, &err), -EINVAL);
	rast_err_clear(&err);
	assert_int_equal(rast_store_rollback(s, "c", 1, &by, &op, &err), -ENOENT);
	rast_store_close(s);
}

static void a_conflict_is_refused_and_says_which_version_is_there(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_err err = {0};

	assert_int_equal(put(s, "a", "1", RAST_ABSENT, &err), 1);
	assert_int_equal(put(s, "a", "2", RAST_ABSENT, &err), -ESTALE);
	assert_string_equal(err.text,
			    "conflict: a was expected not to be there and is at version 1");
	rast_err_clear(&err);
	assert_int_equal(put(s, "a", "2", 1, &err), 2);
	assert_int_equal(put(s, "a", "3", 1, &err), -ESTALE);
	assert_string_equal(err.text, "conflict: a was expected at version 1 and is at version 2");
	rast_err_clear(&err);
	assert_int_equal(put(s, "b", "3", 1, &err), -ESTALE);
	rast_err_clear(&err);
	assert_int_equal(put(s, "a", NULL, 2, &err), 3);
	assert_int_equal(put(s, "a", "4", RAST_ABSENT, &err), 4);
	rast_store_close(s);
}

static void a_commit_of_several_is_all_or_none(void **state)
{
	struct rast_store *s = store_open(*state);
	json_t *one = json_integer(1), *two = json_integer(2);
	struct rast_change good[] = {{.key = "a", .body = one, .expect = RAST_ANY},
				     {.key = "b", .body = two, .expect = RAST_ABSENT}};
	struct rast_change bad[] = {{.key = "a", .body = two, .expect = 1},
				    {.key = "b", .body = one, .expect = 7}};
	struct rast_change twice[] = {{.key = "c", .body = one, .expect = RAST_ANY},
				      {.key = "c", .body = two, .expect = RAST_ANY}};
	struct rast_change gone[] = {{.key = "a", .body = two, .expect = RAST_ANY},
				     {.key = "none", .expect = RAST_ANY}};
	struct rast_err err = {0};
	struct rast_version v;
	struct rast_verify sum;

	assert_int_equal(rast_store_commit(s, good, 2, NULL, &err), 0);
	assert_int_equal(good[1].op, 2);
	assert_int_equal(rast_store_get(s, "b", 0, &v, NULL), 0);
	assert_int_equal(v.txn, 1);
	rast_version_finish(&v);
	assert_int_equal(rast_store_commit(s, bad, 2, NULL, &err), -ESTALE);
	rast_err_clear(&err);
	assert_int_equal(rast_store_commit(s, twice, 2, NULL, &err), -EINVAL);
	rast_err_clear(&err);
	assert_int_equal(rast_store_commit(s, gone, 2, NULL, &err), -ENOENT);
	assert_body(s, "a", 0, "1");
	assert_int_equal(rast_store_last_op(s), 2);
	assert_int_equal(rast_store_verify(s, &sum, NULL), 0);
	assert_int_equal(sum.versions, 2);
	json_decref(one);
	json_decref(two);
	rast_store_close(s);
}

static void keys_and_bodies_past_their_limits_are_refused(void **state)
{
	struct rast_store *s = store_open(*state);
	char key[RAST_KEY_MAX + 2], *deep = calloc(1, 300);
	char *huge = malloc(RAST_BODY_MAX + 16);

	memset(key, 'k', sizeof(key));
	key[RAST_KEY_MAX] = '\0';
	assert_int_equal(put(s, key, "1", RAST_ANY, NULL), 1);
	key[RAST_KEY_MAX] = 'k';
	key[RAST_KEY_MAX + 1] = '\0';
	assert_int_equal(put(s, key, "1", RAST_ANY, NULL), -EINVAL);
	assert_int_equal(put(s, "", "1", RAST_ANY, NULL), -EINVAL);
	assert_int_equal(put(s, "a\nb", "1", RAST_ANY, NULL), -EINVAL);
	assert_int_equal(put(s, "a\xff", "1", RAST_ANY, NULL), -EINVAL);
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	assert_int_equal(put(s, "deep", deep, RAST_ANY, NULL), -E2BIG);
	memset(huge, 'x', RAST_BODY_MAX + 8);
	huge[0] = huge[RAST_BODY_MAX + 8] = '"';
	huge[RAST_BODY_MAX + 9] = '\0';
	assert_int_equal(put(s, "huge", huge, RAST_ANY, NULL), -E2BIG);
	assert_int_equal(rast_store_last_op(s), 1);
	free(deep);
	free(huge);
	rast_store_close(s);
}

struct seen {
	char text[256];
	struct rast_store *s;
	int write;
};

static void on_change(void *arg, const struct rast_version *now)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	(void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s%s ", now->deleted ? "-" : "+",
		       now->key);
	seen->write = (int)put(seen->s, "again", "1", RAST_ANY, NULL);
	assert_int_equal(rast_store_last_op(seen->s), now->op); /* reading is allowed */
}

static void a_callback_sees_each_change_once_and_may_not_write(void **state)
{
	struct rast_store *s = store_open(*state);
	struct seen seen = {.s = s};

	rast_store_on_change(s, on_change, &seen);
	(void)put(s, "a", "1", RAST_ANY, NULL);
	(void)put(s, "a", "1", RAST_ANY, NULL);
	(void)put(s, "a", "2", 7, NULL);
	(void)put(s, "a", NULL, RAST_ANY, NULL);
	assert_string_equal(seen.text, "+a -a ");
	assert_int_equal(seen.write, -EDEADLK);
	rast_store_close(s);
}

static void search_follows_changes_and_can_look_into_the_past(void **state)
{
	struct rast_store *s = store_open(*state);
	struct rast_hit *hits;
	size_t n;

	(void)put(s, "x/one", "{\"purpose\":\"stores invoices\"}", RAST_ANY, NULL);
	(void)put(s, "x/two", "{\"purpose\":\"draws maps of rivers\"}", RAST_ANY, NULL);
	assert_int_equal(rast_store_search(s, "river map", 5, 0, &hits, &n, NULL), 0);
	assert_true(n >= 1);
	assert_string_equal(hits[0].key, "x/two");
	assert_string_equal(hits[0].matched, "river map");
	assert_string_equal(hits[0].snippet, "purpose: draws maps of rivers");
	rast_hits_free(hits, n);
	(void)put(s, "x/two", "{\"purpose\":\"plays chess\"}", RAST_ANY, NULL);
	(void)put(s, "x/three", "{\"purpose\":\"river gauge\"}", RAST_ANY, NULL);
	assert_int_equal(rast_store_search(s, "river map", 5, 0, &hits, &n, NULL), 0);
	assert_string_equal(hits[0].key, "x/three");
	rast_hits_free(hits, n);
	assert_int_equal(rast_store_search(s, "river map", 5, 2, &hits, &n, NULL), 0);
	assert_string_equal(hits[0].key, "x/two");
	assert_int_equal(hits[0].op, 2);
	rast_hits_free(hits, n);
	(void)put(s, "x/three", NULL, RAST_ANY, NULL);
	assert_int_equal(rast_store_search(s, "river", 5, 0, &hits, &n, NULL), 0);
	assert_int_equal(n, 0);
	rast_hits_free(hits, n);
	assert_int_equal(rast_store_search(s, "", 5, 0, &hits, &n, NULL), 0);
	assert_int_equal(n, 0);
	rast_hits_free(hits, n);
	rast_store_close(s);
}

static void a_second_opener_is_told_who_has_it(void **state)
{
	struct rast_store *s = store_open(*state), *second = NULL;
	struct rast_err err = {0};
	char want[300];

	assert_int_equal(rast_store_open(*state, 0, &second, &err), -EBUSY);
	(void)snprintf(want, sizeof(want), "%s: the store is in use by process %d", (char *)*state,
		       (int)getpid());
	assert_string_equal(err.text, want);
	rast_store_close(s);
	rast_err_clear(&err);
	assert_int_equal(rast_store_open(*state, 0, &second, &err), 0);
	rast_store_close(second);
}

static void a_store_is_made_only_when_asked_for(void **state)
{
	struct rast_store *s = NULL;
	struct rast_err err = {0};

	assert_int_equal(rast_store_open(*state, 0, &s, &err), -ENOENT);
	rast_err_clear(&err);
	assert_int_equal(rast_store_open("/proc/version", RAST_STORE_CREATE, &s, &err), -ENOTDIR);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_item_is_what_was_put_and_survives_reopening),
		T(a_body_that_is_there_already_makes_no_version),
		T(the_past_can_be_read_as_it_was),
		T(lists_logs_and_changes_come_in_order),
		T(a_rollback_is_a_new_version_with_the_same_bytes),
		T(a_conflict_is_refused_and_says_which_version_is_there),
		T(a_commit_of_several_is_all_or_none),
		T(keys_and_bodies_past_their_limits_are_refused),
		T(a_callback_sees_each_change_once_and_may_not_write),
		T(search_follows_changes_and_can_look_into_the_past),
		T(a_second_opener_is_told_who_has_it),
		T(a_store_is_made_only_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
