// SPDX-License-Identifier: BSD-2-Clause
/* Paths and names of one rastOS instance; see instance.h. */
#include "base/instance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_cidr(const char *text, uint32_t *ret_addr, uint8_t *ret_prefix)
{
	struct in_addr addr;
	char host[32];
	const char *slash = strchr(text, '/');
	char *end;
	unsigned long bits;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	bits = strtoul(slash + 1, &end, 10);
	if (end == slash + 1 || *end || bits < 16 || bits > 28 ||
	    inet_pton(AF_INET, host, &addr) != 1)
		return -EINVAL;
	*ret_addr = ntohl(addr.s_addr);
	*ret_prefix = (uint8_t)bits;
	return (*ret_addr & ((1u << (32 - bits)) - 1)) ? -EINVAL : 0;
}

static int parse_cidr6(const char *text, uint8_t ret[16])
{
	struct in6_addr addr;
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');

	if (!slash || (size_t)(slash - text) >= sizeof(host) || strcmp(slash, "/112") != 0)
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (inet_pton(AF_INET6, host, &addr) != 1 || !addr.s6_addr[0] || addr.s6_addr[14] ||
	    addr.s6_addr[15])
		return -EINVAL;
	/* Groups, and addresses that mean something on one link only. */
	if (addr.s6_addr[0] == 0xff || (addr.s6_addr[0] == 0xfe && addr.s6_addr[1] & 0x80))
		return -EINVAL;
	memcpy(ret, addr.s6_addr, 16);
	return 0;
}

static int choose_pod6(struct rast_instance *in, struct rast_err *err)
{
	static const uint8_t prefix[6] = {0xfd, 0x77, 'r', 'a', 's', 't'};
	const char *cidr = getenv("RAST_POD_CIDR6");

	if (!cidr || !*cidr) {
		memcpy(in->pod6, prefix, sizeof(prefix));
		for (int i = 0; i < 4; i++)
			in->pod6[10 + i] = (uint8_t)(in->pod_cidr >> (24 - 8 * i));
		return 0;
	}
	if (!strcmp(cidr, "off"))
		return 0;
	if (parse_cidr6(cidr, in->pod6) < 0)
		return rast_err_set(
			err, EINVAL,
			"RAST_POD_CIDR6=%.60s: want ADDRESS/112 with no host bits, or off", cidr);
	return 0;
}

int rast_instance_init(struct rast_instance *ret, const char *name, struct rast_err *err)
{
	struct rast_instance in = {0};
	const char *cidr = getenv("RAST_POD_CIDR");
	uint32_t hash = 2166136261u; /* FNV-1a */
	size_t i, n;
	int r;

	if (!name)
		name = getenv("RAST_INSTANCE");
	if (!name || !*name)
		name = "rastos";
	n = strlen(name);
	if (n > 11 || name[0] < 'a' || name[0] > 'z' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
		return rast_err_set(
			err, EINVAL,
			"instance name \"%.32s\": want a letter, then at most 10 letters or digits",
			name);
	(void)snprintf(in.name, sizeof(in.name), "%s", name);
	(void)snprintf(in.run_dir, sizeof(in.run_dir), "/run/%s", in.name);
	(void)snprintf(in.lib_dir, sizeof(in.lib_dir), "/var/lib/%s", in.name);
	(void)snprintf(in.bpf_dir, sizeof(in.bpf_dir), "/sys/fs/bpf/%s", in.name);
	(void)snprintf(in.cgroup, sizeof(in.cgroup), "%s", in.name);
	(void)snprintf(in.bridge, sizeof(in.bridge), "%.11s0", in.name);
	(void)snprintf(in.socket, sizeof(in.socket), "/run/%s/rastd.sock", in.name);
	if (cidr && *cidr) {
		if (parse_cidr(cidr, &in.pod_cidr, &in.pod_prefix) < 0)
			return rast_err_set(
				err, EINVAL,
				"RAST_POD_CIDR=%.40s: want ADDRESS/16 to /28 with no host bits",
				cidr);
	} else if (!strcmp(in.name, "rastos")) {
		in.pod_cidr = 10u << 24 | 77u << 16;
		in.pod_prefix = 16;
	} else {
		for (i = 0; i < n; i++)
			hash = (hash ^ (unsigned char)name[i]) * 16777619u;
		/* 10.64.0.0/10 in /20 steps, 10.77.0.0/16 left out. */
		hash %= 1024 - 16;
		if (hash >= 13 * 16)
			hash += 16;
		in.pod_cidr = (10u << 24 | 64u << 16) + (hash << 12);
		in.pod_prefix = 20;
	}
	r = choose_pod6(&in, err);
	if (r < 0)
		return r;
	*ret = in;
	return 0;
}
