// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads an object so that what is pinned already is found again, not doubled; see loader.h. The rule
 * that matters: a pin is replaced only by rename, so that at every moment there is exactly one.
 */
#include "loader/loader.h"

#include "base/fd.h"
#include "loader/libbpf_log.h"
#include "loader/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_KB 512u
#define MAX_MAPS 64

const char *rast_loader_log(void)
{
	return rast_libbpf_log_text();
}

int rast_pin_path(const struct rast_instance *in, const char *kind, const char *name, char *buf,
		  size_t size, struct rast_err *err)
{
	int n = snprintf(buf, size, "%s/%s/%s", in->bpf_dir, kind, name);

	if (n < 0 || (size_t)n >= size || strlen(name) > 128)
		return rast_err_set(err, ENAMETOOLONG, "%s name \"%.32s…\" is too long", kind,
				    name);
	return 0;
}

int rast_pin_replace(int fd, const char *path, struct rast_err *err)
{
	char tmp[320];
	int r;

	/* bpffs refuses names with a dot. */
	(void)snprintf(tmp, sizeof(tmp), "%s-new", path);
	(void)unlink(tmp);
	r = bpf_obj_pin(fd, tmp);
	if (r < 0)
		return rast_err_sys(err, -r, "%s: pin", tmp);
	if (rename(tmp, path) < 0) {
		r = -errno;
		(void)unlink(tmp);
		return rast_err_sys(err, -r, "%s: rename", path);
	}
	return 0;
}

/* The same bytes in both of two read-only data maps? */
static bool same_rodata(__u32 id_a, __u32 id_b)
{
	_cleanup_close_ int a = bpf_map_get_fd_by_id(id_a);
	_cleanup_close_ int b = bpf_map_get_fd_by_id(id_b);
	struct bpf_map_info ia = {0}, ib = {0};
	_cleanup_free_ char *va = NULL, *vb = NULL;
	__u32 len = sizeof(ia), zero = 0;

	if (a < 0 || b < 0 || bpf_obj_get_info_by_fd(a, &ia, &len) < 0)
		return false;
	len = sizeof(ib);
	if (bpf_obj_get_info_by_fd(b, &ib, &len) < 0)
		return false;
	if (ia.type != BPF_MAP_TYPE_ARRAY || ib.type != ia.type ||
	    !(ia.map_flags & BPF_F_RDONLY_PROG) || !(ib.map_flags & BPF_F_RDONLY_PROG) ||
	    ia.value_size != ib.value_size || ia.max_entries != 1 || ib.max_entries != 1)
		return false;
	va = calloc(1, ia.value_size);
	vb = calloc(1, ia.value_size);
	return va && vb && bpf_map_lookup_elem(a, &zero, va) == 0 &&
	       bpf_map_lookup_elem(b, &zero, vb) == 0 && !memcmp(va, vb, ia.value_size);
}

/*
 * Same instructions, same maps, same read-only data. The tag alone is not enough: the kernel computes
 * it with map references left out.
 */
static bool same_program(int fd_a, int fd_b)
{
	__u32 ids_a[64], ids_b[64], len;
	struct bpf_prog_info a = {.nr_map_ids = 64, .map_ids = (__u64)(uintptr_t)ids_a};
	struct bpf_prog_info b = {.nr_map_ids = 64, .map_ids = (__u64)(uintptr_t)ids_b};

	len = sizeof(a);
	if (bpf_obj_get_info_by_fd(fd_a, &a, &len) < 0)
		return false;
	len = sizeof(b);
	if (bpf_obj_get_info_by_fd(fd_b, &b, &len) < 0)
		return false;
	if (a.type != b.type || memcmp(a.tag, b.tag, sizeof(a.tag)) ||
	    a.nr_map_ids != b.nr_map_ids || a.nr_map_ids > 64 || strcmp(a.name, b.name))
		return false;
	/* used_maps is in the order of first use, which is the same for the same instructions. */
	for (__u32 i = 0; i < a.nr_map_ids; i++)
		if (ids_a[i] != ids_b[i] && !same_rodata(ids_a[i], ids_b[i]))
			return false;
	return true;
}

static int settle_program(const struct rast_instance *in, struct bpf_program *prog,
			  struct rast_err *err)
{
	int fd = bpf_program__fd(prog);
	_cleanup_close_ int old = -1;
	char path[256];
	int r;

	if (fd < 0) /* not loaded: autoload is off */
		return 0;
	r = rast_pin_path(in, "prog", bpf_program__name(prog), path, sizeof(path), err);
	if (r < 0)
		return r;
	old = bpf_obj_get(path);
	if (old >= 0 && same_program(old, fd)) {
		/* From here on the bpf_program is the pinned one; the copy just loaded is freed. */
		if (dup3(old, fd, O_CLOEXEC) < 0)
			return rast_err_sys(err, errno, "%s", path);
		return 0;
	}
	return rast_pin_replace(fd, path, err);
}

/* opts, else RAST_RING_KB (rastd --ring-kb), else the default; checked by the kernel. */
static uint32_t ring_bytes(const struct rast_loader_opts *opts)
{
	const char *env = getenv("RAST_RING_KB");
	unsigned long kb = env ? strtoul(env, NULL, 10) : 0;

	if (opts && opts->ring_bytes)
		return opts->ring_bytes;
	return 1024u * (kb > 0 && kb <= 1u << 20 ? (uint32_t)kb : RING_KB);
}

/* One BPF ring buffer for each possible CPU that has none yet. */
static int fill_rings(const struct bpf_map *map, uint32_t bytes, struct rast_err *err)
{
	int fd = bpf_map__fd(map), n_cpu = libbpf_num_possible_cpus();
	__u32 max = bpf_map__max_entries(map);

	if (n_cpu < 0)
		return rast_err_sys(err, -n_cpu, "number of CPUs");
	for (__u32 cpu = 0; cpu < (__u32)n_cpu && cpu < max; cpu++) {
		_cleanup_close_ int ring = -1;
		char name[32];
		__u32 id;
		int r;

		if (bpf_map_lookup_elem(fd, &cpu, &id) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "ring_cpu%u", cpu);
		ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, bytes, NULL);
		if (ring < 0)
			return rast_err_sys(err, -ring, "event ring of CPU %u, %u bytes", cpu,
					    bytes);
		r = bpf_map_update_elem(fd, &cpu, &ring, BPF_ANY);
		if (r < 0)
			return rast_err_sys(err, -r, "event ring of CPU %u", cpu);
	}
	return 0;
}

static bool may_reset(const struct rast_loader_opts *opts, const char *name)
{
	for (const char *const *m = opts ? opts->reset_maps : NULL; m && *m; m++)
		if (!strcmp(*m, name))
			return true;
	return false;
}

/* What one load did to the pins of maps, to be undone if it fails. */
struct map_pin {
	const struct bpf_map *map;
	bool fresh, copy;
	char path[256];
};

/* Pin paths for all maps; what is pinned there already is brought into shape or refused. */
static int prepare_maps(const struct rast_instance *in, struct bpf_object *obj,
			const struct rast_loader_opts *opts, struct map_pin *pins, int *n_pins,
			struct rast_err *err)
{
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);
		struct map_pin *p = &pins[*n_pins];

		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		if (*n_pins == MAX_MAPS)
			return rast_err_set(err, E2BIG, "more than %d maps", MAX_MAPS);
		p->map = map;
		r = rast_pin_path(in, "map", name, p->path, sizeof(p->path), err);
		if (r < 0)
			return r;
		r = bpf_map__set_pin_path(map, p->path);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", p->path);
		r = rast_map_check_shape(map, p->path, may_reset(opts, name), &p->copy, err);
		if (r < 0)
			return r;
		p->fresh = access(p->path, F_OK) < 0;
		(*n_pins)++;
	}
	return 0;
}

static int explain_failure(const char *noun, int r, struct rast_err *err)
{
	char prog[128], reason[320];

	(void)rast_libbpf_log_reason(rast_libbpf_log_text(), prog, sizeof(prog), reason,
				     sizeof(reason));
	if (!*reason)
		return rast_err_sys(err, -r, "%s: load", noun);
	if (*prog && strstr(rast_libbpf_log_text(), "BEGIN PROG LOAD LOG"))
		return rast_err_set(err, -r, "%s: the verifier refused program %s: %s", noun, prog,
				    reason);
	return rast_err_set(err, -r, "%s: %s", noun, reason);
}

/* Everything up to the programs: nothing that works now is touched. */
static int load_maps_and_programs(struct bpf_object *obj, const char *noun,
				  const struct rast_loader_opts *opts, struct map_pin *pins,
				  int n_pins, struct rast_err *err)
{
	int r = bpf_object__load(obj);

	if (r < 0)
		return explain_failure(noun, r, err);
	for (int i = 0; i < n_pins && !r; i++) {
		if (pins[i].copy)
			r = rast_map_copy_old(pins[i].map, pins[i].path, err);
		if (!r && !strcmp(bpf_map__name(pins[i].map), "ring_by_cpu"))
			r = fill_rings(pins[i].map, ring_bytes(opts), err);
	}
	return r;
}

static int load_locked(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
		       const struct rast_loader_opts *opts, struct rast_err *err)
{
	_cleanup_free_ struct map_pin *pins = calloc(MAX_MAPS, sizeof(*pins));
	struct bpf_program *prog;
	int n_pins = 0, r;

	if (!pins)
		return rast_err_set(err, ENOMEM, "out of memory");
	r = prepare_maps(in, obj, opts, pins, &n_pins, err);
	if (!r)
		r = load_maps_and_programs(obj, noun, opts, pins, n_pins, err);
	if (r < 0) {
		/* Maps that this call made hold nothing yet, or a copy. */
		for (int i = 0; i < n_pins; i++) {
			if (pins[i].fresh)
				(void)unlink(pins[i].path);
			if (pins[i].copy)
				rast_map_restore_old(pins[i].path);
		}
		return r;
	}
	bpf_object__for_each_program(prog, obj) {
		r = settle_program(in, prog, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_loader_load_opts(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
			  const struct rast_loader_opts *opts, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	char path[96];
	int r;

	r = rast_bpffs_prepare(in, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/loader.lock", in->run_dir);
	r = rast_lock_file(path, 1, &lock);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	rast_libbpf_log_begin();
	return load_locked(in, obj, noun, opts, err);
}

int rast_loader_load(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
		     struct rast_err *err)
{
	return rast_loader_load_opts(in, obj, noun, NULL, err);
}

bool rast_loader_is_build(const struct rast_instance *in, const char *map, uint64_t build)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, map, NULL);
	uint32_t zero = 0;
	uint64_t have;

	return fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &have) && have == build;
}

int rast_loader_note_build(const struct rast_instance *in, const char *map, uint64_t build,
			   struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, map, err);
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(fd, &zero, &build, BPF_ANY))
		return rast_err_sys(err, errno, "%s", map);
	return 0;
}
