// SPDX-License-Identifier: BSD-2-Clause
/*
 * The maps of the policy programs seen from user space: all that is read back. Nothing here loads a
 * program or changes what is in force (policy_apply_bpf.c).
 */
#include "policy/policy_bpf.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/connect_bpf.h"
#include "policy/policy.h"
#include "policy/policy_mapping_bpf.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void rast_policy_unmap(struct rast_policy_mapping *m)
{
	if (m->at)
		(void)munmap(m->at, m->size);
}

int rast_policy_map_fd(int fd, const char *name, size_t value_size, struct rast_policy_mapping *ret,
		       struct rast_err *err)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	size_t size;
	void *p;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.value_size != value_size)
		return rast_err_set(err, EINVAL, "map %s is of another build", name);
	size = info.max_entries * ((value_size + 7) / 8 * 8);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return rast_err_sys(err, errno, "mapping %s", name);
	ret->at = p;
	ret->size = size;
	return 0;
}

int rast_policy_map_all(const struct rast_instance *in, const char *name, size_t value_size,
			struct rast_policy_mapping *ret, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, name, err);

	return fd < 0 ? fd : rast_policy_map_fd(fd, name, value_size, ret, err);
}

uint64_t rast_policy_coarse_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int rast_policy_bpf_set_flags(const struct rast_instance *in, uint32_t flags, struct rast_err *err)
{
	_cleanup_mapping_ struct rast_policy_mapping control = {0};
	struct rast_policy_control *c;
	int r;

	r = rast_policy_map_all(in, "policy_control", sizeof(*c), &control, err);
	if (r < 0)
		return r;
	c = control.at;
	__atomic_store_n(&c->flags, flags, __ATOMIC_RELEASE);
	return 0;
}

/* ---- reading ---- */

static const char *const reasons[] = {
	[RAST_DROP_NONE] = "none",         [RAST_DROP_POLICY] = "policy",
	[RAST_DROP_SPOOFED] = "spoofed",   [RAST_DROP_MALFORMED] = "malformed",
	[RAST_DROP_FRAGMENT] = "fragment", [RAST_DROP_NO_POLICY] = "no_policy",
	[RAST_DROP_PROTOCOL] = "protocol", [RAST_DROP_DNS] = "dns"};

static int put(json_t *obj, const char *key, json_t *value)
{
	return json_object_set_new(obj, key, value) ? -ENOMEM : 0;
}

static json_t *counters_json(const struct rast_link_counters *per_cpu, int n_cpus)
{
	struct rast_link_counters sum = {0};
	json_t *obj = json_object(), *dropped = json_object();

	for (int cpu = 0; cpu < n_cpus; cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
		for (size_t i = 0; i < ARRAY_SIZE(sum.dropped); i++)
			sum.dropped[i] += per_cpu[cpu].dropped[i];
	}
	(void)put(obj, "packets", json_integer((json_int_t)sum.packets));
	(void)put(obj, "bytes", json_integer((json_int_t)sum.bytes));
	for (size_t i = RAST_DROP_POLICY; i < ARRAY_SIZE(reasons); i++)
		(void)put(dropped, reasons[i], json_integer((json_int_t)sum.dropped[i]));
	(void)put(obj, "dropped", dropped);
	return obj;
}

int rast_policy_bpf_counters(const struct rast_instance *in, uint32_t slot, json_t *obj,
			     struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "counters_by_link", err);
	_cleanup_free_ struct rast_link_counters *per_cpu = NULL;
	int n_cpus = libbpf_num_possible_cpus();
	uint32_t key;
	int r = 0;

	if (fd < 0)
		return fd;
	if (n_cpus < 0 || slot > RAST_LINK_UNKNOWN)
		return rast_err_set(err, EINVAL, "no such link: slot %u", slot);
	per_cpu = calloc((size_t)n_cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t dir = 0; dir < 2 && !r; dir++) {
		key = slot * 2 + dir;
		if (bpf_map_lookup_elem(fd, &key, per_cpu))
			return rast_err_sys(err, errno, "counters_by_link");
		r = put(obj, dir == RAST_DIR_INGRESS ? "ingress" : "egress",
			counters_json(per_cpu, n_cpus));
	}
	return r;
}

static json_t *addr_json(int family, const void *addr)
{
	char buf[INET6_ADDRSTRLEN];

	return json_string(inet_ntop(family, addr, buf, sizeof(buf)));
}

/* As the maps have it: IPv4 is the last word. */
static bool is_mapped(const uint32_t addr[4])
{
	return !addr[0] && !addr[1] && addr[2] == htonl(0xffff);
}

static json_t *flow_addr_json(const uint32_t addr[4])
{
	return is_mapped(addr) ? addr_json(AF_INET, &addr[3]) : addr_json(AF_INET6, addr);
}

static int endpoints_json(const struct rast_instance *in, json_t *array, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "endpoint_by_ifindex", err);
	uint32_t key, *prev = NULL;
	struct rast_endpoint e;

	if (fd < 0)
		return fd;
	while (!bpf_map_get_next_key(fd, prev, &key)) {
		char name[64];
		int link;

		prev = &key;
		if (bpf_map_lookup_elem(fd, &key, &e))
			continue;
		(void)snprintf(name, sizeof(name), "policy_out_%u", key);
		link = rast_loader_link_fd(in, name, NULL);
		if (json_array_append_new(
			    array,
			    json_pack("{s:I,s:o,s:o*,s:I,s:I,s:s}", "ifindex", (json_int_t)key,
				      "address", addr_json(AF_INET, &e.addr4), "address6",
				      e.addr6[0] ? addr_json(AF_INET6, e.addr6) : NULL, "identity",
				      (json_int_t)e.identity, "slot", (json_int_t)e.slot, "attach",
				      link >= 0 ? "tcx" : "clsact")))
			return -ENOMEM;
		if (link >= 0)
			(void)close(link);
	}
	return 0;
}

int rast_policy_bpf_status(const struct rast_instance *in, json_t *obj, struct rast_err *err)
{
	_cleanup_mapping_ struct rast_policy_mapping images = {0}, control = {0};
	const struct rast_policy_control *c;
	json_t *endpoints;
	uint32_t slot;
	int r;

	r = rast_policy_map_all(in, "policy_control", sizeof(*c), &control, err);
	if (!r)
		r = rast_policy_map_all(in, "policy_image", sizeof(struct rast_policy_image),
					&images, err);
	if (r < 0)
		return r;
	c = control.at;
	slot = c->slot & 1;
	r = put(obj, "loaded", json_boolean(c->loaded != 0));
	if (!r && c->loaded) {
		const struct rast_policy_image *im = images.at;

		r = put(obj, "generation", json_integer(im[slot].generation));
		if (!r)
			r = put(obj, "slot", json_integer(slot));
	}
	if (!r)
		r = put(obj, "connect", json_boolean(rast_connect_bpf_is_attached(in)));
	endpoints = json_array();
	if (!r)
		r = endpoints_json(in, endpoints, err);
	return put(obj, "endpoints", endpoints) ? -ENOMEM : r;
}

/* With the flow, against it. */
static json_t *counts_json(const __u64 n[2])
{
	return json_pack("[I,I]", (json_int_t)n[0], (json_int_t)n[1]);
}

static json_t *flow_json(const struct rast_flow_key *k, const struct rast_flow *f, uint64_t now)
{
	static const char *const names[] = {"at_src",     "at_dst",   "replied",
					    "closing",    "host",     "socket_src",
					    "socket_dst", "told_src", "told_dst"};
	const struct rast_flow_side *side =
		&f->side[f->state & RAST_FLOW_AT_SRC ? RAST_FLOW_SRC : RAST_FLOW_DST];
	bool opener = f->state & RAST_FLOW_AT_SRC;
	json_t *obj = json_object(), *state = json_array();

	(void)put(obj, "src", flow_addr_json(k->src));
	(void)put(obj, "src_port", json_integer(ntohs(k->src_port)));
	(void)put(obj, "dst", flow_addr_json(k->dst));
	(void)put(obj, "dst_port", json_integer(ntohs(k->dst_port)));
	(void)put(obj, "protocol", json_integer(k->protocol));
	(void)put(obj, "age_ns", json_integer((json_int_t)(now - f->opened_ns)));
	(void)put(obj, "idle_ns", json_integer((json_int_t)(now - f->last_ns)));
	if (f->state & RAST_FLOW_AT_SRC)
		(void)put(obj, "src_rule", json_integer(f->side[RAST_FLOW_SRC].rule));
	if (f->state & RAST_FLOW_AT_DST)
		(void)put(obj, "dst_rule", json_integer(f->side[RAST_FLOW_DST].rule));
	(void)put(obj, "generation", json_integer(side->generation));
	(void)put(obj, "src_identity", json_integer(opener ? side->identity : side->peer_identity));
	(void)put(obj, "dst_identity", json_integer(opener ? side->peer_identity : side->identity));
	if (k->protocol != IPPROTO_TCP) {
		(void)put(obj, "packets", counts_json(side->counts.packets));
		(void)put(obj, "bytes", counts_json(side->counts.bytes));
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (f->state & 1u << i)
			(void)json_array_append_new(state, json_string(names[i]));
	(void)put(obj, "state", state);
	return obj;
}

int rast_policy_bpf_flows(const struct rast_instance *in, json_t *array, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "flow_by_tuple", err);
	struct rast_flow_key key, *prev = NULL;
	struct rast_flow f;

	if (fd < 0)
		return fd;
	/* The map changes while it is walked: a deleted key sends the walk back to its start. */
	for (uint32_t n = 0; n < 262144 && !bpf_map_get_next_key(fd, prev, &key); n++) {
		prev = &key;
		if (bpf_map_lookup_elem(fd, &key, &f))
			continue;
		if (json_array_append_new(array, flow_json(&key, &f, rast_policy_coarse_ns())))
			return -ENOMEM;
	}
	return 0;
}

static void deny_event(const struct rast_deny_key *k, const struct rast_deny *d,
		       struct rast_event_flow *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->hdr.type = RAST_EVENT_FLOW;
	ev->hdr.size = sizeof(*ev);
	ev->hdr.slot = d->slot;
	ev->hdr.identity = d->identity;
	ev->hdr.cgroup_id = d->cgroup_id;
	if (is_mapped(k->flow.src))
		ev->family = AF_INET;
	else
		ev->family = k->flow.src[0] ? AF_INET6 : 0;
	ev->protocol = k->flow.protocol;
	ev->direction = k->direction;
	ev->verdict = (uint8_t)d->verdict;
	ev->reason = k->reason;
	if (k->told && d->verdict == RAST_VERDICT_DENY)
		ev->reason = RAST_DROP_POLICY;
	ev->rule = d->rule;
	ev->generation = d->generation;
	ev->ifindex = k->ifindex;
	ev->peer_identity = d->peer_identity;
	ev->packets = (uint32_t)d->pending;
	ev->flags = d->at_connect ? RAST_FLOW_EVENT_AT_CONNECT : 0;
	if (k->told == RAST_TOLD_STAGED)
		ev->flags |= RAST_FLOW_EVENT_STAGED;
	else if (k->told == RAST_TOLD_LOG)
		ev->flags |= RAST_FLOW_EVENT_LOGGED;
	memcpy(ev->src, ev->family == AF_INET ? &k->flow.src[3] : k->flow.src,
	       ev->family == AF_INET ? 4 : 16);
	memcpy(ev->dst, ev->family == AF_INET ? &k->flow.dst[3] : k->flow.dst,
	       ev->family == AF_INET ? 4 : 16);
	ev->src_port = ntohs(k->flow.src_port);
	ev->dst_port = ntohs(k->flow.dst_port);
	if (k->flow.protocol == (ev->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		ev->src_port = ntohs(k->flow.dst_port) >> 8;
		ev->dst_port = ntohs(k->flow.dst_port) & 0xff;
	}
}

int rast_policy_bpf_deny_sweep(const struct rast_instance *in, uint64_t older_ns,
			       void (*fn)(void *arg, const struct rast_event_flow *ev), void *arg,
			       struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "deny_by_tuple", err);
	struct rast_deny_key key, next;
	struct rast_event_flow ev;
	struct timespec t;
	struct rast_deny d;
	uint64_t now;
	bool more;

	if (fd < 0)
		return fd;
	more = !bpf_map_get_next_key(fd, NULL, &next);
	for (uint32_t n = 0; more && n < 65536; n++) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		now = rast_policy_coarse_ns();
		if (bpf_map_lookup_elem(fd, &key, &d) || !d.pending || now < d.last_ns ||
		    now - d.last_ns < older_ns)
			continue;
		if (bpf_map_lookup_and_delete_elem(fd, &key, &d) || !d.pending)
			continue;
		deny_event(&key, &d, &ev);
		(void)clock_gettime(CLOCK_BOOTTIME, &t);
		ev.hdr.time_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		fn(arg, &ev);
	}
	return 0;
}
