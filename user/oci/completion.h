/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAST_OCI_COMPLETION_H
#define RAST_OCI_COMPLETION_H

#include "oci/oci.h"

/* Prints it; returns the exit code. */
int oci_completion(const struct oci_opt *globals, const struct oci_command *const *commands,
		   size_t n);

#endif
