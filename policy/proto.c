// SPDX-License-Identifier: BSD-2-Clause
/* See proto.h. */
#include "policy/proto.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {"TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "other"};

const char *rast_proto_name(enum rast_policy_proto proto)
{
	return names[(unsigned int)proto < RAST_PROTO_OTHER ? proto : RAST_PROTO_OTHER];
}

bool rast_proto_parse(const char *name, size_t len, enum rast_policy_proto *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !strncasecmp(name, names[i], len)) {
			*ret = (enum rast_policy_proto)i;
			return true;
		}
	return false;
}

static bool number(const char *text, unsigned long max, char **ret_end, unsigned long *ret)
{
	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoul(text, ret_end, 10);
	return *ret <= max;
}

bool rast_proto_parse_icmp(const char *text, uint16_t *ret)
{
	unsigned long type, code = 0;
	char *end;

	if (!number(text, UINT8_MAX, &end, &type))
		return false;
	if (*end == '/' && !number(end + 1, UINT8_MAX, &end, &code))
		return false;
	if (*end)
		return false;
	*ret = (uint16_t)(type << 8 | code);
	return true;
}

const char *rast_proto_parse_port(const char *text, enum rast_policy_proto *ret_proto,
				  uint16_t *ret_port)
{
	enum rast_policy_proto proto = RAST_PROTO_TCP;
	const char *slash = strchr(text, '/'), *at = text;
	unsigned long v;
	uint16_t port = 0;
	char *end;

	if (rast_proto_parse(text, slash ? (size_t)(slash - text) : strlen(text), &proto))
		at = slash ? slash + 1 : "";
	else if (slash)
		return "is none of TCP/PORT, UDP/PORT, SCTP/PORT, ICMP/TYPE/CODE, "
		       "ICMPv6/TYPE/CODE and other";
	if (proto == RAST_PROTO_OTHER) {
		if (*at)
			return "other has no numbers";
	} else if (rast_proto_is_icmp(proto)) {
		port = proto == RAST_PROTO_ICMP ? 8 << 8 : 128 << 8;
		if (slash && !rast_proto_parse_icmp(at, &port))
			return "want a type, or type/code, of 0 to 255";
	} else {
		if (!number(at, UINT16_MAX, &end, &v) || *end)
			return "is not a port number";
		port = (uint16_t)v;
	}
	*ret_proto = proto;
	*ret_port = port;
	return NULL;
}

static const char *format_icmp(const char *name, uint32_t lo, uint32_t hi, char *buf, size_t size)
{
	bool whole = !(lo & 0xff) && (hi & 0xff) == 0xff;

	if (whole && lo >> 8 == hi >> 8)
		(void)snprintf(buf, size, "%s %u", name, lo >> 8);
	else if (whole)
		(void)snprintf(buf, size, "%s %u-%u", name, lo >> 8, hi >> 8);
	else if (lo == hi)
		(void)snprintf(buf, size, "%s %u/%u", name, lo >> 8, lo & 0xff);
	else if (lo >> 8 == hi >> 8)
		(void)snprintf(buf, size, "%s %u/%u-%u", name, lo >> 8, lo & 0xff, hi & 0xff);
	else
		(void)snprintf(buf, size, "%s %u/%u to %u/%u", name, lo >> 8, lo & 0xff, hi >> 8,
			       hi & 0xff);
	return buf;
}

const char *rast_proto_format(enum rast_policy_proto proto, uint32_t lo, uint32_t hi, char *buf,
			      size_t size)
{
	const char *name = rast_proto_name(proto);

	if (proto == RAST_PROTO_OTHER)
		(void)snprintf(buf, size, "without ports");
	else if (!lo && hi == UINT16_MAX)
		(void)snprintf(buf, size, "%s", name);
	else if (rast_proto_is_icmp(proto))
		return format_icmp(name, lo, hi, buf, size);
	else if (lo == hi)
		(void)snprintf(buf, size, "%s %u", name, lo);
	else
		(void)snprintf(buf, size, "%s %u-%u", name, lo, hi);
	return buf;
}
