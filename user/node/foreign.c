// SPDX-License-Identifier: BSD-2-Clause
/*
 * See foreign.h. Order of an adoption: numbers and state (by which undo and gc find everything else) →
 * programs and record of its cgroup → endpoints, closed as yet → policy compiled with it.
 */
#include "node/foreign.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/container_bpf.h"
#include "container/state.h"
#include "loader/foreign.h"
#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/netns_ends.h"
#include "network/netns_nat.h"
#include "node/foreign_adopt.h"
#include "node/foreign_priv.h"
#include "node/hosts.h"
#include "node/node_priv.h"
#include "policy/connect_bpf.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void rast_adoption_finish(struct rast_adoption *a)
{
	rast_closep(&a->netns_fd);
	rast_closep(&a->cgroup_fd);
	json_decref(a->labels);
	json_decref(a->pod);
}

/* ---- what is asked ---- */

static int look_at_cgroup(struct rast_adoption *a, struct rast_err *err)
{
	size_t own = strlen(a->in->cgroup);
	struct rast_cgroup_layout l;
	struct stat st;
	const char *p;
	int r;

	/* As many as there are names in it; the path is that of the hierarchy's root. */
	for (p = a->cgroup; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		a->level += *p != '\0';
	}
	if (!a->level || a->level > RAST_MAX_CONTAINER_LEVEL || strstr(a->cgroup, ".."))
		return rast_err_set(
			err, EINVAL,
			"cgroup \"%.100s\": want one of its own, at most %d levels deep", a->cgroup,
			RAST_MAX_CONTAINER_LEVEL);
	if (!strncmp(a->cgroup, a->in->cgroup, own) && (!a->cgroup[own] || a->cgroup[own] == '/'))
		return rast_err_set(err, EINVAL,
				    "cgroup \"%.100s\": /%s is for the containers of rastbpf",
				    a->cgroup, a->in->cgroup);
	r = rast_cgroup_layout_init_some(0, &l, err);
	if (r < 0)
		return r;
	a->cgroup_fd = openat(l.v2_fd, a->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = a->cgroup_fd < 0 || fstat(a->cgroup_fd, &st) < 0
		    ? rast_err_sys(err, errno, "cgroup %s/%s", l.v2_path, a->cgroup)
		    : 0;
	rast_cgroup_layout_finish(&l);
	if (!r)
		a->cgroup_id = st.st_ino;
	return r;
}

static int look_at_network(struct rast_adoption *a, struct rast_err *err)
{
	char path[64];
	struct stat here, there;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)a->pid);
	a->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (a->netns_fd < 0 || fstat(a->netns_fd, &there) < 0 ||
	    stat("/proc/self/ns/net", &here) < 0)
		return rast_err_sys(err, errno, "%s", path);
	a->network = "host";
	if (there.st_ino == here.st_ino)
		return 0;
	a->netns = there.st_ino;
	r = rast_netns_ends(a->netns_fd, NULL, a->ends, &a->n_ends, err);
	a->network = a->n_ends ? "pod" : "none";
	return r < 0 ? rast_err_prefix(err, "network of the container") : 0;
}

static int look(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	int r;

	a->id = rast_json_str(request, "id");
	a->key = rast_json_str(request, "key");
	if (!*a->key)
		a->key = a->id;
	a->cgroup = rast_json_str(request, "cgroup");
	a->cgroup += strspn(a->cgroup, "/");
	a->pid = (pid_t)rast_json_int(request, "pid");
	if (!*a->id || strlen(a->id) > 255 || a->pid <= 0)
		return rast_err_set(err, EINVAL, "want an object with id, pid and cgroup");
	r = rast_state_start_ticks(a->pid, &a->ticks);
	if (r < 0)
		return rast_err_sys(err, -r, "process %d", (int)a->pid);
	r = rast_foreign_names(a->id, json_object_get(request, "annotations"), &a->names,
			       &a->labels, err);
	if (!r)
		r = look_at_cgroup(a, err);
	if (!r)
		r = look_at_network(a, err);
	return r;
}

/* ---- its pod ---- */

static bool has_address(const json_t *pod, const char *addr)
{
	json_t *e;
	size_t i;

	if (!strcmp(rast_json_str(pod, "address"), addr) ||
	    !strcmp(rast_json_str(pod, "address6"), addr))
		return true;
	json_array_foreach(json_object_get(pod, "endpoints"), i, e)
		if (!strcmp(rast_json_str(e, "address"), addr) ||
		    !strcmp(rast_json_str(e, "address6"), addr))
			return true;
	return false;
}

bool rast_adoption_same_network(const struct rast_adoption *a, const json_t *pod)
{
	if (a->netns)
		return (uint64_t)rast_json_int(pod, "netns") == a->netns;
	/* The node's own is nobody's: there the pod's name has to do. */
	return !strcmp(rast_json_str(pod, "network"), "host") && a->names.pod_is_named &&
	       !strcmp(rast_json_str(pod, "namespace"), a->names.ns) &&
	       !strcmp(rast_json_str(pod, "name"), a->names.pod);
}

/* Is the address free? What a container that is gone had is taken from it. */
static int claim_address(struct rast_adoption *a, const json_t *pods, const char *text,
			 bool of_range, struct rast_err *err)
{
	json_t *pod;
	size_t i;
	int r;

	if (of_range)
		return rast_err_set(err, EADDRINUSE,
				    "address %s is of instance %s's own pod range: give the other "
				    "network another range, or the instance (RAST_POD_CIDR)",
				    text, a->in->name);
	json_array_foreach(pods, i, pod) {
		if (!has_address(pod, text))
			continue;
		if (rast_node_foreign_is(pod) && rast_adoption_same_network(a, pod) &&
		    rast_node_foreign_alive(pod))
			continue;
		if (!rast_node_foreign_is(pod) || rast_node_foreign_alive(pod))
			return rast_err_set(err, EADDRINUSE, "address %s is that of pod %s/%s",
					    text, rast_json_str(pod, "namespace"),
					    rast_json_str(pod, "name"));
		r = rast_node_foreign_undo(a->in, pod, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_adoption_claim(struct rast_adoption *a, const json_t *pods,
			const struct rast_netns_end *end, struct rast_err *err)
{
	uint32_t mask = ~((1u << (32 - a->in->pod_prefix)) - 1);
	char text[46];
	int r = 0;

	if (end->addr)
		r = claim_address(a, pods, rast_ipam_format(end->addr, text),
				  (end->addr & mask) == a->in->pod_cidr, err);
	if (!r && end->addr6[0])
		r = claim_address(a, pods, rast_ipv6_format(end->addr6, text),
				  !memcmp(end->addr6, a->in->pod6, RAST_IPV6_PREFIX / 8), err);
	return r;
}

static json_t *endpoints_json(const struct rast_adoption *a)
{
	json_t *list = json_array();
	char addr[16], addr6[46];
	size_t i;

	for (i = 0; i < a->n_ends; i++)
		(void)json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:i,s:s,s:s*}", "interface", a->ends[i].inside,
				  "ifname", a->ends[i].ifname, "ifindex", a->ends[i].ifindex,
				  "address",
				  a->ends[i].addr ? rast_ipam_format(a->ends[i].addr, addr) : "",
				  "address6",
				  a->ends[i].addr6[0] ? rast_ipv6_format(a->ends[i].addr6, addr6)
						      : NULL));
	return list;
}

/* What changes when a container comes to a pod later: the links that are there now. */
void rast_adoption_set_network(struct rast_adoption *a)
{
	char addr[16], addr6[46];
	size_t i;

	rast_json_set_str(a->pod, "network", a->network);
	(void)json_object_set_new(a->pod, "endpoints", endpoints_json(a));
	for (i = 0; i < a->n_ends; i++)
		if (a->ends[i].addr) {
			rast_json_set_str(a->pod, "address",
					  rast_ipam_format(a->ends[i].addr, addr));
			if (a->ends[i].addr6[0])
				rast_json_set_str(a->pod, "address6",
						  rast_ipv6_format(a->ends[i].addr6, addr6));
			rast_json_set_str(a->pod, "ifname", a->ends[i].ifname);
			break;
		}
}

int rast_adoption_new_pod(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	_cleanup_json_ json_t *there = NULL;
	json_t *notes = json_object_get(request, "annotations");
	struct timespec now;
	uint32_t identity;
	int r;

	if (!rast_state_pod_load(a->in, a->names.ns, a->names.pod, true, &there, NULL)) {
		if (rast_node_foreign_is(there) && !rast_node_foreign_alive(there)) {
			r = rast_node_foreign_undo(a->in, there, err);
			if (r < 0)
				return r;
		} else if (a->names.pod_is_named) {
			return rast_err_set(err, EEXIST, "pod %s/%s is there already", a->names.ns,
					    a->names.pod);
		} else {
			rast_foreign_id_name(a->id, true, a->names.pod, sizeof(a->names.pod));
		}
	}
	r = rast_state_numbers_take(a->in, &identity, &a->slot, 1, err);
	if (r < 0)
		return r;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	a->pod = json_pack(
		"{s:s,s:s,s:O,s:O*,s:[],s:s,s:s,s:i,s:i,s:o,s:[i],s:i,s:b,s:I,s:[]}", "namespace",
		a->names.ns, "name", a->names.pod, "labels", a->labels, "annotations", notes,
		"ports", "network", a->network, "restart_policy", "Never", "grace_s", 0,
		"n_containers", 1, "created",
		rast_json_time((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec), "slots",
		(int)a->slot, "identity", (int)identity, "foreign", 1, "netns",
		(json_int_t)a->netns, "containers");
	if (!a->pod) {
		(void)rast_state_numbers_drop(a->in, identity, &a->slot, 1);
		return rast_err_sys(err, ENOMEM, "pod");
	}
	a->own_pod = true;
	if (!*a->names.container)
		(void)snprintf(a->names.container, sizeof(a->names.container), "main");
	return 0;
}

static bool has_container(const json_t *pod, const char *name)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(pod, "containers"), i, c)
		if (!strcmp(rast_json_str(c, "name"), name))
			return true;
	return false;
}

static int join_pod(struct rast_adoption *a, json_t *pod, struct rast_err *err)
{
	json_t *slots = json_object_get(pod, "slots");
	int r;

	/* One link has one identity. */
	if (a->names.pod_is_named && (strcmp(rast_json_str(pod, "namespace"), a->names.ns) != 0 ||
				      strcmp(rast_json_str(pod, "name"), a->names.pod) != 0))
		return rast_err_set(
			err, EINVAL,
			"annotations: pod %s/%s, but its network namespace is that of pod "
			"%s/%s",
			a->names.ns, a->names.pod, rast_json_str(pod, "namespace"),
			rast_json_str(pod, "name"));
	if (json_array_size(slots) >= RAST_POD_MAX_CONTAINERS)
		return rast_err_set(err, ENOSPC, "pod %s/%s has %d containers already",
				    rast_json_str(pod, "namespace"), rast_json_str(pod, "name"),
				    RAST_POD_MAX_CONTAINERS);
	if (!*a->names.container || has_container(pod, a->names.container))
		rast_foreign_id_name(a->id, false, a->names.container, sizeof(a->names.container));
	if (has_container(pod, a->names.container))
		rast_foreign_id_name(a->id, true, a->names.container, sizeof(a->names.container));
	if (has_container(pod, a->names.container))
		return rast_err_set(err, EEXIST, "pod %s/%s has a container %s already",
				    rast_json_str(pod, "namespace"), rast_json_str(pod, "name"),
				    a->names.container);
	r = rast_state_numbers_take(a->in, NULL, &a->slot, 1, err);
	if (r < 0)
		return r;
	(void)json_array_append_new(slots, json_integer(a->slot));
	a->pod = json_incref(pod);
	(void)json_object_set_new(
		pod, "n_containers",
		json_integer((json_int_t)json_array_size(json_object_get(pod, "containers")) + 1));
	return 0;
}

static int find_pod(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod;
	size_t i;
	int r;

	r = rast_state_pods(a->in, true, &pods, err);
	if (r < 0)
		return r;
	for (i = 0; i < a->n_ends; i++) {
		r = rast_adoption_claim(a, pods, &a->ends[i], err);
		if (r < 0)
			return r;
	}
	json_array_foreach(pods, i, pod)
		if (rast_node_foreign_is(pod) && rast_adoption_same_network(a, pod) &&
		    rast_node_foreign_alive(pod))
			return join_pod(a, pod, err);
	return rast_adoption_new_pod(a, request, err);
}

/* ---- into the kernel ---- */

static json_t *container_json(const struct rast_adoption *a, const json_t *request, uint64_t now_ns)
{
	struct timespec real;

	(void)clock_gettime(CLOCK_REALTIME, &real);
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:I,s:i,s:i,s:I,s:o,s:I,s:i,s:b}", "name",
		a->names.container, "oci_id", a->id, "key", a->key, "image", "", "rootfs",
		rast_json_str(request, "rootfs"), "slot", (int)a->slot, "cgroup", a->cgroup,
		"cgroup_id", (json_int_t)a->cgroup_id, "level", (int)a->level, "pid", (int)a->pid,
		"start_ticks", (json_int_t)a->ticks, "started",
		rast_json_time((uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec),
		"started_ns", (json_int_t)now_ns, "restarts", 0, "net_admin",
		rast_json_bool(request, "net_admin"));
}

static int observe(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	_cleanup_json_ json_t *c = NULL;
	struct timespec now;
	struct rast_container rec = {
		.slot = a->slot,
		.identity = (uint32_t)rast_json_int(a->pod, "identity"),
		.init_pid = (uint32_t)a->pid,
		.flags = RAST_CONTAINER_FOREIGN | (a->netns ? 0 : RAST_CONTAINER_HOST_NETWORK),
	};
	int r;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	rec.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	c = container_json(a, request, rec.started_ns);
	if (!c)
		return rast_err_sys(err, ENOMEM, "container");
	r = rast_state_pod_store(a->in, a->pod, err);
	if (!r)
		r = rast_state_container_store(a->in, rast_json_str(a->pod, "namespace"),
					       rast_json_str(a->pod, "name"), c, err);
	if (!r)
		r = rast_node_foreign_control(a->in, err);
	if (!r)
		r = rast_container_bpf_register(a->in, a->cgroup_id, &rec, err);
	return r < 0 ? r : rast_foreign_attach(a->in, a->cgroup_fd, err);
}

int rast_adoption_enforce(struct rast_adoption *a, struct rast_err *err)
{
	const json_t *slots = json_object_get(a->pod, "slots");
	size_t i;
	int r = 0;

	/* Whatever build is loaded: replacing it is for those who know the instance's settings. */
	if (!rast_policy_bpf_is_loaded(a->in))
		r = rast_node_policy_load(a->in, err);
	for (i = 0; i < a->n_ends && !r; i++) {
		struct rast_endpoint ep = {
			.identity = (uint32_t)rast_json_int(a->pod, "identity"),
			.slot = (uint32_t)json_integer_value(json_array_get(slots, 0)),
			.addr4 = htonl(a->ends[i].addr),
			/* One link of a namespace tells of its sockets. */
			.netns = i ? 0 : (uint32_t)a->netns,
		};

		memcpy(ep.mac, a->ends[i].mac, sizeof(ep.mac));
		memcpy(ep.addr6, a->ends[i].addr6, sizeof(ep.addr6));
		r = rast_policy_bpf_endpoint_add(a->in, (uint32_t)a->ends[i].ifindex, &ep, err);
	}
	if (!r)
		r = rast_node_policy_change(a->in, NULL, 0, false, NULL, err);
	return r < 0 ? r : rast_hosts_update(a->in, err);
}

/*
 * Verdicts at connect, for a network that stays as it is: none of its containers may change it, and nobody
 * has put rules into it that send a connection elsewhere.
 */
static int judge_early(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	bool may = rast_json_bool(request, "net_admin") ||
		   rast_netns_may_translate(a->netns_fd, a->pid);
	uint32_t ifindex[RAST_NETNS_MAX_ENDS];
	json_t *c;
	size_t i;

	if (!a->n_ends)
		return 0;
	json_array_foreach(json_object_get(a->pod, "containers"), i, c)
		may |= rast_json_bool(c, "net_admin");
	for (i = 0; i < a->n_ends; i++)
		ifindex[i] = (uint32_t)a->ends[i].ifindex;
	return rast_connect_bpf_netns_set(a->in, a->netns_fd, ifindex, may ? 0 : a->n_ends, err);
}

/* Are the pod's links those that it has on record? Then its endpoints stand. */
static bool is_enforced(const struct rast_adoption *a)
{
	_cleanup_json_ json_t *now = endpoints_json(a);

	return !a->own_pod && json_equal(now, json_object_get(a->pod, "endpoints"));
}

/* Returns r. The lock is held, so giving a number back twice gives back nobody else's. */
int rast_adoption_take_back(struct rast_adoption *a, int r)
{
	const char *ns = rast_json_str(a->pod, "namespace"), *name = rast_json_str(a->pod, "name");
	_cleanup_json_ json_t *there = NULL;
	struct rast_err ignored = {0};

	if (*a->key)
		(void)rast_node_foreign_drop(a->in, a->key, &ignored);
	/* Not found by its id: it had not come so far. */
	if (a->own_pod && !rast_state_pod_load(a->in, ns, name, true, &there, NULL))
		(void)rast_node_foreign_undo(a->in, there, &ignored);
	if (a->own_pod)
		rast_node_drop_numbers(a->in, a->pod);
	else
		(void)rast_state_numbers_drop(a->in, 0, &a->slot, 1);
	return r;
}

static int adopt(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	bool enforced;
	int r;

	r = look(a, request, err);
	if (!r)
		r = rast_node_foreign_drop(a->in, a->key, err);
	if (!r)
		r = find_pod(a, request, err);
	if (r < 0)
		return r;
	enforced = !a->n_ends || is_enforced(a);
	if (!a->own_pod) {
		_cleanup_json_ json_t *now = endpoints_json(a);

		r = rast_node_foreign_forget_endpoints(a->in, a->pod, now, err);
		if (r < 0)
			return rast_adoption_take_back(a, r);
	}
	rast_adoption_set_network(a);
	r = observe(a, request, err);
	if (!r && !enforced)
		r = rast_adoption_enforce(a, err);
	if (!r)
		r = judge_early(a, request, err);
	return r < 0 ? rast_adoption_take_back(a, r) : 0;
}

int rast_node_foreign_adopt(const struct rast_instance *in, const json_t *request,
			    json_t **ret_report, struct rast_err *err)
{
	struct rast_adoption a = {.in = in, .netns_fd = -1, .cgroup_fd = -1};
	_cleanup_close_ int lock = -1;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (!r)
		r = adopt(&a, request, err);
	if (!r)
		*ret_report = json_pack(
			"{s:s,s:s,s:s,s:i,s:i,s:s}", "namespace", rast_json_str(a.pod, "namespace"),
			"pod", rast_json_str(a.pod, "name"), "container", a.names.container, "slot",
			(int)a.slot, "identity", (int)rast_json_int(a.pod, "identity"), "network",
			a.network);
	rast_adoption_finish(&a);
	return r;
}
