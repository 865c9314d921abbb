// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links: pinned, found again at the next start, moved to a new program without a gap; see loader.h.
 * A link that sits where it should and runs the program that is pinned is left alone.
 */
#include "loader/loader.h"

#include "base/fd.h"
#include "loader/libbpf_log.h"
#include "loader/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* tcx came with 6.6; the headers that we build with may be older. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

static int prog_id(int fd, __u32 *ret)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (r < 0)
		return r;
	*ret = info.id;
	return 0;
}

/*
 * Is there a link at `path` whose target is still the right one (target 0: any)? Then it runs
 * prog_fd afterwards, and 1 is returned. 0: attach anew and replace the pin.
 */
static int keep_or_move(const char *path, int prog_fd, __u64 target)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	/* The header's bpf_link_info may be older than the kernel: the target is read by offset. */
	union {
		struct bpf_link_info info;
		struct {
			__u32 type, id, prog_id, pad;
			__u64 cgroup_id;
		} cgroup;
		struct {
			__u32 type, id, prog_id, pad;
			__u32 ifindex, attach_type;
		} tcx;
		char space[256];
	} u = {0};
	__u32 len = sizeof(u.info), id = 0;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &u, &len) < 0 || prog_id(prog_fd, &id) < 0)
		return 0;
	/* A cgroup or a device that went away leaves a link to nothing. */
	if (target && u.info.type == BPF_LINK_TYPE_CGROUP && u.cgroup.cgroup_id != target)
		return 0;
	if (target && u.info.type != BPF_LINK_TYPE_CGROUP && u.tcx.ifindex != target)
		return 0;
	if (u.info.prog_id == id)
		return 1;
	return bpf_link_update(fd, prog_fd, NULL) == 0;
}

static int explain(const char *name, int r, struct rast_err *err)
{
	char prog[128], reason[320];

	(void)rast_libbpf_log_reason(rast_libbpf_log_text(), prog, sizeof(prog), reason,
				     sizeof(reason));
	if (*reason)
		return rast_err_set(err, -r, "attach %s: %s", name, reason);
	return rast_err_sys(err, -r, "attach %s", name);
}

/* 1: nothing to do. 0: attach it anew, then pin_link() at the path that is in `path` now. */
static int find_link(const struct rast_instance *in, const char *name, int prog_fd, __u64 target,
		     char *path, size_t size, struct rast_err *err)
{
	int r = rast_pin_path(in, "link", name, path, size, err);

	if (r < 0)
		return r;
	if (keep_or_move(path, prog_fd, target))
		return 1;
	rast_libbpf_log_begin();
	return 0;
}

/*
 * Takes the link (NULL: libbpf failed, with errno): pins it in place of what is there. The old one is
 * detached by losing its pin.
 */
static int pin_link(struct bpf_link *link, const char *name, const char *path, struct rast_err *err)
{
	int r;

	if (!link)
		return explain(name, -errno, err);
	r = rast_pin_replace(bpf_link__fd(link), path, err);
	(void)bpf_link__destroy(link);
	return r;
}

int rast_loader_attach(const struct rast_instance *in, const struct bpf_program *prog,
		       struct rast_err *err)
{
	const char *name = bpf_program__name(prog);
	char path[256];
	int r = find_link(in, name, bpf_program__fd(prog), 0, path, sizeof(path), err);

	if (r)
		return r < 0 ? r : 0;
	return pin_link(bpf_program__attach(prog), name, path, err);
}

int rast_loader_attach_cgroup(const struct rast_instance *in, const struct bpf_program *prog,
			      int cgroup_fd, const char *link_name, struct rast_err *err)
{
	const char *name = link_name ? link_name : bpf_program__name(prog);
	struct stat st;
	char path[256];
	int r;

	if (fstat(cgroup_fd, &st) < 0)
		return rast_err_sys(err, errno, "attach %s: cgroup", name);
	/* A cgroup's id is the inode number of its folder. */
	r = find_link(in, name, bpf_program__fd(prog), st.st_ino, path, sizeof(path), err);
	if (r)
		return r < 0 ? r : 0;
	return pin_link(bpf_program__attach_cgroup(prog, cgroup_fd), name, path, err);
}

int rast_loader_attach_cgroup_fd(const struct rast_instance *in, int prog_fd, int type,
				 int cgroup_fd, const char *link_name, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[256];
	int r;

	if (fstat(cgroup_fd, &st) < 0)
		return rast_err_sys(err, errno, "attach %s: cgroup", link_name);
	r = find_link(in, link_name, prog_fd, st.st_ino, path, sizeof(path), err);
	if (r)
		return r < 0 ? r : 0;
	fd = bpf_link_create(prog_fd, cgroup_fd, (enum bpf_attach_type)type, NULL);
	return fd < 0 ? explain(link_name, fd, err) : rast_pin_replace(fd, path, err);
}

int rast_loader_attach_iter(const struct rast_instance *in, const struct bpf_program *prog,
			    const union bpf_iter_link_info *info, size_t info_size,
			    struct rast_err *err)
{
	union bpf_iter_link_info copy = {0};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	const char *name = bpf_program__name(prog);
	char path[256];
	int r;

	if (info_size > sizeof(copy))
		return rast_err_set(err, EINVAL, "attach %s: iterator target", name);
	r = find_link(in, name, bpf_program__fd(prog), 0, path, sizeof(path), err);
	if (r)
		return r < 0 ? r : 0;
	if (info) {
		memcpy(&copy, info, info_size);
		opts.link_info = &copy;
		opts.link_info_len = sizeof(copy);
	}
	return pin_link(bpf_program__attach_iter(prog, &opts), name, path, err);
}

int rast_loader_attach_tcx(const struct rast_instance *in, int prog_fd, unsigned int ifindex,
			   bool egress, const char *link_name, struct rast_err *err)
{
	/* The part of union bpf_attr that BPF_LINK_CREATE reads for tcx. */
	struct {
		__u32 prog_fd, target_ifindex, attach_type, flags;
		__u32 relative_fd, pad;
		__u64 expected_revision;
	} attr = {
		.prog_fd = (__u32)prog_fd,
		.target_ifindex = ifindex,
		.attach_type = egress ? TCX_EGRESS : TCX_INGRESS,
	};
	_cleanup_close_ int fd = -1;
	char path[256];
	int r;

	r = rast_pin_path(in, "link", link_name, path, sizeof(path), err);
	if (r < 0)
		return r;
	if (keep_or_move(path, prog_fd, ifindex))
		return 0;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	/* Before 6.6 the attach type is not known at all. */
	if (fd < 0 && errno == EINVAL)
		return rast_err_set(err, EOPNOTSUPP, "this kernel has no tcx");
	if (fd < 0)
		return rast_err_sys(err, errno, "attach %s to interface %u", link_name, ifindex);
	return rast_pin_replace(fd, path, err);
}

int rast_loader_detach(const struct rast_instance *in, const char *link_name)
{
	char path[256];
	int r;

	r = rast_pin_path(in, "link", link_name, path, sizeof(path), NULL);
	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
