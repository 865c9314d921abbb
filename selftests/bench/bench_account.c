// SPDX-License-Identifier: BSD-2-Clause
/*
 * What one look at a thousand containers costs, as `account top` takes it every second: the iterator
 * over all cgroups and the list of figures, against reading files of each cgroup. The cgroups are
 * empty, which favours the files: nothing has to be flushed.
 */
#include "bench.h"

#include "account/account_bpf.h"
#include "base/fd.h"
#include "container/cgroup.h"
#include "container/container_bpf.h"
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTAINERS 1000
#define REPS 25

static struct rast_instance in;
static struct rast_cgroup_layout layout;
static struct rast_account_reader *reader;
static int kept_open[CONTAINERS];
static pid_t owner;

static void path_of(int i, const char *file, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/default_many/c%d%s%s", in.cgroup, i, *file ? "/" : "", file);
}

static void cleanup(void)
{
	char path[128];

	if (getpid() != owner)
		return;
	rast_account_reader_destroy(reader);
	(void)rast_bpffs_release(&in, NULL);
	(void)rast_remove_tree(AT_FDCWD, in.run_dir);
	for (int i = 0; i < CONTAINERS; i++) {
		path_of(i, "", path, sizeof(path));
		(void)unlinkat(layout.v2_fd, path, AT_REMOVEDIR);
	}
	(void)snprintf(path, sizeof(path), "%s/default_many", in.cgroup);
	(void)unlinkat(layout.v2_fd, path, AT_REMOVEDIR);
	(void)unlinkat(layout.v2_fd, in.cgroup, AT_REMOVEDIR);
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

static _Noreturn void bail(const char *what, const struct rast_err *err)
{
	(void)fprintf(stderr, "bench_account: %s: %s\n", what,
		      err && err->text[0] ? err->text : strerror(errno));
	exit(1);
}

static int list(void *arg)
{
	struct rast_account_entry *entries;
	size_t n;
	int r = rast_account_reader_list(reader, &entries, &n, NULL);

	(void)arg;
	if (r < 0)
		return r;
	free(entries);
	return n == CONTAINERS ? 0 : -ERANGE;
}

/* account top: figures brought up to date, and read. */
static int look(void *arg)
{
	return rast_account_reader_collect(reader) ? list(arg) : -EIO;
}

static int read_files(void *arg)
{
	static const char *const files[] = {"cpu.stat", "cgroup.stat", "cgroup.events",
					    "cgroup.procs", "cgroup.type"};
	char path[128], buf[4096];

	(void)arg;
	for (int i = 0; i < CONTAINERS; i++)
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			int fd;
			ssize_t n;

			path_of(i, files[k], path, sizeof(path));
			fd = openat(layout.v2_fd, path, O_RDONLY | O_CLOEXEC);
			n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));
			if (fd >= 0)
				(void)close(fd);
			if (n < 0)
				return -errno;
		}
	return 0;
}

static int read_kept_open(void *arg)
{
	char buf[4096];

	(void)arg;
	for (int i = 0; i < CONTAINERS; i++)
		if (pread(kept_open[i], buf, sizeof(buf), 0) <= 0)
			return -errno;
	return 0;
}

static void make_containers(void)
{
	struct rast_err err = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/default_many", in.cgroup);
	if (mkdirat(layout.v2_fd, path, 0755) < 0 && errno != EEXIST)
		bail(path, NULL);
	for (int i = 0; i < CONTAINERS; i++) {
		struct rast_container c = {.slot = (uint32_t)i, .identity = 100};
		struct stat st;

		path_of(i, "", path, sizeof(path));
		if ((mkdirat(layout.v2_fd, path, 0755) < 0 && errno != EEXIST) ||
		    fstatat(layout.v2_fd, path, &st, 0) < 0)
			bail(path, NULL);
		if (rast_container_bpf_register(&in, st.st_ino, &c, &err) < 0)
			bail("register", &err);
		path_of(i, "cpu.stat", path, sizeof(path));
		kept_open[i] = openat(layout.v2_fd, path, O_RDONLY | O_CLOEXEC);
		if (kept_open[i] < 0)
			bail(path, NULL);
	}
}

static int row(const char *name, int (*ours)(void *arg), int (*peer)(void *arg),
	       const char *peer_name, double target)
{
	struct rast_bench_side a = {.name = name, .fn = ours}, b = {.name = peer_name, .fn = peer};
	struct rast_bench_result o, p;

	rast_bench_compare(&a, &b, REPS, &o, &p);
	return rast_bench_print(&(struct rast_bench_row){
		.name = name,
		.unit = "us",
		.ours = o.runs ? (double)o.median.cpu_ns / 1e3 : NAN,
		.peer = peer_name,
		.peer_figure = p.runs ? (double)p.median.cpu_ns / 1e3 : NAN,
		.target = target,
		.note = *o.why   ? o.why
			: *p.why ? p.why
				 : "1000 containers, CPU time"});
}

int main(void)
{
	struct rast_err err = {0};
	bool iterator = false;
	int bad = 0;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_account: needs root\n");
		return 1;
	}
	(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
	if (rast_instance_init(&in, "tbenchacct", &err) < 0 ||
	    rast_cgroup_layout_init(&layout, &err) < 0)
		bail("instance", &err);
	owner = getpid();
	(void)atexit(cleanup);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGHUP, on_signal);
	if (rast_account_bpf_start(&in, &iterator, &err) < 0)
		bail("account", &err);
	make_containers();
	if (rast_account_reader_open(&in, &reader, &err) < 0)
		bail("reader", &err);
	/* Targets: 0.26 ms by the iterator, 28 ms and 0.83 ms by files, 10 us from mapped memory. */
	bad |= row("account_top_1000", look, read_files, "5 files of each cgroup", 0.26 / 28);
	bad |= row("account_top_1000_open", look, read_kept_open, "cpu.stat, kept open",
		   0.26 / 0.83);
	bad |= row("account_list_1000", list, read_kept_open, "cpu.stat, kept open", 0.1 / 0.83);
	return bad ? 1 : 0;
}
