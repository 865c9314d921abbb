/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocols and their numbers as people write them. Of ICMP the number is type << 8 | code, so that types and
 * codes are ranges of numbers as ports are.
 */
#ifndef RAST_POLICY_PROTO_H
#define RAST_POLICY_PROTO_H

#include "bpf/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool rast_proto_is_icmp(enum rast_policy_proto proto)
{
	return proto == RAST_PROTO_ICMP || proto == RAST_PROTO_ICMP6;
}

/* "TCP", "ICMPv6", "other" */
const char *rast_proto_name(enum rast_policy_proto proto);
/* Of the first `len` bytes, in either case; false: none of them. */
bool rast_proto_parse(const char *name, size_t len, enum rast_policy_proto *ret);
/* "8/0" or "8", which is 8/0; false: no type and code. */
bool rast_proto_parse_icmp(const char *text, uint16_t *ret);
/*
 * "80", "TCP/80", "ICMP/8/0", "ICMPv6/128"; "ICMP" and "ICMPv6" alone are an echo request; "other" is
 * every protocol without either. NULL, or what is wrong with it.
 */
const char *rast_proto_parse_port(const char *text, enum rast_policy_proto *ret_proto,
				  uint16_t *ret_port);
/* "TCP 80", "UDP 1-5", "SCTP", "ICMP 8", "ICMP 8/0", "without ports". Returns buf, which wants 64 bytes. */
const char *rast_proto_format(enum rast_policy_proto proto, uint32_t lo, uint32_t hi, char *buf,
			      size_t size);

#endif
