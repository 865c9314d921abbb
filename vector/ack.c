// SPDX-License-Identifier: BSD-2-Clause
/*
 * One mapped page, "acked", that says which operation was acknowledged last. It is written after the
 * write-ahead log was synced and is never synced itself: after a kill it is exact, after a power cut
 * it may be behind, but it is never ahead. A database that ends before it has lost an acknowledged
 * write, for instance because the end of its log was damaged in a way that looks like a torn write.
 */
#include "vector/store_priv.h"

#include "base/fd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ACK_BYTES 4096u

struct ack_page {
	char magic[8];
	uint64_t op;  /* little-endian */
	uint64_t inv; /* ~op: a page that was torn or never written says nothing */
};

int rast_ack_open(const char *dir, struct ack_page **ret, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	struct ack_page *a;

	if (asprintf(&path, "%s/acked", dir) < 0) {
		path = NULL;
		return rast_err_set(err, ENOMEM, "out of memory");
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return rast_err_sys(err, errno, "%s", path);
	/* Allocated now: a full disk must be an error here, not a SIGBUS later. */
	errno = posix_fallocate(fd, 0, ACK_BYTES);
	if (errno)
		return rast_err_sys(err, errno, "%s", path);
	a = mmap(NULL, ACK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (a == MAP_FAILED)
		return rast_err_sys(err, errno, "%s", path);
	*ret = a;
	return 0;
}

void rast_ack_close(struct ack_page *a)
{
	if (a)
		(void)munmap(a, ACK_BYTES);
}

uint64_t rast_ack_get(const struct ack_page *a)
{
	if (memcmp(a->magic, "rastack1", 8) != 0 || a->inv != ~a->op)
		return 0;
	return le64toh(a->op);
}

void rast_ack_set(struct ack_page *a, uint64_t op)
{
	memcpy(a->magic, "rastack1", 8);
	a->op = htole64(op);
	a->inv = ~a->op;
}
