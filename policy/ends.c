// SPDX-License-Identifier: BSD-2-Clause
/* See ends.h. */
#include "policy/ends.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int rast_end_find(const struct rast_policy_world *world, const char *given, struct rast_end *ret,
		  struct rast_err *err)
{
	struct rast_end e = {.given = given};

	if (!strcmp(given, "host") || !strcmp(given, "node")) {
		e.host = true;
		e.addr = world->host4;
	} else if (!rast_addr_parse(given, &e.v6, &e.addr)) {
		for (size_t i = 0; i < world->n_pods; i++)
			if (e.v6 ? rast_addr_from_bytes(world->pods[i].addr6) == e.addr
				 : world->pods[i].addr4 == e.addr)
				e.pod = &world->pods[i];
		e.host = e.addr &&
			 e.addr == (e.v6 ? rast_addr_from_bytes(world->host6) : world->host4);
	} else {
		e.pod = rast_policy_world_find(world, given);
		if (!e.pod && strchr(given, '.') && !rast_fqdn_parse(given, &e.name) &&
		    !e.name.suffix)
			e.named = true;
		else if (!e.pod)
			return rast_err_set(
				err, ENOENT,
				"no pod \"%.64s\" (want a pod's name, namespace/name, an "
				"address, host or a DNS name)",
				given);
		else
			e.addr = e.pod->addr4;
	}
	*ret = e;
	return 0;
}

const char *rast_end_name(const struct rast_end *e, char *buf, size_t size)
{
	if (e->pod)
		(void)snprintf(buf, size, "%s/%s", e->pod->ns, e->pod->name);
	else
		(void)snprintf(buf, size, "%s", e->host ? "the node" : e->given);
	return buf;
}

struct rast_policy_end rast_end_image(const struct rast_end *e)
{
	struct rast_policy_end out = {.kind = RAST_END_IDENTITY};
	rast_u128 addr = e->addr;

	if (e->pod || e->host) {
		out.identity = e->pod ? e->pod->identity : RAST_IDENTITY_HOST;
	} else if (e->named) {
		out.kind = RAST_END_NAME;
		out.name = &e->name;
	} else if (e->v6) {
		out.kind = RAST_END_ADDR6;
		for (int i = 15; i >= 0; i--, addr >>= 8)
			out.addr6[i] = (uint8_t)addr;
	} else {
		out.kind = RAST_END_ADDR4;
		out.addr4 = (uint32_t)addr;
	}
	return out;
}

uint32_t rast_end_verdict(const struct rast_policy_image *image, const struct rast_end *from,
			  const struct rast_end *to, enum rast_policy_proto proto, uint16_t port,
			  bool *ret_allowed)
{
	struct rast_policy_end a = rast_end_image(from), b = rast_end_image(to);
	uint32_t out = RAST_CELL_ALLOW, in = RAST_CELL_ALLOW;

	if (from->pod)
		out = rast_policy_image_verdict(image, RAST_DIR_EGRESS, from->pod->identity, &b,
						proto, port);
	if (to->pod)
		in = rast_policy_image_verdict(image, RAST_DIR_INGRESS, to->pod->identity, &a,
					       proto, port);
	*ret_allowed = out & in & RAST_CELL_ALLOW;
	return !to->pod || !(out & RAST_CELL_ALLOW) ? out : in;
}
