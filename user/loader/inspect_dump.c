// SPDX-License-Identifier: BSD-2-Clause
/*
 * Contents of a pinned map, decoded by its BTF; see inspect_bpf.h. A map that programs write to
 * meanwhile is read entry by entry: each one is whole, all of them together are no snapshot.
 */
#include "loader/inspect_bpf.h"

#include "base/fd.h"
#include "loader/btf_json.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

struct dump {
	int fd;
	struct bpf_map_info info;
	struct btf *btf;
	const struct rast_dump_opts *opts;
	int n_cpu;    /* 0: not per CPU */
	size_t step;  /* bytes of one CPU's value */
	uint8_t *buf; /* one value, of all CPUs */
	json_t *entries;
	uint64_t shown, left_out, zero;
};

static bool is_zero(const uint8_t *p, size_t size)
{
	return !size || (!p[0] && !memcmp(p, p + 1, size - 1));
}

static bool is_array(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_PROG_ARRAY ||
	       type == BPF_MAP_TYPE_PERF_EVENT_ARRAY || type == BPF_MAP_TYPE_CGROUP_ARRAY;
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static json_t *decode(const struct dump *d, const uint8_t *p)
{
	/* What such a map gives out is the number of a map. */
	if (d->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	    d->info.type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		uint32_t id;

		memcpy(&id, p, sizeof(id));
		return json_pack("{s:I}", "map_id", (json_int_t)id);
	}
	return rast_btf_json(d->btf, d->info.btf_value_type_id, p, d->info.value_size,
			     d->opts->limit);
}

static void add_entry(struct dump *d, const void *key)
{
	json_t *e = json_object(), *cpus;

	(void)json_object_set_new(e, "key",
				  is_array(d->info.type)
					  ? json_integer(*(const uint32_t *)key)
					  : rast_btf_json(d->btf, d->info.btf_key_type_id, key,
							  d->info.key_size, d->opts->limit));
	if (!d->n_cpu) {
		(void)json_object_set_new(e, "value", decode(d, d->buf));
	} else {
		cpus = json_array();
		for (int i = 0; i < d->n_cpu; i++)
			(void)json_array_append_new(
				cpus, json_pack("{s:i, s:o}", "cpu", i, "value",
						decode(d, d->buf + (size_t)i * d->step)));
		(void)json_object_set_new(e, "cpus", cpus);
	}
	(void)json_array_append_new(d->entries, e);
	d->shown++;
}

static int dump_array(struct dump *d, struct rast_err *err)
{
	size_t bytes = d->n_cpu ? d->step * (size_t)d->n_cpu : d->info.value_size;
	uint32_t i = 0, end = d->info.max_entries;

	if (d->opts->slot >= (int64_t)end)
		return rast_err_set(err, ERANGE, "the map has slots 0 to %u", end - 1);
	if (d->opts->slot >= 0) {
		i = (uint32_t)d->opts->slot;
		end = i + 1;
	}
	for (; i < end; i++) {
		int r = bpf_map_lookup_elem(d->fd, &i, d->buf);

		if (r == -ENOENT) {
			d->zero++;
			continue;
		}
		if (r < 0)
			return rast_err_sys(err, -r, "slot %u", i);
		if (d->opts->slot < 0 && is_zero(d->buf, bytes))
			d->zero++;
		else if (d->shown >= d->opts->limit)
			d->left_out++;
		else
			add_entry(d, &i);
	}
	return 0;
}

static int dump_hash(struct dump *d, struct rast_err *err)
{
	_cleanup_free_ uint8_t *keys = calloc(2, d->info.key_size);
	uint8_t *key = keys, *next = keys ? keys + d->info.key_size : NULL, *prev = NULL;
	/* A key that is deleted under us starts the walk again: bounded by this. */
	uint64_t steps = 2ull * d->info.max_entries + 16;

	if (!keys)
		return rast_err_set(err, ENOMEM, "out of memory");
	while (steps-- && bpf_map_get_next_key(d->fd, prev, next) == 0) {
		memcpy(key, next, d->info.key_size);
		prev = key;
		if (d->shown >= d->opts->limit)
			d->left_out++;
		else if (bpf_map_lookup_elem(d->fd, key, d->buf) == 0)
			add_entry(d, key);
	}
	return 0;
}

static int dump_contents(struct dump *d, struct rast_err *err)
{
	switch (d->info.type) {
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		return rast_err_set(err, EOPNOTSUPP,
				    "a ring of events has no entries; rastbpf audit tail reads it");
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
	case BPF_MAP_TYPE_BLOOM_FILTER:
		return rast_err_set(err, EOPNOTSUPP, "a map of this type cannot be walked");
	default:
		break;
	}
	if (is_array(d->info.type))
		return dump_array(d, err);
	if (d->opts->slot >= 0)
		return rast_err_set(err, EINVAL, "only an array has slots");
	return dump_hash(d, err);
}

int rast_inspect_dump(const struct rast_instance *in, const char *name,
		      const struct rast_dump_opts *opts, json_t **ret, struct rast_err *err)
{
	struct dump d = {.opts = opts};
	_cleanup_close_ int fd = rast_loader_map_fd(in, name, err);
	uint32_t len = sizeof(d.info);
	const char *type;
	int r;

	if (fd < 0)
		return fd;
	d.fd = fd;
	r = bpf_obj_get_info_by_fd(fd, &d.info, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "map %s", name);
	d.step = (d.info.value_size + 7u) & ~(size_t)7;
	if (is_per_cpu(d.info.type))
		d.n_cpu = libbpf_num_possible_cpus();
	if (d.n_cpu < 0)
		return rast_err_sys(err, -d.n_cpu, "number of CPUs");
	d.buf = calloc(d.n_cpu ? (size_t)d.n_cpu : 1, d.step + 8);
	if (!d.buf)
		return rast_err_set(err, ENOMEM, "out of memory");
	d.btf = d.info.btf_id ? btf__load_from_kernel_by_id(d.info.btf_id) : NULL;
	d.entries = json_array();
	r = dump_contents(&d, err);
	btf__free(d.btf);
	free(d.buf);
	if (r < 0) {
		json_decref(d.entries);
		return rast_err_prefix(err, "map %.64s", name);
	}
	type = libbpf_bpf_map_type_str((enum bpf_map_type)d.info.type);
	*ret = json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:I}", "map", name, "id",
			 (json_int_t)d.info.id, "type", type ? type : "unknown", "entries",
			 d.entries, "shown", (json_int_t)d.shown, "left_out",
			 (json_int_t)d.left_out, "zero", (json_int_t)d.zero);
	return *ret ? 0 : rast_err_set(err, ENOMEM, "out of memory");
}
