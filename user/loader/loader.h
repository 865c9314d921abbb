/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts programs and maps into the kernel so that they outlive us, and finds them again.
 *
 *   <bpf_dir>/map/<name>    every map of every object by its C name: a map of that name in two
 *                           objects, or in today's and tomorrow's build, is one instance
 *   <bpf_dir>/prog/<name>   every program by its C name
 *   <bpf_dir>/link/<name>   every attachment
 *
 * Load and attach may be called any number of times, at every start of the controller. A program
 * that is already pinned and is the same (tag, maps, contents of its read-only data) is kept: after
 * rast_loader_load() the fd of the bpf_program *is* the pinned one, the new copy is gone. One that
 * differs replaces the pin, and rast_loader_attach*() then moves the link over without a moment in
 * which nothing is attached (tracing programs overlap for an instant: an event may be seen twice,
 * never missed).
 *
 * A pinned map with another shape (after an upgrade): only max_entries differs → a new map gets all
 * the entries; key, value size or type differs → -EEXIST with a text that says what to do, since
 * bytes of unknown meaning must not become policy; unless the caller says that the map may start
 * empty (rast_loader_opts.reset_maps). Objects with .data or .bss are loaded, but their programs are
 * never "the same": state belongs into maps.
 *
 * Functions that take names instead of libbpf's objects need nothing loaded: they open pins.
 */
#ifndef RAST_LOADER_LOADER_H
#define RAST_LOADER_LOADER_H

#include "base/err.h"
#include "base/instance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_object;
struct bpf_program;
union bpf_iter_link_info;

struct rast_loader_opts {
	const char *const *reset_maps; /* NULL-terminated: may be recreated empty on a new shape */
	uint32_t ring_bytes;           /* of each new per-CPU ring, a power of two; 0: 512 KiB */
};

/* Root, CAP_BPF, bpf(2), BTF: one clear text for the first that is missing. -EPERM, -EOPNOTSUPP. */
int rast_loader_check(struct rast_err *err);
/*
 * Raises the memlock limit, mounts bpffs at /sys/fs/bpf when nothing is there (remembered in
 * <run_dir>/bpffs.mounted), makes <bpf_dir>/{prog,map,link}.
 */
int rast_bpffs_prepare(const struct rast_instance *in, struct rast_err *err);
/* Drops every pin of the instance, and the bpffs mount if we made it and nobody else uses it. */
int rast_bpffs_release(const struct rast_instance *in, struct rast_err *err);

/* An opened object (skel->obj), rodata set. `noun` is for messages. opts may be NULL. */
int rast_loader_load(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
		     struct rast_err *err);
int rast_loader_load_opts(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
			  const struct rast_loader_opts *opts, struct rast_err *err);

/*
 * Attach and pin the link as link/<program name>, or keep or move the one that is there.
 * For raw_tp, tp_btf, tp, fentry, lsm, kprobe and whatever else needs no target:
 */
int rast_loader_attach(const struct rast_instance *in, const struct bpf_program *prog,
		       struct rast_err *err);
/* link_name NULL: the program's name. Other programs on the cgroup stay (ALLOW_MULTI). */
int rast_loader_attach_cgroup(const struct rast_instance *in, const struct bpf_program *prog,
			      int cgroup_fd, const char *link_name, struct rast_err *err);
/* The same with a program's fd and attach type (enum bpf_attach_type). */
int rast_loader_attach_cgroup_fd(const struct rast_instance *in, int prog_fd, int type,
				 int cgroup_fd, const char *link_name, struct rast_err *err);
/* info may be NULL. Run it with rast_loader_link_fd() and bpf_iter_create(). */
int rast_loader_attach_iter(const struct rast_instance *in, const struct bpf_program *prog,
			    const union bpf_iter_link_info *info, size_t info_size,
			    struct rast_err *err);
/* -EOPNOTSUPP on a kernel without tcx. */
int rast_loader_attach_tcx(const struct rast_instance *in, int prog_fd, unsigned int ifindex,
			   bool egress, const char *link_name, struct rast_err *err);
/*
 * From an opened object (rodata and autoload set) to programs that run: bpffs, load, and each program
 * attached, a cgroup program at the instance's cgroup (and those of foreign containers: foreign.h), any
 * other where its section says. Not
 * attached: what was not loaded, and a program whose autoattach is off, which the caller attaches.
 */
int rast_loader_start(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
		      struct rast_err *err);
/* Detaches. 0 when there was none. */
int rast_loader_detach(const struct rast_instance *in, const char *link_name);

/* A new fd of what is pinned, or a negative errno with err (-ENOENT: no such pin). */
int rast_loader_map_fd(const struct rast_instance *in, const char *name, struct rast_err *err);
/* Is the build that rast_loader_note_build() left in this map of one number the given one? */
bool rast_loader_is_build(const struct rast_instance *in, const char *map, uint64_t build);
int rast_loader_note_build(const struct rast_instance *in, const char *map, uint64_t build,
			   struct rast_err *err);
/* Read-only memory of an array that is pinned (mmapable, `size` bytes), munmap()ed by the caller. */
int rast_loader_map_view(const struct rast_instance *in, const char *name, size_t size,
			 const void **ret, struct rast_err *err);
int rast_loader_prog_fd(const struct rast_instance *in, const char *name, struct rast_err *err);
int rast_loader_link_fd(const struct rast_instance *in, const char *name, struct rast_err *err);

/* What libbpf and the verifier said since the last load or attach began; "" when nothing. */
const char *rast_loader_log(void);

#endif
