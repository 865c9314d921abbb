// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf audit: reads the log file itself, so that it works without a controller and shows losses
 * where they are. Follows it through rotation.
 */
#include "audit/audit_cmd.h"

#include "audit/audit.h"
#include "audit/audit_bpf.h"
#include "audit/cgroup_names.h"
#include "base/fd.h"
#include "cli/client.h"
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct tail {
	struct rast_cli *cli;
	const char *container, *type;
	char path[160];
	FILE *f;
};

static bool wanted(const struct tail *t, const json_t *rec)
{
	const json_t *c = json_object_get(rec, "container");
	struct rast_cgroup_name name = {0};

	if (t->type && strcmp(t->type, rast_json_str(json_object_get(rec, "event"), "action")))
		return false;
	if (!t->container)
		return true;
	(void)snprintf(name.ns, sizeof(name.ns), "%s", rast_json_str(c, "namespace"));
	(void)snprintf(name.pod, sizeof(name.pod), "%s", rast_json_str(c, "pod"));
	(void)snprintf(name.container, sizeof(name.container), "%s", rast_json_str(c, "name"));
	return rast_cgroup_name_match(&name, t->container);
}

static int print(struct tail *t, json_t *rec)
{
	char line[2048], clean[4096];

	(void)rast_audit_line(rec, line, sizeof(line));
	return rast_cli_event(t->cli, rec, rast_text_clean(line, false, clean, sizeof(clean)));
}

/* One more line of the file that is wanted; NULL at its (present) end. A half line is left alone. */
static json_t *next(struct tail *t)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;
	long at;
	json_t *rec;

	for (;;) {
		at = ftell(t->f);
		n = getline(&line, &room, t->f);
		if (n <= 0 || line[n - 1] != '\n') {
			clearerr(t->f);
			(void)fseek(t->f, at, SEEK_SET);
			return NULL;
		}
		rec = json_loads(line, 0, NULL);
		if (rec && wanted(t, rec))
			return rec;
		json_decref(rec);
	}
}

/* The log was rotated: what is at the path is another file now. */
static bool rotated(const struct tail *t)
{
	struct stat a, b;

	return fstat(fileno(t->f), &a) == 0 && stat(t->path, &b) == 0 &&
	       (a.st_ino != b.st_ino || a.st_dev != b.st_dev);
}

static int follow(struct tail *t)
{
	struct pollfd p = {.events = POLLIN};
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC);
	char buf[4096], dir[160];
	json_t *rec;
	int r = 0;

	(void)snprintf(dir, sizeof(dir), "%s/audit", t->cli->in.lib_dir);
	if (watch < 0 || inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
		return rast_err_sys(&t->cli->err, errno, "%s: watch", dir);
	p.fd = watch;
	while (!r) {
		while (!r && (rec = next(t)))
			r = print(t, rec);
		if (fflush(stdout) == EOF)
			return 0;
		if (rotated(t)) {
			FILE *f = fopen(t->path, "re");

			if (f) {
				(void)fclose(t->f);
				t->f = f;
				continue;
			}
		}
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return rast_err_sys(&t->cli->err, errno, "poll");
		if (p.revents && read(watch, buf, sizeof(buf)) < 0)
			return rast_err_sys(&t->cli->err, errno, "inotify");
	}
	return r;
}

static int cmd_tail(struct rast_cli *cli, const struct rast_args *args)
{
	const char *count = rast_args_get(args, "lines");
	struct tail t = {.cli = cli,
			 .container = rast_args_get(args, "container"),
			 .type = rast_args_get(args, "type")};
	_cleanup_free_ json_t **last = NULL;
	unsigned long max = 20, n = 0, i;
	json_t *rec;
	char *end;
	int r = 0;

	if (count) {
		errno = 0;
		max = strtoul(count, &end, 10);
		if (errno || *end || end == count || max > 1000000 || *count == '-')
			return rast_cli_usage(cli, "-n: want a number of records up to 1000000");
	}
	(void)snprintf(t.path, sizeof(t.path), "%s/audit/audit.jsonl", cli->in.lib_dir);
	t.f = fopen(t.path, "re");
	if (!t.f)
		return rast_err_sys(&cli->err, errno, "%s", t.path);
	last = calloc(max ? max : 1, sizeof(*last));
	if (!last) {
		(void)fclose(t.f);
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	}
	while ((rec = next(&t))) {
		if (!max) {
			json_decref(rec);
			continue;
		}
		json_decref(last[n % max]);
		last[n++ % max] = rec;
	}
	for (i = n > max ? n - max : 0; i < n; i++)
		r = r ? (json_decref(last[i % max]), r) : print(&t, last[i % max]);
	if (!r && rast_args_get(args, "follow"))
		r = follow(&t);
	(void)fclose(t.f);
	return r;
}

static const struct rast_col columns[] = {
	{"ring", "RING", RAST_COL_TEXT},
	{"attempted", "ATTEMPTED", RAST_COL_NUM},
	{"sent", "SENT", RAST_COL_NUM},
	{"dropped", "DROPPED", RAST_COL_NUM},
	{NULL, NULL, 0},
};

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	static const char *const names[] = {"ordinary", "priority", "total"};
	struct rast_event_stats stats[RAST_RING_MAX + 1] = {{0}};
	json_t *rows;
	int r, i;

	(void)args;
	r = rast_cli_need_root(cli);
	if (!r)
		r = rast_audit_bpf_stats(&cli->in, stats, &cli->err);
	if (r == -ENOENT)
		(void)rast_err_prefix(&cli->err, "audit is not loaded (rastbpf up starts it)");
	if (r < 0)
		return r;
	rows = json_array();
	for (i = 0; i <= RAST_RING_MAX; i++) {
		(void)json_array_append_new(rows,
					    json_pack("{s:s,s:I,s:I,s:I}", "ring", names[i],
						      "attempted", (json_int_t)stats[i].attempted,
						      "sent", (json_int_t)stats[i].sent, "dropped",
						      (json_int_t)stats[i].dropped));
		stats[RAST_RING_MAX].attempted += stats[i].attempted;
		stats[RAST_RING_MAX].sent += stats[i].sent;
		stats[RAST_RING_MAX].dropped += stats[i].dropped;
	}
	return rast_cli_table(cli, rows, columns);
}

static const struct rast_opt tail_opts[] = {
	{"follow", 'f', NULL, "go on with what is written from now on"},
	{"lines", 'n', "N", "how many of the last records (20)"},
	{"container", 'c', "NAME", "only of this pod or container"},
	{"type", 't', "ACTION",
	 "only this event.action: exec, fork, exit, connect, flow-denied, …"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{"tail", NULL, "[-f] [-n N] [--container NAME] [--type ACTION]", "the last audit records",
	 tail_opts, 0, 0, cmd_tail},
	{"show", "list", "", "how many events were attempted, sent and dropped", NULL, 0, 0,
	 cmd_show},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_audit = {
	.name = "audit",
	.summary = "what happened in containers and what was done to them",
	.verbs = verbs,
};
