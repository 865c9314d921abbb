/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a cgroup id, which is all that a kernel half knows, to a container's names. The cgroup itself
 * says them by its path (<instance>/<namespace>_<pod>/<container>) as long as it exists, which is
 * before any state file is written; afterwards the cache or the state files under <run_dir>/pods do.
 */
#ifndef RAST_AUDIT_CGROUP_NAMES_H
#define RAST_AUDIT_CGROUP_NAMES_H

#include "base/instance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rast_cgroup_name {
	uint64_t cgroup_id;
	char ns[64], pod[254], container[64];
};

struct rast_cgroup_names;

/* The instance is borrowed. NULL when out of memory. */
struct rast_cgroup_names *rast_cgroup_names_create(const struct rast_instance *in);
void rast_cgroup_names_destroy(struct rast_cgroup_names *n);
/* NULL when nothing knows it (any more). Valid until the next call. */
const struct rast_cgroup_name *rast_cgroup_names_find(struct rast_cgroup_names *n,
						      uint64_t cgroup_id);

/* "/instance/ns_pod/container[/…]" → names; false for any other path. */
bool rast_cgroup_name_parse(const char *instance, const char *path, struct rast_cgroup_name *ret);
/* "ns/pod/container" */
const char *rast_cgroup_name_format(const struct rast_cgroup_name *name, char *buf, size_t size);
/* Is it meant by "ns/pod/container", "ns/pod", "pod/container", "pod" or "container"? */
bool rast_cgroup_name_match(const struct rast_cgroup_name *name, const char *pattern);

#endif
