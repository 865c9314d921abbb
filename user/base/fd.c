// SPDX-License-Identifier: BSD-2-Clause
/* File descriptors and whole-file input and output; see fd.h. */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void rast_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

int rast_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, cap = 4096;
	bool sized = false;
	struct stat st;

	if (fd < 0)
		return -errno;
	/* A file that has a size is had by one read; those of procfs and its like say 0. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size <= max) {
		cap = (size_t)st.st_size + 1;
		sized = true;
	}
	buf = malloc(cap + 1);
	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, buf + len, cap - len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (sized && len == cap - 1)
			break;
		if (len == cap) {
			char *more = realloc(buf, cap * 2 + 1);

			if (!more)
				return -ENOMEM;
			buf = more;
			cap *= 2;
		}
	}
	buf[len] = '\0';
	if (ret_len)
		*ret_len = len;
	*ret = TAKE_PTR(buf);
	return 0;
}

int rast_read_u64(int dirfd, const char *path, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	char *end;
	uint64_t v;
	int r;

	r = rast_read_file(dirfd, path, 4096, &text, NULL);
	if (r < 0)
		return r;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || (*end && *end != '\n'))
		return -EINVAL;
	*ret = v;
	return 0;
}

int rast_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int rast_write_file(int dirfd, const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

int rast_replace_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      int sync)
{
	_cleanup_close_ int fd = -1;
	char tmp[512];
	int r;

	r = snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, (int)getpid());
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = rast_write_all(fd, data, len);
	if (!r && sync && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

int rast_mkdir_p(const char *path, mode_t mode)
{
	char buf[4096];
	size_t n = strlen(path);
	char *p;

	if (n >= sizeof(buf))
		return -ENAMETOOLONG;
	memcpy(buf, path, n + 1);
	/* From the end to what is there, which is mostly close, and back. */
	while (mkdir(buf, mode) < 0 && errno != EEXIST) {
		if (errno != ENOENT)
			return -errno;
		p = strrchr(buf, '/');
		if (!p || p == buf)
			return -ENOENT;
		*p = '\0';
	}
	for (p = buf + strlen(buf); p < buf + n; p += strlen(p)) {
		*p = '/';
		if (mkdir(buf, mode) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int remove_at(int dirfd, const char *name, unsigned int depth)
{
	struct dirent *d;
	DIR *dir;
	int fd, r = 0;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth > 512)
		return -ELOOP;
	/* NO_XDEV also sees a bind mount of the same file system. The top one may be anywhere. */
	fd = rast_openat2(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			  depth ? RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS : 0);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((d = readdir(dir))) {
		int one;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		one = remove_at(fd, d->d_name, depth + 1);
		if (one < 0 && !r)
			r = one;
	}
	(void)closedir(dir);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && !r)
		r = -errno;
	return r;
}

int rast_remove_tree(int dirfd, const char *path)
{
	return remove_at(dirfd, path, 0);
}

int rast_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	int tries = 0;

	/* RESOLVE_* lookups answer EAGAIN when a rename raced with "..": try again a few times. */
	for (;;) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if ((errno != EAGAIN && errno != EINTR) || ++tries > 64)
			return -errno;
	}
}

int rast_lock_file(const char *path, int wait, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
