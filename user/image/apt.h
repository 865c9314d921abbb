/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apt-get as a resolver and downloader: it is told that nothing is installed (an empty status file of
 * ours) and that its caches are ours, so that the host's own packages are neither looked at nor
 * touched. Its package lists and keys are the host's.
 */
#ifndef RAST_IMAGE_APT_H
#define RAST_IMAGE_APT_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "image/image_spec.h"

/*
 * What the spec's packages need, and they themselves: array of {"name","version","arch","deb"}, sorted
 * by name, `deb` being the file's name in the cache. A package that does not exist is an error at its
 * line.
 */
int rast_apt_resolve(const struct rast_instance *in, const struct rast_image_spec *spec,
		     json_t **ret, struct rast_err *err);
/* Fetches those that are not in the cache; apt checks signatures and hashes. Needs no network when
 * all are there. */
int rast_apt_fetch(const struct rast_instance *in, const struct rast_image_spec *spec,
		   const json_t *packages, struct rast_err *err);
/* <lib_dir>/cache/debs, or debs below RAST_DEB_CACHE */
void rast_apt_cache_path(const struct rast_instance *in, char path[128]);
/* Changes when apt-get update brought something new or the sources were edited. */
int rast_apt_lists_stamp(char ret_hex[65]);

#endif
