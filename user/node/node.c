// SPDX-License-Identifier: BSD-2-Clause
/*
 * Starting and stopping pods; see node.h for the order. Everything that a step makes is found again by
 * name from pod.json, which is written first: that is how undo and gc know what to take apart.
 */
#include "node/node_priv.h"

#include "container/container_bpf.h"
#include "container/run.h"
#include "container/state.h"
#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/netns.h"
#include "network/network.h"
#include "node/foreign_priv.h"
#include "node/hosts.h"
#include "policy/applied.h"
#include "policy/connect_bpf.h"
#include "policy/flow_bpf.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void keep(int *r, int one)
{
	if (one < 0 && !*r)
		*r = one;
}

/* One pod on its way up. */
struct starting {
	struct rast_node_pod *want;
	json_t *state; /* pod.json, once it is there */
	uint32_t identity;
	uint32_t slots[RAST_POD_MAX_CONTAINERS];
	uint32_t addr;
	uint8_t addr6[16]; /* all zero: none */
	int netns_fd, ifindex;
	uint8_t mac[6];
	char ifname[16];
};

bool rast_node_has_network(const struct rast_pod *pod)
{
	return !pod->host_network && !pod->no_network;
}

int rast_node_netns_path(const struct rast_instance *in, const char *ns, const char *name,
			 char *buf, size_t size)
{
	return rast_state_pod_path(in, ns, name, "netns", buf, size);
}

static json_t *kv_json(const struct rast_pod_kv *kv, size_t n)
{
	json_t *obj = json_object();
	size_t i;

	for (i = 0; i < n; i++)
		(void)json_object_set_new(obj, kv[i].key, json_string(kv[i].value));
	return obj;
}

static json_t *ports_json(const struct rast_pod *pod)
{
	json_t *list = json_array();
	size_t i, j;

	for (i = 0; i < pod->n_containers; i++)
		for (j = 0; j < pod->containers[i].n_ports; j++) {
			const struct rast_pod_port *p = &pod->containers[i].ports[j];
			const char *proto = p->protocol == IPPROTO_UDP    ? "UDP"
					    : p->protocol == IPPROTO_SCTP ? "SCTP"
									  : "TCP";

			(void)json_array_append_new(list,
						    json_pack("{s:s,s:s,s:i}", "name", p->name,
							      "protocol", proto, "port", p->port));
		}
	return list;
}

static json_t *pod_json(const struct rast_pod *pod, const struct rast_node_pod *want)
{
	static const char *const restart[] = {"Always", "OnFailure", "Never"};
	struct timespec now;
	json_t *obj;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	obj = json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:i,s:i,s:o}", "namespace", pod->ns, "name",
			pod->name, "labels", kv_json(pod->labels, pod->n_labels), "annotations",
			kv_json(pod->annotations, pod->n_annotations), "ports", ports_json(pod),
			"network",
			pod->host_network ? "host"
			: pod->no_network ? "none"
					  : "pod",
			"restart_policy", restart[pod->restart], "grace_s", (int)pod->grace_s,
			"n_containers", (int)pod->n_containers, "created",
			rast_json_time((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec));
	if (want->manifest)
		(void)json_object_set(obj, "manifest", (json_t *)(uintptr_t)want->manifest);
	if (want->config_maps)
		(void)json_object_set(obj, "config_maps", (json_t *)(uintptr_t)want->config_maps);
	return obj;
}

/* Numbers and address into pod.json, before anything is made that they stand for. */
static int reserve_state(const struct rast_instance *in, struct starting *s, struct rast_err *err)
{
	const struct rast_pod *pod = s->want->pod;
	_cleanup_json_ json_t *there = NULL;
	_cleanup_json_ json_t *state = NULL;
	json_t *slots = json_array();
	char addr[16], addr6[46], key[320];
	size_t i;
	int r;

	if (!rast_state_pod_load(in, pod->ns, pod->name, false, &there, NULL)) {
		json_decref(slots);
		return rast_err_set(err, EEXIST, "pod %s/%s is there already", pod->ns, pod->name);
	}
	state = pod_json(pod, s->want);
	(void)json_object_set_new(state, "slots", slots);
	r = rast_state_numbers_take(in, &s->identity, s->slots, pod->n_containers, err);
	if (r < 0) {
		s->identity = 0;
		return r;
	}
	for (i = 0; i < pod->n_containers; i++)
		(void)json_array_append_new(slots, json_integer(s->slots[i]));
	(void)json_object_set_new(state, "identity", json_integer(s->identity));
	/* A killed `down` may have left volumes of an older pod of this name. */
	r = rast_state_data_remove(in, pod->ns, pod->name, err);
	if (!r && rast_node_has_network(pod)) {
		(void)snprintf(key, sizeof(key), "%s/%s", pod->ns, pod->name);
		r = rast_ipam_alloc(in, key, &s->addr, err);
		if (!r) {
			rast_network_ifname(in, s->addr, s->ifname);
			(void)json_object_set_new(state, "address",
						  json_string(rast_ipam_format(s->addr, addr)));
			if (rast_network_addr6(in, s->addr, s->addr6))
				rast_json_set_str(state, "address6",
						  rast_ipv6_format(s->addr6, addr6));
			(void)json_object_set_new(state, "ifname", json_string(s->ifname));
		}
	}
	if (!r)
		r = rast_state_pod_store(in, state, err);
	if (r < 0) {
		rast_node_drop_numbers(in, state);
		if (s->addr)
			(void)rast_ipam_release(in, s->addr, NULL, NULL);
		return r;
	}
	s->state = TAKE_PTR(state);
	return 0;
}

/* The namespace and the link, still down. */
static int reserve(const struct rast_instance *in, struct starting *s, struct rast_err *err)
{
	const struct rast_pod *pod = s->want->pod;
	char path[512];
	int r;

	r = reserve_state(in, s, err);
	if (r < 0 || !rast_node_has_network(pod))
		return r;
	r = rast_node_netns_path(in, pod->ns, pod->name, path, sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r, "netns");
	r = rast_netns_create(path, &s->netns_fd, err);
	if (r < 0)
		return r;
	return rast_network_pod_add(in, s->netns_fd, s->addr, s->ifname, &s->ifindex, s->mac, err);
}

/* Then only a packet shows where a connection goes. */
static bool may_change_network(const struct rast_pod *pod)
{
	size_t i;

	for (i = 0; i < pod->n_containers; i++)
		if (pod->containers[i].cap_add & 1ull << CAP_NET_ADMIN)
			return true;
	return false;
}

static int enforce(const struct rast_instance *in, const struct starting *s, struct rast_err *err)
{
	struct rast_endpoint ep = {
		.identity = s->identity,
		.slot = s->slots[0],
		.addr4 = htonl(s->addr),
		.netns = rast_flow_netns_of(s->netns_fd),
	};

	const uint32_t ifindex = (uint32_t)s->ifindex;
	int r;

	memcpy(ep.mac, s->mac, sizeof(ep.mac));
	memcpy(ep.addr6, s->addr6, sizeof(ep.addr6));
	r = rast_policy_bpf_endpoint_add(in, ifindex, &ep, err);
	if (!r && !may_change_network(s->want->pod))
		r = rast_connect_bpf_netns_set(in, s->netns_fd, &ifindex, 1, err);
	return r;
}

static int launch(const struct rast_instance *in, struct starting *s, struct rast_err *err)
{
	const struct rast_pod *pod = s->want->pod;
	char addr[16] = "";
	pid_t first = 0;
	size_t i;
	int r;

	if (rast_node_has_network(pod)) {
		r = rast_network_pod_up(in, s->ifindex, err);
		if (r < 0)
			return r;
		(void)rast_ipam_format(s->addr, addr);
	}
	for (i = 0; i < pod->n_containers; i++) {
		struct rast_node_place at = {s->identity, s->slots[i], s->netns_fd, addr, first, 0};
		_cleanup_json_ json_t *state = NULL;

		r = rast_node_container_start(in, pod, i, &at, s->want->start ? s->want : NULL,
					      &state, err);
		if (r < 0)
			return rast_err_prefix(err, "pod %s/%s, container %s", pod->ns, pod->name,
					       pod->containers[i].name);
		if (!i)
			first = (pid_t)rast_json_int(state, "pid");
	}
	return 0;
}

static json_t *report_pods(const struct starting *s, size_t n)
{
	json_t *list = json_array();
	char addr[16], addr6[46];
	size_t i;

	for (i = 0; i < n; i++) {
		const struct rast_pod *pod = s[i].want->pod;
		json_t *p = json_pack("{s:s,s:s,s:i,s:i}", "namespace", pod->ns, "name", pod->name,
				      "identity", (int)s[i].identity, "containers",
				      (int)pod->n_containers);

		if (s[i].addr)
			(void)json_object_set_new(p, "address",
						  json_string(rast_ipam_format(s[i].addr, addr)));
		if (s[i].addr6[0])
			rast_json_set_str(p, "address6", rast_ipv6_format(s[i].addr6, addr6));
		(void)json_array_append_new(list, p);
	}
	return list;
}

/* Everything between the lock and the report. */
static int bring_up(const struct rast_instance *in, struct starting *s, size_t n,
		    const struct rast_yaml_node *const *policies, size_t n_policies,
		    json_t **ret_policy, bool *ret_flipped, struct rast_err *err)
{
	bool network = false;
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		network |= rast_node_has_network(s[i].want->pod);
	if (network) {
		r = rast_node_policy_load(in, err);
		if (!r)
			r = rast_network_prepare(in, err);
		if (r < 0)
			return r;
	} else if (n_policies) {
		r = rast_node_policy_load(in, err);
		if (r < 0)
			return r;
	}
	for (i = 0; i < n; i++) {
		r = reserve(in, &s[i], err);
		if (r < 0)
			return r;
		if (rast_node_has_network(s[i].want->pod)) {
			r = enforce(in, &s[i], err);
			if (r < 0)
				return r;
		}
	}
	if (network || n_policies) {
		r = rast_node_policy_change(in, policies, n_policies, false, ret_policy, err);
		if (r < 0)
			return r;
		*ret_flipped = true;
	}
	if (network) {
		r = rast_hosts_update(in, err);
		if (r < 0)
			return r;
	}
	for (i = 0; i < n; i++) {
		r = launch(in, &s[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void undo(const struct rast_instance *in, struct starting *s, size_t n,
		 const struct rast_policy_set *old, bool flipped)
{
	struct rast_err ignored = {0};
	uint32_t generation = 0;
	bool network = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!s[i].state)
			continue;
		network |= rast_node_has_network(s[i].want->pod);
		rast_err_clear(&ignored);
		(void)rast_node_pod_undo(in, s[i].want->pod->ns, s[i].want->pod->name, 0, &ignored);
	}
	if (flipped && old && !rast_policy_applied_load(in, NULL, NULL, &generation, NULL)) {
		rast_err_clear(&ignored);
		(void)rast_node_policy_flip(in, old, generation + 1, NULL, &ignored);
	}
	if (network)
		(void)rast_hosts_update(in, NULL);
}

int rast_node_up(const struct rast_instance *in, struct rast_node_pod *pods, size_t n_pods,
		 const struct rast_yaml_node *const *policies, size_t n_policies,
		 json_t **ret_report, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *old = NULL;
	_cleanup_free_ struct starting *s = NULL;
	_cleanup_json_ json_t *policy = NULL;
	_cleanup_close_ int lock = -1;
	bool flipped = false, network = false;
	char warning[256];
	size_t i;
	int r;

	s = calloc(n_pods + 1, sizeof(*s));
	if (!s)
		return rast_err_sys(err, ENOMEM, "pods");
	for (i = 0; i < n_pods; i++) {
		s[i].want = &pods[i];
		s[i].netns_fd = -1;
		pods[i].pidfd = pods[i].tty = -1;
		network |= rast_node_has_network(pods[i].pod);
	}
	r = rast_state_lock(in, &lock, err);
	if (r < 0)
		return r;
	if (network || n_policies) {
		r = rast_policy_applied_load(in, &old, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	r = rast_node_host_ports(pods, n_pods, err);
	if (r < 0)
		return r;
	r = bring_up(in, s, n_pods, policies, n_policies, &policy, &flipped, err);
	if (r < 0)
		undo(in, s, n_pods, old, flipped);
	else if (ret_report) {
		*ret_report = json_pack("{s:o}", "pods", report_pods(s, n_pods));
		if (policy)
			(void)json_object_set(*ret_report, "policy", policy);
		if (network && *rast_network_warning(in, warning, sizeof(warning)))
			(void)json_object_set_new(*ret_report, "warnings",
						  json_pack("[s]", warning));
	}
	for (i = 0; i < n_pods; i++) {
		rast_closep(&s[i].netns_fd);
		json_decref(s[i].state);
	}
	return r;
}

void rast_node_drop_numbers(const struct rast_instance *in, const json_t *pod)
{
	uint32_t slots[RAST_POD_MAX_CONTAINERS];
	const json_t *slot;
	size_t i, n = 0;

	json_array_foreach(json_object_get(pod, "slots"), i, slot)
		if (n < RAST_POD_MAX_CONTAINERS)
			slots[n++] = (uint32_t)json_integer_value(slot);
	(void)rast_state_numbers_drop(in, (uint32_t)rast_json_int(pod, "identity"), slots, n);
}

/* `pod` with its containers. */
static int undo_loaded(const struct rast_instance *in, const json_t *pod, unsigned int grace_ms,
		       struct rast_err *err)
{
	const char *ns = rast_json_str(pod, "namespace"), *name = rast_json_str(pod, "name");
	struct in_addr addr;
	char path[512], key[320];
	const char *ifname;
	json_t *list, *c;
	size_t i;
	int r = 0;

	keep(&r, rast_container_remove_all(in, pod, grace_ms, err));
	list = json_object_get(pod, "containers");
	json_array_foreach(list, i, c)
		(void)rast_container_bpf_unregister(in, (uint64_t)rast_json_int(c, "cgroup_id"));
	ifname = rast_json_str(pod, "ifname");
	if (*ifname && inet_pton(AF_INET, rast_json_str(pod, "address"), &addr) == 1) {
		/* Unbound from its address before the link goes, so that nobody inherits it. */
		keep(&r, rast_policy_bpf_endpoint_del_name(in, ifname, addr.s_addr, err));
		keep(&r, rast_network_pod_del(in, ifname, err));
		if (!rast_node_netns_path(in, ns, name, path, sizeof(path)))
			keep(&r, rast_netns_remove(path, err));
		(void)snprintf(key, sizeof(key), "%s/%s", ns, name);
		keep(&r, rast_ipam_release(in, ntohl(addr.s_addr), key, err));
	}
	if (!r)
		rast_node_drop_numbers(in, pod);
	keep(&r, rast_state_pod_remove(in, ns, name, err));
	return r;
}

int rast_node_pod_undo(const struct rast_instance *in, const char *ns, const char *name,
		       unsigned int grace_ms, struct rast_err *err)
{
	_cleanup_json_ json_t *pod = NULL;

	if (rast_state_pod_load(in, ns, name, true, &pod, NULL) < 0)
		return 0;
	return rast_node_foreign_is(pod) ? rast_node_foreign_undo(in, pod, err)
					 : undo_loaded(in, pod, grace_ms, err);
}

int rast_node_pod_stop(const struct rast_instance *in, const char *ns, const char *name,
		       int grace_ms, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	_cleanup_json_ json_t *pod = NULL;
	bool network;
	int r;

	r = rast_state_lock(in, &lock, err);
	if (r < 0)
		return r;
	if (rast_state_pod_load(in, ns, name, true, &pod, NULL) < 0)
		return 0;
	if (rast_node_foreign_is(pod))
		return rast_err_set(err, EBUSY,
				    "pod %s/%s belongs to rast-oci: whoever started it ends it", ns,
				    name);
	network = *rast_json_str(pod, "address") != '\0';
	/*
	 * Whoever starts containers again sees that these end because they are meant to. A mark that
	 * cannot be written (a full disk) must not keep the pod alive.
	 */
	(void)json_object_set_new(pod, "stopping", json_true());
	(void)rast_state_pod_store(in, pod, NULL);
	if (grace_ms < 0)
		grace_ms = (int)rast_json_int(pod, "grace_s") * 1000;
	r = undo_loaded(in, pod, (unsigned int)grace_ms, err);
	if (r < 0 || !network)
		return r;
	r = rast_node_policy_change(in, NULL, 0, false, NULL, err);
	if (!r)
		r = rast_hosts_update(in, err);
	return r;
}
