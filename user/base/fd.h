/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors with an owner, and whole-file reads and writes relative to a directory fd.
 * All paths are opened O_CLOEXEC. `dirfd` may be AT_FDCWD.
 */
#ifndef RAST_BASE_FD_H
#define RAST_BASE_FD_H

#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void rast_closep(int *fd);
#define _cleanup_close_ _cleanup_(rast_closep)
#define TAKE_FD(fd)                   \
	({                            \
		int _taken_fd = (fd); \
		(fd) = -1;            \
		_taken_fd;            \
	})

/*
 * Reads a whole file, at most `max` bytes (longer: -EFBIG), into a NUL-terminated buffer that the
 * caller frees. ret_len may be NULL.
 */
int rast_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
/* Trims the trailing newline and parses a decimal number: what kernel files hold. */
int rast_read_u64(int dirfd, const char *path, uint64_t *ret);
/* One write(2) to an existing file, as cgroupfs and procfs want it. */
int rast_write_file(int dirfd, const char *path, const char *text);
/* Write to a temporary name, fsync when `sync`, rename over. Readers see old or new, never half. */
int rast_replace_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      int sync);
/* Writes everything or fails. */
int rast_write_all(int fd, const void *data, size_t len);
/* mkdir -p; 0 when it is there already. */
int rast_mkdir_p(const char *path, mode_t mode);
/* Removes a tree without following links or crossing mounts; 0 when it was not there. */
int rast_remove_tree(int dirfd, const char *path);
/* openat2(2); flags get O_CLOEXEC. Returns the fd or a negative errno. */
int rast_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve);
/*
 * Takes an flock(2) on `path`, which is created when absent. With `wait` 0 a taken lock is
 * -EWOULDBLOCK. The lock lives as long as *ret_fd.
 */
int rast_lock_file(const char *path, int wait, int *ret_fd);

#endif
