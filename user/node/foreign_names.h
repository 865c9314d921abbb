/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a container of another runtime is called here, and by which labels policy knows it: from its
 * annotations, ours first, then those that Kubernetes' runtimes set. Pure. The table is in docs/oci.md.
 *
 * No annotation says which instance, or whether at all: what runs in a container has no say in whether
 * it is policed.
 */
#ifndef RAST_NODE_FOREIGN_NAMES_H
#define RAST_NODE_FOREIGN_NAMES_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct rast_foreign_names {
	char ns[64], pod[254];
	char container[64]; /* "": no annotation says */
	bool pod_is_named;  /* by an annotation; else pod is made from the id */
};

/*
 * `annotations`: object of strings, or NULL. *ret_labels: a new object. -EINVAL with the annotation
 * that is no good: a label that is left out might be the one that a policy asks for.
 */
int rast_foreign_names(const char *id, const json_t *annotations, struct rast_foreign_names *ret,
		       json_t **ret_labels, struct rast_err *err);
/*
 * A container's id as a name: lower case letters, digits and "-". `whole` false: of ids as podman and
 * containerd make them (64 hexadecimal digits) the first twelve, as they are shown.
 */
void rast_foreign_id_name(const char *id, bool whole, char *buf, size_t size);

#endif
