// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a killed process left, found by asking each place for names and comparing them with pod.json.
 * The node lock is held: nobody is in the middle of anything, so a pod whose containers are not all
 * on record was never finished.
 */
#include "node/node_priv.h"

#include "container/cgroup.h"
#include "container/container_bpf.h"
#include "container/state.h"
#include "loader/foreign.h"
#include "loader/loader.h"
#include "network/ipam.h"
#include "network/netns.h"
#include "network/network.h"
#include "node/foreign_priv.h"
#include "node/hosts.h"
#include "policy/policy_bpf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct gc {
	const struct rast_instance *in;
	json_t *pods; /* of this moment */
	json_t *report;
	int r; /* first error */
	struct rast_err *err;
};

static void say(struct gc *g, const char *kind, const char *name)
{
	(void)json_array_append_new(g->report, json_pack("{s:s,s:s}", "kind", kind, "name", name));
}

static void keep(struct gc *g, int r)
{
	if (r < 0 && !g->r)
		g->r = r;
}

static bool pod_is_known(const struct gc *g, const char *ns, const char *name)
{
	json_t *pod;
	size_t i;

	json_array_foreach(g->pods, i, pod)
		if (!strcmp(rast_json_str(pod, "namespace"), ns) &&
		    !strcmp(rast_json_str(pod, "name"), name))
			return true;
	return false;
}

/* Has a field of some pod this value? */
static bool field_is_known(const struct gc *g, const char *field, const char *value)
{
	json_t *pod;
	size_t i;

	json_array_foreach(g->pods, i, pod)
		if (!strcmp(rast_json_str(pod, field), value))
			return true;
	return false;
}

/*
 * The lock is held, so what is not complete will never be, and what is being stopped has lost whoever did it.
 * Of others' pods: is anything left to watch?
 */
static bool finished(const json_t *pod)
{
	if (rast_node_foreign_is(pod))
		return rast_node_foreign_alive(pod);
	return !json_object_get(pod, "broken") && !rast_json_bool(pod, "stopping") &&
	       (int64_t)json_array_size(json_object_get(pod, "containers")) ==
		       rast_json_int(pod, "n_containers");
}

static void unfinished_pods(struct gc *g, bool all)
{
	json_t *pod;
	char name[330];
	size_t i;

	json_array_foreach(g->pods, i, pod) {
		if (!all && finished(pod))
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", rast_json_str(pod, "namespace"),
			       rast_json_str(pod, "name"));
		/* What is on record of a broken one says nothing: it is found place by place below. */
		keep(g, rast_node_pod_undo(g->in, rast_json_str(pod, "namespace"),
					   rast_json_str(pod, "name"), 0, g->err));
		say(g, rast_node_foreign_is(pod) ? "registration" : "pod", name);
	}
	json_decref(g->pods);
	g->pods = NULL;
	keep(g, rast_state_pods(g->in, true, &g->pods, g->err));
	if (!g->pods)
		g->pods = json_array();
	for (i = json_array_size(g->pods); i-- > 0;)
		if (json_object_get(json_array_get(g->pods, i), "broken"))
			(void)json_array_remove(g->pods, i);
}

/* Calls fn for each folder of `path`. */
static void each_dir(struct gc *g, const char *path, const char *above,
		     void (*fn)(struct gc *g, const char *path, const char *above,
				const char *name))
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && names[i]->d_type == DT_DIR)
			fn(g, path, above, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static void pod_dir(struct gc *g, const char *path, const char *ns, const char *pod)
{
	char full[1000], netns[1020];

	if (pod_is_known(g, ns, pod))
		return;
	(void)snprintf(full, sizeof(full), "%s/%s", path, pod);
	(void)snprintf(netns, sizeof(netns), "%s/netns", full);
	keep(g, rast_netns_remove(netns, g->err));
	keep(g, rast_remove_tree(AT_FDCWD, full));
	say(g, "pod folder", full);
}

static void ns_dir(struct gc *g, const char *path, const char *above, const char *ns)
{
	char full[700];

	(void)above;
	(void)snprintf(full, sizeof(full), "%s/%s", path, ns);
	each_dir(g, full, ns, pod_dir);
	(void)rmdir(full);
}

/* <lib_dir>/pods/NS/POD */
static void pod_data_dir(struct gc *g, const char *path, const char *ns, const char *pod)
{
	char full[1100];

	if (pod_is_known(g, ns, pod))
		return;
	(void)snprintf(full, sizeof(full), "%s/%s", path, pod);
	keep(g, rast_state_data_remove(g->in, ns, pod, g->err));
	say(g, "pod data", full);
}

static void data_dir(struct gc *g, const char *path, const char *above, const char *ns)
{
	char full[700];

	(void)above;
	(void)snprintf(full, sizeof(full), "%s/%s", path, ns);
	each_dir(g, full, ns, pod_data_dir);
	(void)rmdir(full);
}

static void cgroup_dir(struct gc *g, const char *path, const char *above, const char *name)
{
	struct rast_cgroup_layout l;
	char rel[400], ns[300];
	char *bar;

	(void)path;
	(void)above;
	(void)snprintf(ns, sizeof(ns), "%s", name);
	bar = strchr(ns, '_');
	if (bar)
		*bar = '\0';
	if ((bar && pod_is_known(g, ns, bar + 1)) || rast_cgroup_layout_init(&l, g->err) < 0)
		return;
	(void)snprintf(rel, sizeof(rel), "%s/%s", g->in->cgroup, name);
	keep(g, rast_cgroup_kill(&l, rel));
	keep(g, rast_cgroup_remove(&l, rel, g->err));
	rast_cgroup_layout_finish(&l);
	say(g, "cgroup", rel);
}

static void cgroups(struct gc *g)
{
	struct rast_cgroup_layout l;
	char path[200];

	if (rast_cgroup_layout_init(&l, NULL) < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l.v2_fd, g->in->cgroup);
	each_dir(g, path, "", cgroup_dir);
	for (int i = 0; i < RAST_CG_MAX; i++) {
		if (!l.v1_path[i][0])
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", l.v1_path[i], g->in->cgroup);
		each_dir(g, path, "", cgroup_dir);
	}
	rast_cgroup_layout_finish(&l);
}

static void links_and_addresses(struct gc *g)
{
	_cleanup_json_ json_t *links = NULL, *addrs = NULL;
	json_t *one;
	size_t i;

	if (!rast_network_pod_list(g->in, &links, NULL))
		json_array_foreach(links, i, one) {
			const char *name = rast_json_str(one, "name");

			if (field_is_known(g, "ifname", name))
				continue;
			keep(g, rast_policy_bpf_endpoint_del_name(g->in, name, 0, g->err));
			keep(g, rast_network_pod_del(g->in, name, g->err));
			say(g, "link", name);
		}
	if (!rast_ipam_list(g->in, &addrs, NULL))
		json_array_foreach(addrs, i, one) {
			const char *addr = rast_json_str(one, "address");
			unsigned int a, b, c, d;

			if (field_is_known(g, "address", addr) ||
			    sscanf(addr, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
				continue;
			keep(g, rast_ipam_release(g->in, a << 24 | b << 16 | c << 8 | d, NULL,
						  g->err));
			say(g, "address", addr);
		}
}

/* Does a container have this cgroup? For the sweep of container_by_cgroup. */
static int is_live(void *arg, uint64_t cgroup_id)
{
	struct gc *g = arg;
	json_t *pod, *c;
	size_t i, j;

	json_array_foreach(g->pods, i, pod)
		json_array_foreach(json_object_get(pod, "containers"), j, c)
			if ((uint64_t)rast_json_int(c, "cgroup_id") == cgroup_id)
				return 1;
	return 0;
}

static void registrations(struct gc *g)
{
	unsigned int n = 0, links = rast_foreign_sweep(g->in, is_live, g);
	struct rast_err ignored = {0};
	char text[64];

	/* Nothing may be loaded. */
	(void)rast_node_foreign_control(g->in, &ignored);
	if (links) {
		(void)snprintf(text, sizeof(text), "%u links", links);
		say(g, "cgroup programs", text);
	}

	if (rast_container_bpf_sweep(g->in, is_live, g, &n) < 0 || !n)
		return;
	(void)snprintf(text, sizeof(text), "%u container registrations", n);
	say(g, "map entries", text);
}

/* The controller of this instance, asked to end by the pid it wrote; 0 when none runs. */
static int stop_controller(const struct rast_instance *in)
{
	char path[128];
	_cleanup_close_ int lock = -1;
	uint64_t pid;
	int r;

	(void)snprintf(path, sizeof(path), "%s/rastd.lock", in->run_dir);
	if (access(path, F_OK) < 0)
		return 0;
	r = rast_lock_file(path, 0, &lock);
	if (r != -EWOULDBLOCK)
		return r;
	r = rast_read_u64(AT_FDCWD, path, &pid);
	if (r < 0 || !pid)
		return r;
	if (kill((pid_t)pid, SIGTERM) < 0)
		return errno == ESRCH ? 0 : -errno;
	/* It holds the lock until it is gone. */
	return rast_lock_file(path, 1, &lock);
}

static void everything(struct gc *g)
{
	struct rast_cgroup_layout l;
	int r;

	r = stop_controller(g->in);
	if (r < 0)
		keep(g, rast_err_sys(g->err, -r, "stopping rastd"));
	keep(g, rast_network_teardown(g->in, g->err));
	keep(g, rast_bpffs_release(g->in, g->err));
	if (!rast_cgroup_layout_init(&l, NULL)) {
		keep(g, rast_cgroup_remove(&l, g->in->cgroup, g->err));
		rast_cgroup_layout_finish(&l);
	}
	r = rast_remove_tree(AT_FDCWD, g->in->run_dir);
	if (r < 0)
		keep(g, rast_err_sys(g->err, -r, "%s", g->in->run_dir));
	else
		say(g, "instance", g->in->name);
}

int rast_node_gc(const struct rast_instance *in, bool all, json_t **ret_report,
		 struct rast_err *err)
{
	struct gc g = {.in = in, .report = json_array(), .err = err};
	_cleanup_close_ int lock = -1;
	char path[200];

	if (access(in->run_dir, F_OK) < 0 && !all) {
		*ret_report = g.report;
		return 0;
	}
	keep(&g, rast_state_lock(in, &lock, err));
	if (!g.r)
		keep(&g, rast_state_pods(in, true, &g.pods, err));
	if (g.r < 0) {
		json_decref(g.report);
		return g.r;
	}
	unfinished_pods(&g, all);
	(void)snprintf(path, sizeof(path), "%s/pods", in->run_dir);
	each_dir(&g, path, "", ns_dir);
	(void)snprintf(path, sizeof(path), "%s/pods", in->lib_dir);
	each_dir(&g, path, "", data_dir);
	cgroups(&g);
	links_and_addresses(&g);
	registrations(&g);
	keep(&g, rast_state_numbers_rebuild(in, g.pods, err));
	if (all)
		everything(&g);
	else if (json_array_size(g.report))
		keep(&g, rast_hosts_update(in, err));
	json_decref(g.pods);
	*ret_report = g.report;
	return g.r;
}
