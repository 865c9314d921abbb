/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Landlock around a container's process: a plan in the parent, a ruleset made by the child once it is in
 * its root, and the restriction as the last thing before exec. What is `handled` is forbidden unless a
 * rule allows it; what is not handled stays as it is.
 *
 * The rights are numbered here, for the headers that we build with know only the oldest of them.
 */
#ifndef RAST_CONTAINER_LANDLOCK_H
#define RAST_CONTAINER_LANDLOCK_H

#include "container/mount.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_LANDLOCK_MAX_RULES 4096

/* A right by the name that the kernel's documentation has for it, or several of them by a short one. */
struct rast_landlock_right {
	const char *name; /* NULL ends a list */
	uint64_t bits;
	int abi; /* of the kernel's interface, from which on it is there */
};
extern const struct rast_landlock_right rast_landlock_fs[], rast_landlock_net[],
	rast_landlock_scopes[];

struct rast_landlock_path {
	const char *path; /* in the container, absolute */
	uint64_t access;
};
struct rast_landlock_port {
	uint16_t port;
	uint64_t access;
};

struct rast_landlock {
	uint64_t fs, net; /* handled */
	uint64_t scopes;
	const struct rast_landlock_path *paths;
	size_t n_paths;
	const struct rast_landlock_port *ports;
	size_t n_ports;
	/* What the kernel does not know is left out, and a path that is not there is passed over. */
	bool best_effort;
};

/* ---- parent ---- */

/* The version of the kernel's interface; 0: it has no Landlock, or it is switched off. */
int rast_landlock_abi(void);
/*
 * Cuts the plan to what `abi` has. *ret_missing: the first right that it lacks, or NULL; without
 * best_effort that is a refusal, and the plan stays as it is. True: something is left to restrict.
 */
bool rast_landlock_fit(struct rast_landlock *plan, int abi, const char **ret_missing);

/* ---- child: no allocation, no output ---- */

/* A ruleset of the plan, its paths looked up in the present root. The caller closes it. */
int rast_landlock_open(const struct rast_landlock *plan, int *ret_fd,
		       struct rast_launch_report *rep);
/* With no_new_privs or CAP_SYS_ADMIN: what follows is bound by it. */
int rast_landlock_restrict(int fd, struct rast_launch_report *rep);

#endif
