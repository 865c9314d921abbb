/* SPDX-License-Identifier: BSD-2-Clause */
/* KIND/NAMESPACE/NAME: pure, for the controller, the CLI and the tests. */
#ifndef RAST_VECTOR_CONFIG_KEY_H
#define RAST_VECTOR_CONFIG_KEY_H

#include "base/err.h"
#include "base/json.h"

#include <stddef.h>

/* The namespace is "default" when there is none. -EINVAL with the missing field in err. */
int rast_config_key(const json_t *manifest, char *buf, size_t size, struct rast_err *err);

#endif
