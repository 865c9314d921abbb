// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loader half of accounting. The one thing to know: which flush function the kernel has is found in
 * its BTF here and told to the program as a constant, because the program cannot ask (see
 * account_flush_kind there).
 */
#include "account/account_bpf.h"

#include "account.skel.h"
#include "container/instance_cgroup.h"
#include "base/fd.h"
#include "container/cgroup.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct rast_account_reader {
	int containers, foreign, iter, iter_prog;
	const struct rast_account *figures;
	const struct rast_syscalls *syscalls;
	bool has_layout;
	struct rast_cgroup_layout layout;
};

#define FIGURES_BYTES (RAST_MAX_CONTAINERS * sizeof(struct rast_account))
#define SYSCALLS_BYTES (RAST_MAX_CONTAINERS * sizeof(struct rast_syscalls))

/* 2: css_rstat_flush, 1: cgroup_rstat_flush, 0: neither (enum account_flush of the program). */
static unsigned int flush_kind(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	unsigned int kind = 0;

	if (!btf)
		return 0;
	if (btf__find_by_name_kind(btf, "css_rstat_flush", BTF_KIND_FUNC) > 0)
		kind = 2;
	else if (btf__find_by_name_kind(btf, "cgroup_rstat_flush", BTF_KIND_FUNC) > 0)
		kind = 1;
	btf__free(btf);
	return kind;
}

int rast_account_bpf_supported(struct rast_err *err)
{
	return rast_loader_check(err);
}

/* A pinned iterator goes on naming the cgroup it was made for, also after that was removed. */
static void drop_stale_iterator(const struct rast_instance *in, uint64_t cgroup_id)
{
	_cleanup_close_ int fd = rast_loader_link_fd(in, "account_collect", NULL);
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.iter.cgroup.cgroup_id != cgroup_id)
		(void)rast_loader_detach(in, "account_collect");
}

/* *ret: it works here. A kernel that refuses it is no error. */
static int attach_iterator(const struct rast_instance *in, const struct bpf_program *collect,
			   bool *ret, struct rast_err *err)
{
	union bpf_iter_link_info info = {0};
	_cleanup_close_ int cgroup = -1;
	struct rast_err ignored = {0};
	struct stat st;
	int r = rast_instance_cgroup_open(in, &cgroup, err);

	if (r < 0)
		return r;
	if (fstat(cgroup, &st) == 0)
		drop_stale_iterator(in, st.st_ino);
	info.cgroup.cgroup_fd = (__u32)cgroup;
	info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_POST;
	*ret = rast_loader_attach_iter(in, collect, &info, sizeof(info), &ignored) == 0;
	return 0;
}

int rast_account_bpf_start(const struct rast_instance *in, bool *ret_iterator, struct rast_err *err)
{
	unsigned int flush = flush_kind();
	struct account_bpf *skel = account_bpf__open();
	bool iterator = flush != 0;
	int r;

	if (!skel)
		return rast_err_sys(err, errno, "account: open the BPF object");
	skel->rodata->account_flush_kind = flush;
	(void)bpf_program__set_autoload(skel->progs.account_collect, iterator);
	/* It needs a target. */
	bpf_program__set_autoattach(skel->progs.account_collect, false);
	r = rast_loader_start(in, skel->obj, "account", err);
	if (!r && iterator)
		r = attach_iterator(in, skel->progs.account_collect, &iterator, err);
	account_bpf__destroy(skel);
	if (!r)
		*ret_iterator = iterator;
	return r;
}

int rast_account_reader_open(const struct rast_instance *in, struct rast_account_reader **ret,
			     struct rast_err *err)
{
	struct rast_account_reader *r = calloc(1, sizeof(*r));
	const void *view;
	int rc;

	if (!r)
		return rast_err_set(err, ENOMEM, "out of memory");
	r->foreign = r->iter = r->iter_prog = -1;
	rc = r->containers = rast_loader_map_fd(in, "container_by_cgroup", err);
	if (rc >= 0)
		rc = rast_loader_map_view(in, "account_by_slot", FIGURES_BYTES, &view, err);
	if (rc >= 0) {
		r->figures = view;
		rc = rast_loader_map_view(in, "syscall_by_slot", SYSCALLS_BYTES, &view, err);
	}
	if (rc < 0) {
		rast_account_reader_destroy(r);
		return rc;
	}
	r->syscalls = view;
	r->iter = rast_loader_link_fd(in, "account_collect", NULL);
	r->iter_prog = rast_loader_prog_fd(in, "account_collect", NULL);
	r->foreign = rast_loader_map_fd(in, "foreign_control", NULL);
	r->has_layout = rast_cgroup_layout_init(&r->layout, NULL) == 0;
	*ret = r;
	return 0;
}

void rast_account_reader_destroy(struct rast_account_reader *r)
{
	if (!r)
		return;
	if (r->figures)
		(void)munmap((void *)r->figures, FIGURES_BYTES);
	if (r->syscalls)
		(void)munmap((void *)r->syscalls, SYSCALLS_BYTES);
	if (r->has_layout)
		rast_cgroup_layout_finish(&r->layout);
	rast_closep(&r->containers);
	rast_closep(&r->iter);
	rast_closep(&r->iter_prog);
	rast_closep(&r->foreign);
	free(r);
}

/* The program prints nothing: the first read runs it over all cgroups and returns 0. */
static bool run_iterator(int link)
{
	_cleanup_close_ int fd = bpf_iter_create(link);
	char buf[16];
	ssize_t n;

	if (fd < 0)
		return false;
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n == 0;
}

/* One that is not below the instance's cgroup. A cgroup that is gone has its last figures. */
static void collect_foreign(struct rast_account_reader *r, __u64 cgroup_id)
{
	union bpf_iter_link_info info = {0};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_close_ int link = -1;

	info.cgroup.cgroup_id = cgroup_id;
	info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_POST;
	link = bpf_link_create(r->iter_prog, 0, BPF_TRACE_ITER, &opts);
	if (link >= 0)
		(void)run_iterator(link);
}

bool rast_account_reader_collect(struct rast_account_reader *r)
{
	struct rast_foreign control = {0};
	__u64 key, *prev = NULL;
	struct rast_container c;
	__u32 zero = 0;
	bool any;

	if (r->iter < 0 || !run_iterator(r->iter))
		return false;
	any = r->foreign >= 0 && !bpf_map_lookup_elem(r->foreign, &zero, &control) &&
	      control.levels;
	while (any && !bpf_map_get_next_key(r->containers, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(r->containers, &key, &c) &&
		    (c.flags & RAST_CONTAINER_FOREIGN))
			collect_foreign(r, key);
	}
	return true;
}

static int by_slot(const void *x, const void *y)
{
	const struct rast_account_entry *a = x, *b = y;

	return a->container.slot < b->container.slot ? -1 : a->container.slot > b->container.slot;
}

int rast_account_reader_list(struct rast_account_reader *r, struct rast_account_entry **ret,
			     size_t *ret_n, struct rast_err *err)
{
	_cleanup_free_ struct rast_container *values = calloc(RAST_MAX_CONTAINERS, sizeof(*values));
	_cleanup_free_ __u64 *keys = calloc(RAST_MAX_CONTAINERS, sizeof(*keys));
	struct rast_account_entry *list;
	__u32 count = RAST_MAX_CONTAINERS, i;
	__u64 batch;

	if (!keys || !values)
		return rast_err_set(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_batch(r->containers, NULL, &batch, keys, values, &count, NULL) < 0 &&
	    errno != ENOENT)
		return rast_err_sys(err, errno, "container_by_cgroup");
	list = calloc(count ? count : 1, sizeof(*list));
	if (!list)
		return rast_err_set(err, ENOMEM, "out of memory");
	for (i = 0; i < count; i++) {
		struct rast_account_entry *e = &list[i];
		__u32 slot = values[i].slot;

		e->cgroup_id = keys[i];
		e->container = values[i];
		if (slot < RAST_MAX_CONTAINERS && r->figures[slot].cgroup_id == keys[i]) {
			e->figures = r->figures[slot];
			e->syscalls = &r->syscalls[slot];
		} else {
			e->figures.cgroup_id = keys[i];
		}
	}
	qsort(list, count, sizeof(*list), by_slot);
	*ret = list;
	*ret_n = count;
	return 0;
}

void rast_account_reader_files(struct rast_account_reader *r, const char *path,
			       struct rast_account *figures)
{
	struct rast_cgroup_stats st = {0};

	if (!r->has_layout || rast_cgroup_stats(&r->layout, path, &st) < 0)
		return;
	figures->cpu_usage_ns = st.cpu_usage_ns;
	figures->mem_bytes = st.mem_bytes;
	figures->mem_peak_bytes = st.mem_peak_bytes;
	figures->tasks = (__u32)st.pids;
	if (st.known & 1u << RAST_CG_MEMORY)
		figures->flags |= r->layout.v2 & 1u << RAST_CG_MEMORY ? RAST_ACCOUNT_MEM_V2
								      : RAST_ACCOUNT_MEM_V1;
}
