// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a pod's volumes to the mount plan of one container. Sources that a pod itself can change (its
 * volumes) are entered by openat2 below the volume only, so that a link planted in a volume does not
 * make subPath lead to the node.
 */
#include "container/run_spec.h"

#include "base/fd.h"
#include "container/mount_sys.h"
#include "container/state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAX_ETC 3

static void add(struct rast_mount_plan *plan, int fd, const char *target, bool is_file)
{
	plan->mounts[plan->n_mounts++] = (struct rast_mount){fd, target, is_file};
}

static int root_of(struct rast_mount_plan *plan, const struct rast_instance *in,
		   const struct rast_pod *pod, const struct rast_pod_container *box,
		   const struct rast_container_start *opts, const char *rootfs,
		   struct rast_err *err)
{
	uint64_t attrs = opts->nodev ? MOUNT_ATTR_NODEV : 0;
	char upper[512], work[512], tail[160];
	int r;

	if (!opts->overlay)
		return rast_mount_bind(rootfs, false, attrs, &plan->root_fd, err);
	(void)snprintf(tail, sizeof(tail), "containers/%s/upper", box->name);
	r = rast_state_data_path(in, pod->ns, pod->name, tail, upper, sizeof(upper));
	(void)snprintf(tail, sizeof(tail), "containers/%s/work", box->name);
	if (!r)
		r = rast_state_data_path(in, pod->ns, pod->name, tail, work, sizeof(work));
	if (!r)
		r = rast_mkdir_p(upper, 0755);
	if (!r && mkdir(work, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return rast_err_sys(err, -r, "writable layer of container %s", box->name);
	return rast_mount_overlay(rootfs, upper, work, attrs, &plan->root_fd, err);
}

static int fill_config(const struct rast_pod_volume *v, const char *dir, struct rast_err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t i;
	int r;

	if (fd < 0)
		return rast_err_sys(err, errno, "volume %s", v->name);
	for (i = 0; i < v->n_files; i++) {
		r = rast_replace_file(fd, v->files[i].key, v->files[i].value,
				      strlen(v->files[i].value), 0644, 0);
		if (r < 0)
			return rast_err_sys(err, -r, "volume %s, file %s", v->name,
					    v->files[i].key);
	}
	return 0;
}

/* All containers of the pod see the same tmpfs, so it is mounted in the pod's folder. */
static int mount_memory(const struct rast_pod_volume *v, const char *dir, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	struct stat st, up;
	char above[4100];
	int r;

	(void)snprintf(above, sizeof(above), "%s/..", dir);
	if (statfs(dir, &fs) < 0 || stat(dir, &st) < 0 || stat(above, &up) < 0)
		return rast_err_sys(err, errno, "volume %s", v->name);
	if (fs.f_type == TMPFS_MAGIC && st.st_dev != up.st_dev)
		return 0;
	r = rast_mount_tmpfs("0777", v->size_bytes, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &fd, err);
	if (r < 0)
		return rast_err_prefix(err, "volume %s", v->name);
	if (sys_move_mount(fd, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return rast_err_sys(err, errno, "volume %s", v->name);
	return 0;
}

/* The volume's directory or file on the node, ready to be bound. */
static int volume_source(const struct rast_instance *in, const struct rast_pod *pod,
			 const struct rast_pod_volume *v, char *buf, size_t size,
			 struct rast_err *err)
{
	char tail[160];
	int r;

	if (v->kind == RAST_VOLUME_HOST) {
		(void)snprintf(buf, size, "%s", v->path);
		r = v->host_create ? rast_mkdir_p(v->path, 0755) : 0;
		return r < 0 ? rast_err_sys(err, -r, "volume %s: %s", v->name, v->path) : 0;
	}
	(void)snprintf(tail, sizeof(tail), "volumes/%s", v->name);
	r = rast_state_data_path(in, pod->ns, pod->name, tail, buf, size);
	if (!r)
		r = rast_mkdir_p(buf, 0755);
	if (!r && v->kind == RAST_VOLUME_EMPTY && !v->memory && chmod(buf, 0777) < 0)
		r = -errno;
	if (r < 0)
		return rast_err_sys(err, -r, "volume %s", v->name);
	if (v->kind == RAST_VOLUME_CONFIG)
		return fill_config(v, buf, err);
	return v->memory ? mount_memory(v, buf, err) : 0;
}

static int bind_below(const char *base, const char *sub, uint64_t attrs, int *ret_fd,
		      bool *ret_file, struct rast_err *err)
{
	_cleanup_close_ int dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_attr attr = {.attr_set = attrs, .propagation = MS_PRIVATE};
	_cleanup_close_ int fd = -1, tree = -1;
	struct stat st;

	if (dir < 0)
		return rast_err_sys(err, errno, "%s", base);
	fd = rast_openat2(dir, sub, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd == -ENOENT && mkdirat(dir, sub, 0755) == 0)
		fd = rast_openat2(dir, sub, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return rast_err_sys(err, -fd, "subPath %s", sub);
	tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0 || fstat(tree, &st) < 0 ||
	    sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return rast_err_sys(err, errno, "subPath %s", sub);
	*ret_file = !S_ISDIR(st.st_mode);
	*ret_fd = TAKE_FD(tree);
	return 0;
}

static int add_volume(struct rast_mount_plan *plan, const struct rast_instance *in,
		      const struct rast_pod *pod, const struct rast_pod_mount *m,
		      struct rast_err *err)
{
	const struct rast_pod_volume *v = &pod->volumes[m->volume];
	uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	bool is_file = v->kind == RAST_VOLUME_HOST && v->host_is_file;
	char source[4096];
	int fd = -1, r;

	if (m->read_only || v->kind == RAST_VOLUME_CONFIG)
		attrs |= MOUNT_ATTR_RDONLY;
	r = volume_source(in, pod, v, source, sizeof(source), err);
	if (r < 0)
		return r;
	r = *m->sub_path ? bind_below(source, m->sub_path, attrs, &fd, &is_file, err)
			 : rast_mount_bind(source, is_file, attrs, &fd, err);
	if (r < 0)
		return rast_err_prefix(err, "volume %s", v->name);
	add(plan, fd, m->path, is_file);
	return 0;
}

static int add_etc(struct rast_mount_plan *plan, const struct rast_instance *in,
		   const struct rast_pod *pod, const char *name, const char *target,
		   const char *text, struct rast_err *err)
{
	char path[512];
	int fd = -1, r;

	r = rast_state_pod_path(in, pod->ns, pod->name, name, path, sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r, "%s", name);
	/* hosts is written by user/node before the start; containers hold the inode. */
	if (access(path, F_OK) < 0) {
		if (!text)
			return 0;
		r = rast_replace_file(AT_FDCWD, path, text, strlen(text), 0644, 0);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", path);
	}
	r = rast_mount_bind(path, true, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			    &fd, err);
	if (r == 0)
		add(plan, fd, target, true);
	return r;
}

static int add_etc_files(struct rast_mount_plan *plan, const struct rast_instance *in,
			 const struct rast_pod *pod, const struct rast_container_start *opts,
			 struct rast_err *err)
{
	_cleanup_free_ char *resolv = NULL;
	char hosts[512], hostname[80];
	int r;

	/* No network, nothing to look up: the shortest path has no such mounts. */
	if (!opts->address && !pod->host_network)
		return 0;
	if (!opts->resolv_conf)
		(void)rast_read_file(AT_FDCWD, "/etc/resolv.conf", 65536, &resolv, NULL);
	(void)snprintf(hosts, sizeof(hosts),
		       "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s%s%s%s",
		       opts->address ? opts->address : "", opts->address ? "\t" : "",
		       opts->address ? pod->hostname : "", opts->address ? "\n" : "");
	(void)snprintf(hostname, sizeof(hostname), "%s\n", pod->hostname);
	if ((r = add_etc(plan, in, pod, "hosts", "/etc/hosts", hosts, err)) < 0 ||
	    (r = add_etc(plan, in, pod, "resolv.conf", "/etc/resolv.conf",
			 opts->resolv_conf ? opts->resolv_conf : resolv, err)) < 0)
		return r;
	return add_etc(plan, in, pod, "hostname", "/etc/hostname", hostname, err);
}

/* A mount point below another one must come after it. */
static int by_target(const void *a, const void *b)
{
	const struct rast_mount *x = a, *y = b;

	return strcmp(x->target, y->target);
}

static int plan_sysctls(struct rast_mount_plan *plan, const struct rast_pod *pod)
{
	struct rast_sysctl *list = calloc(pod->n_sysctls, sizeof(*list));
	size_t i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < pod->n_sysctls; i++)
		list[i] = (struct rast_sysctl){pod->sysctls[i].key, pod->sysctls[i].value};
	plan->sysctls = list;
	plan->n_sysctls = pod->n_sysctls;
	return 0;
}

int run_mounts_init(struct rast_mount_plan *plan, const struct rast_instance *in,
		    const struct rast_pod *pod, const struct rast_pod_container *box,
		    const struct rast_container_start *opts, const char *rootfs,
		    struct rast_err *err)
{
	size_t i;
	int r;

	*plan = (struct rast_mount_plan){
		.root_fd = -1,
		.root_read_only = box->read_only_root,
		.proc = true,
		.sys = true,
		.dev = true,
		.cgroup = true,
		.own_net = opts->netns_fd != RAST_NETNS_HOST,
		.own_ipc = true,
		.masked = rast_mount_masked,
		.read_only = rast_mount_read_only,
	};
	plan->mounts = calloc(box->n_mounts + MAX_ETC, sizeof(*plan->mounts));
	if (!plan->mounts)
		return rast_err_sys(err, ENOMEM, "mounts");
	if (pod->n_sysctls && plan_sysctls(plan, pod) < 0)
		return rast_err_sys(err, ENOMEM, "sysctls");
	r = root_of(plan, in, pod, box, opts, rootfs, err);
	if (r == 0)
		r = add_etc_files(plan, in, pod, opts, err);
	for (i = 0; i < box->n_mounts && r == 0; i++)
		r = add_volume(plan, in, pod, &box->mounts[i], err);
	if (plan->n_mounts > 1)
		qsort(plan->mounts, plan->n_mounts, sizeof(*plan->mounts), by_target);
	return r;
}

void run_mounts_finish(struct rast_mount_plan *plan)
{
	rast_mount_plan_finish(plan);
	free(plan->mounts);
	free((void *)(uintptr_t)plan->sysctls);
	plan->mounts = NULL;
	plan->n_mounts = 0;
	plan->sysctls = NULL;
}
