// SPDX-License-Identifier: BSD-2-Clause
/*
 * See plan.h: linux.seccomp becomes the program that the launch installs. It is compiled for each start:
 * that takes less than to look a cache up and believe it.
 */
#include "container/seccomp_profile.h"
#include "oci/plan.h"

#include <errno.h>
#include <linux/seccomp.h>

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
