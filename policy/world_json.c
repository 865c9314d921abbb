// SPDX-License-Identifier: BSD-2-Clause
/* A world as JSON and back: what the applied set keeps, so that it can be compiled again anywhere. */
#include "policy/set.h"

#include <errno.h>
#include <string.h>

static const char *const protos[] = {"TCP", "UDP", "SCTP"};

static json_t *labels_to_json(const struct rast_policy_label *l, size_t n)
{
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++)
		(void)json_object_set_new(out, l[i].key, json_string(l[i].value));
	return out;
}

json_t *rast_policy_world_to_json(const struct rast_policy_world *world)
{
	json_t *out = json_object(), *pods = json_array(), *namespaces = json_array();
	char buf[64];

	for (size_t i = 0; i < world->n_pods; i++) {
		const struct rast_policy_pod *p = &world->pods[i];
		json_t *o = json_pack("{s:s, s:s, s:I, s:o}", "namespace", p->ns, "name", p->name,
				      "identity", (json_int_t)p->identity, "labels",
				      labels_to_json(p->labels, p->n_labels));
		json_t *ports = json_array();

		if (p->addr4)
			(void)json_object_set_new(
				o, "addr4",
				json_string(rast_addr_format(false, p->addr4, buf, sizeof(buf))));
		if (rast_addr_from_bytes(p->addr6))
			(void)json_object_set_new(
				o, "addr6",
				json_string(rast_addr_format(true, rast_addr_from_bytes(p->addr6),
							     buf, sizeof(buf))));
		for (size_t j = 0; j < p->n_ports; j++)
			(void)json_array_append_new(ports, json_pack("{s:s, s:s, s:i}", "name",
								     p->ports[j].name, "protocol",
								     protos[p->ports[j].proto],
								     "port", p->ports[j].port));
		(void)json_object_set_new(o, "ports", ports);
		(void)json_array_append_new(pods, o);
	}
	for (size_t i = 0; i < world->n_namespaces; i++) {
		const struct rast_policy_namespace *n = &world->namespaces[i];

		(void)json_array_append_new(namespaces,
					    json_pack("{s:s, s:o}", "name", n->name, "labels",
						      labels_to_json(n->labels, n->n_labels)));
	}
	if (world->host4)
		(void)json_object_set_new(
			out, "host4",
			json_string(rast_addr_format(false, world->host4, buf, sizeof(buf))));
	if (rast_addr_from_bytes(world->host6))
		(void)json_object_set_new(
			out, "host6",
			json_string(rast_addr_format(true, rast_addr_from_bytes(world->host6), buf,
						     sizeof(buf))));
	(void)json_object_set_new(out, "pods", pods);
	(void)json_object_set_new(out, "namespaces", namespaces);
	return out;
}

static int labels_from_json(struct rast_arena *a, const json_t *obj, struct rast_policy_label **ret,
			    size_t *ret_n)
{
	const char *key;
	json_t *value;

	*ret = rast_arena_take(a, json_object_size(obj) + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	json_object_foreach((json_t *)obj, key, value) {
		if (!json_is_string(value))
			return -EINVAL;
		(*ret)[*ret_n].key = key;
		(*ret)[(*ret_n)++].value = json_string_value(value);
	}
	return 0;
}

static int ports_from_json(struct rast_arena *a, const json_t *list, struct rast_policy_pod *pod)
{
	pod->ports = rast_arena_take(a, json_array_size(list) + 1, sizeof(*pod->ports));
	if (!pod->ports)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct rast_policy_named_port *to = &pod->ports[pod->n_ports++];
		size_t p;

		for (p = 0; p < ARRAY_SIZE(protos); p++)
			if (!strcmp(rast_json_str(o, "protocol"), protos[p]))
				break;
		if (p == ARRAY_SIZE(protos) || rast_json_int(o, "port") < 1 ||
		    rast_json_int(o, "port") > UINT16_MAX)
			return -EINVAL;
		to->name = rast_json_str(o, "name");
		to->proto = (enum rast_policy_proto)p;
		to->port = (uint16_t)rast_json_int(o, "port");
	}
	return 0;
}

static int addr_from_json(const json_t *obj, const char *key, bool want_v6, rast_u128 *ret)
{
	const char *text = rast_json_str(obj, key);
	bool v6;

	*ret = 0;
	if (!*text)
		return 0;
	return rast_addr_parse(text, &v6, ret) < 0 || v6 != want_v6 ? -EINVAL : 0;
}

static int pod_from_json(const json_t *o, struct rast_policy_world *world)
{
	struct rast_policy_pod pod = {.ns = rast_json_str(o, "namespace"),
				      .name = rast_json_str(o, "name")};
	rast_u128 addr = 0;
	int r;

	if (!*pod.ns || !*pod.name || rast_json_int(o, "identity") < 0 ||
	    rast_json_int(o, "identity") >= RAST_MAX_IDENTITIES)
		return -EINVAL;
	pod.identity = (uint32_t)rast_json_int(o, "identity");
	r = labels_from_json(&world->arena, json_object_get(o, "labels"), &pod.labels,
			     &pod.n_labels);
	if (!r)
		r = ports_from_json(&world->arena, json_object_get(o, "ports"), &pod);
	if (!r)
		r = addr_from_json(o, "addr4", false, &addr);
	pod.addr4 = (uint32_t)addr;
	if (!r)
		r = addr_from_json(o, "addr6", true, &addr);
	for (int i = 15; !r && i >= 0; i--, addr >>= 8)
		pod.addr6[i] = (uint8_t)addr;
	return r ? r : rast_policy_world_add_pod(world, &pod);
}

int rast_policy_world_from_json(const json_t *value, struct rast_policy_world *ret,
				struct rast_err *err)
{
	_cleanup_policy_world_ struct rast_policy_world world = {};
	const json_t *pods = json_object_get(value, "pods");
	const json_t *namespaces = json_object_get(value, "namespaces");
	rast_u128 host = 0;
	int r = addr_from_json(value, "host4", false, &host);

	world.host4 = (uint32_t)host;
	if (!r)
		r = addr_from_json(value, "host6", true, &host);
	for (int i = 15; !r && i >= 0; i--, host >>= 8)
		world.host6[i] = (uint8_t)host;
	for (size_t i = 0; !r && i < json_array_size(pods); i++)
		r = pod_from_json(json_array_get(pods, i), &world);
	for (size_t i = 0; !r && i < json_array_size(namespaces); i++) {
		const json_t *o = json_array_get(namespaces, i);
		struct rast_policy_namespace ns = {.name = rast_json_str(o, "name")};

		r = *ns.name ? labels_from_json(&world.arena, json_object_get(o, "labels"),
						&ns.labels, &ns.n_labels)
			     : -EINVAL;
		if (!r)
			r = rast_policy_world_add_namespace(&world, &ns);
	}
	if (r < 0)
		return rast_err_set(err, -r, "the list of pods cannot be read");
	*ret = world;
	memset(&world, 0, sizeof(world));
	return 0;
}
