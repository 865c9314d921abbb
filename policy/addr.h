/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses as numbers, IPv4 and IPv6 alike, and CIDR text → first and last address. An IPv4 address
 * is a number below 2^32 with v6 unset; the two families never compare.
 */
#ifndef RAST_POLICY_ADDR_H
#define RAST_POLICY_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 rast_u128;

struct rast_cidr {
	bool v6;
	uint8_t bits;
	rast_u128 lo, hi;
};

/* Host bits may be set and are taken as 0, as Kubernetes does. -EINVAL. */
int rast_cidr_parse(const char *text, struct rast_cidr *ret);
static inline bool rast_cidr_contains(const struct rast_cidr *c, bool v6, rast_u128 addr)
{
	return c->v6 == v6 && c->lo <= addr && addr <= c->hi;
}
/* Is `in` part of `out` and smaller? */
bool rast_cidr_strictly_within(const struct rast_cidr *in, const struct rast_cidr *out);

/* "10.0.0.1" / "fd00::1"; -EINVAL */
int rast_addr_parse(const char *text, bool *ret_v6, rast_u128 *ret);
/* Returns buf, which wants 64 bytes. */
const char *rast_addr_format(bool v6, rast_u128 addr, char *buf, size_t size);
/* "10.0.0.0/8" when it is one, else "10.0.0.1-10.0.0.9". Returns buf, which wants 128 bytes. */
const char *rast_addr_format_range(bool v6, rast_u128 lo, rast_u128 hi, char *buf, size_t size);
rast_u128 rast_addr_from_bytes(const uint8_t bytes[16]);

#endif
