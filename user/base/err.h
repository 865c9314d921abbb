/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person needs to know about a failure travels here, beside the negative errno that code
 * looks at. Libraries fill it and never print; the outermost caller prints it once.
 *
 * Every function that takes a `struct rast_err *` accepts NULL. The first error wins: setting an
 * error that is already set keeps the old text, so that a cleanup path cannot hide the cause.
 */
#ifndef RAST_BASE_ERR_H
#define RAST_BASE_ERR_H

#include <stdbool.h>

struct rast_err {
	int code;        /* positive errno; 0: no error yet */
	int line, col;   /* 1-based; 0: no position */
	char file[256];  /* "" when the error is not about a file */
	char field[128]; /* dotted path such as spec.containers[0].image, or "" */
	char text[512];
};

/* Both return -code, so that `return rast_err_set(err, EINVAL, "…")` reads well. */
int rast_err_set(struct rast_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int rast_err_at(struct rast_err *err, int code, const char *file, int line, int col,
		const char *field, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* "TEXT: strerror(code)" */
int rast_err_sys(struct rast_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " before the text that is there. Returns -err->code. */
int rast_err_prefix(struct rast_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void rast_err_clear(struct rast_err *err);

/* "file:line:col: field: text" with the parts that are set. Returns buf. */
const char *rast_err_format(const struct rast_err *err, char *buf, unsigned int size);

#endif
