// SPDX-License-Identifier: BSD-2-Clause
/* Files of an image under construction; see rootfs.h. */
#include "image/rootfs.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

int rast_rootfs_init(struct rast_rootfs *fs, const char *path, struct rast_err *err)
{
	memset(fs, 0, sizeof(*fs));
	fs->parent_fd = -1;
	fs->fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fs->fd < 0 ? rast_err_sys(err, errno, "%s", path) : 0;
}

void rast_rootfs_finish(struct rast_rootfs *fs)
{
	rast_closep(&fs->parent_fd);
	rast_closep(&fs->fd);
	fs->fd = fs->parent_fd = -1;
}

static int bad(struct rast_err *err, int code, const char *path)
{
	if (code == EXDEV || code == ELOOP)
		return rast_err_set(err, EXDEV, "/%s: a link leads out of the image", path);
	return rast_err_sys(err, code, "/%s", path);
}

int rast_rootfs_account(struct rast_rootfs *fs, uint64_t bytes, struct rast_err *err)
{
	fs->bytes += bytes;
	if (fs->bytes > RAST_ROOTFS_MAX_BYTES)
		return rast_err_set(err, EFBIG, "the image is larger than %llu GiB",
				    RAST_ROOTFS_MAX_BYTES >> 30);
	return 0;
}

/* Opens the folder `path` (n bytes of it), making what is missing. */
static int open_dir(const struct rast_rootfs *fs, const char *path, size_t n)
{
	char part[RAST_IMAGE_PATH_MAX];
	int fd;

	if (!n)
		return rast_openat2(fs->fd, ".", O_PATH | O_DIRECTORY, BENEATH);
	memcpy(part, path, n);
	part[n] = '\0';
	fd = rast_openat2(fs->fd, part, O_PATH | O_DIRECTORY, BENEATH);
	if (fd != -ENOENT)
		return fd;
	for (size_t i = 1; i <= n; i++) {
		_cleanup_close_ int up = -1;
		char *leaf;

		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		leaf = strrchr(part, '/');
		if (leaf)
			*leaf++ = '\0';
		up = rast_openat2(fs->fd, leaf ? part : ".", O_PATH | O_DIRECTORY, BENEATH);
		if (up < 0)
			return up;
		if (mkdirat(up, leaf ? leaf : part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	memcpy(part, path, n);
	part[n] = '\0';
	return rast_openat2(fs->fd, part, O_PATH | O_DIRECTORY, BENEATH);
}

/* The folder that holds `path`; borrowed until the next call. *ret_leaf points into path. */
static int parent_of(struct rast_rootfs *fs, const char *path, const char **ret_leaf)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	*ret_leaf = slash ? slash + 1 : path;
	if (++fs->entries > RAST_ROOTFS_MAX_ENTRIES)
		return -EFBIG;
	if (fs->parent_fd >= 0 && strlen(fs->parent) == n && !strncmp(fs->parent, path, n))
		return fs->parent_fd;
	fd = open_dir(fs, path, n);
	if (fd < 0)
		return fd;
	rast_closep(&fs->parent_fd);
	fs->parent_fd = fd;
	memcpy(fs->parent, path, n);
	fs->parent[n] = '\0';
	return fd;
}

int rast_rootfs_dir(struct rast_rootfs *fs, const char *path, mode_t mode, uid_t uid, gid_t gid,
		    struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	const char *leaf;
	struct stat st;
	int up = parent_of(fs, path, &leaf);

	if (up < 0)
		return bad(err, -up, path);
	if (mkdirat(up, leaf, 0755) < 0 && errno != EEXIST)
		return bad(err, errno, path);
	if (fstatat(up, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return bad(err, errno, path);
	if (S_ISLNK(st.st_mode)) {
		fd = rast_openat2(fs->fd, path, O_PATH | O_DIRECTORY, BENEATH);
		return fd < 0 ? bad(err, -fd, path) : 0;
	}
	if (!S_ISDIR(st.st_mode))
		return bad(err, ENOTDIR, path);
	if (fchownat(up, leaf, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(up, leaf, mode & 01777, 0) < 0)
		return bad(err, errno, path);
	return 0;
}

int rast_rootfs_link(struct rast_rootfs *fs, const char *path, const char *target,
		     struct rast_err *err)
{
	const char *leaf;
	int up = parent_of(fs, path, &leaf);

	if (up < 0)
		return bad(err, -up, path);
	if (unlinkat(up, leaf, 0) < 0 && errno != ENOENT)
		return bad(err, errno, path);
	return symlinkat(target, up, leaf) < 0 ? bad(err, errno, path) : 0;
}

int rast_rootfs_hardlink(struct rast_rootfs *fs, const char *path, const char *target,
			 struct rast_err *err)
{
	_cleanup_close_ int from = -1;
	const char *leaf, *slash = strrchr(target, '/');
	struct stat st;
	int up;

	from = open_dir(fs, target, slash ? (size_t)(slash - target) : 0);
	if (from < 0)
		return bad(err, -from, target);
	slash = slash ? slash + 1 : target;
	if (fstatat(from, slash, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return rast_err_set(err, EINVAL, "/%s is a hard link to /%s, which is no file",
				    path, target);
	up = parent_of(fs, path, &leaf);
	if (up < 0)
		return bad(err, -up, path);
	if (unlinkat(up, leaf, 0) < 0 && errno != ENOENT)
		return bad(err, errno, path);
	return linkat(from, slash, up, leaf, 0) < 0 ? bad(err, errno, path) : 0;
}

int rast_rootfs_create(struct rast_rootfs *fs, const char *path, mode_t mode, uid_t uid, gid_t gid,
		       int *ret_fd, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	const char *leaf;
	int up = parent_of(fs, path, &leaf);

	if (up < 0)
		return bad(err, -up, path);
	if (unlinkat(up, leaf, 0) < 0 && errno != ENOENT)
		return bad(err, errno, path);
	fd = openat(up, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode & 01777) < 0)
		return bad(err, errno, path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int put_text(struct rast_rootfs *fs, const char *path, const char *text,
		    struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	int r = rast_rootfs_create(fs, path, 0644, 0, 0, &fd, err);

	if (!r)
		r = rast_write_all(fd, text, strlen(text));
	return r < 0 ? bad(err, -r, path) : rast_rootfs_account(fs, strlen(text), err);
}

static int put_accounts(struct rast_rootfs *fs, const struct rast_image_spec *spec,
			struct rast_err *err)
{
	size_t size = spec->n_users * 4400 + 64, plen = 0, glen = 0;
	_cleanup_free_ char *passwd = calloc(1, size), *group = calloc(1, size);
	int r;

	if (!passwd || !group)
		return rast_err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < spec->n_users; i++) {
		const struct rast_image_user *u = &spec->users[i];
		bool seen = false;

		plen += (size_t)snprintf(passwd + plen, size - plen, "%s:x:%u:%u:%s:%.4096s:%s\n",
					 u->name, u->uid, u->gid, u->name, u->home,
					 u->uid ? "/usr/sbin/nologin" : "/bin/sh");
		for (size_t k = 0; k < i; k++)
			seen |= spec->users[k].gid == u->gid;
		if (!seen)
			glen += (size_t)snprintf(group + glen, size - glen, "%s:x:%u:\n",
						 u->gid == 65534 ? "nogroup" : u->name, u->gid);
	}
	r = put_text(fs, "etc/passwd", passwd, err);
	return r < 0 ? r : put_text(fs, "etc/group", group, err);
}

int rast_rootfs_skeleton(struct rast_rootfs *fs, const struct rast_image_spec *spec,
			 struct rast_err *err)
{
	static const struct {
		const char *path;
		mode_t mode;
	} dirs[] = {
		{"usr", 0755},       {"usr/bin", 0755},   {"usr/sbin", 0755}, {"usr/lib", 0755},
		{"usr/lib64", 0755}, {"dev", 0755},       {"proc", 0555},     {"sys", 0555},
		{"run", 0755},       {"run/lock", 01777}, {"tmp", 01777},     {"etc", 0755},
		{"root", 0700},      {"home", 0755},      {"mnt", 0755},      {"var", 0755},
		{"var/lib", 0755},   {"var/cache", 0755}, {"var/log", 0755},  {"var/tmp", 01777}};
	static const char *const links[][2] = {{"bin", "usr/bin"},
					       {"sbin", "usr/sbin"},
					       {"lib", "usr/lib"},
					       {"lib64", "usr/lib64"},
					       {"var/run", "../run"},
					       {"var/lock", "../run/lock"},
					       {"etc/mtab", "../proc/self/mounts"}};
	static const char *const texts[][2] = {{"etc/nsswitch.conf",
						"passwd: files\ngroup: files\nhosts: files dns\n"
						"services: files\nprotocols: files\n"},
					       {"etc/hosts", ""},
					       {"etc/hostname", ""},
					       {"etc/resolv.conf", ""}};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(dirs); i++)
		r = rast_rootfs_dir(fs, dirs[i].path, dirs[i].mode, 0, 0, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(links); i++)
		r = rast_rootfs_link(fs, links[i][0], links[i][1], err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(texts); i++)
		r = put_text(fs, texts[i][0], texts[i][1], err);
	return r < 0 ? r : put_accounts(fs, spec, err);
}

/* Removes what matches below `dirfd`, whose path is `prefix`; not following links. */
static int remove_matching(int dirfd, const char *prefix, const char *pattern, unsigned int depth,
			   struct rast_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		r = errno;
		rast_closep(&fd);
		return bad(err, r, prefix);
	}
	while (!r && (e = readdir(d))) {
		char path[RAST_IMAGE_PATH_MAX];
		int n, sub;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n = snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "/" : "", e->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		if (!fnmatch(pattern, path, FNM_PATHNAME)) {
			r = rast_remove_tree(fd, e->d_name);
			if (r < 0)
				r = bad(err, -r, path);
			continue;
		}
		/* Further down only while the pattern has levels left. */
		if (e->d_type != DT_DIR || depth == 0)
			continue;
		sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = remove_matching(sub, path, pattern, depth - 1, err);
		rast_closep(&sub);
	}
	(void)closedir(d);
	return r;
}

static int copy(struct rast_rootfs *fs, const struct rast_image_file *f, struct rast_err *err)
{
	_cleanup_close_ int in = -1, out = -1;
	struct stat st;
	off_t done = 0;
	int r;

	if (f->content) {
		r = rast_rootfs_create(fs, f->path, f->mode, f->uid, f->gid, &out, err);
		if (!r && (r = rast_write_all(out, f->content, strlen(f->content))) < 0)
			return bad(err, -r, f->path);
		return r < 0 ? r : rast_rootfs_account(fs, strlen(f->content), err);
	}
	in = open(f->source, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		return rast_yaml_err(rast_yaml_get(f->node, "source"), err, "%s: %s", f->source,
				     strerror(errno));
	if (!S_ISREG(st.st_mode))
		return rast_yaml_err(rast_yaml_get(f->node, "source"), err, "%s is no file",
				     f->source);
	r = rast_rootfs_account(fs, (uint64_t)st.st_size, err);
	if (!r)
		r = rast_rootfs_create(fs, f->path, f->mode, f->uid, f->gid, &out, err);
	while (!r && done < st.st_size) {
		ssize_t n = sendfile(out, in, NULL, (size_t)(st.st_size - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return bad(err, n ? errno : EIO, f->path);
		done += n;
	}
	return r;
}

int rast_rootfs_apply(struct rast_rootfs *fs, const struct rast_image_spec *spec,
		      struct rast_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < spec->n_remove; i++) {
		unsigned int depth = 0;

		for (const char *p = spec->remove[i]; *p; p++)
			depth += *p == '/';
		r = remove_matching(fs->fd, "", spec->remove[i], depth, err);
	}
	/* The folder remembered may be one of those that are gone. */
	rast_closep(&fs->parent_fd);
	fs->parent_fd = -1;
	for (size_t i = 0; !r && i < spec->n_dirs; i++) {
		const struct rast_image_dir *d = &spec->dirs[i];

		r = rast_rootfs_dir(fs, d->path, d->mode, d->uid, d->gid, err);
	}
	for (size_t i = 0; !r && i < spec->n_links; i++)
		r = rast_rootfs_link(fs, spec->links[i].path, spec->links[i].target, err);
	for (size_t i = 0; !r && i < spec->n_files; i++)
		r = copy(fs, &spec->files[i], err);
	return r;
}
