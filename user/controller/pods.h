/* SPDX-License-Identifier: BSD-2-Clause */
/* rastd's feature "pods": health, restarts and lifecycle events of this node's containers. */
#ifndef RAST_CONTROLLER_PODS_H
#define RAST_CONTROLLER_PODS_H

#include "controller/control.h"

extern const struct rast_feature rast_pods_feature;

#endif
