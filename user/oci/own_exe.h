/* SPDX-License-Identifier: BSD-2-Clause */
/* Which containers could reach our own executable, and what stands against it (container/own_exe.h). */
#ifndef RAST_OCI_OWN_EXE_H
#define RAST_OCI_OWN_EXE_H

#include "container/own_exe.h"
#include "oci/oci.h"
#include "oci/spec.h"

/*
 * Could a process of this container look at the one that is about to enter it? For an exec the answer is
 * yes but for those with a user namespace, and is given by the state.
 */
bool oci_exe_is_exposed(const struct rast_oci_spec *spec);
/* rast_exe_protect() of the command. */
int oci_exe_protect(struct oci *o);

#endif
