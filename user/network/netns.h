/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network namespaces without a process in them, held by a bind mount. None of these changes the
 * namespace of the calling thread, not even for a moment: the system call that needs another one is
 * made by a child that shares memory and descriptors and is gone before the function returns.
 */
#ifndef RAST_NETWORK_NETNS_H
#define RAST_NETWORK_NETNS_H

#include "base/err.h"

/*
 * Makes a namespace and mounts it at `path`, whose folder must exist. -EEXIST when something is there.
 * *ret_fd (may be NULL) is an open descriptor of it.
 */
int rast_netns_create(const char *path, int *ret_fd, struct rast_err *err);
/* 0 also when it was not there; the namespace itself goes with its last process and descriptor. */
int rast_netns_remove(const char *path, struct rast_err *err);
/* O_CLOEXEC descriptor of the namespace mounted at path; -EINVAL when it is no network namespace. */
int rast_netns_open(const char *path, int *ret_fd, struct rast_err *err);
/* socket(2) inside the namespace (-1: the caller's). Returns the descriptor or a negative errno. */
int rast_netns_socket(int netns_fd, int family, int type, int protocol);

#endif
