// SPDX-License-Identifier: BSD-2-Clause
/* rastd: the controller. Started by systemd, by `rastbpf daemon start`, or on demand by rastbpf. */
#include "base/fd.h"
#include "base/log.h"
#include "controller/controller.h"
#include "controller/request.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: rastd [--instance NAME] [--ring-kb N] [--debug]\n\n"
	"The controller of one rastOS instance; see rastd(8).\n\n"
	"  --instance NAME  run for this instance (default: RAST_INSTANCE, else rastos)\n"
	"  --ring-kb N      size of each CPU's event ring when it is made, a power of two (512)\n"
	"  --debug          log more, verifier logs included\n"
	"  --ready-fd N     write one line there when ready or failed\n"
	"  --version, --help\n";

/* Whoever started us waits for this line; see cli/client.c. */
static void tell_ready(int fd, const struct rast_err *err)
{
	json_t *msg = err ? rast_answer_error(err) : rast_answer_ok(NULL);
	char *text = json_dumps(msg, JSON_COMPACT);

	json_decref(msg);
	if (fd < 0)
		return;
	if (text && rast_write_all(fd, text, strlen(text)) == 0)
		(void)rast_write_all(fd, "\n", 1);
	free(text);
	(void)close(fd);
}

static int run(const char *instance, int ready_fd)
{
	static struct rast_controller c;
	struct rast_instance in;
	struct rast_err err = {0};
	int r;

	r = rast_instance_init(&in, instance, &err);
	if (!r && geteuid() != 0)
		r = rast_err_set(&err, EPERM, "rastd needs root (euid is %u)", geteuid());
	if (!r) {
		r = rast_controller_start(&c, &in, &err);
		if (!r)
			r = rast_startup_drop_capabilities(&err);
		if (!r) {
			rast_log(RAST_LOG_INFO, "ready instance=%s version=%s socket=%s", in.name,
				 RAST_VERSION, in.socket);
			rast_startup_notify("READY=1\nSTATUS=ready");
			tell_ready(ready_fd, NULL);
			ready_fd = -1;
			r = rast_controller_run(&c, &err);
			rast_startup_notify("STOPPING=1");
		}
		rast_controller_stop(&c);
	}
	if (r < 0) {
		rast_log(RAST_LOG_ERR, "%s", err.text);
		tell_ready(ready_fd, &err);
		return 1;
	}
	rast_log(RAST_LOG_INFO, "stopped instance=%s", in.name);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'},
		{"ready-fd", required_argument, NULL, 'r'},
		{"ring-kb", required_argument, NULL, 'k'},
		{"debug", no_argument, NULL, 'd'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	enum rast_log_level level = RAST_LOG_INFO;
	const char *instance = NULL;
	int ready_fd = -1, opt;

	while ((opt = getopt_long(argc, argv, "dVh", options, NULL)) != -1) {
		switch (opt) {
		case 'i':
			instance = optarg;
			break;
		case 'r':
			ready_fd = atoi(optarg);
			break;
		case 'k':
			/* Read by the loader, which features call without knowing of options. */
			(void)setenv("RAST_RING_KB", optarg, 1);
			break;
		case 'd':
			level = RAST_LOG_DEBUG;
			break;
		case 'V':
			(void)printf("rastd %s\n", RAST_VERSION);
			return 0;
		case 'h':
			(void)fputs(usage, stdout);
			return 0;
		default:
			(void)fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "rastd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return 2;
	}
	rast_log_init("rastd", level);
	return run(instance, ready_fd);
}
