// SPDX-License-Identifier: BSD-2-Clause
/*
 * From argv through the object tables to one function, and the one place where an error is printed:
 * "error: …" on stderr, or {"error":{…}} on stdout under -j.
 */
#include "cli/cli.h"

#include "cli/args.h"
#include "cli/help.h"
#include "cli/text.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void print_error(struct rast_cli *cli)
{
	char text[1024], clean[4096];

	if (cli->json) {
		_cleanup_json_ json_t *top = json_object();
		json_t *e = json_pack("{s:i}", "code", cli->err.code);

		/* Text from outside need not be UTF-8, which json_string() refuses. */
		rast_json_set_str(e, "text",
				  rast_text_clean(cli->err.text, false, clean, sizeof(clean)));
		rast_json_set_str(e, "file",
				  rast_text_clean(cli->err.file, false, clean, sizeof(clean)));
		rast_json_set_str(e, "field",
				  rast_text_clean(cli->err.field, false, clean, sizeof(clean)));
		if (cli->err.line > 0)
			(void)json_object_set_new(e, "line", json_integer(cli->err.line));
		if (cli->err.col > 0)
			(void)json_object_set_new(e, "col", json_integer(cli->err.col));
		(void)json_object_set_new(top, "error", e);
		(void)rast_cli_json(cli, top);
		return;
	}
	(void)fflush(stdout);
	(void)rast_err_format(&cli->err, text, sizeof(text));
	(void)fprintf(stderr, "error: %s\n", rast_text_clean(text, false, clean, sizeof(clean)));
}

int rast_cli_usage(struct rast_cli *cli, const char *fmt, ...)
{
	char text[sizeof(cli->err.text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rast_err_clear(&cli->err);
	(void)rast_err_set(&cli->err, EINVAL, "%s", text);
	print_error(cli);
	return RAST_EXIT_USAGE;
}

int rast_cli_need_root(struct rast_cli *cli)
{
	if (geteuid() == 0)
		return 0;
	return rast_err_set(&cli->err, EPERM, "this needs root (euid is %u)", geteuid());
}

static const struct rast_object *find_object(const struct rast_cli *cli, const char *name)
{
	for (const struct rast_object *const *o = cli->objects; *o; o++)
		if (!strcmp((*o)->name, name))
			return *o;
	return NULL;
}

static const struct rast_verb *find_verb(const struct rast_object *o, const char *name)
{
	for (const struct rast_verb *v = o->verbs; v->name; v++)
		if (!strcmp(v->name, name) || (v->alias && !strcmp(v->alias, name)))
			return v;
	return NULL;
}

static int unknown_object(struct rast_cli *cli, const char *word)
{
	const char *names[64], *near;
	int n = 0;

	for (const struct rast_object *const *o = cli->objects; *o && n < 63; o++)
		names[n++] = (*o)->name;
	names[n] = NULL;
	near = rast_near_name(word, names);
	if (near)
		return rast_cli_usage(cli, "unknown object \"%.64s\"; did you mean \"%s\"?", word,
				      near);
	return rast_cli_usage(cli, "unknown object \"%.64s\"; see rastbpf help", word);
}

static int unknown_verb(struct rast_cli *cli, const struct rast_object *o, const char *word)
{
	const char *names[64], *near;
	int n = 0;

	for (const struct rast_verb *v = o->verbs; v->name && n < 61; v++) {
		names[n++] = v->name;
		if (v->alias)
			names[n++] = v->alias;
	}
	names[n++] = "help";
	names[n] = NULL;
	near = rast_near_name(word, names);
	if (near)
		return rast_cli_usage(cli, "%s: unknown verb \"%.64s\"; did you mean \"%s\"?",
				      o->name, word, near);
	return rast_cli_usage(cli, "%s: unknown verb \"%.64s\"; see rastbpf %s help", o->name, word,
			      o->name);
}

static void apply_globals(struct rast_cli *cli, const struct rast_globals *g)
{
	cli->json = g->json;
	cli->pretty = g->pretty;
	cli->debug = g->debug;
	if (g->no_color)
		cli->color = false;
}

static int print_version(struct rast_cli *cli)
{
	_cleanup_json_ json_t *v = json_pack("{s:s}", "version", RAST_VERSION);

	if (!rast_cli_json(cli, v))
		(void)printf("rastbpf %s\n", RAST_VERSION);
	return RAST_EXIT_OK;
}

static int run_verb(struct rast_cli *cli, const struct rast_object *o, const struct rast_verb *v,
		    const struct rast_args *args, const struct rast_globals *g)
{
	char sep[] = " ";
	int r;

	if (!*v->name)
		sep[0] = '\0';
	if (args->argc < v->min_args)
		return rast_cli_usage(cli, "missing argument; usage: rastbpf %s%s%s %s", o->name,
				      sep, v->name, v->usage);
	if (v->max_args >= 0 && args->argc > v->max_args)
		return rast_cli_usage(
			cli, "unexpected argument \"%.64s\"; usage: rastbpf %s%s%s %s",
			args->argv[v->max_args], o->name, sep, v->name, v->usage ? v->usage : "");
	r = rast_instance_init(&cli->in, g->instance, &cli->err);
	if (r < 0)
		return rast_cli_usage(cli, "%s", cli->err.text);
	r = v->run(cli, args);
	if (r >= 0)
		return r;
	if (r == -EPIPE && !cli->err.code)
		return RAST_EXIT_FAIL; /* nobody reads any more */
	if (!cli->err.code)
		(void)rast_err_sys(&cli->err, -r, "%s%s%s", o->name, sep, v->name);
	print_error(cli);
	return RAST_EXIT_FAIL;
}

/* `words` follow the object. */
static int run_object(struct rast_cli *cli, const struct rast_object *o, int n, char **words,
		      struct rast_globals *g)
{
	const struct rast_verb *v = NULL;
	struct rast_args args;
	const char *word;
	int r;

	/* Options before the verb are global ones; the verb is the first word that is none. */
	while (n > 0 && words[0][0] == '-' && words[0][1] && strcmp(words[0], "--") &&
	       !find_verb(o, "")) {
		int used = !strcmp(words[0], "--instance") && n > 1 ? 2 : 1;

		r = rast_args_parse(NULL, false, used, words, &args, g, &cli->err);
		apply_globals(cli, g);
		if (r < 0)
			return rast_cli_usage(cli, "%s", cli->err.text);
		words += used;
		n -= used;
	}
	word = n > 0 ? words[0] : NULL;
	if ((g->help && !word) || (word && !strcmp(word, "help") && n == 1)) {
		rast_help_object(cli, o);
		return RAST_EXIT_OK;
	}
	if (word && !strcmp(word, "help") && !find_verb(o, "")) {
		v = find_verb(o, words[1]);
		if (!v)
			return unknown_verb(cli, o, words[1]);
		rast_help_verb(cli, o, v);
		return RAST_EXIT_OK;
	}
	if (word)
		v = find_verb(o, word);
	if (v) {
		words++;
		n--;
	} else {
		/* "rastbpf gc" is its own verb; "rastbpf prog" means show. */
		v = find_verb(o, "");
		if (!v && !word)
			v = find_verb(o, "show");
		if (!v && !word)
			return rast_cli_usage(cli, "%s: no verb; see rastbpf %s help", o->name,
					      o->name);
		if (!v)
			return unknown_verb(cli, o, word);
	}
	r = n == 1 && !strcmp(words[0], "help");
	if (!r) {
		int e = rast_args_parse(v->opts, v->max_args < 0, n, words, &args, g, &cli->err);

		apply_globals(cli, g);
		if (e < 0 && !g->help)
			return rast_cli_usage(cli, "%s", cli->err.text);
	}
	if (r || g->help) {
		rast_help_verb(cli, o, v);
		return RAST_EXIT_OK;
	}
	if (g->version)
		return print_version(cli);
	return run_verb(cli, o, v, &args, g);
}

static int dispatch(struct rast_cli *cli, int argc, char **argv)
{
	struct rast_globals g = {0};
	const struct rast_object *o;
	struct rast_args args;
	int i = 1, r;

	while (i < argc && argv[i][0] == '-' && argv[i][1] && strcmp(argv[i], "--")) {
		int used = !strcmp(argv[i], "--instance") && i + 1 < argc ? 2 : 1;

		r = rast_args_parse(NULL, false, used, argv + i, &args, &g, &cli->err);
		apply_globals(cli, &g);
		if (r < 0)
			return rast_cli_usage(cli, "%s", cli->err.text);
		i += used;
	}
	if (g.version)
		return print_version(cli);
	if (i < argc && !strcmp(argv[i], "--"))
		i++;
	if (i < argc && !strcmp(argv[i], "help")) {
		if (i + 1 < argc && argv[i + 1][0] != '-') {
			o = find_object(cli, argv[i + 1]);
			if (!o)
				return unknown_object(cli, argv[i + 1]);
			g.help = true;
			return run_object(cli, o, argc - i - 2, argv + i + 2, &g);
		}
		r = rast_args_parse(NULL, false, argc - i - 1, argv + i + 1, &args, &g, &cli->err);
		apply_globals(cli, &g);
		if (r < 0)
			return rast_cli_usage(cli, "%s", cli->err.text);
		g.help = true;
		i = argc;
	}
	if (g.help && i >= argc) {
		rast_help_top(cli);
		return RAST_EXIT_OK;
	}
	if (i >= argc)
		return rast_cli_usage(cli, "no object; see rastbpf help");
	o = find_object(cli, argv[i]);
	if (!o)
		return unknown_object(cli, argv[i]);
	return run_object(cli, o, argc - i - 1, argv + i + 1, &g);
}

int rast_cli_main(const struct rast_object *const *objects, int argc, char **argv)
{
	struct rast_cli cli = {.objects = objects, .argv = argv};
	const char *no_color = getenv("NO_COLOR");
	size_t seed;
	int r;

	/* The kernel's 16 random bytes: else jansson opens /dev/urandom for its hash. 0 means so. */
	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
	json_object_seed(seed);
	/* A closed pipe is an error of a write, handled where it happens. */
	(void)signal(SIGPIPE, SIG_IGN);
	cli.tty = isatty(STDOUT_FILENO);
	cli.color = cli.tty && !(no_color && *no_color);
	r = dispatch(&cli, argc, argv);
	if ((fflush(stdout) == EOF || ferror(stdout)) && r == RAST_EXIT_OK) {
		if (errno != EPIPE)
			(void)fprintf(stderr, "error: standard output: %s\n", strerror(errno));
		r = RAST_EXIT_FAIL;
	}
	return r;
}
