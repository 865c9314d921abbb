/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink in batches: messages are collected (built with libnl), go to the kernel in one sendmsg(2)
 * and are answered together. The kernel works through the whole batch also when a message in the
 * middle fails; rast_nl_commit() returns the first failure, with the kernel's own words.
 */
#ifndef RAST_NETWORK_NETLINK_H
#define RAST_NETWORK_NETLINK_H

#include "base/err.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>

#define RAST_NL_BATCH 16

struct rast_nl {
	int fd;
	uint32_t seq;
	int n;
	bool oom;
	struct {
		struct nl_msg *msg;
		const char *what; /* for the error text; belongs to the caller */
		int tolerate;     /* errno that counts as success; 0: none */
	} item[RAST_NL_BATCH];
};

/* `protocol` as NETLINK_ROUTE. netns_fd -1: the caller's network namespace. */
int rast_nl_open(struct rast_nl *nl, int protocol, int netns_fd, struct rast_err *err);
void rast_nl_close(struct rast_nl *nl);
#define _cleanup_nl_ _cleanup_(rast_nl_close)

/*
 * Adds a message that starts with `hdr` and returns it for nla_put*(); it belongs to the batch. NULL
 * when out of memory or past RAST_NL_BATCH: commit then fails, so that callers need not check when
 * they only hand it on to nla_put*() through rast_nl_put().
 */
struct nl_msg *rast_nl_add(struct rast_nl *nl, int type, int flags, const void *hdr, size_t len,
			   const char *what);
/* `errno_value` of the message added last counts as success. */
void rast_nl_tolerate(struct rast_nl *nl, int errno_value);
/* nla_put() that remembers running out of memory. */
void rast_nl_put(struct rast_nl *nl, struct nl_msg *msg, int attr, const void *data, size_t len);
void rast_nl_put_u8(struct rast_nl *nl, struct nl_msg *msg, int attr, uint8_t v);
void rast_nl_put_u32(struct rast_nl *nl, struct nl_msg *msg, int attr, uint32_t v);
void rast_nl_put_str(struct rast_nl *nl, struct nl_msg *msg, int attr, const char *s);
struct nlattr *rast_nl_nest(struct rast_nl *nl, struct nl_msg *msg, int attr);
void rast_nl_nest_end(struct nl_msg *msg, struct nlattr *nest);

/*
 * Sends, waits for every answer and empties the batch. `reply` (may be NULL) sees each message that
 * is no acknowledgement; a negative result of it is returned when nothing else failed.
 */
int rast_nl_commit(struct rast_nl *nl, int (*reply)(const struct nlmsghdr *msg, void *arg),
		   void *arg, struct rast_err *err);

#endif
