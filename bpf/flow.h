/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is told of flows that have ended: one record for each end that is a container of this host.
 *
 * TCP is counted by the container's own socket and costs no packet anything: `bytes` are payload, each
 * byte once however often it was sent; `packets` are segments, those sent again included, until the
 * socket is gone (what TIME_WAIT still answers is not). Other protocols are counted at the link, packet
 * by packet: `bytes` are the payload of UDP, of ICMP echo what follows its header, of others what follows
 * the IP header. Fragments after the first are not counted.
 *
 * A record that finds no room in its ring is added to flow_sum_by_edge instead: ended = told + summed,
 * always, per CPU in flow_stats.
 */
#ifndef RAST_BPF_FLOW_H
#define RAST_BPF_FLOW_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "bpf/event.h"

enum rast_flow_ended {
	RAST_FLOW_ENDED_FIN = 1,     /* both ends had said all */
	RAST_FLOW_ENDED_RST = 2,     /* reset by either end; also a connection that was refused */
	RAST_FLOW_ENDED_TIMEOUT = 3, /* silent for longer than its protocol allows; TCP gave up */
	RAST_FLOW_ENDED_POLICY = 4,  /* stopped short, and the policy in force does not allow it */
	RAST_FLOW_ENDED_REMOVED = 5, /* its link went away */
	RAST_FLOW_ENDED_ERROR = 6,   /* another error of the socket: unreachable, aborted */
	RAST_FLOW_ENDED_MAX
};

enum rast_flow_known {
	RAST_FLOW_KNOWS_COUNTS =
		1 << 0, /* packets and bytes; unknown: TCP whose socket is none of the pod's */
	RAST_FLOW_KNOWS_START =
		1 << 1 /* unknown: the entry was evicted meanwhile; tcp_flags neither */
};

/* By whom: [0] what the opener sent, [1] what came back. */
struct rast_flow_counts {
	__u64 packets[2], bytes[2];
};

/* RAST_EVENT_FLOW_END, ordinary. hdr: slot, identity, cgroup_id of the container whose link this is. */
struct rast_event_flow_end {
	struct rast_event hdr;
	__u8 family, protocol;
	__u8 direction; /* enum rast_direction: of the flow's first packet, seen from the container */
	__u8 verdict;   /* enum rast_verdict: of its first packet */
	__u8 ended;     /* enum rast_flow_ended */
	__u8 known;     /* enum rast_flow_known */
	__u8 tcp_flags; /* all that were seen in SYN, FIN and RST of the opener and by the socket */
	__u8 pad;
	__u32 rule; /* of image `generation` */
	__u32 generation;
	__u32 ifindex;
	__u32 peer_identity;
	__u16 src_port, dst_port; /* host byte order; src is who opened it */
	__u8 src[16], dst[16];
	__u32 pad2;
	__u64 duration_ns;
	struct rast_flow_counts counts;
};
_Static_assert(sizeof(struct rast_event_flow_end) == 176,
	       "rast_event_flow_end is part of the contract");

/*
 * flow_sum_by_edge: what no ring had room for. A reader switches rast_flow_control.bank, waits for programs
 * that still write to the other, and takes that: nothing is lost or seen twice.
 */
struct rast_flow_sum_key {
	__u32 identity, peer_identity, rule, generation;
	__u16 dst_port; /* host byte order; 0 as well when there are more edges than entries */
	__u8 protocol, direction, verdict, bank;
	__u8 pad[2];
};

struct rast_flow_sum {
	__u64 flows, duration_ns;
	struct rast_flow_counts counts;
	__u64 ended[8]; /* by enum rast_flow_ended */
};

/* flow_control, key 0. */
struct rast_flow_control {
	__u32 bank; /* 0 or 1: where programs add now */
	__u32 pad;
};

/* flow_stats, key 0, per CPU; in records, of which a flow between two pods of this host has two. */
struct rast_flow_stats {
	__u64 opened;    /* first packets of allowed flows */
	__u64 ended;     /* = told + summed */
	__u64 told;      /* reached a ring */
	__u64 summed;    /* added to flow_sum_by_edge or flow_sum_rest */
	__u64 strangers; /* of `ended`: no entry was left of how they began */
};

#endif
