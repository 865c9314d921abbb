/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structured log lines on stderr, for main programs and the controller only (libraries return
 * errors instead). Under systemd lines carry the <N> priority prefix of sd-daemon(3).
 */
#ifndef RAST_BASE_LOG_H
#define RAST_BASE_LOG_H

enum rast_log_level { RAST_LOG_ERR = 3, RAST_LOG_WARN = 4, RAST_LOG_INFO = 6, RAST_LOG_DEBUG = 7 };

void rast_log_init(const char *program, enum rast_log_level max);
/* fields: "key=value" pairs already in fmt, logfmt style: rast_log(RAST_LOG_INFO, "loaded prog=%s", p) */
void rast_log(enum rast_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
