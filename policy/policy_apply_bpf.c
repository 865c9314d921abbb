// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flip to a new image, and the counters of its rules, which lie behind it in the slot's table.
 *
 * The flip is one store, so no packet is judged by half an image. What needs care is the time after
 * it: a packet that read the slot word before may still be reading the old slot, which is the one
 * the next image goes to.
 *
 * A table is a map of its own within policy_table, made when the one in the slot is too small for an
 * image, or much too large: a node with a small policy has small tables.
 */
#include "policy/policy_bpf.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/addr_trie.h"
#include "policy/fqdn_bpf.h"
#include "policy/policy.h"
#include "policy/policy_mapping_bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A program that has run for this long does not exist: the kernel reports stalls before. */
#define GRACE_MS 10000u
/* All counters of a slot's rules; with more CPUs than fit, some share theirs. */
#define MAX_HITS_BYTES (16u << 20)
#define LINE sizeof(struct rast_line)
#define PER_LINE (LINE / sizeof(uint64_t))

/*
 * Waits until no program that began before still runs. MEMBARRIER_CMD_GLOBAL is synchronize_rcu(),
 * where there is more than one CPU; with one there is nothing to wait for, as these programs run with
 * softirqs off. Kernels with nohz_full refuse it: there time has to do.
 */
void rast_policy_bpf_wait_for_programs(void)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		(void)nanosleep(&pause, NULL);
}

/* Lines of a table, in this order. */
struct layout {
	size_t addr4, addr6, hits, all; /* the matrix is at 0 */
	uint32_t hits_lines, hits_mask, hits_shared;
};

static size_t lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE;
}

static struct layout lay_out(const struct rast_policy_image *image, size_t trie_lines,
			     uint32_t n_cpus)
{
	struct layout l = {.hits_lines = (image->n_rule + PER_LINE - 1) / PER_LINE};
	uint32_t sets = 1;

	while (sets < n_cpus)
		sets *= 2;
	while (sets > 1 && (size_t)sets * l.hits_lines * LINE > MAX_HITS_BYTES)
		sets /= 2;
	l.hits_mask = sets - 1;
	l.hits_shared = sets < n_cpus;
	l.addr4 = lines(rast_policy_image_n_cells(image) * sizeof(uint32_t));
	l.addr6 = l.addr4 + trie_lines;
	l.hits = l.addr6;
	if (image->n_range6 > RAST_FEW_RANGES)
		l.hits += image->n_range6;
	l.all = l.hits + (size_t)sets * l.hits_lines;
	return l;
}

/* The map in a slot of policy_table, -ENOENT when there is none yet. */
static int open_table(int outer, uint32_t slot)
{
	uint32_t id;
	int fd;

	if (bpf_map_lookup_elem(outer, &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

static bool fits(size_t have, size_t want)
{
	/* Memory that a former, larger policy needed goes back; a page more or less is no matter. */
	return have >= want && (have < 4096 || have / 4 <= want);
}

static int make_table(int outer, uint32_t slot, size_t n_lines, struct rast_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	_cleanup_close_ int fd = -1;
	size_t room = 64;

	/* Some air, so that a growing policy does not need a new map each time. */
	while (room < n_lines)
		room += room / 4;
	if (room > UINT32_MAX)
		return rast_err_set(err, E2BIG, "policy table is too large");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_lines", sizeof(uint32_t), LINE,
			    (uint32_t)room, &opts);
	if (fd < 0)
		return rast_err_set(err, errno,
				    "no memory for a policy table of %zu KB (%s): make the policy "
				    "smaller or free memory",
				    room * LINE / 1024, strerror(errno));
	if (bpf_map_update_elem(outer, &slot, &fd, BPF_ANY))
		return rast_err_sys(err, errno, "policy_table");
	return TAKE_FD(fd);
}

static int table_for(const struct rast_instance *in, uint32_t slot, size_t n_lines,
		     struct rast_policy_mapping *ret, struct rast_err *err)
{
	_cleanup_close_ int outer = rast_loader_map_fd(in, "policy_table", err);
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (outer < 0)
		return outer;
	fd = open_table(outer, slot);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !fits(info.max_entries, n_lines)) {
		if (fd >= 0)
			(void)close(fd);
		fd = make_table(outer, slot, n_lines, err);
		if (fd < 0)
			return fd;
	}
	return rast_policy_map_fd(fd, "policy_table", LINE, ret, err);
}

/* A line each: hi, lo, class. */
static void copy_ranges6(struct rast_line *to, const struct rast_policy_image *from)
{
	const struct rast_range6 *r = rast_policy_image_ranges6(from);

	for (size_t i = 0; i < from->n_range6; i++)
		to[i] = (struct rast_line){.q = {r[i].hi, r[i].lo, r[i].klass}};
}

static void copy(struct rast_policy_image *to, struct rast_line *table,
		 const struct rast_policy_image *from, const struct rast_line *trie,
		 const struct layout *l)
{
	*to = *from;
	to->hits_at = (uint32_t)l->hits;
	to->hits_lines = l->hits_lines;
	to->hits_mask = l->hits_mask;
	to->hits_shared = l->hits_shared;
	memcpy(table, rast_policy_image_cells(from),
	       rast_policy_image_n_cells(from) * sizeof(uint32_t));
	if (from->n_range4 > RAST_FEW_RANGES) {
		to->addr4_at = (uint32_t)l->addr4;
		memcpy(table + l->addr4, trie, (l->addr6 - l->addr4) * LINE);
	} else {
		memcpy(to->range4, rast_policy_image_ranges4(from),
		       from->n_range4 * sizeof(to->range4[0]));
	}
	if (from->n_range6 > RAST_FEW_RANGES) {
		to->addr6_at = (uint32_t)l->addr6;
		copy_ranges6(table + l->addr6, from);
	} else {
		memcpy(to->range6, rast_policy_image_ranges6(from),
		       from->n_range6 * sizeof(to->range6[0]));
	}
	memset(table + l->hits, 0, (l->all - l->hits) * LINE);
}

int rast_policy_bpf_apply(const struct rast_instance *in, const struct rast_policy_image *image,
			  struct rast_err *err)
{
	_cleanup_mapping_ struct rast_policy_mapping images = {0}, control = {0}, table = {0};
	_cleanup_free_ struct rast_line *trie = NULL;
	int n_cpus = libbpf_num_possible_cpus();
	struct rast_policy_control *c;
	size_t trie_lines = 0;
	struct layout l;
	uint32_t slot, now;
	int r;

	if (n_cpus < 0)
		return rast_err_sys(err, -n_cpus, "number of CPUs");
	r = rast_policy_image_check(image, err);
	if (!r)
		r = rast_policy_map_all(in, "policy_image", sizeof(*image), &images, err);
	if (!r)
		r = rast_policy_map_all(in, "policy_control", sizeof(*c), &control, err);
	if (!r && image->n_range4 > RAST_FEW_RANGES) {
		r = rast_addr_trie_build(rast_policy_image_ranges4(image), image->n_range4, &trie,
					 &trie_lines);
		if (r < 0)
			return rast_err_sys(err, -r, "look-up of %u ranges", image->n_range4);
	}
	if (r < 0)
		return r;
	c = control.at;
	slot = c->loaded ? !c->slot : 0;
	now = (uint32_t)(rast_policy_coarse_ns() / 1000000);
	if (c->loaded && now - c->flipped_ms < GRACE_MS)
		rast_policy_bpf_wait_for_programs();
	l = lay_out(image, trie_lines, (uint32_t)n_cpus);
	r = table_for(in, slot, l.all, &table, err);
	if (!r)
		r = rast_fqdn_bpf_fill(in, slot, &image->names, err);
	if (r < 0)
		return r;
	copy((struct rast_policy_image *)images.at + slot, table.at, image, trie, &l);
	__atomic_store_n(&c->slot, slot, __ATOMIC_RELEASE);
	__atomic_store_n(&c->loaded, 1, __ATOMIC_RELEASE);
	c->flipped_ms = (uint32_t)(rast_policy_coarse_ns() / 1000000);
	return 0;
}

static int hits_json(const struct rast_policy_image *im, const struct rast_policy_mapping *table,
		     json_t *array)
{
	const struct rast_line *line = table->at;

	if ((im->hits_at + (im->hits_mask + 1ull) * im->hits_lines) * LINE > table->size)
		return -EINVAL;
	for (uint32_t rule = 0; rule < im->n_rule; rule++) {
		uint64_t n = 0;

		for (uint32_t set = 0; set <= im->hits_mask; set++)
			n += line[im->hits_at + set * im->hits_lines + rule / PER_LINE]
				     .q[rule % PER_LINE];
		if (n &&
		    json_array_append_new(array, json_pack("{s:I,s:I}", "rule", (json_int_t)rule,
							   "packets", (json_int_t)n)))
			return -ENOMEM;
	}
	return 0;
}

int rast_policy_bpf_hits(const struct rast_instance *in, json_t *array, struct rast_err *err)
{
	_cleanup_mapping_ struct rast_policy_mapping images = {0}, control = {0}, table = {0};
	_cleanup_close_ int outer = -1, fd = -1;
	const struct rast_policy_control *c;
	uint32_t slot;
	int r;

	r = rast_policy_map_all(in, "policy_control", sizeof(*c), &control, err);
	if (!r)
		r = rast_policy_map_all(in, "policy_image", sizeof(struct rast_policy_image),
					&images, err);
	if (r < 0)
		return r;
	c = control.at;
	if (!c->loaded)
		return 0;
	slot = __atomic_load_n(&c->slot, __ATOMIC_ACQUIRE) & 1;
	outer = rast_loader_map_fd(in, "policy_table", err);
	if (outer < 0)
		return outer;
	fd = open_table(outer, slot);
	r = fd < 0 ? rast_err_sys(err, -fd, "policy_table")
		   : rast_policy_map_fd(fd, "policy_table", LINE, &table, err);
	return r < 0 ? r : hits_json((struct rast_policy_image *)images.at + slot, &table, array);
}
