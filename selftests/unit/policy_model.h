/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second, slow opinion about policies: random clusters as plain structs, the same as YAML text for
 * the compiler, and an evaluator written from the Kubernetes documentation and docs/policy.md that asks
 * one packet at a time. It shares no code with the compiler, not even how addresses are held.
 */
#ifndef SELFTESTS_POLICY_MODEL_H
#define SELFTESTS_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define M_KEYS 3
#define M_VALUES 3
#define M_MAX 12

enum m_op { M_IN, M_NOT_IN, M_EXISTS, M_DOES_NOT_EXIST };

/* Label keys are k0..k2, values v0..v2; -1: the pod does not have the key. */
struct m_labels {
	int value[M_KEYS];
};

struct m_selector {
	int n;
	struct {
		enum m_op op;
		bool as_label; /* written as matchLabels; op is M_IN with one value */
		int key, n_values, values[M_VALUES];
	} expr[3];
};

/* Addresses are bytes, IPv4 in the first four. */
struct m_cidr {
	bool v6;
	int bits;
	uint8_t addr[16];
};

struct m_peer {
	enum { M_PODS, M_BLOCK, M_NODES, M_ENTITIES } kind;
	bool has_ns, has_pod;
	struct m_selector ns, pod;
	struct m_cidr cidr, except[2];
	int n_except;
	bool entity[5]; /* host, node, cluster, world, all */
};

struct m_port {
	int proto; /* 0 TCP, 1 UDP, 2 SCTP */
	bool any;
	int name; /* -1: a number */
	int lo, hi;
};

struct m_icmp {
	bool v6;
	int type, code; /* -1: every code */
};

struct m_rule {
	int n_peers, n_ports, n_icmp;
	struct m_peer peers[3];
	struct m_port ports[3];
	struct m_icmp icmp[2];
	int action; /* cluster policies: 0 Accept, 1 Deny, 2 Pass */
};

/* Neither cluster nor rast: a NetworkPolicy. */
struct m_policy {
	bool cluster;
	bool rast; /* ContainerNetworkPolicy */
	bool staged, log;
	int tier, priority; /* cluster: 0 Admin, 1 Baseline */
	int ns;
	char name[16];
	struct m_peer subject;
	bool isolates[2];
	bool types_given;
	int n_rules[2];
	struct m_rule rules[2][3];
	int n_denies[2];
	struct m_rule denies[2][2];
};

struct m_pod {
	int ns;
	char name[16];
	struct m_labels labels;
	bool v6;
	uint8_t addr[16];
	int n_ports;
	struct {
		int name, proto, port;
	} ports[3];
};

struct m_cluster {
	int n_ns, n_pods, n_policies;
	struct m_labels ns_labels[4];
	bool ns_has_doc[4];
	struct m_pod pods[M_MAX];
	struct m_policy policies[M_MAX];
};

/* Who is at the other end of a packet. */
struct m_end {
	int pod;   /* -1: not a pod */
	bool host; /* the node, which has no address here */
	bool v6;
	uint8_t addr[16];
};

struct m_verdict {
	bool allowed;
	/* When a rule decided: which. Several may have: `may` says whether one is among them. */
	bool by_rule;
};

void m_random(struct m_cluster *c, uint64_t *seed);
uint64_t m_next(uint64_t *seed);
/* Documents from the `first`-th policy on, wrapping round: another order of the same text. */
void m_write_yaml(const struct m_cluster *c, int first, FILE *out);

/*
 * dir 0: ingress, 1: egress. proto 0..2 as in m_port, 3 ICMP, 4 ICMPv6, for which port is type * 256 + code, 5:
 * one without ports.
 */
struct m_verdict m_verdict(const struct m_cluster *c, int dir, int subject,
			   const struct m_end *peer, int proto, int port);
/* The same if staged policies were enforced. */
struct m_verdict m_would(const struct m_cluster *c, int dir, int subject, const struct m_end *peer,
			 int proto, int port);
/*
 * Does rule `index` of the named policy match this packet, for a policy that selects the subject? `deny`: of
 * its list of denials, where it has one.
 */
bool m_rule_matches(const struct m_cluster *c, const char *name, bool deny, int index, int dir,
		    int subject, const struct m_end *peer, int proto, int port);

#endif
