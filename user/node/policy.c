// SPDX-License-Identifier: BSD-2-Clause
/*
 * The applied set against the pods of the moment, compiled and flipped. The caller holds the node
 * lock; the one thing to get right is the order: compile, rule table on disk, flip, then "applied".
 */
#include "node/node_priv.h"

#include "container/state.h"
#include "network/ipam.h"
#include "network/network.h"
#include "policy/applied.h"
#include "policy/connect_bpf.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum rast_policy_proto proto_by_name(const char *name)
{
	if (!strcmp(name, "UDP"))
		return RAST_PROTO_UDP;
	if (!strcmp(name, "SCTP"))
		return RAST_PROTO_SCTP;
	return RAST_PROTO_TCP;
}

/* One pod.json into the world. */
static int world_add(struct rast_policy_world *world, const json_t *state)
{
	struct rast_policy_pod pod = {
		.ns = rast_json_str(state, "namespace"),
		.name = rast_json_str(state, "name"),
		.identity = (uint32_t)rast_json_int(state, "identity"),
	};
	_cleanup_free_ struct rast_policy_label *labels = NULL;
	_cleanup_free_ struct rast_policy_named_port *ports = NULL;
	json_t *map = json_object_get(state, "labels"), *list = json_object_get(state, "ports");
	json_t *v;
	const char *key;
	struct in_addr addr;
	size_t i;

	labels = calloc(json_object_size(map) + 1, sizeof(*labels));
	ports = calloc(json_array_size(list) + 1, sizeof(*ports));
	if (!labels || !ports)
		return -ENOMEM;
	json_object_foreach(map, key, v) {
		labels[pod.n_labels].key = key;
		labels[pod.n_labels++].value = json_string_value(v) ? json_string_value(v) : "";
	}
	json_array_foreach(list, i, v) {
		if (!*rast_json_str(v, "name"))
			continue;
		ports[pod.n_ports].name = rast_json_str(v, "name");
		ports[pod.n_ports].proto = proto_by_name(rast_json_str(v, "protocol"));
		ports[pod.n_ports++].port = (uint16_t)rast_json_int(v, "port");
	}
	pod.labels = labels;
	pod.ports = ports;
	if (inet_pton(AF_INET, rast_json_str(state, "address"), &addr) == 1)
		pod.addr4 = ntohl(addr.s_addr);
	(void)inet_pton(AF_INET6, rast_json_str(state, "address6"), pod.addr6);
	return rast_policy_world_add_pod(world, &pod);
}

int rast_node_world(const struct rast_instance *in, struct rast_policy_world *ret,
		    struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod;
	size_t i;
	int r;

	r = rast_state_pods(in, false, &pods, err);
	if (r < 0)
		return r;
	ret->host4 = rast_ipam_gateway(in);
	(void)rast_network_addr6(in, ret->host4, ret->host6);
	json_array_foreach(pods, i, pod) {
		if (strcmp(rast_json_str(pod, "network"), "pod") != 0)
			continue;
		r = world_add(ret, pod);
		if (r < 0)
			return rast_err_sys(err, -r, "pod %s/%s", rast_json_str(pod, "namespace"),
					    rast_json_str(pod, "name"));
	}
	return 0;
}

int rast_node_policy_load(const struct rast_instance *in, struct rast_err *err)
{
	struct rast_err ignored = {0};
	int r = rast_policy_bpf_load(in, err);

	/* Without it packets are dropped as ever; `policy status` and `feature` say that it is not there. */
	if (!r)
		(void)rast_connect_bpf_load(in, &ignored);
	return r;
}

int rast_node_policy_flip(const struct rast_instance *in, const struct rast_policy_set *set,
			  uint32_t generation, json_t **ret_report, struct rast_err *err)
{
	_cleanup_policy_world_ struct rast_policy_world world = {0};
	_cleanup_policy_rules_ struct rast_policy_rules *rules = NULL;
	_cleanup_free_ struct rast_policy_image *image = NULL;
	_cleanup_json_ json_t *report = NULL;
	int r;

	r = rast_node_world(in, &world, err);
	if (r < 0)
		return r;
	r = rast_policy_compile(set, &world, generation, &image, &rules, &report, err);
	if (r < 0)
		return r;
	/* Before the flip: the first event may need the table. */
	r = rast_policy_applied_store_rules(in, rules, err);
	if (!r)
		r = rast_policy_bpf_apply(in, image, err);
	if (r < 0)
		return r;
	r = rast_policy_applied_store(in, set, &world, generation, err);
	if (r < 0)
		return r;
	if (ret_report) {
		(void)json_object_set_new(report, "generation", json_integer(generation));
		*ret_report = TAKE_PTR(report);
	}
	return 0;
}

int rast_node_policy_change(const struct rast_instance *in,
			    const struct rast_yaml_node *const *docs, size_t n, bool remove,
			    json_t **ret_report, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	uint32_t generation;
	int r;

	r = rast_policy_applied_load(in, &set, NULL, &generation, err);
	if (r < 0)
		return r;
	if (n) {
		r = rast_policy_set_apply(set, docs, n, remove, err);
		if (r < 0)
			return r;
	}
	return rast_node_policy_flip(in, set, generation + 1, ret_report, err);
}

int rast_node_policy_apply(const struct rast_instance *in, const struct rast_yaml_node *const *docs,
			   size_t n, bool remove, json_t **ret_report, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (!r)
		r = rast_node_policy_load(in, err);
	if (!r)
		r = rast_node_policy_change(in, docs, n, remove, ret_report, err);
	return r;
}

static int note_removed(json_t *done, const json_t *docs)
{
	char name[512];
	json_t *doc;
	size_t i;

	json_array_foreach(docs, i, doc) {
		const char *ns = rast_json_str(doc, "namespace");

		(void)snprintf(name, sizeof(name), "%s/%s%s%s", rast_json_str(doc, "kind"), ns,
			       *ns ? "/" : "", rast_json_str(doc, "name"));
		if (json_array_append_new(
			    done, json_pack("{s:s,s:s}", "kind", "policy", "name", name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int rast_node_policy_clear(const struct rast_instance *in, json_t *done, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *old = NULL, *empty = NULL;
	_cleanup_json_ json_t *docs = NULL;
	_cleanup_close_ int lock = -1;
	uint32_t generation;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (!r)
		r = rast_policy_applied_load(in, &old, NULL, &generation, err);
	if (r < 0 || !rast_policy_set_count(old))
		return r;
	r = rast_policy_set_create(&empty);
	if (r < 0)
		return rast_err_sys(err, -r, "policy set");
	docs = rast_policy_set_to_json(old);
	r = rast_node_policy_flip(in, empty, generation + 1, NULL, err);
	if (!r && done)
		r = note_removed(done, docs);
	return r;
}

int rast_node_policy_follow(const struct rast_instance *in, const struct rast_yaml_node *doc,
			    const json_t *body, bool remove, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	_cleanup_close_ int lock = -1;
	uint32_t generation;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (!r)
		r = rast_policy_applied_load(in, &set, NULL, &generation, err);
	if (r < 0)
		return r;
	if (!remove && rast_policy_set_has(set, body))
		return 0;
	r = rast_policy_set_apply(set, &doc, 1, remove, err);
	if (!r)
		r = rast_node_policy_load(in, err);
	return r < 0 ? r : rast_node_policy_flip(in, set, generation + 1, NULL, err);
}
