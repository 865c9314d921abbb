// SPDX-License-Identifier: BSD-2-Clause
/* See landlock.h. The child's half looks every path up inside the root, through no magic link. */
#include "container/landlock.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS(n) (1ull << (n))
#define RULE_NET_PORT 2 /* enum landlock_rule_type, from ABI 4 on */
/* What can be allowed on a file that is no directory: execute, write_file, read_file, truncate, ioctl_dev. */
#define OF_FILES (FS(0) | FS(1) | FS(2) | FS(14) | FS(15))

/* Single rights first: rast_landlock_fit() names the first one that is missing. */
const struct rast_landlock_right rast_landlock_fs[] = {
	{"execute", FS(0), 1},      {"write_file", FS(1), 1},
	{"read_file", FS(2), 1},    {"read_dir", FS(3), 1},
	{"remove_dir", FS(4), 1},   {"remove_file", FS(5), 1},
	{"make_char", FS(6), 1},    {"make_dir", FS(7), 1},
	{"make_reg", FS(8), 1},     {"make_sock", FS(9), 1},
	{"make_fifo", FS(10), 1},   {"make_block", FS(11), 1},
	{"make_sym", FS(12), 1},    {"refer", FS(13), 2},
	{"truncate", FS(14), 3},    {"ioctl_dev", FS(15), 5},
	{"read", FS(2) | FS(3), 1}, {"write", FS(1) | (FS(15) - FS(4)), 3},
	{"all", FS(16) - 1, 5},     {0},
};
const struct rast_landlock_right rast_landlock_net[] = {
	{"bind_tcp", 1, 4},
	{"connect_tcp", 2, 4},
	{"all", 3, 4},
	{0},
};
const struct rast_landlock_right rast_landlock_scopes[] = {
	{"abstract_unix_socket", 1, 6},
	{"signal", 2, 6},
	{"all", 3, 6},
	{0},
};

/* As the kernel takes them; linux/landlock.h of 6.1 knows the first field only. */
struct ruleset_attr {
	uint64_t fs, net, scopes;
};
struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));
struct port_attr {
	uint64_t access, port;
};

/* ---- parent ---- */

int rast_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t known_to(const struct rast_landlock_right *r, int abi, uint64_t wanted,
			 const char **missing)
{
	uint64_t have = 0;

	for (; r->name; r++)
		if (r->abi <= abi)
			have |= r->bits;
		else if (!*missing && (r->bits & wanted & ~have))
			*missing = r->name;
	return wanted & have;
}

bool rast_landlock_fit(struct rast_landlock *plan, int abi, const char **ret_missing)
{
	struct rast_landlock fit = *plan;

	*ret_missing = NULL;
	fit.fs = known_to(rast_landlock_fs, abi, plan->fs, ret_missing);
	fit.net = known_to(rast_landlock_net, abi, plan->net, ret_missing);
	fit.scopes = known_to(rast_landlock_scopes, abi, plan->scopes, ret_missing);
	if (!*ret_missing || plan->best_effort)
		*plan = fit;
	return plan->fs || plan->net || plan->scopes;
}

/* ---- child ---- */

static int fail(struct rast_launch_report *rep, int err)
{
	return rast_step_fail(rep, RAST_STEP_ATTRIBUTE, err, "Landlock");
}

static int allow_path(const struct rast_landlock *plan, const struct rast_landlock_path *p,
		      int ruleset, int root, struct rast_launch_report *rep)
{
	struct path_attr attr = {.access = p->access & plan->fs};
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!attr.access)
		return 0;
	fd = rast_openat2(root, p->path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (plan->best_effort && (fd == -ENOENT || fd == -ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return rast_step_fail(rep, RAST_STEP_LANDLOCK, fd < 0 ? -fd : errno, p->path);
	attr.fd = fd;
	/* The kernel refuses what only a directory can have: "read" of a file is to read it. */
	if (!S_ISDIR(st.st_mode))
		attr.access &= OF_FILES;
	if (attr.access &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return rast_step_fail(rep, RAST_STEP_LANDLOCK, errno, p->path);
	return 0;
}

int rast_landlock_open(const struct rast_landlock *plan, int *ret_fd,
		       struct rast_launch_report *rep)
{
	const struct ruleset_attr handled = {plan->fs, plan->net, plan->scopes};
	_cleanup_close_ int root = -1, fd = -1;
	size_t i;
	int r;

	/* Older kernels take a longer structure as long as the rest of it is zero. */
	fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (fd < 0)
		return fail(rep, errno);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(rep, errno);
	for (i = 0; i < plan->n_paths; i++) {
		r = allow_path(plan, &plan->paths[i], fd, root, rep);
		if (r < 0)
			return r;
	}
	for (i = 0; i < plan->n_ports; i++) {
		struct port_attr attr = {plan->ports[i].access & plan->net, plan->ports[i].port};

		if (attr.access && syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &attr, 0) < 0)
			return fail(rep, errno);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int rast_landlock_restrict(int fd, struct rast_launch_report *rep)
{
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return rast_step_fail(rep, RAST_STEP_ATTRIBUTE, errno,
				      errno == EPERM ? "Landlock without process.noNewPrivileges"
						     : "Landlock");
	return 0;
}
