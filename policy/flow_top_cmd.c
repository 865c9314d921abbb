// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf flow top: looks at the controller's edges once an interval. On a terminal the alternate screen,
 * which is left however it ends: signals are read from an fd, so none of them kills in between.
 */
#include "policy/flow_top_cmd.h"

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/text.h"
#include "policy/flow_top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

const struct rast_opt rast_flow_top_opts[] = {
	{"by", 'b', "WHAT", "edge (default) or pod"},
	{"sort", 's', "KEY", "flows (default), bytes, packets or denied"},
	{"interval", 'i', "SECONDS", "between two looks; 1 by default"},
	{"count", 'c', "N", "so many tables, then end; 1 where stdout is no terminal"},
	{NULL, 0, NULL, NULL},
};

struct top {
	struct rast_cli *cli;
	bool by_pod, screen;
	int sort;
	long interval_s, left; /* left: -1: no end */
	int sig_fd;
	struct termios saved;
	bool have_saved;
};

static int number(struct top *t, const struct rast_args *args, const char *name, long highest,
		  long *ret)
{
	const char *text = rast_args_get(args, name);
	char *end;
	long n;

	if (!text)
		return 0;
	n = strtol(text, &end, 10);
	if (!*text || *end || n < 1 || n > highest)
		return rast_cli_usage(t->cli, "--%s %s: must be a number from 1 to %ld", name, text,
				      highest);
	*ret = n;
	return 0;
}

static int parse(struct top *t, const struct rast_args *args)
{
	const char *by = rast_args_get(args, "by"), *sort = rast_args_get(args, "sort");
	int r;

	if (by && strcmp(by, "edge") != 0 && strcmp(by, "pod") != 0)
		return rast_cli_usage(t->cli, "--by %s: must be edge or pod", by);
	t->by_pod = by && !strcmp(by, "pod");
	t->sort = sort ? rast_flow_sort_of(sort) : RAST_FLOW_SORT_FLOWS;
	if (t->sort < 0)
		return rast_cli_usage(t->cli, "--sort %s: must be flows, bytes, packets or denied",
				      sort);
	r = number(t, args, "interval", 3600, &t->interval_s);
	return r ? r : number(t, args, "count", 1000000, &t->left);
}

static void screen_on(struct top *t)
{
	struct termios raw;

	t->have_saved = tcgetattr(STDIN_FILENO, &t->saved) == 0;
	if (t->have_saved) {
		raw = t->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	(void)fputs("\033[?1049h\033[?25l", stdout);
	(void)fflush(stdout);
}

static void screen_off(struct top *t)
{
	(void)fputs("\033[?25h\033[?1049l", stdout);
	(void)fflush(stdout);
	if (t->have_saved)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
}

/* True: somebody wants to leave. */
static bool wait_interval(struct top *t)
{
	struct pollfd p[2] = {{.fd = t->sig_fd, .events = POLLIN},
			      {.fd = t->screen ? STDIN_FILENO : -1, .events = POLLIN}};
	struct signalfd_siginfo info;
	char key = 0;

	if (poll(p, 2, (int)(t->interval_s * 1000)) <= 0)
		return false;
	if (p[0].revents && read(t->sig_fd, &info, sizeof(info)) > 0)
		return info.ssi_signo != SIGWINCH;
	return p[1].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q');
}

static void draw(const struct top *t, const json_t *rows)
{
	char what[400], bytes[32], port[24];
	struct winsize w = {0};
	size_t i, lines;
	const json_t *row;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	lines = w.ws_row > 3 ? w.ws_row - 3u : 20;
	(void)printf("\033[H%9s %9s %9s %9s  %s\033[K\r\n", "FLOWS/s", "DENIED/s", "BYTES/s",
		     "PACKETS/s", t->by_pod ? "POD" : "FROM -> TO");
	json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
		if (i == lines)
			break;
		(void)snprintf(port, sizeof(port), "/%lld", (long long)rast_json_int(row, "port"));
		if (t->by_pod)
			(void)snprintf(what, sizeof(what), "%s", rast_json_str(row, "pod"));
		else
			(void)snprintf(what, sizeof(what), "%s -> %s %s%s",
				       rast_json_str(row, "from"), rast_json_str(row, "to"),
				       rast_json_str(row, "protocol"), port);
		(void)rast_text_bytes((uint64_t)json_number_value(json_object_get(row, "bytes_s")),
				      bytes, sizeof(bytes));
		(void)printf("%9.1f %9.1f %9s %9.1f  %.*s\033[K\r\n",
			     json_number_value(json_object_get(row, "flows_s")),
			     json_number_value(json_object_get(row, "denied_s")), bytes,
			     json_number_value(json_object_get(row, "packets_s")),
			     w.ws_col > 42 ? w.ws_col - 42 : 200, what);
	}
	(void)fputs("\033[J", stdout);
	(void)fflush(stdout);
}

static int table(const struct top *t, json_t *rows)
{
	static const struct rast_col edges[] = {
		{"from", "FROM", RAST_COL_TEXT},      {"to", "TO", RAST_COL_TEXT},
		{"port", "PORT", RAST_COL_NUM},       {"protocol", "PROTO", RAST_COL_TEXT},
		{"flows_s", "FLOWS/s", RAST_COL_NUM}, {"denied_s", "DENIED/s", RAST_COL_NUM},
		{"bytes_s", "BYTES/s", RAST_COL_NUM}, {"packets_s", "PACKETS/s", RAST_COL_NUM},
		{NULL, NULL, RAST_COL_TEXT},
	};
	static const struct rast_col pods[] = {
		{"pod", "POD", RAST_COL_TEXT},
		{"flows_s", "FLOWS/s", RAST_COL_NUM},
		{"denied_s", "DENIED/s", RAST_COL_NUM},
		{"bytes_s", "BYTES/s", RAST_COL_NUM},
		{"packets_s", "PACKETS/s", RAST_COL_NUM},
		{NULL, NULL, RAST_COL_TEXT},
	};

	return rast_cli_table(t->cli, rows, t->by_pod ? pods : edges);
}

static int run(struct top *t)
{
	_cleanup_json_ json_t *before = NULL;
	json_t *after, *rows;
	int r = rast_client_call(t->cli, true, "flow.edges", NULL, &before);

	while (r >= 0 && t->left && !wait_interval(t)) {
		after = NULL;
		r = rast_client_call(t->cli, true, "flow.edges", NULL, &after);
		if (r < 0)
			break;
		rows = rast_flow_top(before, after, (double)t->interval_s, t->by_pod,
				     (enum rast_flow_sort)t->sort);
		json_decref(before);
		before = after;
		if (t->screen) {
			draw(t, rows);
			json_decref(rows);
		} else {
			r = table(t, rows);
		}
		if (t->left > 0)
			t->left--;
	}
	return r < 0 ? r : 0;
}

int rast_flow_top_run(struct rast_cli *cli, const struct rast_args *args)
{
	struct top t = {.cli = cli, .interval_s = 1, .left = -1, .sig_fd = -1};
	sigset_t set;
	int r;

	t.screen = cli->tty && isatty(STDIN_FILENO) && !cli->json;
	if (!t.screen)
		t.left = 1;
	r = parse(&t, args);
	if (r)
		return r;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	t.sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (t.screen)
		screen_on(&t);
	r = run(&t);
	if (t.screen)
		screen_off(&t);
	(void)close(t.sig_fd);
	return r;
}
