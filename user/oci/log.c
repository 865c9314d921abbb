// SPDX-License-Identifier: BSD-2-Clause
/* See log.h. A log that cannot be written is no reason to fail: the words are on stderr as well. */
#include "oci/log.h"

#include "base/fd.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static void timestamp(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void to_file(const char *path, const char *line)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd >= 0)
		(void)rast_write_all(fd, line, strlen(line));
}

/* journald's native protocol: fields, one a line; a datagram to a socket at a known place. */
static void to_journal(const char *id, int priority, const char *text)
{
	static const struct sockaddr_un to = {AF_UNIX, "/run/systemd/journal/socket"};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char msg[1024];
	size_t i;
	int n;

	n = snprintf(msg, sizeof(msg) - 1, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s",
		     priority, *id ? id : "rast-oci", text);
	if (n < 0 || fd < 0)
		return;
	if ((size_t)n >= sizeof(msg) - 1)
		n = sizeof(msg) - 2;
	/* A newline would begin another field. */
	for (i = (size_t)(strstr(msg, "MESSAGE=") - msg); i < (size_t)n; i++)
		if (msg[i] == '\n')
			msg[i] = ' ';
	msg[n++] = '\n';
	(void)sendto(fd, msg, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to));
}

static char *format(const struct oci *o, const char *level, const char *text)
{
	char when[32], *line = NULL, *json;
	json_t *rec;

	timestamp(when, sizeof(when));
	if (!o->log_json)
		return asprintf(&line, "time=\"%s\" level=%s msg=\"%s\"\n", when, level, text) < 0
			       ? NULL
			       : line;
	rec = json_pack("{s:s,s:s,s:s}", "msg", text, "level", level, "time", when);
	json = json_dumps(rec, JSON_COMPACT);
	json_decref(rec);
	if (json && asprintf(&line, "%s\n", json) < 0)
		line = NULL;
	free(json);
	return line;
}

static void emit(struct oci *o, const char *level, int priority, const char *text)
{
	_cleanup_free_ char *line = NULL;
	const char *log = o->log;

	(void)fprintf(stderr, "rast-oci: %s%s\n", priority == LOG_WARNING ? "warning: " : "", text);
	if (!log || !*log)
		return;
	if (!strncmp(log, "journald:", 9)) {
		to_journal(log + 9, priority, text);
		return;
	}
	if (!strncmp(log, "syslog:", 7)) {
		openlog(log[7] ? log + 7 : "rast-oci", LOG_PID, LOG_DAEMON);
		syslog(priority, "%s", text);
		closelog();
		return;
	}
	line = format(o, level, text);
	if (line)
		to_file(!strncmp(log, "file:", 5) ? log + 5 : log, line);
}

void oci_log_error(struct oci *o, const char *text)
{
	emit(o, "error", LOG_ERR, text);
}

void oci_log_warning(struct oci *o, const char *text)
{
	emit(o, "warning", LOG_WARNING, text);
}
