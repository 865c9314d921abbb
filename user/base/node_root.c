// SPDX-License-Identifier: BSD-2-Clause
/* See node_root.h. */
#include "base/node_root.h"

#include <sys/stat.h>
#include <unistd.h>

/* PROC_USER_INIT_INO of the kernel: what programs go by, so it does not change. */
#define FIRST_USER_NS 0xEFFFFFFDu

bool rast_is_node_root(void)
{
	struct stat st;

	if (geteuid() != 0)
		return false;
	/* A kernel without user namespaces, or a root without /proc: there is only one. */
	return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == FIRST_USER_NS;
}
