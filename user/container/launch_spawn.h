/* SPDX-License-Identifier: BSD-2-Clause */
/* How the child comes to be: clone3, the namespaces it is born into, and its ids. Inside of launch. */
#ifndef RAST_CONTAINER_LAUNCH_SPAWN_H
#define RAST_CONTAINER_LAUNCH_SPAWN_H

#include "container/launch.h"

/*
 * As fork: 0 with *ret_pid 0 in the child, with the pid and *ret_pidfd in the parent. The caller's own
 * namespaces are as before.
 */
int launch_spawn(const struct rast_launch *l, pid_t *ret_pid, int *ret_pidfd, struct rast_err *err);
/*
 * For a child in a user namespace of its own: writes its id maps (through newuidmap and newgidmap where the
 * caller may not), raises its limits and sets its OOM score.
 */
int launch_user_prepare(const struct rast_launch *l, pid_t pid, struct rast_err *err);

#endif
