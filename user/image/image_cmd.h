/* SPDX-License-Identifier: BSD-2-Clause */
/* The image object of rastbpf. */
#ifndef RAST_IMAGE_IMAGE_CMD_H
#define RAST_IMAGE_IMAGE_CMD_H

#include "cli/cli.h"

extern const struct rast_object rast_object_image;

#endif
