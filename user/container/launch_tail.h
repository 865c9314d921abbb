/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last steps before exec, run from a page that is no part of our executable, because they take our
 * executable away. Inside of launch; not for others.
 */
#ifndef RAST_CONTAINER_LAUNCH_TAIL_H
#define RAST_CONTAINER_LAUNCH_TAIL_H

#include "container/mount.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <stdint.h>

/* All pointers lead to heap or stack: our own .rodata and .data are gone when they are used. */
struct launch_tail {
	uintptr_t image, image_len; /* what is unmapped; 0: /proc/self/exe is left as it is */
	struct prctl_mm_map map;
	struct __user_cap_header_struct cap_header;
	struct __user_cap_data_struct caps[2];
	struct sock_fprog filter;
	unsigned int filter_flags;
	/* Shared with who fetches the listener of the filter; NULL: there is none. */
	volatile uint32_t *taken;
	int no_new_privs; /* decides whether the filter comes before or after the capabilities */
	const char *path;
	char *const *argv;
	char *const *env;
	int report_fd;
	struct rast_launch_report report;  /* sent by the one step that fails */
	int (*code)(struct launch_tail *); /* the copy; set by launch_tail_prepare() */
	int step_hide, step_caps, step_seccomp, step_exec;
};

/*
 * In the parent: finds our own mappings, and what PR_SET_MM_MAP wants. 0 also when the kernel cannot
 * do it (no CONFIG_CHECKPOINT_RESTORE): then image_len stays 0.
 */
int launch_tail_prepare(struct launch_tail *t);
void launch_tail_finish(struct launch_tail *t);
/* In the child; returns never. */
_Noreturn void launch_tail_run(struct launch_tail *t);

#endif
