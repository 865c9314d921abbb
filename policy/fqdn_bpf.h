/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in the kernel: the patterns of an image into its slot, and what containers have learnt. */
#ifndef RAST_POLICY_FQDN_BPF_H
#define RAST_POLICY_FQDN_BPF_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"
#include "bpf/names.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Puts the patterns of an image into the place of those that this slot had. Before the flip, while no
 * packet reads the slot. -ENOSPC leaves it half filled: then there must be no flip.
 */
int rast_fqdn_bpf_fill(const struct rast_instance *in, uint32_t slot,
		       const struct rast_name_table *names, struct rast_err *err);
/*
 * Addresses that were learnt and whose time is not over:
 * [{"identity","address","name","expires_ms","patterns":[number, …]}], patterns as hexadecimal text.
 */
int rast_fqdn_bpf_learnt(const struct rast_instance *in, json_t *array, struct rast_err *err);
/*
 * The name that this identity last learnt the address under (network byte order; IPv4: four bytes). False: none,
 * or its time is over.
 */
bool rast_fqdn_bpf_name(const struct rast_instance *in, uint32_t identity, bool v6,
			const uint8_t *addr, char *buf);
/* {"questions","answers","learnt","unasked",…}: struct rast_dns_counters. */
int rast_fqdn_bpf_counters(const struct rast_instance *in, json_t *obj, struct rast_err *err);

#endif
