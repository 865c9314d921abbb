// SPDX-License-Identifier: BSD-2-Clause
/* See state.h. */
#include "oci/state.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

const char *oci_status_name(enum oci_status status)
{
	static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};

	return names[status];
}

int oci_id_check(const char *id, struct rast_err *err)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	size_t n = strlen(id);

	if (!n || n > 255 || strspn(id, ok) != n || !strcmp(id, ".") || !strcmp(id, ".."))
		return rast_err_set(err, EINVAL,
				    "container id \"%.80s\": want letters, digits and \"_+-.\"",
				    id);
	return 0;
}

static int open_root(const char *root, bool make, int *ret, struct rast_err *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	int fd = open(root, flags), r;

	if (fd < 0 && errno == ENOENT && make) {
		r = rast_mkdir_p(root, 0700);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", root);
		fd = open(root, flags);
	}
	if (fd < 0)
		return rast_err_sys(err, errno, "%s", root);
	*ret = fd;
	return 0;
}

static int open_folder(int root, const char *id)
{
	int fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int oci_container_new(const char *root, const char *id, struct oci_container *ret,
		      struct rast_err *err)
{
	_cleanup_close_ int top = -1;
	struct oci_container c = OCI_CONTAINER_INIT;
	int r;

	if ((r = oci_id_check(id, err)) < 0 || (r = open_root(root, true, &top, err)) < 0)
		return r;
	if (mkdirat(top, id, 0711) < 0)
		return errno == EEXIST
			       ? rast_err_set(err, EEXIST, "container %s exists already", id)
			       : rast_err_sys(err, errno, "%s/%s", root, id);
	c.dir = open_folder(top, id);
	if (c.dir < 0) {
		(void)unlinkat(top, id, AT_REMOVEDIR);
		return rast_err_sys(err, -c.dir, "%s/%s", root, id);
	}
	if (flock(c.dir, LOCK_EX) < 0) {
		r = rast_err_sys(err, errno, "%s/%s", root, id);
		(void)unlinkat(top, id, AT_REMOVEDIR);
		rast_closep(&c.dir);
		return r;
	}
	(void)strcpy(c.id, id);
	*ret = c;
	return 0;
}

int oci_container_claim(const struct oci_container *c)
{
	return flock(c->dir, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int frozen(const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct rast_cgroup_layout l;
	char file[RAST_CGROUP_PATH_MAX + 32];
	int r;

	if (!*path || rast_cgroup_layout_init_some(0, &l, NULL) < 0)
		return 0;
	(void)snprintf(file, sizeof(file), "%s/cgroup.events", path);
	r = rast_read_file(l.v2_fd, file, 4096, &text, NULL);
	rast_cgroup_layout_finish(&l);
	return r == 0 && strstr(text, "frozen 1") != NULL;
}

/*
 * A pidfd first, then the question who it is: the number cannot pass to another in between. -1 is one that has
 * ended; one that cannot be asked about is an error, for it may well live.
 */
static int open_process(const json_t *state, int *ret)
{
	pid_t pid = (pid_t)rast_json_int(state, "pid");
	_cleanup_close_ int fd = -1;
	struct pollfd p = {.events = POLLIN};
	uint64_t ticks = 0;
	int n, r;

	*ret = -1;
	if (pid <= 0)
		return 0;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* The last two: a thread has the number now. */
	if (fd < 0)
		return errno == ESRCH || errno == EINVAL || errno == ENOENT ? 0 : -errno;
	p.fd = fd;
	do
		n = poll(&p, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* Readable: it has ended, perhaps without anybody who waited for it yet. */
	if (n > 0)
		return 0;
	r = rast_state_start_ticks(pid, &ticks);
	if (r < 0)
		return r == -ENOENT || r == -ESRCH ? 0 : r;
	if (ticks == (uint64_t)rast_json_int(state, "start_ticks"))
		*ret = TAKE_FD(fd);
	return 0;
}

int oci_container_open(const char *root, const char *id, struct oci_container *ret,
		       struct rast_err *err)
{
	_cleanup_close_ int top = -1;
	struct oci_container c = OCI_CONTAINER_INIT;
	struct rast_err quiet = {0};
	struct stat st;
	int r;

	r = oci_id_check(id, err);
	if (r < 0)
		return r;
	(void)strcpy(c.id, id);
	r = open_root(root, false, &top, &quiet);
	if (r == 0)
		c.dir = r = open_folder(top, id);
	if (r == -ENOENT)
		return rast_err_set(err, ENOENT, "container %s does not exist", id);
	if (r < 0)
		return rast_err_sys(err, -r, "%s/%s", root, id);
	r = rast_json_load(c.dir, "state.json", &c.state, &quiet);
	if (r < 0 && r != -ENOENT) {
		oci_container_close(&c);
		return rast_err_set(err, -r, "container %s: %s", id, quiet.text);
	}
	c.status = OCI_CREATING;
	if (c.state) {
		c.pid = (pid_t)rast_json_int(c.state, "pid");
		r = open_process(c.state, &c.pidfd);
		if (r < 0) {
			oci_container_close(&c);
			return rast_err_sys(err, -r, "container %s: asking about its process", id);
		}
		if (c.pidfd < 0)
			c.status = OCI_STOPPED;
		else if (fstatat(c.dir, "start", &st, AT_SYMLINK_NOFOLLOW) == 0)
			c.status = OCI_CREATED;
		else
			c.status =
				frozen(rast_json_str(c.state, "cgroup")) ? OCI_PAUSED : OCI_RUNNING;
	}
	*ret = c;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int oci_container_ids(const char *root, char ***ret)
{
	DIR *d = opendir(root);
	char **ids = NULL;
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		char **more;

		if (oci_id_check(e->d_name, NULL) < 0 || e->d_name[0] == '.')
			continue;
		more = reallocarray(ids, n + 2, sizeof(*ids));
		if (more)
			ids = more;
		if (!more || !(ids[n] = strdup(e->d_name))) {
			(void)closedir(d);
			return -ENOMEM;
		}
		ids[++n] = NULL;
	}
	(void)closedir(d);
	if (n)
		qsort(ids, n, sizeof(*ids), by_name);
	*ret = ids;
	return 0;
}

bool oci_container_gone(const struct oci_container *c)
{
	struct stat st;

	return fstat(c->dir, &st) == 0 && st.st_nlink == 0;
}

void oci_container_close(struct oci_container *c)
{
	rast_closep(&c->dir);
	rast_closep(&c->pidfd);
	c->dir = c->pidfd = -1;
	json_decref(c->state);
	c->state = NULL;
}

int oci_state_store(struct oci_container *c, struct rast_err *err)
{
	int r = rast_json_store(c->dir, "state.json", c->state, 0);

	return r < 0 ? rast_err_sys(err, -r, "container %s: state.json", c->id) : 0;
}

int oci_state_remove(const char *root, const char *id, int dir, struct rast_err *err)
{
	_cleanup_close_ int top = -1;
	int r;

	r = open_root(root, false, &top, err);
	if (r == 0 && dir >= 0) {
		/* What is known to be there, mostly all of it. */
		(void)unlinkat(dir, "state.json", 0);
		(void)unlinkat(dir, "config.json", 0);
		if (unlinkat(top, id, AT_REMOVEDIR) == 0)
			return 0;
	}
	if (r == 0)
		r = rast_remove_tree(top, id);
	return r < 0 ? rast_err_sys(err, -r, "removing %s/%s", root, id) : 0;
}

json_t *oci_state_report(const struct oci_container *c)
{
	static const char *const copied[] = {"bundle", "rootfs", "created", "owner"};
	bool alive = c->status != OCI_STOPPED && c->status != OCI_CREATING;
	json_t *o =
		json_pack("{s:s,s:s,s:i,s:s}", "ociVersion",
			  c->state ? rast_json_str(c->state, "ociVersion") : "1.2.0", "id", c->id,
			  "pid", alive ? (int)c->pid : 0, "status", oci_status_name(c->status));
	json_t *notes = json_object_get(c->state, "annotations");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(copied); i++)
		if (c->state)
			rast_json_set_str(o, copied[i], rast_json_str(c->state, copied[i]));
	if (notes)
		(void)json_object_set(o, "annotations", notes);
	return o;
}

/* A name is at most 108 bytes, a state folder may be deeper: it is reached through the open folder. */
static void address(const struct oci_container *c, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/start", c->dir);
}

int oci_start_listen(struct oci_container *c, int *ret_fd, struct rast_err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;

	address(c, &a);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		return rast_err_sys(err, errno, "container %s: start socket", c->id);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int oci_start_connect(struct oci_container *c, int *ret_fd, struct rast_err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;

	address(c, &a);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return rast_err_sys(err, errno, "container %s: starting", c->id);
	*ret_fd = TAKE_FD(fd);
	return 0;
}
