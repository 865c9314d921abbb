/* SPDX-License-Identifier: BSD-2-Clause */
/* libbpf's messages, kept instead of printed, and the one line of them that says what went wrong. */
#ifndef RAST_LOADER_LIBBPF_LOG_H
#define RAST_LOADER_LIBBPF_LOG_H

#include <stddef.h>

/* Empties the log and sends libbpf's messages there from now on. */
void rast_libbpf_log_begin(void);
const char *rast_libbpf_log_text(void);
/*
 * Pure. The verifier's last complaint, else libbpf's last warning, without prefixes, in one line.
 * prog gets the program's name or "". Returns buf; "" when the log has nothing to say.
 */
const char *rast_libbpf_log_reason(const char *log, char *prog, size_t prog_size, char *buf,
				   size_t size);

#endif
