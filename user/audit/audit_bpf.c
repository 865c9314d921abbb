// SPDX-License-Identifier: BSD-2-Clause
/* Loader half of audit; see audit_bpf.h. */
#include "audit/audit_bpf.h"

#include "audit.skel.h"
#include "base/fd.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

int rast_audit_bpf_supported(struct rast_err *err)
{
	return rast_loader_check(err);
}

int rast_audit_bpf_start(const struct rast_instance *in, struct rast_err *err)
{
	struct audit_bpf *skel = audit_bpf__open();
	int r;

	if (!skel)
		return rast_err_sys(err, errno, "audit: open the BPF object");
	r = rast_loader_start(in, skel->obj, "audit", err);
	audit_bpf__destroy(skel);
	return r;
}

int rast_audit_bpf_stats(const struct rast_instance *in, struct rast_event_stats ret[RAST_RING_MAX],
			 struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "event_stats", err);
	_cleanup_free_ struct rast_event_stats *per = NULL;
	int cpus = libbpf_num_possible_cpus(), i;
	__u32 ring;

	if (fd < 0)
		return fd;
	per = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*per));
	if (!per || cpus < 1)
		return rast_err_set(err, ENOMEM, "event_stats: out of memory");
	for (ring = 0; ring < RAST_RING_MAX; ring++) {
		struct rast_event_stats sum = {0};

		if (bpf_map_lookup_elem(fd, &ring, per) < 0)
			return rast_err_sys(err, errno, "event_stats");
		for (i = 0; i < cpus; i++) {
			sum.attempted += per[i].attempted;
			sum.sent += per[i].sent;
			sum.dropped += per[i].dropped;
		}
		ret[ring] = sum;
	}
	return 0;
}
