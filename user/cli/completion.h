/* SPDX-License-Identifier: BSD-2-Clause */
/* rastbpf completion: shell completion made from the object tables. */
#ifndef RAST_CLI_COMPLETION_H
#define RAST_CLI_COMPLETION_H

struct rast_object;
extern const struct rast_object rast_object_completion;

#endif
