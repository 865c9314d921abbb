// SPDX-License-Identifier: BSD-2-Clause
/*
 * Networks that a person puts under policy, see foreign.h: an adoption without a container. What it has on
 * record is its links alone; its life is theirs.
 */
#include "node/foreign_adopt.h"

#include "container/state.h"
#include "network/netns.h"
#include "node/foreign_priv.h"
#include "node/node_priv.h"
#include "policy/policy_bpf.h"

#include <errno.h>
#include <sys/stat.h>

static int look_at_netns(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	const char *path = rast_json_str(request, "netns"),
		   *only = rast_json_str(request, "ifname");
	struct stat here, there;
	int r = rast_netns_open(path, &a->netns_fd, err);

	if (r < 0)
		return r;
	if (fstat(a->netns_fd, &there) < 0 || stat("/proc/self/ns/net", &here) < 0)
		return rast_err_sys(err, errno, "%s", path);
	if (there.st_ino == here.st_ino)
		return rast_err_set(err, EINVAL, "%s is the network of the node itself", path);
	a->netns = there.st_ino;
	a->network = "pod";
	r = rast_netns_ends(a->netns_fd, *only ? only : NULL, a->ends, &a->n_ends, err);
	if (r < 0)
		return rast_err_prefix(err, "%s", path);
	if (!a->n_ends)
		return rast_err_set(err, ENODEV, "%s has no interface %s", path,
				    *only ? only : "that is up");
	return 0;
}

static int free_network(struct rast_adoption *a, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod;
	size_t i;
	int r = rast_state_pods(a->in, true, &pods, err);

	json_array_foreach(pods, i, pod)
		if (!r && rast_node_foreign_is(pod) && rast_adoption_same_network(a, pod) &&
		    rast_node_foreign_alive(pod))
			r = rast_err_set(err, EEXIST, "this network is that of pod %s/%s already",
					 rast_json_str(pod, "namespace"),
					 rast_json_str(pod, "name"));
	for (i = 0; !r && i < a->n_ends; i++)
		r = rast_adoption_claim(a, pods, &a->ends[i], err);
	return r;
}

static int attach(struct rast_adoption *a, const json_t *request, struct rast_err *err)
{
	int r = rast_foreign_names("", json_object_get(request, "annotations"), &a->names,
				   &a->labels, err);

	a->id = a->names.pod;
	a->key = "";
	if (!r)
		r = look_at_netns(a, request, err);
	if (!r)
		r = free_network(a, err);
	if (!r)
		r = rast_adoption_new_pod(a, request, err);
	if (r < 0)
		return r;
	rast_adoption_set_network(a);
	rast_json_set_str(a->pod, "attached", rast_json_str(request, "netns"));
	(void)json_object_set_new(a->pod, "n_containers", json_integer(0));
	r = rast_state_pod_store(a->in, a->pod, err);
	if (!r && !rast_policy_bpf_is_loaded(a->in))
		r = rast_node_policy_load(a->in, err);
	if (!r)
		r = rast_node_foreign_control(a->in, err);
	if (!r)
		r = rast_adoption_enforce(a, err);
	return r < 0 ? rast_adoption_take_back(a, r) : 0;
}

int rast_node_foreign_attach(const struct rast_instance *in, const json_t *request,
			     json_t **ret_report, struct rast_err *err)
{
	struct rast_adoption a = {.in = in, .netns_fd = -1, .cgroup_fd = -1};
	_cleanup_close_ int lock = -1;
	int r = rast_state_lock(in, &lock, err);

	if (!r)
		r = attach(&a, request, err);
	if (!r)
		*ret_report = json_copy(a.pod);
	rast_adoption_finish(&a);
	return r;
}
