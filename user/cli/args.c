// SPDX-License-Identifier: BSD-2-Clause
/* Options and positional arguments; see args.h. */
#include "cli/args.h"

#include "base/near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct rast_opt rast_global_opts[] = {
	{"json", 'j', NULL, "print JSON"},
	{"pretty", 'p', NULL, "print JSON, indented"},
	{"debug", 'd', NULL, "say more on stderr, verifier logs included"},
	{"version", 'V', NULL, "print the version"},
	{"help", 'h', NULL, "print help"},
	{"instance", 0, "NAME", "work on this instance (default: RAST_INSTANCE, else rastos)"},
	{"no-color", 0, NULL, "no colours on a terminal"},
	{NULL},
};

const char *rast_args_get(const struct rast_args *a, const char *name)
{
	for (int i = 0; a->opts && a->opts[i].name; i++)
		if (!strcmp(a->opts[i].name, name))
			return a->values[i];
	return NULL;
}

const char *rast_args_get_nth(const struct rast_args *a, const char *name, int n)
{
	for (int i = 0; i < a->n_all; i++)
		if (!strcmp(a->opts[a->all[i].opt].name, name) && n-- == 0)
			return a->all[i].value;
	return NULL;
}

const char *rast_near_name(const char *word, const char *const *names)
{
	size_t len = strlen(word);
	unsigned int best =
		len < 4 ? 2 : 3; /* exclusive: one slip in a short word, two in a long */
	const char *found = NULL;

	for (; *names; names++) {
		unsigned int d = rast_near_distance(word, *names);

		/* What was cut short counts as near too. */
		if (len >= 2 && !strncmp(word, *names, len) && d > 1)
			d = 1;
		if (d < best && d < strlen(*names)) {
			best = d;
			found = *names;
		}
	}
	return found;
}

static int find_long(const struct rast_opt *opts, const char *name, size_t len)
{
	for (int i = 0; opts && opts[i].name; i++)
		if (strlen(opts[i].name) == len && !memcmp(opts[i].name, name, len))
			return i;
	return -1;
}

static int find_short(const struct rast_opt *opts, char key)
{
	for (int i = 0; opts && opts[i].name; i++)
		if (opts[i].key == key)
			return i;
	return -1;
}

static void set_global(struct rast_globals *g, int i, const char *value)
{
	switch (i) {
	case 0:
		g->json = true;
		break;
	case 1:
		g->json = g->pretty = true;
		break;
	case 2:
		g->debug = true;
		break;
	case 3:
		g->version = true;
		break;
	case 4:
		g->help = true;
		break;
	case 5:
		g->instance = value;
		break;
	case 6:
		g->no_color = true;
		break;
	}
}

static int set_own(struct rast_args *ret, int i, const char *value, struct rast_err *err)
{
	if ((size_t)i >= ARRAY_SIZE(ret->values) || (size_t)ret->n_all >= ARRAY_SIZE(ret->all))
		return rast_err_set(err, E2BIG, "too many options");
	ret->values[i] = value ? value : "";
	ret->counts[i]++;
	ret->all[ret->n_all].opt = i;
	ret->all[ret->n_all++].value = ret->values[i];
	return 0;
}

static int unknown_long(const struct rast_opt *opts, const char *name, int len,
			struct rast_err *err)
{
	const char *names[64];
	char word[64];
	const char *near;
	int n = 0;

	(void)snprintf(word, sizeof(word), "%.*s", len, name);
	for (int i = 0; opts && opts[i].name && n < 40; i++)
		names[n++] = opts[i].name;
	for (int i = 0; rast_global_opts[i].name; i++)
		names[n++] = rast_global_opts[i].name;
	names[n] = NULL;
	near = rast_near_name(word, names);
	if (near)
		return rast_err_set(err, EINVAL, "unknown option --%s; did you mean --%s?", word,
				    near);
	return rast_err_set(err, EINVAL, "unknown option --%s", word);
}

/* One word that starts with '-'. Moves *i when the value is the next word. */
static int parse_option(const struct rast_opt *opts, int argc, char **argv, int *i,
			struct rast_args *ret, struct rast_globals *g, struct rast_err *err)
{
	const char *word = argv[*i];
	bool is_long = word[1] == '-';

	for (const char *p = word + (is_long ? 2 : 1); *p;) {
		const char *eq = is_long ? strchr(p, '=') : NULL;
		size_t len = !is_long ? 1 : eq ? (size_t)(eq - p) : strlen(p);
		int own = is_long ? find_long(opts, p, len) : find_short(opts, *p);
		int global = own >= 0  ? -1
			     : is_long ? find_long(rast_global_opts, p, len)
				       : find_short(rast_global_opts, *p);
		const struct rast_opt *o = own >= 0      ? &opts[own]
					   : global >= 0 ? &rast_global_opts[global]
							 : NULL;
		const char *value = NULL;
		int r = 0;

		if (!o)
			return is_long ? unknown_long(opts, p, (int)len, err)
				       : rast_err_set(err, EINVAL, "unknown option -%c", *p);
		p += len;
		if (o->arg) {
			if (eq)
				value = eq + 1;
			else if (*p)
				value = p;
			else if (*i + 1 < argc)
				value = argv[++*i];
			else
				return rast_err_set(err, EINVAL, "option --%s wants %s", o->name,
						    o->arg);
			p += strlen(p);
		} else if (eq) {
			return rast_err_set(err, EINVAL, "option --%s takes no value", o->name);
		}
		if (own >= 0)
			r = set_own(ret, own, value, err);
		else
			set_global(g, global, value);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_args_parse(const struct rast_opt *opts, bool stop_at_first, int argc, char **argv,
		    struct rast_args *ret, struct rast_globals *globals, struct rast_err *err)
{
	bool only_args = false, dashes = false;
	int n = 0, r;

	memset(ret, 0, sizeof(*ret));
	ret->opts = opts;
	ret->argv = argv;
	for (int i = 0; i < argc; i++) {
		char *word = argv[i];

		if (!strcmp(word, "--") && !dashes && (!only_args || n == 1)) {
			only_args = dashes = true;
		} else if (!only_args && word[0] == '-' && word[1]) {
			r = parse_option(opts, argc, argv, &i, ret, globals, err);
			if (r < 0)
				return r;
		} else {
			argv[n++] = word;
			if (stop_at_first)
				only_args = true;
		}
	}
	/* What is left is an argv of its own, to be handed to exec(3). */
	if (n < argc)
		argv[n] = NULL;
	ret->argc = n;
	return 0;
}
