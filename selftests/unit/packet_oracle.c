// SPDX-License-Identifier: BSD-2-Clause
/* See packet_oracle.h. */
#include "selftests/unit/packet_oracle.h"

#include <string.h>

struct cursor {
	const uint8_t *b;
	size_t at, end;
	bool beyond; /* somebody read what is not there */
};

static unsigned int byte(struct cursor *c)
{
	if (c->at >= c->end) {
		c->beyond = true;
		return 0;
	}
	return c->b[c->at++];
}

static uint32_t number(struct cursor *c, int bytes)
{
	uint32_t n = 0;

	while (bytes--)
		n = n << 8 | byte(c);
	return n;
}

static void bytes(struct cursor *c, uint8_t *to, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (uint8_t)byte(c);
}

/* The cursor stands at a transport header and ends where the IP packet does. */
static bool transport(struct oracle *o, struct cursor *c)
{
	size_t room = c->end - c->at;
	bool v6 = o->kind == ORACLE_IPV6;
	unsigned int length;

	o->l4 = c->at;
	switch (o->protocol) {
	case 6:
		o->sport = (uint16_t)number(c, 2);
		o->dport = (uint16_t)number(c, 2);
		(void)number(c, 4);
		(void)number(c, 4);
		length = byte(c) >> 4;
		o->tcp_flags = (uint8_t)byte(c);
		(void)number(c, 4);
		(void)number(c, 2);
		if (c->beyond || length < 5)
			return false;
		return o->fragment != ORACLE_WHOLE || length * 4 <= room;
	case 17:
		o->sport = (uint16_t)number(c, 2);
		o->dport = (uint16_t)number(c, 2);
		length = number(c, 2);
		(void)number(c, 2);
		if (c->beyond || length < 8)
			return false;
		return o->fragment != ORACLE_WHOLE || length <= room;
	case 132:
		o->sport = (uint16_t)number(c, 2);
		o->dport = (uint16_t)number(c, 2);
		(void)number(c, 4);
		(void)number(c, 4);
		return !c->beyond;
	default:
		break;
	}
	if (o->protocol != (v6 ? 58 : 1))
		return true;
	o->icmp_type = (uint8_t)byte(c);
	o->icmp_code = (uint8_t)byte(c);
	(void)number(c, 2);
	length = number(c, 2);
	(void)number(c, 2);
	if (o->icmp_type == (v6 ? 128 : 8))
		o->sport = (uint16_t)length;
	if (o->icmp_type == (v6 ? 129 : 0))
		o->dport = (uint16_t)length;
	return !c->beyond;
}

static bool ipv4(struct oracle *o, struct cursor *c, bool gso)
{
	size_t start = c->at, total;
	unsigned int first = byte(c), header = (first & 15) * 4, pieces, offset;

	(void)byte(c);
	total = number(c, 2);
	if (!total && gso)
		total = c->end - start;
	o->id = number(c, 2);
	pieces = number(c, 2);
	(void)byte(c);
	o->protocol = (uint8_t)byte(c);
	(void)number(c, 2);
	o->src = number(c, 4);
	o->dst = number(c, 4);
	if (c->beyond || first >> 4 != 4 || header < 20 || total < header || start + total > c->end)
		return false;
	c->end = start + total;
	c->at = start + header;
	offset = pieces & 0x1fff;
	if (offset) {
		o->fragment = ORACLE_LATER;
		o->l4 = c->at;
		/* RFC 1858 */
		return o->protocol != 6 || offset != 1;
	}
	if (pieces & 0x2000)
		o->fragment = ORACLE_FIRST;
	return transport(o, c);
}

static bool all_zero(const uint8_t *b, int n)
{
	while (n--)
		if (b[n])
			return false;
	return true;
}

/* ::ffff:a.b.c.d */
static bool mapped(const uint8_t *a)
{
	return all_zero(a, 10) && a[10] == 0xff && a[11] == 0xff;
}

static bool loopback(const uint8_t *a)
{
	return all_zero(a, 15) && a[15] == 1;
}

static bool extension(unsigned int next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

/* RFC 8200, 4.5; the cursor stands behind the reserved byte. */
static bool ipv6_fragment(struct oracle *o, struct cursor *c)
{
	unsigned int field = number(c, 2), offset = field & ~7u, more = field & 1;
	size_t body;

	o->id = number(c, 4);
	if (c->beyond)
		return false;
	if (!offset && !more)
		return true;
	body = c->end - c->at;
	if ((more && body % 8) || offset + body > 65535 || offset == 8)
		return false;
	o->fragment = offset ? ORACLE_LATER : ORACLE_FIRST;
	return true;
}

static bool ipv6(struct oracle *o, struct cursor *c, bool gso)
{
	unsigned int n = 0, seen_fragment = 0, next;
	size_t start, length;

	if (byte(c) >> 4 != 6)
		return false;
	(void)number(c, 3);
	length = number(c, 2);
	next = byte(c);
	(void)byte(c);
	bytes(c, o->src6, 16);
	bytes(c, o->dst6, 16);
	if (c->beyond)
		return false;
	if (!length && gso)
		length = c->end - c->at;
	if (c->at + length > c->end)
		return false;
	c->end = c->at + length;
	if (o->src6[0] == 0xff || mapped(o->src6) || loopback(o->src6) || mapped(o->dst6) ||
	    loopback(o->dst6) || all_zero(o->dst6, 16))
		return false;
	for (; extension(next); n++) {
		unsigned int kind = next, units;

		start = c->at;
		if (n == 8 || (kind == 0 && n))
			return false;
		next = byte(c);
		units = byte(c);
		switch (kind) {
		case 43: {
			unsigned int type = byte(c), left = byte(c);

			if (type == 0 || left)
				return false;
			break;
		}
		case 44:
			if (seen_fragment++ || !ipv6_fragment(o, c))
				return false;
			units = 0;
			break;
		default:
			break;
		}
		length = kind == 51 ? (units + 2) * 4 : (units + 1) * 8;
		/* Even an authentication header of 8 bytes has those. */
		if (c->beyond || start + 8 > c->end || start + length > c->end)
			return false;
		c->at = start + length;
		if (o->fragment == ORACLE_LATER) {
			o->protocol = (uint8_t)next;
			o->l4 = c->at;
			return true;
		}
	}
	o->protocol = (uint8_t)next;
	return transport(o, c);
}

static bool arp(struct oracle *o, struct cursor *c)
{
	uint32_t hardware = number(c, 2), protocol = number(c, 2), sizes = number(c, 2);

	(void)number(c, 2);
	bytes(c, o->arp_mac, 6);
	o->src = number(c, 4);
	(void)number(c, 4);
	(void)number(c, 2);
	o->dst = number(c, 4);
	return !c->beyond && hardware == 1 && protocol == 0x0800 && sizes == 0x0604;
}

void oracle_read(struct oracle *o, const uint8_t *frame, size_t len, bool gso, bool vlan_tag)
{
	struct cursor c = {.b = frame, .end = len};
	uint32_t type;

	memset(o, 0, sizeof(*o));
	bytes(&c, o->dst_mac, 6);
	bytes(&c, o->src_mac, 6);
	type = number(&c, 2);
	if (c.beyond || vlan_tag)
		return;
	if (type == 0x0800) {
		o->kind = ORACLE_IPV4;
		o->good = ipv4(o, &c, gso);
	} else if (type == 0x0806) {
		o->kind = ORACLE_ARP;
		o->good = arp(o, &c);
	} else if (type == 0x86dd) {
		o->kind = ORACLE_IPV6;
		o->good = ipv6(o, &c, gso);
	}
}
