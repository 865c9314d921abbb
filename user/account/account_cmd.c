// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf account: what containers use. Works without a controller, from the pinned maps; a running
 * one adds rates to `show`.
 */
#include "account/account_cmd.h"

#include "account/account_top.h"
#include "account/account_view.h"
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct rast_col columns[] = {
	{"name", "CONTAINER", RAST_COL_TEXT},
	{"state", "STATE", RAST_COL_TEXT},
	{"cpu_percent", "CPU%", RAST_COL_TEXT},
	{"cpu_ns", "CPU", RAST_COL_NS},
	{"mem_bytes", "MEM", RAST_COL_BYTES},
	{"mem_peak_bytes", "PEAK", RAST_COL_BYTES},
	{"tasks", "TASKS", RAST_COL_NUM},
	{"net_rx_bytes", "RX", RAST_COL_BYTES},
	{"net_tx_bytes", "TX", RAST_COL_BYTES},
	{"syscalls", "SYSCALLS", RAST_COL_COUNT},
	{"syscall_errors", "ERRORS", RAST_COL_COUNT},
	{"execs", "EXECS", RAST_COL_COUNT},
	{NULL, NULL, 0},
};

static const struct rast_col syscall_columns[] = {
	{"syscall", "SYSCALL", RAST_COL_TEXT},
	{"count", "COUNT", RAST_COL_NUM},
	{"percent", "%", RAST_COL_TEXT},
	{NULL, NULL, 0},
};

static int open_view(struct rast_cli *cli, struct rast_account_view **ret)
{
	int r = rast_cli_need_root(cli);

	if (r < 0)
		return r;
	r = rast_account_view_create(&cli->in, ret, &cli->err);
	if (r == -ENOENT)
		(void)rast_err_prefix(&cli->err, "accounting is not loaded (rastbpf up starts it)");
	return r;
}

static int show_syscalls(struct rast_cli *cli, const char *name)
{
	struct rast_account_view *view;
	json_t *rows;
	int r = open_view(cli, &view);

	if (r < 0)
		return r;
	r = rast_account_view_syscalls(view, name, 1000, &rows, &cli->err);
	rast_account_view_destroy(view);
	return r < 0 ? r : rast_cli_table(cli, rows, syscall_columns);
}

static int cmd_show(struct rast_cli *cli, const struct rast_args *args)
{
	const char *name = args->argc ? args->argv[0] : NULL;
	struct rast_account_view *view;
	json_t *rows = NULL, *ask;
	int r;

	if (rast_args_get(args, "syscalls"))
		return show_syscalls(cli, rast_args_get(args, "syscalls"));
	if (rast_client_alive(&cli->in)) {
		ask = json_object();
		rast_json_set_str(ask, "name", name);
		r = rast_client_call(cli, false, "account.show", ask, &rows);
		/* Not loaded there, or gone meanwhile: the pins may still tell. */
		if (r < 0 && r != -EOPNOTSUPP && r != -ENOTCONN)
			return r;
		rast_err_clear(&cli->err);
	}
	if (!rows) {
		r = open_view(cli, &view);
		if (r < 0)
			return r;
		r = rast_account_view_rows(view, name, &rows, &cli->err);
		rast_account_view_destroy(view);
		if (r < 0)
			return r;
	}
	return rast_cli_table(cli, rows, columns);
}

/* ---- top ---- */

struct screen {
	struct termios saved;
	bool on;
};

static void say(const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t w = write(STDOUT_FILENO, text, n);

		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (w > 0) {
			text += w;
			n -= (size_t)w;
		}
	}
}

static void screen_on(struct screen *s)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &s->saved) == 0) {
		t = s->saved;
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
		s->on = true;
	}
	say("\033[?1049h\033[?25l"); /* alternate screen, no cursor */
}

static void screen_off(struct screen *s)
{
	say("\033[?25h\033[?1049l");
	if (s->on)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
}

/* The frame over the last one, in one write: nothing is blanked first, so nothing flickers. */
static int draw(const struct rast_top *top, const json_t *rows)
{
	_cleanup_free_ char *frame = NULL, *out = NULL;
	char clock[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	size_t size;
	FILE *f;
	char *p;

	if (localtime_r(&now, &tm))
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	frame = rast_top_frame(top, rows, clock);
	f = frame ? open_memstream(&out, &size) : NULL;
	if (!f)
		return -ENOMEM;
	(void)fputs("\033[H", f);
	for (p = frame; *p; p++)
		(void)fputs(*p == '\n' ? "\033[K\r\n" : (char[]){*p, '\0'}, f);
	(void)fputs("\033[J", f);
	(void)fclose(f);
	say(out);
	return 0;
}

static void measure(struct rast_top *top)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col) {
		top->columns = w.ws_col;
		top->lines = w.ws_row;
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Waits for a key or signal until `until_ms`. 1: quit, 0: draw again. */
static int wait_input(struct rast_top *top, int sig_fd, uint64_t until_ms)
{
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
			      {.fd = sig_fd, .events = POLLIN}};
	struct signalfd_siginfo info;
	uint64_t now = now_ms();
	char key;

	if (poll(p, 2, until_ms > now ? (int)(until_ms - now) : 0) <= 0)
		return 0;
	if (p[1].revents && read(sig_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			return 1;
		measure(top);
	}
	if (p[0].revents) {
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return 1;
		(void)rast_top_key(top, key);
	}
	return 0;
}

static int live(struct rast_cli *cli, struct rast_account_view *view, struct rast_top *top)
{
	struct screen screen = {0};
	_cleanup_json_ json_t *rows = NULL;
	uint64_t next = now_ms();
	sigset_t set;
	int sig_fd, r = 0;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	measure(top);
	screen_on(&screen);
	for (;;) {
		if (now_ms() >= next) {
			json_decref(rows);
			rows = NULL;
			r = rast_account_view_tick(view, &cli->err);
			if (!r)
				r = rast_account_view_rows(view, NULL, &rows, &cli->err);
			if (r < 0)
				break;
			next = now_ms() + 1000;
		}
		r = draw(top, rows);
		if (r < 0 || wait_input(top, sig_fd, next))
			break;
	}
	screen_off(&screen);
	(void)close(sig_fd);
	return r;
}

static int cmd_top(struct rast_cli *cli, const struct rast_args *args)
{
	struct rast_top top = {.sort = RAST_TOP_CPU, .style = cli->color};
	struct rast_account_view *view;
	const char *sort = rast_args_get(args, "sort");
	_cleanup_free_ char *frame = NULL;
	json_t *rows = NULL;
	int r;

	/* By first letter, but "name", which begins as "network" does. */
	if (sort && !strcmp(sort, "name"))
		sort = "a";
	if (sort && (strlen(sort) == 0 || sort[0] == 'r' || !rast_top_key(&top, sort[0])))
		return rast_cli_usage(cli, "--sort: want cpu, memory, network, syscalls or name");
	r = open_view(cli, &view);
	if (r < 0)
		return r;
	if (cli->tty && isatty(STDIN_FILENO) && !cli->json && !rast_args_get(args, "once")) {
		r = live(cli, view, &top);
		rast_account_view_destroy(view);
		return r;
	}
	/* Rates need two looks. */
	r = rast_account_view_tick(view, &cli->err);
	if (!r) {
		(void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		r = rast_account_view_tick(view, &cli->err);
	}
	if (!r)
		r = rast_account_view_rows(view, NULL, &rows, &cli->err);
	rast_account_view_destroy(view);
	if (r < 0)
		return r;
	if (cli->json) {
		json_t *sorted = rast_top_sorted(&top, rows);

		json_decref(rows);
		return rast_cli_table(cli, sorted, columns);
	}
	frame = rast_top_frame(&top, rows, "");
	json_decref(rows);
	if (!frame)
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	(void)fputs(frame, stdout);
	return 0;
}

static const struct rast_opt show_opts[] = {
	{"syscalls", 's', "NAME", "most used system calls of a container or pod"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_opt top_opts[] = {
	{"once", '1', NULL, "one snapshot, measured over a second"},
	{"sort", 0, "KEY", "cpu, memory, network, syscalls or name"},
	{NULL, 0, NULL, NULL},
};

static const struct rast_verb verbs[] = {
	{"show", "list", "[NAME]", "CPU, memory, network and system calls per container", show_opts,
	 0, 1, cmd_show},
	{"top", NULL, "", "live view, refreshed every second", top_opts, 0, 0, cmd_top},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct rast_object rast_object_account = {
	.name = "account",
	.summary = "what containers use, counted in the kernel",
	.verbs = verbs,
	.details = "NAME is a pod, ns/pod or ns/pod/container. Works without a controller.",
};
