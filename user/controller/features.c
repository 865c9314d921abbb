// SPDX-License-Identifier: BSD-2-Clause
/*
 * The controller's features in the order of their start: what a later one asks of an earlier one
 * (rast_controller_state) is there. Each feature's own file says what it does.
 */
#include "controller/controller.h"
#include "account/account_feature.h"
#include "anomaly/anomaly_feature.h"
#include "audit/audit_feature.h"
#include "controller/pods.h"
#include "node/node_feature.h"
#include "policy/policy_feature.h"
#include "vector/config.h"

const struct rast_feature *const rast_features[] = {
	&rast_config_feature,  &rast_node_feature,  &rast_pods_feature,    &rast_policy_feature,
	&rast_account_feature, &rast_audit_feature, &rast_anomaly_feature, NULL,
};
