// SPDX-License-Identifier: BSD-2-Clause
/* See plan.h: root, mounts, devices, masked and read-only paths, sysctls. */
#include "oci/plan.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const nothing[] = {NULL};

static int absolute(struct oci_plan *p, const char *bundle, const char *path, const char **ret)
{
	char *text;
	size_t n = strlen(bundle) + strlen(path) + 2;

	if (path[0] == '/') {
		*ret = path;
		return 0;
	}
	text = oci_plan_alloc(p, n, 1);
	if (!text)
		return -ENOMEM;
	(void)snprintf(text, n, "%s/%s", bundle, path);
	*ret = text;
	return 0;
}

static int plan_item(const struct rast_oci_mount *m, struct rast_mount_item *out)
{
	size_t i;

	*out = (struct rast_mount_item){
		.target = m->destination,
		.type = m->flags & RAST_OCI_MOUNT_BIND ? NULL : m->type,
		.source = m->source,
		.tree_fd = -1,
		.recursive = (m->flags & RAST_OCI_MOUNT_RBIND) != 0,
		.remount = (m->flags & RAST_OCI_MOUNT_REMOUNT) != 0,
		.copy_up = (m->flags & RAST_OCI_MOUNT_TMPCOPYUP) != 0,
		.source_nofollow = (m->flags & RAST_OCI_MOUNT_SRC_NOFOLLOW) != 0,
		.target_nofollow = (m->flags & RAST_OCI_MOUNT_DST_NOFOLLOW) != 0,
		.copy_symlink = (m->flags & RAST_OCI_MOUNT_COPY_SYMLINK) != 0,
		.set = m->attr.set,
		.clear = m->attr.clear,
		.tree_set = m->tree.set,
		.tree_clear = m->tree.clear,
		.n_propagation = m->n_propagation,
		.data = m->data,
		.n_data = m->n_data,
		.userns_fd = -1,
		.userns_recursive = (m->flags & RAST_OCI_MOUNT_RIDMAP) != 0,
	};
	for (i = 0; i < m->n_propagation && i < RAST_MOUNT_MAX_PROPAGATION; i++)
		out->propagation[i] = m->propagation[i];
	return 0;
}

/* Does the caller hold it? Without, sources are opened by the child in its own user namespace. */
static bool may_mount(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct have[2] = {{0}};

	/* Not by libcap, whose start alone asks the kernel six questions. */
	return syscall(SYS_capget, &h, have) == 0 &&
	       (have[0].effective & (1u << CAP_SYS_ADMIN)) != 0;
}

static int plan_items(struct oci_plan *p, const char *bundle, const char *file,
		      struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	struct rast_launch_report rep = {0};
	bool may = p->may_mount;
	size_t i;
	int r;

	p->list.items = oci_plan_alloc(p, s->n_mounts, sizeof(*p->list.items));
	if (!p->list.items)
		return rast_err_sys(err, ENOMEM, "mounts");
	for (i = 0; i < s->n_mounts; i++) {
		struct rast_mount_item *m = &p->list.items[i];

		r = plan_item(&s->mounts[i], m);
		if (r < 0)
			return rast_err_sys(err, -r, "mounts[%zu]", i);
		p->list.n_items = i + 1;
		r = oci_plan_idmap(p, &s->mounts[i], &m->userns_fd, err);
		if (r < 0)
			return r;
		if (m->type || m->remount)
			continue;
		if (!m->source)
			return rast_err_set(err, EINVAL, "%s: mounts[%zu].source: missing", file,
					    i);
		r = absolute(p, bundle, m->source, &m->source);
		if (r < 0)
			return rast_err_sys(err, -r, "mounts[%zu]", i);
		if (may && (r = rast_mount_item_open(m, &rep)) < 0)
			return rast_err_sys(err, -r, "%s: mounts[%zu]: %s", file, i, rep.what);
	}
	return 0;
}

static int plan_devices(struct oci_plan *p, struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	struct rast_mount_device *d = oci_plan_alloc(p, s->n_devices, sizeof(*d));
	size_t i;

	if (!d)
		return rast_err_sys(err, ENOMEM, "devices");
	for (i = 0; i < s->n_devices; i++) {
		const struct rast_oci_device *o = &s->devices[i];

		d[i] = (struct rast_mount_device){
			.path = o->path,
			.mode = (o->type == 'b'   ? S_IFBLK
				 : o->type == 'p' ? S_IFIFO
						  : S_IFCHR) |
				(mode_t)(o->mode.set ? o->mode.v : 0666),
			.rdev = o->type == 'p'
					? 0
					: makedev((unsigned int)o->major, (unsigned int)o->minor),
			.uid = (uid_t)o->uid.v,
			.gid = (gid_t)o->gid.v,
		};
	}
	p->list.devices = d;
	p->list.n_devices = s->n_devices;
	return 0;
}

static int plan_root(struct oci_plan *p, const char *bundle, struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	struct mount_attr attr = {.propagation = MS_SLAVE};
	const char *path;
	struct stat st;
	int r;

	if (!s->root_path)
		return rast_err_set(err, EINVAL, "config.json: root.path: missing");
	r = absolute(p, bundle, s->root_path, &path);
	if (r < 0)
		return rast_err_sys(err, -r, "root.path");
	if ((size_t)snprintf(p->rootfs, sizeof(p->rootfs), "%s", path) >= sizeof(p->rootfs))
		return rast_err_sys(err, ENAMETOOLONG, "root.path");
	if (stat(p->rootfs, &st) < 0)
		return rast_err_sys(err, errno, "config.json: root.path: %s", p->rootfs);
	if (!S_ISDIR(st.st_mode))
		return rast_err_sys(err, ENOTDIR, "config.json: root.path: %s", p->rootfs);
	p->list.root_path = p->rootfs;
	p->may_mount = may_mount();
	if (!p->may_mount)
		return 0;
	/* A slave: else what the container mounts would appear on the node. */
	p->mounts.root_fd = sys_open_tree_attr(
		AT_FDCWD, p->rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE, &attr);
	if (p->mounts.root_fd < 0)
		return rast_err_sys(err, errno, "root file system %s", p->rootfs);
	return 0;
}

static int plan_sysctls(struct oci_plan *p)
{
	const struct rast_oci_spec *s = p->spec;
	struct rast_sysctl *list = oci_plan_alloc(p, s->n_sysctls, sizeof(*list));
	size_t i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < s->n_sysctls; i++)
		list[i] = (struct rast_sysctl){s->sysctls[i].key, s->sysctls[i].value};
	p->mounts.sysctls = list;
	p->mounts.n_sysctls = s->n_sysctls;
	return 0;
}

int oci_plan_mounts(struct oci_plan *p, const char *bundle, bool no_pivot, struct rast_err *err)
{
	const struct rast_oci_spec *s = p->spec;
	int r;

	if (!(s->ns_new & CLONE_NEWNS))
		return rast_err_set(err, EINVAL,
				    "config.json: linux.namespaces: a container without a mount "
				    "namespace of its own would change the node's mounts");
	p->list.root_propagation = s->rootfs_propagation;
	p->list.pivot = !no_pivot;
	p->list.new_cgroupns = ((s->ns_new | s->ns_join) & CLONE_NEWCGROUP) != 0;
	p->list.binds_nodes = ((s->ns_new | s->ns_join) & CLONE_NEWUSER) != 0;
	p->list.default_devices = true;
	p->mounts.root_read_only = s->root_readonly;
	p->mounts.masked = s->n_masked_paths ? s->masked_paths : nothing;
	p->mounts.read_only = s->n_readonly_paths ? s->readonly_paths : nothing;
	p->mounts.list = &p->list;
	p->launch.mounts = &p->mounts;
	if ((r = plan_root(p, bundle, err)) < 0 ||
	    (r = plan_items(p, bundle, "config.json", err)) < 0 || (r = plan_devices(p, err)) < 0)
		return r;
	r = plan_sysctls(p);
	return r < 0 ? rast_err_sys(err, -r, "sysctls") : 0;
}

int oci_plan_live_mounts(struct oci_plan *p, const struct rast_oci_spec *mounts, pid_t pid,
			 const char *bundle, const char *file, struct rast_err *err)
{
	char path[64];
	int fd;

	p->spec = mounts;
	p->may_mount = may_mount();
	if (!p->may_mount)
		return rast_err_set(err, EPERM, "mounts add: needs CAP_SYS_ADMIN");
	if ((mounts->ns_new | mounts->ns_join) & CLONE_NEWUSER) {
		/* Its id maps are those of a mount that names none. */
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return rast_err_sys(err, errno, "%s", path);
		p->launch.joins[p->launch.n_joins++] = (struct rast_launch_join){CLONE_NEWUSER, fd};
	}
	return plan_items(p, bundle, file, err);
}
