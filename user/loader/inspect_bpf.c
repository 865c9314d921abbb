// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pinned programs and maps as the kernel describes them; see inspect_bpf.h. Read-only data maps are
 * pinned nowhere: they appear among a program's maps, by the name that the kernel keeps.
 */
#include "loader/inspect_bpf.h"

#include "base/fd.h"
#include "loader/btf_json.h"
#include "loader/inspect_priv.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- pins ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rast_pinned *)a)->name, ((const struct rast_pinned *)b)->name);
}

/* The id is the second word of a link's info, the second of a program's and of a map's. */
static int read_id(int fd, uint32_t *ret)
{
	uint32_t info[64] = {0};
	uint32_t len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, info, &len);

	*ret = info[1];
	return r;
}

static int add_pin(struct rast_pins *p, const char *dir, const char *name)
{
	struct rast_pinned *v = realloc(p->v, (p->n + 1) * sizeof(*v)), *one;

	if (!v)
		return -ENOMEM;
	p->v = v;
	one = &v[p->n];
	if ((size_t)snprintf(one->name, sizeof(one->name), "%s", name) >= sizeof(one->name) ||
	    (size_t)snprintf(one->path, sizeof(one->path), "%s/%s", dir, name) >= sizeof(one->path))
		return 0; /* not a name that the loader gives */
	one->fd = bpf_obj_get(one->path);
	if (one->fd < 0)
		return one->fd == -ENOENT ? 0 : one->fd; /* unpinned meanwhile */
	p->n++;
	return read_id(one->fd, &one->id);
}

int rast_pins_open(const struct rast_instance *in, const char *kind, struct rast_pins *ret,
		   struct rast_err *err)
{
	char dir[96];
	struct dirent *e;
	DIR *d;
	int r = 0;

	*ret = (struct rast_pins){0};
	if (geteuid() != 0)
		return rast_err_set(err, EPERM, "this needs root (euid is %u)", geteuid());
	(void)snprintf(dir, sizeof(dir), "%s/%s", in->bpf_dir, kind);
	d = opendir(dir);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return rast_err_sys(err, errno, "%s", dir);
	while (!r && (e = readdir(d)))
		if (e->d_name[0] != '.')
			r = add_pin(ret, dir, e->d_name);
	(void)closedir(d);
	if (r < 0) {
		rast_pins_close(ret);
		return rast_err_sys(err, -r, "%s", dir);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

void rast_pins_close(struct rast_pins *p)
{
	for (size_t i = 0; i < p->n; i++)
		(void)close(p->v[i].fd);
	free(p->v);
	*p = (struct rast_pins){0};
}

const struct rast_pinned *rast_pins_by_id(const struct rast_pins *p, uint32_t id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].id == id)
			return &p->v[i];
	return NULL;
}

/* ---- both ---- */

static void set_u64(json_t *obj, const char *key, uint64_t v)
{
	(void)json_object_set_new(obj, key, json_integer((json_int_t)v));
}

/* What the object is charged for: only fdinfo tells. */
static uint64_t memory_bytes(int fd)
{
	_cleanup_free_ char *text = NULL;
	char path[48];
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (rast_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	p = strstr(text, "memlock:");
	return p ? strtoull(p + 8, NULL, 10) : 0;
}

static json_t *boot_time(uint64_t boot_ns)
{
	struct timespec real, boot;

	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return rast_json_time((uint64_t)(real.tv_sec - boot.tv_sec) * 1000000000u +
			      (uint64_t)(real.tv_nsec - boot.tv_nsec) + boot_ns);
}

static int no_such(const char *kind, const char *name, const json_t *rows, struct rast_err *err)
{
	if (!name || json_array_size(rows))
		return 0;
	return rast_err_set(err, ENOENT, "no %s \"%.128s\" is pinned here; see rastbpf %s show",
			    kind, name, kind);
}

/* ---- programs ---- */

static json_t *maps_of_program(const struct bpf_prog_info *info, const uint32_t *ids,
			       const struct rast_pins *maps)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->nr_map_ids && i < 64; i++) {
		const struct rast_pinned *pin = rast_pins_by_id(maps, ids[i]);
		struct bpf_map_info map = {0};
		uint32_t len = sizeof(map);
		_cleanup_close_ int fd = pin ? -1 : bpf_map_get_fd_by_id(ids[i]);

		if (pin)
			(void)json_array_append_new(list, json_string(pin->name));
		else if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &len) == 0)
			(void)json_array_append_new(list, json_string(map.name));
	}
	return list;
}

static json_t *attached_of_program(uint32_t id, const json_t *links)
{
	json_t *list = json_array(), *link;
	size_t i;

	json_array_foreach(links, i, link) {
		const char *attach = rast_json_str(link, "attach");
		const char *target = rast_json_str(link, "target");
		const char *slash = strchr(attach, '/');
		char text[512];

		if ((uint32_t)rast_json_int(link, "program_id") != id)
			continue;
		/* "tp_btf/sys_exit" says it all. */
		if (slash && !strcmp(slash + 1, target))
			target = "";
		(void)snprintf(text, sizeof(text), "%s%s%s", attach, *target ? " " : "", target);
		(void)json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *prog_row(const struct rast_pinned *pin, const struct rast_pins *maps,
			const json_t *links)
{
	uint32_t ids[64] = {0}, len;
	struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};
	const char *type;
	char tag[17];
	json_t *o;

	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(pin->fd, &info, &len) < 0)
		return NULL;
	for (int i = 0; i < 8; i++)
		(void)sprintf(tag + 2 * i, "%02x", info.tag[i]);
	type = libbpf_bpf_prog_type_str((enum bpf_prog_type)info.type);
	o = json_pack("{s:s, s:I, s:s, s:s, s:o}", "name", pin->name, "id", (json_int_t)info.id,
		      "type", type ? type : "unknown", "tag", tag, "loaded_at",
		      boot_time(info.load_time));
	set_u64(o, "run_count", info.run_cnt);
	set_u64(o, "run_time_ns", info.run_time_ns);
	set_u64(o, "avg_ns", info.run_cnt ? info.run_time_ns / info.run_cnt : 0);
	set_u64(o, "recursion_misses", info.recursion_misses);
	set_u64(o, "verified_insns", info.verified_insns);
	set_u64(o, "xlated_bytes", info.xlated_prog_len);
	set_u64(o, "jited_bytes", info.jited_prog_len);
	set_u64(o, "memory_bytes", memory_bytes(pin->fd));
	set_u64(o, "btf_id", info.btf_id);
	(void)json_object_set_new(o, "maps", maps_of_program(&info, ids, maps));
	(void)json_object_set_new(o, "attached", attached_of_program(info.id, links));
	(void)json_object_set_new(o, "pin", json_string(pin->path));
	return o;
}

static json_t *prog_rows(const struct rast_pins *progs, const char *name,
			 const struct rast_pins *maps, const json_t *links)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < progs->n; i++)
		if (!name || !strcmp(name, progs->v[i].name))
			(void)json_array_append_new(rows, prog_row(&progs->v[i], maps, links));
	return rows;
}

static void add_rates(json_t *rows, const json_t *before, uint64_t ns)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		const json_t *was = json_array_get(before, i);
		double runs =
			(double)(rast_json_int(row, "run_count") - rast_json_int(was, "run_count"));
		double time = (double)(rast_json_int(row, "run_time_ns") -
				       rast_json_int(was, "run_time_ns"));

		(void)json_object_set_new(row, "runs_per_s", json_real(runs * 1e9 / (double)ns));
		(void)json_object_set_new(row, "cpu_percent", json_real(time * 100 / (double)ns));
		set_u64(row, "measured_avg_ns", runs > 0 ? (uint64_t)(time / runs) : 0);
	}
}

static int measure_rows(const struct rast_pins *progs, const char *name,
			const struct rast_pins *maps, const json_t *links, json_t **ret,
			struct rast_err *err)
{
	/* The kernel counts as long as somebody holds this. */
	_cleanup_close_ int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	_cleanup_json_ json_t *before = NULL;
	struct timespec a, b;

	if (stats < 0)
		return rast_err_sys(err, -stats, "run statistics (kernel 5.8 or newer)");
	before = prog_rows(progs, name, maps, links);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	(void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
	*ret = prog_rows(progs, name, maps, links);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	add_rates(*ret, before,
		  (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec -
			  (uint64_t)a.tv_nsec);
	return 0;
}

int rast_inspect_progs(const struct rast_instance *in, const char *name, bool measure, json_t **ret,
		       struct rast_err *err)
{
	_cleanup_pins_ struct rast_pins progs = {0}, maps = {0};
	_cleanup_json_ json_t *links = NULL, *rows = NULL;
	int r;

	r = rast_pins_open(in, "prog", &progs, err);
	if (!r)
		r = rast_pins_open(in, "map", &maps, err);
	if (!r)
		r = rast_inspect_links(in, NULL, &links, err);
	if (!r && measure)
		r = measure_rows(&progs, name, &maps, links, &rows, err);
	else if (!r)
		rows = prog_rows(&progs, name, &maps, links);
	if (!r)
		r = no_such("prog", name, rows, err);
	if (!r)
		*ret = TAKE_PTR(rows);
	return r;
}

/* ---- maps ---- */

static json_t *map_flags(uint32_t flags)
{
	static const char *const names[] = {
		"no_prealloc",    "no_common_lru",  "numa_node",   "rdonly",      "wronly",
		"stack_build_id", "zero_seed",      "rdonly_prog", "wronly_prog", "clone",
		"mmapable",       "preserve_elems", "inner_map",   "link",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags >> i & 1)
			(void)json_array_append_new(list, json_string(names[i]));
	return list;
}

static json_t *users_of_map(uint32_t id, const struct rast_pins *progs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < progs->n; i++) {
		uint32_t ids[64] = {0}, len;
		struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};

		len = sizeof(info);
		if (bpf_obj_get_info_by_fd(progs->v[i].fd, &info, &len) < 0)
			continue;
		for (uint32_t k = 0; k < info.nr_map_ids && k < 64; k++)
			if (ids[k] == id) {
				(void)json_array_append_new(list, json_string(progs->v[i].name));
				break;
			}
	}
	return list;
}

static json_t *map_row(const struct rast_pinned *pin, const struct rast_pins *progs)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	const char *type;
	struct btf *btf;
	char text[160];
	json_t *o;

	if (bpf_obj_get_info_by_fd(pin->fd, &info, &len) < 0)
		return NULL;
	type = libbpf_bpf_map_type_str((enum bpf_map_type)info.type);
	o = json_pack("{s:s, s:I, s:s}", "name", pin->name, "id", (json_int_t)info.id, "type",
		      type ? type : "unknown");
	set_u64(o, "key_bytes", info.key_size);
	set_u64(o, "value_bytes", info.value_size);
	set_u64(o, "max_entries", info.max_entries);
	set_u64(o, "memory_bytes", memory_bytes(pin->fd));
	set_u64(o, "btf_id", info.btf_id);
	btf = info.btf_id ? btf__load_from_kernel_by_id(info.btf_id) : NULL;
	rast_json_set_str(o, "key_type",
			  rast_btf_type_name(btf, info.btf_key_type_id, text, sizeof(text)));
	rast_json_set_str(o, "value_type",
			  rast_btf_type_name(btf, info.btf_value_type_id, text, sizeof(text)));
	btf__free(btf);
	(void)json_object_set_new(o, "flags", map_flags(info.map_flags));
	(void)json_object_set_new(o, "used_by", users_of_map(info.id, progs));
	(void)json_object_set_new(o, "pin", json_string(pin->path));
	return o;
}

int rast_inspect_maps(const struct rast_instance *in, const char *name, json_t **ret,
		      struct rast_err *err)
{
	_cleanup_pins_ struct rast_pins progs = {0}, maps = {0};
	_cleanup_json_ json_t *rows = json_array();
	int r;

	r = rast_pins_open(in, "map", &maps, err);
	if (!r)
		r = rast_pins_open(in, "prog", &progs, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < maps.n; i++)
		if (!name || !strcmp(name, maps.v[i].name))
			(void)json_array_append_new(rows, map_row(&maps.v[i], &progs));
	r = no_such("map", name, rows, err);
	if (!r)
		*ret = TAKE_PTR(rows);
	return r;
}
