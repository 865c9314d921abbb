// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf map: the maps that are pinned, and their contents by BTF. The text of a dump is the JSON
 * value written for people; what it leaves out is said in its last line.
 */
#include "loader/map_cmd.h"

#include "cli/text.h"
#include "loader/inspect_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_COLUMNS 90

static const struct rast_col columns[] = {
	{"name", "NAME", RAST_COL_TEXT},         {"id", "ID", RAST_COL_NUM},
	{"type", "TYPE", RAST_COL_TEXT},         {"key_bytes", "KEY", RAST_COL_NUM},
	{"value_bytes", "VALUE", RAST_COL_NUM},  {"max_entries", "MAX", RAST_COL_NUM},
	{"memory_bytes", "MEM", RAST_COL_BYTES}, {"value_type", "VALUE TYPE", RAST_COL_TEXT},
	{"flags", "FLAGS", RAST_COL_LIST},       {NULL, NULL, 0},
};

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	const char *name = args->argc ? args->argv[0] : NULL;
	json_t *rows = NULL, *one;
	int r = rast_inspect_maps(&cli->in, name, &rows, &cli->err);

	if (r < 0)
		return r;
	if (!name || cli->json)
		return rast_cli_table(cli, rows, columns);
	one = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return rast_cli_record(cli, one, NULL);
}

/* ---- dump as text ---- */

/* A long array as the decoder tells it. */
static bool is_long_array(const json_t *v)
{
	return json_object_size(v) == 4 && json_object_get(v, "elements") &&
	       json_object_get(v, "nonzero") && json_object_get(v, "values") &&
	       json_object_get(v, "left_out");
}

static void put_scalar(FILE *f, const json_t *v)
{
	char clean[2048];

	if (json_is_string(v))
		(void)fprintf(f, "\"%s\"",
			      rast_text_clean(json_string_value(v), false, clean, sizeof(clean)));
	else
		(void)json_dumpf(v, f, JSON_ENCODE_ANY);
}

static void put_inline(FILE *f, const json_t *v)
{
	const char *sep = "", *key;
	size_t i;
	json_t *one;

	if (is_long_array(v)) {
		(void)fputc('[', f);
		json_object_foreach(json_object_get(v, "values"), key, one) {
			(void)fprintf(f, "%s[%s]=", sep, key);
			put_inline(f, one);
			sep = " ";
		}
		if (rast_json_int(v, "left_out"))
			(void)fprintf(f, "%s%lld more", sep,
				      (long long)rast_json_int(v, "left_out"));
		(void)fprintf(f, "%sof %lld]", *sep ? " " : "none ",
			      (long long)rast_json_int(v, "elements"));
	} else if (json_is_object(v)) {
		(void)fputc('{', f);
		json_object_foreach((json_t *)v, key, one) {
			(void)fprintf(f, "%s%s=", sep, key);
			put_inline(f, one);
			sep = " ";
		}
		(void)fputc('}', f);
	} else if (json_is_array(v)) {
		(void)fputc('[', f);
		json_array_foreach(v, i, one) {
			(void)fputs(sep, f);
			put_inline(f, one);
			sep = " ";
		}
		(void)fputc(']', f);
	} else {
		put_scalar(f, v);
	}
}

/* In one line if it fits, else a line a member, further in. */
static void print_value(const char *label, const json_t *v, int indent)
{
	_cleanup_free_ char *line = NULL;
	size_t size;
	FILE *f = open_memstream(&line, &size);
	const json_t *members = is_long_array(v) ? json_object_get(v, "values") : v;
	const char *key;
	char index[32];
	size_t i;
	json_t *one;

	if (!f)
		return;
	put_inline(f, v);
	(void)fclose(f);
	if ((size_t)indent + strlen(label) + size <= LINE_MAX_COLUMNS ||
	    (!json_is_object(v) && !json_is_array(v))) {
		(void)printf("%*s%s: %s\n", indent, "", label, line);
		return;
	}
	(void)printf("%*s%s:\n", indent, "", label);
	json_array_foreach(members, i, one) {
		(void)snprintf(index, sizeof(index), "[%zu]", i);
		print_value(index, one, indent + 2);
	}
	json_object_foreach((json_t *)members, key, one) {
		(void)snprintf(index, sizeof(index), "[%s]", key);
		print_value(members == v ? key : index, one, indent + 2);
	}
	if (members != v)
		(void)printf("%*s(%lld of %lld elements are not zero, %lld of them left out)\n",
			     indent + 2, "", (long long)rast_json_int(v, "nonzero"),
			     (long long)rast_json_int(v, "elements"),
			     (long long)rast_json_int(v, "left_out"));
}

static void print_entry(const json_t *e)
{
	const json_t *cpus = json_object_get(e, "cpus");
	_cleanup_free_ char *key = NULL;
	size_t size, i;
	FILE *f = open_memstream(&key, &size);
	char label[32];
	json_t *cpu;

	if (!f)
		return;
	put_inline(f, json_object_get(e, "key"));
	(void)fclose(f);
	if (!cpus) {
		print_value(key, json_object_get(e, "value"), 0);
		return;
	}
	(void)printf("%s:\n", key);
	json_array_foreach(cpus, i, cpu) {
		(void)snprintf(label, sizeof(label), "cpu %lld",
			       (long long)rast_json_int(cpu, "cpu"));
		print_value(label, json_object_get(cpu, "value"), 2);
	}
}

static int parse_number(struct rast_cli *cli, const struct rast_args *args, const char *opt,
			int64_t *ret)
{
	const char *text = rast_args_get(args, opt);
	char *end;
	long long v;

	if (!text)
		return 0;
	errno = 0;
	v = strtoll(text, &end, 0);
	if (errno || end == text || *end || v < 0 || v > UINT32_MAX)
		return rast_cli_usage(cli, "--%s: \"%.32s\" is no number", opt, text);
	*ret = v;
	return 0;
}

static int cmd_dump(struct rast_cli *cli, const struct rast_args *args)
{
	struct rast_dump_opts opts = {.slot = -1};
	_cleanup_json_ json_t *dump = NULL;
	int64_t limit = 100;
	size_t i;
	json_t *e;
	int r = parse_number(cli, args, "slot", &opts.slot);

	if (!r)
		r = parse_number(cli, args, "limit", &limit);
	if (r)
		return r;
	opts.limit = (size_t)limit;
	r = rast_cli_need_root(cli);
	if (!r)
		r = rast_inspect_dump(&cli->in, args->argv[0], &opts, &dump, &cli->err);
	if (r < 0)
		return r;
	if (rast_cli_json(cli, dump))
		return 0;
	json_array_foreach(json_object_get(dump, "entries"), i, e)
		print_entry(e);
	(void)printf("%s%lld shown", i ? "\n" : "", (long long)rast_json_int(dump, "shown"));
	if (rast_json_int(dump, "left_out"))
		(void)printf(", %lld left out (--limit)",
			     (long long)rast_json_int(dump, "left_out"));
	if (rast_json_int(dump, "zero"))
		(void)printf(", %lld zero or empty", (long long)rast_json_int(dump, "zero"));
	(void)putchar('\n');
	return 0;
}

static const struct rast_opt dump_opts[] = {
	{"slot", 's', "N", "only this element of an array, zero or not"},
	{"limit", 'n', "N", "show at most so many entries, and elements of an array in them (100)"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{"show", "list", "[NAME]", "maps: type, sizes, memory, who uses them", NULL, 0, 1,
	 cmd_show},
	{"dump", NULL, "NAME [--slot N] [--limit N]", "contents, decoded by BTF", dump_opts, 1, 1,
	 cmd_dump},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_map = {
	.name = "map",
	.summary = "maps that are loaded, and what is in them",
	.verbs = verbs,
	.details = "Elements of arrays that are zero in every byte are counted, not shown.",
};
