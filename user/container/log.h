/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of a container is one file that the container itself writes, by an O_APPEND descriptor: no
 * process stands between, so none can be slow, die, or lose what was written. Hence nobody can make the
 * writer reopen a renamed file either. The file is kept within its limit by punching holes at its head:
 * blocks are given back, the writer notices nothing, offsets never move (a reader that follows goes on),
 * and where the data begins is the number of bytes that are not kept any more, which needs no other record.
 */
#ifndef RAST_CONTAINER_LOG_H
#define RAST_CONTAINER_LOG_H

#include <stdint.h>
#include <sys/types.h>

#define RAST_LOG_MAX_DEFAULT (30ull << 20)
#define RAST_LOG_MAX_LEAST (64ull << 10) /* below it, the block size of some file systems is felt */

/*
 * Leaves the last `max_bytes` (rounded up to a block) once the file holds an eighth more. 0 also when
 * there is nothing to do; -EOPNOTSUPP where the file system cannot punch holes: the log then grows.
 */
int rast_container_log_trim(const char *path, uint64_t max_bytes);
/* First byte that is kept = bytes that are not; the size when nothing is. Moves the file offset. */
off_t rast_container_log_first(int fd);
/*
 * Moves the file offset over a hole, if it is in one. Returns the bytes passed over, 0 also at the end
 * of the file, or a negative errno. What is appended meanwhile is not passed over.
 */
off_t rast_container_log_skip(int fd);

#endif
