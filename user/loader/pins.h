/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins inside the loader: paths, replacement without a gap, maps that changed their shape. */
#ifndef RAST_LOADER_PINS_H
#define RAST_LOADER_PINS_H

#include "base/err.h"
#include "base/instance.h"

#include <stdbool.h>
#include <stddef.h>

struct bpf_map;

int rast_pin_path(const struct rast_instance *in, const char *kind, const char *name, char *buf,
		  size_t size, struct rast_err *err);
/* Pins fd at path; what was pinned there is dropped in the same moment. */
int rast_pin_replace(int fd, const char *path, struct rast_err *err);
/*
 * What is pinned at path against the shape that `map` wants: fine as it is, dropped with `may_reset`,
 * put aside as <path>-old with *ret_copy set when only the number of entries differs (load a new one,
 * then rast_map_copy_old(); on failure rast_map_restore_old()), else -EEXIST.
 */
int rast_map_check_shape(const struct bpf_map *map, const char *path, bool may_reset,
			 bool *ret_copy, struct rast_err *err);
int rast_map_copy_old(const struct bpf_map *map, const char *path, struct rast_err *err);
void rast_map_restore_old(const char *path);

#endif
