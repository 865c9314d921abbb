// SPDX-License-Identifier: BSD-2-Clause
/* See own_exe.h. */
#include "oci/own_exe.h"

#include "oci/systemd.h"

#include <linux/capability.h>
#include <sched.h>

bool oci_exe_is_exposed(const struct rast_oci_spec *s)
{
	/* What a capability of its own user namespace reaches does not include us. */
	if ((s->ns_new | s->ns_join) & CLONE_NEWUSER)
		return false;
	/* Processes of others: what they may do is not written here. */
	if (!(s->ns_new & CLONE_NEWPID))
		return true;
	/* A hook of the container's, or an exec before the start, meets the first process as it waits. */
	return s->has_process && (s->process.caps.bounding & 1ull << CAP_SYS_PTRACE);
}

int oci_exe_protect(struct oci *o)
{
	/* Where we are cannot be seen from there. */
	if (o->systemd)
		oci_systemd_remember();
	return rast_exe_protect(o->argv, &o->err);
}
