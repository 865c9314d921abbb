// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports that pods on the node's own network say they listen on: two cannot have the same one, and which
 * of them loses should not be found out by its crash. Only said ports are known, and one that is free now
 * may be taken in a moment.
 */
#include "node/node_priv.h"

#include "network/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* The n-th port of the pods on the node's network, counted over all of them; NULL past the last. */
static const struct rast_pod_port *nth(const struct rast_node_pod *pods, size_t n_pods, size_t n,
				       const struct rast_pod **ret_pod)
{
	size_t i, j;

	for (i = 0; i < n_pods; i++)
		for (j = 0; pods[i].pod->host_network && j < pods[i].pod->n_containers; j++) {
			const struct rast_pod_container *box = &pods[i].pod->containers[j];

			if (n < box->n_ports) {
				*ret_pod = pods[i].pod;
				return &box->ports[n];
			}
			n -= box->n_ports;
		}
	return NULL;
}

int rast_node_host_ports(const struct rast_node_pod *pods, size_t n_pods, struct rast_err *err)
{
	const struct rast_pod *pod, *other;
	const struct rast_pod_port *p, *q;
	size_t i, j;
	int r;

	for (i = 0; (p = nth(pods, n_pods, i, &pod)); i++) {
		for (j = 0; j < i && (q = nth(pods, n_pods, j, &other)); j++)
			if (p->port == q->port && p->protocol == q->protocol)
				return rast_err_set(
					err, EADDRINUSE,
					"pod %s/%s: port %u of the host is wanted by pod %s/%s too",
					pod->ns, pod->name, p->port, other->ns, other->name);
		if (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP)
			continue;
		r = rast_network_port_in_use(p->protocol == IPPROTO_UDP ? RAST_NETWORK_UDP
									: RAST_NETWORK_TCP,
					     0, p->port, err);
		if (r < 0)
			return rast_err_prefix(err, "pod %s/%s", pod->ns, pod->name);
	}
	return 0;
}
