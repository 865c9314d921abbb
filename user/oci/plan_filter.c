// SPDX-License-Identifier: BSD-2-Clause
/*
 * See plan.h: what a process may ask the kernel for. linux.seccomp becomes the program that the launch
 * installs; it is compiled for each start, which takes less than to look a cache up and believe it. The
 * annotation for Landlock becomes a plan that this kernel can keep.
 */
#include "container/seccomp_profile.h"
#include "oci/plan.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>

int oci_plan_filter(struct oci_plan *p, const struct rast_oci_spec *spec, struct rast_err *err)
{
	struct rast_seccomp_filter f = {0};
	int r;

	if (!spec->seccomp)
		return 0;
	r = rast_seccomp_profile_compile(spec->seccomp, &f, err);
	if (r < 0)
		return r;
	p->filter = f;
	p->launch.filter = f.insns;
	p->launch.filter_len = f.len;
	/* There is one thread, and with a listener the kernel does not have it. */
	p->launch.filter_flags = spec->seccomp->flags & ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC;
	if (rast_seccomp_profile_notifies(spec->seccomp)) {
		if (!spec->seccomp->listener_path)
			return rast_err_set(err, EINVAL,
					    "config.json: linux.seccomp.listenerPath: missing, but "
					    "an action is SCMP_ACT_NOTIFY");
		p->launch.filter_flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	}
	return 0;
}

int oci_plan_landlock(struct oci_plan *p, const struct rast_oci_spec *spec, struct rast_err *err)
{
	const char *missing;
	int abi;

	if (!spec->landlock)
		return 0;
	abi = rast_landlock_abi();
	p->landlock = *spec->landlock;
	if (rast_landlock_fit(&p->landlock, abi, &missing))
		p->launch.landlock = &p->landlock;
	if (!missing)
		return 0;
	(void)snprintf(p->warning, sizeof(p->warning),
		       "annotations." RAST_OCI_LANDLOCK
		       ": %s: this kernel's Landlock%s has no such "
		       "right",
		       missing, abi ? "" : ", which is not there or switched off,");
	return p->landlock.best_effort ? 0
				       : rast_err_set(err, ENOTSUP, "config.json: %s", p->warning);
}
