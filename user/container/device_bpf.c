// SPDX-License-Identifier: BSD-2-Clause
/* The loader half of device: see device.h. */
#include "container/device.h"

#include "base/fd.h"
#include "container/instance_cgroup.h"
#include "device.skel.h"
#include "loader/loader.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int attach(const struct rast_instance *in, int cgroup_fd, struct rast_err *err)
{
	struct device_bpf *skel = device_bpf__open();
	int r;

	if (!skel)
		return rast_err_sys(err, errno, "opening the device program");
	r = rast_loader_load(in, skel->obj, "device", err);
	if (r == 0)
		r = rast_loader_attach_cgroup(in, skel->progs.device_cgroup, cgroup_fd, NULL, err);
	device_bpf__destroy(skel);
	return r;
}

int rast_device_ensure(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_close_ int fd = -1;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/link/device_cgroup", in->bpf_dir);
	/* A pin is not enough when its cgroup was removed: then the link is defunct. gc --all, the
	 * only one that removes the instance's cgroup, drops the pins with it. */
	if (access(path, F_OK) == 0)
		return 0;
	r = rast_bpffs_prepare(in, err);
	if (r == 0)
		r = rast_instance_cgroup_open(in, &fd, err);
	return r == 0 ? attach(in, fd, err) : r;
}
