// SPDX-License-Identifier: BSD-2-Clause
/* See hooks.h. */
#include "oci/hooks.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_of(int pidfd, siginfo_t *info)
{
	while (waitid(P_PIDFD, (id_t)pidfd, info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

_Noreturn static void become(const struct oci_program *p, int input)
{
	sigset_t empty;

	(void)sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	if (dup2(input, STDIN_FILENO) < 0)
		_exit(126);
	if (p->output >= 0 &&
	    (dup2(p->output, STDOUT_FILENO) < 0 || dup2(p->output, STDERR_FILENO) < 0))
		_exit(126);
	(void)execve(p->path, (char *const *)(uintptr_t)p->args, (char *const *)(uintptr_t)p->env);
	_exit(errno == ENOENT ? 127 : 126);
}

/* A file rather than a pipe: a program that does not read its input cannot make us wait. */
static int input_of(const char *text)
{
	int fd = memfd_create("state", MFD_CLOEXEC);
	size_t n = strlen(text);

	if (fd < 0)
		return -errno;
	if (rast_write_all(fd, text, n) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		int saved = errno;

		(void)close(fd);
		return -saved;
	}
	return fd;
}

int oci_program_run(const struct oci_program *program, const char *what, struct rast_err *err)
{
	_cleanup_close_ int pidfd = -1, input = input_of(program->input);
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	struct pollfd p = {.events = POLLIN};
	siginfo_t info = {0};
	long pid;
	int n, r;

	if (input < 0)
		return rast_err_sys(err, -input, "%s", what);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become(program, input);
	if (pid < 0)
		return rast_err_sys(err, errno, "%s: %s", what, program->path);
	p.fd = pidfd;
	do
		n = poll(&p, 1, program->timeout_s ? (int)(program->timeout_s * 1000) : -1);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	r = exit_of(pidfd, &info);
	if (r < 0)
		return rast_err_sys(err, -r, "%s: %s", what, program->path);
	if (n == 0)
		return rast_err_set(err, ETIMEDOUT, "%s: %s ran longer than %lld s", what,
				    program->path, (long long)program->timeout_s);
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	return rast_err_set(err, ECANCELED, "%s: %s %s %d", what, program->path,
			    info.si_code == CLD_EXITED ? "exited with" : "was ended by signal",
			    info.si_status);
}

int oci_hook_run(const struct rast_oci_hook *h, const char *point, size_t i, const char *state,
		 struct rast_err *err)
{
	static const char *const none[] = {NULL};
	const char *const self[] = {h->path, NULL};
	const struct oci_program program = {
		.path = h->path,
		.args = h->n_args ? h->args : self,
		.env = h->n_env ? h->env : none,
		.input = state,
		.output = -1,
		.timeout_s = h->timeout_s.set ? h->timeout_s.v : 0,
	};
	char what[64];

	(void)snprintf(what, sizeof(what), "hooks.%s[%zu]", point, i);
	return oci_program_run(&program, what, err);
}

int oci_hooks_run(const struct rast_oci_hooks *hooks, const char *point, const char *state,
		  struct rast_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < hooks->n && r == 0; i++)
		r = oci_hook_run(&hooks->v[i], point, i, state, err);
	return r;
}
