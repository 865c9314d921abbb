// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci spec: a config.json to begin with. */
#include "base/fd.h"
#include "oci/oci.h"
#include "oci/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct oci_opt spec_opts[] = {
	{"bundle", 'b', "DIR", "folder that gets it (default: the working directory)"},
	{"rootless", 0, NULL, "for a user who is not root"},
	{0},
};

static int spec_run(struct oci *o, const struct oci_args *a)
{
	const char *dir = oci_arg(a, "bundle");
	_cleanup_free_ char *text =
		rast_oci_spec_default(oci_has(a, "rootless"), geteuid(), getegid());
	_cleanup_close_ int fd = -1;
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s%sconfig.json", dir ? dir : "", dir ? "/" : "");
	if (!text)
		return rast_err_sys(&o->err, ENOMEM, "spec"), OCI_EXIT_FAIL;
	/* What somebody wrote is not written over. */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || rast_write_all(fd, text, strlen(text)) < 0)
		return rast_err_sys(&o->err, errno, "%s", path), OCI_EXIT_FAIL;
	return OCI_EXIT_OK;
}

const struct oci_command oci_spec_command = {
	"spec", "[OPTIONS]", "write an example config.json", spec_opts, 0, 0, spec_run};
