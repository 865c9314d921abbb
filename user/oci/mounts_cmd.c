// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci mounts: adds mounts to a container that runs, and takes away what was added. What was added stands
 * in mounts.json of its folder with the kernel's id of the mount, so that only that is ever taken away.
 */
#include "base/fd.h"
#include "container/mount_live.h"
#include "oci/create.h"
#include "oci/own_exe.h"
#include "oci/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define ADDED "mounts.json"

static const struct oci_opt mounts_opts[] = {
	{"format", 'f', "FORMAT", "of list: table (default) or json"},
	{0},
};

struct work {
	struct oci *o;
	const char *file;
	struct oci_container c;
	struct rast_oci_spec *container, *given;
	struct rast_mount_live live;
	json_t *added; /* [{"destination","type","source","id"}], in order */
};

/* The folder's lock keeps two of us apart; it goes with the fd. */
static int open_container(struct work *w, const char *id)
{
	struct rast_err *err = &w->o->err;
	int r = oci_container_open(w->o->root, id, &w->c, err);

	if (r < 0)
		return r;
	if (flock(w->c.dir, LOCK_EX) < 0)
		return rast_err_sys(err, errno, "container %s: lock", id);
	r = rast_json_load(w->c.dir, ADDED, &w->added, err);
	if (r == -ENOENT) {
		rast_err_clear(err);
		w->added = json_array();
		r = w->added ? 0 : rast_err_sys(err, ENOMEM, ADDED);
	}
	return r;
}

/* What is judged from text: the file's mounts, or only where they are. */
static int read_mounts(struct work *w, bool whole)
{
	struct rast_err *err = &w->o->err;
	int r;

	if (w->c.pidfd < 0)
		return rast_err_set(err, ESRCH, "container %s is not running", w->c.id);
	r = oci_container_spec(&w->c, &w->container, err);
	if (r == 0)
		r = rast_oci_mounts_load(AT_FDCWD, w->file, whole ? w->container : NULL, &w->given,
					 err);
	if (r < 0)
		return r;
	w->live = (struct rast_mount_live){
		w->c.pidfd,
		CLONE_NEWNS | ((w->container->ns_new | w->container->ns_join) & CLONE_NEWUSER),
	};
	if (w->given->n_mounts > RAST_MOUNT_LIVE_MAX)
		return rast_err_set(err, E2BIG, "%s: %zu mounts; at most %d are taken at once",
				    w->file, w->given->n_mounts, RAST_MOUNT_LIVE_MAX);
	return 0;
}

static int store(struct work *w)
{
	int r = rast_json_store(w->c.dir, ADDED, w->added, 0);

	return r < 0 ? rast_err_sys(&w->o->err, -r, "container %s: " ADDED, w->c.id) : 0;
}

/* ---- add ---- */

static int check_kind(struct work *w, size_t i)
{
	const struct rast_oci_mount *m = &w->given->mounts[i];
	struct rast_err *err = &w->o->err;

	if (m->flags & RAST_OCI_MOUNT_REMOUNT)
		return rast_err_set(err, EINVAL,
				    "%s: mounts[%zu].options: remount cannot be taken back",
				    w->file, i);
	if (m->flags & RAST_OCI_MOUNT_COPY_SYMLINK)
		return rast_err_set(err, EINVAL,
				    "%s: mounts[%zu].options: copy-symlink makes no mount", w->file,
				    i);
	if (!strcmp(m->destination, "/"))
		return rast_err_set(err, EINVAL, "%s: mounts[%zu].destination: is the root",
				    w->file, i);
	if (!(m->flags & RAST_OCI_MOUNT_BIND) && (!m->type || strcmp(m->type, "tmpfs") != 0))
		return rast_err_set(err, ENOTSUP,
				    "%s: mounts[%zu].type: \"%.40s\": want a bind or tmpfs",
				    w->file, i, m->type ? m->type : "");
	return 0;
}

static int remember(struct work *w, const uint64_t *ids)
{
	size_t i;

	for (i = 0; i < w->given->n_mounts; i++) {
		const struct rast_oci_mount *m = &w->given->mounts[i];
		bool bind = m->flags & RAST_OCI_MOUNT_BIND;

		if (json_array_append_new(w->added,
					  json_pack("{s:s,s:s,s:s,s:I}", "destination",
						    m->destination, "type", bind ? "bind" : m->type,
						    "source", m->source ? m->source : m->type, "id",
						    (json_int_t)ids[i])) < 0)
			return rast_err_sys(&w->o->err, ENOMEM, ADDED);
	}
	return store(w);
}

static int take_back(struct work *w, const struct oci_plan *p, const uint64_t *ids)
{
	const char *targets[RAST_MOUNT_LIVE_MAX];
	size_t i, at;

	/* The last first: they may lie in each other. */
	for (i = 0; i < p->list.n_items; i++)
		targets[i] = p->list.items[i].target;
	return rast_mount_live_remove(&w->live, targets, ids, p->list.n_items, &at, NULL);
}

static int add(struct work *w)
{
	struct rast_err *err = &w->o->err, failed = {0};
	uint64_t ids[RAST_MOUNT_LIVE_MAX];
	struct oci_plan p;
	size_t i, at = 0;
	int r = read_mounts(w, true);

	for (i = 0; r == 0 && i < w->given->n_mounts; i++)
		r = check_kind(w, i);
	if (r < 0 || !w->given->n_mounts)
		return r;
	oci_plan_init(&p);
	r = oci_plan_live_mounts(&p, w->given, w->c.pid, rast_json_str(w->c.state, "bundle"),
				 w->file, err);
	if (r == 0) {
		r = rast_mount_live_add(&w->live, p.list.items, p.list.n_items, ids, &at, &failed);
		if (r < 0)
			(void)rast_err_set(err, -r, "%s: mounts[%zu]: %s", w->file, at,
					   failed.text);
	}
	if (r == 0 && (r = remember(w, ids)) < 0)
		(void)take_back(w, &p, ids);
	oci_plan_finish(&p);
	return r;
}

/* ---- remove ---- */

/* The one that was added last at this place, of those that are not yet among `taken`. */
static ssize_t last_at(const json_t *added, const char *destination, const bool *taken)
{
	size_t i;

	for (i = json_array_size(added); i-- > 0;)
		if (!taken[i] &&
		    !strcmp(rast_json_str(json_array_get(added, i), "destination"), destination))
			return (ssize_t)i;
	return -1;
}

static int take_away(struct work *w)
{
	_cleanup_free_ bool *taken = calloc(json_array_size(w->added) + 1, sizeof(*taken));
	const char *targets[RAST_MOUNT_LIVE_MAX];
	struct rast_err *err = &w->o->err, failed = {0};
	uint64_t ids[RAST_MOUNT_LIVE_MAX];
	int r = taken ? read_mounts(w, false) : rast_err_sys(err, ENOMEM, "mounts");
	size_t i, at = 0;

	for (i = 0; r == 0 && i < w->given->n_mounts; i++) {
		ssize_t k = last_at(w->added, w->given->mounts[i].destination, taken);

		targets[i] = w->given->mounts[i].destination;
		if (k < 0)
			return rast_err_set(err, ENOENT,
					    "%s: mounts[%zu].destination: %.200s was not added by "
					    "\"mounts add\"",
					    w->file, i, targets[i]);
		taken[k] = true;
		ids[i] = (uint64_t)rast_json_int(json_array_get(w->added, (size_t)k), "id");
	}
	if (r < 0)
		return r;
	r = rast_mount_live_remove(&w->live, targets, ids, w->given->n_mounts, &at, &failed);
	if (r < 0)
		return rast_err_set(err, -r, "%s: mounts[%zu]: %s", w->file, at, failed.text);
	for (i = json_array_size(w->added); i-- > 0;)
		if (taken[i])
			(void)json_array_remove(w->added, i);
	return store(w);
}

/* ---- list ---- */

static int list(struct work *w, const char *format)
{
	const json_t *m;
	size_t i;

	if (format && strcmp(format, "json") != 0 && strcmp(format, "table") != 0)
		return rast_err_set(&w->o->err, EINVAL, "--format %.40s: want table or json",
				    format);
	if (format && !strcmp(format, "json")) {
		(void)json_dumpf(w->added, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		return 0;
	}
	(void)printf("%-40s %-8s %s\n", "DESTINATION", "TYPE", "SOURCE");
	json_array_foreach(w->added, i, m)
		(void)printf("%-40s %-8s %s\n", rast_json_str(m, "destination"),
			     rast_json_str(m, "type"), rast_json_str(m, "source"));
	return 0;
}

static int mounts_run(struct oci *o, const struct oci_args *a)
{
	struct work w = {.o = o, .c = OCI_CONTAINER_INIT};
	const char *verb = a->argv[0];
	bool lists = !strcmp(verb, "list");
	int r;

	if (!lists && strcmp(verb, "add") != 0 && strcmp(verb, "remove") != 0)
		r = rast_err_set(&o->err, EINVAL, "mounts %.40s: want add, remove or list", verb);
	else if (lists != (a->argc == 2))
		r = rast_err_set(&o->err, EINVAL, "usage: rast-oci mounts %s",
				 lists ? "list ID" : "add|remove ID FILE");
	else
		r = open_container(&w, a->argv[1]);
	/* At once: it starts all over. The child that enters can be looked at as one of exec can. */
	if (r == 0 && !lists && !rast_json_bool(w.c.state, "user_namespace"))
		r = oci_exe_protect(o);
	w.file = lists ? NULL : a->argv[2];
	if (r == 0)
		r = lists                  ? list(&w, oci_arg(a, "format"))
		    : !strcmp(verb, "add") ? add(&w)
					   : take_away(&w);
	rast_oci_spec_destroy(w.given);
	rast_oci_spec_destroy(w.container);
	json_decref(w.added);
	oci_container_close(&w.c);
	return r < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_mounts_command = {"mounts",
					       "add|remove ID FILE | list ID",
					       "add mounts to a running container, and remove them",
					       mounts_opts,
					       2,
					       3,
					       mounts_run};
