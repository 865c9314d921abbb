/* SPDX-License-Identifier: BSD-2-Clause */
/* What `events` reads: the opened cgroup directories of one container, and numbers out of them. */
#ifndef RAST_OCI_EVENTS_H
#define RAST_OCI_EVENTS_H

#include "base/json.h"
#include "container/cgroup.h"

/* -1 where the container is not in a cgroup of its own. */
struct oci_cgroup_dirs {
	int v2;
	int v1[RAST_CG_MAX];
};

/* An object in the layout of runc's stats; a new reference, NULL without memory. */
json_t *oci_stats(const struct oci_cgroup_dirs *d);

#endif
