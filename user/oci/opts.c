// SPDX-License-Identifier: BSD-2-Clause
/*
 * Options as the callers of runc and crun write them: --name VALUE, --name=VALUE, -nVALUE, and switches
 * that may say =true or =false. Strings are borrowed from argv.
 */
#include "oci/oci.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *oci_arg(const struct oci_args *a, const char *name)
{
	const char *found = NULL;
	int i;

	for (i = 0; i < a->n_all; i++)
		if (!strcmp(a->opts[a->all[i].opt].name, name))
			found = a->all[i].value;
	return found;
}

const char *oci_arg_nth(const struct oci_args *a, const char *name, int n)
{
	int i;

	for (i = 0; i < a->n_all; i++)
		if (!strcmp(a->opts[a->all[i].opt].name, name) && n-- == 0)
			return a->all[i].value;
	return NULL;
}

static int add(struct oci_args *a, int opt, const char *value, struct rast_err *err)
{
	const struct oci_opt *o = &a->opts[opt];
	int i, n = 0;

	if (a->n_all >= OCI_MAX_VALUES)
		return rast_err_set(err, E2BIG, "more than %d options", OCI_MAX_VALUES);
	if (!o->arg && value) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return rast_err_set(err, EINVAL, "--%s: want true or false, not \"%s\"",
					    o->name, value);
		if (value[0] == 'f') {
			/* As if it had not been said. */
			for (i = 0; i < a->n_all; i++)
				if (a->all[i].opt != opt)
					a->all[n++] = a->all[i];
			a->n_all = n;
			return 0;
		}
	}
	a->all[a->n_all].opt = opt;
	a->all[a->n_all++].value = o->arg ? value : "";
	return 0;
}

int oci_args_parse(const struct oci_opt *opts, bool stop, int argc, char **argv,
		   struct oci_args *ret, struct rast_err *err)
{
	struct option longs[OCI_MAX_OPTS + 1];
	char shorts[OCI_MAX_OPTS * 2 + 4] = "";
	size_t s = 0;
	int n, c, index, i, r;

	memset(ret, 0, sizeof(*ret));
	memset(longs, 0, sizeof(longs));
	ret->opts = opts;
	if (stop)
		shorts[s++] = '+';
	shorts[s++] = ':';
	for (n = 0; opts[n].name && n < OCI_MAX_OPTS; n++) {
		longs[n] = (struct option){opts[n].name,
					   opts[n].arg ? required_argument : optional_argument,
					   NULL, 256 + n};
		if (opts[n].key) {
			shorts[s++] = (char)opts[n].key;
			if (opts[n].arg)
				shorts[s++] = ':';
		}
	}
	shorts[s] = '\0';
	opterr = 0;
	optind = 0; /* start anew: the options before the command were read by the same function */
	while ((c = getopt_long(argc, argv, shorts, longs, &index)) != -1) {
		if (c == '?' || c == ':') {
			const char *word = argv[optind - 1];

			return rast_err_set(err, EINVAL,
					    c == ':' ? "option %s requires an argument"
						     : "unknown option %s",
					    word);
		}
		i = c - 256;
		if (c < 256)
			for (i = 0; opts[i].key != c;)
				i++;
		r = add(ret, i, optarg, err);
		if (r < 0)
			return r;
	}
	ret->argc = argc - optind;
	ret->argv = argv + optind;
	return 0;
}

int oci_arg_number(const struct oci_args *a, const char *name, long lo, long hi, long fallback,
		   long *ret, struct rast_err *err)
{
	const char *text = oci_arg(a, name);
	char *end;
	long v;

	if (!text) {
		*ret = fallback;
		return 0;
	}
	errno = 0;
	v = strtol(text, &end, 10);
	if (errno || end == text || *end || v < lo || v > hi)
		return rast_err_set(err, EINVAL, "--%s: want a number from %ld to %ld, not \"%s\"",
				    name, lo, hi, text);
	*ret = v;
	return 0;
}
