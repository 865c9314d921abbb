/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAST_ANOMALY_ANOMALY_CMD_H
#define RAST_ANOMALY_ANOMALY_CMD_H

#include "cli/cli.h"

extern const struct rast_object rast_object_anomaly;

#endif
