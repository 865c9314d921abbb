// SPDX-License-Identifier: BSD-2-Clause
/*
 * A pinned map of an older build against the shape that this build wants; see loader.h for what is
 * allowed. The old programs use the old map until their links are moved: what they write between the
 * copy and that moment is lost, a window of milliseconds at an upgrade that changes max_entries.
 */
#include "loader/pins.h"

#include "base/fd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static int copy_entries(int from, int to, const struct bpf_map_info *info, struct rast_err *err)
{
	bool per_cpu = info->type == BPF_MAP_TYPE_PERCPU_HASH ||
		       info->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
		       info->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool array = info->type == BPF_MAP_TYPE_ARRAY || info->type == BPF_MAP_TYPE_PERCPU_ARRAY;
	size_t n_cpu = per_cpu ? (size_t)libbpf_num_possible_cpus() : 1;
	size_t stride = per_cpu ? (info->value_size + 7u) & ~7u : info->value_size;
	_cleanup_free_ char *key = calloc(2, info->key_size);
	_cleanup_free_ char *value = calloc(n_cpu, stride);
	char *next = key ? key + info->key_size : NULL;
	void *prev = NULL;
	int r;

	if (!key || !value)
		return rast_err_set(err, ENOMEM, "out of memory");
	while (bpf_map_get_next_key(from, prev, next) == 0) {
		/* Deleted meanwhile by the program that owns it: not there to be copied. */
		if (bpf_map_lookup_elem(from, next, value) == 0) {
			r = bpf_map_update_elem(to, next, value, BPF_ANY);
			/* An array that shrank: entries past its end are zero or do not fit. */
			if (r == -E2BIG && array) {
				bool zero = true;

				for (size_t i = 0; i < n_cpu * stride; i++)
					zero = zero && !value[i];
				r = zero ? 0 : r;
			}
			if (r < 0)
				return rast_err_sys(err, -r, "its entries do not fit the new size");
		}
		for (size_t i = 0; i < info->key_size; i++)
			key[i] = next[i];
		prev = key;
	}
	return 0;
}

static bool can_copy(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_ARRAY ||
	       type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LPM_TRIE;
}

static void old_path(const char *path, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s-old", path); /* bpffs refuses names with a dot */
}

int rast_map_check_shape(const struct bpf_map *map, const char *path, bool may_reset,
			 bool *ret_copy, struct rast_err *err)
{
	_cleanup_close_ int old = -1;
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info), want_entries = bpf_map__max_entries(map);
	char aside[320];
	bool same_entry;
	int r;

	*ret_copy = false;
	old_path(path, aside, sizeof(aside));
	/* Killed in the middle of an earlier copy: the old map is the whole one. */
	(void)rename(aside, path);
	old = bpf_obj_get(path);
	if (old < 0)
		return old == -ENOENT ? 0 : rast_err_sys(err, -old, "%s", path);
	r = bpf_obj_get_info_by_fd(old, &info, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	same_entry = info.type == (__u32)bpf_map__type(map) &&
		     info.key_size == bpf_map__key_size(map) &&
		     info.value_size == bpf_map__value_size(map) &&
		     info.map_flags == bpf_map__map_flags(map);
	if (same_entry && info.max_entries == want_entries)
		return 0;
	if (may_reset)
		return unlink(path) < 0 ? rast_err_sys(err, errno, "%s: unlink", path) : 0;
	if (!same_entry || !can_copy(info.type))
		return rast_err_set(
			err, EEXIST,
			"map %s is in the kernel with another shape (type %u, key %u, value %u, %u entries; "
			"this build wants %u, %u, %u, %u): stop the pods and drop it with "
			"\"rastbpf gc --all\"",
			bpf_map__name(map), info.type, info.key_size, info.value_size,
			info.max_entries, (__u32)bpf_map__type(map), bpf_map__key_size(map),
			bpf_map__value_size(map), want_entries);
	if (rename(path, aside) < 0)
		return rast_err_sys(err, errno, "%s: rename", path);
	*ret_copy = true;
	return 0;
}

int rast_map_copy_old(const struct bpf_map *map, const char *path, struct rast_err *err)
{
	_cleanup_close_ int old = -1;
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	char aside[320];
	int r;

	old_path(path, aside, sizeof(aside));
	old = bpf_obj_get(aside);
	if (old < 0)
		return rast_err_sys(err, -old, "%s", aside);
	r = bpf_obj_get_info_by_fd(old, &info, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", aside);
	r = copy_entries(old, bpf_map__fd(map), &info, err);
	if (r < 0)
		return rast_err_prefix(err, "map %s: from %u to %u entries", bpf_map__name(map),
				       info.max_entries, bpf_map__max_entries(map));
	(void)unlink(aside);
	return 0;
}

void rast_map_restore_old(const char *path)
{
	char aside[320];

	old_path(path, aside, sizeof(aside));
	(void)rename(aside, path);
}
