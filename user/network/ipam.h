/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has which address of the pod range: one file an address below <run_dir>/ipam, its name the
 * address, its content the owner's key ("namespace/pod"). The file system is the database and its
 * link(2) the lock: two processes never get the same address, and a killed one leaves only a file that
 * names its owner.
 *
 * The network's own address, its first (the bridge) and its last (broadcast) are never handed out.
 * Addresses are in host byte order, as in struct rast_instance.
 */
#ifndef RAST_NETWORK_IPAM_H
#define RAST_NETWORK_IPAM_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

#define RAST_IPAM_KEY_MAX 512

/* The address of the bridge; the pods' gateway. */
static inline uint32_t rast_ipam_gateway(const struct rast_instance *in)
{
	return in->pod_cidr + 1;
}
static inline uint32_t rast_ipam_broadcast(const struct rast_instance *in)
{
	return in->pod_cidr | ((1u << (32 - in->pod_prefix)) - 1);
}
/* How many pods the range has room for. */
static inline uint32_t rast_ipam_capacity(const struct rast_instance *in)
{
	return (1u << (32 - in->pod_prefix)) - 3;
}

/*
 * The free address that follows `last` in the ring of `n` usable ones, which begin at `first`; bit i of
 * `used` stands for first + i. 0 when all are taken. Pure; what rast_ipam_alloc() decides by.
 */
uint32_t rast_ipam_next(const uint64_t *used, uint32_t first, uint32_t n, uint32_t last);

/* -ENOSPC with a clear text when the range is full. An address is not given out again at once. */
int rast_ipam_alloc(const struct rast_instance *in, const char *key, uint32_t *ret_addr,
		    struct rast_err *err);
/* 0 also when it was free. -EPERM when another key holds it (`key` NULL: whoever holds it). */
int rast_ipam_release(const struct rast_instance *in, uint32_t addr, const char *key,
		      struct rast_err *err);
/* An array of {"address":"10.77.0.2","key":"default/web"}; for gc, which knows what lives. */
int rast_ipam_list(const struct rast_instance *in, json_t **ret, struct rast_err *err);

/* "10.77.0.2" */
const char *rast_ipam_format(uint32_t addr, char buf[16]);

#endif
