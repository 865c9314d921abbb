// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cgroup directories: finding the mounts, making, limiting, opening; see cgroup.h. Kill, removal and
 * counters are in cgroup_ops.c.
 */
#include "container/cgroup.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static const char *const names[RAST_CG_MAX] = {"cpu",     "memory", "pids",    "io",
					       "cpuacct", "cpuset", "hugetlb", "rdma"};
static const char *const v1_names[RAST_CG_MAX] = {"cpu",     "memory", "pids",    "blkio",
						  "cpuacct", "cpuset", "hugetlb", "rdma"};

#define BASIC (1u << RAST_CG_CPU | 1u << RAST_CG_MEMORY | 1u << RAST_CG_PIDS | 1u << RAST_CG_IO)

/* 1, 0, or an error: what cannot be looked at is not taken for absent. */
static int is_fs(const char *path, long magic)
{
	struct statfs s;

	if (statfs(path, &s) == 0)
		return s.f_type == magic;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static int controllers(int dirfd, const char *file, unsigned int *ret)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
	unsigned int bits = 0;
	char text[512], *save, *w;
	ssize_t n;
	int i;

	/* The kernel gives all of it at once. */
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		for (i = 0; i < RAST_CG_MAX; i++)
			if (!strcmp(w, names[i]))
				bits |= 1u << i;
	*ret = bits | 1u << RAST_CG_CORE;
	return 0;
}

/* Where a v1 controller is mounted; cpu and cpuacct share a mount, mostly with a link to each name. */
static int find_v1(struct rast_cgroup_layout *l, int which)
{
	static const char *const joint[] = {"cpu,cpuacct", "cpuacct,cpu"};
	char *path = l->v1_path[which];
	int j, r;

	(void)snprintf(path, sizeof(l->v1_path[which]), "/sys/fs/cgroup/%s", v1_names[which]);
	r = is_fs(path, CGROUP_SUPER_MAGIC);
	for (j = 0; r == 0 && j < 2 && (which == RAST_CG_CPU || which == RAST_CG_CPUACCT); j++) {
		(void)snprintf(path, sizeof(l->v1_path[which]), "/sys/fs/cgroup/%s", joint[j]);
		r = is_fs(path, CGROUP_SUPER_MAGIC);
	}
	if (r == 0)
		path[0] = '\0';
	return r;
}

static int layout(bool v2, unsigned int v1, struct rast_cgroup_layout *ret, struct rast_err *err)
{
	struct rast_cgroup_layout l = {.v2_fd = -1};
	int pure = is_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC), i, r = 0;

	(void)strcpy(l.v2_path, pure ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified");
	if (pure <= 0)
		r = pure < 0 ? pure : is_fs(l.v2_path, CGROUP2_SUPER_MAGIC);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", l.v2_path);
	if (!pure && !r)
		return rast_err_set(err, ENODEV,
				    "no cgroup2 mount at /sys/fs/cgroup or /sys/fs/cgroup/unified");
	l.v2_fd = open(l.v2_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l.v2_fd < 0)
		return rast_err_sys(err, errno, "%s", l.v2_path);
	r = v2 ? controllers(l.v2_fd, "cgroup.controllers", &l.v2) : 0;
	if (r < 0) {
		rast_closep(&l.v2_fd);
		return rast_err_sys(err, -r, "%s/cgroup.controllers", l.v2_path);
	}
	for (i = 0; !pure && i < RAST_CG_MAX; i++) {
		r = v1 & ~l.v2 & (1u << i) ? find_v1(&l, i) : 0;
		if (r < 0) {
			rast_closep(&l.v2_fd);
			return rast_err_sys(err, -r, "%s", l.v1_path[i]);
		}
		l.v1 |= (unsigned int)r << i;
	}
	*ret = l;
	return 0;
}

static unsigned int wanted(const struct rast_cgroup_limits *lim)
{
	return (lim->cpu_max_milli || lim->cpu_weight_milli ? 1u << RAST_CG_CPU : 0) |
	       (lim->mem_max_bytes || lim->mem_high_bytes ? 1u << RAST_CG_MEMORY : 0) |
	       (lim->pids_max ? 1u << RAST_CG_PIDS : 0) | (lim->io_weight ? 1u << RAST_CG_IO : 0);
}

static unsigned int written(const struct rast_cgroup_limits *lim)
{
	unsigned int bits = 0;
	size_t i;

	for (i = 0; i < lim->n_writes; i++)
		bits |= 1u << lim->writes[i].controller;
	return bits;
}

/* Also those that only count. */
static unsigned int joined(const struct rast_cgroup_limits *lim)
{
	return wanted(lim) | written(lim) | lim->v1_join |
	       (lim->stats ? 1u << RAST_CG_MEMORY | 1u << RAST_CG_PIDS | 1u << RAST_CG_CPUACCT : 0);
}

int rast_cgroup_layout_init(struct rast_cgroup_layout *ret, struct rast_err *err)
{
	return layout(true, ~0u, ret, err);
}

int rast_cgroup_layout_init_for(const struct rast_cgroup_limits *lim,
				struct rast_cgroup_layout *ret, struct rast_err *err)
{
	return layout(true, joined(lim), ret, err);
}

int rast_cgroup_layout_init_some(unsigned int v1, struct rast_cgroup_layout *ret,
				 struct rast_err *err)
{
	return layout(false, v1, ret, err);
}

void rast_cgroup_layout_finish(struct rast_cgroup_layout *l)
{
	rast_closep(&l->v2_fd);
	l->v2_fd = -1;
}

const char *rast_cgroup_missing(const struct rast_cgroup_layout *l,
				const struct rast_cgroup_limits *lim, char *buf, size_t size)
{
	unsigned int bits = wanted(lim) & ~(l->v1 | l->v2);
	size_t n = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < RAST_CG_MAX && n < size; i++)
		if (bits & (1u << i))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", names[i]);
	return buf;
}

static int set(int dirfd, const char *path, const char *file, const char *text,
	       struct rast_err *err)
{
	int r = rast_write_file(dirfd, file, text);

	return r < 0 ? rast_err_sys(err, -r, "cgroup %s: writing \"%s\" to %s", path, text, file)
		     : 0;
}

static int set_u64(int dirfd, const char *path, const char *file, uint64_t v, struct rast_err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return set(dirfd, path, file, text, err);
}

/* Kubernetes' shares of a request in thousandths of a CPU, and their weight on cgroup2. */
static uint64_t shares(uint64_t milli)
{
	uint64_t s = milli * 1024 / 1000;

	return s < 2 ? 2 : s > 262144 ? 262144 : s;
}

static uint64_t weight(uint64_t milli)
{
	uint64_t w = 1 + (shares(milli) - 2) * 9999 / 262142;

	return w > 10000 ? 10000 : w;
}

static int limit_v2(int fd, const char *path, const struct rast_cgroup_limits *lim,
		    unsigned int have, struct rast_err *err)
{
	char text[64];
	int r = 0;

	if (have & (1u << RAST_CG_CPU)) {
		(void)snprintf(text, sizeof(text), "%llu 100000",
			       (unsigned long long)lim->cpu_max_milli * 100);
		if ((lim->cpu_max_milli && (r = set(fd, path, "cpu.max", text, err)) < 0) ||
		    (lim->cpu_weight_milli &&
		     (r = set_u64(fd, path, "cpu.weight", weight(lim->cpu_weight_milli), err)) < 0))
			return r;
	}
	if (have & (1u << RAST_CG_MEMORY)) {
		if ((lim->mem_max_bytes &&
		     (r = set_u64(fd, path, "memory.max", lim->mem_max_bytes, err)) < 0) ||
		    (lim->mem_high_bytes &&
		     (r = set_u64(fd, path, "memory.high", lim->mem_high_bytes, err)) < 0))
			return r;
		/* Absent on kernels without swap. */
		if (lim->no_swap && faccessat(fd, "memory.swap.max", W_OK, 0) == 0 &&
		    (r = set(fd, path, "memory.swap.max", "0", err)) < 0)
			return r;
	}
	if ((have & (1u << RAST_CG_PIDS)) && lim->pids_max)
		r = set_u64(fd, path, "pids.max", lim->pids_max, err);
	if (!r && (have & (1u << RAST_CG_IO)) && lim->io_weight &&
	    faccessat(fd, "io.weight", W_OK, 0) == 0)
		r = set_u64(fd, path, "io.weight", lim->io_weight, err);
	return r;
}

static int limit_v1(int fd, const char *path, int which, const struct rast_cgroup_limits *lim,
		    struct rast_err *err)
{
	int r = 0;

	switch (which) {
	case RAST_CG_CPU:
		if ((lim->cpu_max_milli &&
		     ((r = set_u64(fd, path, "cpu.cfs_period_us", 100000, err)) < 0 ||
		      (r = set_u64(fd, path, "cpu.cfs_quota_us", lim->cpu_max_milli * 100, err)) <
			      0)))
			return r;
		return lim->cpu_weight_milli
			       ? set_u64(fd, path, "cpu.shares", shares(lim->cpu_weight_milli), err)
			       : 0;
	case RAST_CG_MEMORY:
		if (lim->mem_max_bytes &&
		    (r = set_u64(fd, path, "memory.limit_in_bytes", lim->mem_max_bytes, err)) < 0)
			return r;
		if (lim->mem_max_bytes && lim->no_swap &&
		    faccessat(fd, "memory.memsw.limit_in_bytes", W_OK, 0) == 0)
			return set_u64(fd, path, "memory.memsw.limit_in_bytes", lim->mem_max_bytes,
				       err);
		return 0;
	case RAST_CG_PIDS:
		return lim->pids_max ? set_u64(fd, path, "pids.max", lim->pids_max, err) : 0;
	case RAST_CG_IO:
		return lim->io_weight && faccessat(fd, "blkio.weight", W_OK, 0) == 0
			       ? set_u64(fd, path, "blkio.weight", lim->io_weight, err)
			       : 0;
	default:
		return 0;
	}
}

/* Each directory of the path below dirfd, with controllers passed down on cgroup2. */
static int make_path(int dirfd, const char *path, unsigned int v2, struct rast_err *err)
{
	char buf[RAST_CGROUP_PATH_MAX], enable[64] = "";
	size_t n = 0;
	char *p;
	int i;

	for (i = 0; i < RAST_CG_MAX; i++)
		if (v2 & (1u << i))
			n += (size_t)snprintf(enable + n, sizeof(enable) - n, "%s+%s", n ? " " : "",
					      names[i]);
	if ((size_t)snprintf(buf, sizeof(buf), "%s/", path) >= sizeof(buf))
		return rast_err_set(err, ENAMETOOLONG, "cgroup path %.80s… is too long", path);
	/* Nearly always only the last one or two are missing. */
	for (p = strchr(buf, '/'); p; p = strchr(p + 1, '/')) {
		char file[RAST_CGROUP_PATH_MAX + 32];

		*p = '\0';
		if (mkdirat(dirfd, buf, 0755) < 0) {
			if (errno != EEXIST)
				return rast_err_sys(err, errno, "mkdir cgroup %s", buf);
		} else if (v2) {
			/* A new directory: its parent must hand the controllers down. */
			char *slash = strrchr(buf, '/');
			int r;

			if (slash)
				(void)snprintf(file, sizeof(file), "%.*s/cgroup.subtree_control",
					       (int)(slash - buf), buf);
			else
				(void)strcpy(file, "cgroup.subtree_control");
			r = rast_write_file(dirfd, file, enable);
			if (r < 0 && r != -EBUSY)
				return rast_err_sys(err, -r, "cgroup: writing \"%s\" to %s", enable,
						    file);
		}
		*p = '/';
	}
	return 0;
}

/* A v1 cpuset is empty at birth and takes nobody in: each new level starts with what its parent has. */
static int inherit_cpuset(int top, const char *path, struct rast_err *err)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char dir[RAST_CGROUP_PATH_MAX + 2], file[RAST_CGROUP_PATH_MAX + 64];
	char *p;
	size_t i;

	(void)snprintf(dir, sizeof(dir), "%s/", path);
	for (p = strchr(dir, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		for (i = 0; i < ARRAY_SIZE(files); i++) {
			_cleanup_free_ char *own = NULL, *above = NULL;
			char *slash = strrchr(dir, '/');
			int r;

			(void)snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
			if (rast_read_file(top, file, 65536, &own, NULL) == 0 && own[0] &&
			    own[0] != '\n')
				continue;
			(void)snprintf(file, sizeof(file), "%.*s%s%s",
				       slash ? (int)(slash - dir) : 0, dir, slash ? "/" : "",
				       files[i]);
			r = rast_read_file(top, file, 65536, &above, NULL);
			if (r == 0) {
				above[strcspn(above, "\n")] = '\0';
				(void)snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
				r = rast_write_file(top, file, above);
			}
			if (r < 0)
				return rast_err_sys(err, -r, "cgroup %s", file);
		}
		*p = '/';
	}
	return 0;
}

/* One setting, where its controller is. */
static int write_one(const struct rast_cgroup_layout *l, const char *path,
		     const struct rast_cgroup_write *w, int v2_dir, struct rast_err *err)
{
	unsigned int bit = 1u << w->controller;
	_cleanup_close_ int top = -1, v1_dir = -1;
	const char *file = w->v2_file, *value = w->v2_value;
	int dir = v2_dir, r;

	if (!(l->v2 & bit)) {
		if (!(l->v1 & bit))
			return rast_err_set(err, ENODEV, "%s: this machine has no %s controller",
					    w->what, names[w->controller]);
		file = w->v1_file;
		value = w->v1_value;
		if (!file)
			return w->optional
				       ? 0
				       : rast_err_set(err, ENOTSUP,
						      "%s: not possible with cgroup v1", w->what);
		top = open(l->v1_path[w->controller], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		v1_dir = top < 0 ? -1
				 : openat(top, path,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (v1_dir < 0)
			return rast_err_sys(err, errno, "cgroup %s/%s", l->v1_path[w->controller],
					    path);
		dir = v1_dir;
	} else if (!file) {
		return w->optional ? 0
				   : rast_err_set(err, ENOTSUP, "%s: not possible with cgroup v2",
						  w->what);
	}
	r = rast_write_file(dir, file, value);
	if (r == -ENOENT && w->optional)
		return 0;
	return r < 0 ? rast_err_sys(err, -r, "%s: writing \"%s\" to %s of cgroup %s", w->what,
				    value, file, path)
		     : 0;
}

static int write_all(const struct rast_cgroup_layout *l, const char *path, int v2_dir,
		     const struct rast_cgroup_write *writes, size_t n, struct rast_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++)
		r = write_one(l, path, &writes[i], v2_dir, err);
	return r;
}

int rast_cgroup_apply(const struct rast_cgroup_layout *l, const char *path,
		      const struct rast_cgroup_write *writes, size_t n, struct rast_err *err)
{
	_cleanup_close_ int dir =
		openat(l->v2_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return rast_err_sys(err, errno, "cgroup %s", path);
	return write_all(l, path, dir, writes, n, err);
}

static void fill_id(struct rast_cgroup *cg)
{
	struct stat st;

	/* On 64-bit kernels the inode number is the cgroup id. */
	cg->id = fstat(cg->fd, &st) == 0 ? st.st_ino : 0;
}

static int join_v1(const struct rast_cgroup_layout *l, int which, const char *path,
		   const struct rast_cgroup_limits *lim, struct rast_cgroup *cg,
		   struct rast_err *err)
{
	_cleanup_close_ int top = open(l->v1_path[which], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int dir = -1;
	int r;

	if (top < 0)
		return rast_err_sys(err, errno, "%s", l->v1_path[which]);
	r = make_path(top, path, 0, err);
	if (r < 0)
		return r;
	if (which == RAST_CG_CPUSET && (r = inherit_cpuset(top, path, err)) < 0)
		return r;
	dir = openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return rast_err_sys(err, errno, "%s/%s", l->v1_path[which], path);
	cg->v1 |= 1u << which;
	r = limit_v1(dir, path, which, lim, err);
	if (r < 0)
		return r;
	cg->procs[which] = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return cg->procs[which] < 0
		       ? rast_err_sys(err, errno, "%s/%s/cgroup.procs", l->v1_path[which], path)
		       : 0;
}

int rast_cgroup_create(const struct rast_cgroup_layout *l, const char *path,
		       const struct rast_cgroup_limits *lim, struct rast_cgroup *ret,
		       struct rast_err *err)
{
	struct rast_cgroup cg = RAST_CGROUP_INIT;
	/* What is only joined for v1's sake is not switched on in cgroup2. */
	unsigned int want = joined(lim) & ~(lim->v1_join & l->v2 & ~(wanted(lim) | written(lim)));
	int r, i;

	if ((size_t)snprintf(cg.path, sizeof(cg.path), "%s", path) >= sizeof(cg.path))
		return rast_err_set(err, ENAMETOOLONG, "cgroup path %.80s… is too long", path);
	/* Those that are not asked for here and cost when enabled are left off. */
	r = lim->exists ? 0 : make_path(l->v2_fd, path, l->v2 & (BASIC | want), err);
	if (r < 0)
		goto fail;
	cg.fd = openat(l->v2_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cg.fd < 0) {
		r = rast_err_sys(err, errno, "cgroup %s", path);
		goto fail;
	}
	fill_id(&cg);
	r = limit_v2(cg.fd, path, lim, l->v2 & want, err);
	for (i = 0; i < RAST_CG_MAX && r == 0; i++)
		if (l->v1 & want & (1u << i))
			r = join_v1(l, i, path, lim, &cg, err);
	if (r == 0)
		r = write_all(l, path, cg.fd, lim->writes, lim->n_writes, err);
	if (r < 0)
		goto fail;
	*ret = cg;
	return 0;
fail:
	rast_cgroup_finish(&cg);
	if (!lim->exists)
		(void)rast_cgroup_remove(l, path, NULL);
	return r;
}

int rast_cgroup_open(const struct rast_cgroup_layout *l, const char *path, struct rast_cgroup *ret,
		     struct rast_err *err)
{
	struct rast_cgroup cg = RAST_CGROUP_INIT;
	char file[RAST_CGROUP_PATH_MAX + 96];
	int i;

	(void)snprintf(cg.path, sizeof(cg.path), "%s", path);
	cg.fd = openat(l->v2_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cg.fd < 0)
		return rast_err_sys(err, errno, "cgroup %s", path);
	fill_id(&cg);
	for (i = 0; i < RAST_CG_MAX; i++) {
		if (!(l->v1 & (1u << i)))
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s/cgroup.procs", l->v1_path[i], path);
		cg.procs[i] = open(file, O_WRONLY | O_CLOEXEC);
		if (cg.procs[i] >= 0)
			cg.v1 |= 1u << i;
	}
	*ret = cg;
	return 0;
}

void rast_cgroup_finish(struct rast_cgroup *cg)
{
	int i;

	rast_closep(&cg->fd);
	cg->fd = -1;
	for (i = 0; i < RAST_CG_MAX; i++) {
		rast_closep(&cg->procs[i]);
		cg->procs[i] = -1;
	}
}
