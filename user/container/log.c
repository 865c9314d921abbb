// SPDX-License-Identifier: BSD-2-Clause
/* Logs of containers within their limits; see log.h. */
#include "container/log.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

off_t rast_container_log_first(int fd)
{
	off_t at = lseek(fd, 0, SEEK_DATA);

	return at < 0 && errno == ENXIO ? lseek(fd, 0, SEEK_END) : at;
}

int rast_container_log_trim(const char *path, uint64_t max_bytes)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	off_t first, cut, max = (off_t)max_bytes;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* The usual case costs no more than this. */
	if (!S_ISREG(st.st_mode) || st.st_size - max <= max / 8)
		return 0;
	first = rast_container_log_first(fd);
	if (first < 0)
		return -errno;
	/* Not for every block: it is a journal entry of the file system each time. */
	if (st.st_size - first - max <= max / 8)
		return 0;
	cut = (st.st_size - max) / st.st_blksize * st.st_blksize;
	if (cut <= first)
		return 0;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, cut) < 0)
		return -errno;
	return 0;
}

off_t rast_container_log_skip(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR), to;
	struct stat st;

	/* The size first: had somebody appended after it, the seek would have found that. */
	if (at < 0 || fstat(fd, &st) < 0)
		return -errno;
	to = lseek(fd, at, SEEK_DATA);
	if (to < 0 && errno != ENXIO)
		return -errno;
	if (to < 0)
		to = lseek(fd, st.st_size > at ? st.st_size : at, SEEK_SET);
	return to < 0 ? -errno : to - at;
}
