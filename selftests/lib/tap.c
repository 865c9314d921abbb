// SPDX-License-Identifier: BSD-2-Clause
/* See tap.h. */
#include "selftests/lib/tap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count, failures;

void ok(bool pass, const char *sentence, ...)
{
	va_list ap;

	va_start(ap, sentence);
	printf("%sok %d - ", pass ? "" : "not ", ++count);
	vprintf(sentence, ap);
	putchar('\n');
	(void)fflush(stdout);
	va_end(ap);
	failures += !pass;
}

void skip(const char *sentence, const char *missing)
{
	printf("ok %d - %s # SKIP %s\n", ++count, sentence, missing);
}

int done(void)
{
	printf("1..%d\n", count);
	return failures ? 1 : 0;
}

void bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf(": %s\n", strerror(errno));
	va_end(ap);
	exit(1);
}
