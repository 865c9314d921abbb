/* SPDX-License-Identifier: BSD-2-Clause */
/* Between launch.c (parent) and launch_child.c (child). Inside of launch; not for others. */
#ifndef RAST_CONTAINER_LAUNCH_CHILD_H
#define RAST_CONTAINER_LAUNCH_CHILD_H

#include "container/launch.h"
#include "container/launch_tail.h"

struct launch_ctx {
	const struct rast_launch *l;
	struct launch_tail tail;
	const char *path_env; /* value of PATH in env, or a default; in the plan's own memory */
	char *path_buf;       /* PATH_MAX bytes for the lookup */
	int sock;             /* the child's end */
	int parent_sock;      /* the other one, of which the child has a copy */
	pid_t pid;            /* our own as the parent sees it; known after its first word */
	bool joined_user;     /* in a user namespace that was there before */
	bool setgroups_denied;
	uint64_t ignored;   /* signals that the caller ignores: bit 0 is signal 1 */
	uint64_t bounding;  /* the caller's */
	uint64_t keep_caps; /* what the tail itself needs until it drops to l->caps */
};

/* What the parent says: 'm' id maps are written, 'c' hooks are through, 'g' go. */
struct rast_launch_word {
	char what;
	pid_t pid;
};

/* What the child says: 'h' mounted, 'r' ready, 't' a terminal (with it), 'l' a listener will be `value`. */
struct launch_notice {
	int what, value;
};

/*
 * Drops to the user and capabilities of the plan, and sets c->tail up for the rest (launch_user.c). What is
 * asked for but not held here is left out.
 */
int launch_set_user(struct launch_ctx *c, struct rast_caps caps);
/* What the child says in words, for a person; returns the negative errno (launch.c). */
int launch_report_error(const struct rast_launch_report *rep, struct rast_err *err);
/* In the network namespace of the caller. */
int launch_loopback_up(void);
/* Entered after clone3; returns never. */
_Noreturn void launch_child(struct launch_ctx *c);

#endif
