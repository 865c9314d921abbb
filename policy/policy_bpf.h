/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy in the kernel: load the programs, put a link under policy, flip to an image, read what was
 * counted. rastbpf calls all of it without the controller; only pins and map fds are used.
 *
 *	rast_policy_bpf_load(in, err);                       cheap when this build is loaded already
 *	rast_policy_bpf_apply(in, image, err);               until then every packet is denied
 *	rast_policy_bpf_endpoint_add(in, ifindex, &ep, err); before the link is set up
 *	rast_policy_bpf_endpoint_del(in, ifindex, addr, err);
 *
 * The caller sees to it that load, apply and endpoint calls of one instance do not run at the same
 * time (the node lock). Whatever fails leaves denied what it could not allow.
 */
#ifndef RAST_POLICY_POLICY_BPF_H
#define RAST_POLICY_POLICY_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "bpf/event.h"
#include "bpf/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RAST_TCX=0 in the environment: clsact also where the kernel has tcx. */
#define RAST_POLICY_TCX_ENV "RAST_TCX"
/*
 * RAST_SHORT_CUT=0: packets between pods of this host pass the bridge. For hosts that have rules or
 * programs of their own there; a load with the other value takes over.
 */
#define RAST_POLICY_SHORT_CUT_ENV "RAST_SHORT_CUT"

/* 0; -EOPNOTSUPP or -EPERM with the reason. */
int rast_policy_bpf_supported(struct rast_err *err);

/*
 * Loads and pins programs and maps. A build that is loaded already is left alone; another one takes
 * over its maps and links, so flows, image and counters live on.
 */
int rast_policy_bpf_load(const struct rast_instance *in, struct rast_err *err);
/* By any build. */
bool rast_policy_bpf_is_loaded(const struct rast_instance *in);

/*
 * Copies the image into the slot that is not in use and flips to it. -EINVAL for an image that the
 * compiler cannot have written; the one in force stays. Applying twice within some seconds waits for
 * packets that still read the slot (some milliseconds).
 */
int rast_policy_bpf_apply(const struct rast_instance *in, const struct rast_policy_image *image,
			  struct rast_err *err);
/* enum rast_policy_flags */
int rast_policy_bpf_set_flags(const struct rast_instance *in, uint32_t flags, struct rast_err *err);

/* Until no program that began before still runs. */
void rast_policy_bpf_wait_for_programs(void);

/* `ifindex`: host side of the link. ep->since_ns is filled in. Also changes one that is there. */
int rast_policy_bpf_endpoint_add(const struct rast_instance *in, uint32_t ifindex,
				 const struct rast_endpoint *ep, struct rast_err *err);
/*
 * Forgets the link and its address (network byte order), sets the link down, detaches. 0 when there
 * was nothing. The link is down because without programs it would be open.
 */
int rast_policy_bpf_endpoint_del(const struct rast_instance *in, uint32_t ifindex, uint32_t addr4,
				 struct rast_err *err);
/* The same, but the link stays as it is, open now: of a link that is not ours. */
int rast_policy_bpf_endpoint_release(const struct rast_instance *in, uint32_t ifindex,
				     uint32_t addr4, struct rast_err *err);
/* The same as del for a link that may be gone already. */
int rast_policy_bpf_endpoint_del_name(const struct rast_instance *in, const char *ifname,
				      uint32_t addr4, struct rast_err *err);

/* ---- reading; adds to the caller's object or array ---- */

/* {"ingress":{"packets","bytes","dropped":{reason:n}},"egress":{…}}; slot RAST_LINK_UNKNOWN too. */
int rast_policy_bpf_counters(const struct rast_instance *in, uint32_t slot, json_t *obj,
			     struct rast_err *err);
/* Packets by rule number since the image in force was applied: [{"rule":17,"packets":3}, …] */
int rast_policy_bpf_hits(const struct rast_instance *in, json_t *array, struct rast_err *err);
/* {"loaded","generation","slot","connect":verdicts at connect too,"attach":"tcx"|"clsact","endpoints":[…]} */
int rast_policy_bpf_status(const struct rast_instance *in, json_t *obj, struct rast_err *err);
/* Live entries of flow_by_tuple: [{"src","src_port",…,"age_ns","idle_ns","state":[…],"rule"}] */
int rast_policy_bpf_flows(const struct rast_instance *in, json_t *array, struct rast_err *err);

/*
 * Denied packets that no event has told of: those since the last event of their flow, when none
 * followed for `older_ns`. Each is taken out of the kernel as it is handed to fn.
 */
int rast_policy_bpf_deny_sweep(const struct rast_instance *in, uint64_t older_ns,
			       void (*fn)(void *arg, const struct rast_event_flow *ev), void *arg,
			       struct rast_err *err);

#endif
