/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps of the policy programs as memory: what reads them and what fills them share this. */
#ifndef RAST_POLICY_POLICY_MAPPING_BPF_H
#define RAST_POLICY_POLICY_MAPPING_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

struct rast_policy_mapping {
	void *at;
	size_t size;
};

/* All entries of a pinned map; -EINVAL when its values have another size. */
int rast_policy_map_all(const struct rast_instance *in, const char *name, size_t value_size,
			struct rast_policy_mapping *ret, struct rast_err *err);
/* The same of a map that is open; `name` is for messages. */
int rast_policy_map_fd(int fd, const char *name, size_t value_size, struct rast_policy_mapping *ret,
		       struct rast_err *err);
void rast_policy_unmap(struct rast_policy_mapping *m);
#define _cleanup_mapping_ _cleanup_(rast_policy_unmap)

/* CLOCK_MONOTONIC_COARSE, as the programs read it. */
uint64_t rast_policy_coarse_ns(void);

#endif
