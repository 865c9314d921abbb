// SPDX-License-Identifier: BSD-2-Clause
/* See cgroup.h. What the files of a cgroup hold is resources.c's, what systemd is told systemd.c's. */
#include "oci/cgroup.h"

#include "base/fd.h"
#include "base/node_root.h"
#include "oci/create.h"
#include "oci/log.h"
#include "oci/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KILL_TIMEOUT_MS 10000

static int path_of(const struct rast_oci_spec *spec, const char *id, char *buf, size_t size,
		   struct rast_err *err)
{
	const char *path = spec->cgroups_path;
	int n;

	if (!path)
		n = snprintf(buf, size, "rast-oci-%.200s", id);
	else
		n = snprintf(buf, size, "%s", path + strspn(path, "/"));
	if (n <= 0 || (size_t)n >= size - 32)
		return rast_err_set(
			err, EINVAL,
			"config.json: linux.cgroupsPath: \"%.80s\" is empty or too long", path);
	return 0;
}

/* Without CAP_BPF of the node (a user namespace around us) there are no devices to keep from anybody. */
static int limit_devices(struct oci_cgroup *g, const struct rast_oci_spec *spec,
			 const struct oci_plan *plan, struct rast_err *err)
{
	_cleanup_free_ struct rast_device_rule *rules = NULL;
	struct rast_err failed = {0};
	size_t n;
	int r;

	r = oci_device_rules(&spec->resources, &rules, &n, err);
	if (r < 0)
		return r;
	r = rast_device_rules_attach(g->cg.fd, rules, n, &failed);
	if (r == -EPERM && (plan->list.binds_nodes || !rast_is_node_root()))
		return 0;
	return r < 0 ? rast_err_set(err, -r, "%s", failed.text) : 0;
}

/*
 * Who names the cgroup looks for the container's numbers there. On cgroup2 they are; with v1 only in the
 * hierarchies that are joined, and in those that are not the caller's own would be read instead.
 */
static unsigned int v1_of_clients(const struct oci *o, const struct rast_oci_spec *s)
{
	return !s->cgroups_path && !o->systemd
		       ? 0
		       : 1u << RAST_CG_CPU | 1u << RAST_CG_CPUACCT | 1u << RAST_CG_MEMORY |
				 1u << RAST_CG_PIDS | 1u << RAST_CG_IO;
}

/* Without one of its own the container lives where the caller does; that is what a "cgroup" mount shows. */
static void show_callers(struct oci_plan *plan)
{
	_cleanup_free_ char *text = NULL;
	struct rast_cgroup_layout l;
	const char *at;

	if (rast_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL) < 0)
		return;
	at = strstr(text, "0::/");
	if (!at || (at != text && at[-1] != '\n') || rast_cgroup_layout_init_some(0, &l, NULL) < 0)
		return;
	(void)snprintf(plan->cgroup_dir, sizeof(plan->cgroup_dir), "%s%.*s", l.v2_path,
		       (int)strcspn(at + 3, "\n"), at + 3);
	rast_cgroup_layout_finish(&l);
	plan->list.cgroup_dir = plan->cgroup_dir;
}

/* ---- by systemd ---- */

static const char *annotation(const struct rast_oci_spec *spec, const char *key)
{
	size_t i;

	for (i = 0; i < spec->n_annotations; i++)
		if (!strcmp(spec->annotations[i].key, key))
			return spec->annotations[i].value;
	return "";
}

/* All that the scope has, for what is below it. */
static int hand_down(const struct oci_cgroup *g)
{
	_cleanup_free_ char *text = NULL;
	char file[RAST_CGROUP_PATH_MAX + 32], enable[512] = "", *save, *word;
	size_t n = 0;
	int r;

	(void)snprintf(file, sizeof(file), "%s/cgroup.controllers", g->scope.cgroup);
	r = rast_read_file(g->layout.v2_fd, file, 4096, &text, NULL);
	if (r < 0)
		return r;
	for (word = strtok_r(text, " \n", &save); word && n < sizeof(enable) - 64;
	     word = strtok_r(NULL, " \n", &save))
		n += (size_t)snprintf(enable + n, sizeof(enable) - n, "+%.60s ", word);
	(void)snprintf(file, sizeof(file), "%s/cgroup.subtree_control", g->scope.cgroup);
	return n ? rast_write_file(g->layout.v2_fd, file, enable) : 0;
}

/* run.oci.systemd.subgroup: the container lives in a cgroup below the scope, as crun has it. */
static int add_subgroup(struct oci_cgroup *g, const char *name, struct rast_err *err)
{
	char file[RAST_CGROUP_PATH_MAX + 32], pid[16];
	int n, r;

	n = snprintf(g->path, sizeof(g->path), "%s/%s", g->scope.cgroup, name);
	if (strchr(name, '/') || name[0] == '.' || n >= (int)sizeof(g->path) - 32) {
		(void)strcpy(g->path, g->scope.cgroup);
		return rast_err_set(err, EINVAL,
				    "annotations.run.oci.systemd.subgroup: \"%.80s\" is no name",
				    name);
	}
	/* A cgroup that hands controllers down holds no processes: who holds the scope goes along. */
	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", g->path);
	(void)snprintf(pid, sizeof(pid), "%d", (int)g->scope.pid);
	r = mkdirat(g->layout.v2_fd, g->path, 0755) < 0 ? -errno : 0;
	if (r == 0)
		r = rast_write_file(g->layout.v2_fd, file, pid);
	if (r == 0)
		r = hand_down(g);
	return r < 0 ? rast_err_sys(err, -r, "cgroup %s", g->path) : 0;
}

/* The process that holds the scope is one of it: a container that may have one could not be made beside. */
static void make_room(struct oci_cgroup *g, struct oci_resources *res)
{
	size_t i;

	for (i = 0; i < res->n; i++) {
		struct rast_cgroup_write *s = &res->writes[i];

		if (s->v2_file && !strcmp(s->v2_file, "pids.max") && !strcmp(s->v2_value, "1")) {
			s->v2_value = s->v1_value = "2";
			g->one_too_many = true;
		}
	}
}

static int make_scope(struct oci *o, const struct oci_container *box,
		      const struct rast_oci_spec *spec, struct oci_resources *res,
		      struct oci_cgroup *g)
{
	const char *sub = annotation(spec, "run.oci.systemd.subgroup");
	_cleanup_json_ json_t *kept = NULL;
	int r;

	if (annotation(spec, "run.oci.delegate-cgroup")[0])
		oci_log_warning(o, "annotations.run.oci.delegate-cgroup is not supported: the "
				   "container lives in its scope");
	make_room(g, res);
	r = oci_scope_start(box->id, spec, res, g->layout.v2, &g->scope, &o->err);
	if (r < 0)
		return r;
	(void)strcpy(g->path, g->scope.cgroup);
	if (sub[0] && (r = add_subgroup(g, sub, &o->err)) < 0)
		return r;
	kept = json_pack("{s:s}", "cgroup", g->path);
	oci_scope_describe(&g->scope, kept);
	r = kept ? rast_json_store(box->dir, "scope.json", kept, 0) : -ENOMEM;
	return r < 0 ? rast_err_sys(&o->err, -r, "container %s: scope.json", box->id)
		     : oci_scope_approach(&g->scope, g->path, &o->err);
}

/* ---- the whole ---- */

int oci_cgroup_make(struct oci *o, const struct oci_container *box,
		    const struct rast_oci_spec *spec, struct oci_plan *plan, struct oci_cgroup *g)
{
	_cleanup_free_ struct oci_resources *res = malloc(sizeof(*res));
	struct rast_err *err = &o->err, failed = {0};
	struct rast_cgroup_limits lim = {0};
	int r, i;

	if (o->no_cgroup) {
		show_callers(plan);
		return 0;
	}
	if (!res)
		return rast_err_sys(err, ENOMEM, "cgroup");
	if ((!o->systemd && (r = path_of(spec, box->id, g->path, sizeof(g->path), err)) < 0) ||
	    (r = oci_resources_init(res, &spec->resources, err)) < 0)
		return r;
	lim.writes = res->writes;
	lim.n_writes = res->n;
	lim.v1_join = v1_of_clients(o, spec);
	lim.exists = o->systemd;
	r = rast_cgroup_layout_init_for(&lim, &g->layout, err);
	if (r == 0 && o->systemd && (r = make_scope(o, box, spec, res, g)) < 0)
		return r;
	/* An ordinary user has nothing of v1. */
	if (g->scope.user)
		lim.v1_join = 0;
	if (r == 0)
		r = rast_cgroup_create(&g->layout, g->path, &lim, &g->cg, &failed);
	/* An ordinary user whom nobody gave a cgroup of his own, and who wants no limits, needs none. */
	if ((r == -EACCES || r == -EPERM || r == -EROFS) && !rast_is_node_root() && !res->n &&
	    !o->systemd) {
		g->path[0] = '\0';
		show_callers(plan);
		return 0;
	}
	if (failed.code)
		r = rast_err_set(err, failed.code, "%s", failed.text);
	if (r == 0)
		r = limit_devices(g, spec, plan, err);
	if (r < 0)
		return r;
	plan->launch.cgroup_fd = g->cg.fd;
	plan->launch.cgroup_id = g->cg.id;
	for (i = 0; i < RAST_CG_MAX; i++)
		plan->launch.procs[i] = g->cg.procs[i];
	if (o->systemd)
		plan->launch.procs[RAST_CG_MAX] = g->scope_v1 =
			oci_scope_open_v1(&g->scope, g->path);
	(void)snprintf(plan->cgroup_dir, sizeof(plan->cgroup_dir), "%s/%s", g->layout.v2_path,
		       g->path);
	plan->list.cgroup_dir = plan->cgroup_dir;
	return 0;
}

int oci_cgroup_joined(struct oci_cgroup *g, const struct rast_oci_spec *spec, struct rast_err *err)
{
	_cleanup_free_ struct oci_resources *res = NULL;
	int r;

	oci_scope_release(&g->scope);
	if (!g->one_too_many)
		return 0;
	res = malloc(sizeof(*res));
	if (!res)
		return rast_err_sys(err, ENOMEM, "cgroup");
	r = oci_resources_init(res, &spec->resources, err);
	if (r == 0)
		r = oci_scope_set(&g->scope, res, g->layout.v2, err);
	return r < 0 ? r : rast_cgroup_apply(&g->layout, g->path, res->writes, res->n, err);
}

void oci_cgroup_describe(const struct oci_cgroup *g, json_t *state)
{
	rast_json_set_str(state, "cgroup", g->path);
	(void)json_object_set_new(state, "cgroup_v1", json_integer(g->cg.v1));
	oci_scope_describe(&g->scope, state);
}

int oci_cgroup_take_back(struct oci_cgroup *g)
{
	bool scope = g->scope.unit[0] != '\0';
	int r = 0;

	oci_scope_release(&g->scope);
	if (g->cg.fd < 0 && !scope)
		return 0;
	(void)rast_cgroup_kill(&g->layout, g->path);
	rast_cgroup_finish(&g->cg);
	/* systemd first; see oci_cgroup_remove(). */
	if (!scope || oci_scope_stop(&g->scope, NULL) == 0)
		r = rast_cgroup_remove(&g->layout, g->path, NULL);
	return r;
}

void oci_cgroup_finish(struct oci_cgroup *g)
{
	oci_scope_release(&g->scope);
	rast_closep(&g->scope_v1);
	g->scope_v1 = -1;
	rast_cgroup_finish(&g->cg);
	rast_cgroup_layout_finish(&g->layout);
}

static int kill_and_remove(struct oci *o, const char *id, const char *cgroup, unsigned int v1)
{
	struct rast_cgroup_layout l;
	int r;

	r = rast_cgroup_layout_init_some(v1, &l, &o->err);
	if (r < 0)
		return r;
	/* Mostly nobody is left in it. */
	if (rast_cgroup_remove_empty(&l, v1, cgroup) == 0)
		goto removed;
	(void)rast_cgroup_freeze(&l, cgroup, false);
	(void)rast_cgroup_kill(&l, cgroup);
	r = rast_cgroup_wait_empty(&l, cgroup, KILL_TIMEOUT_MS);
	if (r == 0)
		r = rast_cgroup_remove(&l, cgroup, &o->err);
	else
		r = rast_err_sys(&o->err, -r, "container %s: processes do not end", id);
removed:
	rast_cgroup_layout_finish(&l);
	return r;
}

/*
 * Who sees to it that systemd is rid of the unit: it hears from cgroup.events that nobody is left, and would
 * not when the file is removed at once. So the directory is left to it also when it does not answer.
 */
static bool end_scope(struct oci *o, const char *id, const char *cgroup, const struct oci_scope *s)
{
	struct rast_err failed = {0};
	struct rast_cgroup_layout l;

	if (*cgroup && rast_cgroup_layout_init_some(0, &l, NULL) == 0) {
		(void)rast_cgroup_freeze(&l, cgroup, false);
		(void)rast_cgroup_kill(&l, cgroup);
		rast_cgroup_layout_finish(&l);
	}
	if (oci_scope_stop(s, &failed) == 0)
		return true;
	(void)rast_err_prefix(&failed, "container %s: %s", id, s->unit);
	oci_log_warning(o, failed.text);
	return false;
}

int oci_cgroup_remove(struct oci *o, const struct oci_container *c)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	_cleanup_json_ json_t *kept = NULL;
	const json_t *from = c->state;
	struct rast_err failed = {0};
	char path[RAST_CGROUP_PATH_MAX];
	struct oci_scope scope;
	const char *cgroup;

	/* Its maker was killed before it could write who it is: what was kept says where it is. */
	if (!c->state && rast_json_load(c->dir, "scope.json", &kept, NULL) == 0)
		from = kept;
	cgroup = rast_json_str(from, "cgroup");
	if (!from && oci_container_spec(c, &spec, &failed) == 0 &&
	    path_of(spec, c->id, path, sizeof(path), &failed) == 0)
		cgroup = path;
	if (oci_scope_from(from, &scope) && !end_scope(o, c->id, cgroup, &scope))
		return 0;
	return *cgroup ? kill_and_remove(
				 o, c->id, cgroup,
				 c->state ? (unsigned int)rast_json_int(c->state, "cgroup_v1")
					  : ~0u)
		       : 0;
}
