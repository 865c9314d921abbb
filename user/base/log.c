// SPDX-License-Identifier: BSD-2-Clause
/* Log lines; see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Program-wide by nature: there is one stderr. */
static const char *program_name = "rastos";
static enum rast_log_level max_level = RAST_LOG_INFO;

void rast_log_init(const char *program, enum rast_log_level max)
{
	program_name = program;
	max_level = max;
}

void rast_log(enum rast_log_level level, const char *fmt, ...)
{
	static const char *const names[] = {
		[3] = "error", [4] = "warn", [6] = "info", [7] = "debug"};
	char line[2048];
	struct timespec now;
	struct tm tm;
	va_list ap;
	int n;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (getenv("JOURNAL_STREAM")) {
		(void)dprintf(STDERR_FILENO, "<%d>%s\n", level, line);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	n = dprintf(STDERR_FILENO, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s %s\n",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		    now.tv_nsec / 1000000, program_name, names[level] ? names[level] : "?", line);
	(void)n;
}
