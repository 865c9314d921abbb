// SPDX-License-Identifier: BSD-2-Clause
/* See state_cache.h. */
#include "container/state_cache.h"

#include "container/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/*
 * Times of folders are those of the kernel's last tick, so two changes may have the same. A folder that
 * changed this recently is read again the next time.
 */
#define SETTLED_NS 50000000

struct stamp {
	uint64_t ino, mtime_ns;
};

struct entry {
	struct entry *next;
	struct stamp pod, containers;
	bool settled, seen;
	json_t *state;
	char name[]; /* NS/POD */
};

struct rast_state_cache {
	struct rast_instance in;
	struct entry *list; /* in the order of the last look, which is sorted */
	struct entry **at;  /* during a look: where the next one is expected */
	json_t *out;
};

static void entry_free(struct entry *e)
{
	json_decref(e->state);
	free(e);
}

struct rast_state_cache *rast_state_cache_create(const struct rast_instance *in)
{
	struct rast_state_cache *c = calloc(1, sizeof(*c));

	if (c)
		c->in = *in;
	return c;
}

void rast_state_cache_destroy(struct rast_state_cache *c)
{
	struct entry *e;

	if (!c)
		return;
	while ((e = c->list)) {
		c->list = e->next;
		entry_free(e);
	}
	free(c);
}

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static int stamp_of(const char *path, struct stamp *ret)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	ret->ino = st.st_ino;
	ret->mtime_ns = ns_of(&st.st_mtim);
	return 0;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->mtime_ns == b->mtime_ns;
}

/* Names come sorted both times: whatever stands before the one wanted is gone. */
static struct entry *entry_of(struct rast_state_cache *c, const char *name)
{
	struct entry *e;
	size_t size = strlen(name) + 1;

	while ((e = *c->at) && strcmp(e->name, name) != 0) {
		struct entry *f = e;

		while (f && strcmp(f->name, name) != 0)
			f = f->next;
		if (!f)
			break;
		*c->at = e->next;
		entry_free(e);
	}
	if (!e || strcmp(e->name, name) != 0) {
		e = calloc(1, sizeof(*e) + size);
		if (!e)
			return NULL;
		memcpy(e->name, name, size);
		e->next = *c->at;
		*c->at = e;
	}
	c->at = &e->next;
	return e;
}

static int look_at(void *arg, const char *ns, const char *pod)
{
	struct rast_state_cache *c = arg;
	struct stamp dir, containers = {0};
	char path[512], name[330];
	struct timespec now;
	struct entry *e;
	int r;

	/* Before the files: what changes while they are read is read again. */
	r = rast_state_pod_path(&c->in, ns, pod, NULL, path, sizeof(path));
	if (r < 0 || stamp_of(path, &dir) < 0)
		return 0;
	(void)rast_state_pod_path(&c->in, ns, pod, "containers", path, sizeof(path));
	(void)stamp_of(path, &containers);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(name, sizeof(name), "%s/%s", ns, pod);
	e = entry_of(c, name);
	if (!e)
		return -ENOMEM;
	if (!e->state || !e->settled || !same(&e->pod, &dir) ||
	    !same(&e->containers, &containers)) {
		json_decref(e->state);
		e->state = NULL;
		r = rast_state_pod_look(&c->in, ns, pod, true, &e->state);
		if (r < 0)
			return r;
		e->pod = dir;
		e->containers = containers;
		e->settled = ns_of(&now) > dir.mtime_ns + SETTLED_NS &&
			     ns_of(&now) > containers.mtime_ns + SETTLED_NS;
	}
	return e->state && json_array_append(c->out, e->state) < 0 ? -ENOMEM : 0;
}

int rast_state_cache_pods(struct rast_state_cache *c, json_t **ret, struct rast_err *err)
{
	struct entry *e;
	int r;

	c->out = json_array();
	if (!c->out)
		return rast_err_sys(err, ENOMEM, "pods");
	c->at = &c->list;
	r = rast_state_each_pod(&c->in, look_at, c);
	if (r < 0) {
		json_decref(c->out);
		return rast_err_sys(err, -r, "%s/pods", c->in.run_dir);
	}
	while ((e = *c->at)) {
		*c->at = e->next;
		entry_free(e);
	}
	*ret = c->out;
	return 0;
}
