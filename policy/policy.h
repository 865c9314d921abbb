/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy compiler. Documents become a set, a set and the pods of the moment (the world) become
 * an image (bpf/policy.h) that the kernel half reads, and a table that says which rule each of the
 * image's numbers stands for.
 *
 *	struct rast_policy_set *set;          rast_policy_set_create(&set);
 *	each document:                        rast_policy_set_parse(doc, set, err);
 *	struct rast_policy_world world = {};  rast_policy_world_add_pod(&world, &pod); …
 *	rast_policy_compile(set, &world, generation, &image, &rules, &report, err);
 *	cell = rast_policy_image_verdict(image, RAST_DIR_EGRESS, web, &db, RAST_PROTO_TCP, 6379);
 *
 * All of it is pure: no file, no root, no kernel. The same input gives the same bytes, in whatever
 * order documents and pods came.
 */
#ifndef RAST_POLICY_POLICY_H
#define RAST_POLICY_POLICY_H

#include "base/err.h"
#include "base/json.h"
#include "base/yaml.h"
#include "bpf/event.h"
#include "bpf/policy.h"
#include "policy/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the set: policies and Namespace documents, by kind, namespace and name ---- */

struct rast_policy_set;

int rast_policy_set_create(struct rast_policy_set **ret);
void rast_policy_set_destroy(struct rast_policy_set *set);
static inline void rast_policy_set_destroyp(struct rast_policy_set **set)
{
	rast_policy_set_destroy(*set);
}
#define _cleanup_policy_set_ _cleanup_(rast_policy_set_destroyp)

#define RAST_POLICY_KINDS                                                                 \
	"NetworkPolicy, ClusterNetworkPolicy, ContainerNetworkPolicy, NodeNetworkPolicy " \
	"or Namespace"
/* Is it one of these? Is one of this kind inside a namespace? */
bool rast_policy_kind_known(const char *kind);
bool rast_policy_kind_in_namespace(const char *kind);
/* Is this document's kind one that belongs into a set? (Says nothing about its being well-formed.) */
bool rast_policy_set_wants(const struct rast_yaml_node *doc);
/* Adds one document. Strict; -EEXIST for a second one of the same name. On error nothing is added. */
int rast_policy_set_parse(const struct rast_yaml_node *doc, struct rast_policy_set *set,
			  struct rast_err *err);
/*
 * Adds all, each in the place of the one of its name that is there, or takes those of these names
 * out (-ENOENT when there is none). Two of one name among `docs` are an error. All or nothing.
 */
int rast_policy_set_apply(struct rast_policy_set *set, const struct rast_yaml_node *const *docs,
			  size_t n, bool remove, struct rast_err *err);
size_t rast_policy_set_count(const struct rast_policy_set *set);
/* From now on as if no policy were staged: what applying all with mode Enforce would make. */
void rast_policy_set_promote(struct rast_policy_set *set);
/* Is this very document (as JSON) in the set? */
bool rast_policy_set_has(const struct rast_policy_set *set, const json_t *doc);
/*
 * An array of {kind, tier, namespace, name, file, line, ingress, egress}, the last two being null
 * where the policy does not isolate, else the number of rules; ingress_deny and egress_deny where
 * there are such rules, and mode where it is not Enforce.
 */
json_t *rast_policy_set_to_json(const struct rast_policy_set *set);

/* ---- the world: who is there ---- */

struct rast_policy_label {
	const char *key, *value;
};

struct rast_policy_named_port {
	const char *name;
	enum rast_policy_proto proto;
	uint16_t port;
};

struct rast_policy_pod {
	const char *ns, *name;
	struct rast_policy_label *labels;
	size_t n_labels;
	struct rast_policy_named_port *ports;
	size_t n_ports;
	uint32_t identity; /* one per pod, from RAST_IDENTITY_FIRST */
	uint32_t addr4;    /* host byte order; 0: none */
	uint8_t addr6[16]; /* all zeroes: none */
};

struct rast_policy_namespace {
	const char *name;
	struct rast_policy_label *labels;
	size_t n_labels;
};

/*
 * All zeroes is an empty world. A Namespace document of the set wins over a namespace here; one that
 * is in neither has the label kubernetes.io/metadata.name alone, which every namespace has.
 */
struct rast_policy_world {
	struct rast_policy_pod *pods;
	size_t n_pods;
	struct rast_policy_namespace *namespaces;
	size_t n_namespaces;
	uint32_t host4;    /* the node's address as pods see it, host byte order; 0: not known */
	uint8_t host6[16]; /* the same in IPv6; all zero: it has none */
	struct rast_arena arena;
};

/* Both copy all they are given. */
int rast_policy_world_add_pod(struct rast_policy_world *world, const struct rast_policy_pod *pod);
int rast_policy_world_add_namespace(struct rast_policy_world *world,
				    const struct rast_policy_namespace *ns);
/*
 * From a v1 Pod manifest: names, labels, named ports, status.podIP(s). Fields it does not need are
 * not looked at. identity and a missing address are for the caller to set in *ret_pod, which is the
 * one in the world and stays valid until the next add.
 */
int rast_policy_world_add_manifest(struct rast_policy_world *world,
				   const struct rast_yaml_node *doc,
				   struct rast_policy_pod **ret_pod, struct rast_err *err);
/*
 * For pods that do not run: sorts them by name, numbers them from RAST_IDENTITY_FIRST, and gives
 * those without an address the next free one of the range, and the node the first.
 */
int rast_policy_world_number(struct rast_policy_world *world, uint32_t pod_cidr,
			     unsigned int prefix, struct rast_err *err);
/* {"host4": "10.77.0.1", "host6": "fd77::1", "pods": […], "namespaces": […]} and back. */
json_t *rast_policy_world_to_json(const struct rast_policy_world *world);
int rast_policy_world_from_json(const json_t *value, struct rast_policy_world *ret,
				struct rast_err *err);
void rast_policy_world_finish(struct rast_policy_world *world);
#define _cleanup_policy_world_ _cleanup_(rast_policy_world_finish)
/* By "name" (namespace default) or "namespace/name". NULL: none, or more than one by bare name. */
const struct rast_policy_pod *rast_policy_world_find(const struct rast_policy_world *world,
						     const char *name);

/* ---- the rule table of one image ---- */

struct rast_policy_rule_ref {
	uint32_t id;
	uint32_t index; /* in the list that it is in: ingress, egress, ingressDeny, egressDeny */
	uint32_t policy;
	enum rast_direction direction;
	const char *action; /* "allow", "deny", "pass" */
	int line;
};

struct rast_policy_ref {
	const char *kind, *ns, *name; /* ns "" for ClusterNetworkPolicy */
	const char *file;
	int line;
	bool staged;
};

struct rast_policy_class_ref {
	const char **members; /* "namespace/name"; "host" */
	uint32_t n_members;
	uint32_t *isolated_by[2]; /* policies, staged ones among them, by enum rast_direction */
	uint32_t n_isolated_by[2];
};

struct rast_policy_rules {
	uint32_t generation;
	struct rast_policy_ref *policies; /* sorted by kind, namespace, name */
	uint32_t n_policies;
	struct rast_policy_rule_ref *rules; /* sorted by id */
	uint32_t n_rules;
	struct rast_policy_class_ref *classes; /* image.n_class */
	uint32_t n_classes;
	const char **addr_classes; /* "10.0.0.0/8, 192.168.0.0/16"; "everything else" */
	uint32_t n_addr_classes;
	const char **port_classes; /* "TCP 80, 8000-8080; UDP 53"; "everything else" */
	uint32_t n_port_classes;
	struct rast_arena arena;
};

void rast_policy_rules_destroy(struct rast_policy_rules *rules);
static inline void rast_policy_rules_destroyp(struct rast_policy_rules **rules)
{
	rast_policy_rules_destroy(*rules);
}
#define _cleanup_policy_rules_ _cleanup_(rast_policy_rules_destroyp)

/* NULL for the numbers below RAST_RULE_FIRST and for unknown ones. */
const struct rast_policy_rule_ref *rast_policy_rules_find(const struct rast_policy_rules *rules,
							  uint32_t id);
/* "shop/allow-web ingress[0]", "default deny", "no policy", "node", "self", "rule 77". Returns buf. */
const char *rast_policy_rules_name(const struct rast_policy_rules *rules, uint32_t id, char *buf,
				   size_t size);
/*
 * What an event, a log line or explain says about a rule: {id, name} and, where it is a policy's,
 * {kind, namespace, policy, direction, index, action, file, line}. `rules` may be NULL.
 */
json_t *rast_policy_rules_describe(const struct rast_policy_rules *rules, uint32_t id);
/*
 * Why a default deny: the policies that isolate "namespace/pod", an array of "namespace/name". `staged`: those
 * that are staged too.
 */
json_t *rast_policy_rules_isolated_by(const struct rast_policy_rules *rules, const char *pod,
				      enum rast_direction dir, bool staged);
json_t *rast_policy_rules_to_json(const struct rast_policy_rules *rules);
/* The same as compact text with sorted keys, malloc'ed and with a NUL behind it. -ENOMEM. */
int rast_policy_rules_to_text(const struct rast_policy_rules *rules, char **ret, size_t *ret_len);
int rast_policy_rules_from_json(const json_t *value, struct rast_policy_rules **ret,
				struct rast_err *err);

/* ---- compile ---- */

/*
 * *ret_image is malloc'ed. What is too large for an image is -E2BIG with the counts. ret_rules and
 * ret_report (counts, warnings; an object) may be NULL.
 */
int rast_policy_compile(const struct rast_policy_set *set, const struct rast_policy_world *world,
			uint32_t generation, struct rast_policy_image **ret_image,
			struct rast_policy_rules **ret_rules, json_t **ret_report,
			struct rast_err *err);

/* ---- the image: in user space its IPv6 ranges, IPv4 ranges and matrix lie behind it, in this order ---- */

static inline size_t rast_policy_image_n_cells(const struct rast_policy_image *im)
{
	return (size_t)2 * (1 + im->staged) * im->n_class * im->n_peer * im->n_port;
}

static inline size_t rast_policy_image_size(const struct rast_policy_image *im)
{
	return sizeof(*im) + im->n_range6 * sizeof(struct rast_range6) +
	       im->n_range4 * sizeof(struct rast_range4) +
	       rast_policy_image_n_cells(im) * sizeof(uint32_t);
}

/* These are where the head of the image says; writable when the image is, as with strchr(). */
static inline struct rast_range6 *rast_policy_image_ranges6(const struct rast_policy_image *im)
{
	return (struct rast_range6 *)(uintptr_t)(im + 1);
}

static inline struct rast_range4 *rast_policy_image_ranges4(const struct rast_policy_image *im)
{
	return (struct rast_range4 *)(rast_policy_image_ranges6(im) + im->n_range6);
}

static inline uint32_t *rast_policy_image_cells(const struct rast_policy_image *im)
{
	return (uint32_t *)(rast_policy_image_ranges4(im) + im->n_range4);
}

/*
 * Of classes as they stand in the matrix; dir + 2: what staged policies would say, where the cell of dir has
 * RAST_CELL_STAGED. 0 for those that are not in it.
 */
uint32_t rast_policy_image_cell(const struct rast_policy_image *im, int dir, uint32_t klass,
				uint32_t peer, uint32_t port);

struct rast_fqdn;

/* Who is at the other end: an identity, or an address outside the cluster. */
struct rast_policy_end {
	enum { RAST_END_IDENTITY, RAST_END_ADDR4, RAST_END_ADDR6, RAST_END_NAME } kind;
	uint32_t identity;
	uint32_t addr4; /* host byte order */
	uint8_t addr6[16];
	const struct rast_fqdn *name; /* with an address that no other rule speaks of */
};

/*
 * The cell (RAST_CELL_ALLOW, RAST_CELL_RULE) for traffic of the container `identity` in `dir` with
 * `peer`; `port` is the destination's. The same arithmetic as the kernel half: bounds are checked,
 * and whatever lies outside them is 0: denied, no rule.
 */
uint32_t rast_policy_image_verdict(const struct rast_policy_image *image, enum rast_direction dir,
				   uint32_t identity, const struct rast_policy_end *peer,
				   enum rast_policy_proto proto, uint16_t port);
/* What it would be if staged policies were enforced; 0 when there are none. */
uint32_t rast_policy_image_staged(const struct rast_policy_image *image, enum rast_direction dir,
				  uint32_t identity, const struct rast_policy_end *peer,
				  enum rast_policy_proto proto, uint16_t port);
/*
 * Is it one that the compiler could have written? -EINVAL with the reason. The matrix behind it must
 * be there, as rast_policy_image_fits() tells.
 */
int rast_policy_image_check(const struct rast_policy_image *image, struct rast_err *err);
/* Are the numbers in its head possible, and is it then `size` bytes long? */
bool rast_policy_image_fits(const struct rast_policy_image *image, size_t size);

/* A file: header with lengths and CRC-32, the image, the rule table as JSON. Freed by the caller. */
int rast_policy_file_write(const struct rast_policy_image *image,
			   const struct rast_policy_rules *rules, void **ret, size_t *ret_len);
/* Checks everything. *ret_image is malloc'ed. `name` is for messages. */
int rast_policy_file_read(const char *name, const void *data, size_t len,
			  struct rast_policy_image **ret_image,
			  struct rast_policy_rules **ret_rules, struct rast_err *err);

#endif
