// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a container, in an order that can be begun again after a kill at any point: processes, cgroups,
 * poststop hooks, the folder. Everything that is needed for it is in the folder.
 */
#include "oci/create.h"

#include "base/fd.h"
#include "oci/cgroup.h"
#include "oci/hooks.h"
#include "oci/log.h"
#include "oci/register.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int oci_container_spec(const struct oci_container *c, struct rast_oci_spec **ret,
		       struct rast_err *err)
{
	return rast_oci_spec_load(c->dir, "config.json", ret, err);
}

void oci_hooks_after(struct oci *o, struct oci_container *c, const struct rast_oci_spec *spec,
		     enum rast_oci_hook_point point, const char *name)
{
	const struct rast_oci_hooks *hooks = &spec->hooks[point];
	_cleanup_free_ char *text = NULL;
	json_t *state;
	size_t i;

	if (!hooks->n)
		return;
	state = oci_state_report(c);
	text = json_dumps(state, JSON_COMPACT);
	json_decref(state);
	for (i = 0; text && i < hooks->n; i++) {
		struct rast_err failed = {0};

		if (oci_hook_run(&hooks->v[i], name, i, text, &failed) < 0)
			oci_log_warning(o, failed.text);
	}
}

int oci_destroy(struct oci *o, struct oci_container *c)
{
	_cleanup_oci_spec_ struct rast_oci_spec *spec = NULL;
	struct rast_err failed = {0};
	int r;

	if (c->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	r = oci_cgroup_remove(o, c);
	if (r < 0)
		return r;
	c->status = OCI_STOPPED;
	oci_unregister(o, c);
	/*
	 * Who is killed over a hook leaves the folder, so that the next deletion runs them all again: once at
	 * least. The folder goes last.
	 */
	if (c->state && (!c->made_here || c->poststop)) {
		if (oci_container_spec(c, &spec, &failed) < 0)
			oci_log_warning(o, failed.text);
		else
			oci_hooks_after(o, c, spec, RAST_OCI_POSTSTOP, "poststop");
	}
	return oci_state_remove(o->root, c->id, c->dir, &o->err);
}
