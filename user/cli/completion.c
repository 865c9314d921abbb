// SPDX-License-Identifier: BSD-2-Clause
/*
 * A complete bash completion script from the object tables. Names that only the machine knows
 * (containers, programs, items) are asked for at completion time: `rastbpf completion words OBJECT`
 * runs the object's own `show` and prints the names of its rows.
 */
#include "cli/completion.h"

#include "cli/args.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void print_opt_words(const struct rast_opt *opts)
{
	for (; opts && opts->name; opts++) {
		(void)printf("--%s ", opts->name);
		if (opts->key)
			(void)printf("-%c ", opts->key);
	}
}

/* Options whose value is a file, a directory, or something else. */
static void print_value_opts(const struct rast_opt *opts, const char *kind)
{
	for (; opts && opts->name; opts++) {
		const char *is = !opts->arg                   ? "switch"
				 : !strcmp(opts->arg, "FILE") ? "FILE"
				 : !strcmp(opts->arg, "DIR")  ? "DIR"
							      : "other";

		if (strcmp(is, kind))
			continue;
		(void)printf("--%s ", opts->name);
		if (opts->key)
			(void)printf("-%c ", opts->key);
	}
}

static const char *args_kind(const struct rast_verb *v)
{
	if (v->usage && strstr(v->usage, "FILE"))
		return "FILE";
	if (v->usage && strstr(v->usage, "DIR"))
		return "DIR";
	return v->max_args ? "NAME" : "";
}

static void print_verb(const struct rast_object *o, const struct rast_verb *v, const char *name)
{
	(void)printf("\t'%s %s')\n\t\topts='", o->name, name);
	print_opt_words(v->opts);
	(void)printf("' files='");
	print_value_opts(v->opts, "FILE");
	(void)printf("' dirs='");
	print_value_opts(v->opts, "DIR");
	(void)printf("' values='");
	print_value_opts(v->opts, "other");
	(void)printf("' args='%s' ;;\n", args_kind(v));
}

static int run_bash(struct rast_cli *cli, const struct rast_args *args)
{
	const struct rast_object *const *o;
	const struct rast_verb *v;

	(void)puts("# bash completion for rastbpf; made by `rastbpf completion bash`\n"
		   "_rastbpf_table() {\n"
		   "\tverbs='' opts='' files='' dirs='' values='' args=''\n"
		   "\tcase $1 in");
	for (o = cli->objects; *o; o++) {
		(void)printf("\t'%s') verbs='", (*o)->name);
		for (v = (*o)->verbs; v->name; v++)
			if (*v->name)
				(void)printf("%s %s%s", v->name, v->alias ? v->alias : "",
					     v->alias ? " " : "");
		(void)puts("help' ;;");
	}
	(void)puts("\tesac\n\tcase \"$1 $2\" in");
	for (o = cli->objects; *o; o++)
		for (v = (*o)->verbs; v->name; v++) {
			print_verb(*o, v, v->name);
			if (v->alias)
				print_verb(*o, v, v->alias);
		}
	(void)printf("\tesac\n}\n\n_rastbpf() {\n\tlocal objects='");
	for (o = cli->objects; *o; o++)
		(void)printf("%s ", (*o)->name);
	(void)printf("help'\n\tlocal globals='");
	print_opt_words(rast_global_opts);
	(void)puts(
		"'\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal object='' verb='' instance='' i word\n"
		"\tlocal verbs opts files dirs values args\n"
		"\tCOMPREPLY=()\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tword=${COMP_WORDS[i]}\n"
		"\t\tcase $word in\n"
		"\t\t--instance) instance=${COMP_WORDS[i+1]}; ((i++)) ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) if [[ -z $object ]]; then object=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;\n"
		"\t\tesac\n"
		"\tdone\n"
		"\t_rastbpf_table \"$object\" ''\n"
		"\tif [[ $verbs != help ]]; then\n"
		"\t\t_rastbpf_table \"$object\" \"$verb\"\n"
		"\telse\n"
		"\t\tverb='-'\n"
		"\tfi\n"
		"\tif [[ $prev == -* && \" $files\" == *\" $prev \"* ]]; then\n"
		"\t\tcompopt -o filenames 2>/dev/null\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		"\telif [[ $prev == -* && \" $dirs\" == *\" $prev \"* ]]; then\n"
		"\t\tcompopt -o filenames 2>/dev/null\n"
		"\t\tCOMPREPLY=($(compgen -d -- \"$cur\"))\n"
		"\telif [[ $prev == --instance || ( $prev == -* && \" $values\" == *\" $prev \"* ) ]]; then\n"
		"\t\treturn 0\n"
		"\telif [[ $cur == -* ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"$opts$globals\" -- \"$cur\"))\n"
		"\telif [[ -z $object ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"$objects\" -- \"$cur\"))\n"
		"\telif [[ $object == help ]]; then\n"
		"\t\t[[ -z $verb ]] && COMPREPLY=($(compgen -W \"$objects\" -- \"$cur\"))\n"
		"\telif [[ -z $verb ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
		"\telif [[ $args == FILE ]]; then\n"
		"\t\tcompopt -o filenames 2>/dev/null\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		"\telif [[ $args == DIR ]]; then\n"
		"\t\tcompopt -o filenames 2>/dev/null\n"
		"\t\tCOMPREPLY=($(compgen -d -- \"$cur\"))\n"
		"\telif [[ $args == NAME ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" ${instance:+--instance \"$instance\"} "
		"completion words \"$object\" 2>/dev/null)\" -- \"$cur\"))\n"
		"\tfi\n"
		"\treturn 0\n"
		"}\n"
		"complete -F _rastbpf rastbpf");
	return 0;
}

static int run_words(struct rast_cli *cli, const struct rast_args *args)
{
	const struct rast_object *const *o = cli->objects;
	const struct rast_args none = {0};
	_cleanup_json_ json_t *rows = NULL;
	const struct rast_verb *v;
	size_t i;
	json_t *row;
	int r;

	while (*o && strcmp((*o)->name, args->argv[0]))
		o++;
	if (!*o)
		return rast_cli_usage(cli, "unknown object \"%.64s\"", args->argv[0]);
	for (v = (*o)->verbs; v->name; v++)
		if (!strcmp(v->name, "show") || !strcmp(v->name, "ps"))
			break;
	if (!v->name || v->min_args > 0)
		return 0;
	cli->json = true; /* a show that prints by itself must not mix text in */
	cli->capture = &rows;
	r = v->run(cli, &none);
	cli->json = false;
	cli->capture = NULL;
	if (r)
		return r;
	json_array_foreach(rows, i, row) {
		const char *name = rast_json_str(row, "name");

		if (*name && name[strcspn(name, " \t\n'\"\\$`;&|<>()*?[]{}~#!")] == '\0')
			(void)puts(name);
	}
	return 0;
}

static const struct rast_verb verbs[] = {
	{"bash", NULL, "", "print a completion script for bash", NULL, 0, 0, run_bash},
	{"words", NULL, "OBJECT", "print the names that complete an argument of this object", NULL,
	 1, 1, run_words},
	{NULL},
};

const struct rast_object rast_object_completion = {"completion", "completion for shells", verbs,
						   "Load it:  source <(rastbpf completion bash)"};
