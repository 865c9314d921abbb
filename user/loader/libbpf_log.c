// SPDX-License-Identifier: BSD-2-Clause
/*
 * Captures libbpf's messages; see libbpf_log.h. libbpf prints through one callback a process, without
 * a context argument: hence the file-level buffer. Loading happens in one thread.
 */
#include "loader/libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The end of a verifier log is what counts: when full, the older half goes. */
static char text[128 * 1024];
static size_t used;

__attribute__((format(printf, 2, 0))) static int keep(enum libbpf_print_level level,
						      const char *fmt, va_list ap)
{
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (used > sizeof(text) / 2) {
		size_t drop = used - sizeof(text) / 4;

		memmove(text, text + drop, used - drop);
		used -= drop;
	}
	n = vsnprintf(text + used, sizeof(text) - used, fmt, ap);
	if (n < 0)
		return 0;
	if ((size_t)n < sizeof(text) - used) {
		used += (size_t)n;
		return 0;
	}
	/* One message longer than what is free: its end is lost, unless it is a log: keep that. */
	used = sizeof(text) - 1;
	return 0;
}

void rast_libbpf_log_begin(void)
{
	used = 0;
	text[0] = '\0';
	(void)libbpf_set_print(keep);
}

const char *rast_libbpf_log_text(void)
{
	return text;
}

static void copy_line(const char *from, const char *end, char *buf, size_t size)
{
	size_t n = (size_t)(end - from);

	if (n >= size)
		n = size - 1;
	memcpy(buf, from, n);
	buf[n] = '\0';
}

/* libbpf: prog 'NAME': … */
static void find_prog(const char *line, const char *end, char *prog, size_t size)
{
	static const char mark[] = "prog '";
	const char *p = memmem(line, (size_t)(end - line), mark, sizeof(mark) - 1);
	const char *q =
		p ? memchr(p + sizeof(mark) - 1, '\'', (size_t)(end - p) - sizeof(mark) + 1) : NULL;

	if (q)
		copy_line(p + sizeof(mark) - 1, q, prog, size);
}

static int is_noise(const char *line, size_t n)
{
	static const char *const noise[] = {"processed ", "verification time", "stack depth",
					    "max_states", "-- END PROG",       "-- BEGIN PROG"};

	if (!n)
		return 1;
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (n >= strlen(noise[i]) && !memcmp(line, noise[i], strlen(noise[i])))
			return 1;
	return memmem(line, n, "-- END PROG", 11) || memmem(line, n, "failed to load object", 21) ||
	       memmem(line, n, "failed to load: ", 16) || memmem(line, n, "failed to load BPF", 18);
}

const char *rast_libbpf_log_reason(const char *log, char *prog, size_t prog_size, char *buf,
				   size_t size)
{
	const char *best = NULL, *best_end = NULL, *line, *end;
	int in_verifier = 0, had_verifier = 0;

	prog[0] = buf[0] = '\0';
	for (line = log; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		find_prog(line, end, prog, prog_size);
		if (memmem(line, (size_t)(end - line), "-- BEGIN PROG LOAD LOG --", 25)) {
			in_verifier = had_verifier = 1;
			best = NULL;
			continue;
		}
		if (memmem(line, (size_t)(end - line), "-- END PROG LOAD LOG --", 23))
			in_verifier = 0;
		if ((had_verifier && best && !in_verifier) || is_noise(line, (size_t)(end - line)))
			continue;
		best = line;
		best_end = end;
	}
	if (!best)
		return buf;
	if ((size_t)(best_end - best) > 8 && !memcmp(best, "libbpf: ", 8))
		best += 8;
	copy_line(best, best_end, buf, size);
	return buf;
}
