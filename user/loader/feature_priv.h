/* SPDX-License-Identifier: BSD-2-Clause */
/* One probe of feature.c. Its table row says what the feature is for. */
#ifndef RAST_LOADER_FEATURE_PRIV_H
#define RAST_LOADER_FEATURE_PRIV_H

#include <stddef.h>

struct rast_probe {
	int cgroup_fd;    /* of a cgroup2 directory made for the probes, or -1 */
	char reason[200]; /* what was seen, or what failed */
};

/* 1: works. 0: does not. Runs in a process of its own: it may unshare, confine and mount. */
typedef int (*rast_probe_fn)(struct rast_probe *p);

int rast_probe_yes(struct rast_probe *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "WHAT: strerror(code)"; code may be 0 or negative. */
int rast_probe_no(struct rast_probe *p, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* feature_bpf.c */
int rast_probe_btf(struct rast_probe *p);
int rast_probe_ringbuf(struct rast_probe *p);
int rast_probe_tcx(struct rast_probe *p);
int rast_probe_clsact(struct rast_probe *p);
int rast_probe_cgroup_hooks(struct rast_probe *p);
int rast_probe_connect_hooks(struct rast_probe *p);
int rast_probe_tp_btf(struct rast_probe *p);
int rast_probe_fentry(struct rast_probe *p);
int rast_probe_lsm(struct rast_probe *p);
int rast_probe_kprobe(struct rast_probe *p);
int rast_probe_cgroup_iter(struct rast_probe *p);
int rast_probe_rstat(struct rast_probe *p);
int rast_probe_cgrp_storage(struct rast_probe *p);
int rast_probe_bpf_arena(struct rast_probe *p);
int rast_probe_redirect_peer(struct rast_probe *p);

/* feature_sys.c */
int rast_probe_clone_into_cgroup(struct rast_probe *p);
int rast_probe_mount_api(struct rast_probe *p);
int rast_probe_overlayfs(struct rast_probe *p);
int rast_probe_seccomp(struct rast_probe *p);
int rast_probe_nf_tables(struct rast_probe *p);
int rast_probe_userns(struct rast_probe *p);
int rast_probe_landlock(struct rast_probe *p);

#endif
