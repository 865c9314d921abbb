// SPDX-License-Identifier: BSD-2-Clause
/* The directory <cgroup2 mount>/<instance>; see instance_cgroup.h. */
#include "container/instance_cgroup.h"

#include "base/fd.h"
#include "container/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int rast_instance_cgroup_open(const struct rast_instance *in, int *ret_fd, struct rast_err *err)
{
	struct rast_cgroup_layout layout;
	int r, fd;

	r = rast_cgroup_layout_init(&layout, err);
	if (r < 0)
		return r;
	fd = mkdirat(layout.v2_fd, in->cgroup, 0755) < 0 && errno != EEXIST
		     ? -1
		     : openat(layout.v2_fd, in->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? rast_err_sys(err, errno, "cgroup %s/%s", layout.v2_path, in->cgroup) : 0;
	rast_cgroup_layout_finish(&layout);
	if (!r)
		*ret_fd = fd;
	return r;
}
