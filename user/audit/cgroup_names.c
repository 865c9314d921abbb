// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of containers by cgroup id; see cgroup_names.h. A cgroup id is the inode number of its directory,
 * and kernfs takes it as a file handle: no tree is walked.
 */
#include "audit/cgroup_names.h"

#include "base/fd.h"
#include "base/json.h"
#include "container/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 8192u      /* a power of two, twice the number of containers */
#define NAMES_RESCAN_MS 200u /* state files are looked at no more often for an unknown id */
#define FILEID_KERNFS 0xfe

struct rast_cgroup_names {
	const struct rast_instance *in;
	int mount_fd;
	char mount[128];
	uint64_t scanned_ms;
	unsigned int count;
	struct rast_cgroup_name table[NAMES_MAX]; /* open addressing; cgroup_id 0: free */
};

bool rast_cgroup_name_parse(const char *instance, const char *path, struct rast_cgroup_name *ret)
{
	size_t n = strlen(instance), ns, pod, container;
	const char *p = path, *mid, *end;

	if (*p++ != '/' || strncmp(p, instance, n) || p[n] != '/')
		return false;
	p += n + 1;
	mid = strchr(p, '_');
	end = strchr(p, '/');
	if (!mid || !end || mid > end)
		return false;
	ns = (size_t)(mid - p);
	pod = (size_t)(end - mid - 1);
	container = strcspn(end + 1, "/");
	if (!ns || !pod || !container || ns >= sizeof(ret->ns) || pod >= sizeof(ret->pod) ||
	    container >= sizeof(ret->container))
		return false;
	memcpy(ret->ns, p, ns);
	ret->ns[ns] = '\0';
	memcpy(ret->pod, mid + 1, pod);
	ret->pod[pod] = '\0';
	memcpy(ret->container, end + 1, container);
	ret->container[container] = '\0';
	return true;
}

const char *rast_cgroup_name_format(const struct rast_cgroup_name *name, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s/%s", name->ns, name->pod, name->container);
	return buf;
}

bool rast_cgroup_name_match(const struct rast_cgroup_name *name, const char *pattern)
{
	char text[400];

	if (!strcmp(pattern, name->pod) || !strcmp(pattern, name->container))
		return true;
	(void)snprintf(text, sizeof(text), "%s/%s", name->ns, name->pod);
	if (!strcmp(pattern, text))
		return true;
	(void)snprintf(text, sizeof(text), "%s/%s", name->pod, name->container);
	return !strcmp(pattern, text) ||
	       !strcmp(pattern, rast_cgroup_name_format(name, text, sizeof(text)));
}

/* Where cgroup2 is mounted. */
static int find_mount(char *ret, size_t size)
{
	char line[1024], where[256], type[64];
	FILE *f = fopen("/proc/self/mounts", "re");
	int rc = -1;

	while (f && rc < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %255s %63s", where, type) == 2 && !strcmp(type, "cgroup2") &&
		    strlen(where) < size) {
			memcpy(ret, where, strlen(where) + 1);
			rc = 0;
		}
	if (f)
		(void)fclose(f);
	return rc;
}

struct rast_cgroup_names *rast_cgroup_names_create(const struct rast_instance *in)
{
	struct rast_cgroup_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->in = in;
	n->mount_fd = -1;
	/* Without the mount or the privilege the state files still speak. */
	if (!find_mount(n->mount, sizeof(n->mount)))
		n->mount_fd = open(n->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return n;
}

void rast_cgroup_names_destroy(struct rast_cgroup_names *n)
{
	if (!n)
		return;
	rast_closep(&n->mount_fd);
	free(n);
}

static struct rast_cgroup_name *place(struct rast_cgroup_names *n, uint64_t id)
{
	unsigned int i = (unsigned int)(id * 0x9e3779b97f4a7c15ull >> 32) & (NAMES_MAX - 1);

	while (n->table[i].cgroup_id && n->table[i].cgroup_id != id)
		i = (i + 1) & (NAMES_MAX - 1);
	return &n->table[i];
}

static const struct rast_cgroup_name *remember(struct rast_cgroup_names *n,
					       const struct rast_cgroup_name *name)
{
	struct rast_cgroup_name *e = place(n, name->cgroup_id);

	if (!e->cgroup_id && n->count >= NAMES_MAX / 2) {
		/* Ids are never used again, so old ones only take room. */
		memset(n->table, 0, sizeof(n->table));
		n->count = 0;
		e = place(n, name->cgroup_id);
	}
	if (!e->cgroup_id)
		n->count++;
	*e = *name;
	return e;
}

static bool ask_cgroup(struct rast_cgroup_names *n, uint64_t id, struct rast_cgroup_name *ret)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = {.h = {.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}};
	_cleanup_close_ int fd = -1;
	char link[64], path[512];
	size_t skip = strlen(n->mount);
	ssize_t len;

	if (n->mount_fd < 0)
		return false;
	memcpy(u.space + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	fd = open_by_handle_at(n->mount_fd, &u.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	ret->cgroup_id = id;
	return (size_t)len > skip && !strncmp(path, n->mount, skip) &&
	       rast_cgroup_name_parse(n->in->cgroup, path + skip, ret);
}

static void scan_state(struct rast_cgroup_names *n)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod, *container;
	size_t i, j;

	if (rast_state_pods(n->in, true, &pods, NULL) < 0)
		return;
	json_array_foreach(pods, i, pod) {
		json_array_foreach(json_object_get(pod, "containers"), j, container) {
			struct rast_cgroup_name name = {0};

			name.cgroup_id = (uint64_t)rast_json_int(container, "cgroup_id");
			(void)snprintf(name.ns, sizeof(name.ns), "%s",
				       rast_json_str(pod, "namespace"));
			(void)snprintf(name.pod, sizeof(name.pod), "%s",
				       rast_json_str(pod, "name"));
			(void)snprintf(name.container, sizeof(name.container), "%s",
				       rast_json_str(container, "name"));
			if (name.cgroup_id && *name.container)
				(void)remember(n, &name);
		}
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const struct rast_cgroup_name *rast_cgroup_names_find(struct rast_cgroup_names *n,
						      uint64_t cgroup_id)
{
	const struct rast_cgroup_name *e;
	struct rast_cgroup_name name;
	uint64_t now;

	if (!n || !cgroup_id)
		return NULL;
	e = place(n, cgroup_id);
	if (e->cgroup_id)
		return e;
	if (ask_cgroup(n, cgroup_id, &name))
		return remember(n, &name);
	now = now_ms();
	if (n->scanned_ms && now - n->scanned_ms < NAMES_RESCAN_MS)
		return NULL;
	n->scanned_ms = now;
	scan_state(n);
	e = place(n, cgroup_id);
	return e->cgroup_id ? e : NULL;
}
