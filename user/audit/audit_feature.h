/* SPDX-License-Identifier: BSD-2-Clause */
/* Audit as a feature of the controller: owner of the log; ops audit.record, audit.show. */
#ifndef RAST_AUDIT_AUDIT_FEATURE_H
#define RAST_AUDIT_AUDIT_FEATURE_H

#include "controller/control.h"

extern const struct rast_feature rast_audit_feature;

#endif
