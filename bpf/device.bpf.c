// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Device access of containers, attached to the instance's cgroup: everything below it asks here at each
 * open and mknod of a device. Enforcement: what is not listed is denied (EPERM). Any node may be made, as
 * under docker and runc, since making one gives nothing while it cannot be opened.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#define ACC_MKNOD 1
#define DEV_CHAR 2

static __always_inline int listed(__u32 major, __u32 minor)
{
	switch (major) {
	case 1: /* null, zero, full, random, urandom */
		return minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9;
	case 5: /* tty, ptmx; not console: that is the node's */
		return minor == 0 || minor == 2;
	case 136: /* pts: eight majors of 256 */
	case 137:
	case 138:
	case 139:
	case 140:
	case 141:
	case 142:
	case 143:
		return 1;
	}
	return 0;
}

SEC("cgroup/dev")
int device_cgroup(struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 type = ctx->access_type & 0xffff, access = ctx->access_type >> 16;

	if (access == ACC_MKNOD)
		return 1;
	return type == DEV_CHAR && listed(ctx->major, ctx->minor);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
