/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kubernetes quantities ("250m", "64Mi", "1e3", "1.5Gi"), as in
 * k8s.io/apimachinery/pkg/api/resource: decimal number, then n u m k M G T P E, Ki Mi Gi Ti Pi Ei,
 * or an exponent. Negative values and values past 2^63-1 units are refused.
 */
#ifndef RAST_BASE_QUANTITY_H
#define RAST_BASE_QUANTITY_H

#include <stdint.h>

/* Value times 1000, rounded up: "250m" → 250, "2" → 2000. -EINVAL, -ERANGE. */
int rast_quantity_parse_milli(const char *text, uint64_t *ret_milli);
/* Whole units, rounded up: "64Mi" → 67108864. -EINVAL, -ERANGE. */
int rast_quantity_parse(const char *text, uint64_t *ret);

#endif
