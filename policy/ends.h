/* SPDX-License-Identifier: BSD-2-Clause */
/* One end of a connection as a person names it: a pod, an address or the node. */
#ifndef RAST_POLICY_ENDS_H
#define RAST_POLICY_ENDS_H

#include "policy/addr.h"
#include "policy/fqdn.h"
#include "policy/policy.h"

struct rast_end {
	const char *given;
	const struct rast_policy_pod *pod;
	bool host, v6;
	rast_u128 addr; /* of a pod: its IPv4 address; 0: none */
	bool named;     /* a DNS name, whose addresses no other rule speaks of */
	struct rast_fqdn name;
};

/*
 * "web", "shop/web", "10.0.0.1", "fd00::1", "host" or "node", "api.example.com"; an address that is a pod's is the pod. `given`
 * is borrowed. -ENOENT with err.
 */
int rast_end_find(const struct rast_policy_world *world, const char *given, struct rast_end *ret,
		  struct rast_err *err);
/* "shop/web", "the node", "192.0.2.1". Returns buf. */
const char *rast_end_name(const struct rast_end *e, char *buf, size_t size);
/* Points into *e. */
struct rast_policy_end rast_end_image(const struct rast_end *e);
/*
 * May `from` open a connection to `to`, by the policies of both? Returns the cell of the end that decides: the
 * one that denies, egress first, else the destination's. One of them must be a pod.
 */
uint32_t rast_end_verdict(const struct rast_policy_image *image, const struct rast_end *from,
			  const struct rast_end *to, enum rast_policy_proto proto, uint16_t port,
			  bool *ret_allowed);

#endif
