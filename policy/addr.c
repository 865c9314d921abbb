// SPDX-License-Identifier: BSD-2-Clause
/* Addresses and CIDRs as numbers; see addr.h. */
#include "policy/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rast_u128 rast_addr_from_bytes(const uint8_t bytes[16])
{
	rast_u128 v = 0;

	for (int i = 0; i < 16; i++)
		v = v << 8 | bytes[i];
	return v;
}

int rast_addr_parse(const char *text, bool *ret_v6, rast_u128 *ret)
{
	struct in_addr a4;
	struct in6_addr a6;
	rast_u128 v;

	if (inet_pton(AF_INET, text, &a4) == 1) {
		*ret_v6 = false;
		*ret = ntohl(a4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a6) != 1)
		return -EINVAL;
	v = rast_addr_from_bytes(a6.s6_addr);
	/* A v4-mapped one would never match a packet. */
	if (v >> 32 == 0xffff)
		return -EINVAL;
	*ret_v6 = true;
	*ret = v;
	return 0;
}

int rast_cidr_parse(const char *text, struct rast_cidr *ret)
{
	const char *slash = strchr(text, '/');
	struct rast_cidr c = {};
	char addr[64];
	unsigned int bits, width;
	rast_u128 mask;
	size_t n;

	if (!slash || slash == text || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	n = strspn(slash + 1, "0123456789");
	if (!n || n > 3 || slash[1 + n] || (n > 1 && slash[1] == '0'))
		return -EINVAL;
	bits = (unsigned int)strtoul(slash + 1, NULL, 10);
	if (rast_addr_parse(addr, &c.v6, &c.lo) < 0)
		return -EINVAL;
	width = c.v6 ? 128 : 32;
	if (bits > width)
		return -EINVAL;
	/* Shifts by the whole width are undefined. */
	mask = width - bits == 128 ? ~(rast_u128)0 : ((rast_u128)1 << (width - bits)) - 1;
	c.bits = (uint8_t)bits;
	c.lo &= ~mask;
	c.hi = c.lo | mask;
	*ret = c;
	return 0;
}

bool rast_cidr_strictly_within(const struct rast_cidr *in, const struct rast_cidr *out)
{
	return in->v6 == out->v6 && in->bits > out->bits && out->lo <= in->lo && in->hi <= out->hi;
}

const char *rast_addr_format(bool v6, rast_u128 addr, char *buf, size_t size)
{
	struct in_addr a4 = {.s_addr = htonl((uint32_t)addr)};
	struct in6_addr a6;

	for (int i = 15; v6 && i >= 0; i--, addr >>= 8)
		a6.s6_addr[i] = (uint8_t)addr;
	if (!inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)&a6 : &a4, buf, (socklen_t)size))
		buf[0] = '\0';
	return buf;
}

const char *rast_addr_format_range(bool v6, rast_u128 lo, rast_u128 hi, char *buf, size_t size)
{
	char a[64], b[64];
	rast_u128 span = hi - lo;
	unsigned int bits = v6 ? 128 : 32;

	(void)rast_addr_format(v6, lo, a, sizeof(a));
	for (rast_u128 s = span; s; s >>= 1)
		bits--;
	if (!(span & (span + 1)) && !(lo & span))
		(void)snprintf(buf, size, "%s/%u", a, bits);
	else
		(void)snprintf(buf, size, "%s-%s", a, rast_addr_format(v6, hi, b, sizeof(b)));
	return buf;
}
