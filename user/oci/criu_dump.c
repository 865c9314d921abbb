// SPDX-License-Identifier: BSD-2-Clause
/* See criu_mounts.h: the half of a checkpoint. Names are asked of the kernel, not of the container's paths. */
#include "oci/criu_mounts.h"

#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_MOUNTINFO (8u << 20)

/* What rast-oci binds where a device cannot be made: in a user namespace. */
static const char *const nodes[] = {"/dev/null",   "/dev/zero",    "/dev/full",
				    "/dev/random", "/dev/urandom", "/dev/tty"};

static int mount_id(int dirfd, const char *path, uint64_t *ret)
{
	struct statx st;

	if (statx(dirfd, path, AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	*ret = st.stx_mnt_id;
	return 0;
}

/* The line of that id, or NULL. */
static const char *mount_line(const char *mountinfo, uint64_t id)
{
	const char *line = mountinfo;

	while (line && *line) {
		if (strtoull(line, NULL, 10) == id)
			return line;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

/* Its fifth word, with "\040" and the like undone. */
static int mount_point(const char *line, char *buf, size_t size)
{
	size_t n = 0;
	int i;

	for (i = 0; i < 4 && line; i++) {
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	for (; line && *line && *line != ' ' && n + 1 < size; n++) {
		if (*line == '\\' && strspn(line + 1, "01234567") >= 3) {
			buf[n] = (char)((line[1] - '0') << 6 | (line[2] - '0') << 3 |
					(line[3] - '0'));
			line += 4;
		} else {
			buf[n] = *line++;
		}
	}
	buf[n] = '\0';
	return line && *line == ' ' ? 0 : -ENAMETOOLONG;
}

/* `path` as config.json has it is the name; where it really is may differ by links of the image. */
static int add_mount(const char *mountinfo, int root, const char *path, bool needed,
		     struct oci_message *opts)
{
	_cleanup_close_ int fd = rast_openat2(root, path + strspn(path, "/"), O_PATH,
					      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	const char *line;
	char at[4096];
	uint64_t id;
	int r = fd < 0 ? fd : mount_id(fd, "", &id);

	if (r < 0)
		return needed ? r : 0;
	line = mount_line(mountinfo, id);
	r = line ? mount_point(line, at, sizeof(at)) : -ENOENT;
	if (r < 0)
		return needed ? r : 0;
	if (!needed && strcmp(at, path) != 0)
		return 0;
	oci_message_format(opts, OCI_CRIU_EXTERNAL, "mnt[%s]:%s", at, path);
	return 0;
}

int oci_criu_dump_mounts(const struct rast_oci_spec *spec, pid_t pid, struct oci_message *opts,
			 struct rast_err *err)
{
	bool user = (spec->ns_new | spec->ns_join) & CLONE_NEWUSER;
	bool cgroupns = (spec->ns_new | spec->ns_join) & CLONE_NEWCGROUP;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int root = -1;
	char path[64];
	size_t i;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	r = rast_read_file(AT_FDCWD, path, MAX_MOUNTINFO, &text, NULL);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return rast_err_sys(err, errno, "%s", path);
	for (i = 0; i < spec->n_mounts; i++) {
		const struct rast_oci_mount *m = &spec->mounts[i];
		bool cgroup = m->type && !strncmp(m->type, "cgroup", 6) && !cgroupns;

		if (m->flags & (RAST_OCI_MOUNT_REMOUNT | RAST_OCI_MOUNT_COPY_SYMLINK) ||
		    !(m->flags & RAST_OCI_MOUNT_BIND || cgroup))
			continue;
		r = add_mount(text, root, m->destination, true, opts);
		if (r < 0)
			return rast_err_sys(err, -r,
					    "config.json: mounts[%zu]: %s in the container", i,
					    m->destination);
	}
	for (i = 0; user && i < ARRAY_SIZE(nodes); i++)
		(void)add_mount(text, root, nodes[i], false, opts);
	for (i = 0; user && i < spec->n_devices; i++)
		(void)add_mount(text, root, spec->devices[i].path, false, opts);
	return 0;
}

int oci_criu_dump_namespaces(const struct rast_oci_spec *spec, pid_t pid, struct oci_message *opts,
			     struct rast_err *err)
{
	static const struct {
		enum rast_oci_ns kind;
		const char *name;
	} outside[] = {{RAST_OCI_NS_NETWORK, "net"}, {RAST_OCI_NS_PID, "pid"}};
	struct stat st;
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		if (!spec->ns_path[outside[i].kind])
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, outside[i].name);
		if (stat(path, &st) < 0)
			return rast_err_sys(err, errno, "%s", path);
		oci_message_format(opts, OCI_CRIU_EXTERNAL, "%s[%llu]:rast-%s", outside[i].name,
				   (unsigned long long)st.st_ino, outside[i].name);
	}
	return 0;
}

/*
 * The name under which the restore hands a descriptor in. Pipes have one of their own; a file or a terminal
 * of the node's (a mount that the container does not have) is made external. NULL: in the container.
 */
static int name_of(pid_t pid, int fd, const char *mountinfo, char *buf, size_t size,
		   struct oci_message *opts)
{
	_cleanup_free_ char *info = NULL;
	const char *id;
	char path[64];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	buf[n] = '\0';
	if (buf[0] != '/')
		return 0;
	if (stat(path, &st) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	if (rast_read_file(AT_FDCWD, path, 65536, &info, NULL) < 0)
		return -EIO;
	id = strstr(info, "mnt_id:");
	if (!id || mount_line(mountinfo, strtoull(id + 7, NULL, 10)))
		return 0;
	if (S_ISCHR(st.st_mode) && major(st.st_rdev) >= 136 && major(st.st_rdev) < 144)
		(void)snprintf(buf, size, "tty[%llx:%llx]", (unsigned long long)st.st_rdev,
			       (unsigned long long)st.st_dev);
	else
		(void)snprintf(buf, size, "file[%llx:%llx]", strtoull(id + 7, NULL, 10),
			       (unsigned long long)st.st_ino);
	oci_message_text(opts, OCI_CRIU_EXTERNAL, buf);
	return 0;
}

int oci_criu_dump_stdio(pid_t pid, int images, struct oci_message *opts, struct rast_err *err)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ char *text = NULL;
	char name[4096], path[64];
	int r, fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	r = rast_read_file(AT_FDCWD, path, MAX_MOUNTINFO, &text, NULL);
	for (fd = 0; r == 0 && fd < 3; fd++) {
		name[0] = '\0';
		r = name_of(pid, fd, text, name, sizeof(name), opts);
		(void)json_array_append_new(list, json_string(name));
	}
	if (r == 0)
		r = rast_json_store(images, "descriptors.json", list, 0);
	return r < 0 ? rast_err_sys(err, -r, "descriptors.json") : 0;
}
