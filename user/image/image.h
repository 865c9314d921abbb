/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images: <lib_dir>/images/NAME/rootfs and beside it image.json. An image is there when image.json is;
 * that file is written last and removed first, so that no half-built or half-removed one is ever seen.
 *
 * image.json: {"name","digest","built","size_bytes","packages":[{"name","version"},…],
 *   "config":{"command":[…],"env":["K=V",…],"user":"UID:GID","working_dir","ports":[…]},
 *   and what only rast_image_build() reads: "spec_digest", "lists"}
 */
#ifndef RAST_IMAGE_IMAGE_H
#define RAST_IMAGE_IMAGE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "image/image_spec.h"

struct rast_image_progress {
	void (*say)(void *arg, const char *text); /* may be NULL */
	void *arg;
};

/*
 * Makes the image unless it is there already, from the same spec and the same package versions.
 * *ret: {"name","digest","built": true when it was made now,"packages": how many,"size_bytes"}.
 * -EBUSY when it would change under a process that uses it.
 */
int rast_image_build(const struct rast_instance *in, const struct rast_image_spec *spec,
		     const struct rast_image_progress *progress, json_t **ret,
		     struct rast_err *err);
/* image.json; -ENOENT with a clear text. */
int rast_image_get(const struct rast_instance *in, const char *name, json_t **ret,
		   struct rast_err *err);
/* Array of image.json of all images, by name. */
int rast_image_list(const struct rast_instance *in, json_t **ret, struct rast_err *err);
/* -ENOENT, -EBUSY. */
int rast_image_remove(const struct rast_instance *in, const char *name, struct rast_err *err);

#endif
