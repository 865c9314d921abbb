/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to a policy in force, asked by programs: each pod of a world has a network namespace, and
 * what one may do to another is tried with real sockets. policy_net.h has the links.
 */
#ifndef RAST_SELFTESTS_CONFORMANCE_SOCKETS_H
#define RAST_SELFTESTS_CONFORMANCE_SOCKETS_H

#include "policy/policy.h"

#include <stdbool.h>

/* `pod_cidr`: "10.0.0.0/16". Exits with SKIP when policy cannot be loaded here. */
void sockets_open(const char *instance, const char *pod_cidr);
/* The pods that have IPv4 addresses are there; false when there are too many. */
bool sockets_world(const struct rast_policy_world *world);
void sockets_apply(const struct rast_policy_image *image);
/*
 * Tries to connect, or sends a datagram and has it answered. -1: this kernel does not have the protocol; else
 * whether it worked as `allowed` says. That something never comes is known only after sockets_settle().
 */
int sockets_try(const struct rast_policy_pod *from, const struct rast_policy_pod *to,
		enum rast_policy_proto proto, uint16_t port, bool allowed);
/* How many of the attempts since the last call came through that were to be denied. */
unsigned int sockets_settle(void);

#endif
