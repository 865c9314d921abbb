/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own executable, where somebody in a container may look at us while we are in it: who shares a pid
 * namespace with us and holds CAP_SYS_PTRACE opens /proc/PID/exe before the launch has made that an empty
 * file, keeps it, and writes to it when we have ended (CVE-2019-5736). Who enters a container that runs calls
 * this first.
 */
#ifndef RAST_CONTAINER_OWN_EXE_H
#define RAST_CONTAINER_OWN_EXE_H

#include "base/err.h"

/*
 * From here on /proc/self/exe and what is mapped of it lead to a mount of it that is read-only for all time.
 * Where the kernel cannot do that to a running process the whole command is started again from such a
 * mount, with `argv` as main() has it: call it before anything has been made. Nothing to do where it runs
 * from a read-only one already.
 */
int rast_exe_protect(char *const *argv, struct rast_err *err);

#endif
