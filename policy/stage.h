/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler's stages, each a pure function over the results of the ones before:
 *
 *	check      is the world one that can be compiled
 *	index      labels → who has them; namespaces with their pods
 *	flatten    policies → rules with their pods as bit sets; policies that select nobody fall out
 *	ports      port lists → port classes
 *	addresses  CIDRs → ranges and address classes
 *	identities pods → classes: one partition for what a pod may do and for what is allowed to it
 *	matrix     which rule decides each cell
 *
 * All memory is in one arena; -ENOMEM without text is the only failure where nothing else is said.
 */
#ifndef RAST_POLICY_STAGE_H
#define RAST_POLICY_STAGE_H

#include "policy/bitset.h"
#include "policy/numset.h"
#include "policy/set.h"

/* check.c */
int rast_policy_check_world(const struct rast_policy_world *world, struct rast_err *err);

/* ---- index.c ---- */

struct rast_posting {
	const char *key, *value;
	uint32_t member;
};

/* Sorted by key, value, member. */
struct rast_label_index {
	struct rast_posting *postings;
	size_t n_postings, n_members;
};

struct rast_index {
	const struct rast_policy_pod **pods; /* by namespace and name */
	size_t n_pods, words;                /* words of a set of pods */
	const char **namespaces;             /* by name */
	size_t *first_pod;                   /* of each namespace; one more at the end */
	size_t n_namespaces;
	struct rast_label_index pod_labels, ns_labels;
	struct rast_index_addr {
		rast_u128 addr;
		uint32_t pod;
	} * addrs[2]; /* IPv4, IPv6; sorted */
	size_t n_addrs[2];
	uint32_t host4;
	rast_u128 host6;
	uint64_t *scratch; /* bits for pods and for namespaces */
};

int rast_index_build(const struct rast_policy_set *set, const struct rast_policy_world *world,
		     struct rast_arena *a, struct rast_index *ret);
/* Who matches; `bits` has rast_bits_words(n_members) words. `scratch` as long. */
void rast_index_select(const struct rast_label_index *ix, const struct rast_policy_selector *sel,
		       uint64_t *bits, uint64_t *scratch);
/* Adds to `bits` the pods of this peer, seen from a policy in namespace ns. */
void rast_index_peer(const struct rast_index *ix, const char *ns,
		     const struct rast_policy_peer *peer, uint64_t *bits);
/* Does the block cover this address? */
bool rast_block_contains(const struct rast_policy_block *b, bool v6, rast_u128 addr);

/* ---- flatten.c ---- */

enum rast_rule_attr { RAST_RULE_LOGS = 1, RAST_RULE_IS_STAGED = 2 };

struct rast_flat_rule {
	const struct rast_policy_rule *rule;
	uint32_t policy;    /* in rast_flat.policies */
	uint32_t number;    /* among all rules of the set, in order of precedence */
	uint64_t *pods;     /* NULL: every peer */
	bool some_pods;     /* `pods` is not empty */
	bool host;          /* the node is among the peers */
	bool host_named;    /* and by its own name, or as part of all */
	bool world;         /* every address that is nobody's is */
	uint32_t block_bit; /* in the signatures of address classes; UINT32_MAX: no blocks */
	uint32_t port_list; /* UINT32_MAX: every port */
};

struct rast_flat_policy {
	const struct rast_policy *policy;
	uint32_t number;   /* in the set */
	uint64_t *subject; /* never empty */
	struct rast_flat_rule *rules[2];
	size_t n_rules[2];
};

struct rast_flat {
	struct rast_flat_policy *policies; /* by precedence */
	size_t n_policies;
	size_t n_rules;  /* of the whole set, also of policies that select nobody */
	size_t n_blocks; /* how many block_bits */
	uint8_t *attr;   /* of each rule's number: enum rast_rule_attr */
	bool staged;     /* there are staged policies that select somebody */
	json_t *warnings;
	uint64_t *no_pods; /* a set that is still empty */
};

int rast_flatten(const struct rast_policy_set *set, const struct rast_index *ix,
		 struct rast_arena *a, struct rast_flat *ret);

/* ---- sig.c: sets of bits → small numbers, equal sets the same one; 0 is the empty set ---- */

struct rast_sigs {
	struct rast_arena *arena;
	size_t words, n, room;
	uint64_t **sets; /* by number */
	uint32_t *table; /* open addressing: number + 1 */
	size_t table_size;
};

int rast_sigs_init(struct rast_sigs *s, struct rast_arena *a, size_t bits);
int rast_sigs_get(struct rast_sigs *s, const uint64_t *bits, uint32_t *ret);

/* ---- port_classes.c ---- */

struct rast_port_list {
	const struct rast_policy_port **names; /* those to be resolved; sorted */
	size_t n_names;
	uint64_t classes[4]; /* of its numbers */
};

/* (protocol, number) that some pod has under a name which a rule uses. */
struct rast_named {
	const char *name;
	enum rast_policy_proto proto;
	uint16_t port;
	uint64_t *pods;
};

struct rast_ports {
	struct rast_port_list *lists;
	size_t n_lists;
	struct rast_named *named; /* sorted by protocol, name, port */
	size_t n_named;
	size_t n_class; /* may be more than fits: then port_class is not filled */
	uint8_t (*port_class)[65536];
};

/* Also sets each rule's port_list. */
int rast_ports_build(struct rast_flat *flat, const struct rast_index *ix, struct rast_arena *a,
		     struct rast_ports *ret);
/* The port classes that a rule's list means when `pod` is the destination; NULL: no pod. */
void rast_ports_of(const struct rast_ports *ports, const struct rast_port_list *list,
		   const struct rast_index *ix, const uint32_t *pod, uint64_t ret[4]);

/* ---- addr_classes.c ---- */

struct rast_addr_range {
	rast_u128 start;
	uint32_t klass;
};

struct rast_addrs {
	struct rast_addr_range *ranges[2]; /* IPv4, IPv6 */
	size_t n_ranges[2];
	struct rast_numsets sets; /* one class each, of block_bits; names add to them */
	/* By rast_addrs_index(), when all classes are known. 0: what no block covers */
	size_t n_class;
	/* Those of block_bit b: classes_of_bit[first_of_bit[b]] up to first_of_bit[b + 1]. */
	size_t *first_of_bit;
	uint32_t *classes_of_bit;
};

int rast_addrs_build(const struct rast_flat *flat, struct rast_arena *a, struct rast_addrs *ret);
int rast_addrs_index(struct rast_addrs *addrs, const struct rast_flat *flat, struct rast_arena *a);

/* ---- fqdn_classes.c ---- */

struct rast_fqdn;
struct rast_fqdn_class {
	const struct rast_fqdn *fqdn;
	uint32_t klass; /* of those of addresses */
};

/* The distinct names and patterns of `fqdns`. */
struct rast_fqdns {
	struct rast_fqdn_class *list;
	size_t n;
};

/* Adds to the classes of addresses. `words` of a set of pods. */
int rast_fqdns_build(const struct rast_flat *flat, size_t words, struct rast_arena *a,
		     struct rast_addrs *addrs, struct rast_fqdns *ret);

/* ---- classes.c ---- */

struct rast_classes {
	uint32_t *class_of; /* by pod; 1.., as 0 is the node's */
	uint32_t *pod_of;   /* by class: its first pod; [0] is not used */
	size_t n_class;
};

int rast_classes_build(const struct rast_flat *flat, const struct rast_ports *ports,
		       const struct rast_index *ix, struct rast_arena *a, struct rast_classes *ret);

/* fqdn_classes.c: the names of a class, behind its addresses, into the rule table. */
int rast_fqdns_label(const struct rast_fqdns *fqdns, struct rast_policy_rules *rules);
/* fqdn_classes.c: names of `fqdns` and of `dns` into the image. -E2BIG with the reason. */
int rast_fqdns_write(const struct rast_flat *flat, const struct rast_classes *classes,
		     const struct rast_fqdns *fqdns, const uint32_t *id_by_number,
		     struct rast_name_table *ret, struct rast_err *err);

/* ---- matrix.c ---- */

/*
 * Cells before rules have their numbers: (flat number + RAST_RULE_FIRST) << 1 | allow. With staged policies
 * twice as many: what holds, and behind it what would.
 */
struct rast_matrix {
	size_t n_class, n_peer, n_port;
	bool staged;
	uint32_t *cells;
};

static inline size_t rast_matrix_n_cells(const struct rast_matrix *m)
{
	return 2 * (m->staged ? 2u : 1u) * m->n_class * m->n_peer * m->n_port;
}

int rast_matrix_build(const struct rast_flat *flat, const struct rast_index *ix,
		      const struct rast_ports *ports, const struct rast_addrs *addrs,
		      const struct rast_classes *classes, struct rast_arena *a,
		      struct rast_matrix *ret);

/* rules.c: what compile.c fills */
int rast_policy_rules_build(const struct rast_policy_set *set, const struct rast_index *ix,
			    const struct rast_flat *flat, const struct rast_ports *ports,
			    const struct rast_addrs *addrs, const struct rast_classes *classes,
			    const uint32_t *id_by_number, uint32_t generation,
			    struct rast_policy_rules **ret);

#endif
