// SPDX-License-Identifier: BSD-2-Clause
/*
 * The launcher's end of container_by_cgroup; see container_bpf.h. bpf(2) is called directly on the pin:
 * this is on the launch path, where libbpf would cost more than the call.
 */
#include "container/container_bpf.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int open_map(const struct rast_instance *in)
{
	char path[128];
	union bpf_attr attr = {0};

	(void)snprintf(path, sizeof(path), "%s/map/container_by_cgroup", in->bpf_dir);
	attr.pathname = (uint64_t)(uintptr_t)path;
	return bpf(BPF_OBJ_GET, &attr);
}

static bool nothing_pinned(int r)
{
	/* No pin; no bpffs at its place; a kernel without bpf(2). */
	return r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -ENOSYS || r == -EPERM;
}

static int element(int cmd, int fd, const uint64_t *key, void *value)
{
	union bpf_attr attr = {0};

	attr.map_fd = (uint32_t)fd;
	attr.key = (uint64_t)(uintptr_t)key;
	attr.value = (uint64_t)(uintptr_t)value;
	return bpf(cmd, &attr);
}

int rast_container_bpf_register(const struct rast_instance *in, uint64_t cgroup_id,
				const struct rast_container *rec, struct rast_err *err)
{
	_cleanup_close_ int fd = open_map(in);
	struct rast_container copy = *rec;
	int r;

	if (fd < 0)
		return nothing_pinned(fd) ? 0 : rast_err_sys(err, -fd, "container_by_cgroup");
	r = element(BPF_MAP_UPDATE_ELEM, fd, &cgroup_id, &copy);
	return r < 0 ? rast_err_sys(err, -r, "registering the container in container_by_cgroup")
		     : 0;
}

int rast_container_bpf_read(const struct rast_instance *in, uint64_t cgroup_id,
			    struct rast_container *ret)
{
	_cleanup_close_ int fd = open_map(in);
	struct rast_container rec;
	int r;

	if (fd < 0)
		return nothing_pinned(fd) ? -ENOENT : fd;
	r = element(BPF_MAP_LOOKUP_ELEM, fd, &cgroup_id, &rec);
	if (r == 0)
		*ret = rec;
	return r;
}

int rast_container_bpf_unregister(const struct rast_instance *in, uint64_t cgroup_id)
{
	_cleanup_close_ int fd = open_map(in);
	int r;

	if (fd < 0)
		return nothing_pinned(fd) ? 0 : fd;
	r = element(BPF_MAP_DELETE_ELEM, fd, &cgroup_id, NULL);
	return r == -ENOENT ? 0 : r;
}

int rast_container_bpf_sweep(const struct rast_instance *in,
			     int (*is_live)(void *arg, uint64_t cgroup_id), void *arg,
			     unsigned int *ret_removed)
{
	_cleanup_close_ int fd = open_map(in);
	uint64_t dead[RAST_MAX_CONTAINERS], key = 0, next;
	unsigned int n = 0, seen = 0, i;

	*ret_removed = 0;
	if (fd < 0)
		return nothing_pinned(fd) ? 0 : fd;
	/* Deleting while walking restarts the walk: collect first. */
	while (seen++ < 2 * RAST_MAX_CONTAINERS) {
		union bpf_attr attr = {0};

		attr.map_fd = (uint32_t)fd;
		attr.key = seen > 1 ? (uint64_t)(uintptr_t)&key : 0;
		attr.next_key = (uint64_t)(uintptr_t)&next;
		if (bpf(BPF_MAP_GET_NEXT_KEY, &attr) < 0)
			break;
		key = next;
		if (!is_live(arg, key) && n < RAST_MAX_CONTAINERS)
			dead[n++] = key;
	}
	for (i = 0; i < n; i++)
		if (element(BPF_MAP_DELETE_ELEM, fd, &dead[i], NULL) == 0)
			(*ret_removed)++;
	return 0;
}
