// SPDX-License-Identifier: BSD-2-Clause
/*
 * Letting go of containers of another runtime; see foreign.h. The link stays up and is open afterwards:
 * either its namespace is about to go, or (rastbpf down, gc --all) policy is to end.
 */
#include "node/foreign_priv.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/container_bpf.h"
#include "container/state.h"
#include "loader/foreign.h"
#include "node/hosts.h"
#include "node/node_priv.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void keep(int *r, int one)
{
	if (one < 0 && !*r)
		*r = one;
}

/* Does anything live in its cgroup, the one that it was? */
static bool populated(const struct rast_cgroup_layout *l, const json_t *c)
{
	_cleanup_close_ int fd =
		openat(l->v2_fd, rast_json_str(c, "cgroup"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 &&
	       (uint64_t)st.st_ino == (uint64_t)rast_json_int(c, "cgroup_id") &&
	       rast_read_file(fd, "cgroup.events", 4096, &text, NULL) == 0 &&
	       strstr(text, "populated 1");
}

static bool container_alive(const json_t *c)
{
	struct rast_cgroup_layout l;
	bool yes;

	if (rast_state_container_alive(c))
		return true;
	if (rast_cgroup_layout_init_some(0, &l, NULL) < 0)
		return false;
	yes = populated(&l, c);
	rast_cgroup_layout_finish(&l);
	return yes;
}

/* Its links go with its network namespace, and an index is not used again. */
static bool attachment_alive(const json_t *pod)
{
	char name[IF_NAMESIZE];
	json_t *e;
	size_t i;

	if (!rast_node_foreign_is_attached(pod))
		return false;
	json_array_foreach(json_object_get(pod, "endpoints"), i, e)
		if (if_indextoname((unsigned int)rast_json_int(e, "ifindex"), name))
			return true;
	return false;
}

bool rast_node_foreign_alive(const json_t *pod)
{
	json_t *c;
	size_t i;

	if (attachment_alive(pod))
		return true;

	json_array_foreach(json_object_get(pod, "containers"), i, c)
		if (container_alive(c))
			return true;
	return false;
}

static void add_level(struct rast_foreign *control, uint32_t level)
{
	control->levels |= 1u << (level & 31);
	if (control->end <= level)
		control->end = level + 1;
}

int rast_node_foreign_control(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	struct rast_foreign control = {0};
	json_t *pod, *c;
	size_t i, j;
	int r;

	r = rast_state_pods(in, true, &pods, err);
	if (r < 0)
		return r;
	json_array_foreach(pods, i, pod) {
		if (!rast_node_foreign_is(pod))
			continue;
		if (json_array_size(json_object_get(pod, "endpoints")))
			control.addresses = 1;
		json_array_foreach(json_object_get(pod, "containers"), j, c)
			add_level(&control, (uint32_t)rast_json_int(c, "level"));
	}
	return rast_foreign_control(in, &control, err);
}

/* The maps may be gone already (gc --all of a killed instance): then there is nothing to say. */
static void update_control(const struct rast_instance *in)
{
	struct rast_err ignored = {0};

	(void)rast_node_foreign_control(in, &ignored);
}

static void forget_container(const struct rast_instance *in, const json_t *c)
{
	uint64_t id = (uint64_t)rast_json_int(c, "cgroup_id");

	rast_foreign_detach(in, id);
	(void)rast_container_bpf_unregister(in, id);
}

static bool holds(const json_t *list, const json_t *endpoint)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
		if (json_equal(e, endpoint))
			return true;
	return false;
}

int rast_node_foreign_forget_endpoints(const struct rast_instance *in, const json_t *pod,
				       const json_t *keep_list, struct rast_err *err)
{
	struct in_addr addr;
	json_t *e;
	size_t i;
	int r = 0;

	if (!rast_policy_bpf_is_loaded(in))
		return 0;
	json_array_foreach(json_object_get(pod, "endpoints"), i, e) {
		if (holds(keep_list, e))
			continue;
		addr.s_addr = 0;
		(void)inet_pton(AF_INET, rast_json_str(e, "address"), &addr);
		keep(&r, rast_policy_bpf_endpoint_release(in, (uint32_t)rast_json_int(e, "ifindex"),
							  addr.s_addr, err));
	}
	return r;
}

int rast_node_foreign_undo(const struct rast_instance *in, const json_t *pod, struct rast_err *err)
{
	const char *ns = rast_json_str(pod, "namespace"), *name = rast_json_str(pod, "name");
	json_t *c;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(pod, "containers"), i, c)
		forget_container(in, c);
	keep(&r, rast_node_foreign_forget_endpoints(in, pod, NULL, err));
	if (!r)
		rast_node_drop_numbers(in, pod);
	keep(&r, rast_state_pod_remove(in, ns, name, err));
	update_control(in);
	return r;
}

static int undo_and_recompile(const struct rast_instance *in, const json_t *pod,
			      struct rast_err *err)
{
	int r = rast_node_foreign_undo(in, pod, err);

	if (!json_array_size(json_object_get(pod, "endpoints")) || !rast_policy_bpf_is_loaded(in))
		return r;
	keep(&r, rast_node_policy_change(in, NULL, 0, false, NULL, err));
	keep(&r, rast_hosts_update(in, err));
	return r;
}

/* One of several: its slot is given back, but for the first one, which the endpoints count in. */
static int leave_pod(const struct rast_instance *in, json_t *pod, size_t at, struct rast_err *err)
{
	json_t *c = json_array_get(json_object_get(pod, "containers"), at), *slot,
	       *slots = json_object_get(pod, "slots");
	uint32_t number = (uint32_t)rast_json_int(c, "slot");
	size_t i;
	int r;

	forget_container(in, c);
	r = rast_state_container_remove(in, rast_json_str(pod, "namespace"),
					rast_json_str(pod, "name"), rast_json_str(c, "name"), err);
	if (r < 0)
		return r;
	json_array_foreach(slots, i, slot)
		if (i && json_integer_value(slot) == (json_int_t)number) {
			(void)json_array_remove(slots, i);
			(void)rast_state_numbers_drop(in, 0, &number, 1);
			break;
		}
	(void)json_object_set_new(
		pod, "n_containers",
		json_integer((json_int_t)json_array_size(json_object_get(pod, "containers")) - 1));
	r = rast_state_pod_store(in, pod, err);
	update_control(in);
	return r;
}

int rast_node_foreign_drop(const struct rast_instance *in, const char *key, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod, *c, *list;
	size_t i, j;
	int r;

	r = rast_state_pods(in, true, &pods, err);
	if (r < 0)
		return r;
	json_array_foreach(pods, i, pod) {
		list = json_object_get(pod, "containers");
		if (!rast_node_foreign_is(pod))
			continue;
		json_array_foreach(list, j, c)
			if (!strcmp(rast_json_str(c, "key"), key) ||
			    (!strchr(key, '/') && !strcmp(rast_json_str(c, "oci_id"), key)))
				return json_array_size(list) > 1 ||
						       rast_node_foreign_is_attached(pod)
					       ? leave_pod(in, pod, j, err)
					       : undo_and_recompile(in, pod, err);
	}
	return 0;
}

int rast_node_foreign_release(const struct rast_instance *in, const char *key, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	int r;

	/* The instance may be gone by now; the lock would make its folder anew. */
	if (access(in->run_dir, F_OK) < 0)
		return 0;
	r = rast_state_lock(in, &lock, err);
	return r < 0 ? r : rast_node_foreign_drop(in, key, err);
}

int rast_node_foreign_release_pod(const struct rast_instance *in, const char *ns, const char *name,
				  struct rast_err *err)
{
	_cleanup_json_ json_t *pod = NULL;
	_cleanup_close_ int lock = -1;
	int r = rast_state_lock(in, &lock, err);

	if (r < 0)
		return r;
	if (rast_state_pod_load(in, ns, name, true, &pod, NULL) < 0)
		return 0;
	return undo_and_recompile(in, pod, err);
}

int rast_node_foreign_detach(const struct rast_instance *in, const char *ns, const char *name,
			     struct rast_err *err)
{
	_cleanup_json_ json_t *pod = NULL;
	_cleanup_close_ int lock = -1;
	int r = rast_state_lock(in, &lock, err);

	if (!r)
		r = rast_state_pod_load(in, ns, name, true, &pod, err);
	if (r < 0)
		return r;
	if (!rast_node_foreign_is_attached(pod))
		return rast_err_set(err, EINVAL, "pod %s/%s is none that was attached", ns, name);
	if (json_array_size(json_object_get(pod, "containers")))
		return rast_err_set(err, EBUSY, "pod %s/%s has containers of rast-oci", ns, name);
	return undo_and_recompile(in, pod, err);
}
