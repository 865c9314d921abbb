// SPDX-License-Identifier: BSD-2-Clause
/* See own_exe.h. */
#include "oci/own_exe.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

bool oci_exe_is_exposed(const struct rast_oci_spec *s)
{
	/* What a capability of its own user namespace reaches does not include us. */
	if ((s->ns_new | s->ns_join) & CLONE_NEWUSER)
		return false;
	/* Processes of others: what they may do is not written here. */
	if (!(s->ns_new & CLONE_NEWPID))
		return true;
	/* A hook of the container's, or an exec before the start, meets the first process as it waits. */
	return s->has_process && (s->process.caps.bounding & 1ull << CAP_SYS_PTRACE);
}

int oci_exe_protect(struct oci *o)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int exe = -1, tree = -1;
	struct statvfs fs;

	/* Without privileges there is no process inside that could look at us, and no mount. */
	if (geteuid() != 0)
		return 0;
	exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (exe < 0 || fstatvfs(exe, &fs) < 0)
		return rast_err_sys(&o->err, errno, "/proc/self/exe");
	if (fs.f_flag & ST_RDONLY)
		return 0;
	tree = sys_open_tree(exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	/* Root of a user namespace only: as above. */
	if (tree < 0 && errno == EPERM)
		return 0;
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro) < 0 ||
	    fstatvfs(tree, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return rast_err_sys(&o->err, errno, "a read-only mount of rast-oci");
	(void)syscall(SYS_execveat, tree, "", o->argv, environ, AT_EMPTY_PATH);
	return rast_err_sys(&o->err, errno, "running rast-oci from a read-only mount");
}
