/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of inspect: what is pinned, opened once and sorted by name. */
#ifndef RAST_LOADER_INSPECT_PRIV_H
#define RAST_LOADER_INSPECT_PRIV_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct rast_pinned {
	char name[144], path[256];
	int fd;
	uint32_t id;
};

struct rast_pins {
	struct rast_pinned *v;
	size_t n;
};

/* kind: "prog", "map" or "link". A folder that is not there is an empty one. */
int rast_pins_open(const struct rast_instance *in, const char *kind, struct rast_pins *ret,
		   struct rast_err *err);
void rast_pins_close(struct rast_pins *p);
#define _cleanup_pins_ _cleanup_(rast_pins_close)
/* NULL when none has this id. */
const struct rast_pinned *rast_pins_by_id(const struct rast_pins *p, uint32_t id);

/* Calls fn for each BPF filter at clsact hooks in this network namespace. */
struct rast_tc_filter {
	unsigned int ifindex;
	int egress;
	uint32_t prog_id, priority, handle;
};
int rast_tc_filters(void (*fn)(void *arg, const struct rast_tc_filter *f), void *arg);

#endif
