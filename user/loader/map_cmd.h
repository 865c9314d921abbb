/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAST_LOADER_MAP_CMD_H
#define RAST_LOADER_MAP_CMD_H

#include "cli/cli.h"

extern const struct rast_object rast_object_map;

#endif
