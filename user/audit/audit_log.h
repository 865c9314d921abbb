/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log: <dir>/audit.jsonl, one record a line. Each record is one write(2), so that nothing is
 * lost when the writer is killed; fdatasync(2) is called by rast_audit_log_sync() (once a second) and
 * at rotation: a power failure loses at most that second. A full disk leaves no half line behind, and
 * what could not be written is counted and told in a loss record as soon as there is room.
 */
#ifndef RAST_AUDIT_AUDIT_LOG_H
#define RAST_AUDIT_AUDIT_LOG_H

#include "base/err.h"
#include "base/json.h"

#include <stdint.h>

struct rast_audit_log;

/* max_bytes: a file is rotated before it grows past that; keep: how many old files (.1 is youngest). */
int rast_audit_log_open(const char *dir, uint64_t max_bytes, unsigned int keep,
			struct rast_audit_log **ret, struct rast_err *err);
void rast_audit_log_close(struct rast_audit_log *l);
/* 0, or a negative errno: the record is counted as lost. */
int rast_audit_log_write(struct rast_audit_log *l, const json_t *record);
void rast_audit_log_sync(struct rast_audit_log *l);
/* Records written and lost since it was opened. */
void rast_audit_log_counts(const struct rast_audit_log *l, uint64_t *ret_written,
			   uint64_t *ret_lost);

#endif
