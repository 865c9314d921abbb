// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf config: arguments in, one request to rastd, text or JSON out. */
#include "base/yaml.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "vector/config_cmd.h"
#include "vector/config_key.h"
#include "vector/vector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int call(struct rast_cli *cli, const char *op, json_t *args, json_t **ret)
{
	int r = rast_client_call(cli, true, op, args, ret);

	return r < 0 ? rast_err_set(&cli->err, -r, "%s failed", op) : 0;
}

/* What a verb returns for the error in cli->err: only negative ones are printed. */
static int failed(const struct rast_cli *cli)
{
	return cli->err.code ? -cli->err.code : -ENOMEM;
}

/* A version number given by a person: "7", or "v7". */
static int set_version(struct rast_cli *cli, json_t *args, const char *name, const char *text)
{
	char *end;
	long long v;

	if (!text)
		return 0;
	errno = 0;
	v = strtoll(*text == 'v' ? text + 1 : text, &end, 10);
	if (errno || *end || v < 0 || end == text)
		return rast_err_set(&cli->err, EINVAL, "%s: \"%s\" is not a version number", name,
				    text);
	return json_object_set_new(args, name, json_integer(v)) < 0 ? -ENOMEM : 0;
}

/* Author, message and expectation: options that all writing verbs have. */
static int set_who(struct rast_cli *cli, json_t *args, const struct rast_args *a)
{
	const char *author = rast_args_get(a, "author"), *user = getenv("SUDO_USER");

	if (!user)
		user = getenv("USER");
	if (!author)
		author = user ? user : getenv("LOGNAME");
	rast_json_set_str(args, "author", author);
	rast_json_set_str(args, "message", rast_args_get(a, "message"));
	return set_version(cli, args, "expect", rast_args_get(a, "expect"));
}

static const struct rast_col version_cols[] = {
	{"key", "KEY", RAST_COL_TEXT},
	{"version", "VERSION", RAST_COL_NUM},
	{"seq", "CHANGES", RAST_COL_NUM},
	{"time", "TIME", RAST_COL_TEXT},
	{"author", "AUTHOR", RAST_COL_TEXT},
	{"message", "MESSAGE", RAST_COL_TEXT},
	{NULL},
};

static const struct rast_col log_cols[] = {
	{"version", "VERSION", RAST_COL_NUM},  {"key", "KEY", RAST_COL_TEXT},
	{"time", "TIME", RAST_COL_TEXT},       {"author", "AUTHOR", RAST_COL_TEXT},
	{"deleted", "DELETED", RAST_COL_BOOL}, {"restores", "RESTORES", RAST_COL_NUM},
	{"message", "MESSAGE", RAST_COL_TEXT}, {NULL},
};

static const struct rast_col change_cols[] = {
	{"key", "KEY", RAST_COL_TEXT},
	{"version", "VERSION", RAST_COL_NUM},
	{"changed", "CHANGED", RAST_COL_BOOL},
	{NULL},
};

static int run_list(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *args = json_object(), *rows;

	if (a->argc)
		rast_json_set_str(args, "prefix", a->argv[0]);
	if (set_version(cli, args, "version", rast_args_get(a, "version")) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.list", args, &rows) < 0)
		return failed(cli);
	return rast_cli_table(cli, rows, version_cols);
}

static int run_get(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_json_ json_t *item = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *args = json_object();

	rast_json_set_str(args, "key", a->argv[0]);
	if (set_version(cli, args, "version", rast_args_get(a, "version")) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.get", args, &item) < 0)
		return failed(cli);
	if (rast_cli_json(cli, item))
		return RAST_EXIT_OK;
	text = rast_json_yaml(json_object_get(item, "body"));
	printf("%s# version %lld, %s, by %s%s%s%s\n", rast_cli_style(cli, "dim"),
	       (long long)rast_json_int(item, "version"), rast_json_str(item, "time"),
	       rast_json_str(item, "author"), *rast_json_str(item, "message") ? ": " : "",
	       rast_json_str(item, "message"), rast_cli_style(cli, "reset"));
	printf("%s", text ? text : "");
	return RAST_EXIT_OK;
}

/* Every document of a YAML stream as an item; an error names its line. */
static int add_file(struct rast_cli *cli, const char *path, const char *only_key, json_t *items)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	int r = rast_yaml_load(path, &y, &cli->err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rast_yaml_count(y); i++) {
		const struct rast_yaml_node *root = rast_yaml_root(y, i);
		struct rast_err why = {0};
		char key[RAST_KEY_MAX + 1];
		json_t *body;

		if (!root || root->type == RAST_YAML_NULL)
			continue; /* an empty document between two "---" */
		body = rast_yaml_to_json(root);
		if (!body)
			return rast_err_set(&cli->err, ENOMEM, "out of memory");
		if (only_key) {
			(void)snprintf(key, sizeof(key), "%s", only_key);
		} else if (rast_config_key(body, key, sizeof(key), &why) < 0) {
			json_decref(body);
			return rast_err_at(&cli->err, EINVAL, path, root->line, root->col,
					   why.field, "%s", why.text);
		}
		(void)json_array_append_new(items,
					    json_pack("{s:s, s:o}", "key", key, "body", body));
	}
	return 0;
}

static int run_put(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *args = json_object(), *items = json_array(), *answer;
	const char *key = rast_args_get(a, "key"), *file;
	int r = 0;

	(void)json_object_set_new(args, "items", items);
	if (!rast_args_get(a, "file")) {
		json_decref(args);
		return rast_cli_usage(cli, "config put needs -f FILE");
	}
	for (int i = 0; !r && (file = rast_args_get_nth(a, "file", i)); i++)
		r = add_file(cli, file, key, items);
	if (!r && !json_array_size(items))
		r = rast_err_set(&cli->err, EINVAL, "there is no document in it");
	if (!r && key && json_array_size(items) > 1)
		r = rast_err_set(&cli->err, EINVAL, "--key names one item, and there are %zu",
				 json_array_size(items));
	if (!r)
		r = set_who(cli, args, a);
	if (r < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.put", args, &answer) < 0)
		return failed(cli);
	items = json_incref(json_object_get(answer, "items"));
	json_decref(answer);
	return rast_cli_table(cli, items, change_cols);
}

static int run_log(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *args = json_object(), *rows;

	if (a->argc)
		rast_json_set_str(args, "key", a->argv[0]);
	if (set_version(cli, args, "limit", rast_args_get(a, "limit")) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.log", args, &rows) < 0)
		return failed(cli);
	return rast_cli_table(cli, rows, log_cols);
}

static void print_diff(const struct rast_cli *cli, const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");
		const char *style = !strncmp(text, "@@", 2)                                ? "dim"
				    : !strncmp(text, "---", 3) || !strncmp(text, "+++", 3) ? "bold"
				    : *text == '+'                                         ? "green"
				    : *text == '-'                                         ? "red"
											   : NULL;

		printf("%s%.*s%s\n", style ? rast_cli_style(cli, style) : "", len, text,
		       style ? rast_cli_style(cli, "reset") : "");
		text += len + (text[len] == '\n');
	}
}

static int run_diff(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_json_ json_t *d = NULL;
	json_t *args = json_object(), *ch;
	size_t i;

	rast_json_set_str(args, "key", a->argv[0]);
	if (set_version(cli, args, "from", a->argc > 1 ? a->argv[1] : NULL) < 0 ||
	    set_version(cli, args, "to", a->argc > 2 ? a->argv[2] : NULL) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.diff", args, &d) < 0)
		return failed(cli);
	if (rast_cli_json(cli, d))
		return RAST_EXIT_OK;
	print_diff(cli, rast_json_str(d, "text"));
	json_array_foreach(json_object_get(d, "changes"), i, ch) {
		json_t *old = json_object_get(ch, "old"), *new = json_object_get(ch, "new");
		_cleanup_free_ char *o = old ? rast_json_canonical(old) : NULL;
		_cleanup_free_ char *n = new ? rast_json_canonical(new) : NULL;

		printf("%s%s%s: %s -> %s\n", rast_cli_style(cli, "bold"), rast_json_str(ch, "path"),
		       rast_cli_style(cli, "reset"), o ? o : "(none)", n ? n : "(none)");
	}
	return RAST_EXIT_OK;
}

static int run_rollback(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *args = json_object(), *answer, *rows;
	const char *to = rast_args_get(a, "to");

	if (!to) {
		json_decref(args);
		return rast_cli_usage(cli, "config rollback needs --to VERSION");
	}
	rast_json_set_str(args, "key", a->argv[0]);
	if (set_version(cli, args, "to", to) < 0 || set_who(cli, args, a) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.rollback", args, &answer) < 0)
		return failed(cli);
	rows = json_array();
	(void)json_array_append_new(rows, answer);
	return rast_cli_table(cli, rows, change_cols);
}

static int run_delete(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *args = json_object(), *keys = json_array(), *answer, *items;

	for (int i = 0; i < a->argc; i++)
		(void)json_array_append_new(keys, json_string(a->argv[i]));
	(void)json_object_set_new(args, "keys", keys);
	if (set_who(cli, args, a) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.delete", args, &answer) < 0)
		return failed(cli);
	items = json_incref(json_object_get(answer, "items"));
	json_decref(answer);
	return rast_cli_table(cli, items, change_cols);
}

static int run_search(struct rast_cli *cli, const struct rast_args *a)
{
	_cleanup_json_ json_t *rows = NULL;
	json_t *args = json_object(), *h;
	char query[4096] = "";
	size_t i, n = 0;

	/* "words" in quotes or as they come: both are a question. */
	for (int w = 0; w < a->argc && n < sizeof(query); w++)
		n += (size_t)snprintf(query + n, sizeof(query) - n, "%s%s", w ? " " : "",
				      a->argv[w]);
	rast_json_set_str(args, "query", query);
	if (set_version(cli, args, "k", rast_args_get(a, "count")) < 0 ||
	    set_version(cli, args, "version", rast_args_get(a, "version")) < 0) {
		json_decref(args);
		return failed(cli);
	}
	if (call(cli, "config.search", args, &rows) < 0)
		return failed(cli);
	if (rast_cli_json(cli, rows))
		return RAST_EXIT_OK;
	json_array_foreach(rows, i, h) {
		printf("%5.3f  %s%s%s", json_number_value(json_object_get(h, "score")),
		       rast_cli_style(cli, "bold"), rast_json_str(h, "key"),
		       rast_cli_style(cli, "reset"));
		if (*rast_json_str(h, "matched"))
			printf("  %s[%s]%s", rast_cli_style(cli, "dim"),
			       rast_json_str(h, "matched"), rast_cli_style(cli, "reset"));
		printf("\n       %s\n", rast_json_str(h, "snippet"));
	}
	if (!json_array_size(rows))
		(void)fprintf(stderr, "nothing found\n");
	return RAST_EXIT_OK;
}

static int run_verify(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *v;

	if (call(cli, "config.verify", NULL, &v) < 0)
		return failed(cli);
	return rast_cli_record(cli, v, NULL);
}

static int run_info(struct rast_cli *cli, const struct rast_args *a)
{
	json_t *v;

	if (call(cli, "config.info", NULL, &v) < 0)
		return failed(cli);
	return rast_cli_record(cli, v, NULL);
}

#define WHO_OPTS                                                                           \
	{"message", 'm', "TEXT", "why; kept with the version"},                            \
		{"author", 0, "NAME", "who; otherwise the user who calls"},                \
	{                                                                                  \
		"expect", 0, "VERSION", "only if it is at this version now (0: not there)" \
	}

static const struct rast_opt list_opts[] = {
	{"version", 0, "VERSION", "as it was just after this version"},
	{NULL},
};
static const struct rast_opt put_opts[] = {
	{"file", 'f', "FILE", "YAML or JSON, any number of documents; - is standard input"},
	{"key", 0, "KEY", "file it under this key, for a document that is not a manifest"},
	WHO_OPTS,
	{NULL},
};
static const struct rast_opt log_opts[] = {
	{"limit", 'n', "N", "at most so many"},
	{NULL},
};
static const struct rast_opt rollback_opts[] = {
	{"to", 0, "VERSION", "what it was just after this version"},
	WHO_OPTS,
	{NULL},
};
static const struct rast_opt delete_opts[] = {WHO_OPTS, {NULL}};
static const struct rast_opt search_opts[] = {
	{"count", 'k', "N", "how many (5)"},
	{"version", 0, "VERSION", "among the items as they were then"},
	{NULL},
};

static const struct rast_verb verbs[] = {
	{"show", "list", "[PREFIX] [--version N]", "items and their versions", list_opts, 0, 1,
	 run_list},
	{"get", NULL, "KEY [--version N]", "one item as YAML", list_opts, 1, 1, run_get},
	{"put", NULL, "-f FILE [-m TEXT] [--expect N]", "store items; all or none", put_opts, 0, 0,
	 run_put},
	{"log", NULL, "[KEY] [-n N]", "versions, newest first", log_opts, 0, 1, run_log},
	{"diff", NULL, "KEY [A [B]]", "what changed (last change; from A to now; from A to B)",
	 NULL, 1, 3, run_diff},
	{"rollback", NULL, "KEY --to N [-m TEXT]", "make it what it was, by a new version",
	 rollback_opts, 1, 1, run_rollback},
	{"search", NULL, "\"WORDS\" [-k N]", "find items by a question in plain language",
	 search_opts, 1, 64, run_search},
	{"delete", NULL, "KEY…", "delete items; their history stays", delete_opts, 1, 64,
	 run_delete},
	{"verify", NULL, "", "check every hash, link and vector of the store", NULL, 0, 0,
	 run_verify},
	{"info", NULL, "", "the store as a whole", NULL, 0, 0, run_info},
	{NULL},
};

const struct rast_object rast_object_config = {
	.name = "config",
	.summary = "versioned configuration: store, search, compare, roll back",
	.verbs = verbs,
	.details = "A KEY is KIND/NAMESPACE/NAME, for example NetworkPolicy/shop/db-ingress.\n"
		   "A VERSION is a number of the whole store: it says which item and when.",
};
