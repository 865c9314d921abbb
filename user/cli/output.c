// SPDX-License-Identifier: BSD-2-Clause
/*
 * The last step of every verb: a JSON value becomes JSON or text. Only here is decided what a person
 * sees; everything that came from outside is cleaned of control characters on its way to text.
 */
#include "cli/cli.h"

#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CELL_MAX 512

const char *rast_cli_style(const struct rast_cli *cli, const char *name)
{
	static const char *const styles[][2] = {
		{"bold", "\033[1m"},   {"dim", "\033[2m"},     {"red", "\033[31m"},
		{"green", "\033[32m"}, {"yellow", "\033[33m"}, {"reset", "\033[0m"},
	};

	for (size_t i = 0; cli->color && i < ARRAY_SIZE(styles); i++)
		if (!strcmp(styles[i][0], name))
			return styles[i][1];
	return "";
}

bool rast_cli_json(struct rast_cli *cli, const json_t *value)
{
	if (!cli->json)
		return false;
	(void)json_dumpf(value, stdout,
			 JSON_ENCODE_ANY | (cli->pretty ? JSON_INDENT(2) : JSON_COMPACT));
	(void)putchar('\n');
	return true;
}

static const json_t *lookup(const json_t *obj, const char *key)
{
	const char *dot = strchr(key, '.');
	char head[128];
	const json_t *v = json_object_get(obj, key);

	if (v || !dot || (size_t)(dot - key) >= sizeof(head))
		return v;
	memcpy(head, key, (size_t)(dot - key));
	head[dot - key] = '\0';
	return lookup(json_object_get(obj, head), dot + 1);
}

static void value_text(const json_t *v, enum rast_col_kind kind, char *buf, size_t size);

static void list_text(const json_t *v, char *buf, size_t size)
{
	size_t i, len = 0;
	const char *key;
	json_t *one;
	char item[CELL_MAX];

	buf[0] = '\0';
	if (json_is_array(v)) {
		json_array_foreach(v, i, one) {
			value_text(one, RAST_COL_LIST, item, sizeof(item));
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						item);
			if (len >= size)
				return;
		}
		return;
	}
	json_object_foreach((json_t *)v, key, one) {
		value_text(one, RAST_COL_LIST, item, sizeof(item));
		len += (size_t)snprintf(buf + len, size - len, "%s%s=%s", len ? ", " : "", key,
					item);
		if (len >= size)
			return;
	}
}

static void value_text(const json_t *v, enum rast_col_kind kind, char *buf, size_t size)
{
	uint64_t n = json_is_integer(v) && json_integer_value(v) > 0
			     ? (uint64_t)json_integer_value(v)
			     : 0;

	if (!v || json_is_null(v)) {
		(void)snprintf(buf, size, "-");
		return;
	}
	if (json_is_boolean(v)) {
		(void)snprintf(buf, size, "%s", json_is_true(v) ? "yes" : "no");
		return;
	}
	if (json_is_array(v) || json_is_object(v)) {
		list_text(v, buf, size);
		if (!buf[0])
			(void)snprintf(buf, size, "-");
		return;
	}
	if (json_is_string(v)) {
		const char *s = json_string_value(v);
		const char *t = kind == RAST_COL_TIME ? strchr(s, 'T') : NULL;

		if (t) /* 2026-01-02T03:04:05.678901Z → 03:04:05.678 */
			(void)snprintf(buf, size, "%.*s",
				       (int)strcspn(t + 1, "Z") < 12 ? (int)strcspn(t + 1, "Z")
								     : 12,
				       t + 1);
		else
			(void)snprintf(buf, size, "%s", *s ? s : "-");
		return;
	}
	if (json_is_real(v)) {
		(void)snprintf(buf, size, "%.3g", json_real_value(v));
		return;
	}
	if (kind == RAST_COL_BYTES)
		(void)rast_text_bytes(n, buf, size);
	else if (kind == RAST_COL_COUNT)
		(void)rast_text_count(n, buf, size);
	else if (kind == RAST_COL_NS)
		(void)rast_text_ns(n, buf, size);
	else
		(void)snprintf(buf, size, "%lld", (long long)json_integer_value(v));
}

static char *cell_text(const json_t *row, const struct rast_col *col)
{
	char raw[CELL_MAX], clean[CELL_MAX * 2];

	value_text(lookup(row, col->key), col->kind, raw, sizeof(raw));
	return strdup(rast_text_clean(raw, false, clean, sizeof(clean)));
}

static bool right_aligned(const struct rast_col *c)
{
	return c->kind == RAST_COL_NUM || c->kind == RAST_COL_BYTES || c->kind == RAST_COL_COUNT ||
	       c->kind == RAST_COL_NS;
}

static const char *verdict_style(const struct rast_cli *cli, const struct rast_col *c,
				 const char *text)
{
	if (c->kind != RAST_COL_VERDICT)
		return "";
	return !strncmp(text, "allow", 5)  ? rast_cli_style(cli, "green")
	       : !strncmp(text, "deny", 4) ? rast_cli_style(cli, "red")
					   : "";
}

static void print_cell(const struct rast_col *c, const char *text, size_t width, const char *style,
		       const char *reset, bool last)
{
	size_t w = rast_text_width(text), pad = width > w ? width - w : 0;

	if (right_aligned(c))
		(void)printf("%*s%s%s%s", (int)pad, "", style, text, *style ? reset : "");
	else
		(void)printf("%s%s%s%*s", style, text, *style ? reset : "", last ? 0 : (int)pad,
			     "");
	(void)fputs(last ? "\n" : "  ", stdout);
}

static int print_table(struct rast_cli *cli, const json_t *rows, const struct rast_col *cols)
{
	size_t n_rows = json_array_size(rows), n_cols = 0, i, j;
	_cleanup_free_ char **cells = NULL;
	_cleanup_free_ size_t *width = NULL;
	int r = 0;

	while (cols[n_cols].key)
		n_cols++;
	cells = calloc(n_rows * n_cols + 1, sizeof(*cells));
	width = calloc(n_cols + 1, sizeof(*width));
	if (!cells || !width)
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	for (j = 0; j < n_cols; j++)
		width[j] = rast_text_width(cols[j].title);
	for (i = 0; i < n_rows && !r; i++) {
		for (j = 0; j < n_cols; j++) {
			char *text = cell_text(json_array_get(rows, i), &cols[j]);

			if (!text) {
				r = rast_err_set(&cli->err, ENOMEM, "out of memory");
				break;
			}
			cells[i * n_cols + j] = text;
			if (rast_text_width(text) > width[j])
				width[j] = rast_text_width(text);
		}
	}
	for (j = 0; j < n_cols && !r; j++)
		print_cell(&cols[j], cols[j].title, width[j], rast_cli_style(cli, "bold"),
			   rast_cli_style(cli, "reset"), j + 1 == n_cols);
	for (i = 0; i < n_rows && !r; i++)
		for (j = 0; j < n_cols; j++)
			print_cell(&cols[j], cells[i * n_cols + j], width[j],
				   verdict_style(cli, &cols[j], cells[i * n_cols + j]),
				   rast_cli_style(cli, "reset"), j + 1 == n_cols);
	for (i = 0; i < n_rows * n_cols; i++)
		free(cells[i]);
	return r;
}

int rast_cli_table(struct rast_cli *cli, json_t *rows, const struct rast_col *cols)
{
	int r = 0;

	if (!rows)
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	if (cli->capture) {
		json_decref(*cli->capture);
		*cli->capture = rows;
		return 0;
	}
	if (!rast_cli_json(cli, rows)) {
		if (json_array_size(rows))
			r = print_table(cli, rows, cols);
		else if (cli->tty)
			(void)fputs("nothing to show\n", stderr);
	}
	json_decref(rows);
	return r;
}

static void print_field(const struct rast_cli *cli, const char *title, size_t width,
			const struct rast_col *col, const json_t *v)
{
	char raw[CELL_MAX * 4], clean[CELL_MAX * 8];

	value_text(v, col->kind, raw, sizeof(raw));
	(void)rast_text_clean(raw, false, clean, sizeof(clean));
	(void)printf("%s%s%s%*s  %s%s%s\n", rast_cli_style(cli, "bold"), title,
		     rast_cli_style(cli, "reset"), (int)(width - rast_text_width(title)), "",
		     verdict_style(cli, col, clean), clean,
		     col->kind == RAST_COL_VERDICT ? rast_cli_style(cli, "reset") : "");
}

int rast_cli_record(struct rast_cli *cli, json_t *obj, const struct rast_col *cols)
{
	const struct rast_col plain = {.kind = RAST_COL_TEXT};
	size_t width = 0;
	const char *key;
	json_t *v;

	if (!obj)
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	if (rast_cli_json(cli, obj)) {
		json_decref(obj);
		return 0;
	}
	for (int i = 0; cols && cols[i].key; i++)
		if (rast_text_width(cols[i].title) > width)
			width = rast_text_width(cols[i].title);
	if (!cols)
		json_object_foreach(obj, key, v)
			if (rast_text_width(key) > width)
				width = rast_text_width(key);
	for (int i = 0; cols && cols[i].key; i++)
		print_field(cli, cols[i].title, width, &cols[i], lookup(obj, cols[i].key));
	if (!cols)
		json_object_foreach(obj, key, v)
			print_field(cli, key, width, &plain, v);
	json_decref(obj);
	return 0;
}

int rast_cli_event(struct rast_cli *cli, json_t *obj, const char *text)
{
	char clean[8192];
	int r = 0;

	if (!rast_cli_json(cli, obj))
		(void)printf("%s\n", rast_text_clean(text, cli->color, clean, sizeof(clean)));
	json_decref(obj);
	/* A reader of a stream wants each event when it happens; its leaving ends us. */
	if (fflush(stdout) == EOF)
		r = errno == EPIPE ? -EPIPE : rast_err_sys(&cli->err, errno, "standard output");
	return r;
}
