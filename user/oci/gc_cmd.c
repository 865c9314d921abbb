// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci gc: a line for each container that a killed runtime left and that is removed. */
#include "oci/gc.h"

#include <stdio.h>

static const struct oci_opt gc_opts[] = {
	{"stopped", 0, NULL, "also those that have ended and wait for a delete"},
	{"dry-run", 'n', NULL, "say what would be removed"},
	{0},
};

static void say(void *arg, const char *id, enum oci_gc_reason reason)
{
	(void)printf("%s %s: %s\n", arg ? "would remove" : "removed", id, oci_gc_text(reason));
}

static int gc_run(struct oci *o, const struct oci_args *a)
{
	struct oci_gc gc = {
		.stopped = oci_has(a, "stopped"),
		.dry_run = oci_has(a, "dry-run"),
		.removed = say,
	};

	gc.arg = gc.dry_run ? &gc : NULL;
	return oci_gc(o, &gc) < 0 ? OCI_EXIT_FAIL : OCI_EXIT_OK;
}

const struct oci_command oci_gc_command = {
	"gc", "[OPTIONS]", "remove what killed runtimes left", gc_opts, 0, 0, gc_run};
