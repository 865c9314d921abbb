/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a parsed policy looks like to the compiler's stages. All languages (NetworkPolicy,
 * ClusterNetworkPolicy, rast.os/v1) become the same thing: a subject, and per direction an ordered
 * list of rules with an action. Nothing here points into the YAML tree.
 */
#ifndef RAST_POLICY_SET_H
#define RAST_POLICY_SET_H

#include "policy/addr.h"
#include "policy/arena.h"
#include "policy/policy.h"

enum rast_policy_tier { RAST_TIER_ADMIN, RAST_TIER_NETPOL, RAST_TIER_BASELINE };
enum rast_policy_action { RAST_ACTION_ALLOW, RAST_ACTION_DENY, RAST_ACTION_PASS };
enum rast_policy_op { RAST_OP_IN, RAST_OP_NOT_IN, RAST_OP_EXISTS, RAST_OP_DOES_NOT_EXIST };

struct rast_policy_req {
	const char *key;
	enum rast_policy_op op;
	const char **values;
	size_t n_values;
};

/* All of them must hold; none: everything matches. */
struct rast_policy_selector {
	struct rast_policy_req *reqs;
	size_t n_reqs;
};

struct rast_policy_block {
	struct rast_cidr cidr;
	struct rast_cidr *excepts;
	size_t n_excepts;
};

enum rast_policy_peer_kind {
	RAST_PEER_PODS,
	RAST_PEER_BLOCK,
	RAST_PEER_NODES, /* as a peer or as the subject of a NodeNetworkPolicy: this node */
	RAST_PEER_ENTITIES,
	RAST_PEER_FQDNS
};

enum rast_policy_entity {
	RAST_ENTITY_HOST = 1 << 0,    /* this node */
	RAST_ENTITY_NODE = 1 << 1,    /* any other node of the cluster */
	RAST_ENTITY_CLUSTER = 1 << 2, /* every pod and every node */
	RAST_ENTITY_WORLD = 1 << 3,   /* what is not of the cluster */
	RAST_ENTITY_ALL = 1 << 4
};

#define RAST_POLICY_MAX_FQDNS 1024u /* in one list */

/* A DNS name in lower case without a dot at its end, or a pattern of names with at least one "*". */
struct rast_policy_fqdn {
	const char *text;
	bool wildcard;
	int line;
};

struct rast_policy_peer {
	enum rast_policy_peer_kind kind;
	bool any_ns; /* pods: of the namespaces that `namespaces` selects; else the policy's own */
	struct rast_policy_selector namespaces, pods;
	struct rast_policy_block block;
	unsigned int entities; /* of enum rast_policy_entity */
	struct rast_policy_fqdn *fqdns;
	size_t n_fqdns;
};

struct rast_policy_port {
	enum rast_policy_proto proto;
	const char *name; /* resolved for each destination pod; else NULL, and lo..hi count */
	uint16_t lo, hi;  /* of ICMP: type << 8 | code */
};

enum rast_policy_rate_kind {
	RAST_RATE_NONE,
	RAST_RATE_PACKETS,
	RAST_RATE_BYTES,
	RAST_RATE_CONNECTIONS
};

/* For each container that the policy selects: a bucket of `burst` that fills at `rate` a second. */
struct rast_policy_rate {
	enum rast_policy_rate_kind kind;
	uint64_t rate, burst;
};

struct rast_policy_rule {
	int line;
	enum rast_policy_action action;
	bool any_peer, any_port; /* any_port: neither ports nor icmp were given */
	struct rast_policy_peer *peers;
	size_t n_peers;
	struct rast_policy_port *ports;
	size_t n_ports;
	bool log;                     /* each new flow it decides is an event */
	struct rast_policy_fqdn *dns; /* the only names that may be asked on port 53; none: any */
	size_t n_dns;
	struct rast_policy_rate rate;
};

struct rast_policy {
	struct rast_arena arena; /* holds all of it, itself excepted */
	const char *kind;        /* a string literal */
	const char *ns, *name, *file;
	int line;
	enum rast_policy_tier tier;
	int priority;
	struct rast_policy_peer subject;
	bool staged; /* evaluated and reported, not enforced */
	/* By enum rast_direction. Allow rules of a direction that is not isolated do not count. */
	bool isolates[2];
	struct rast_policy_rule *rules[2];
	size_t n_rules[2];
	/* rast.os/v1: the first so many rules are of ingressDeny, egressDeny, and always count. */
	size_t n_deny[2];
	json_t *doc; /* the document as it was given */
};

/* How many of the rules, from the first on, decide anything. */
static inline size_t rast_policy_n_live(const struct rast_policy *p, enum rast_direction dir)
{
	return p->isolates[dir] ? p->n_rules[dir] : p->n_deny[dir];
}

struct rast_policy_ns_doc {
	struct rast_arena arena;
	const char *name, *file;
	int line;
	struct rast_policy_label *labels;
	size_t n_labels;
	json_t *doc;
};

/* Both arrays are sorted: by tier, priority, kind, namespace, name; and by name. */
struct rast_policy_set {
	struct rast_policy **policies;
	size_t n_policies;
	struct rast_policy_ns_doc **namespaces;
	size_t n_namespaces;
};

void rast_policy_destroy(struct rast_policy *p);
void rast_policy_ns_doc_destroy(struct rast_policy_ns_doc *d);

/* The file a document came from, as text that can be shown. */
const char *rast_policy_file_of(const struct rast_yaml_node *doc, struct rast_arena *a);
/* rast_policy_set_parse() that says what it made: one of the two is set. */
int rast_policy_set_insert(const struct rast_yaml_node *doc, struct rast_policy_set *set,
			   struct rast_policy **ret_policy, struct rast_policy_ns_doc **ret_ns,
			   struct rast_err *err);

/* parse.c, parse_cluster.c, parse_rast.c: one document each; the caller destroys. */
int rast_policy_parse_netpol(const struct rast_yaml_node *doc, struct rast_policy **ret,
			     struct rast_err *err);
int rast_policy_parse_cluster(const struct rast_yaml_node *doc, struct rast_policy **ret,
			      struct rast_err *err);
int rast_policy_parse_container(const struct rast_yaml_node *doc, struct rast_policy **ret,
				struct rast_err *err);
int rast_policy_parse_node(const struct rast_yaml_node *doc, struct rast_policy **ret,
			   struct rast_err *err);
/*
 * unenforced.c: a well-formed document of rast.os/v1 may ask for what no program enforces yet. That is an
 * error at the field, never a rule that is silently not there.
 */
int rast_policy_check_enforced(const struct rast_yaml_node *doc, struct rast_err *err);
int rast_policy_parse_namespace(const struct rast_yaml_node *doc, struct rast_policy_ns_doc **ret,
				struct rast_err *err);
/* Fields that every kind has: checks apiVersion, and reads metadata. *ret_ns NULL: not given. */
int rast_policy_parse_meta(const struct rast_yaml_node *doc, const char *api_version,
			   const char *const *fields, const char **ret_ns, const char **ret_name,
			   const struct rast_yaml_node **ret_labels, struct rast_err *err);
/* Names, place and the document itself, all kept by the policy. */
int rast_policy_fill(const struct rast_yaml_node *doc, const char *ns, const char *name,
		     struct rast_policy *p, struct rast_err *err);
int rast_policy_parse_labels(const struct rast_yaml_node *map, struct rast_arena *a,
			     struct rast_policy_label **ret, size_t *ret_n, struct rast_err *err);
int rast_policy_parse_selector(const struct rast_yaml_node *map, struct rast_arena *a,
			       struct rast_policy_selector *ret, struct rast_err *err);
int rast_policy_parse_rule(const struct rast_yaml_node *map, enum rast_direction dir,
			   struct rast_arena *a, struct rast_policy_rule *ret,
			   struct rast_err *err);
int rast_policy_parse_peer(const struct rast_yaml_node *n, struct rast_arena *a,
			   struct rast_policy_peer *ret, struct rast_err *err);
int rast_policy_parse_port(const struct rast_yaml_node *n, struct rast_arena *a,
			   struct rast_policy_port *ret, struct rast_err *err);
/* parse_rast_rule.c: a rule of ingress and egress, and one of ingressDeny and egressDeny. */
int rast_policy_parse_allow(const struct rast_yaml_node *map, enum rast_direction dir,
			    struct rast_arena *a, struct rast_policy_rule *ret,
			    struct rast_err *err);
int rast_policy_parse_deny(const struct rast_yaml_node *map, enum rast_direction dir,
			   struct rast_arena *a, struct rast_policy_rule *ret,
			   struct rast_err *err);
int rast_policy_parse_node_allow(const struct rast_yaml_node *map, enum rast_direction dir,
				 struct rast_arena *a, struct rast_policy_rule *ret,
				 struct rast_err *err);
int rast_policy_parse_node_deny(const struct rast_yaml_node *map, enum rast_direction dir,
				struct rast_arena *a, struct rast_policy_rule *ret,
				struct rast_err *err);
/* parse_fqdn.c: a list of {name: NAME} and {pattern: PATTERN}; with `services` also _sip._tcp and such. */
int rast_policy_parse_fqdns(const struct rast_yaml_node *seq, bool services, struct rast_arena *a,
			    struct rast_policy_fqdn **ret, size_t *ret_n, struct rast_err *err);
typedef int rast_policy_rule_parser(const struct rast_yaml_node *map, enum rast_direction dir,
				    struct rast_arena *a, struct rast_policy_rule *ret,
				    struct rast_err *err);
/* The list `key` of a spec behind what is in p->rules[dir]; 0 also when there is none. */
int rast_policy_parse_rules(const struct rast_yaml_node *spec, const char *key,
			    enum rast_direction dir, rast_policy_rule_parser *parse,
			    struct rast_policy *p, struct rast_err *err);
int rast_policy_parse_proto(const struct rast_yaml_node *map, const char *key,
			    enum rast_policy_proto *ret, struct rast_err *err);

#endif
