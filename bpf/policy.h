/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The compiled policy as it lies in the kernel: `policy_image`, an mmapable array of two slots, and
 * `policy_table`, for each slot a map of lines that is as large as that policy needs.
 * The compiler fills the slot that is not in use and then writes its number into `policy_control`;
 * a program reads that word once a packet, so no half-applied policy is ever seen.
 *
 * A verdict is one cell:
 *   class  = class_by_identity[identity]            of the container whose link this is
 *   peer   = class_by_identity[peer's identity]     a pod or the node, else
 *            n_class + class of the address range   outside the cluster
 *   port   = port_class[protocol][destination port; of ICMP type << 8 | code]
 *   cell   = matrix[((direction * n_class + class) * n_peer + peer) * n_port + port]
 * A cell is a rule number with RAST_CELL_ALLOW set or not. Rule numbers are those of the image's rule
 * table, which stays in user space. Whatever lies outside the bounds is denied. The matrix begins at
 * the first line of the slot's table. With staged policies a second matrix stands behind it, which is what
 * would hold if they were enforced: directions 2 and 3. It is asked only where a cell says so.
 */
#ifndef RAST_BPF_POLICY_H
#define RAST_BPF_POLICY_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "bpf/flow.h"
#include "bpf/names.h"

#define RAST_POLICY_MAGIC 0x72617374u /* "rast" */
#define RAST_POLICY_FORMAT 4u
#define RAST_MAX_IDENTITIES 8192u /* numbers 0..8191 */
#define RAST_MAX_RANGES4 (1u << 20)
#define RAST_MAX_RANGES6 (1u << 18)
#define RAST_FEW_RANGES 64u /* so many lie in the image itself */
#define RAST_MAX_PORT_CLASSES 255u
#define RAST_MAX_CELLS (1u << 22)
#define RAST_MAX_RULES 0xfffffu

#define RAST_CELL_ALLOW 0x80000000u
#define RAST_CELL_MORE 0x40000000u /* one of the next bits is set */
#define RAST_CELL_LOG 0x20000000u  /* a new flow is an event */
#define RAST_CELL_STAGED \
	0x10000000u /* staged policies would decide otherwise, or by a rule of theirs */
#define RAST_CELL_RULE 0x00ffffffu

/* Identities that are not label sets. */
#define RAST_IDENTITY_WORLD 0u /* any address that is no pod's */
#define RAST_IDENTITY_HOST 1u  /* the node itself: always let in, as kubelet's probes are */
#define RAST_IDENTITY_FIRST 16u

/* Rule numbers that are no policy's. */
#define RAST_RULE_NONE 0u         /* no policy selects this container in this direction */
#define RAST_RULE_DEFAULT_DENY 1u /* selected, and no rule allows it */
#define RAST_RULE_NODE 2u         /* from the node */
#define RAST_RULE_SELF 3u         /* the container's own address */
#define RAST_RULE_FIRST 16u

#define RAST_PROTO_PORTS 3u /* the first so many have ports, which may have names */

enum rast_policy_proto {
	RAST_PROTO_TCP = 0,
	RAST_PROTO_UDP = 1,
	RAST_PROTO_SCTP = 2,
	RAST_PROTO_ICMP = 3,  /* of IPv4; the "port" is type << 8 | code */
	RAST_PROTO_ICMP6 = 4, /* of IPv6; the same */
	RAST_PROTO_OTHER = 5, /* the rest: port_class_other */
	RAST_PROTO_PORTED = 5 /* how many have a table of numbers */
};

/* Sorted by start, no gaps: the class holds from `start` up to the next range's start. */
struct rast_range4 {
	__u32 start; /* host byte order */
	__u32 klass; /* peer class minus n_class */
};

struct rast_range6 {
	__u64 hi, lo; /* host byte order */
	__u32 klass;
	__u32 pad;
};

/* The unit of policy_table: what one look-up reaches. */
struct rast_line {
	union {
		__u32 w[16];
		__u64 q[8];
	};
};
_Static_assert(sizeof(struct rast_line) == 64, "a line is a cache line");

/* A word of the IPv4 look-up (policy/addr_trie.h): a class, or one of these and where it goes on. */
#define RAST_TRIE_LIST 0x80000000u
#define RAST_TRIE_TABLE 0x40000000u
#define RAST_TRIE_COUNT_SHIFT 26 /* of a list: its length less 1 */
#define RAST_TRIE_COUNT 0xfu
#define RAST_TRIE_AT 0x03ffffffu /* counted in words from the look-up's first line */
#define RAST_TRIE_LIST16 8u
#define RAST_TRIE_LIST24 16u

struct rast_policy_image {
	__u32 magic, format;
	__u32 generation; /* counts applied images; names the rule table */
	__u32 n_class;    /* classes of identities */
	__u32 n_peer;     /* n_class + classes of address ranges */
	__u32 n_port;
	__u32 n_range4, n_range6;
	__u32 n_rule; /* one past the highest rule number */
	__u32 port_class_other;
	/*
	 * Where in the slot's table packets are counted by rule: for CPU c, rule r is q[r % 8] of line
	 * hits_at + (c & hits_mask) * hits_lines + r / 8. Set where the image is copied, 0 in a file.
	 */
	__u32 hits_at, hits_lines, hits_mask;
	__u32 hits_shared; /* there are more CPUs than counters of a rule: add atomically */
	/* The first lines of the look-ups of more than RAST_FEW_RANGES ranges; set and 0 likewise. */
	__u32 addr4_at, addr6_at;
	__u32 staged; /* 1: there is a second matrix */
	__u32 pad;
	__u16 class_by_identity[RAST_MAX_IDENTITIES]; /* 0xffff: unknown, denied */
	__u8 port_class[RAST_PROTO_PORTED][65536];
	/* Filled where the image is copied, when there are not more; all 0 in a file. */
	struct rast_range4 range4[RAST_FEW_RANGES];
	struct rast_range6 range6[RAST_FEW_RANGES];
	struct rast_name_table names;
};
/* Array map values may have at most 4 MB on 6.1 (KMALLOC_MAX_SIZE). */
_Static_assert(sizeof(struct rast_policy_image) < (4u << 20), "policy image is too large");

/* policy_control, key 0; mmapable. */
struct rast_policy_control {
	__u32 slot;       /* the one in use: 0 or 1 */
	__u32 loaded;     /* 0: no image yet, everything is denied */
	__u32 flags;      /* enum rast_policy_flags */
	__u32 flipped_ms; /* CLOCK_MONOTONIC of the last flip, modulo 2^32 */
};

enum rast_policy_flags {
	RAST_POLICY_LOG_ALLOWED = 1 << 0, /* an event also when an allowed flow begins */
	RAST_POLICY_LOG_ENDED = 1 << 1    /* and when it ends */
};

/* endpoint_by_ifindex: host side of a container's link. */
struct rast_endpoint {
	__u32 identity;
	__u32 slot;  /* container slot for events: the pod's first container */
	__u32 addr4; /* network byte order */
	__u8 mac[6]; /* of the container's side */
	__u8 pad[2];
	__u32 netns; /* inode of the container's network namespace; 0: nobody said, see flow_socket */
	__u64 cgroup_id;
	__u64 since_ns; /* filled by endpoint_add: flows opened before are another container's */
	__u32 addr6
		[4]; /* network byte order; all zero: it has none, and its IPv6 packets are dropped */
};
_Static_assert(sizeof(struct rast_endpoint) == 56, "rast_endpoint is part of the contract");

/*
 * identity_by_addr, key 0; mmapable: index = address - first address of the pod range, in IPv6 the last 16
 * bits. A pod has the same index in both.
 */
#define RAST_MAX_POD_ADDRS 65536u
struct rast_addr_table {
	__u16 identity[RAST_MAX_POD_ADDRS]; /* RAST_IDENTITY_WORLD: no pod has it */
};

/* Network byte order; IPv4 as ::ffff:a.b.c.d. */
struct rast_addr {
	__u32 w[4];
};

/*
 * identity_by_foreign: struct rast_addr → identity of pods whose network another program made,
 * outside the pod range. A hash, looked at only while foreign_control says so.
 */
#define RAST_MAX_FOREIGN_ADDRS 4096u

/* ifindex_by_addr, key 0; mmapable, same index: host side of that pod's link, 0 when there is none. */
struct rast_link_table {
	__u32 ifindex[RAST_MAX_POD_ADDRS];
};

/*
 * flow_by_tuple: LRU; written at the first packet of an allowed flow. Addresses in network order, IPv4 as
 * ::ffff:a.b.c.d; ports too; src is who opened it. ICMP echo: src_port is the identifier, dst_port 0.
 */
struct rast_flow_key {
	__u32 src[4], dst[4];
	__u16 src_port, dst_port;
	__u8 protocol;
	__u8 pad[3];
};

enum rast_flow_state {
	RAST_FLOW_AT_SRC = 1 << 0,  /* allowed on its way out of the opener's link */
	RAST_FLOW_AT_DST = 1 << 1,  /* allowed on its way into the responder's link */
	RAST_FLOW_REPLIED = 1 << 2, /* a reply needed the entry */
	RAST_FLOW_CLOSING = 1 << 3, /* TCP FIN or RST seen */
	RAST_FLOW_HOST = 1 << 4,    /* the node opened it, whatever address it used */
	/* The same for the destination's end, one bit further: */
	RAST_FLOW_SOCKET_SRC = 1 << 5, /* a socket at the source's end will tell how it ended */
	RAST_FLOW_SOCKET_DST = 1 << 6,
	RAST_FLOW_TOLD_SRC = 1 << 7, /* the end of it has been told there */
	RAST_FLOW_TOLD_DST = 1 << 8
};

enum rast_flow_end { RAST_FLOW_SRC = 0, RAST_FLOW_DST = 1 };

/* What is known at one end, if that is a container of this host. */
struct rast_flow_side {
	struct rast_flow_counts counts; /* not of TCP: see bpf/flow.h */
	__u32 ifindex, identity, peer_identity;
	__u32 rule, generation; /* of the first packet's verdict */
	__u32 slot;
};

struct rast_flow {
	__u64 opened_ns;               /* CLOCK_MONOTONIC */
	__u64 last_ns;                 /* CLOCK_MONOTONIC_COARSE */
	__u64 pattern;                 /* of the name that allowed it, 0: none did */
	__u32 state;                   /* enum rast_flow_state */
	__u32 tcp_flags;               /* all seen of SYN, FIN and RST segments */
	struct rast_flow_side side[2]; /* by enum rast_flow_end */
};

/* What an event, one a flow and second at most, is about. */
enum rast_told {
	RAST_TOLD_DENY = 0,
	RAST_TOLD_LOG = 1,   /* a flow that a rule with `log` allowed */
	RAST_TOLD_STAGED = 2 /* staged policies would have done the opposite */
};

/*
 * deny_by_tuple: LRU; denied packets of one flow become at most one event a second. `pending` are
 * those that no event has told of yet; whoever reports takes them by an atomic exchange.
 * So do flows that are logged and verdicts of staged policies (enum rast_told).
 * For reasons other than RAST_DROP_POLICY the flow is all zeroes: a sender that makes up addresses
 * gets one entry, not one an address; the event then shows the packet at hand.
 */
struct rast_deny_key {
	struct rast_flow_key flow;
	__u32 ifindex;
	__u8 direction, reason;
	__u8 told; /* enum rast_told */
	__u8 pad;
};

struct rast_deny {
	__u64 last_ns; /* of the last event */
	__u64 pending;
	__u64 cgroup_id;
	__u32 slot, identity, peer_identity, generation;
	__u32 rule;
	__u32 at_connect; /* 1: no packets but attempts, refused before there was one */
	__u32 verdict;    /* enum rast_verdict of the event */
	__u32 pad;
};

/* counters_by_link, per CPU: index = container slot * 2 + enum rast_direction; links that are nobody's
 * (no endpoint) count in the last two. */
#define RAST_LINK_UNKNOWN RAST_MAX_LINKS
#define RAST_MAX_LINKS 4096u /* = RAST_MAX_CONTAINERS */
struct rast_link_counters {
	__u64 packets, bytes; /* let through */
	__u64 dropped[8];     /* by enum rast_drop_reason */
};

#endif
