// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names for the numbers in events; see names.h. Everything is read anew when a file below
 * <run_dir>/pods changed, at most every 20 ms and only while somebody asks.
 */
#include "controller/names.h"

#include "base/fd.h"
#include "bpf/container.h"
#include "bpf/policy.h"
#include "container/state.h"
#include "container/state_cache.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define MIN_RELOAD_NS 20000000u
#define WATCH_MASK (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR)

struct slot {
	json_t *fields; /* container, pod, namespace, labels; NULL: nobody */
	uint64_t cgroup_id;
};

struct rast_names {
	struct rast_instance in;
	int inotify_fd, cgroup_fd;
	struct rast_state_cache *cache;
	json_t *pods; /* as last loaded: their folders are watched */
	bool dirty;
	uint64_t loaded_ns;
	struct slot slots[RAST_MAX_CONTAINERS];
};

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void forget(struct rast_names *n)
{
	for (size_t i = 0; i < RAST_MAX_CONTAINERS; i++) {
		json_decref(n->slots[i].fields);
		n->slots[i] = (struct slot){0};
	}
}

/* A root of cgroup2, for looking up a cgroup by its number. */
static int open_cgroup2(void)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	int fd = -1;

	while (f && fd < 0 && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f)
		(void)endmntent(f);
	return fd;
}

struct rast_names *rast_names_create(const struct rast_instance *in, struct rast_state_cache *pods)
{
	struct rast_names *n = calloc(1, sizeof(*n));
	char path[96];

	if (!n)
		return NULL;
	n->in = *in;
	n->cache = pods;
	/* There must be something to watch before the first pod. */
	(void)snprintf(path, sizeof(path), "%s/pods", in->run_dir);
	(void)rast_mkdir_p(path, 0755);
	n->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	n->cgroup_fd = open_cgroup2();
	n->dirty = true;
	return n;
}

void rast_names_destroy(struct rast_names *n)
{
	if (!n)
		return;
	forget(n);
	json_decref(n->pods);
	rast_closep(&n->inotify_fd);
	rast_closep(&n->cgroup_fd);
	free(n);
}

int rast_names_fd(const struct rast_names *n)
{
	return n->inotify_fd;
}

void rast_names_changed(struct rast_names *n)
{
	char buf[16384];

	while (read(n->inotify_fd, buf, sizeof(buf)) > 0)
		n->dirty = true;
}

static void watch(struct rast_names *n, const char *ns, const char *pod, const char *tail)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/pods%s%s%s%s%s", n->in.run_dir, *ns ? "/" : "", ns,
		       *pod ? "/" : "", pod, tail);
	/* Adding a folder that is watched already changes nothing. */
	(void)inotify_add_watch(n->inotify_fd, path, WATCH_MASK);
}

static void remember_container(struct rast_names *n, const json_t *pod, const json_t *c)
{
	int64_t slot = rast_json_int(c, "slot");
	json_t *fields;

	if (slot < 0 || slot >= RAST_MAX_CONTAINERS || !json_object_get(c, "slot"))
		return;
	fields = json_object();
	rast_json_set_str(fields, "namespace", rast_json_str(pod, "namespace"));
	rast_json_set_str(fields, "pod", rast_json_str(pod, "name"));
	rast_json_set_str(fields, "container", rast_json_str(c, "name"));
	if (json_object_get(pod, "labels"))
		(void)json_object_set(fields, "labels", json_object_get(pod, "labels"));
	json_decref(n->slots[slot].fields);
	n->slots[slot].fields = fields;
	n->slots[slot].cgroup_id = (uint64_t)rast_json_int(c, "cgroup_id");
}

/* An unchanged pod is the same object as the last time; both lists are sorted. */
static bool is_watched(const struct rast_names *n, const json_t *pod, size_t *at)
{
	for (size_t i = *at; i < json_array_size(n->pods); i++)
		if (json_array_get(n->pods, i) == pod) {
			*at = i + 1;
			return true;
		}
	return false;
}

static void reload(struct rast_names *n)
{
	_cleanup_json_ json_t *pods = NULL;
	uint64_t now = monotonic_ns();
	size_t i, j, at = 0;
	json_t *pod, *c;

	if (n->loaded_ns && now - n->loaded_ns < MIN_RELOAD_NS)
		return;
	n->loaded_ns = now;
	n->dirty = false;
	/* Watches first: what changes while we read is read again. */
	watch(n, "", "", "");
	if (rast_state_cache_pods(n->cache, &pods, NULL) < 0)
		return;
	forget(n);
	json_array_foreach(pods, i, pod) {
		const char *ns = rast_json_str(pod, "namespace"),
			   *name = rast_json_str(pod, "name");

		if (!is_watched(n, pod, &at)) {
			watch(n, ns, "", "");
			watch(n, ns, name, "");
			watch(n, ns, name, "/containers");
		}
		json_array_foreach(json_object_get(pod, "containers"), j, c)
			remember_container(n, pod, c);
	}
	json_decref(n->pods);
	n->pods = TAKE_PTR(pods);
}

/* "/…/INSTANCE/NS_POD/CONTAINER[/…]" of the cgroup with this number. */
static bool path_of_cgroup(struct rast_names *n, uint64_t id, char *buf, size_t size)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} h = {.head = {.handle_bytes = 8, .handle_type = 0xfe /* FILEID_KERNFS */}, .id = id};
	_cleanup_close_ int fd = -1;
	char link[64];
	ssize_t len;

	if (n->cgroup_fd < 0 || !id)
		return false;
	fd = open_by_handle_at(n->cgroup_fd, &h.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, buf, size - 1);
	if (len < 0)
		return false;
	buf[len] = '\0';
	return true;
}

static void remember_cgroup(struct rast_names *n, uint32_t slot, uint64_t cgroup_id)
{
	char path[PATH_MAX], mark[64], *p, *pod, *container;
	json_t *fields, *state = NULL;

	if (!path_of_cgroup(n, cgroup_id, path, sizeof(path)))
		return;
	(void)snprintf(mark, sizeof(mark), "/%s/", n->in.cgroup);
	p = strstr(path, mark);
	if (!p)
		return;
	p += strlen(mark);
	pod = strchr(p, '_');
	container = pod ? strchr(pod, '/') : NULL;
	if (!container)
		return;
	*pod++ = *container++ = '\0';
	container[strcspn(container, "/")] = '\0';
	fields = json_object();
	rast_json_set_str(fields, "namespace", p);
	rast_json_set_str(fields, "pod", pod);
	rast_json_set_str(fields, "container", container);
	if (rast_state_pod_load(&n->in, p, pod, false, &state, NULL) == 0) {
		if (json_object_get(state, "labels"))
			(void)json_object_set(fields, "labels", json_object_get(state, "labels"));
		json_decref(state);
	}
	json_decref(n->slots[slot].fields);
	n->slots[slot] = (struct slot){.fields = fields, .cgroup_id = cgroup_id};
}

bool rast_names_add_slot(struct rast_names *n, uint32_t slot, uint64_t cgroup_id, json_t *json)
{
	if (slot >= RAST_MAX_CONTAINERS)
		return false;
	if (n->dirty || !n->slots[slot].fields)
		reload(n);
	if (!n->slots[slot].fields)
		remember_cgroup(n, slot, cgroup_id);
	if (!n->slots[slot].fields)
		return false;
	(void)json_object_update(json, n->slots[slot].fields);
	return true;
}
