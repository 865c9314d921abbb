/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the image in force says about a name: the cell of a pattern's peer class. */
#ifndef RAST_BPF_LIB_PATTERN_H
#define RAST_BPF_LIB_PATTERN_H

#include "bpf/lib/matrix.bpf.h"

/* Slot of the image and pattern → peer class. A miss means that no rule of that image has the pattern. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * RAST_MAX_PATTERNS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rast_pattern_key);
	__type(value, __u32);
} class_by_pattern SEC(".maps");

/* The pattern that allows the packet at hand: here, for stacks are short. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} pattern_in_use SEC(".maps");

static __always_inline __u64 pattern_used(void)
{
	__u32 zero = 0;
	const __u64 *pattern = bpf_map_lookup_elem(&pattern_in_use, &zero);

	return pattern ? *pattern : 0;
}

/* enum rast_names_flags of this identity's class. 0 for nearly everybody, at the cost of one load. */
static __always_inline __u32 names_of(const struct rast_policy_image *img, __u32 identity)
{
	__u32 klass;

	if (!img->names.n_patterns)
		return 0;
	klass = class_of(img, identity);
	return klass < RAST_MAX_IDENTITIES ? img->names.flags_by_class[klass] : 0;
}

/* The cell for what goes to `port` of an address that is known under this pattern; 0: denied. */
static __noinline __u32 pattern_cell(const struct rast_policy_image *img, const struct look *l,
				     __u64 pattern, __u32 protocol, __u32 port)
{
	struct rast_pattern_key key = {.pattern = pattern, .slot = l->image_slot};
	const __u32 *peer;

	if (!pattern)
		return 0;
	peer = bpf_map_lookup_elem(&class_by_pattern, &key);
	return peer ? cell_of_peer(img, l, *peer, RAST_DIR_EGRESS, protocol, port) : 0;
}

#endif
