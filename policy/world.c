// SPDX-License-Identifier: BSD-2-Clause
/* The pods of the moment; see policy.h. Everything in a world is in its own arena. */
#include "policy/names.h"
#include "policy/set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

void rast_policy_world_finish(struct rast_policy_world *world)
{
	free(world->pods);
	free(world->namespaces);
	rast_arena_finish(&world->arena);
	memset(world, 0, sizeof(*world));
}

static int copy_labels(struct rast_arena *a, const struct rast_policy_label *from, size_t n,
		       struct rast_policy_label **ret)
{
	*ret = rast_arena_take(a, n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		(*ret)[i].key = rast_arena_str(a, from[i].key);
		(*ret)[i].value = rast_arena_str(a, from[i].value);
		if (!(*ret)[i].key || !(*ret)[i].value)
			return -ENOMEM;
	}
	return 0;
}

int rast_policy_world_add_pod(struct rast_policy_world *world, const struct rast_policy_pod *pod)
{
	struct rast_arena *a = &world->arena;
	struct rast_policy_pod *p;

	if (rast_array_grow(&world->pods, world->n_pods, sizeof(*world->pods)) < 0)
		return -ENOMEM;
	p = &world->pods[world->n_pods];
	*p = *pod;
	p->ns = rast_arena_str(a, pod->ns);
	p->name = rast_arena_str(a, pod->name);
	p->ports = rast_arena_take(a, pod->n_ports + 1, sizeof(*p->ports));
	if (!p->ns || !p->name || !p->ports ||
	    copy_labels(a, pod->labels, pod->n_labels, &p->labels) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < pod->n_ports; i++) {
		p->ports[i] = pod->ports[i];
		p->ports[i].name = rast_arena_str(a, pod->ports[i].name);
		if (!p->ports[i].name)
			return -ENOMEM;
	}
	world->n_pods++;
	return 0;
}

int rast_policy_world_add_namespace(struct rast_policy_world *world,
				    const struct rast_policy_namespace *ns)
{
	struct rast_policy_namespace *n;

	if (rast_array_grow(&world->namespaces, world->n_namespaces, sizeof(*world->namespaces)) <
	    0)
		return -ENOMEM;
	n = &world->namespaces[world->n_namespaces];
	n->name = rast_arena_str(&world->arena, ns->name);
	n->n_labels = ns->n_labels;
	if (!n->name || copy_labels(&world->arena, ns->labels, ns->n_labels, &n->labels) < 0)
		return -ENOMEM;
	world->n_namespaces++;
	return 0;
}

const struct rast_policy_pod *rast_policy_world_find(const struct rast_policy_world *world,
						     const char *name)
{
	const char *slash = strchr(name, '/'), *bare = slash ? slash + 1 : name;
	const struct rast_policy_pod *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < world->n_pods; i++) {
		const struct rast_policy_pod *p = &world->pods[i];

		if (strcmp(p->name, bare) != 0)
			continue;
		if (slash ? strlen(p->ns) == (size_t)(slash - name) &&
				    !strncmp(p->ns, name, (size_t)(slash - name))
			  : !strcmp(p->ns, "default"))
			return p;
		found = p;
		n++;
	}
	/* Not in "default": a bare name does if only one pod has it. */
	return !slash && n == 1 ? found : NULL;
}

/* ---- from a Pod manifest ---- */

static int add_ports(struct rast_policy_world *world, const struct rast_yaml_node *containers,
		     struct rast_policy_pod *pod, struct rast_err *err)
{
	size_t n = 0;

	rast_yaml_foreach(c, containers)
		rast_yaml_foreach(p, rast_yaml_get(c, "ports"))
			n++;
	pod->ports = rast_arena_take(&world->arena, n + 1, sizeof(*pod->ports));
	if (!pod->ports)
		return rast_err_sys(err, ENOMEM, "pod");
	rast_yaml_foreach(c, containers) {
		rast_yaml_foreach(p, rast_yaml_get(c, "ports")) {
			struct rast_policy_named_port *to = &pod->ports[pod->n_ports];
			const char *name = NULL, *why;
			int64_t number = 0;
			int r = rast_yaml_want(p, RAST_YAML_MAP, err);

			if (!r)
				r = rast_yaml_str(p, "name", false, &name, err);
			if (!r)
				r = rast_yaml_int(p, "containerPort", true, 1, UINT16_MAX, &number,
						  err);
			if (!r)
				r = rast_policy_parse_proto(p, "protocol", &to->proto, err);
			if (r < 0)
				return r;
			if (!name)
				continue;
			why = rast_name_port(name);
			if (why)
				return rast_yaml_err(rast_yaml_get(p, "name"), err,
						     "port name \"%.64s\" %s", name, why);
			to->name = name;
			to->port = (uint16_t)number;
			pod->n_ports++;
		}
	}
	return 0;
}

static int add_address(const struct rast_yaml_node *n, struct rast_policy_pod *pod,
		       struct rast_err *err)
{
	rast_u128 addr;
	bool v6;

	if (n->type != RAST_YAML_SCALAR || rast_addr_parse(n->value, &v6, &addr) < 0 || !addr)
		return rast_yaml_err(n, err, "\"%.64s\" is no address of a pod", n->value);
	if (!v6)
		pod->addr4 = (uint32_t)addr;
	else
		for (int i = 15; i >= 0; i--, addr >>= 8)
			pod->addr6[i] = (uint8_t)addr;
	return 0;
}

int rast_policy_world_add_manifest(struct rast_policy_world *world,
				   const struct rast_yaml_node *doc,
				   struct rast_policy_pod **ret_pod, struct rast_err *err)
{
	const struct rast_yaml_node *meta = NULL, *labels = NULL, *spec = NULL, *status, *ip;
	struct rast_policy_pod pod = {.ns = "default"};
	const char *why;
	int r;

	r = rast_yaml_map(doc, "metadata", true, &meta, err);
	if (!r)
		r = rast_yaml_str(meta, "name", true, &pod.name, err);
	if (!r)
		r = rast_yaml_str(meta, "namespace", false, &pod.ns, err);
	if (!r)
		r = rast_yaml_map(meta, "labels", false, &labels, err);
	if (!r)
		r = rast_policy_parse_labels(labels, &world->arena, &pod.labels, &pod.n_labels,
					     err);
	if (!r)
		r = rast_yaml_map(doc, "spec", false, &spec, err);
	if (r < 0)
		return r;
	why = rast_name_dns_subdomain(pod.name);
	if (why)
		return rast_yaml_err(rast_yaml_get(meta, "name"), err, "name \"%.64s\" %s",
				     pod.name, why);
	why = rast_name_dns_label(pod.ns);
	if (why)
		return rast_yaml_err(rast_yaml_get(meta, "namespace"), err, "name \"%.64s\" %s",
				     pod.ns, why);
	r = add_ports(world, rast_yaml_get(spec, "containers"), &pod, err);
	status = rast_yaml_get(doc, "status");
	ip = rast_yaml_get(status, "podIP");
	if (!r && ip)
		r = add_address(ip, &pod, err);
	rast_yaml_foreach(i, rast_yaml_get(status, "podIPs"))
		if (!r && rast_yaml_get(i, "ip"))
			r = add_address(rast_yaml_get(i, "ip"), &pod, err);
	if (!r && rast_policy_world_add_pod(world, &pod) < 0)
		r = rast_err_sys(err, ENOMEM, "pod");
	if (r < 0)
		return r;
	*ret_pod = &world->pods[world->n_pods - 1];
	return 0;
}

/* ---- identities and addresses for pods that do not run ---- */

static int cmp_pod(const void *a, const void *b)
{
	const struct rast_policy_pod *x = a, *y = b;
	int c = strcmp(x->ns, y->ns);

	return c ? c : strcmp(x->name, y->name);
}

static int cmp_addr(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int rast_policy_world_number(struct rast_policy_world *world, uint32_t pod_cidr,
			     unsigned int prefix, struct rast_err *err)
{
	uint32_t last = pod_cidr + (uint32_t)((1ull << (32 - prefix)) - 2), next = pod_cidr + 2;
	_cleanup_free_ uint32_t *taken = NULL;
	size_t n = 0, t = 0;

	if (!world->n_pods)
		return 0;
	taken = calloc(world->n_pods, sizeof(*taken));
	if (!taken)
		return rast_err_sys(err, ENOMEM, "pods");
	qsort(world->pods, world->n_pods, sizeof(*world->pods), cmp_pod);
	for (size_t i = 0; i < world->n_pods; i++)
		if (world->pods[i].addr4)
			taken[n++] = world->pods[i].addr4;
	qsort(taken, n, sizeof(*taken), cmp_addr);
	if (!world->host4)
		world->host4 = pod_cidr + 1;
	for (size_t i = 0; i < world->n_pods; i++) {
		struct rast_policy_pod *p = &world->pods[i];

		p->identity = RAST_IDENTITY_FIRST + (uint32_t)i;
		if (p->addr4 || rast_addr_from_bytes(p->addr6))
			continue;
		for (; t < n && taken[t] <= next; t++)
			next += taken[t] == next;
		if (next > last)
			return rast_err_set(err, ERANGE,
					    "more pods than addresses in the pod range");
		p->addr4 = next++;
	}
	return 0;
}
