// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child's user and capabilities, in the one order that works: bounding set, ids, then the other sets.
 * What the tail itself needs stays permitted until its last capset (launch_tail.c); an exec of something
 * else before that loses it, since it is not in the bounding set.
 */
#include "container/launch_child.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_LAST \
	40 /* CAP_CHECKPOINT_RESTORE; higher ones are dropped until the kernel says EINVAL */

static int fail(struct launch_ctx *c, int step, int err, const char *what)
{
	return rast_step_fail(&c->tail.report, step, err, what);
}

static struct __user_cap_data_struct cap_word(const struct rast_caps *caps, int word)
{
	return (struct __user_cap_data_struct){(uint32_t)(caps->effective >> 32 * word),
					       (uint32_t)(caps->permitted >> 32 * word),
					       (uint32_t)(caps->inheritable >> 32 * word)};
}

static int drop_bounding(struct launch_ctx *c, uint64_t keep)
{
	/* Who enters a user namespace has all of them there. */
	bool all = c->joined_user || (c->l->namespaces & CLONE_NEWUSER);
	int cap;

	for (cap = 0; cap < 64; cap++) {
		if (cap <= CAP_LAST && (keep & (1ull << cap)))
			continue;
		if (!all && !(c->bounding & (1ull << cap)))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > CAP_LAST)
			break;
		return fail(c, RAST_STEP_CAPS, errno, "bounding set");
	}
	return 0;
}

/*
 * Ambient capabilities must be permitted and inheritable when they are raised, and go when either
 * goes: they are raised once the final inheritable set is in place.
 */
static int raise_ambient(struct launch_ctx *c, uint64_t ambient)
{
	int cap;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return fail(c, RAST_STEP_CAPS, errno, "ambient set");
	for (cap = 0; cap <= CAP_LAST; cap++)
		if ((ambient & (1ull << cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return fail(c, RAST_STEP_CAPS, errno, "ambient set");
	return 0;
}

static int set_ids(struct launch_ctx *c)
{
	const struct rast_launch *l = c->l;

	if (l->uid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(c, RAST_STEP_USER, errno, "keepcaps");
	/* Where setgroups is denied (a user namespace of an ordinary user) there are none to set. */
	if (syscall(SYS_setgroups, l->n_groups, l->groups) < 0 &&
	    (errno != EPERM || l->n_groups || !c->setgroups_denied))
		return fail(c, RAST_STEP_USER, errno, "setgroups");
	if (syscall(SYS_setresgid, l->gid, l->gid, l->gid) < 0)
		return fail(c, RAST_STEP_USER, errno, "setresgid");
	if (syscall(SYS_setresuid, l->uid, l->uid, l->uid) < 0)
		return fail(c, RAST_STEP_USER, errno, "setresuid");
	return 0;
}

int launch_set_user(struct launch_ctx *c, struct rast_caps caps)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct have[2];
	struct rast_caps now;
	uint64_t permitted;
	int r;

	if ((r = drop_bounding(c, caps.bounding)) < 0 || (r = set_ids(c)) < 0)
		return r;
	if (syscall(SYS_capget, &h, have) < 0)
		return fail(c, RAST_STEP_CAPS, errno, "capget");
	permitted = have[0].permitted | (uint64_t)have[1].permitted << 32;
	/* What is asked for but not held here (a runtime in a container itself) cannot be given. */
	caps.permitted &= permitted;
	caps.effective &= caps.permitted;
	caps.inheritable &= permitted;
	caps.ambient &= caps.permitted & caps.inheritable;
	c->tail.cap_header = h;
	c->tail.caps[0] = cap_word(&caps, 0);
	c->tail.caps[1] = cap_word(&caps, 1);
	/* Until the tail is through: its own needs, and the container's for the lookups before it. */
	now = caps;
	now.permitted = (caps.permitted | c->keep_caps) & permitted;
	now.effective = (caps.effective | c->keep_caps) & permitted;
	have[0] = cap_word(&now, 0);
	have[1] = cap_word(&now, 1);
	if (syscall(SYS_capset, &h, have) < 0)
		return fail(c, RAST_STEP_CAPS, errno, "capset");
	return raise_ambient(c, caps.ambient);
}
