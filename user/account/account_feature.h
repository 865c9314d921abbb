/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounting as a feature of the controller: op account.show {"name"} → rows with rates. */
#ifndef RAST_ACCOUNT_ACCOUNT_FEATURE_H
#define RAST_ACCOUNT_ACCOUNT_FEATURE_H

#include "controller/control.h"

extern const struct rast_feature rast_account_feature;

#endif
