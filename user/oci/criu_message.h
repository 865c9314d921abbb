/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few messages of CRIU's RPC (criu/rpc.proto, protocol buffers) that are written and read here, without
 * a library for it. Pure: no system call.
 */
#ifndef RAST_OCI_CRIU_MESSAGE_H
#define RAST_OCI_CRIU_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that grows. `failed`: no memory; what follows is dropped, and the caller looks once, at the end. */
struct oci_message {
	unsigned char *data;
	size_t len, room;
	bool failed;
};

/* Negative numbers as protocol buffers have them, in ten bytes. */
void oci_message_int(struct oci_message *m, unsigned int field, int64_t value);
/* Left out when it is NULL. */
void oci_message_text(struct oci_message *m, unsigned int field, const char *text);
/* printf for a field of text. */
void oci_message_format(struct oci_message *m, unsigned int field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void oci_message_sub(struct oci_message *m, unsigned int field, const struct oci_message *sub);
void oci_message_finish(struct oci_message *m);
#define _cleanup_message_ _cleanup_(oci_message_finish)

/* criu_req_type */
enum oci_criu_type {
	OCI_CRIU_DUMP = 1,
	OCI_CRIU_RESTORE = 2,
	OCI_CRIU_PRE_DUMP = 4,
	OCI_CRIU_NOTIFY = 6,
	OCI_CRIU_VERSION = 10,
};

/* Fields of criu_req. */
enum {
	OCI_CRIU_REQ_TYPE = 1,
	OCI_CRIU_REQ_OPTS = 2,
	OCI_CRIU_REQ_NOTIFY_SUCCESS = 3,
};

/* Fields of criu_opts. */
enum {
	OCI_CRIU_IMAGES_DIR_FD = 1, /* a descriptor of ours: criu opens it through /proc */
	OCI_CRIU_PID = 2,
	OCI_CRIU_LEAVE_RUNNING = 3,
	OCI_CRIU_EXT_UNIX_SK = 4,
	OCI_CRIU_TCP_ESTABLISHED = 5,
	OCI_CRIU_EVASIVE_DEVICES = 6,
	OCI_CRIU_SHELL_JOB = 7,
	OCI_CRIU_FILE_LOCKS = 8,
	OCI_CRIU_LOG_LEVEL = 9,
	OCI_CRIU_LOG_FILE = 10,
	OCI_CRIU_PS = 11,
	OCI_CRIU_NOTIFY_SCRIPTS = 12,
	OCI_CRIU_ROOT = 13,
	OCI_CRIU_PARENT_IMG = 14,
	OCI_CRIU_TRACK_MEM = 15,
	OCI_CRIU_AUTO_DEDUP = 16,
	OCI_CRIU_WORK_DIR_FD = 17,
	OCI_CRIU_LINK_REMAP = 18,
	OCI_CRIU_MANAGE_CGROUPS = 24,
	OCI_CRIU_CG_ROOT = 25, /* {ctrl = 1, path = 2} */
	OCI_CRIU_RST_SIBLING = 26,
	OCI_CRIU_INHERIT_FD = 27, /* {key = 1, fd = 2}: a descriptor of criu's own */
	OCI_CRIU_EXT_MASTERS = 30,
	OCI_CRIU_MANAGE_CGROUPS_MODE = 34,
	OCI_CRIU_EXTERNAL = 37,
	OCI_CRIU_EMPTY_NS = 38,
	OCI_CRIU_JOIN_NS = 39, /* {ns = 1, ns_file = 2} */
	OCI_CRIU_FREEZE_CGROUP = 44,
	OCI_CRIU_TCP_SKIP_IN_FLIGHT = 46,
	OCI_CRIU_LAZY_PAGES = 48,
	OCI_CRIU_ORPHAN_PTS_MASTER = 50,
	OCI_CRIU_CONFIG_FILE = 51,
	OCI_CRIU_TCP_CLOSE = 52,
	OCI_CRIU_LSM_PROFILE = 53,
	OCI_CRIU_LSM_MOUNT_CONTEXT = 63,
	OCI_CRIU_NETWORK_LOCK = 64, /* 1: iptables (default), 2: nftables */
	OCI_CRIU_MNTNS_COMPAT = 65,
};

/* criu_resp, as far as it matters. Texts that do not fit are cut. */
struct oci_criu_answer {
	int type;
	bool success;
	int64_t pid; /* of a restore, or of a notification */
	char script[64];
	int64_t code; /* cr_errno */
	char text[256];
	int64_t major, minor, sublevel;
};

/* -EBADMSG when it is no such message. Fields that are not known are skipped. */
int oci_criu_answer_parse(const void *data, size_t len, struct oci_criu_answer *ret);

#endif
