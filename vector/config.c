// SPDX-License-Identifier: BSD-2-Clause
/*
 * config.* operations: JSON arguments in, store calls, JSON out; see config.h. Nothing here knows
 * what an item means, except that a hook may refuse it.
 */
#include "vector/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOKS_MAX 8u
#define LOG_LIMIT 1000u

struct config {
	struct rast_store *store;
	struct rast_config_hook hooks[HOOKS_MAX];
	size_t n_hooks;
};

static struct config *state(const struct rast_controller *c)
{
	return rast_controller_state(c, rast_config_feature.name);
}

struct rast_store *rast_config_store(const struct rast_controller *c)
{
	struct config *f = state(c);

	return f ? f->store : NULL;
}

int rast_config_on_change(struct rast_controller *c, const struct rast_config_hook *hook)
{
	struct config *f = state(c);

	if (!f)
		return -ENODEV;
	if (f->n_hooks == HOOKS_MAX)
		return -ENOSPC;
	f->hooks[f->n_hooks++] = *hook;
	return 0;
}

static void changed(void *arg, const struct rast_version *now)
{
	struct config *f = arg;

	for (size_t i = 0; i < f->n_hooks; i++)
		if (f->hooks[i].changed)
			f->hooks[i].changed(f->hooks[i].arg, now);
}

static int check(struct config *f, const char *key, const json_t *body, struct rast_err *err)
{
	for (size_t i = 0; i < f->n_hooks; i++) {
		int r = f->hooks[i].check ? f->hooks[i].check(f->hooks[i].arg, key, body, err) : 0;

		if (r < 0)
			return rast_err_set(err, -r, "%s: refused", key);
	}
	return 0;
}

static int need(const struct rast_controller *c, struct config **ret, struct rast_err *err)
{
	*ret = state(c);
	return *ret ? 0 : rast_err_set(err, ENODEV, "the controller has no store open");
}

static int arg_str(const json_t *args, const char *name, const char **ret, struct rast_err *err)
{
	*ret = rast_json_str(args, name);
	if (**ret)
		return 0;
	return rast_err_at(err, EINVAL, NULL, 0, 0, name, "a string is required");
}

/* An operation number; *ret stays when it is not given. */
static int arg_op(const json_t *args, const char *name, uint64_t *ret, struct rast_err *err)
{
	const json_t *v = json_object_get(args, name);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return rast_err_at(err, EINVAL, NULL, 0, 0, name, "must be a number, 0 or more");
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

/* Who did it: what the request says, else the peer of the socket. buf keeps the text. */
static struct rast_author author_of(const struct rast_actor *actor, const json_t *args, char *buf,
				    size_t size)
{
	struct rast_author by = {rast_json_str(args, "author"), rast_json_str(args, "message"), 0};

	if (!*by.author) {
		(void)snprintf(buf, size, "uid %u", actor->uid);
		by.author = buf;
	}
	return by;
}

static json_t *change_json(const struct rast_change *ch)
{
	json_t *o = json_object();

	(void)json_object_set_new(o, "key", json_string(ch->key));
	(void)json_object_set_new(o, "version", json_integer((json_int_t)ch->op));
	(void)json_object_set_new(o, "changed", json_boolean(ch->changed));
	return o;
}

/* Hooks, then the store: what put, delete and rollback have in common. */
static int commit(struct config *f, const struct rast_actor *actor, const json_t *args,
		  struct rast_change *ch, size_t n, json_t **ret, struct rast_err *err)
{
	char who[32];
	struct rast_author by = author_of(actor, args, who, sizeof(who));
	json_t *list;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = arg_op(args, "expect", &ch[i].expect, err);
	for (size_t i = 0; i < n && !r; i++)
		r = check(f, ch[i].key, ch[i].body, err);
	if (!r)
		r = rast_store_commit(f->store, ch, n, &by, err);
	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, change_json(&ch[i]));
	*ret = json_pack("{s:I, s:o}", "version", (json_int_t)rast_store_last_op(f->store), "items",
			 list);
	return 0;
}

static int op_put(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		  json_t **ret, struct rast_err *err)
{
	const json_t *items = json_object_get(args, "items"), *item;
	size_t n = json_array_size(items), i;
	_cleanup_free_ struct rast_change *ch = NULL;
	_cleanup_free_ char *keys = NULL;
	struct config *f;
	int r = need(c, &f, err);

	if (r < 0)
		return r;
	if (!n)
		return rast_err_at(err, EINVAL, NULL, 0, 0, "items",
				   "a list of {key, body} is required");
	if (n > RAST_COMMIT_MAX)
		return rast_err_at(err, E2BIG, NULL, 0, 0, "items", "at most %u in one request",
				   RAST_COMMIT_MAX);
	ch = calloc(n, sizeof(*ch));
	keys = calloc(n, RAST_KEY_MAX + 1);
	if (!ch || !keys)
		return rast_err_set(err, ENOMEM, "out of memory");
	json_array_foreach(items, i, item) {
		const char *key = rast_json_str(item, "key");
		char *buf = keys + i * (RAST_KEY_MAX + 1);

		ch[i].expect = RAST_ANY;
		ch[i].body = json_object_get(item, "body");
		ch[i].key = *key ? key : buf;
		if (!ch[i].body)
			return rast_err_at(err, EINVAL, NULL, 0, 0, "items", "item %zu has no body",
					   i);
		r = *key ? 0 : rast_config_key(ch[i].body, buf, RAST_KEY_MAX + 1, err);
		if (r < 0)
			return rast_err_prefix(err, "item %zu", i);
	}
	return commit(f, actor, args, ch, n, ret, err);
}

static int op_delete(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		     json_t **ret, struct rast_err *err)
{
	const json_t *keys = json_object_get(args, "keys"), *key;
	size_t n = json_array_size(keys), i;
	_cleanup_free_ struct rast_change *ch = NULL;
	struct config *f;
	int r = need(c, &f, err);

	if (r < 0)
		return r;
	if (!n || n > RAST_COMMIT_MAX)
		return rast_err_at(err, EINVAL, NULL, 0, 0, "keys", "a list of keys is required");
	ch = calloc(n, sizeof(*ch));
	if (!ch)
		return rast_err_set(err, ENOMEM, "out of memory");
	json_array_foreach(keys, i, key) {
		ch[i].expect = RAST_ANY;
		ch[i].key = json_string_value(key);
		if (!ch[i].key)
			return rast_err_at(err, EINVAL, NULL, 0, 0, "keys", "must be strings");
	}
	return commit(f, actor, args, ch, n, ret, err);
}

static int op_rollback(struct rast_controller *c, const struct rast_actor *actor,
		       const json_t *args, json_t **ret, struct rast_err *err)
{
	struct rast_change ch = {.expect = RAST_ANY};
	_cleanup_json_ json_t *done = NULL, *said = NULL;
	struct rast_version then;
	uint64_t to = 0;
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = arg_str(args, "key", &ch.key, err);
	if (!r)
		r = arg_op(args, "to", &to, err);
	if (!r && !to)
		r = rast_err_at(err, EINVAL, NULL, 0, 0, "to", "a version is required");
	if (!r)
		r = rast_store_get(f->store, ch.key, to, &then, err);
	if (r < 0)
		return r;
	ch.body = then.body;
	ch.from_op = then.op;
	/* Without words of its own the log says what it was. */
	said = json_copy((json_t *)(uintptr_t)args);
	if (said && !*rast_json_str(said, "message"))
		(void)json_object_set_new(
			said, "message",
			json_sprintf("back to version %llu", (unsigned long long)then.op));
	r = commit(f, actor, said ? said : args, &ch, 1, &done, err);
	rast_version_finish(&then);
	if (!r)
		*ret = json_incref(json_array_get(json_object_get(done, "items"), 0));
	return r;
}

static int op_get(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		  json_t **ret, struct rast_err *err)
{
	struct rast_version v;
	uint64_t as_of = 0;
	const char *key = "";
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = arg_str(args, "key", &key, err);
	if (!r)
		r = arg_op(args, "version", &as_of, err);
	if (!r)
		r = rast_store_get(f->store, key, as_of, &v, err);
	if (r < 0)
		return r;
	*ret = rast_version_json(&v, true);
	rast_version_finish(&v);
	return 0;
}

static int append(void *arg, const struct rast_version *v)
{
	return json_array_append_new(arg, rast_version_json(v, false)) < 0 ? -ENOMEM : 0;
}

static int op_list(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret, struct rast_err *err)
{
	json_t *rows;
	uint64_t as_of = 0;
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = arg_op(args, "version", &as_of, err);
	if (r < 0)
		return r;
	rows = json_array();
	r = rast_store_list(f->store, rast_json_str(args, "prefix"), as_of, append, rows, err);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	*ret = rows;
	return 0;
}

static int op_log(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		  json_t **ret, struct rast_err *err)
{
	const char *key = rast_json_str(args, "key");
	uint64_t limit = LOG_LIMIT, last;
	json_t *rows, *newest;
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = arg_op(args, "limit", &limit, err);
	if (r < 0)
		return r;
	if (!limit || limit > LOG_LIMIT)
		limit = LOG_LIMIT;
	rows = json_array();
	last = rast_store_last_op(f->store);
	if (*key)
		r = rast_store_log(f->store, key, limit, append, rows, err);
	else
		r = rast_store_changes(f->store, last > limit ? last - limit + 1 : 1, 0, append,
				       rows, err);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	if (!*key) { /* the sequence of changes runs forward, a log backward */
		newest = json_array();
		for (size_t i = json_array_size(rows); i-- > 0;)
			(void)json_array_append(newest, json_array_get(rows, i));
		json_decref(rows);
		rows = newest;
	}
	*ret = rows;
	return 0;
}

/* A version to compare: a deleted one has no body, and before the first there is nothing. */
static int side(struct config *f, const char *key, uint64_t as_of, struct rast_version *v,
		struct rast_err *err)
{
	struct rast_err mine = {0};
	int r = rast_store_get(f->store, key, as_of, v, &mine);

	*v = r == -ENOENT ? (struct rast_version){.op = as_of} : *v;
	if (r < 0 && r != -ENOENT)
		return rast_err_set(err, -r, "%s", mine.text);
	return 0;
}

struct two {
	uint64_t op[2];
	size_t n;
};

static int last_two(void *arg, const struct rast_version *v)
{
	struct two *t = arg;

	t->op[t->n++] = v->op;
	return 0;
}

static int op_diff(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret, struct rast_err *err)
{
	struct rast_version a = {0}, b = {0};
	_cleanup_free_ char *text = NULL;
	char names[2][RAST_KEY_MAX + 32];
	struct two two = {0};
	uint64_t from = 0, to = 0;
	const char *key = "";
	json_t *changes = NULL;
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = arg_str(args, "key", &key, err);
	if (!r)
		r = arg_op(args, "from", &from, err);
	if (!r)
		r = arg_op(args, "to", &to, err);
	/* Without versions: the last change of the item; with one: from there to now. */
	if (!r)
		r = rast_store_log(f->store, key, 2, last_two, &two, err);
	if (r < 0)
		return r;
	if (!to)
		to = two.op[0];
	if (!from)
		from = two.n == 2 ? two.op[1] : 0;
	r = from ? side(f, key, from, &a, err) : 0;
	if (!r)
		r = side(f, key, to, &b, err);
	if (!r) {
		(void)snprintf(names[0], sizeof(names[0]), "%s version %llu", key,
			       (unsigned long long)from);
		(void)snprintf(names[1], sizeof(names[1]), "%s version %llu", key,
			       (unsigned long long)to);
		changes = rast_diff(a.body, b.body);
		text = rast_diff_text(a.body, b.body, names[0], names[1]);
		if (!changes || !text) {
			json_decref(changes);
			r = rast_err_set(err, ENOMEM, "out of memory");
		}
	}
	rast_version_finish(&a);
	rast_version_finish(&b);
	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:I, s:I, s:o, s:s}", "key", key, "from", (json_int_t)from, "to",
			 (json_int_t)to, "changes", changes, "text", text);
	return 0;
}

static int op_search(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		     json_t **ret, struct rast_err *err)
{
	uint64_t k = 5, as_of = 0;
	struct rast_hit *hits;
	const char *query = "";
	json_t *rows;
	struct config *f;
	size_t n;
	int r = need(c, &f, err);

	if (!r)
		r = arg_str(args, "query", &query, err);
	if (!r)
		r = arg_op(args, "k", &k, err);
	if (!r)
		r = arg_op(args, "version", &as_of, err);
	if (!r)
		r = rast_store_search(f->store, query, k, as_of, &hits, &n, err);
	if (r < 0)
		return r;
	rows = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct rast_hit *h = &hits[i];

		(void)json_array_append_new(
			rows,
			json_pack("{s:s, s:I, s:f, s:f, s:f, s:s, s:s}", "key", h->key, "version",
				  (json_int_t)h->op, "score", h->score, "words", h->words, "cosine",
				  h->cosine, "matched", h->matched, "snippet", h->snippet));
	}
	rast_hits_free(hits, n);
	*ret = rows;
	return 0;
}

static int op_verify(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		     json_t **ret, struct rast_err *err)
{
	struct rast_verify v;
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		r = rast_store_verify(f->store, &v, err);
	if (r < 0)
		return r;
	*ret = json_pack("{s:I, s:I, s:I, s:I}", "items", (json_int_t)v.items, "versions",
			 (json_int_t)v.versions, "operations", (json_int_t)v.operations, "vectors",
			 (json_int_t)v.vectors);
	return 0;
}

static int op_info(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret, struct rast_err *err)
{
	struct config *f;
	int r = need(c, &f, err);

	if (!r)
		*ret = rast_store_info(f->store);
	return r;
}

static int config_load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct config *f = calloc(1, sizeof(*f));
	char dir[128];
	int r;

	if (!f)
		return rast_err_set(err, ENOMEM, "out of memory");
	(void)snprintf(dir, sizeof(dir), "%s/store", rast_controller_instance(c)->lib_dir);
	r = rast_store_open(dir, RAST_STORE_CREATE, &f->store, err);
	if (r < 0) {
		free(f);
		return r;
	}
	rast_store_on_change(f->store, changed, f);
	*ret_state = f;
	return 0;
}

static int config_show(struct rast_controller *c, void *state_, json_t *json)
{
	struct config *f = state_;
	json_t *info = rast_store_info(f->store);
	int r = json_object_update(json, info);

	json_decref(info);
	return r < 0 ? -ENOMEM : 0;
}

static void config_unload(struct rast_controller *c, void *state_)
{
	struct config *f = state_;

	rast_store_close(f->store);
	free(f);
}

static const struct rast_op ops[] = {
	{"config.put", op_put},
	{"config.get", op_get},
	{"config.list", op_list},
	{"config.log", op_log},
	{"config.diff", op_diff},
	{"config.rollback", op_rollback},
	{"config.delete", op_delete},
	{"config.search", op_search},
	{"config.verify", op_verify},
	{"config.info", op_info},
	{NULL},
};

const struct rast_feature rast_config_feature = {
	.name = "config",
	.load = config_load,
	.show = config_show,
	.unload = config_unload,
	.ops = ops,
};
