// SPDX-License-Identifier: BSD-2-Clause
/*
 * See criu_mounts.h: the half of a restore. CRIU takes what is outside by path. It gets a mount namespace
 * of its own, where the root and the binds of the plan (detached mounts with their attributes and id
 * maps) stand at plain names in a tmpfs; the node's mounts stay as they are, whatever becomes of it.
 */
#include "oci/criu_mounts.h"

#include "base/fd.h"
#include "base/json.h"
#include "container/cgroup.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_bind(const struct rast_mount_item *m)
{
	return !m->type && !m->remount && !m->copy_symlink && m->tree_fd >= 0;
}

int oci_criu_restore_mounts(const struct oci_plan *p, const char *dir, struct oci_message *opts)
{
	const struct rast_mount_list *list = &p->list;
	size_t i;

	oci_message_format(opts, OCI_CRIU_ROOT, "%s/root", dir);
	for (i = 0; i < list->n_items; i++) {
		const struct rast_mount_item *m = &list->items[i];

		if (is_bind(m))
			oci_message_format(opts, OCI_CRIU_EXTERNAL, "mnt[%s]:%s/%zu", m->target,
					   dir, i);
		else if (m->type && !strncmp(m->type, "cgroup", 6) && !list->new_cgroupns)
			oci_message_format(opts, OCI_CRIU_EXTERNAL, "mnt[%s]:%s", m->target,
					   list->cgroup_dir);
	}
	for (i = 0; i < list->n_devices && list->binds_nodes; i++)
		oci_message_format(opts, OCI_CRIU_EXTERNAL, "mnt[%s]:%s", list->devices[i].path,
				   list->devices[i].path);
	return opts->failed ? -ENOMEM : 0;
}

static int place(int dir, const char *name, int tree)
{
	struct stat st;
	int fd;

	if (fstat(tree, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(dir, name, 0700) < 0)
			return -errno;
	} else {
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		(void)close(fd);
	}
	return sys_move_mount(tree, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int new_tmpfs(const char *dir)
{
	_cleanup_close_ int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), fd = -1;

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0 || sys_move_mount(fd, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int oci_criu_place_mounts(const struct oci_plan *p, const char *dir, struct rast_err *err)
{
	struct mount_attr slave = {.propagation = MS_SLAVE};
	struct rast_launch_report rep = {0};
	_cleanup_close_ int at = -1;
	char name[24];
	size_t i;
	int r;

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0)
		return rast_err_sys(err, errno, "a mount namespace for criu");
	at = new_tmpfs(dir);
	if (at < 0)
		return rast_err_sys(err, errno, "%s", dir);
	r = place(at, "root", p->mounts.root_fd);
	if (r < 0)
		return rast_err_sys(err, -r, "root file system %s", p->rootfs);
	r = rast_mount_list_make_targets(&p->list, p->mounts.root_fd, &rep);
	if (r < 0)
		return rast_err_sys(err, -r, "mount point %s", rep.what);
	for (i = 0; i < p->list.n_items && r == 0; i++) {
		(void)snprintf(name, sizeof(name), "%zu", i);
		if (is_bind(&p->list.items[i]))
			r = place(at, name, p->list.items[i].tree_fd);
	}
	return r < 0 ? rast_err_sys(err, -r, "config.json: mounts[%zu]", i - 1) : 0;
}

/* Which of criu's descriptors stands for a name of the images. */
static void inherit(struct oci_message *opts, const char *key, int fd)
{
	_cleanup_message_ struct oci_message m = {0};

	oci_message_text(&m, 1, key);
	oci_message_int(&m, 2, fd);
	oci_message_sub(opts, OCI_CRIU_INHERIT_FD, &m);
}

int oci_criu_restore_namespaces(const struct oci_plan *p, struct oci_criu_call *call,
				struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	size_t i;
	int k;

	for (i = 0; i < p->launch.n_joins; i++) {
		const struct rast_launch_join *j = &p->launch.joins[i];
		_cleanup_message_ struct oci_message m = {0};

		if (j->type == CLONE_NEWNET || j->type == CLONE_NEWPID) {
			inherit(&call->opts, j->type == CLONE_NEWNET ? "rast-net" : "rast-pid",
				OCI_CRIU_FIRST_FD + call->n_fds);
			call->fds[call->n_fds++] = j->fd;
			continue;
		}
		for (k = 0; rast_oci_ns_kinds[k].flag != j->type;)
			k++;
		if (j->type != CLONE_NEWIPC && j->type != CLONE_NEWUTS)
			return rast_err_set(
				err, ENOTSUP,
				"config.json: linux.namespaces (%s): a container cannot "
				"be restored into one that exists",
				rast_oci_ns_kinds[k].name);
		oci_message_text(&m, 1, rast_oci_ns_kinds[k].proc);
		oci_message_text(&m, 2, s->ns_path[k]);
		oci_message_sub(&call->opts, OCI_CRIU_JOIN_NS, &m);
	}
	return 0;
}

static bool joins(unsigned int v1, const char *name, size_t n)
{
	static const char *const names[RAST_CG_MAX] = {
		[RAST_CG_CPU] = "cpu",         [RAST_CG_MEMORY] = "memory",
		[RAST_CG_PIDS] = "pids",       [RAST_CG_IO] = "blkio",
		[RAST_CG_CPUACCT] = "cpuacct", [RAST_CG_CPUSET] = "cpuset",
		[RAST_CG_HUGETLB] = "hugetlb", [RAST_CG_RDMA] = "rdma",
	};
	size_t i;

	for (i = 0; i < RAST_CG_MAX; i++)
		if ((v1 & 1u << i) && strlen(names[i]) == n && !strncmp(names[i], name, n))
			return true;
	return false;
}

/* Lines "ID:NAMES:PATH"; cgroup2 has no name. CRIU knows a hierarchy by each of its names. */
int oci_criu_restore_cgroups(const char *cgroup, unsigned int v1, struct oci_message *opts,
			     struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *line, *end, *names, *path, *name;
	int r = rast_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL);

	if (r < 0)
		return rast_err_sys(err, -r, "/proc/self/cgroup");
	for (line = text; *line; line = end + (*end == '\n')) {
		bool ours = false;

		end = strchrnul(line, '\n');
		names = memchr(line, ':', (size_t)(end - line));
		path = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
		if (!path)
			continue;
		for (name = names; name < path; name += strcspn(name + 1, ",:") + 1)
			ours = ours || name + 1 == path ||
			       joins(v1, name + 1, strcspn(name + 1, ",:"));
		for (name = names; name < path; name += strcspn(name + 1, ",:") + 1) {
			_cleanup_message_ struct oci_message m = {0};

			oci_message_format(&m, 1, "%.*s", (int)strcspn(name + 1, ",:"), name + 1);
			if (ours)
				oci_message_format(&m, 2, "/%s", cgroup);
			else
				oci_message_format(&m, 2, "%.*s", (int)(end - path - 1), path + 1);
			oci_message_sub(opts, OCI_CRIU_CG_ROOT, &m);
		}
	}
	return 0;
}

/* The file comes with the images: whatever it says, what is handed in are 0 to 2. */
int oci_criu_restore_stdio(int images, struct oci_message *opts, struct rast_err *err)
{
	_cleanup_json_ json_t *list = NULL;
	int r = rast_json_load(images, "descriptors.json", &list, err), fd;

	if (r < 0)
		return rast_err_sys(err, -r, "descriptors.json of the images");
	for (fd = 0; fd < 3; fd++) {
		const char *name = json_string_value(json_array_get(list, (size_t)fd));

		if (name && (strncmp(name, "pipe:[", 6) == 0 || strncmp(name, "file[", 5) == 0 ||
			     strncmp(name, "tty[", 4) == 0))
			inherit(opts, name, fd);
	}
	return 0;
}
