// SPDX-License-Identifier: BSD-2-Clause
/*
 * The controller's own log, when rastbpf started it: <run_dir>/rastd.log, which is our standard error. We
 * are its writer, so it is rotated by rename: rastd.log.1 is the newest of the old ones. A command that
 * we started a moment ago may still write into that.
 */
#include "base/fd.h"
#include "base/log.h"
#include "controller/controller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_BYTES (10 << 20)
#define LOG_OLD 2 /* besides the one in use */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void rast_log_file_tick(const struct rast_controller *c)
{
	struct stat err, out, named;
	_cleanup_close_ int fd = -1;
	char path[128], from[140], to[140];
	bool both;
	int i;

	if (fstat(STDERR_FILENO, &err) < 0 || !S_ISREG(err.st_mode) || err.st_size < LOG_BYTES)
		return;
	(void)snprintf(path, sizeof(path), "%s/rastd.log", c->in.run_dir);
	/* Somebody else's file, or one that was removed meanwhile: not ours to move. */
	if (lstat(path, &named) < 0 || !same_file(&err, &named))
		return;
	both = !fstat(STDOUT_FILENO, &out) && same_file(&out, &err);
	for (i = LOG_OLD; i > 0; i--) {
		(void)snprintf(to, sizeof(to), "%s.%d", path, i);
		(void)snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", path, i - 1);
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* dup2 clears close-on-exec: commands that we start say what went wrong here as well. */
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || (both && dup2(fd, STDOUT_FILENO) < 0))
		rast_log(RAST_LOG_WARN, "the log cannot be opened anew: %s", strerror(errno));
}
