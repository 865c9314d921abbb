// SPDX-License-Identifier: BSD-2-Clause
/* The audit log's writer; see audit_log.h. */
#include "audit/audit_log.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "audit.jsonl"

struct rast_audit_log {
	int dir, fd;
	uint64_t size, max_bytes, written, lost, pending_loss;
	unsigned int keep;
	bool dirty;
};

/* A writer that was killed in the middle of a write leaves half a line: cut it off. */
static int cut_half_line(int fd, uint64_t *size)
{
	char c;

	while (*size) {
		if (pread(fd, &c, 1, (off_t)*size - 1) != 1)
			return -errno;
		if (c == '\n')
			break;
		(*size)--;
	}
	return ftruncate(fd, (off_t)*size) < 0 ? -errno : 0;
}

static int open_file(struct rast_audit_log *l)
{
	struct stat st;
	int r;

	l->fd = openat(l->dir, FILE_NAME, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return -errno;
	l->size = (uint64_t)st.st_size;
	r = cut_half_line(l->fd, &l->size);
	return r;
}

int rast_audit_log_open(const char *dir, uint64_t max_bytes, unsigned int keep,
			struct rast_audit_log **ret, struct rast_err *err)
{
	struct rast_audit_log *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return rast_err_set(err, ENOMEM, "out of memory");
	l->dir = l->fd = -1;
	l->max_bytes = max_bytes;
	l->keep = keep;
	r = rast_mkdir_p(dir, 0700);
	if (!r) {
		l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = l->dir < 0 ? -errno : open_file(l);
	}
	if (r < 0) {
		rast_audit_log_close(l);
		return rast_err_sys(err, -r, "%s/" FILE_NAME, dir);
	}
	*ret = l;
	return 0;
}

void rast_audit_log_close(struct rast_audit_log *l)
{
	if (!l)
		return;
	rast_audit_log_sync(l);
	rast_closep(&l->fd);
	rast_closep(&l->dir);
	free(l);
}

void rast_audit_log_sync(struct rast_audit_log *l)
{
	if (l->dirty && l->fd >= 0 && !fdatasync(l->fd))
		l->dirty = false;
}

static int rotate(struct rast_audit_log *l)
{
	char from[32], to[32];
	unsigned int i;

	rast_audit_log_sync(l);
	for (i = l->keep; i > 0; i--) {
		(void)snprintf(to, sizeof(to), FILE_NAME ".%u", i);
		if (i > 1)
			(void)snprintf(from, sizeof(from), FILE_NAME ".%u", i - 1);
		else
			(void)snprintf(from, sizeof(from), FILE_NAME);
		if (renameat(l->dir, from, l->dir, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (!l->keep && unlinkat(l->dir, FILE_NAME, 0) < 0)
		return -errno;
	rast_closep(&l->fd);
	return open_file(l);
}

static int write_line(struct rast_audit_log *l, const json_t *record)
{
	_cleanup_free_ char *text = json_dumps(record, JSON_COMPACT);
	size_t n;
	int r;

	if (!text)
		return -ENOMEM;
	n = strlen(text);
	text[n] = '\n'; /* in place of the NUL: one write, no copy */
	n++;
	if (l->fd < 0 || (l->size && l->size + n > l->max_bytes)) {
		r = l->fd < 0 ? open_file(l) : rotate(l);
		if (r < 0)
			return r;
	}
	r = rast_write_all(l->fd, text, n);
	if (r < 0) {
		(void)!ftruncate(l->fd, (off_t)l->size);
		return r;
	}
	l->size += n;
	l->dirty = true;
	return 0;
}

int rast_audit_log_write(struct rast_audit_log *l, const json_t *record)
{
	_cleanup_json_ json_t *loss = NULL;
	struct timespec ts;
	int r = 0;

	if (l->pending_loss) {
		(void)clock_gettime(CLOCK_REALTIME, &ts);
		loss = json_pack(
			"{s:o,s:{s:s,s:s},s:{s:s,s:I,s:I}}", "@timestamp",
			rast_json_time((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec),
			"event", "kind", "pipeline_error", "action", "loss", "rast", "ring", "log",
			"lost", (json_int_t)l->pending_loss, "lost_total", (json_int_t)l->lost);
		r = loss ? write_line(l, loss) : -ENOMEM;
		if (!r)
			l->pending_loss = 0;
	}
	if (!r)
		r = write_line(l, record);
	if (r < 0) {
		l->lost++;
		l->pending_loss++;
		return r;
	}
	l->written++;
	return 0;
}

void rast_audit_log_counts(const struct rast_audit_log *l, uint64_t *ret_written,
			   uint64_t *ret_lost)
{
	*ret_written = l->written;
	*ret_lost = l->lost;
}
