// SPDX-License-Identifier: BSD-2-Clause
/* Rows of figures; see account_view.h. */
#include "account/account_view.h"

#include "account/account.h"
#include "account/account_bpf.h"
#include "audit/cgroup_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct history {
	uint64_t cgroup_id;
	struct rast_account_sample before, now;
};

struct rast_account_view {
	const struct rast_instance *in;
	struct rast_account_reader *reader;
	struct rast_cgroup_names *names;
	bool files; /* no iterator: CPU, memory and tasks are read from cgroupfs */
	struct history history[RAST_MAX_CONTAINERS];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int rast_account_view_create(const struct rast_instance *in, struct rast_account_view **ret,
			     struct rast_err *err)
{
	struct rast_account_view *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return rast_err_set(err, ENOMEM, "out of memory");
	v->in = in;
	v->names = rast_cgroup_names_create(in);
	r = v->names ? rast_account_reader_open(in, &v->reader, err)
		     : rast_err_set(err, ENOMEM, "out of memory");
	if (r < 0) {
		rast_account_view_destroy(v);
		return r;
	}
	*ret = v;
	return 0;
}

void rast_account_view_destroy(struct rast_account_view *v)
{
	if (!v)
		return;
	rast_account_reader_destroy(v->reader);
	rast_cgroup_names_destroy(v->names);
	free(v);
}

const char *rast_account_view_source(const struct rast_account_view *v)
{
	return v->files ? "files" : "iterator";
}

/* Current entries, files read where the iterator cannot. */
static int entries(struct rast_account_view *v, struct rast_account_entry **ret, size_t *ret_n,
		   struct rast_err *err)
{
	const struct rast_cgroup_name *name;
	char path[512];
	size_t i;
	int r;

	v->files = !rast_account_reader_collect(v->reader);
	r = rast_account_reader_list(v->reader, ret, ret_n, err);
	for (i = 0; !r && v->files && i < *ret_n; i++) {
		name = rast_cgroup_names_find(v->names, (*ret)[i].cgroup_id);
		if (!name)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s_%s/%s", v->in->cgroup, name->ns,
			       name->pod, name->container);
		rast_account_reader_files(v->reader, path, &(*ret)[i].figures);
	}
	return r;
}

int rast_account_view_tick(struct rast_account_view *v, struct rast_err *err)
{
	_cleanup_free_ struct rast_account_entry *list = NULL;
	uint64_t now = now_ns();
	size_t n, i;
	int r;

	r = entries(v, &list, &n, err);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		const struct rast_account_entry *e = &list[i];
		struct history *h;

		if (e->container.slot >= RAST_MAX_CONTAINERS)
			continue;
		h = &v->history[e->container.slot];
		if (h->cgroup_id != e->cgroup_id)
			*h = (struct history){.cgroup_id = e->cgroup_id};
		h->before = h->now;
		rast_account_sample(&e->figures, e->syscalls, now, &h->now);
	}
	return 0;
}

static json_t *row(struct rast_account_view *v, const struct rast_account_entry *e,
		   const struct rast_cgroup_name *name)
{
	json_t *obj = json_object(), *figures = rast_account_json(&e->figures, e->syscalls);
	const struct history *h = NULL;
	char text[400];

	if (name) {
		rast_json_set_str(obj, "name", rast_cgroup_name_format(name, text, sizeof(text)));
		rast_json_set_str(obj, "namespace", name->ns);
		rast_json_set_str(obj, "pod", name->pod);
		rast_json_set_str(obj, "container", name->container);
	} else {
		(void)snprintf(text, sizeof(text), "cgroup:%llu", (unsigned long long)e->cgroup_id);
		rast_json_set_str(obj, "name", text);
	}
	(void)json_object_set_new(obj, "slot", json_integer(e->container.slot));
	(void)json_object_set_new(obj, "cgroup_id", json_integer((json_int_t)e->cgroup_id));
	rast_json_set_str(obj, "state",
			  e->container.flags & RAST_CONTAINER_EXITED ? "exited" : "running");
	if (e->container.flags & RAST_CONTAINER_OOM)
		(void)json_object_set_new(obj, "oom_killed", json_true());
	if (e->container.slot < RAST_MAX_CONTAINERS)
		h = &v->history[e->container.slot];
	if (h && h->cgroup_id == e->cgroup_id && h->before.time_ns)
		rast_account_rates(&h->before, &h->now, figures);
	(void)json_object_update(obj, figures);
	json_decref(figures);
	return obj;
}

int rast_account_view_rows(struct rast_account_view *v, const char *pattern, json_t **ret,
			   struct rast_err *err)
{
	_cleanup_free_ struct rast_account_entry *list = NULL;
	json_t *rows;
	size_t n, i;
	int r;

	r = entries(v, &list, &n, err);
	if (r < 0)
		return r;
	rows = json_array();
	for (i = 0; i < n; i++) {
		const struct rast_cgroup_name *name =
			rast_cgroup_names_find(v->names, list[i].cgroup_id);

		if (!pattern || (name && rast_cgroup_name_match(name, pattern)))
			(void)json_array_append_new(rows, row(v, &list[i], name));
	}
	if (pattern && !json_array_size(rows)) {
		json_decref(rows);
		return rast_err_set(err, ENOENT, "no container \"%.100s\"", pattern);
	}
	*ret = rows;
	return 0;
}

int rast_account_view_syscalls(struct rast_account_view *v, const char *pattern, size_t n,
			       json_t **ret, struct rast_err *err)
{
	_cleanup_free_ struct rast_account_entry *list = NULL;
	struct rast_account_top top[RAST_MAX_SYSCALLS];
	struct rast_syscalls sum = {0};
	size_t count, i, j, found = 0;
	uint64_t all;
	json_t *rows;
	char name[64];
	int r;

	r = rast_account_reader_list(v->reader, &list, &count, err);
	if (r < 0)
		return r;
	for (i = 0; i < count; i++) {
		const struct rast_cgroup_name *who =
			rast_cgroup_names_find(v->names, list[i].cgroup_id);

		if (!who || !rast_cgroup_name_match(who, pattern))
			continue;
		found++;
		for (j = 0; list[i].syscalls && j < RAST_MAX_SYSCALLS; j++)
			sum.count[j] += list[i].syscalls->count[j];
	}
	if (!found)
		return rast_err_set(err, ENOENT, "no container \"%.100s\"", pattern);
	all = rast_account_calls(&sum);
	n = rast_account_top(&sum, top, n < RAST_MAX_SYSCALLS ? n : RAST_MAX_SYSCALLS);
	rows = json_array();
	for (i = 0; i < n; i++) {
		json_t *o = json_object();

		rast_json_set_str(o, "syscall",
				  rast_account_syscall_name(top[i].nr, name, sizeof(name)));
		(void)json_object_set_new(o, "number", json_integer(top[i].nr));
		(void)json_object_set_new(o, "count", json_integer((json_int_t)top[i].count));
		(void)json_object_set_new(
			o, "percent",
			json_real(
				(double)(int64_t)((double)top[i].count * 1000 / (double)all + 0.5) /
				10));
		(void)json_array_append_new(rows, o);
	}
	*ret = rows;
	return 0;
}
