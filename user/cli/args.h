/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Splits what follows `rastbpf OBJECT VERB` into options and positional arguments. Pure: prints
 * nothing. Strings are borrowed from argv and the tables.
 */
#ifndef RAST_CLI_ARGS_H
#define RAST_CLI_ARGS_H

#include "cli/cli.h"

/* What every command takes, before or after the verb. A verb's own option of the same name wins. */
struct rast_globals {
	bool json, pretty, debug, version, help, no_color;
	const char *instance;
};

extern const struct rast_opt rast_global_opts[];

/*
 * Options may stand anywhere before "--" in any of the forms -a, -abc, -aVALUE, -a VALUE, --name,
 * --name=VALUE, --name VALUE. With `stop_at_first` they end at the first positional argument, and a
 * "--" that stands before or right behind that one is taken out. `opts` may be NULL. ret->argv is
 * argv itself, rearranged. -EINVAL with a text that names the option, and a near one if there is.
 */
int rast_args_parse(const struct rast_opt *opts, bool stop_at_first, int argc, char **argv,
		    struct rast_args *ret, struct rast_globals *globals, struct rast_err *err);

/* The name nearest to `word` among the NULL-terminated list; NULL when none is near. */
const char *rast_near_name(const char *word, const char *const *names);

#endif
