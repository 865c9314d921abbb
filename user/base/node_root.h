/* SPDX-License-Identifier: BSD-2-Clause */
/* Who counts as root: the node's, not that of a user namespace (podman without root calls from within one). */
#ifndef RAST_BASE_NODE_ROOT_H
#define RAST_BASE_NODE_ROOT_H

#include <stdbool.h>

/* The effective user is 0 in the first user namespace. */
bool rast_is_node_root(void);

#endif
