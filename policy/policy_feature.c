// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy in the controller: loads the programs at start and turns verdict records into JSON for the
 * stream "flow" (audit makes its records of the denied ones). Enforcement does not need any of this:
 * names and rules come from the applied set on disk, verdicts from the kernel.
 */
#include "policy/policy_feature.h"

#include "bpf/event.h"
#include "policy/applied.h"
#include "policy/edges.h"
#include "policy/policy_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECENT 512u
#define NS_PER_S 1000000000ull

struct policy {
	struct rast_controller *c;
	struct rast_policy_rules *rules; /* of `generation`; NULL: none found */
	uint32_t generation;
	struct rast_policy_world world; /* who had which identity when it was applied */
	bool have_world;
	uint64_t now_ns, asked_ns; /* last tick; last time the files were read */
	json_t *recent;            /* array, oldest first */
	struct rast_edges *edges;  /* since this controller started */
};

static int supported(const struct rast_controller *c, struct rast_err *err)
{
	(void)c;
	return rast_policy_bpf_supported(err);
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return rast_err_set(err, ENOMEM, "out of memory");
	p->c = c;
	p->recent = json_array();
	p->edges = rast_edges_create();
	r = p->edges ? rast_policy_bpf_load(rast_controller_instance(c), err)
		     : rast_err_set(err, ENOMEM, "out of memory");
	/* One event a connection, not a packet: what `flow edges` is made of. */
	if (!r)
		r = rast_policy_bpf_set_flags(rast_controller_instance(c), RAST_POLICY_LOG_ALLOWED,
					      err);
	if (r < 0) {
		rast_edges_destroy(p->edges);
		json_decref(p->recent);
		free(p);
		return r;
	}
	*ret_state = p;
	return 0;
}

static void unload(struct rast_controller *c, void *state)
{
	struct policy *p = state;

	(void)c;
	if (!p)
		return;
	rast_policy_rules_destroy(p->rules);
	if (p->have_world)
		rast_policy_world_finish(&p->world);
	json_decref(p->recent);
	rast_edges_destroy(p->edges);
	free(p);
}

/* The table that the record's rule number belongs to; read again at most once a second. */
static void refresh(struct policy *p, uint32_t generation)
{
	const struct rast_instance *in = rast_controller_instance(p->c);
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	struct rast_policy_world world = {0};
	uint32_t applied;

	if (generation == p->generation && (p->rules || p->now_ns - p->asked_ns < NS_PER_S))
		return;
	p->asked_ns = p->now_ns;
	p->generation = generation;
	rast_policy_rules_destroy(p->rules);
	p->rules = NULL;
	(void)rast_policy_applied_rules(in, generation, &p->rules, NULL);
	if (rast_policy_applied_load(in, &set, &world, &applied, NULL) < 0)
		return;
	if (p->have_world)
		rast_policy_world_finish(&p->world);
	p->world = world;
	p->have_world = true;
}

static const struct rast_policy_pod *pod_of(const struct policy *p, uint32_t identity)
{
	for (size_t i = 0; p->have_world && i < p->world.n_pods; i++)
		if (p->world.pods[i].identity == identity)
			return &p->world.pods[i];
	return NULL;
}

static void set_str(json_t *json, const char *key, const char *value)
{
	(void)json_object_set_new(json, key, json_string(value));
}

static void set_int(json_t *json, const char *key, json_int_t value)
{
	(void)json_object_set_new(json, key, json_integer(value));
}

static void add_peer(const struct policy *p, uint32_t identity, json_t *json)
{
	const struct rast_policy_pod *pod = pod_of(p, identity);

	set_int(json, "peer_identity", identity);
	if (pod) {
		set_str(json, "peer_pod", pod->name);
		set_str(json, "peer_namespace", pod->ns);
	} else {
		set_str(json, "peer_entity", identity == RAST_IDENTITY_HOST ? "host" : "world");
	}
}

static const char *protocol_name(uint8_t protocol, char buf[8])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		(void)snprintf(buf, 8, "%u", protocol);
		return buf;
	}
}

static void add_addresses(const struct rast_event_flow *ev, json_t *json)
{
	char buf[INET6_ADDRSTRLEN];

	if (ev->family != AF_INET && ev->family != AF_INET6)
		return;
	set_str(json, "src", inet_ntop(ev->family, ev->src, buf, sizeof(buf)));
	set_str(json, "dst", inet_ntop(ev->family, ev->dst, buf, sizeof(buf)));
	if (ev->protocol == IPPROTO_ICMP) {
		set_int(json, "icmp_type", ev->src_port);
		set_int(json, "icmp_code", ev->dst_port);
	} else {
		set_int(json, "src_port", ev->src_port);
		set_int(json, "dst_port", ev->dst_port);
	}
}

/* A default deny is nobody's rule: what isolates the container stands in for it. */
static void add_rule(const struct policy *p, const struct rast_event_flow *ev, json_t *json)
{
	const struct rast_policy_pod *pod = pod_of(p, ev->hdr.identity);
	json_t *rule = rast_policy_rules_describe(p->rules, ev->rule);
	char name[330];

	if (ev->rule == RAST_RULE_DEFAULT_DENY && pod) {
		(void)snprintf(name, sizeof(name), "%s/%s", pod->ns, pod->name);
		(void)json_object_set_new(
			rule, "isolated_by",
			rast_policy_rules_isolated_by(p->rules, name, ev->direction));
	}
	(void)json_object_set_new(json, "rule", rule);
}

static void describe(struct policy *p, const struct rast_event_flow *ev, json_t *json)
{
	static const char *const verdicts[] = {"deny", "allow", "allow_reply"};
	static const char *const reasons[] = {"none",     "policy",    "spoofed", "malformed",
					      "fragment", "no_policy", "protocol"};
	char buf[8];

	refresh(p, ev->generation);
	set_str(json, "type", "flow");
	set_str(json, "verdict", ev->verdict < ARRAY_SIZE(verdicts) ? verdicts[ev->verdict] : "?");
	if (ev->verdict == RAST_VERDICT_DENY)
		set_str(json, "reason",
			ev->reason < ARRAY_SIZE(reasons) ? reasons[ev->reason] : "?");
	set_str(json, "direction", ev->direction == RAST_DIR_INGRESS ? "ingress" : "egress");
	set_str(json, "protocol", protocol_name(ev->protocol, buf));
	add_addresses(ev, json);
	if (ev->protocol == IPPROTO_TCP)
		set_int(json, "tcp_flags", ev->tcp_flags);
	add_peer(p, ev->peer_identity, json);
	set_int(json, "packets", ev->packets);
	set_int(json, "ifindex", ev->ifindex);
	set_int(json, "generation", ev->generation);
	if (ev->verdict != RAST_VERDICT_DENY || ev->reason == RAST_DROP_POLICY)
		add_rule(p, ev, json);
}

/* For flow.recent. */
static void keep(struct policy *p, const json_t *json)
{
	if (json_array_size(p->recent) >= RECENT)
		(void)json_array_remove(p->recent, 0);
	(void)json_array_append_new(p->recent, json_deep_copy(json));
}

static int on_event(struct rast_controller *c, void *state, const struct rast_event *ev,
		    size_t size, json_t *json)
{
	const struct rast_event_flow *flow = (const struct rast_event_flow *)ev;

	(void)c;
	if (ev->type != RAST_EVENT_FLOW || size < sizeof(*flow))
		return 0;
	describe(state, flow, json);
	keep(state, json);
	return 1;
}

/* What the kernel did not tell, because no further packet of that flow came. */
static void swept(void *arg, const struct rast_event_flow *ev)
{
	struct policy *p = arg;
	const struct rast_policy_pod *pod;
	struct timespec t;
	json_t *json = json_object();

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)json_object_set_new(
		json, "time", rast_json_time((uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec));
	set_int(json, "identity", ev->hdr.identity);
	describe(p, ev, json);
	pod = pod_of(p, ev->hdr.identity);
	if (pod) {
		set_str(json, "pod", pod->name);
		set_str(json, "namespace", pod->ns);
	}
	keep(p, json);
	rast_controller_publish(p->c, "flow", json);
}

static void tick(struct rast_controller *c, void *state, uint64_t now_ns)
{
	struct policy *p = state;

	p->now_ns = now_ns;
	(void)rast_policy_bpf_deny_sweep(rast_controller_instance(c), 2 * NS_PER_S, swept, p, NULL);
}

/* By then the names of the container's own end have been added. */
static void on_publish(struct rast_controller *c, void *state, const char *stream,
		       const json_t *json)
{
	struct policy *p = state;

	(void)c;
	if (!strcmp(stream, "flow"))
		rast_edges_add(p->edges, json);
}

static int op_edges(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		    json_t **ret_result, struct rast_err *err)
{
	struct policy *p = rast_controller_state(c, "policy");

	(void)actor;
	(void)args;
	if (!p)
		return rast_err_set(err, EOPNOTSUPP, "policy is not loaded");
	*ret_result = rast_edges_to_json(p->edges);
	return 0;
}

static int show(struct rast_controller *c, void *state, json_t *json)
{
	(void)state;
	return rast_policy_bpf_status(rast_controller_instance(c), json, NULL);
}

static int op_recent(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		     json_t **ret_result, struct rast_err *err)
{
	struct policy *p = rast_controller_state(c, "policy");

	(void)actor;
	(void)args;
	if (!p)
		return rast_err_set(err, EOPNOTSUPP, "policy is not loaded");
	*ret_result = json_deep_copy(p->recent);
	return 0;
}

static const struct rast_op ops[] = {
	{"flow.recent", op_recent},
	{"flow.edges", op_edges},
	{NULL, NULL},
};

const struct rast_feature rast_policy_feature = {
	.name = "policy",
	.supported = supported,
	.load = load,
	.on_event = on_event,
	.on_publish = on_publish,
	.tick = tick,
	.show = show,
	.unload = unload,
	.ops = ops,
};
