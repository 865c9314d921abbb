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
 * From here on /proc/self/exe and what is mapped of it lead to a mount of it that is read-only for all time.
 * Where the kernel cannot do that to a running process the whole command is started again from such a
 * mount: call it before anything has been made. Nothing to do where it runs from a read-only one already.
 */
int oci_exe_protect(struct oci *o);

#endif
