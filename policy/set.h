/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a parsed policy looks like to the compiler's stages. Both languages (NetworkPolicy,
 * ClusterNetworkPolicy) become the same thing: a subject, and per direction an ordered list of rules
 * with an action. Nothing here points into the YAML tree.
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

enum rast_policy_peer_kind { RAST_PEER_PODS, RAST_PEER_BLOCK, RAST_PEER_NODES };

struct rast_policy_peer {
	enum rast_policy_peer_kind kind;
	bool any_ns; /* pods: of the namespaces that `namespaces` selects; else the policy's own */
	struct rast_policy_selector namespaces, pods;
	struct rast_policy_block block;
};

struct rast_policy_port {
	enum rast_policy_proto proto;
	const char *name; /* resolved for each destination pod; else NULL, and lo..hi count */
	uint16_t lo, hi;
};

struct rast_policy_rule {
	int line;
	enum rast_policy_action action;
	bool any_peer, any_port;
	struct rast_policy_peer *peers;
	size_t n_peers;
	struct rast_policy_port *ports;
	size_t n_ports;
};

struct rast_policy {
	struct rast_arena arena; /* holds all of it, itself excepted */
	const char *kind;        /* a string literal */
	const char *ns, *name, *file;
	int line;
	enum rast_policy_tier tier;
	int priority;
	struct rast_policy_peer subject;
	bool isolates
		[2]; /* by enum rast_direction; rules of a direction that is not do not count */
	struct rast_policy_rule *rules[2];
	size_t n_rules[2];
	json_t *doc; /* the document as it was given */
};

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

/* parse.c, parse_rule.c: one document each; the caller destroys. */
int rast_policy_parse_netpol(const struct rast_yaml_node *doc, struct rast_policy **ret,
			     struct rast_err *err);
int rast_policy_parse_cluster(const struct rast_yaml_node *doc, struct rast_policy **ret,
			      struct rast_err *err);
int rast_policy_parse_namespace(const struct rast_yaml_node *doc, struct rast_policy_ns_doc **ret,
				struct rast_err *err);
/* Fields that every kind has: checks apiVersion, and reads metadata. *ret_ns NULL: not given. */
int rast_policy_parse_meta(const struct rast_yaml_node *doc, const char *api_version,
			   const char *const *fields, const char **ret_ns, const char **ret_name,
			   const struct rast_yaml_node **ret_labels, struct rast_err *err);
int rast_policy_parse_labels(const struct rast_yaml_node *map, struct rast_arena *a,
			     struct rast_policy_label **ret, size_t *ret_n, struct rast_err *err);
int rast_policy_parse_selector(const struct rast_yaml_node *map, struct rast_arena *a,
			       struct rast_policy_selector *ret, struct rast_err *err);
int rast_policy_parse_rule(const struct rast_yaml_node *map, enum rast_direction dir,
			   struct rast_arena *a, struct rast_policy_rule *ret,
			   struct rast_err *err);
typedef int rast_policy_rule_parser(const struct rast_yaml_node *map, enum rast_direction dir,
				    struct rast_arena *a, struct rast_policy_rule *ret,
				    struct rast_err *err);
/* The list `key` of a spec into p->rules[dir]; 0 also when there is none. */
int rast_policy_parse_rules(const struct rast_yaml_node *spec, const char *key,
			    enum rast_direction dir, rast_policy_rule_parser *parse,
			    struct rast_policy *p, struct rast_err *err);
int rast_policy_parse_proto(const struct rast_yaml_node *map, const char *key,
			    enum rast_policy_proto *ret, struct rast_err *err);

#endif
