// SPDX-License-Identifier: BSD-2-Clause
/* Help texts from the object tables; see help.h. */
#include "cli/help.h"

#include "cli/args.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

static void pad_to(size_t used, size_t width)
{
	(void)printf("%*s", used < width ? (int)(width - used) : 1, "");
}

static void print_opts(const struct rast_opt *opts)
{
	for (; opts && opts->name; opts++) {
		int n = opts->key ? printf("  -%c, --%s", opts->key, opts->name)
				  : printf("      --%s", opts->name);

		if (opts->arg)
			n += printf(" %s", opts->arg);
		pad_to((size_t)n, 27);
		(void)puts(opts->help);
	}
}

static json_t *opts_json(const struct rast_opt *opts)
{
	json_t *list = json_array();

	for (; opts && opts->name; opts++) {
		char key[2] = {opts->key, 0};
		json_t *o = json_pack("{s:s}", "name", opts->name);

		rast_json_set_str(o, "key", key);
		rast_json_set_str(o, "arg", opts->arg);
		rast_json_set_str(o, "help", opts->help);
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *verb_json(const struct rast_verb *v)
{
	json_t *o = json_pack("{s:s}", "name", v->name);

	rast_json_set_str(o, "alias", v->alias);
	rast_json_set_str(o, "usage", v->usage);
	rast_json_set_str(o, "summary", v->summary);
	(void)json_object_set_new(o, "options", opts_json(v->opts));
	return o;
}

static json_t *object_json(const struct rast_object *o)
{
	json_t *obj = json_pack("{s:s, s:s}", "name", o->name, "summary", o->summary);
	json_t *verbs = json_array();

	for (const struct rast_verb *v = o->verbs; v->name; v++)
		(void)json_array_append_new(verbs, verb_json(v));
	(void)json_object_set_new(obj, "verbs", verbs);
	return obj;
}

void rast_help_top(struct rast_cli *cli)
{
	if (cli->json) {
		_cleanup_json_ json_t *top = json_object();
		json_t *list = json_array();

		for (const struct rast_object *const *o = cli->objects; *o; o++)
			(void)json_array_append_new(list, object_json(*o));
		(void)json_object_set_new(top, "objects", list);
		(void)json_object_set_new(top, "options", opts_json(rast_global_opts));
		(void)rast_cli_json(cli, top);
		return;
	}
	(void)printf("Usage: rastbpf [OPTIONS] OBJECT VERB [ARGS]\n"
		     "       rastbpf OBJECT help\n\nObjects:\n");
	for (const struct rast_object *const *o = cli->objects; *o; o++) {
		int n = printf("  %s", (*o)->name);

		pad_to((size_t)n, 16);
		(void)puts((*o)->summary);
	}
	(void)puts("\nOptions:");
	print_opts(rast_global_opts);
}

static void print_usage_line(const char *lead, const struct rast_object *o,
			     const struct rast_verb *v)
{
	(void)printf("%srastbpf %s%s%s%s%s\n", lead, o->name, *v->name ? " " : "", v->name,
		     v->usage && *v->usage ? " " : "", v->usage ? v->usage : "");
}

void rast_help_object(struct rast_cli *cli, const struct rast_object *o)
{
	const struct rast_verb *v;
	size_t width = 0;

	if (cli->json) {
		_cleanup_json_ json_t *obj = object_json(o);

		(void)rast_cli_json(cli, obj);
		return;
	}
	if (o->verbs[0].name && !*o->verbs[0].name && !o->verbs[1].name) {
		rast_help_verb(cli, o, &o->verbs[0]);
		return;
	}
	(void)printf("rastbpf %s: %s\n\n", o->name, o->summary);
	for (v = o->verbs; v->name; v++)
		print_usage_line(v == o->verbs ? "Usage: " : "       ", o, v);
	(void)puts("\nVerbs:");
	for (v = o->verbs; v->name; v++) {
		size_t n = strlen(v->name) + (v->alias ? strlen(v->alias) + 2 : 0);

		if (n > width)
			width = n;
	}
	for (v = o->verbs; v->name; v++) {
		int n = printf("  %s%s%s", v->name, v->alias ? ", " : "", v->alias ? v->alias : "");

		pad_to((size_t)n, width + 4);
		(void)puts(v->summary);
	}
	if (o->details)
		(void)printf("\n%s\n", o->details);
	(void)printf("\nSee also: rastbpf %s VERB --help, rastbpf-%s(8)\n", o->name, o->name);
}

void rast_help_verb(struct rast_cli *cli, const struct rast_object *o, const struct rast_verb *v)
{
	if (cli->json) {
		_cleanup_json_ json_t *obj = verb_json(v);

		(void)json_object_set_new(obj, "object", json_string(o->name));
		(void)rast_cli_json(cli, obj);
		return;
	}
	print_usage_line("Usage: ", o, v);
	(void)printf("\n%s\n", v->summary);
	if (v->opts && v->opts->name) {
		(void)puts("\nOptions:");
		print_opts(v->opts);
	}
	if (!*v->name && o->details)
		(void)printf("\n%s\n", o->details);
	(void)puts("\nOptions of every command:");
	print_opts(rast_global_opts);
}
