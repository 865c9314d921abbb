// SPDX-License-Identifier: BSD-2-Clause
/*
 * No program has grown past what it may be: a verifier that has to look at more than a million
 * instructions refuses, an older kernel's sooner than this one's, and loading takes as long as it looks.
 */
#include "selftests/bpf/verified.h"
#include "selftests/lib/tap.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The end of it says why. */
static void show_end(const char *log)
{
	size_t len = strlen(log), at = len > 1500 ? len - 1500 : 0;

	for (const char *line = log + at; *line; line += strcspn(line, "\n"), line += *line != '\0')
		printf("# %.*s\n", (int)strcspn(line, "\n"), line);
}

static void check(const struct verified *v, void *arg)
{
	(void)arg;
	printf("# %-16s %7lu instructions, %6lu states, %4u bytes of stack\n", v->name, v->insns,
	       v->states, v->stack);
	ok(v->loaded, "%s is accepted", v->name);
	if (!v->loaded)
		show_end(v->log);
	ok(v->insns && v->insns <= v->limit, "%s: %lu instructions to verify, at most %lu", v->name,
	   v->insns, v->limit);
}

int main(void)
{
	int r;

	if (geteuid()) {
		printf("1..0 # SKIP not root\n");
		return 0;
	}
	r = verified_each(check, NULL);
	ok(r == 0, "every object loads (%s)", strerror(-r));
	return done();
}
