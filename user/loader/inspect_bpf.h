/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel says about everything that is pinned below the instance's <bpf_dir>, as JSON: for
 * `rastbpf prog|map|link show` and `map dump`. Names are the full ones, from the pins: the kernel
 * itself keeps 15 characters. Ids, tags and types are those that bpftool prints.
 */
#ifndef RAST_LOADER_INSPECT_BPF_H
#define RAST_LOADER_INSPECT_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Arrays of objects, sorted by name; empty when nothing is pinned. `name` NULL: all; else that one or
 * -ENOENT. With `measure`, programs are watched for a second with the kernel's run statistics on, and
 * rates are added.
 */
int rast_inspect_progs(const struct rast_instance *in, const char *name, bool measure, json_t **ret,
		       struct rast_err *err);
int rast_inspect_maps(const struct rast_instance *in, const char *name, json_t **ret,
		      struct rast_err *err);
/* Pinned links, and clsact filters in this network namespace that run a program of ours. */
int rast_inspect_links(const struct rast_instance *in, const char *name, json_t **ret,
		       struct rast_err *err);

struct rast_dump_opts {
	int64_t slot; /* only this element of an array; -1: all */
	size_t limit; /* entries shown, and elements of each long array in them */
};
/*
 * {"map","id","type","entries":[{"key","value"}|{"key","cpus":[{"cpu","value"}]}],"shown","left_out",
 * "zero"}. Elements of an array map that are zero in all bytes are only counted, unless asked for by
 * slot. -EOPNOTSUPP for maps without contents to look up (rings).
 */
int rast_inspect_dump(const struct rast_instance *in, const char *name,
		      const struct rast_dump_opts *opts, json_t **ret, struct rast_err *err);

#endif
