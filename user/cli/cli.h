/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rastbpf OBJECT VERB: one table per object is the source for dispatch, help and completion, and one
 * JSON value per command is the source for -j, -p and the text that a person reads.
 *
 * A verb builds its answer as JSON and hands it to rast_cli_table(), rast_cli_record() or
 * rast_cli_event(); only the last step knows whether text or JSON is wanted. stdout is data, stderr
 * is talk. Field names in JSON are snake_case and stable; units are in the name (mem_bytes).
 */
#ifndef RAST_CLI_CLI_H
#define RAST_CLI_CLI_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>

/* Exit codes: done, failed, misused. A verb may return any other positive number to exit with it. */
enum { RAST_EXIT_OK = 0, RAST_EXIT_FAIL = 1, RAST_EXIT_USAGE = 2 };

struct rast_cli {
	struct rast_instance in;
	bool json, pretty; /* -j, -p */
	bool tty;          /* stdout is a terminal: live views allowed */
	bool color;        /* tty, and NO_COLOR is not set */
	bool debug;        /* -d */
	char **argv;       /* all of it, as main() has it */
	json_t **capture;  /* not NULL: rast_cli_table() puts its rows here and prints nothing */
	const struct rast_object *const *objects;
	struct rast_err err;
};

struct rast_opt {
	const char *name; /* long name without dashes; ends the table when NULL */
	char key;         /* short letter or 0 */
	const char *
		arg; /* NULL: a switch; "FILE", "DIR", "NAME", … otherwise (FILE completes files) */
	const char *help;
};

/* What is left of argv once options are taken out. */
struct rast_args {
	int argc; /* positional arguments */
	char **argv;
	const struct rast_opt *opts;
	const char *values[16]; /* by position in opts; "" for a switch that was given */
	unsigned int counts[16];
	/* Options given more than once: all values in order. */
	struct {
		int opt;
		const char *value;
	} all[64];
	int n_all;
};

/* NULL when not given; "" for a switch. */
const char *rast_args_get(const struct rast_args *a, const char *name);
/* The i-th value of a repeated option, NULL past the end. */
const char *rast_args_get_nth(const struct rast_args *a, const char *name, int i);

struct rast_verb {
	const char
		*name; /* NULL ends the table; "" for an object that is itself the verb (up, gc) */
	const char *alias; /* e.g. "list" for "show"; or NULL */
	const char *usage; /* "NAME [--tail N]" */
	const char *summary;
	const struct rast_opt *opts;
	int min_args, max_args; /* positional; max -1: any number, and options end at the first one
			   * ("exec NAME ls -l"; a "--" before or right behind it is taken out) */
	int (*run)(struct rast_cli *cli, const struct rast_args *args);
};

struct rast_object {
	const char *name;
	const char *summary;
	const struct rast_verb *verbs;
	const char *details; /* more help text, or NULL */
};

/* Returns the exit code. objects ends with NULL. */
int rast_cli_main(const struct rast_object *const *objects, int argc, char **argv);

/* For a verb that finds its arguments misused: prints to stderr, exits 2. */
int rast_cli_usage(struct rast_cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* -EPERM with a clear text when not root. */
int rast_cli_need_root(struct rast_cli *cli);

enum rast_col_kind {
	RAST_COL_TEXT,
	RAST_COL_NUM,    /* 12345 */
	RAST_COL_BYTES,  /* 12.1M */
	RAST_COL_COUNT,  /* 12.1k */
	RAST_COL_NS,     /* 12.1ms */
	RAST_COL_TIME,   /* the time of day of an ISO time */
	RAST_COL_BOOL,   /* yes / no */
	RAST_COL_LIST,   /* a, b, c; of an object: k=v, … */
	RAST_COL_VERDICT /* text; green for allow…, red for deny…, when in colour */
};

struct rast_col {
	const char *key; /* may be dotted: "cpu.usage_ns"; NULL ends the table */
	const char *title;
	enum rast_col_kind kind;
};

/* rows: an array of objects; taken. */
int rast_cli_table(struct rast_cli *cli, json_t *rows, const struct rast_col *cols);
/* One object, a line a field; taken. cols may be NULL: every field in order. */
int rast_cli_record(struct rast_cli *cli, json_t *obj, const struct rast_col *cols);
/* One of a stream: a JSON line under -j, else `text`, which is one line: control characters in it are
 * escaped, all but the sequences of rast_cli_style(). obj is taken. -EPIPE: the reader left. */
int rast_cli_event(struct rast_cli *cli, json_t *obj, const char *text);
/* JSON as it is under -j/-p; else nothing and returns false, and the caller prints its own text. */
bool rast_cli_json(struct rast_cli *cli, const json_t *value);
/* ANSI sequence or "" by cli->color: "bold", "red", "green", "yellow", "dim", "reset". */
const char *rast_cli_style(const struct rast_cli *cli, const char *name);

#endif
