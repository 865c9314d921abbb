// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci events: one line of JSON for every interval with the container's numbers, and one for every
 * time the kernel ran out of its memory; once only with --stats. It ends with the container. The layout is
 * runc's. Nothing is polled: a timer, the memory controller's notification and the pidfd wake it.
 */
#include "base/fd.h"
#include "oci/create.h"
#include "oci/events.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const struct oci_opt events_opts[] = {
	{"stats", 0, NULL, "print the numbers once and end"},
	{"interval", 0, "TIME", "time between two lines (default: 5s)"},
	{0},
};

/* "5s", "1m30s", "250ms": what the callers of runc write. */
static int parse_interval(const char *text, struct itimerspec *ret, struct rast_err *err)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
		     {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
	const char *p = text;
	double total = 0;
	size_t i;

	while (isdigit((unsigned char)*p) || *p == '.') {
		char *end;
		double v = strtod(p, &end);
		size_t n = strcspn(end, "0123456789.");

		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].name) == n && !strncmp(units[i].name, end, n))
				break;
		if (end == p || i == ARRAY_SIZE(units))
			break;
		total += v * units[i].ns;
		p = end + n;
	}
	if (*p || total < 1 || total > 1e18)
		return rast_err_set(err, EINVAL,
				    "--interval \"%.40s\": want a time above 0 like 5s or 500ms",
				    text);
	ret->it_interval.tv_sec = (time_t)(total / 1e9);
	ret->it_interval.tv_nsec = (long)(total - (double)ret->it_interval.tv_sec * 1e9);
	ret->it_value = ret->it_interval;
	return 0;
}

static void close_dirs(struct oci_cgroup_dirs *d)
{
	int i;

	rast_closep(&d->v2);
	for (i = 0; i < RAST_CG_MAX; i++)
		rast_closep(&d->v1[i]);
}

static int open_dirs(const struct oci_container *c, struct oci_cgroup_dirs *ret,
		     struct rast_err *err)
{
	const char *path = rast_json_str(c->state, "cgroup");
	unsigned int v1 = (unsigned int)rast_json_int(c->state, "cgroup_v1");
	struct oci_cgroup_dirs d = {-1, {-1, -1, -1, -1, -1, -1, -1, -1}};
	struct rast_cgroup_layout l;
	int i, r;

	if (!*path)
		return rast_err_set(err, EINVAL, "container %s has no cgroup", c->id);
	r = rast_cgroup_layout_init_some(v1, &l, err);
	if (r < 0)
		return r;
	d.v2 = openat(l.v2_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.v2 < 0)
		r = rast_err_sys(err, errno, "container %s: cgroup %s", c->id, path);
	for (i = 0; i < RAST_CG_MAX && r == 0; i++) {
		char dir[384];

		if (!(l.v1 & v1 & (1u << i)))
			continue;
		(void)snprintf(dir, sizeof(dir), "%s/%s", l.v1_path[i], path);
		d.v1[i] = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	rast_cgroup_layout_finish(&l);
	if (r < 0)
		close_dirs(&d);
	else
		*ret = d;
	return r;
}

/* The reader may wait for each line: stdout is flushed. */
static int print_line(const char *type, const char *id, json_t *data)
{
	_cleanup_json_ json_t *o = json_pack("{s:s,s:s}", "type", type, "id", id);

	if (data)
		(void)json_object_set_new(o, "data", data);
	if (!o || json_dumpf(o, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ||
	    fflush(stdout) == EOF)
		return -EIO;
	return 0;
}

/* ---- out of memory ---- */

/* How the kernel tells of it, by version; `seen` is what had been counted before we looked. */
struct oom {
	int fd;
	short events;
	bool v1;
	uint64_t seen;
};

static uint64_t oom_kills(int fd)
{
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "oom_kill ");
	return at ? strtoull(at + 9, NULL, 10) : 0;
}

/* Without a memory controller there is nothing to hear of: fd -1, which poll(2) passes over. */
static struct oom watch_oom(const struct oci_cgroup_dirs *d)
{
	struct oom o = {.fd = -1, .events = POLLPRI};
	int dir = d->v1[RAST_CG_MEMORY];
	_cleanup_close_ int control = -1;
	char text[48];

	if (dir < 0) {
		o.fd = openat(d->v2, "memory.events", O_RDONLY | O_CLOEXEC);
		o.seen = o.fd >= 0 ? oom_kills(o.fd) : 0;
		return o;
	}
	o.v1 = true;
	o.events = POLLIN;
	control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	o.fd = control < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
	if (o.fd < 0)
		return o;
	(void)snprintf(text, sizeof(text), "%d %d", o.fd, control);
	if (rast_write_file(dir, "cgroup.event_control", text) < 0) {
		(void)close(o.fd);
		o.fd = -1;
	}
	return o;
}

/* How many times more since the last call. v1 also wakes when the cgroup goes away. */
static uint64_t take_oom(struct oom *o, const struct oci_cgroup_dirs *d)
{
	uint64_t now, more;

	if (o->v1) {
		if (read(o->fd, &more, sizeof(more)) != sizeof(more))
			return 0;
		return faccessat(d->v1[RAST_CG_MEMORY], "memory.oom_control", F_OK, 0) == 0 ? more
											    : 0;
	}
	now = oom_kills(o->fd);
	more = now > o->seen ? now - o->seen : 0;
	o->seen = now;
	return more;
}

static int follow(const struct oci_container *c, const struct oci_cgroup_dirs *d, int timer)
{
	struct oom oom = watch_oom(d);
	struct pollfd p[] = {
		{.fd = timer, .events = POLLIN},
		{.fd = oom.fd, .events = oom.events},
		{.fd = c->pidfd, .events = POLLIN},
		{.fd = STDOUT_FILENO, .events = 0}, /* only whether the reader is gone */
	};
	uint64_t n;
	int r = 0;

	while (r == 0) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR) {
			r = -errno;
			break;
		}
		if (p[1].revents & (POLLPRI | POLLIN))
			for (n = take_oom(&oom, d); n && r == 0; n--)
				r = print_line("oom", c->id, NULL);
		if (r < 0 || p[2].revents || (p[3].revents & (POLLERR | POLLHUP)))
			break;
		if ((p[0].revents & POLLIN) && read(timer, &n, sizeof(n)) == sizeof(n))
			r = print_line("stats", c->id, oci_stats(d));
	}
	rast_closep(&oom.fd);
	return r;
}

static int events_run(struct oci *o, const struct oci_args *a)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT;
	const char *interval = oci_arg(a, "interval");
	_cleanup_close_ int timer = -1;
	struct oci_cgroup_dirs d;
	struct itimerspec every;
	int r;

	if (parse_interval(interval ? interval : "5s", &every, &o->err) < 0 ||
	    oci_container_open(o->root, a->argv[0], &c, &o->err) < 0)
		return OCI_EXIT_FAIL;
	if (c.pidfd < 0) {
		(void)rast_err_set(&o->err, ESRCH, "container %s is not running", c.id);
		return OCI_EXIT_FAIL;
	}
	if (open_dirs(&c, &d, &o->err) < 0)
		return OCI_EXIT_FAIL;
	if (oci_has(a, "stats")) {
		r = print_line("stats", c.id, oci_stats(&d));
	} else {
		timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		r = timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0
			    ? -errno
			    : follow(&c, &d, timer);
	}
	close_dirs(&d);
	if (r < 0)
		(void)rast_err_sys(&o->err, -r, "events of container %s", c.id);
	return r < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_events_command = {
	"events",
	"[OPTIONS] ID",
	"print a container's numbers and out-of-memory events as JSON",
	events_opts,
	1,
	1,
	events_run};
