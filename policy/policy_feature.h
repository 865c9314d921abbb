/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy as a feature of the controller; see user/controller/control.h. */
#ifndef RAST_POLICY_POLICY_FEATURE_H
#define RAST_POLICY_POLICY_FEATURE_H

#include "controller/control.h"

extern const struct rast_feature rast_policy_feature;

#endif
