/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instance's cgroup: below it are all containers, and at it the cgroup programs of account, audit
 * and anomaly are attached, so that nothing else on the machine pays for them.
 */
#ifndef RAST_CONTAINER_INSTANCE_CGROUP_H
#define RAST_CONTAINER_INSTANCE_CGROUP_H

#include "base/err.h"
#include "base/instance.h"

/* Makes it when it is not there. */
int rast_instance_cgroup_open(const struct rast_instance *in, int *ret_fd, struct rast_err *err);

#endif
