// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy in the controller: loads the programs at start and turns verdict records into JSON for the
 * stream "flow" (audit makes its records of the denied ones). Enforcement does not need any of this:
 * names and rules come from the applied set on disk, verdicts from the kernel.
 */
#include "policy/policy_feature.h"

#include "bpf/event.h"
#include "policy/applied.h"
#include "policy/connect_bpf.h"
#include "policy/dns_event.h"
#include "policy/edges.h"
#include "policy/flow_bpf.h"
#include "policy/fqdn.h"
#include "policy/fqdn_bpf.h"
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
#define SWEEP_NS (5 * NS_PER_S)

struct policy {
	struct rast_controller *c;
	struct rast_policy_rules *rules; /* of `generation`; NULL: none found */
	uint32_t generation;
	struct rast_policy_world world; /* who had which identity when it was applied */
	bool have_world;
	uint64_t now_ns, asked_ns; /* last tick; last time the files were read */
	uint64_t swept_ns;
	json_t *recent;           /* array, oldest first */
	struct rast_edges *edges; /* since this controller started */
};

static int supported(const struct rast_controller *c, struct rast_err *err)
{
	(void)c;
	return rast_policy_bpf_supported(err);
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct policy *p = calloc(1, sizeof(*p));
	struct rast_err ignored = {0};
	int r;

	if (!p)
		return rast_err_set(err, ENOMEM, "out of memory");
	p->c = c;
	p->recent = json_array();
	p->edges = rast_edges_create();
	r = p->edges ? rast_policy_bpf_load(rast_controller_instance(c), err)
		     : rast_err_set(err, ENOMEM, "out of memory");
	/* A help for programs; the links enforce without it. `policy status` tells. */
	if (!r)
		(void)rast_connect_bpf_load(rast_controller_instance(c), &ignored);
	/* One event when a flow begins and one when it ends, none for a packet. */
	if (!r)
		r = rast_policy_bpf_set_flags(rast_controller_instance(c),
					      RAST_POLICY_LOG_ALLOWED | RAST_POLICY_LOG_ENDED, err);
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

static void add_ends(uint8_t family, const uint8_t src[16], const uint8_t dst[16], json_t *json)
{
	char buf[INET6_ADDRSTRLEN];

	if (family != AF_INET && family != AF_INET6)
		return;
	set_str(json, "src", inet_ntop(family, src, buf, sizeof(buf)));
	set_str(json, "dst", inet_ntop(family, dst, buf, sizeof(buf)));
}

static void add_addresses(const struct rast_event_flow *ev, json_t *json)
{
	if (ev->family != AF_INET && ev->family != AF_INET6)
		return;
	add_ends(ev->family, ev->src, ev->dst, json);
	if (ev->protocol == IPPROTO_ICMP || ev->protocol == IPPROTO_ICMPV6) {
		set_int(json, "icmp_type", ev->src_port);
		set_int(json, "icmp_code", ev->dst_port);
	} else {
		set_int(json, "src_port", ev->src_port);
		set_int(json, "dst_port", ev->dst_port);
	}
}

/* A default deny is nobody's rule: what isolates the container stands in for it. */
static void add_rule(const struct policy *p, uint32_t identity, uint32_t number, uint8_t direction,
		     bool staged, json_t *json)
{
	const struct rast_policy_pod *pod = pod_of(p, identity);
	json_t *rule = rast_policy_rules_describe(p->rules, number);
	char name[330];

	if (number == RAST_RULE_DEFAULT_DENY && pod) {
		(void)snprintf(name, sizeof(name), "%s/%s", pod->ns, pod->name);
		(void)json_object_set_new(
			rule, "isolated_by",
			rast_policy_rules_isolated_by(p->rules, name, direction, staged));
	}
	(void)json_object_set_new(json, "rule", rule);
}

static const char *verdict_name(uint8_t verdict)
{
	static const char *const names[] = {"deny", "allow", "allow_reply"};

	return verdict < ARRAY_SIZE(names) ? names[verdict] : "?";
}

static const char *direction_name(uint8_t direction)
{
	return direction == RAST_DIR_INGRESS ? "ingress" : "egress";
}

/* The name under which this container knows the address outside. */
static void add_name(const struct policy *p, const struct rast_event_flow *ev, json_t *json)
{
	char name[RAST_FQDN_TEXT_SIZE];

	if (ev->direction == RAST_DIR_EGRESS && ev->peer_identity == RAST_IDENTITY_WORLD &&
	    (ev->family == AF_INET || ev->family == AF_INET6) &&
	    rast_fqdn_bpf_name(rast_controller_instance(p->c), ev->hdr.identity,
			       ev->family == AF_INET6, ev->dst, name))
		set_str(json, "peer_name", name);
}

static void describe(struct policy *p, const struct rast_event_flow *ev, json_t *json)
{
	static const char *const reasons[] = {"none",     "policy",    "spoofed",  "malformed",
					      "fragment", "no_policy", "protocol", "dns"};
	char buf[8];

	refresh(p, ev->generation);
	/* What would have been is no flow: whoever counts verdicts must not count it. */
	set_str(json, "type", ev->flags & RAST_FLOW_EVENT_STAGED ? "staged" : "flow");
	if (ev->flags & RAST_FLOW_EVENT_LOGGED)
		(void)json_object_set_new(json, "log", json_true());
	set_str(json, "verdict", verdict_name(ev->verdict));
	if (ev->verdict == RAST_VERDICT_DENY)
		set_str(json, "reason",
			ev->reason < ARRAY_SIZE(reasons) ? reasons[ev->reason] : "?");
	set_str(json, "direction", direction_name(ev->direction));
	set_str(json, "protocol", protocol_name(ev->protocol, buf));
	add_addresses(ev, json);
	if (ev->protocol == IPPROTO_TCP)
		set_int(json, "tcp_flags", ev->tcp_flags);
	add_peer(p, ev->peer_identity, json);
	add_name(p, ev, json);
	set_int(json, "packets", ev->packets);
	if (ev->flags & RAST_FLOW_EVENT_AT_CONNECT)
		(void)json_object_set_new(json, "at_connect", json_true());
	set_int(json, "ifindex", ev->ifindex);
	set_int(json, "generation", ev->generation);
	if (ev->verdict != RAST_VERDICT_DENY || ev->reason == RAST_DROP_POLICY)
		add_rule(p, ev->hdr.identity, ev->rule, ev->direction,
			 ev->flags & RAST_FLOW_EVENT_STAGED, json);
}

static const char *ended_name(size_t ended)
{
	static const char *const names[RAST_FLOW_ENDED_MAX] = {
		[RAST_FLOW_ENDED_FIN] = "fin",         [RAST_FLOW_ENDED_RST] = "rst",
		[RAST_FLOW_ENDED_TIMEOUT] = "timeout", [RAST_FLOW_ENDED_POLICY] = "policy",
		[RAST_FLOW_ENDED_REMOVED] = "removed", [RAST_FLOW_ENDED_ERROR] = "error"};

	return ended < ARRAY_SIZE(names) && names[ended] ? names[ended] : "unknown";
}

static void add_counts(const struct rast_flow_counts *n, json_t *json)
{
	set_int(json, "packets_out", (json_int_t)n->packets[0]);
	set_int(json, "bytes_out", (json_int_t)n->bytes[0]);
	set_int(json, "packets_back", (json_int_t)n->packets[1]);
	set_int(json, "bytes_back", (json_int_t)n->bytes[1]);
}

static void describe_end(struct policy *p, const struct rast_event_flow_end *ev, json_t *json)
{
	char buf[8];

	refresh(p, ev->generation);
	set_str(json, "type", "flow_end");
	set_str(json, "verdict", verdict_name(ev->verdict));
	set_str(json, "ended", ended_name(ev->ended));
	set_str(json, "direction", direction_name(ev->direction));
	set_str(json, "protocol", protocol_name(ev->protocol, buf));
	add_ends(ev->family, ev->src, ev->dst, json);
	if (ev->protocol != IPPROTO_ICMP && ev->protocol != IPPROTO_ICMPV6) {
		set_int(json, "src_port", ev->src_port);
		set_int(json, "dst_port", ev->dst_port);
	}
	if (ev->protocol == IPPROTO_TCP)
		set_int(json, "tcp_flags", ev->tcp_flags);
	add_peer(p, ev->peer_identity, json);
	if (ev->known & RAST_FLOW_KNOWS_COUNTS)
		add_counts(&ev->counts, json);
	if (ev->known & RAST_FLOW_KNOWS_START)
		set_int(json, "duration_ns", (json_int_t)ev->duration_ns);
	set_int(json, "ifindex", ev->ifindex);
	set_int(json, "generation", ev->generation);
	add_rule(p, ev->hdr.identity, ev->rule, ev->direction, false, json);
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
	if (ev->type == RAST_EVENT_FLOW_END && size >= sizeof(struct rast_event_flow_end)) {
		describe_end(state, (const struct rast_event_flow_end *)ev, json);
		keep(state, json);
		return 1;
	}
	if (ev->type == RAST_EVENT_DNS && size >= sizeof(struct rast_event_dns)) {
		const struct rast_event_dns *dns = (const struct rast_event_dns *)ev;
		struct policy *p = state;

		refresh(p, dns->generation);
		rast_dns_event_describe(dns, json);
		add_rule(p, ev->identity, dns->rule, RAST_DIR_EGRESS, false, json);
		keep(p, json);
		return 1;
	}
	if (ev->type != RAST_EVENT_FLOW || size < sizeof(*flow))
		return 0;
	describe(state, flow, json);
	keep(state, json);
	return 1;
}

/* What no record of a ring brought: when and who. */
static json_t *begin_swept(const struct policy *p, uint32_t identity)
{
	const struct rast_policy_pod *pod = pod_of(p, identity);
	json_t *json = json_object();
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)json_object_set_new(
		json, "time", rast_json_time((uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec));
	set_int(json, "identity", identity);
	if (pod) {
		set_str(json, "pod", pod->name);
		set_str(json, "namespace", pod->ns);
	}
	return json;
}

static void publish_swept(struct policy *p, json_t *json)
{
	keep(p, json);
	rast_controller_publish(p->c, "flow", json);
}

/* What the kernel did not tell, because no further packet of that flow came. */
static void swept(void *arg, const struct rast_event_flow *ev)
{
	struct policy *p = arg;
	json_t *json;

	refresh(p, ev->generation);
	json = begin_swept(p, ev->hdr.identity);
	describe(p, ev, json);
	publish_swept(p, json);
}

/* Ended flows that found no room in a ring. The key of those past the last entry is all zeroes. */
static void summed(void *arg, const struct rast_flow_sum_key *key, const struct rast_flow_sum *sum)
{
	struct policy *p = arg;
	json_t *json, *ended = json_object();
	char buf[8];

	refresh(p, key->generation);
	json = begin_swept(p, key->identity);
	set_str(json, "type", "flow_sum");
	if (key->identity) {
		set_str(json, "verdict", verdict_name(key->verdict));
		set_str(json, "direction", direction_name(key->direction));
		set_str(json, "protocol", protocol_name(key->protocol, buf));
		if (key->dst_port)
			set_int(json, "dst_port", key->dst_port);
		add_peer(p, key->peer_identity, json);
		set_int(json, "generation", key->generation);
		add_rule(p, key->identity, key->rule, key->direction, false, json);
	}
	set_int(json, "flows", (json_int_t)sum->flows);
	add_counts(&sum->counts, json);
	set_int(json, "duration_ns", (json_int_t)sum->duration_ns);
	for (size_t i = 0; i < ARRAY_SIZE(sum->ended); i++)
		if (sum->ended[i])
			set_int(ended, ended_name(i), (json_int_t)sum->ended[i]);
	(void)json_object_set_new(json, "ended", ended);
	publish_swept(p, json);
}

static void tick(struct rast_controller *c, void *state, uint64_t now_ns)
{
	struct policy *p = state;

	p->now_ns = now_ns;
	(void)rast_policy_bpf_deny_sweep(rast_controller_instance(c), 2 * NS_PER_S, swept, p, NULL);
	(void)rast_flow_bpf_sums(rast_controller_instance(c), summed, p, NULL);
	if (now_ns - p->swept_ns < SWEEP_NS)
		return;
	p->swept_ns = now_ns;
	(void)rast_flow_bpf_sweep(rast_controller_instance(c), NULL, NULL);
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

static int op_stats(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		    json_t **ret_result, struct rast_err *err)
{
	struct rast_flow_stats st;
	uint64_t missed;
	int r = rast_flow_bpf_stats(rast_controller_instance(c), &st, &missed, err);

	(void)actor;
	(void)args;
	if (r < 0)
		return r;
	*ret_result = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "opened", (json_int_t)st.opened,
				"ended", (json_int_t)st.ended, "told", (json_int_t)st.told,
				"summed", (json_int_t)st.summed, "strangers",
				(json_int_t)st.strangers, "missed", (json_int_t)missed);
	return 0;
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
	{"flow.stats", op_stats},
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
