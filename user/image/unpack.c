// SPDX-License-Identifier: BSD-2-Clause
/*
 * A .deb is an ar archive whose member data.tar.* holds the files: libarchive reads the outer one and
 * feeds the inner one. libarchive only reads; every write goes through rootfs.c.
 *
 * It is loaded when the first image is built and never linked: an empty program linked with it and its
 * libraries starts in 7.5 ms instead of 2.1.
 */
#include "image/unpack.h"

#include "base/fd.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTIONS(F)                         \
	F(archive_read_new)                  \
	F(archive_read_free)                 \
	F(archive_read_support_format_ar)    \
	F(archive_read_support_format_tar)   \
	F(archive_read_support_filter_none)  \
	F(archive_read_support_filter_gzip)  \
	F(archive_read_support_filter_xz)    \
	F(archive_read_support_filter_lzma)  \
	F(archive_read_support_filter_zstd)  \
	F(archive_read_support_filter_bzip2) \
	F(archive_read_open_filename)        \
	F(archive_read_open)                 \
	F(archive_read_next_header)          \
	F(archive_read_data)                 \
	F(archive_read_data_block)           \
	F(archive_error_string)              \
	F(archive_entry_pathname)            \
	F(archive_entry_filetype)            \
	F(archive_entry_perm)                \
	F(archive_entry_uid)                 \
	F(archive_entry_gid)                 \
	F(archive_entry_symlink)             \
	F(archive_entry_hardlink)

#define MEMBER(f) __typeof__(f) *f;
#define NAME(f) #f,
static struct {
	FUNCTIONS(MEMBER)
} la;
/* Why file-level: the table is the same for the whole process, like the library it points into. */
static const char *const names[] = {FUNCTIONS(NAME)};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

static void load(void)
{
	void *lib = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	void **slot = (void **)&la;

	for (size_t i = 0; lib && i < ARRAY_SIZE(names); i++) {
		slot[i] = dlsym(lib, names[i]);
		if (!slot[i])
			lib = NULL;
	}
	loaded = lib;
}

bool rast_unpack_skips(const char *path)
{
	static const char *const skip[] = {
		"usr/share/doc/",      "usr/share/man/",     "usr/share/info/",
		"usr/share/locale/",   "usr/share/lintian/", "usr/share/bug/",
		"usr/share/doc-base/", "usr/share/gtk-doc/", "usr/share/bash-completion/"};
	const char *leaf = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_SIZE(skip); i++)
		if (!strncmp(path, skip[i], strlen(skip[i])))
			return i || !leaf || strcmp(leaf, "/copyright");
	return false;
}

struct inner {
	struct archive *outer;
	char buf[65536];
};

static la_ssize_t feed(struct archive *a, void *arg, const void **ret_buf)
{
	struct inner *in = arg;

	*ret_buf = in->buf;
	return la.archive_read_data(in->outer, in->buf, sizeof(in->buf));
}

static int refuse(struct rast_err *err, const char *name, const char *why)
{
	return rast_err_set(err, EINVAL, "member %.200s %s", name, why);
}

static int put_file(struct rast_rootfs *fs, struct archive *a, struct archive_entry *e,
		    const char *path, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	const void *block;
	la_int64_t at, end = 0;
	size_t len;
	int r;

	r = rast_rootfs_create(fs, path, la.archive_entry_perm(e), (uid_t)la.archive_entry_uid(e),
			       (gid_t)la.archive_entry_gid(e), &fd, err);
	if (r < 0)
		return r;
	while ((r = la.archive_read_data_block(a, &block, &len, &at)) == ARCHIVE_OK) {
		const char *p = block;

		r = rast_rootfs_account(fs, len, err);
		if (r < 0)
			return r;
		end = at + (la_int64_t)len;
		while (len) {
			ssize_t n = pwrite(fd, p, len, at);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return rast_err_sys(err, errno, "/%s", path);
			p += n;
			at += n;
			len -= (size_t)n;
		}
	}
	if (r != ARCHIVE_EOF)
		return rast_err_set(err, EIO, "/%s: %s", path, la.archive_error_string(a));
	/* A sparse file may end with a hole. */
	return ftruncate(fd, end) < 0 ? rast_err_sys(err, errno, "/%s", path) : 0;
}

static int put(struct rast_rootfs *fs, struct archive *a, struct archive_entry *e,
	       struct rast_err *err)
{
	const char *name = la.archive_entry_pathname(e), *hard = la.archive_entry_hardlink(e);
	char path[RAST_IMAGE_PATH_MAX], target[RAST_IMAGE_PATH_MAX];

	if (!name)
		return refuse(err, "?", "has a name that cannot be read");
	if (!strcmp(name, "./") || !strcmp(name, "."))
		return 0;
	if (rast_image_path_clean(name, false, path) < 0)
		return refuse(err, name, "has a name that is absolute, too long or has \"..\"");
	if (rast_unpack_skips(path))
		return 0;
	if (hard) {
		if (rast_image_path_clean(hard, false, target) < 0)
			return refuse(err, name, "is a hard link that leads out of the image");
		return rast_unpack_skips(target) ? 0 : rast_rootfs_hardlink(fs, path, target, err);
	}
	switch (la.archive_entry_filetype(e)) {
	case AE_IFDIR:
		return rast_rootfs_dir(fs, path, la.archive_entry_perm(e),
				       (uid_t)la.archive_entry_uid(e),
				       (gid_t)la.archive_entry_gid(e), err);
	case AE_IFLNK:
		return rast_rootfs_link(fs, path, la.archive_entry_symlink(e), err);
	case AE_IFREG:
		return put_file(fs, a, e, path, err);
	default:
		return refuse(err, name, "is a device, pipe or socket");
	}
}

static int unpack_data(struct rast_rootfs *fs, struct inner *in, struct rast_err *err)
{
	struct archive *a = la.archive_read_new();
	struct archive_entry *e;
	int r = 0, got;

	if (!a)
		return rast_err_set(err, ENOMEM, "out of memory");
	(void)la.archive_read_support_format_tar(a);
	(void)la.archive_read_support_filter_none(a);
	(void)la.archive_read_support_filter_gzip(a);
	(void)la.archive_read_support_filter_xz(a);
	(void)la.archive_read_support_filter_lzma(a);
	(void)la.archive_read_support_filter_zstd(a);
	(void)la.archive_read_support_filter_bzip2(a);
	got = la.archive_read_open(a, in, NULL, feed, NULL);
	while (got == ARCHIVE_OK && !r) {
		got = la.archive_read_next_header(a, &e);
		if (got == ARCHIVE_OK)
			r = put(fs, a, e, err);
	}
	if (!r && got != ARCHIVE_EOF)
		r = rast_err_set(err, EIO, "%s", la.archive_error_string(a));
	(void)la.archive_read_free(a);
	return r;
}

int rast_unpack_deb(struct rast_rootfs *fs, const char *deb, struct rast_err *err)
{
	const char *slash = strrchr(deb, '/');
	struct archive_entry *e;
	struct inner *in;
	bool found = false;
	int r = 0, got;

	(void)pthread_once(&once, load);
	if (!loaded)
		return rast_err_set(err, EOPNOTSUPP, "libarchive13 is not installed");
	in = calloc(1, sizeof(*in));
	if (!in || !(in->outer = la.archive_read_new())) {
		free(in);
		return rast_err_set(err, ENOMEM, "out of memory");
	}
	(void)la.archive_read_support_format_ar(in->outer);
	(void)la.archive_read_support_filter_none(in->outer);
	got = la.archive_read_open_filename(in->outer, deb, 65536);
	while (got == ARCHIVE_OK && !r && !found) {
		got = la.archive_read_next_header(in->outer, &e);
		if (got == ARCHIVE_OK && la.archive_entry_pathname(e) &&
		    !strncmp(la.archive_entry_pathname(e), "data.tar", 8)) {
			found = true;
			r = unpack_data(fs, in, err);
		}
	}
	if (!r && !found)
		r = rast_err_set(err, EIO, "%s",
				 got == ARCHIVE_EOF ? "has no data.tar: is no Debian package"
						    : la.archive_error_string(in->outer));
	(void)la.archive_read_free(in->outer);
	free(in);
	return r < 0 ? rast_err_prefix(err, "%s", slash ? slash + 1 : deb) : 0;
}
