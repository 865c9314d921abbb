// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is done to a cgroup that exists: kill, freeze, wait, remove, read counters; see cgroup.h. All
 * of it works from the path alone, so that a later process can clean up after a killed one.
 */
#include "container/cgroup.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_TIMEOUT_MS 5000

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int file_at(int v2_fd, const char *path, const char *name, int flags)
{
	char file[RAST_CGROUP_PATH_MAX + 32];
	int fd;

	(void)snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = openat(v2_fd, file, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* 5.13 and before have no cgroup.kill; a few rounds, since the killed may have forked meanwhile. */
static int signal_all(int v2_fd, const char *path, int sig, int rounds)
{
	int round, killed = 1;

	for (round = 0; round < rounds && killed; round++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_close_ int fd = openat(v2_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		char *p, *end;

		killed = 0;
		if (fd < 0 || rast_read_file(fd, "cgroup.procs", 1u << 20, &text, NULL) < 0)
			return 0;
		for (p = text; *p; p = end + (*end == '\n')) {
			long pid = strtol(p, &end, 10);

			if (end == p)
				break;
			if (pid > 0 && kill((pid_t)pid, sig) == 0)
				killed++;
		}
	}
	return 0;
}

int rast_cgroup_kill(const struct rast_cgroup_layout *l, const char *path)
{
	_cleanup_close_ int fd = file_at(l->v2_fd, path, "cgroup.kill", O_WRONLY);

	if (fd >= 0)
		return write(fd, "1", 1) < 0 ? -errno : 0;
	if (fd == -ENOENT && faccessat(l->v2_fd, path, F_OK, 0) < 0)
		return 0;
	return signal_all(l->v2_fd, path, SIGKILL, 32);
}

int rast_cgroup_signal(const struct rast_cgroup_layout *l, const char *path, int sig)
{
	return signal_all(l->v2_fd, path, sig, 1);
}

int rast_cgroup_freeze(const struct rast_cgroup_layout *l, const char *path, bool frozen)
{
	_cleanup_close_ int fd = file_at(l->v2_fd, path, "cgroup.freeze", O_WRONLY);

	if (fd < 0)
		return fd;
	return write(fd, frozen ? "1" : "0", 1) < 0 ? -errno : 0;
}

/* Waits until cgroup.events holds `want`. */
static int wait_event(const struct rast_cgroup_layout *l, const char *path, const char *want,
		      unsigned int timeout_ms)
{
	_cleanup_close_ int fd = file_at(l->v2_fd, path, "cgroup.events", O_RDONLY);
	uint64_t until = now_ms() + timeout_ms;
	char buf[128];

	if (fd < 0)
		return fd;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLPRI};
		ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
		uint64_t now = now_ms();

		if (n < 0)
			return -errno;
		buf[n] = '\0';
		if (strstr(buf, want))
			return 0;
		if (now >= until)
			return -ETIMEDOUT;
		/* The kernel pushes at most one notification per 10 ms; never wait blindly long. */
		(void)poll(&p, 1, (int)(until - now < 1000 ? until - now : 1000));
	}
}

int rast_cgroup_wait_frozen(const struct rast_cgroup_layout *l, const char *path, bool frozen,
			    unsigned int timeout_ms)
{
	return wait_event(l, path, frozen ? "frozen 1" : "frozen 0", timeout_ms);
}

int rast_cgroup_wait_empty(const struct rast_cgroup_layout *l, const char *path,
			   unsigned int timeout_ms)
{
	int r = wait_event(l, path, "populated 0", timeout_ms);

	/* Gone is empty. */
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* rmdir of one tree, deepest first. -EBUSY while something lives in it. */
static int rmdir_tree(int dirfd, const char *path, unsigned int depth)
{
	_cleanup_close_ int fd = -1;
	struct dirent *d;
	DIR *dir;
	int r = 0;

	if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	if (depth > 64)
		return -ELOOP;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(dup(fd));
	if (!dir)
		return -errno;
	while (r == 0 && (d = readdir(dir)))
		if (d->d_type == DT_DIR && d->d_name[0] != '.')
			r = rmdir_tree(fd, d->d_name, depth + 1);
	(void)closedir(dir);
	if (r < 0)
		return r;
	return unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_bounded(const struct rast_cgroup_layout *l, int dirfd, const char *path,
			  uint64_t until)
{
	int r;

	for (;;) {
		r = rmdir_tree(dirfd, path, 0);
		if (r != -EBUSY || now_ms() >= until)
			return r;
		/* Busy: an exit is under way (v1 keeps the task a moment longer than v2), or a
		 * process is there. cgroup2 tells the first, a short poll covers the second. */
		(void)rast_cgroup_wait_empty(l, path, 1000);
		(void)poll(NULL, 0, 1);
	}
}

int rast_cgroup_remove_empty(const struct rast_cgroup_layout *l, unsigned int v1, const char *path)
{
	char dir[RAST_CGROUP_PATH_MAX + 64];
	int i;

	if (unlinkat(l->v2_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	for (i = 0; i < RAST_CG_MAX; i++) {
		if (!(v1 & (1u << i)))
			continue;
		/* Its mount is not where it was: somebody else must look. */
		if (!(l->v1 & (1u << i)))
			return -EBUSY;
		(void)snprintf(dir, sizeof(dir), "%s/%s", l->v1_path[i], path);
		if (rmdir(dir) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int rast_cgroup_remove(const struct rast_cgroup_layout *l, const char *path, struct rast_err *err)
{
	uint64_t until = now_ms() + REMOVE_TIMEOUT_MS;
	int i, r, first = 0;

	r = remove_bounded(l, l->v2_fd, path, until);
	if (r < 0)
		first = rast_err_sys(err, -r, "removing cgroup %s/%s", l->v2_path, path);
	for (i = 0; i < RAST_CG_MAX; i++) {
		char dir[RAST_CGROUP_PATH_MAX + 64];

		if (!(l->v1 & (1u << i)))
			continue;
		(void)snprintf(dir, sizeof(dir), "%s/%s", l->v1_path[i], path);
		r = remove_bounded(l, AT_FDCWD, dir, until);
		if (r < 0 && !first)
			first = rast_err_sys(err, -r, "removing cgroup %s", dir);
	}
	return first;
}

/* "key N" lines: the value of one key. */
static uint64_t keyed(const char *text, const char *key)
{
	size_t n = strlen(key);
	const char *p;

	for (p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, key, n) && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
	return 0;
}

static uint64_t read_keyed(int fd, const char *file, const char *key)
{
	_cleanup_free_ char *text = NULL;

	return rast_read_file(fd, file, 65536, &text, NULL) < 0 ? 0 : keyed(text, key);
}

static void stats_v2(int fd, unsigned int have, struct rast_cgroup_stats *s)
{
	/* cpu.stat's usage is there without the controller. */
	s->cpu_usage_ns = read_keyed(fd, "cpu.stat", "usage_usec") * 1000;
	if (s->cpu_usage_ns)
		s->known |= 1u << RAST_CG_CPU;
	if ((have & (1u << RAST_CG_MEMORY)) &&
	    rast_read_u64(fd, "memory.current", &s->mem_bytes) == 0) {
		s->known |= 1u << RAST_CG_MEMORY;
		(void)rast_read_u64(fd, "memory.peak", &s->mem_peak_bytes);
		s->oom_kills = read_keyed(fd, "memory.events", "oom_kill");
	}
	if ((have & (1u << RAST_CG_PIDS)) && rast_read_u64(fd, "pids.current", &s->pids) == 0)
		s->known |= 1u << RAST_CG_PIDS;
}

static void stats_v1(int fd, int which, struct rast_cgroup_stats *s)
{
	switch (which) {
	case RAST_CG_CPUACCT:
		if (rast_read_u64(fd, "cpuacct.usage", &s->cpu_usage_ns) == 0)
			s->known |= 1u << RAST_CG_CPU;
		break;
	case RAST_CG_MEMORY:
		if (rast_read_u64(fd, "memory.usage_in_bytes", &s->mem_bytes) == 0)
			s->known |= 1u << RAST_CG_MEMORY;
		(void)rast_read_u64(fd, "memory.max_usage_in_bytes", &s->mem_peak_bytes);
		s->oom_kills = read_keyed(fd, "memory.oom_control", "oom_kill");
		break;
	case RAST_CG_PIDS:
		if (rast_read_u64(fd, "pids.current", &s->pids) == 0)
			s->known |= 1u << RAST_CG_PIDS;
		break;
	default:
		break;
	}
}

int rast_cgroup_stats(const struct rast_cgroup_layout *l, const char *path,
		      struct rast_cgroup_stats *ret)
{
	_cleanup_close_ int fd = openat(l->v2_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rast_cgroup_stats s = {0};
	int i;

	if (fd < 0)
		return -errno;
	stats_v2(fd, l->v2, &s);
	for (i = 0; i < RAST_CG_MAX; i++) {
		_cleanup_close_ int dir = -1;
		char name[RAST_CGROUP_PATH_MAX + 64];

		if (!(l->v1 & (1u << i)))
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", l->v1_path[i], path);
		dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			stats_v1(dir, i, &s);
	}
	*ret = s;
	return 0;
}
