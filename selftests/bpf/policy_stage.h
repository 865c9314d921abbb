/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stage for the tests of the policy programs: an instance of its own with the programs pinned, a
 * network namespace with a few veths whose indexes stand for container links, and an image in
 * which single cells are set by hand. All of it goes away at exit.
 *
 * Classes of the image: 0 the node, 1 web, 2 api, 3 db; peers beyond: 4 the world, 5 198.51.100.0/24,
 * 6 and 7 names.
 * In IPv6 the blocked ones are 2001:db8:bad::/48.
 * Port classes: 0 the rest, 1 TCP 80, 2 UDP 53, 3 what has no ports.
 */
#ifndef RAST_SELFTESTS_BPF_POLICY_STAGE_H
#define RAST_SELFTESTS_BPF_POLICY_STAGE_H

#include "base/instance.h"
#include "bpf/event.h"
#include "bpf/policy.h"
#include "selftests/bpf/frames.h"
#include "selftests/lib/tap.h"

#include <stdbool.h>
#include <stdint.h>

enum { NODE, WEB, API, DB, N_CLASS, WORLD = N_CLASS, BLOCKED, NAMED, OTHER_NAME, N_PEER };
enum { PORT_REST, PORT_80, PORT_53, PORT_OTHER, N_PORT };
enum { IN = RAST_DIR_INGRESS, OUT = RAST_DIR_EGRESS };
enum { PASS = -1, DROP = 2 };

struct pod {
	uint32_t ifindex, identity, addr; /* host byte order */
	uint8_t addr6[16];                /* all zero: stage_announce() gives it none */
	uint8_t mac[6];
	uint32_t slot;
};

struct stage {
	struct rast_instance in;
	struct rast_policy_image *image; /* edited by hand, then stage_apply() */
	struct pod pods[N_CLASS];        /* [NODE]: address and MAC only */
	int prog[2];                     /* by direction */
	struct rast_event_flow last;     /* the last event that stage_events() saw */
	struct rast_event_dns last_dns;
	unsigned int n_events, n_packets, n_dns, n_questions;
	struct rast_event_flow_end end;    /* the last one of a flow that ended */
	unsigned int n_ends, n_ends_bytes; /* ends, and payload of both ways in them */
	unsigned int refused;              /* frames that the kernel would not run: too short */
};
extern struct stage stage;

/* Exits with SKIP when policy cannot be loaded here. */
void stage_open(const char *instance);
/* Everything denied, no flow, no counter; nothing applied yet. */
void stage_reset_image(void);
/* Its cells alone: after a change to the number of ranges, as they lie behind those. */
void stage_deny_all(void);
/* Sets the cells of one pair for one port class (-1: all) to allow or deny, by this rule. */
void stage_cell(int dir, int klass, int peer, int port, bool allow, unsigned int rule);
/* The image that most tests begin with: web may open TCP 80 and UDP 53 to api, and ping it. Nothing else. */
void stage_shop(void);
void stage_apply(void);
void stage_forget(void); /* flows, denials, fragments */
/* The pod gets its endpoint and identity; without, it has none. */
void stage_announce(const struct pod *p, bool there);

/* From pod to pod, MACs included; protocol and ports are for the caller. */
struct frame_spec stage_spec(int from, int to);
struct frame6_spec stage_spec6(int from, int to);
/* Runs the frame through the link of `pod`: OUT as its sender, IN as its receiver. */
int stage_run(int pod, int dir, const struct frame *f);
/* The same, born in the node's own stack. */
int stage_run_from_node(int pod, const struct frame *f);
/* Both links, as a bridge would: OUT of the sender, then IN of the receiver. PASS or DROP. */
int stage_send(int from, int to, const struct frame_spec *s);
int stage_send_frame(int from, int to, const struct frame *f);
/* Reads the rings; fills last, n_events, n_packets (the sum of what they stand for), end and n_ends, last_dns,
 * n_dns and n_questions. */
void stage_events(void);
/* The link-local address of its MAC (EUI-64). */
void stage_local6(const struct pod *p, uint8_t ret[16]);
/* policy6_neighbours.c, policy6_mutate.c */
void stage_neighbours(void);
void stage_mutate6(void);
/* policy_mutate.c: a few seconds of random frames; three claims. */
void stage_mutate(void);
/* policy_short_cut.c */
void stage_short_cut(void);
struct rast_link_counters stage_counters(uint32_t slot, int dir);

#endif
