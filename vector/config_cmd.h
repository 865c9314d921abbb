/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf config: the object's table, for the list in user/bin/rastbpf.c. */
#ifndef RAST_VECTOR_CONFIG_CMD_H
#define RAST_VECTOR_CONFIG_CMD_H

struct rast_object;
extern const struct rast_object rast_object_config;

#endif
