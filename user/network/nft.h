/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nftables through libnftables, which is loaded when it is first needed and never linked: it and its
 * libraries would cost every start of rastbpf milliseconds, for something done once a boot.
 */
#ifndef RAST_NETWORK_NFT_H
#define RAST_NETWORK_NFT_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>

/*
 * Runs commands as one transaction. ret_json (may be NULL): what they print, with handles.
 * -EOPNOTSUPP when the library or the kernel's nf_tables is missing.
 */
int rast_nft_run(const char *commands, json_t **ret_json, struct rast_err *err);

/* Table "ip rast_<instance>": masquerade for what leaves the pod range. Replaces an older one. */
int rast_nft_masquerade(const struct rast_instance *in, struct rast_err *err);
/* Table "ip6 rast_<instance>": the same. */
int rast_nft_masquerade6(const struct rast_instance *in, struct rast_err *err);
/* Both tables. */
int rast_nft_remove(const struct rast_instance *in, struct rast_err *err);
/* One netlink question, without the library. False also when nf_tables is missing. */
bool rast_nft_table_exists(const struct rast_instance *in, bool ipv6);

/*
 * A host whose forward chain drops by default (docker's, ufw's) would drop the pods' traffic, also
 * between pods when br_netfilter is on. Puts two rules, marked by a comment, into iptables' filter table
 * (DOCKER-USER if there is one, else FORWARD), and `ipv6` into ip6tables' too. `rest` gets the names of other dropping chains, in which
 * nobody but their owner should write; "" when there are none.
 */
int rast_nft_open_forward(const struct rast_instance *in, bool ipv6, bool *ret_changed, char *rest,
			  size_t rest_size, struct rast_err *err);
int rast_nft_close_forward(const struct rast_instance *in, struct rast_err *err);

#endif
