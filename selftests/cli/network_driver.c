// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pod network's functions as commands for network.sh: each prints what it returns, or the error
 * on stderr and exits 1. Addresses come from ipam under the key given.
 */
#include "base/fd.h"
#include "network/ipam.h"
#include "network/netns.h"
#include "network/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct rast_instance in;
static struct rast_err err;

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Everything a pod start does, and its undoing. Prints "ADDRESS IFNAME IFINDEX MAC". */
static int pod_add(const char *path, const char *key)
{
	_cleanup_close_ int fd = -1;
	char name[16], text[16];
	uint8_t mac[6];
	uint32_t addr;
	int r, index;

	r = rast_netns_open(path, &fd, &err);
	if (!r)
		r = rast_ipam_alloc(&in, key, &addr, &err);
	if (r < 0)
		return r;
	rast_network_ifname(&in, addr, name);
	r = rast_network_pod_add(&in, fd, addr, name, &index, mac, &err);
	if (r < 0) {
		(void)rast_ipam_release(&in, addr, key, NULL);
		return r;
	}
	r = rast_network_pod_up(&in, index, &err);
	if (!r)
		printf("%s %s %d %02x:%02x:%02x:%02x:%02x:%02x\n", rast_ipam_format(addr, text),
		       name, index, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return r;
}

static int loop(const char *path, const char *key, int n)
{
	uint64_t sum[6] = {0}, t[7];
	static const char *const step[] = {"prepare", "netns", "address", "add", "up", "remove"};
	int r = 0;

	for (int i = 0; i < n && !r; i++) {
		_cleanup_close_ int fd = -1;
		uint32_t addr = 0;
		char name[16];
		uint8_t mac[6];
		int index = 0;

		t[0] = now_us();
		r = rast_network_prepare(&in, &err);
		t[1] = now_us();
		if (!r)
			r = rast_netns_create(path, &fd, &err);
		t[2] = now_us();
		if (!r)
			r = rast_ipam_alloc(&in, key, &addr, &err);
		t[3] = now_us();
		rast_network_ifname(&in, addr, name);
		if (!r)
			r = rast_network_pod_add(&in, fd, addr, name, &index, mac, &err);
		t[4] = now_us();
		if (!r)
			r = rast_network_pod_up(&in, index, &err);
		t[5] = now_us();
		if (!r)
			r = rast_network_pod_del(&in, name, &err);
		if (!r)
			r = rast_netns_remove(path, &err);
		if (!r)
			r = rast_ipam_release(&in, addr, key, &err);
		t[6] = now_us();
		for (int k = 0; k < 6; k++)
			sum[k] += t[k + 1] - t[k];
	}
	for (int k = 0; !r && k < 6; k++)
		printf("%s %llu us\n", step[k], (unsigned long long)sum[k] / (unsigned int)n);
	return r;
}

static int list(int (*get)(const struct rast_instance *in, json_t **ret, struct rast_err *err))
{
	_cleanup_json_ json_t *rows = NULL;
	int r = get(&in, &rows, &err);

	if (!r)
		printf("%zu %s\n", json_array_size(rows), json_dumps(rows, JSON_COMPACT));
	return r;
}

static int run(int argc, char **argv)
{
	const char *verb = argv[1], *a = argc > 2 ? argv[2] : "", *b = argc > 3 ? argv[3] : "";
	struct in_addr addr;
	char buf[1024];

	if (!strcmp(verb, "prepare"))
		return rast_network_prepare(&in, &err);
	if (!strcmp(verb, "teardown"))
		return rast_network_teardown(&in, &err);
	if (!strcmp(verb, "warning"))
		return puts(rast_network_warning(&in, buf, sizeof(buf))) < 0;
	if (!strcmp(verb, "create"))
		return rast_netns_create(a, NULL, &err);
	if (!strcmp(verb, "remove"))
		return rast_netns_remove(a, &err);
	if (!strcmp(verb, "add"))
		return pod_add(a, b);
	if (!strcmp(verb, "del"))
		return rast_network_pod_del(&in, a, &err);
	if (!strcmp(verb, "loop"))
		return loop(a, b, argc > 4 ? atoi(argv[4]) : 1);
	if (!strcmp(verb, "links"))
		return list(rast_network_pod_list);
	if (!strcmp(verb, "addresses"))
		return list(rast_ipam_list);
	if (!strcmp(verb, "release") && inet_pton(AF_INET, a, &addr) == 1)
		return rast_ipam_release(&in, ntohl(addr.s_addr), *b ? b : NULL, &err);
	if (!strcmp(verb, "port"))
		return rast_network_port_in_use(!strcmp(a, "udp"), 0, (uint16_t)atoi(b), &err);
	fprintf(stderr, "network_driver: no verb %s\n", verb);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	char text[1024];

	if (argc < 2)
		return 2;
	if (rast_instance_init(&in, NULL, &err) == 0 && run(argc, argv) == 0)
		return 0;
	fprintf(stderr, "%s\n", rast_err_format(&err, text, sizeof(text)));
	return 1;
}
