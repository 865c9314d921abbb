// SPDX-License-Identifier: BSD-2-Clause
/* Error text beside errno; see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Text comes from files and is cut at buffer ends; what is not UTF-8 becomes "?", control characters
 * too, so that it can be printed and put into JSON.
 */
static void clean(char *s)
{
	while (*s) {
		unsigned char c = (unsigned char)*s;
		int more = c < 0x80                ? 0
			   : c >= 0xc2 && c < 0xe0 ? 1
			   : (c & 0xf0) == 0xe0    ? 2
			   : c >= 0xf0 && c < 0xf5 ? 3
						   : -1;
		int i = 1;

		while (i <= more && ((unsigned char)s[i] & 0xc0) == 0x80)
			i++;
		/* Overlong forms, surrogates, past U+10FFFF. */
		if (more < 0 || i <= more || (c == 0xe0 && (unsigned char)s[1] < 0xa0) ||
		    (c == 0xed && (unsigned char)s[1] > 0x9f) ||
		    (c == 0xf0 && (unsigned char)s[1] < 0x90) ||
		    (c == 0xf4 && (unsigned char)s[1] > 0x8f) ||
		    (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
			*s++ = '?';
			continue;
		}
		s += i;
	}
}

__attribute__((format(printf, 3, 0))) static void vset(struct rast_err *err, int code,
						       const char *fmt, va_list ap)
{
	err->code = code;
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	clean(err->text);
}

int rast_err_set(struct rast_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err && !err->code) {
		va_start(ap, fmt);
		vset(err, code, fmt, ap);
		va_end(ap);
	}
	return -code;
}

int rast_err_at(struct rast_err *err, int code, const char *file, int line, int col,
		const char *field, const char *fmt, ...)
{
	va_list ap;

	if (err && !err->code) {
		va_start(ap, fmt);
		vset(err, code, fmt, ap);
		va_end(ap);
		(void)snprintf(err->file, sizeof(err->file), "%s", file ? file : "");
		(void)snprintf(err->field, sizeof(err->field), "%s", field ? field : "");
		clean(err->file);
		clean(err->field);
		err->line = line;
		err->col = col;
	}
	return -code;
}

int rast_err_sys(struct rast_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (err && !err->code) {
		va_start(ap, fmt);
		vset(err, code, fmt, ap);
		va_end(ap);
		n = strlen(err->text);
		(void)snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(code));
	}
	return -code;
}

int rast_err_prefix(struct rast_err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	size_t n;

	if (!err)
		return -EIO;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	(void)snprintf(err->text + n, sizeof(err->text) - n, ": %s", old);
	clean(err->text);
	return -err->code;
}

void rast_err_clear(struct rast_err *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
}

const char *rast_err_format(const struct rast_err *err, char *buf, unsigned int size)
{
	char where[320] = "";

	if (err->file[0] && err->line)
		(void)snprintf(where, sizeof(where), "%s:%d:%d: ", err->file, err->line, err->col);
	else if (err->file[0])
		(void)snprintf(where, sizeof(where), "%s: ", err->file);
	(void)snprintf(buf, size, "%s%s%s%s", where, err->field, err->field[0] ? ": " : "",
		       err->text);
	return buf;
}
