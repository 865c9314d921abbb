// SPDX-License-Identifier: BSD-2-Clause
/*
 * config.* operations as the controller calls them: JSON in, JSON out, over a real store in a folder
 * of the test's own. The two functions of the controller that the feature asks for are given here.
 */
#include "store_dir.h"

#include "vector/config.h"

#include <errno.h>
#include <string.h>

static struct rast_instance instance;
static void *feature_state;

const struct rast_instance *rast_controller_instance(const struct rast_controller *c)
{
	return &instance;
}

void *rast_controller_state(const struct rast_controller *c, const char *feature)
{
	return !strcmp(feature, "config") ? feature_state : NULL;
}

static int setup(void **state)
{
	struct rast_err err = {0};
	char *dir = store_dir_make();

	*state = dir;
	(void)snprintf(instance.lib_dir, sizeof(instance.lib_dir), "%.60s", dir);
	return rast_config_feature.load(NULL, &feature_state, &err);
}

static int teardown(void **state)
{
	rast_config_feature.unload(NULL, feature_state);
	feature_state = NULL;
	store_dir_remove(*state);
	return 0;
}

static int call(const char *op, const char *args, json_t **ret, struct rast_err *err)
{
	struct rast_actor actor = {.uid = 1234};
	json_t *a = json_of(args);
	int r = -ENOSYS;

	*ret = NULL;
	for (const struct rast_op *o = rast_config_feature.ops; o->name; o++)
		if (!strcmp(o->name, op))
			r = o->call(NULL, &actor, a, ret, err);
	json_decref(a);
	return r;
}

/* Must succeed; returns the answer's text. */
static char *text(const char *op, const char *args)
{
	struct rast_err err = {0};
	json_t *v;
	char *t;

	if (call(op, args, &v, &err) < 0)
		fail_msg("%s: %s", op, err.text);
	assert_non_null(v);
	t = rast_json_canonical(v);
	json_decref(v);
	return t;
}

#define assert_answer(op, args, want)          \
	do {                                   \
		char *_t = text(op, args);     \
		assert_string_equal(_t, want); \
		free(_t);                      \
	} while (0)

#define assert_refused(op, args, code, part)                         \
	do {                                                         \
		struct rast_err _e = {0};                            \
		json_t *_v;                                          \
		assert_int_equal(call(op, args, &_v, &_e), -(code)); \
		assert_null(_v);                                     \
		assert_non_null(strstr(_e.text, part));              \
	} while (0)

#define POLICY(app)                                                                            \
	"{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"db\",\"namespace\":\"shop\"},"   \
	"\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"db\"}},\"ingress\":[{\"from\":" \
	"[{\"podSelector\":{\"matchLabels\":{\"app\":\"" app "\"}}}]}]}}"
#define KEY "\"key\":\"NetworkPolicy/shop/db\""

static void a_manifest_is_filed_under_kind_namespace_and_name(void **state)
{
	assert_answer("config.put", "{\"items\":[{\"body\":" POLICY("api") "}],\"author\":\"eva\"}",
		      "{\"items\":[{\"changed\":true," KEY ",\"version\":1}],\"version\":1}");
	assert_answer("config.put",
		      "{\"items\":[{\"body\":{\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}}]}",
		      "{\"items\":[{\"changed\":true,\"key\":\"Node/default/n\",\"version\":2}],"
		      "\"version\":2}");
	assert_answer("config.put", "{\"items\":[{\"body\":" POLICY("api") "}]}",
		      "{\"items\":[{\"changed\":false," KEY ",\"version\":1}],\"version\":2}");
	assert_refused("config.put", "{\"items\":[{\"body\":{\"kind\":\"Pod\"}}]}", EINVAL,
		       "item 0: missing");
	assert_refused("config.put",
		       "{\"items\":[{\"body\":{\"kind\":\"a/b\",\"metadata\":{\"name\":\"n\"}}}]}",
		       EINVAL, "has a slash");
	assert_refused("config.put", "{\"items\":[{\"key\":\"x\"}]}", EINVAL, "has no body");
	assert_refused("config.put", "{}", EINVAL, "is required");
}

static void change_diff_and_rollback_tell_one_story(void **state)
{
	char *t;

	free(text("config.put", "{\"items\":[{\"body\":" POLICY("api") "}]}"));
	free(text("config.put",
		  "{\"items\":[{\"body\":" POLICY("web") "}],\"message\":\"let web in\"}"));
	t = text("config.diff", "{" KEY "}");
	assert_non_null(
		strstr(t, "\"path\":\"spec.ingress[0].from[0].podSelector.matchLabels.app\""));
	assert_non_null(strstr(t, "\"old\":\"api\""));
	assert_non_null(strstr(t, "\"new\":\"web\""));
	assert_non_null(strstr(t, "-          app: api\\n+          app: web"));
	free(t);
	assert_answer("config.rollback", "{" KEY ",\"to\":1}",
		      "{\"changed\":true," KEY ",\"version\":3}");
	t = text("config.diff", "{" KEY ",\"from\":1,\"to\":3}");
	assert_non_null(strstr(t, "\"changes\":[]"));
	free(t);
	t = text("config.log", "{" KEY "}");
	assert_non_null(strstr(t, "\"message\":\"let web in\""));
	assert_non_null(strstr(t, "\"message\":\"back to version 1\""));
	assert_non_null(strstr(t, "\"author\":\"uid 1234\""));
	assert_non_null(strstr(t, "\"restores\":1"));
	free(t);
	t = text("config.get", "{" KEY ",\"version\":2}");
	assert_non_null(strstr(t, "\"app\":\"web\""));
	free(t);
	assert_refused("config.rollback", "{" KEY "}", EINVAL, "a version is required");
	assert_refused("config.rollback", "{" KEY ",\"to\":77}", EINVAL, "no version 77");
	assert_refused("config.get", "{" KEY ",\"version\":-1}", EINVAL, "must be a number");
	assert_refused("config.get", "{\"key\":5}", EINVAL, "a string is required");
	assert_refused("config.get", "{\"key\":\"none\"}", ENOENT, "none: not found");
}

static void a_deleted_item_is_gone_from_lists_and_kept_in_the_log(void **state)
{
	char *t;

	free(text("config.put",
		  "{\"items\":[{\"key\":\"a\",\"body\":1},{\"key\":\"b\",\"body\":2}]}"));
	assert_refused("config.delete", "{\"keys\":[\"a\"],\"expect\":9}", ESTALE, "conflict: a");
	free(text("config.delete", "{\"keys\":[\"a\"]}"));
	t = text("config.list", "{}");
	assert_null(strstr(t, "\"key\":\"a\""));
	assert_non_null(strstr(t, "\"key\":\"b\""));
	free(t);
	t = text("config.list", "{\"version\":2}");
	assert_non_null(strstr(t, "\"key\":\"a\""));
	free(t);
	t = text("config.log", "{\"key\":\"a\"}");
	assert_non_null(strstr(t, "\"deleted\":true"));
	free(t);
	t = text("config.diff", "{\"key\":\"a\"}");
	assert_non_null(strstr(t, "\"op\":\"remove\""));
	free(t);
	assert_answer("config.verify", "{}",
		      "{\"items\":1,\"operations\":3,\"vectors\":2,\"versions\":3}");
	t = text("config.info", "{}");
	assert_non_null(strstr(t, "\"operations\":3"));
	assert_non_null(strstr(t, "\"items\":1"));
	free(t);
	assert_refused("config.delete", "{\"keys\":[\"a\"]}", ENOENT, "a: not found");
	assert_refused("config.delete", "{\"keys\":[7]}", EINVAL, "must be strings");
}

static void a_log_without_a_key_runs_over_the_whole_store(void **state)
{
	json_t *rows;

	for (int i = 0; i < 5; i++) {
		char args[96];

		(void)snprintf(args, sizeof(args), "{\"items\":[{\"key\":\"k\",\"body\":%d}]}", i);
		free(text("config.put", args));
	}
	assert_int_equal(call("config.log", "{\"limit\":3}", &rows, NULL), 0);
	assert_int_equal(json_array_size(rows), 3);
	assert_int_equal(rast_json_int(json_array_get(rows, 0), "version"), 5);
	assert_int_equal(rast_json_int(json_array_get(rows, 2), "version"), 3);
	json_decref(rows);
}

static void search_answers_with_key_score_and_what_matched(void **state)
{
	json_t *rows, *first;

	free(text(
		"config.put",
		"{\"items\":[{\"body\":" POLICY(
			"api") "}, {\"body\":{\"kind\":\"Pod\","
			       "\"metadata\":{\"name\":\"db\"},\"spec\":{\"image\":\"redis\"}}}]}"));
	assert_int_equal(call("config.search",
			      "{\"query\":\"who may talk to the database\",\"k\":1}", &rows, NULL),
			 0);
	assert_int_equal(json_array_size(rows), 1);
	first = json_array_get(rows, 0);
	assert_string_equal(rast_json_str(first, "key"), "NetworkPolicy/shop/db");
	assert_string_equal(rast_json_str(first, "matched"), "may talk database");
	assert_non_null(strstr(rast_json_str(first, "snippet"), "allow api to connect to db"));
	json_decref(rows);
	assert_refused("config.search", "{}", EINVAL, "a string is required");
}

struct hooked {
	char seen[256];
	bool refuse;
};

static int hook_check(void *arg, const char *key, const json_t *body, struct rast_err *err)
{
	struct hooked *h = arg;

	return h->refuse ? rast_err_set(err, EINVAL, "%s: not like this", key) : 0;
}

static void hook_changed(void *arg, const struct rast_version *now)
{
	struct hooked *h = arg;
	size_t n = strlen(h->seen);

	(void)snprintf(h->seen + n, sizeof(h->seen) - n, "%s%s@%llu ", now->body ? "" : "-",
		       now->key, (unsigned long long)now->op);
}

static void a_hook_follows_changes_and_can_refuse_them(void **state)
{
	struct hooked h = {"", false};
	struct rast_config_hook hook = {hook_check, hook_changed, &h};

	assert_int_equal(rast_config_on_change(NULL, &hook), 0);
	free(text("config.put", "{\"items\":[{\"key\":\"a\",\"body\":1}]}"));
	free(text("config.put", "{\"items\":[{\"key\":\"a\",\"body\":2}]}"));
	free(text("config.rollback", "{\"key\":\"a\",\"to\":1}"));
	free(text("config.delete", "{\"keys\":[\"a\"]}"));
	assert_string_equal(h.seen, "a@1 a@2 a@3 -a@4 ");
	h.refuse = true;
	assert_refused("config.put", "{\"items\":[{\"key\":\"a\",\"body\":3}]}", EINVAL,
		       "a: not like this");
	assert_refused("config.rollback", "{\"key\":\"a\",\"to\":2}", EINVAL, "a: not like this");
	assert_string_equal(h.seen, "a@1 a@2 a@3 -a@4 ");
	assert_int_equal(rast_store_last_op(rast_config_store(NULL)), 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_manifest_is_filed_under_kind_namespace_and_name),
		T(change_diff_and_rollback_tell_one_story),
		T(a_deleted_item_is_gone_from_lists_and_kept_in_the_log),
		T(a_log_without_a_key_runs_over_the_whole_store),
		T(search_answers_with_key_score_and_what_matched),
		T(a_hook_follows_changes_and_can_refuse_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
