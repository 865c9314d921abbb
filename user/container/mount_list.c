// SPDX-License-Identifier: BSD-2-Clause
/* See mount_list.h. All but rast_mount_list_finish() runs between clone3 and exec: system calls only. */
#include "container/mount_list.h"

#include "base/fd.h"
#include "container/mount_child.h"
#include "container/mount_device.h"
#include "container/mount_named.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* What may be mounted over inside /proc: whole files that tell of resources. As runc allows. */
static const char *const over_proc[] = {"/proc/cpuinfo",
					"/proc/diskstats",
					"/proc/meminfo",
					"/proc/stat",
					"/proc/swaps",
					"/proc/uptime",
					"/proc/loadavg",
					"/proc/slabinfo",
					"/proc/sys/kernel/ns_last_pid",
					"/proc/sys/crypto/fips_enabled",
					NULL};

static int set_propagation(int fd, const struct rast_mount_item *m)
{
	struct mount_attr attr = {.propagation = MS_SLAVE};
	size_t i;

	/*
	 * A clone is a peer of what it was cloned from: what a container mounts in it would appear on
	 * the node. So it is made a slave first, whatever else is asked for.
	 */
	if (!m->n_propagation || m->propagation[0] != (uint32_t)(MS_SHARED | MS_REC))
		if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
			return -errno;
	for (i = 0; i < m->n_propagation; i++) {
		attr.propagation = m->propagation[i] & ~(uint32_t)MS_REC;
		if (sys_mount_setattr(
			    fd, "", AT_EMPTY_PATH | (m->propagation[i] & MS_REC ? AT_RECURSIVE : 0),
			    &attr) < 0)
			return -errno;
	}
	return 0;
}

static int set_attributes(int fd, const struct rast_mount_item *m)
{
	struct mount_attr one = {.attr_set = m->set, .attr_clr = m->clear};
	struct mount_attr all = {.attr_set = m->tree_set, .attr_clr = m->tree_clear};
	struct mount_attr map = {.attr_set = MOUNT_ATTR_IDMAP};

	if (m->userns_fd >= 0) {
		map.userns_fd = (uint64_t)m->userns_fd;
		if (sys_mount_setattr(fd, "",
				      AT_EMPTY_PATH | (m->userns_recursive ? AT_RECURSIVE : 0),
				      &map) < 0)
			return -errno;
	}
	if ((one.attr_set || one.attr_clr) && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &one) < 0)
		return -errno;
	if ((all.attr_set || all.attr_clr) &&
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &all) < 0)
		return -errno;
	return 0;
}

int rast_mount_item_open(struct rast_mount_item *m, struct rast_launch_report *rep)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd, r;

	if (m->type || m->remount || m->tree_fd >= 0)
		return 0;
	flags |= m->recursive ? AT_RECURSIVE : 0;
	flags |= m->source_nofollow || m->copy_symlink ? AT_SYMLINK_NOFOLLOW : 0;
	fd = sys_open_tree(AT_FDCWD, m->source, flags);
	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_SOURCE, errno, m->source);
	r = set_attributes(fd, m);
	if (r == 0)
		r = set_propagation(fd, m);
	if (r < 0) {
		(void)close(fd);
		return rast_step_fail(rep, RAST_STEP_MOUNT, -r, m->target);
	}
	m->tree_fd = fd;
	return 0;
}

void rast_mount_list_finish(struct rast_mount_list *list)
{
	size_t i;

	for (i = 0; i < list->n_items; i++) {
		rast_closep(&list->items[i].tree_fd);
		list->items[i].tree_fd = -1;
	}
}

/* One option of the file system: "key=value" or "key". */
static int set_option(int fs, const char *text)
{
	char key[256];
	const char *eq = strchr(text, '=');
	size_t n = eq ? (size_t)(eq - text) : strlen(text);

	if (n >= sizeof(key))
		return -ENAMETOOLONG;
	memcpy(key, text, n);
	key[n] = '\0';
	if (sys_fsconfig(fs, eq ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, eq ? eq + 1 : NULL,
			 0) < 0)
		return -errno;
	return 0;
}

static int make_new(const struct rast_mount_item *m, const char *type,
		    struct rast_launch_report *rep)
{
	int fs = sys_fsopen(type, FSOPEN_CLOEXEC), fd, saved;
	const char *what = m->target;
	size_t i;

	if (fs < 0)
		return rast_step_fail(rep, RAST_STEP_MOUNT, errno, what);
	if (m->source && *m->source)
		/* Some know no source; none of those needs it. */
		(void)sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0);
	for (i = 0; i < m->n_data; i++) {
		int r = set_option(fs, m->data[i]);

		if (r < 0) {
			errno = -r;
			what = m->data[i];
			goto fail;
		}
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto fail;
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, m->set);
	if (fd < 0)
		goto fail;
	mount_close_later(fs);
	return fd;
fail:
	saved = errno;
	(void)close(fs);
	return rast_step_fail(rep, what == m->target ? RAST_STEP_MOUNT : RAST_STEP_MOUNT_OPTION,
			      saved, what);
}

/* A mount of the node's, where none of our own may be made. */
static int bind_own(const char *source, uint64_t attrs, bool recursive)
{
	struct mount_attr attr = {.attr_set = attrs, .propagation = MS_SLAVE};
	unsigned int rec = recursive ? AT_RECURSIVE : 0;
	int fd = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | rec);

	if (fd < 0)
		return -errno;
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | rec, &attr) < 0) {
		int saved = errno;

		(void)close(fd);
		return -saved;
	}
	return fd;
}

static int open_cgroup(const struct rast_mount_list *list, const struct rast_mount_item *m,
		       struct rast_launch_report *rep)
{
	struct rast_mount_item plain = *m;
	int fd = -EPERM;

	/* Whatever version was asked for, what there is to see is cgroup2; it takes no options of v1. */
	plain.source = NULL;
	plain.n_data = 0;
	if (list->new_cgroupns)
		fd = make_new(&plain, "cgroup2", rep);
	if (fd < 0 && list->cgroup_dir)
		fd = bind_own(list->cgroup_dir, m->set, false);
	return fd < 0 ? rast_step_fail(rep, RAST_STEP_MOUNT, -fd, m->target) : fd;
}

static int open_new(const struct rast_mount_list *list, const struct rast_mount_item *m,
		    struct rast_launch_report *rep)
{
	int fd, bound;

	if (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2"))
		return open_cgroup(list, m, rep);
	fd = make_new(m, m->type, rep);
	/* On the node's network in a user namespace: the node's /sys, with all that lies over it. */
	if (fd == -EPERM && !strcmp(m->type, "sysfs")) {
		bound = bind_own("/sys", m->set | MOUNT_ATTR_RDONLY, true);
		return bound < 0 ? fd : bound;
	}
	return fd;
}

static bool listed(const char *path, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(path, *list))
			return true;
	return false;
}

static bool is_at(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '\0' || path[n] == '/');
}

/* proc and sysfs are mounted on the very name, through no link (CVE-2019-19921, CVE-2023-28642). */
static int open_exact(int root, const char *path)
{
	const char *rel = path;
	int fd;

	while (*rel == '/')
		rel++;
	fd = rast_openat2(root, *rel ? rel : ".", O_PATH | O_DIRECTORY,
			  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fd == -ENOENT) {
		fd = mount_open_target(root, path, false);
		if (fd >= 0) {
			(void)close(fd);
			fd = rast_openat2(root, rel, O_PATH | O_DIRECTORY,
					  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
		}
	}
	return fd;
}

static bool inside_another(const struct rast_mount_list *list, const char *path)
{
	size_t i;

	for (i = 0; i < list->n_items; i++)
		if (strcmp(path, list->items[i].target) != 0 && is_at(path, list->items[i].target))
			return true;
	return false;
}

int rast_mount_list_make_targets(const struct rast_mount_list *list, int root,
				 struct rast_launch_report *rep)
{
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < list->n_items; i++) {
		const struct rast_mount_item *m = &list->items[i];

		st.st_mode = S_IFDIR;
		if (m->remount || m->copy_symlink || inside_another(list, m->target))
			continue;
		if (!m->type && fstat(m->tree_fd, &st) < 0)
			return rast_step_fail(rep, RAST_STEP_SOURCE, errno, m->target);
		fd = mount_open_target(root, m->target, !S_ISDIR(st.st_mode));
		if (fd < 0)
			return rast_step_fail(rep, RAST_STEP_TARGET, -fd, m->target);
		(void)close(fd);
	}
	return 0;
}

/* Is this a fit place for it? The target is open: what is looked at is what is mounted on. */
static int check_target(const struct rast_mount_item *m, int fd, int tree, bool is_file,
			struct rast_launch_report *rep)
{
	struct statfs at, what;
	struct stat st;

	/* A directory's target was opened as one. */
	if ((is_file && fstat(fd, &st) < 0) || fstatfs(fd, &at) < 0)
		return rast_step_fail(rep, RAST_STEP_TARGET, errno, m->target);
	if (is_file && S_ISDIR(st.st_mode))
		return rast_step_fail(rep, RAST_STEP_TARGET, EISDIR, m->target);
	if (!strcmp(m->target, "/proc")) {
		/* /proc that is no procfs would make every later check of it worthless. */
		if (fstatfs(tree, &what) < 0 || what.f_type != PROC_SUPER_MAGIC)
			return rast_step_fail(rep, RAST_STEP_TARGET_KIND, EPERM, m->target);
	} else if (at.f_type == PROC_SUPER_MAGIC && !listed(m->target, over_proc)) {
		return rast_step_fail(rep, RAST_STEP_TARGET_KIND, EPERM, m->target);
	}
	return 0;
}

static int attach(const struct mount_bases *b, const struct rast_mount_item *m, int tree,
		  struct rast_launch_report *rep)
{
	bool exact = m->type && (!strcmp(m->type, "proc") || !strcmp(m->type, "sysfs"));
	struct stat st = {.st_mode = S_IFDIR}; /* as every new file system's root is */
	int fd, r;

	if (!m->type && fstat(tree, &st) < 0)
		return rast_step_fail(rep, RAST_STEP_SOURCE, errno, m->target);
	if (S_ISLNK(st.st_mode))
		return mount_copy_link(tree, b->root, m->target, rep);
	fd = exact || m->target_nofollow
		     ? open_exact(b->root, m->target)
		     : mount_open_target(b->root, m->target, !S_ISDIR(st.st_mode));
	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_TARGET, -fd, m->target);
	r = check_target(m, fd, tree, !S_ISDIR(st.st_mode), rep);
	if (r == 0 && m->copy_up)
		r = mount_copy_up(fd, tree, m->target, rep);
	if (r == 0 &&
	    sys_move_mount(tree, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		r = rast_step_fail(rep, RAST_STEP_MOUNT, errno, m->target);
	mount_close_later(fd);
	return r;
}

static int remount(const struct mount_bases *b, const struct rast_mount_item *m,
		   struct rast_launch_report *rep)
{
	int fd = mount_open_in(b->root, m->target, O_PATH), r;

	if (fd < 0)
		return rast_step_fail(rep, RAST_STEP_TARGET, -fd, m->target);
	r = set_attributes(fd, m);
	(void)close(fd);
	return r < 0 ? rast_step_fail(rep, RAST_STEP_MOUNT, -r, m->target) : 0;
}

int mount_item_place(const struct rast_mount_list *list, const struct mount_bases *b,
		     struct rast_mount_item *m, int *ret_tree, struct rast_launch_report *rep)
{
	int r, tree;

	if (m->type) {
		tree = open_new(list, m, rep);
		if (tree < 0)
			return tree;
	} else {
		r = rast_mount_item_open(m, rep);
		if (r < 0)
			return r;
		tree = m->tree_fd;
	}
	r = attach(b, m, tree, rep);
	if (r < 0)
		return r;
	*ret_tree = tree;
	/* A new mount has nothing that `clear` could take away. */
	if (m->type && (m->tree_set || m->tree_clear || m->userns_fd >= 0)) {
		r = set_attributes(tree, m);
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_MOUNT, -r, m->target);
	}
	if (m->type && m->n_propagation) {
		r = set_propagation(tree, m);
		if (r < 0)
			return rast_step_fail(rep, RAST_STEP_PROPAGATION, -r, m->target);
	}
	return 0;
}

static int apply_item(const struct rast_mount_list *list, struct mount_bases *b,
		      struct rast_mount_item *m, struct rast_launch_report *rep)
{
	int r, tree = -1;

	if (m->remount)
		return remount(b, m, rep);
	if (mount_named_new(b, m) == 0)
		return 0;
	r = mount_item_place(list, b, m, &tree, rep);
	if (r < 0)
		return r;
	if (!strcmp(m->target, "/proc"))
		b->proc = tree;
	else if (!strcmp(m->target, "/sys"))
		b->sys = tree;
	else if (!strcmp(m->target, "/dev"))
		b->dev = tree, b->own_dev = m->type && !strcmp(m->type, "tmpfs");
	else if (m->type)
		mount_close_later(tree);
	/* What lies over one of them may hide what was ours. */
	if (is_at(m->target, "/proc") && strcmp(m->target, "/proc") && !m->type &&
	    !listed(m->target, over_proc))
		b->proc = -1;
	return 0;
}

/* The root is ours alone from here on: below a shared "/" its mounts would show on the node. */
static int place_root(const struct rast_mount_plan *p, int *ret_root,
		      struct rast_launch_report *rep)
{
	const struct rast_mount_list *list = p->list;
	struct mount_attr slave = {.propagation = list->root_propagation == MS_PRIVATE ? MS_PRIVATE
										       : MS_SLAVE};
	int root = p->root_fd;

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "propagation");
	if (root < 0) {
		root = sys_open_tree(AT_FDCWD, list->root_path,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (root < 0)
			return rast_step_fail(rep, RAST_STEP_ROOT, errno, list->root_path);
		if (sys_mount_setattr(root, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave) < 0)
			return rast_step_fail(rep, RAST_STEP_ROOT, errno, list->root_path);
	}
	if (sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return rast_step_fail(rep, RAST_STEP_ROOT, errno, "/");
	*ret_root = root;
	return 0;
}

/* Into the root, and only there its propagation: nobody can pivot to a shared one. */
static int enter_root(const struct rast_mount_plan *p, int root, bool *ret_no_pivot,
		      struct rast_launch_report *rep)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	struct mount_attr prop = {.propagation = p->list->root_propagation & ~(uint32_t)MS_REC};
	int r;

	if (p->root_read_only && sys_mount_setattr(root, "", AT_EMPTY_PATH, &ro) < 0)
		return rast_step_fail(rep, RAST_STEP_READ_ONLY, errno, "/");
	r = mount_enter_root(root, p->list->pivot, ret_no_pivot, rep);
	if (r == 0 && prop.propagation && sys_mount_setattr(root, "", AT_EMPTY_PATH, &prop) < 0)
		return rast_step_fail(rep, RAST_STEP_PROPAGATION, errno, "/");
	return r;
}

int rast_mount_list_apply(const struct rast_mount_plan *p, const struct rast_mount_hooks *hooks,
			  int *ret_ptmx, bool *ret_no_pivot, struct rast_launch_report *rep)
{
	const struct rast_mount_list *list = p->list;
	struct mount_bases b = {.root = -1, .proc = -1, .sys = -1, .dev = -1};
	size_t i;
	int r;

	r = place_root(p, &b.root, rep);
	/* A hook runs where the caller was. */
	if (r == 0 && !hooks->mounted)
		mount_named_begin(&b);
	for (i = 0; i < list->n_items && r == 0; i++)
		r = apply_item(list, &b, &list->items[i], rep);
	if (r == 0)
		r = mount_devices(list, &b, rep);
	if (r == 0 && ret_ptmx)
		r = mount_open_ptmx(&b, ret_ptmx, rep);
	if (r == 0 && ret_ptmx)
		r = mount_console(&b, *ret_ptmx, rep);
	if (r == 0 && p->n_sysctls)
		r = b.proc < 0 ? rast_step_fail(rep, RAST_STEP_SYSCTL, ENOENT, "no /proc")
			       : mount_write_sysctls(p->sysctls, p->n_sysctls, b.proc, rep);
	if (r == 0)
		r = mount_make_read_only(&b, p->read_only, rep);
	if (r == 0)
		r = mount_mask(&b, p->masked, rep);
	if (r == 0 && hooks->mounted)
		r = hooks->mounted(hooks->arg);
	return r < 0 ? r : enter_root(p, b.root, ret_no_pivot, rep);
}
