// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf daemon start|stop|status; see daemon_cmd.h. */
#include "controller/daemon_cmd.h"

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STOP_WAIT_MS 30000

static int show_state(struct rast_cli *cli, const char *state, int pid)
{
	json_t *o = json_pack("{s:s, s:s}", "instance", cli->in.name, "state", state);

	if (pid > 0)
		(void)json_object_set_new(o, "pid", json_integer(pid));
	return rast_cli_record(cli, o, NULL);
}

static int run_start(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *info = NULL;
	int r;

	if (!rast_client_alive(&cli->in)) {
		r = rast_client_start(cli);
		if (r < 0)
			return r;
	}
	r = rast_client_call(cli, false, "daemon.info", NULL, &info);
	return r < 0 ? r : show_state(cli, "running", (int)rast_json_int(info, "pid"));
}

static int run_stop(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_json_ json_t *info = NULL, *result = NULL;
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	int r;

	r = rast_client_call(cli, false, "daemon.info", NULL, &info);
	if (r == -ENOTCONN) {
		rast_err_clear(&cli->err);
		return show_state(cli, "stopped", 0);
	}
	if (r < 0)
		return r;
	/* Opened before it is told to stop: the pid is still its own. */
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)rast_json_int(info, "pid"), 0);
	if (pidfd < 0)
		return rast_err_sys(&cli->err, errno, "controller");
	r = rast_client_call(cli, false, "daemon.stop", NULL, &result);
	if (r < 0)
		return r;
	p.fd = pidfd;
	if (poll(&p, 1, STOP_WAIT_MS) <= 0)
		return rast_err_set(&cli->err, ETIMEDOUT, "the controller (pid %d) does not end",
				    (int)rast_json_int(info, "pid"));
	return show_state(cli, "stopped", 0);
}

static void print_features(struct rast_cli *cli, json_t *features)
{
	static const struct rast_col cols[] = {
		{"name", "FEATURE", RAST_COL_TEXT},
		{"status", "STATUS", RAST_COL_TEXT},
		{"reason", "REASON", RAST_COL_TEXT},
		{NULL},
	};

	if (!json_array_size(features))
		return;
	(void)putchar('\n');
	(void)rast_cli_table(cli, json_incref(features), cols);
}

static int run_status(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"instance", "instance", RAST_COL_TEXT},
		{"state", "state", RAST_COL_TEXT},
		{"pid", "pid", RAST_COL_NUM},
		{"version", "version", RAST_COL_TEXT},
		{"started", "started", RAST_COL_TEXT},
		{"uptime_ns", "uptime", RAST_COL_NS},
		{"events", "events read", RAST_COL_COUNT},
		{"rings.ordinary.dropped", "ordinary events dropped", RAST_COL_COUNT},
		{"rings.priority.dropped", "priority events dropped", RAST_COL_COUNT},
		{"subscribers", "subscribers", RAST_COL_NUM},
		{"lost_by_subscribers", "events lost by slow subscribers", RAST_COL_COUNT},
		{NULL},
	};
	_cleanup_json_ json_t *info = NULL;
	int r;

	r = rast_client_call(cli, false, "daemon.info", NULL, &info);
	if (r == -ENOTCONN) {
		rast_err_clear(&cli->err);
		r = show_state(cli, "stopped", 0);
		return r < 0 ? r : 3; /* as `systemctl status` of a unit that does not run */
	}
	if (r < 0)
		return r;
	(void)json_object_set_new(info, "state", json_string("running"));
	r = rast_cli_record(cli, json_incref(info), cols);
	if (!r && !cli->json)
		print_features(cli, json_object_get(info, "features"));
	return r;
}

static const struct rast_verb verbs[] = {
	{"status", "show", "", "is it running, and what does it do; exit code 3 when not", NULL, 0,
	 0, run_status},
	{"start", NULL, "", "start it in the background; 0 also when it runs already", NULL, 0, 0,
	 run_start},
	{"stop", NULL, "", "end it; programs, maps and links stay in the kernel and work on", NULL,
	 0, 0, run_stop},
	{NULL},
};

const struct rast_object rast_object_daemon = {
	"daemon", "the controller, rastd", verbs,
	"Started on demand its log is <run_dir>/rastd.log; see rastd(8)."};
