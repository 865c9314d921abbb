/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One Debian package's files into a root folder. The archive is taken as hostile: absolute names, "..",
 * names through links that lead out, devices, pipes and sockets are refused, with the member's name.
 * No maintainer script is run, nothing is registered anywhere.
 */
#ifndef RAST_IMAGE_UNPACK_H
#define RAST_IMAGE_UNPACK_H

#include "base/err.h"
#include "image/rootfs.h"

#include <stdbool.h>

int rast_unpack_deb(struct rast_rootfs *fs, const char *deb, struct rast_err *err);
/* Documentation, manual pages, translations: left out of images. Copyright files stay. */
bool rast_unpack_skips(const char *path);

#endif
