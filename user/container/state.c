// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pods and containers as files below the run folder; see state.h. The one thing to get right: names
 * come from manifests that were checked (RFC 1123), so they hold no slash and are never "..", and
 * what people type is checked here before it becomes part of a path.
 */
#include "container/state.h"

#include "base/fd.h"
#include "bpf/container.h"
#include "bpf/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int rast_state_lock(const struct rast_instance *in, int *ret_fd, struct rast_err *err)
{
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/lock", in->run_dir);
	r = rast_lock_file(path, 1, ret_fd);
	if (r == -ENOENT) {
		r = rast_mkdir_p(in->run_dir, 0755);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", in->run_dir);
		r = rast_lock_file(path, 1, ret_fd);
	}
	return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n < 254 && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

int rast_state_pod_path(const struct rast_instance *in, const char *ns, const char *pod,
			const char *tail, char *buf, size_t size)
{
	int n;

	if (!name_ok(ns) || !name_ok(pod))
		return -EINVAL;
	n = snprintf(buf, size, "%s/pods/%s/%s%s%s", in->run_dir, ns, pod, tail ? "/" : "",
		     tail ? tail : "");
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int rast_state_data_path(const struct rast_instance *in, const char *ns, const char *pod,
			 const char *tail, char *buf, size_t size)
{
	int n;

	if (!name_ok(ns) || !name_ok(pod))
		return -EINVAL;
	n = snprintf(buf, size, "%s/pods/%s/%s%s%s", in->lib_dir, ns, pod, tail ? "/" : "",
		     tail ? tail : "");
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int rast_state_data_remove(const struct rast_instance *in, const char *ns, const char *pod,
			   struct rast_err *err)
{
	struct dirent **names = NULL;
	char path[512], volume[800];
	int n, i, r;

	r = rast_state_data_path(in, ns, pod, NULL, path, sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r, "data of pod %.64s/%.64s", ns, pod);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	(void)rast_state_data_path(in, ns, pod, "volumes", path, sizeof(path));
	n = scandir(path, &names, NULL, NULL);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			(void)snprintf(volume, sizeof(volume), "%s/%s", path, names[i]->d_name);
			while (umount2(volume, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
				;
		}
		free(names[i]);
	}
	free(names);
	(void)rast_state_data_path(in, ns, pod, NULL, path, sizeof(path));
	r = rast_remove_tree(AT_FDCWD, path);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	(void)snprintf(path, sizeof(path), "%s/pods/%s", in->lib_dir, ns);
	(void)rmdir(path);
	return 0;
}

static int add_containers(const struct rast_instance *in, const char *ns, const char *pod,
			  json_t *obj)
{
	json_t *list = json_array();
	struct dirent **names = NULL;
	char path[512];
	int n, i, r;

	r = rast_state_pod_path(in, ns, pod, "containers", path, sizeof(path));
	if (r < 0) {
		json_decref(list);
		return r;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name);
		char file[800];
		json_t *c;

		if (len > 5 && !strcmp(names[i]->d_name + len - 5, ".json")) {
			(void)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
			if (!rast_json_load(AT_FDCWD, file, &c, NULL))
				(void)json_array_append_new(list, c);
		}
		free(names[i]);
	}
	free(names);
	return json_object_set_new(obj, "containers", list) < 0 ? -ENOMEM : 0;
}

int rast_state_pod_load(const struct rast_instance *in, const char *ns, const char *pod,
			bool containers, json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *obj = NULL;
	char path[512];
	int r;

	r = rast_state_pod_path(in, ns, pod, "pod.json", path, sizeof(path));
	if (r < 0)
		return rast_err_set(err, -r, "pod %.64s/%.64s: not a pod's name", ns, pod);
	r = rast_json_load(AT_FDCWD, path, &obj, err);
	if (r == -ENOENT) {
		rast_err_clear(err);
		return rast_err_set(err, ENOENT, "no pod %s/%s", ns, pod);
	}
	if (r < 0)
		return r;
	if (!json_is_object(obj))
		return rast_err_set(err, EINVAL, "%s: not an object", path);
	if (containers) {
		r = add_containers(in, ns, pod, obj);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(obj);
	return 0;
}

int rast_state_pod_store(const struct rast_instance *in, const json_t *pod, struct rast_err *err)
{
	_cleanup_json_ json_t *copy = json_copy((json_t *)(uintptr_t)pod);
	const char *ns = rast_json_str(pod, "namespace"), *name = rast_json_str(pod, "name");
	char path[512];
	int r;

	r = rast_state_pod_path(in, ns, name, "containers", path, sizeof(path));
	if (!r)
		r = rast_mkdir_p(path, 0700);
	if (!r)
		r = rast_state_pod_path(in, ns, name, "pod.json", path, sizeof(path));
	if (!r) {
		(void)json_object_del(copy, "containers");
		r = rast_json_store(AT_FDCWD, path, copy, 0);
	}
	if (r == 0)
		return 0;
	/* Of a pod that never was one no folder stays; one that could not be changed is as it was. */
	if (rast_state_pod_path(in, ns, name, "pod.json", path, sizeof(path)) == 0 &&
	    access(path, F_OK) < 0)
		(void)rast_state_pod_remove(in, ns, name, NULL);
	return rast_err_sys(err, -r, "state of pod %s/%s", ns, name);
}

int rast_state_pod_remove(const struct rast_instance *in, const char *ns, const char *pod,
			  struct rast_err *err)
{
	char path[512];
	int r;

	/* pod.json goes first: what is half removed is no pod any more, and gc takes the rest. */
	r = rast_state_pod_path(in, ns, pod, "pod.json", path, sizeof(path));
	if (!r && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	/* Nothing else is left of most pods: two directories. */
	if (!r && rast_state_pod_path(in, ns, pod, "containers", path, sizeof(path)) == 0)
		(void)rmdir(path);
	if (!r)
		r = rast_state_pod_path(in, ns, pod, NULL, path, sizeof(path));
	if (!r && rmdir(path) < 0 && errno != ENOENT)
		r = rast_remove_tree(AT_FDCWD, path);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	r = rast_state_data_remove(in, ns, pod, err);
	if (r < 0)
		return r;
	/* The namespace's folder goes with its last pod. */
	(void)snprintf(path, sizeof(path), "%s/pods/%s", in->run_dir, ns);
	(void)rmdir(path);
	return 0;
}

int rast_state_each_pod(const struct rast_instance *in,
			int (*fn)(void *arg, const char *ns, const char *pod), void *arg)
{
	struct dirent **spaces = NULL, **pods = NULL;
	char path[512];
	int n, m, i, j, r = 0;

	(void)snprintf(path, sizeof(path), "%s/pods", in->run_dir);
	n = scandir(path, &spaces, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (!r && name_ok(spaces[i]->d_name)) {
			(void)snprintf(path, sizeof(path), "%s/pods/%s", in->run_dir,
				       spaces[i]->d_name);
			m = scandir(path, &pods, NULL, alphasort);
			for (j = 0; j < m; j++) {
				if (!r && name_ok(pods[j]->d_name))
					r = fn(arg, spaces[i]->d_name, pods[j]->d_name);
				free(pods[j]);
			}
			free(pods);
			pods = NULL;
		}
		free(spaces[i]);
	}
	free(spaces);
	return r;
}

int rast_state_pod_look(const struct rast_instance *in, const char *ns, const char *pod,
			bool containers, json_t **ret)
{
	struct rast_err err = {0};
	char text[900];
	int r;

	*ret = NULL;
	r = rast_state_pod_load(in, ns, pod, containers, ret, &err);
	/* A folder without pod.json is of one that was half removed: gc's. */
	if (r == -ENOENT)
		return 0;
	if (r != -EINVAL)
		return r;
	*ret = json_pack("{s:s,s:s,s:s}", "namespace", ns, "name", pod, "broken",
			 rast_err_format(&err, text, sizeof(text)));
	return *ret ? 0 : -ENOMEM;
}

struct collect {
	const struct rast_instance *in;
	bool containers;
	json_t *out;
};

static int collect_pod(void *arg, const char *ns, const char *pod)
{
	struct collect *c = arg;
	json_t *obj;
	int r = rast_state_pod_look(c->in, ns, pod, c->containers, &obj);

	if (r < 0 || !obj)
		return r;
	return json_array_append_new(c->out, obj) < 0 ? -ENOMEM : 0;
}

int rast_state_pods(const struct rast_instance *in, bool containers, json_t **ret,
		    struct rast_err *err)
{
	struct collect c = {in, containers, json_array()};
	int r = rast_state_each_pod(in, collect_pod, &c);

	if (r < 0) {
		json_decref(c.out);
		return rast_err_sys(err, -r, "%s/pods", in->run_dir);
	}
	*ret = c.out;
	return 0;
}

static int container_path(const struct rast_instance *in, const char *ns, const char *pod,
			  const char *name, char *buf, size_t size)
{
	char tail[300];

	if (!name_ok(name))
		return -EINVAL;
	(void)snprintf(tail, sizeof(tail), "containers/%s.json", name);
	return rast_state_pod_path(in, ns, pod, tail, buf, size);
}

int rast_state_container_load(const struct rast_instance *in, const char *ns, const char *pod,
			      const char *name, json_t **ret, struct rast_err *err)
{
	char path[800];
	int r;

	r = container_path(in, ns, pod, name, path, sizeof(path));
	if (r < 0)
		return rast_err_set(err, -r, "container %.64s: not a container's name", name);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return rast_err_set(err, ENOENT, "no container %s in pod %s/%s", name, ns, pod);
	return rast_json_load(AT_FDCWD, path, ret, err);
}

int rast_state_container_store(const struct rast_instance *in, const char *ns, const char *pod,
			       const json_t *container, struct rast_err *err)
{
	const char *name = rast_json_str(container, "name");
	char path[800];
	int r;

	r = container_path(in, ns, pod, name, path, sizeof(path));
	if (!r)
		r = rast_json_store(AT_FDCWD, path, container, 0);
	return r < 0 ? rast_err_sys(err, -r, "state of container %s/%s/%s", ns, pod, name) : 0;
}

int rast_state_container_remove(const struct rast_instance *in, const char *ns, const char *pod,
				const char *name, struct rast_err *err)
{
	char path[800];
	int r = container_path(in, ns, pod, name, path, sizeof(path));

	if (!r && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? rast_err_sys(err, -r, "state of container %s/%s/%s", ns, pod, name) : 0;
}

struct find {
	const struct rast_instance *in;
	const char *pod;
	struct rast_state_name *ret;
	int found;
};

static int find_pod(void *arg, const char *ns, const char *pod)
{
	struct find *f = arg;
	char path[512];

	if (strcmp(pod, f->pod) ||
	    rast_state_pod_path(f->in, ns, pod, "pod.json", path, sizeof(path)) < 0 ||
	    access(path, F_OK) < 0)
		return 0;
	if (!f->found++)
		(void)snprintf(f->ret->ns, sizeof(f->ret->ns), "%s", ns);
	return 0;
}

/* How many parts between slashes, each of them a name; -EINVAL. */
static int split_name(const char *name, char part[3][256])
{
	int n = 0;

	for (;;) {
		size_t len = strcspn(name, "/");

		if (n == 3 || len > 255)
			return -EINVAL;
		memcpy(part[n], name, len);
		part[n][len] = '\0';
		if (!name_ok(part[n++]))
			return -EINVAL;
		if (!name[len])
			return n;
		name += len + 1;
	}
}

int rast_state_resolve(const struct rast_instance *in, const char *name,
		       struct rast_state_name *ret, struct rast_err *err)
{
	struct rast_state_name out = {0};
	char part[3][256];
	char path[800];
	int n = split_name(name, part);

	if (n < 0 || strlen(part[0]) > (n > 1 ? 63u : 253u) || (n > 2 && strlen(part[2]) > 63))
		return rast_err_set(err, EINVAL,
				    "\"%.80s\": want POD, NAMESPACE/POD or NAMESPACE/POD/CONTAINER",
				    name);
	if (n == 1) {
		struct find f = {in, part[0], &out, 0};

		(void)rast_state_each_pod(in, find_pod, &f);
		if (!f.found)
			return rast_err_set(err, ENOENT, "no pod %s", name);
		if (f.found > 1)
			return rast_err_set(err, EEXIST,
					    "%d namespaces have a pod %s: name it NAMESPACE/%s",
					    f.found, name, name);
		(void)snprintf(out.pod, sizeof(out.pod), "%s", part[0]);
	} else {
		(void)snprintf(out.ns, sizeof(out.ns), "%.63s", part[0]);
		(void)snprintf(out.pod, sizeof(out.pod), "%s", part[1]);
		if (rast_state_pod_path(in, out.ns, out.pod, "pod.json", path, sizeof(path)) < 0 ||
		    access(path, F_OK) < 0)
			return rast_err_set(err, ENOENT, "no pod %s/%s", out.ns, out.pod);
	}
	if (n == 3) {
		(void)snprintf(out.container, sizeof(out.container), "%.63s", part[2]);
		if (container_path(in, out.ns, out.pod, out.container, path, sizeof(path)) < 0 ||
		    access(path, F_OK) < 0)
			return rast_err_set(err, ENOENT, "no container %s in pod %s/%s",
					    out.container, out.ns, out.pod);
	}
	*ret = out;
	return 0;
}

#define SLOT_BYTES (RAST_MAX_CONTAINERS / 8)
#define IDENTITY_BYTES (RAST_MAX_IDENTITIES / 8)

static int numbers_open(const struct rast_instance *in)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/numbers", in->run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

/* Lowest clear bit from `first` on, set. */
static int take_bit(unsigned char *map, size_t bytes, uint32_t first, uint32_t *ret)
{
	uint32_t i;

	for (i = first; i < bytes * 8; i++)
		if (!(map[i / 8] & (1u << (i % 8)))) {
			map[i / 8] |= (unsigned char)(1u << (i % 8));
			*ret = i;
			return 0;
		}
	return -ENOSPC;
}

int rast_state_numbers_take(const struct rast_instance *in, uint32_t *ret_identity,
			    uint32_t *ret_slots, size_t n_slots, struct rast_err *err)
{
	unsigned char map[SLOT_BYTES + IDENTITY_BYTES] = {0};
	_cleanup_close_ int fd = numbers_open(in);
	size_t i;

	if (fd < 0)
		return rast_err_sys(err, -fd, "%s/numbers", in->run_dir);
	/* A file that is still short reads as zeroes: nothing taken. */
	if (pread(fd, map, sizeof(map), 0) < 0)
		return rast_err_sys(err, errno, "%s/numbers", in->run_dir);
	if (ret_identity &&
	    take_bit(map + SLOT_BYTES, IDENTITY_BYTES, RAST_IDENTITY_FIRST, ret_identity) < 0)
		return rast_err_set(err, ENOSPC, "all %d identities are taken",
				    IDENTITY_BYTES * 8 - RAST_IDENTITY_FIRST);
	for (i = 0; i < n_slots; i++)
		if (take_bit(map, SLOT_BYTES, 0, &ret_slots[i]) < 0)
			return rast_err_set(err, ENOSPC, "all %d container slots are taken",
					    SLOT_BYTES * 8);
	if (pwrite(fd, map, sizeof(map), 0) != (ssize_t)sizeof(map))
		return rast_err_sys(err, errno ? errno : EIO, "%s/numbers", in->run_dir);
	return 0;
}

int rast_state_numbers_drop(const struct rast_instance *in, uint32_t identity,
			    const uint32_t *slots, size_t n_slots)
{
	unsigned char map[SLOT_BYTES + IDENTITY_BYTES] = {0};
	_cleanup_close_ int fd = numbers_open(in);
	size_t i;

	if (fd < 0)
		return fd;
	if (pread(fd, map, sizeof(map), 0) < 0)
		return -errno;
	if (identity && identity < RAST_MAX_IDENTITIES)
		map[SLOT_BYTES + identity / 8] &= (unsigned char)~(1u << (identity % 8));
	for (i = 0; i < n_slots; i++)
		if (slots[i] < RAST_MAX_CONTAINERS)
			map[slots[i] / 8] &= (unsigned char)~(1u << (slots[i] % 8));
	return pwrite(fd, map, sizeof(map), 0) == (ssize_t)sizeof(map) ? 0 : -EIO;
}

int rast_state_start_ticks(int pid, uint64_t *ret)
{
	_cleanup_close_ int fd = -1;
	char path[64], text[2048], *p;
	ssize_t n;
	int field;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* The kernel gives all of it at once. */
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	/* The command's name may hold anything, also ')': fields count from behind the last one. */
	p = strrchr(text, ')');
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EIO;
	*ret = strtoull(p + 1, NULL, 10);
	return 0;
}

bool rast_state_container_alive(const json_t *container)
{
	int pid = (int)rast_json_int(container, "pid");
	uint64_t ticks;
	char path[64];
	_cleanup_free_ char *text = NULL;
	char *p;

	if (pid <= 0 || rast_state_start_ticks(pid, &ticks) < 0 ||
	    ticks != (uint64_t)rast_json_int(container, "start_ticks"))
		return false;
	/* A zombie has exited: only its parent has not asked yet. */
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (rast_read_file(AT_FDCWD, path, 8192, &text, NULL) < 0)
		return false;
	p = strrchr(text, ')');
	return p && p[1] && p[2] != 'Z' && p[2] != 'X';
}

int rast_state_numbers_rebuild(const struct rast_instance *in, const json_t *pods,
			       struct rast_err *err)
{
	unsigned char map[SLOT_BYTES + IDENTITY_BYTES] = {0};
	_cleanup_close_ int fd = numbers_open(in);
	const json_t *pod, *slot;
	size_t i, j;

	if (fd < 0)
		return rast_err_sys(err, -fd, "%s/numbers", in->run_dir);
	json_array_foreach((json_t *)(uintptr_t)pods, i, pod) {
		uint64_t id = (uint64_t)rast_json_int(pod, "identity");

		if (id < RAST_MAX_IDENTITIES)
			map[SLOT_BYTES + id / 8] |= (unsigned char)(1u << (id % 8));
		json_array_foreach(json_object_get(pod, "slots"), j, slot) {
			uint64_t n = (uint64_t)json_integer_value(slot);

			if (n < RAST_MAX_CONTAINERS)
				map[n / 8] |= (unsigned char)(1u << (n % 8));
		}
	}
	if (pwrite(fd, map, sizeof(map), 0) != (ssize_t)sizeof(map))
		return rast_err_sys(err, errno ? errno : EIO, "%s/numbers", in->run_dir);
	return 0;
}
