/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One more process in a running container: its namespaces, cgroup, root, user, capabilities and filter
 * as its first process has them (C.json says so). The same launch core, and so the same protection of
 * our own executable and file descriptors.
 */
#ifndef RAST_CONTAINER_EXEC_H
#define RAST_CONTAINER_EXEC_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "container/launch.h"

struct rast_container_exec {
	const char *const *argv;
	int stdio[3]; /* borrowed; unused with tty */
	bool tty;
	unsigned short rows, cols;
};

/* -ESRCH with err when the container does not run. *ret: the caller's fds. */
int rast_container_exec(const struct rast_instance *in, const json_t *container,
			const struct rast_container_exec *what, struct rast_launched *ret,
			struct rast_err *err);

#endif
