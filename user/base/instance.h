/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where one rastOS keeps its things. The default instance is called "rastos"; tests and examples
 * run their own beside it (rastbpf --instance NAME, or RAST_INSTANCE), with its own run folder,
 * store, pins, cgroup, bridge and pod address range, so that they never meet.
 */
#ifndef RAST_BASE_INSTANCE_H
#define RAST_BASE_INSTANCE_H

#include "base/err.h"

#include <stdint.h>

struct rast_instance {
	char name[16];      /* [a-z][a-z0-9]{0,10}; "rastos" for the default */
	char run_dir[64];   /* /run/NAME: sockets, locks, pod state; gone after a reboot */
	char lib_dir[64];   /* /var/lib/NAME: store, images, audit log */
	char bpf_dir[64];   /* /sys/fs/bpf/NAME: pinned programs, maps, links */
	char cgroup[32];    /* NAME: below the cgroup2 mount and below each v1 controller */
	char bridge[16];    /* network interface of the pod bridge */
	char socket[96];    /* run_dir/rastd.sock */
	uint32_t pod_cidr;  /* host byte order */
	uint8_t pod_prefix; /* bits; 16..28 */
	uint8_t pod6[16];   /* IPv6 pod range, always a /112; all zero: pods have IPv4 alone */
};

/*
 * Fills *ret. `name` NULL: RAST_INSTANCE, else "rastos". The pod range is RAST_POD_CIDR when set;
 * else 10.77.0.0/16 for "rastos" and a range of 10.64.0.0/10 chosen from the name for others.
 *
 * The IPv6 pod range is RAST_POD_CIDR6 ("off": none); else fd77:7261:7374::A:B:0/112, A:B being the first
 * address of the IPv4 range, so that a pod has the same index in both.
 * -EINVAL with err for a name or range that is not well-formed.
 */
int rast_instance_init(struct rast_instance *ret, const char *name, struct rast_err *err);

#endif
