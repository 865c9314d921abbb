// SPDX-License-Identifier: BSD-2-Clause
/* See mount_named.h. Between clone3 and exec: system calls only. */
#include "container/mount_named.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> cannot be had together. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

/*
 * Names that no kernel ever made a link of. `dir`: masked as a directory. Others of /proc are links
 * (mounts, net, self) or may become one.
 */
static const struct {
	const char *name;
	bool sys, dir;
} usual[] = {
	{"acpi", false, true},
	{"asound", false, true},
	{"bus", false, true},
	{"fs", false, true},
	{"irq", false, true},
	{"scsi", false, true},
	{"sys", false, true},
	{"interrupts", false, false},
	{"kcore", false, false},
	{"keys", false, false},
	{"latency_stats", false, false},
	{"sched_debug", false, false},
	{"sysrq-trigger", false, false},
	{"timer_list", false, false},
	{"timer_stats", false, false},
	{"firmware", true, true},
};

static const struct {
	uint64_t attr;
	unsigned long flag;
} plain[] = {
	{MOUNT_ATTR_NOSUID, MS_NOSUID},           {MOUNT_ATTR_NODEV, MS_NODEV},
	{MOUNT_ATTR_NOEXEC, MS_NOEXEC},           {MOUNT_ATTR_NOATIME, MS_NOATIME},
	{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME}, {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
};

void mount_named_begin(struct mount_bases *b)
{
	int fd = rast_openat2(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY, 0);
	struct statfs fs;

	b->by_fd = fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
		   fchdir(fd) == 0;
	if (fd >= 0)
		mount_close_later(fd);
}

/* "FD/NAME"; the name may be empty. */
static int place(char *out, size_t size, int fd, const char *name)
{
	char digits[12], *p = digits + sizeof(digits);
	size_t n, len = strlen(name);

	*--p = '\0';
	do
		*--p = (char)('0' + fd % 10);
	while (fd /= 10);
	n = strlen(p);
	if (n + 1 + len >= size)
		return -ENAMETOOLONG;
	memcpy(out, p, n + 1);
	if (len) {
		out[n] = '/';
		memcpy(out + n + 1, name, len + 1);
	}
	return 0;
}

/* The options as mount(2) has them: one text, where a comma in one of them would be two. */
static bool join(const struct rast_mount_item *m, char *out, size_t size)
{
	size_t i, at = 0;

	for (i = 0; i < m->n_data; i++) {
		size_t n = strlen(m->data[i]);

		if (strchr(m->data[i], ',') || at + n + 2 > size)
			return false;
		if (at)
			out[at++] = ',';
		memcpy(out + at, m->data[i], n);
		at += n;
	}
	out[at] = '\0';
	return true;
}

static bool fits(const struct rast_mount_item *m, unsigned long *ret_flags)
{
	uint64_t rest = m->set;
	size_t i;

	*ret_flags = 0;
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (rest & plain[i].attr) {
			rest &= ~plain[i].attr;
			*ret_flags |= plain[i].flag;
		}
	return m->type && !rest && !m->tree_set && !m->tree_clear && !m->n_propagation &&
	       m->userns_fd < 0 && !m->copy_up && !m->target_nofollow &&
	       (!strcmp(m->type, "tmpfs") || !strcmp(m->type, "devpts") ||
		!strcmp(m->type, "mqueue"));
}

int mount_named_new(const struct mount_bases *b, const struct rast_mount_item *m)
{
	const char *name = strrchr(m->target, '/') + 1;
	char target[64], options[512];
	unsigned long flags;

	if (!b->by_fd || !b->own_dev || strncmp(m->target, "/dev/", 5) != 0 || !*name ||
	    name != m->target + 5 || !fits(m, &flags) || !join(m, options, sizeof(options)) ||
	    place(target, sizeof(target), b->dev, name) < 0)
		return 1;
	/* One that is there may be a link of the caller's making. */
	if (mkdirat(b->dev, name, 0755) < 0)
		return 1;
	/* What goes wrong is tried again option by option, to say which it was. */
	return mount(m->source && *m->source ? m->source : m->type, target, m->type, flags,
		     options) < 0;
}

int mount_named_find(const struct mount_bases *b, const char *path, int *ret_dir,
		     const char **ret_name)
{
	bool sys = !strncmp(path, "/sys/", 5);
	size_t i;

	if (sys ? b->sys < 0 : b->proc < 0 || strncmp(path, "/proc/", 6) != 0)
		return 1;
	path += sys ? 5 : 6;
	for (i = 0; i < ARRAY_SIZE(usual); i++)
		if (usual[i].sys == sys && !strcmp(usual[i].name, path)) {
			*ret_dir = sys ? b->sys : b->proc;
			*ret_name = usual[i].name;
			return usual[i].dir ? -EISDIR : 0;
		}
	return 1;
}

int mount_named_mask(const struct mount_bases *b, const char *path, int null, char *empty)
{
	char target[64], source[64];
	const char *name;
	int dir, r, kind = mount_named_find(b, path, &dir, &name);

	if (kind == 1 || !b->by_fd || place(target, sizeof(target), dir, name) < 0)
		return 1;
	if (kind == 0) {
		if (null < 0 || place(source, sizeof(source), null, "") < 0)
			return 1;
		r = mount(source, target, NULL, MS_BIND, NULL);
	} else if (*empty) {
		r = mount(empty, target, NULL, MS_BIND, NULL);
	} else {
		r = mount("tmpfs", target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "mode=0,size=4096");
		if (r == 0)
			(void)strcpy(empty, target);
	}
	/* Not there: nothing to hide. Both fds are open, so it is nothing else that is not there. */
	if (r == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTDIR ? 1 : -errno;
}
