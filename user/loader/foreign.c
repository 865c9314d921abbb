// SPDX-License-Identifier: BSD-2-Clause
/* Where containers of another runtime meet the programs; see foreign.h. */
#include "loader/foreign.h"

#include "base/fd.h"
#include "base/json.h"
#include "container/cgroup.h"
#include "container/instance_cgroup.h"
#include "container/state.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int rast_foreign_control(const struct rast_instance *in, const struct rast_foreign *control,
			 struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "foreign_control", NULL);
	_cleanup_close_ int old = -1;
	uint32_t zero = 0;

	if (map == -ENOENT)
		old = rast_loader_map_fd(in, "container_by_cgroup", NULL);
	if (map == -ENOENT && old < 0)
		return rast_err_set(err, ENOENT, "no programs of instance %s are loaded", in->name);
	if (map == -ENOENT)
		return rast_err_set(
			err, ENOENT,
			"the programs that are loaded are of an older rastOS, which knows no "
			"containers of others: restart rastd, or run rastbpf up");
	if (map < 0)
		return rast_err_sys(err, -map, "foreign_control");
	if (bpf_map_update_elem(map, &zero, control, BPF_ANY))
		return rast_err_sys(err, errno, "foreign_control");
	return 0;
}

/* How the program is attached at the instance's cgroup; -ENOENT: not there, or a device program. */
static int attach_type(const struct rast_instance *in, const char *prog, uint64_t instance_id)
{
	_cleanup_close_ int fd = rast_loader_link_fd(in, prog, NULL);
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != instance_id ||
	    /* Its own runtime says which devices it may use. */
	    info.cgroup.attach_type == BPF_CGROUP_DEVICE)
		return -ENOENT;
	return (int)info.cgroup.attach_type;
}

static int attach_one(const struct rast_instance *in, const char *prog, int type, int cgroup_fd,
		      uint64_t id, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_prog_fd(in, prog, err);
	char name[96];

	if (fd < 0)
		return fd;
	(void)snprintf(name, sizeof(name), "%.60s@%llu", prog, (unsigned long long)id);
	return rast_loader_attach_cgroup_fd(in, fd, type, cgroup_fd, name, err);
}

int rast_foreign_attach(const struct rast_instance *in, int cgroup_fd, struct rast_err *err)
{
	_cleanup_close_ int instance = -1;
	struct dirent **names = NULL;
	struct stat own, st;
	char path[128];
	int n, i, type, r;

	r = rast_instance_cgroup_open(in, &instance, err);
	if (r < 0)
		return r;
	if (fstat(instance, &own) < 0 || fstat(cgroup_fd, &st) < 0)
		return rast_err_sys(err, errno, "cgroup");
	(void)snprintf(path, sizeof(path), "%s/prog", in->bpf_dir);
	n = scandir(path, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		type = names[i]->d_name[0] == '.' || r < 0
			       ? -ENOENT
			       : attach_type(in, names[i]->d_name, own.st_ino);
		if (type >= 0)
			r = attach_one(in, names[i]->d_name, type, cgroup_fd, st.st_ino, err);
		free(names[i]);
	}
	free(names);
	return r;
}

/* The container's cgroup, if it is still the same one. */
static int open_cgroup(const struct rast_cgroup_layout *l, const json_t *c)
{
	int fd = openat(l->v2_fd, rast_json_str(c, "cgroup"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 ||
			(uint64_t)st.st_ino != (uint64_t)rast_json_int(c, "cgroup_id"))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int rast_foreign_attach_all(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	struct rast_cgroup_layout l;
	json_t *pod, *c;
	size_t i, j;
	int r;

	r = rast_state_pods(in, true, &pods, err);
	if (r < 0 || !json_array_size(pods))
		return r;
	r = rast_cgroup_layout_init_some(0, &l, err);
	if (r < 0)
		return r;
	json_array_foreach(pods, i, pod) {
		if (!rast_json_bool(pod, "foreign"))
			continue;
		json_array_foreach(json_object_get(pod, "containers"), j, c) {
			_cleanup_close_ int fd = r < 0 ? -1 : open_cgroup(&l, c);

			if (fd >= 0)
				r = rast_foreign_attach(in, fd, err);
		}
	}
	rast_cgroup_layout_finish(&l);
	return r;
}

unsigned int rast_foreign_sweep(const struct rast_instance *in,
				int (*is_live)(void *arg, uint64_t cgroup_id), void *arg)
{
	char path[128];
	struct dirent *e;
	unsigned int n = 0;
	const char *at;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/link", in->bpf_dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		at = strchr(e->d_name, '@');
		if (at && !is_live(arg, strtoull(at + 1, NULL, 10)) &&
		    !unlinkat(dirfd(d), e->d_name, 0))
			n++;
	}
	if (d)
		(void)closedir(d);
	return n;
}

static int is_other(void *arg, uint64_t cgroup_id)
{
	return *(const uint64_t *)arg != cgroup_id;
}

void rast_foreign_detach(const struct rast_instance *in, uint64_t cgroup_id)
{
	(void)rast_foreign_sweep(in, is_other, &cgroup_id);
}
