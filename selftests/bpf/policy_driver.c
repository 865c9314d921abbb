// SPDX-License-Identifier: BSD-2-Clause
/* policy/policy_bpf.h as commands, for policy_traffic.sh. Errors go to stderr, JSON to stdout. */
#include "policy/policy_bpf.h"

#include "base/json.h"
#include "base/yaml.h"
#include "node/node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(void *arg, const struct rast_event_flow *ev)
{
	*(uint64_t *)arg += ev->packets;
}

/* IFNAME IDENTITY SLOT ADDR MAC */
static int endpoint_add(const struct rast_instance *in, char **a, struct rast_err *err)
{
	struct rast_endpoint ep = {.identity = (uint32_t)atoi(a[1]), .slot = (uint32_t)atoi(a[2])};
	uint8_t *m = ep.mac;

	if (inet_pton(AF_INET, a[3], &ep.addr4) != 1 ||
	    sscanf(a[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) !=
		    6)
		return rast_err_set(err, EINVAL, "address or MAC");
	return rast_policy_bpf_endpoint_add(in, if_nametoindex(a[0]), &ep, err);
}

/* N FILE FILE: applies the first and the second in turn, N times in all, as fast as it goes. */
static int flip(const struct rast_instance *in, char **a, struct rast_err *err)
{
	const struct rast_yaml_node *doc[2];
	struct rast_yaml *y[2] = {NULL};
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		r = rast_yaml_load(a[1 + i], &y[i], err);
		if (!r)
			doc[i] = rast_yaml_root(y[i], 0);
	}
	for (int i = 0; i < atoi(a[0]) && !r; i++)
		r = rast_node_policy_apply(in, &doc[i % 2], 1, false, NULL, err);
	rast_yaml_destroy(y[0]);
	rast_yaml_destroy(y[1]);
	return r;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct rast_instance in;
	struct rast_err err = {0};
	json_t *out = NULL;
	uint64_t n = 0;
	uint32_t addr;
	int r = rast_instance_init(&in, NULL, &err);

	if (r < 0) {
		/* Said below. */
	} else if (argc == 3 && !strcmp(what, "counters")) {
		out = json_object();
		r = rast_policy_bpf_counters(&in, (uint32_t)atoi(argv[2]), out, &err);
	} else if (!strcmp(what, "hits")) {
		out = json_array();
		r = rast_policy_bpf_hits(&in, out, &err);
	} else if (!strcmp(what, "status")) {
		out = json_object();
		r = rast_policy_bpf_status(&in, out, &err);
	} else if (!strcmp(what, "flows")) {
		out = json_array();
		r = rast_policy_bpf_flows(&in, out, &err);
	} else if (!strcmp(what, "sweep")) {
		r = rast_policy_bpf_deny_sweep(&in, 0, add, &n, &err);
		out = json_pack("{s:I}", "packets", (json_int_t)n);
	} else if (!strcmp(what, "load")) {
		r = rast_policy_bpf_load(&in, &err);
	} else if (argc == 7 && !strcmp(what, "endpoint-add")) {
		r = endpoint_add(&in, argv + 2, &err);
	} else if (argc == 5 && !strcmp(what, "flip")) {
		r = flip(&in, argv + 2, &err);
	} else if (argc == 4 && !strcmp(what, "endpoint-del") &&
		   inet_pton(AF_INET, argv[3], &addr) == 1) {
		r = rast_policy_bpf_endpoint_del_name(&in, argv[2], addr, &err);
	} else {
		r = rast_err_set(&err, EINVAL, "no such command");
	}
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.text);
	else if (out)
		(void)json_dumpf(out, stdout, JSON_COMPACT);
	json_decref(out);
	return r < 0;
}
