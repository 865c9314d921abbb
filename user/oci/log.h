/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What callers read when something went wrong: a line in the file of --log, as text or JSON in the fields
 * that runc and crun use (level, msg, time), and the same words on stderr.
 */
#ifndef RAST_OCI_LOG_H
#define RAST_OCI_LOG_H

#include "oci/oci.h"

void oci_log_error(struct oci *o, const char *text);
void oci_log_warning(struct oci *o, const char *text);

#endif
