/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two pods of one host for bench_net: processes with a network namespace each, behind a bridge in a
 * third one. The server answers on ports 80 (echo) and 81 (swallows); the client measures when told.
 * Both are pinned to one CPU. All of it ends with the process that made it, however that ends.
 */
#ifndef RAST_SELFTESTS_BENCH_NET_PODS_H
#define RAST_SELFTESTS_BENCH_NET_PODS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum net_measure {
	NET_BULK,    /* bits a ns: one stream, as fast as it goes */
	NET_RR,      /* ns: one byte there and back; the median */
	NET_CONNECT, /* ns: connect, one byte there and back, reset; the median */
	NET_MEASURES
};

struct net_pods {
	int host;         /* network namespace that has the bridge */
	int netns[2];     /* client's, server's */
	uint32_t addr[2]; /* host byte order; set before net_pods_begin() */
	pid_t pid[2];
	int to[2], from[2]; /* pipes */
};

/* Makes the three namespaces; the caller is in the host's then, and links the pods. 0 or -errno. */
int net_pods_open(struct net_pods *p);
/* The server listens. */
int net_pods_begin(struct net_pods *p);
/* NAN when it failed. */
double net_pods_measure(struct net_pods *p, enum net_measure what, int ms);
void net_pods_close(struct net_pods *p);

#endif
