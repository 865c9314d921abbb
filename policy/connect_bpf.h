/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts at connect(2) and sendto(2), bpf/connect.bpf.c: a help for programs, which learn at once what
 * they may not do. Policy is enforced on the links with it or without.
 *
 *	rast_connect_bpf_load(in, err);                        after rast_policy_bpf_load()
 *	rast_connect_bpf_netns_set(in, netns_fd, links, n, err); after the endpoints are there
 *
 * The caller holds the node lock, as for policy_bpf.h.
 */
#ifndef RAST_POLICY_CONNECT_BPF_H
#define RAST_POLICY_CONNECT_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/connect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Loads, and attaches to the instance's cgroup and those of foreign containers. Cheap when this build
 * runs already. On failure nothing of it runs, also not an older build, whose maps may be others.
 */
int rast_connect_bpf_load(const struct rast_instance *in, struct rast_err *err);
bool rast_connect_bpf_is_attached(const struct rast_instance *in);
/*
 * This namespace has these links (host sides), and nobody in it can change where its packets go; n 0: it is
 * not to be judged at connect. Does nothing where the programs are not loaded.
 */
int rast_connect_bpf_netns_set(const struct rast_instance *in, int netns_fd,
			       const uint32_t *ifindex, size_t n, struct rast_err *err);
/* The link is another's from now on, or nobody's: its namespace is not judged at connect any more. */
void rast_connect_bpf_link_forget(const struct rast_instance *in, uint32_t ifindex);

#endif
