// SPDX-License-Identifier: BSD-2-Clause
/* What a caller of the runtime gets from it: the process id, the terminal, the seccomp listener. */
#include "oci/create.h"

#include "base/fd.h"
#include "container/seccomp_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int oci_pid_file(const char *path, pid_t pid, struct rast_err *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid), r;

	r = rast_replace_file(AT_FDCWD, path, text, (size_t)n, 0644, 0);
	return r < 0 ? rast_err_sys(err, -r, "--pid-file %s", path) : 0;
}

/* One descriptor and some bytes to who listens at `path`. */
static int send_to(const char *what, const char *path, const char *text, size_t len, int fd,
		   struct rast_err *err)
{
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(char *)(uintptr_t)text, len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	if (strlen(path) >= sizeof(a.sun_path))
		return rast_err_sys(err, ENAMETOOLONG, "%s %s", what, path);
	(void)strcpy(a.sun_path, path);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		return rast_err_sys(err, errno, "%s %s", what, path);
	return 0;
}

int oci_console_send(const char *path, int tty, struct rast_err *err)
{
	static const char name[] = "/dev/pts/ptmx";

	return send_to("--console-socket", path, name, sizeof(name) - 1, tty, err);
}

/* ContainerProcessState of config-linux.md. */
int oci_listener_send(const struct oci_container *c, const struct rast_oci_spec *spec, pid_t pid,
		      int listener, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	json_t *state = oci_state_report(c), *o;

	/* Nothing is recorded yet: only the caller knows it. */
	(void)json_object_set_new(state, "pid", json_integer(pid));
	o = json_pack("{s:s,s:[s],s:i,s:s*,s:o}", "ociVersion", spec->version, "fds", "seccompFd",
		      "pid", (int)pid, "metadata", spec->seccomp->listener_metadata, "state",
		      state);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return rast_err_sys(err, ENOMEM, "seccomp listener");
	return send_to("config.json: linux.seccomp.listenerPath:", spec->seccomp->listener_path,
		       text, strlen(text), listener, err);
}
