// SPDX-License-Identifier: BSD-2-Clause
/* From an opened object to programs that run; see loader.h. */
#include "base/fd.h"
#include "container/instance_cgroup.h"
#include "loader/foreign.h"
#include "loader/loader.h"

#include <bpf/libbpf.h>
#include <string.h>

int rast_loader_start(const struct rast_instance *in, struct bpf_object *obj, const char *noun,
		      struct rast_err *err)
{
	_cleanup_close_ int cgroup = -1;
	struct bpf_program *p;
	int r;

	r = rast_bpffs_prepare(in, err);
	if (!r)
		r = rast_instance_cgroup_open(in, &cgroup, err);
	if (!r)
		r = rast_loader_load(in, obj, noun, err);
	bpf_object__for_each_program(p, obj) {
		if (r < 0)
			break;
		if (bpf_program__fd(p) < 0 || !bpf_program__autoattach(p))
			continue;
		r = strncmp(bpf_program__section_name(p), "cgroup", 6)
			    ? rast_loader_attach(in, p, err)
			    : rast_loader_attach_cgroup(in, p, cgroup, NULL, err);
	}
	return r < 0 ? r : rast_foreign_attach_all(in, err);
}
