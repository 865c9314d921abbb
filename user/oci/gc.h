/* SPDX-License-Identifier: BSD-2-Clause */
/* What killed runtimes left below a root: found by their folders, removed as `delete --force` would. */
#ifndef RAST_OCI_GC_H
#define RAST_OCI_GC_H

#include "oci/oci.h"

enum oci_gc_reason {
	OCI_GC_KEEP,
	OCI_GC_HALF_MADE,     /* its maker was killed */
	OCI_GC_NEVER_STARTED, /* its process has ended at the wait for `start` */
	OCI_GC_ABANDONED,     /* ended, and the `run` that would have removed it was killed */
	OCI_GC_HALF_DELETED,  /* a `delete` was killed */
	OCI_GC_STOPPED,       /* ended, and somebody may still delete it: only with `stopped` */
};
const char *oci_gc_text(enum oci_gc_reason reason);

struct oci_gc {
	bool stopped, dry_run;
	/* For each that is (or would be) removed. */
	void (*removed)(void *arg, const char *id, enum oci_gc_reason reason);
	void *arg;
};
/*
 * One that cannot be removed does not keep the others from it; the first error is returned. What lives is
 * never touched, nor what somebody is at work on. o->root need not exist.
 */
int oci_gc(struct oci *o, const struct oci_gc *gc);

#endif
