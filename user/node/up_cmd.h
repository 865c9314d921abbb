/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of rastbpf that act on the whole node: up, down, gc. */
#ifndef RAST_NODE_UP_CMD_H
#define RAST_NODE_UP_CMD_H

#include "cli/cli.h"

extern const struct rast_object rast_object_up;
extern const struct rast_object rast_object_down;
extern const struct rast_object rast_object_gc;

#endif
