// SPDX-License-Identifier: BSD-2-Clause
/*
 * See gc.h. The folder's lock tells whether anybody is at work on it: the maker holds it until it ends, and
 * the kernel gives it back when it is killed. Judged is what is there once the lock is had.
 */
#include "oci/gc.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "oci/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *oci_gc_text(enum oci_gc_reason reason)
{
	static const char *const text[] = {
		[OCI_GC_KEEP] = "kept",
		[OCI_GC_HALF_MADE] = "half made",
		[OCI_GC_NEVER_STARTED] = "ended before its start",
		[OCI_GC_ABANDONED] = "ended, and its run was killed",
		[OCI_GC_HALF_DELETED] = "half deleted",
		[OCI_GC_STOPPED] = "stopped",
	};

	return text[reason];
}

static bool has_cgroup(const char *path)
{
	struct rast_cgroup_layout l;
	bool there;

	if (rast_cgroup_layout_init_some(0, &l, NULL) < 0)
		return true;
	there = faccessat(l.v2_fd, path, F_OK, 0) == 0 || errno != ENOENT;
	rast_cgroup_layout_finish(&l);
	return there;
}

static enum oci_gc_reason judge(const struct oci_container *c, bool stopped)
{
	const char *cgroup = rast_json_str(c->state, "cgroup");
	struct stat st;

	/* A state without a process is written before it is registered. */
	if (c->status == OCI_CREATING || !rast_json_int(c->state, "pid"))
		return OCI_GC_HALF_MADE;
	if (c->status != OCI_STOPPED)
		return OCI_GC_KEEP;
	if (fstatat(c->dir, "start", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return OCI_GC_NEVER_STARTED;
	if (rast_json_bool(c->state, "remove"))
		return OCI_GC_ABANDONED;
	/* A deletion takes it away first. */
	if (*cgroup && !has_cgroup(cgroup))
		return OCI_GC_HALF_DELETED;
	return stopped ? OCI_GC_STOPPED : OCI_GC_KEEP;
}

static int one(struct oci *o, const struct oci_gc *gc, const char *id)
{
	_cleanup_container_ struct oci_container c = OCI_CONTAINER_INIT, now = OCI_CONTAINER_INIT;
	enum oci_gc_reason reason;
	int r;

	r = oci_container_open(o->root, id, &c, &o->err);
	if (r == 0)
		r = oci_container_claim(&c);
	if (r == -EWOULDBLOCK || r == -ENOENT || (r == 0 && oci_container_gone(&c))) {
		rast_err_clear(&o->err);
		return 0;
	}
	/* Once more: what was read before the lock may be old. */
	if (r == 0)
		r = oci_container_open(o->root, id, &now, &o->err);
	if (r < 0)
		return r;
	reason = judge(&now, gc->stopped);
	if (reason == OCI_GC_KEEP)
		return 0;
	if (!gc->dry_run && (r = oci_destroy(o, &now)) < 0)
		return r;
	gc->removed(gc->arg, id, reason);
	return 0;
}

int oci_gc(struct oci *o, const struct oci_gc *gc)
{
	struct rast_err first = {0};
	char **ids = NULL;
	int result, r;
	size_t i;

	result = oci_container_ids(o->root, &ids);
	if (result < 0)
		return rast_err_sys(&o->err, -result, "%s", o->root);
	for (i = 0; ids && ids[i]; i++) {
		r = one(o, gc, ids[i]);
		if (r < 0 && result == 0) {
			result = r;
			first = o->err;
		}
		rast_err_clear(&o->err);
		free(ids[i]);
	}
	free(ids);
	o->err = first;
	return result;
}
