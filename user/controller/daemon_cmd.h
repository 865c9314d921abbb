/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf daemon: starts, ends and describes the controller. */
#ifndef RAST_CONTROLLER_DAEMON_CMD_H
#define RAST_CONTROLLER_DAEMON_CMD_H

struct rast_object;
extern const struct rast_object rast_object_daemon;

#endif
