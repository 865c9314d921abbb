// SPDX-License-Identifier: BSD-2-Clause
/*
 * One container of a pod that is there: its first start, and every later one from what pod.json holds; see
 * node.h.
 */
#include "node/node_priv.h"

#include "base/fd.h"
#include "container/container_bpf.h"
#include "container/device.h"
#include "container/run.h"
#include "container/state.h"
#include "network/netns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct registration {
	const struct rast_instance *in;
	uint32_t slot, identity;
	bool host_network;
};

/* Runs while the child waits: from here on its events carry its name. */
static int on_before_exec(void *arg, pid_t pid, uint64_t cgroup_id, struct rast_err *err)
{
	const struct registration *reg = arg;
	struct timespec now;
	struct rast_container rec = {
		.slot = reg->slot,
		.identity = reg->identity,
		.init_pid = (uint32_t)pid,
		.flags = reg->host_network ? RAST_CONTAINER_HOST_NETWORK : 0,
	};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	rec.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return rast_container_bpf_register(reg->in, cgroup_id, &rec, err);
}

int rast_node_container_start(const struct rast_instance *in, const struct rast_pod *pod, size_t i,
			      const struct rast_node_place *at, struct rast_node_pod *foreground,
			      json_t **ret_state, struct rast_err *err)
{
	struct registration reg = {in, at->slot, at->identity, pod->host_network};
	struct rast_container_start opts;

	if (foreground)
		opts = *foreground->start;
	else
		rast_container_start_init(&opts);
	opts.netns_fd = pod->host_network   ? RAST_NETNS_HOST
			: at->netns_fd >= 0 ? at->netns_fd
					    : RAST_NETNS_NEW;
	opts.slot = at->slot;
	opts.share_pid = at->share_pid;
	opts.restarts = at->restarts;
	if (at->address && *at->address)
		opts.address = at->address;
	if (*pod->containers[i].image)
		opts.overlay = true;
	/* Without the device program a container may make no device at all. */
	if (rast_device_ensure(in, NULL) < 0)
		opts.nodev = true;
	opts.stats = true;
	opts.before_exec = on_before_exec;
	opts.arg = &reg;
	return rast_container_start(in, pod, i, &opts, ret_state,
				    foreground ? &foreground->pidfd : NULL,
				    foreground ? &foreground->tty : NULL, err);
}

/* A document from pod.json back as a YAML tree. */
static int reparse(const json_t *value, struct rast_yaml **ret, struct rast_err *err)
{
	_cleanup_free_ char *text = json_dumps(value, 0);

	if (!text)
		return rast_err_sys(err, ENOMEM, "manifest");
	return rast_yaml_parse("pod.json", text, strlen(text), ret, err);
}

int rast_node_pod_spec(const json_t *state, struct rast_pod **ret, struct rast_err *err)
{
	_cleanup_yaml_ struct rast_yaml *doc = NULL, *maps = NULL;
	_cleanup_free_ const struct rast_yaml_node **others = NULL;
	const json_t *config = json_object_get(state, "config_maps");
	size_t n = 0;
	int r;

	if (!json_is_object(json_object_get(state, "manifest")))
		return rast_err_set(err, ENOENT, "pod %s/%s was not made from a manifest",
				    rast_json_str(state, "namespace"),
				    rast_json_str(state, "name"));
	r = reparse(json_object_get(state, "manifest"), &doc, err);
	if (r < 0)
		return r;
	if (json_array_size(config)) {
		r = reparse(config, &maps, err);
		if (r < 0)
			return r;
		others = calloc(json_array_size(config), sizeof(*others));
		if (!others)
			return rast_err_sys(err, ENOMEM, "manifest");
		rast_yaml_foreach(c, rast_yaml_root(maps, 0))
			others[n++] = c;
	}
	return rast_pod_parse(rast_yaml_root(doc, 0), others, n, ret, err);
}

/* What the run before wrote outlives it: C.previous.log. */
static void keep_log(const struct rast_instance *in, const char *ns, const char *pod,
		     const char *container)
{
	char from[512], to[512], tail[160];

	(void)snprintf(tail, sizeof(tail), "logs/%s.log", container);
	if (rast_state_data_path(in, ns, pod, tail, from, sizeof(from)) < 0)
		return;
	(void)snprintf(tail, sizeof(tail), "logs/%s.previous.log", container);
	if (rast_state_data_path(in, ns, pod, tail, to, sizeof(to)) == 0)
		(void)rename(from, to);
}

int rast_node_container_restart(const struct rast_instance *in, const char *ns, const char *pod,
				const char *container, uint64_t run, struct rast_err *err)
{
	_cleanup_json_ json_t *state = NULL;
	_cleanup_json_ json_t *now = NULL;
	_cleanup_pod_ struct rast_pod *p = NULL;
	_cleanup_close_ int lock = -1, netns = -1;
	struct rast_node_place at = {0};
	json_t *old = NULL, *c;
	char path[512];
	size_t i, j;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (!r)
		r = rast_state_pod_load(in, ns, pod, true, &state, err);
	if (!r)
		r = rast_node_pod_spec(state, &p, err);
	if (r < 0)
		return r;
	for (i = 0; i < p->n_containers; i++)
		if (!strcmp(p->containers[i].name, container))
			break;
	json_array_foreach(json_object_get(state, "containers"), j, c) {
		if (!strcmp(rast_json_str(c, "name"), container))
			old = c;
		else if (!at.share_pid && rast_state_container_alive(c))
			/* It holds the pod's ipc and uts namespaces. */
			at.share_pid = (pid_t)rast_json_int(c, "pid");
	}
	if (i == p->n_containers || !old)
		return rast_err_set(err, ENOENT, "pod %s/%s has no container %s", ns, pod,
				    container);
	if (run && (uint64_t)rast_json_int(old, "start_ticks") != run)
		return rast_err_set(err, ESTALE, "container %s/%s/%s was started again already", ns,
				    pod, container);
	at.identity = (uint32_t)rast_json_int(state, "identity");
	at.slot = (uint32_t)rast_json_int(old, "slot");
	at.address = rast_json_str(state, "address");
	at.restarts = (uint32_t)rast_json_int(old, "restarts") + 1;
	at.netns_fd = -1;
	if (rast_node_has_network(p)) {
		r = rast_node_netns_path(in, ns, pod, path, sizeof(path));
		if (!r)
			r = rast_netns_open(path, &netns, err);
		if (r < 0)
			return r;
		at.netns_fd = netns;
	}
	r = rast_container_stop(in, ns, pod, old, 0, err);
	if (r < 0)
		return r;
	keep_log(in, ns, pod, container);
	r = rast_container_remove(in, ns, pod, container, err);
	if (!r) {
		(void)rast_container_bpf_unregister(in, (uint64_t)rast_json_int(old, "cgroup_id"));
		r = rast_node_container_start(in, p, i, &at, NULL, &now, err);
	}
	if (r < 0) {
		/* It is still a container of this pod, to be tried again: one that does not run. */
		(void)json_object_set_new(old, "restarts", json_integer(at.restarts));
		(void)rast_state_container_store(in, ns, pod, old, NULL);
	}
	return r;
}
