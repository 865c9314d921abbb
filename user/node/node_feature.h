/* SPDX-License-Identifier: BSD-2-Clause */
/* The node's part in the controller: stored policies come into force. After config in the table. */
#ifndef RAST_NODE_NODE_FEATURE_H
#define RAST_NODE_NODE_FEATURE_H

#include "controller/control.h"

extern const struct rast_feature rast_node_feature;

#endif
