/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers under this node's policy, accounting and audit: while an instance's programs are loaded, each
 * container is registered with it by `rastbpf container adopt`, and let go of at the end. Where
 * none are loaded this costs one access(2).
 *
 * It fails closed: a container that cannot be registered is not made. RAST_INSTANCE in the environment
 * of the caller names the instance, not the container's config.
 */
#ifndef RAST_OCI_REGISTER_H
#define RAST_OCI_REGISTER_H

#include "oci/oci.h"
#include "oci/state.h"

/*
 * Are programs loaded that we may write to? 1, 0, or negative for a RAST_INSTANCE that is no name. A
 * caller without rights over the node (rootless) cannot register anything: 0.
 */
int oci_register_wanted(struct rast_err *err);
/*
 * The container of c->state, whose first process waits. Its cgroup and links must be there. Marks the
 * state as registered first, so that whatever is killed meanwhile, `delete` lets go of it.
 */
int oci_register(struct oci *o, struct oci_container *c, struct rast_err *err);
/*
 * Before the start of one whose network namespace was made with it: whoever gives it links has had
 * time until now. Does nothing for others, and where no programs are loaded any more.
 */
int oci_register_again(struct oci *o, struct oci_container *c, struct rast_err *err);
/* Nothing when it was not registered. A failure is a warning in the log: gc finds what is left. */
void oci_unregister(struct oci *o, struct oci_container *c);

#endif
