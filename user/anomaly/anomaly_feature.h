/* SPDX-License-Identifier: BSD-2-Clause */
/* Anomaly detection as a feature of the controller: stream "anomaly", op anomaly.show {"name"}. */
#ifndef RAST_ANOMALY_ANOMALY_FEATURE_H
#define RAST_ANOMALY_ANOMALY_FEATURE_H

#include "controller/control.h"

extern const struct rast_feature rast_anomaly_feature;

#endif
