/* SPDX-License-Identifier: BSD-2-Clause */
/* linux.resources as what is written to a cgroup's files, under either version's names. */
#ifndef RAST_OCI_RESOURCES_H
#define RAST_OCI_RESOURCES_H

#include "container/cgroup.h"
#include "container/device_rules.h"
#include "oci/spec.h"

#define OCI_MAX_WRITES 192

struct oci_resources {
	struct rast_cgroup_write writes[OCI_MAX_WRITES];
	size_t n;
	char text[16384]; /* values that were made */
	size_t used;
};

/*
 * In the order in which they must be written. -E2BIG with err when there is more than fits.
 */
int oci_resources_init(struct oci_resources *out, const struct rast_oci_resources *res,
		       struct rast_err *err);
/* The rules of config.json behind the defaults; *ret is malloc'ed. */
int oci_device_rules(const struct rast_oci_resources *res, struct rast_device_rule **ret,
		     size_t *ret_n, struct rast_err *err);
/* Weight on cgroup v2 (1 to 10000) of shares on v1 (2 to 262144), as runc and crun compute it today. */
uint64_t oci_cpu_weight(uint64_t shares);

#endif
