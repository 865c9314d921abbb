/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the loaded policy programs, each by one frame through BPF_PROG_TEST_RUN: pods and image are
 * the caller's. Stands on the stage of policy_stage.h, one of whose links plays every pod's in turn.
 */
#ifndef RAST_SELFTESTS_BPF_POLICY_JUDGE_H
#define RAST_SELFTESTS_BPF_POLICY_JUDGE_H

#include "policy/policy.h"

/* `pod_cidr`: "10.0.0.0/16". Exits with SKIP when policy cannot be loaded here. */
void judge_open(const char *instance, const char *pod_cidr);
/* The pods' addresses and identities, those of the world before forgotten. */
void judge_world(const struct rast_policy_world *world);
void judge_apply(const struct rast_policy_image *image);

/*
 * What the program on `pod`'s link does with the first packet of a flow in this direction. The peer is a pod
 * of the world, or NULL: then `addr4` (host byte order), or the node itself when that is 0.
 */
bool judge_allows(enum rast_direction dir, const struct rast_policy_pod *pod,
		  const struct rast_policy_pod *peer, uint32_t addr4, enum rast_policy_proto proto,
		  uint16_t port);
/*
 * The same in IPv6; `addr6` NULL: the node. A pod without an IPv6 address of its own has that of its index in
 * the instance's range.
 */
bool judge_allows6(enum rast_direction dir, const struct rast_policy_pod *pod,
		   const struct rast_policy_pod *peer, const uint8_t *addr6,
		   enum rast_policy_proto proto, uint16_t port);

#endif
