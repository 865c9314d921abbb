/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which device nodes a container may open: one cgroup device program (bpf/device.bpf.c) attached by a
 * pinned link to the instance's cgroup, so that it holds for every container below from its first
 * instruction. A start costs nothing then but the look whether the link is pinned; a program for each
 * container would be loaded, attached and pinned at each start.
 */
#ifndef RAST_CONTAINER_DEVICE_H
#define RAST_CONTAINER_DEVICE_H

#include "base/err.h"
#include "base/instance.h"

/*
 * Loads and attaches it unless it is there. Negative with err where it cannot be had (no BPF): the
 * caller then starts containers with rast_container_start.nodev.
 */
int rast_device_ensure(const struct rast_instance *in, struct rast_err *err);

#endif
