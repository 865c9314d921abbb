/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own executable, where somebody in the container may look at us while we are in it: who shares a pid
 * namespace with us and holds CAP_SYS_PTRACE opens /proc/PID/exe before the launch has made that an empty
 * file, keeps it, and writes to it when we have ended (CVE-2019-5736).
 */
#ifndef RAST_OCI_OWN_EXE_H
#define RAST_OCI_OWN_EXE_H

#include "oci/oci.h"
#include "oci/spec.h"

/*
 * Could a process of this container look at the one that is about to enter it? For an exec the answer is
 * yes but for those with a user namespace, and is given by the state.
 */
bool oci_exe_is_exposed(const struct rast_oci_spec *spec);
/*
 * Starts the whole command again from a mount of the executable that is read-only for all time, unless it
 * runs from a read-only one already. Call it before anything has been made. Returns only when there is
 * nothing more to do, or with an error.
 */
int oci_exe_protect(struct oci *o);

#endif
