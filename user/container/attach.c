// SPDX-License-Identifier: BSD-2-Clause
/* See attach.h. One poll loop over the process, the signals and, with a terminal, both of its ends. */
#include "container/attach.h"

#include "base/fd.h"
#include "container/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static void passed_on(sigset_t *set)
{
	static const int list[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
	size_t i;

	(void)sigemptyset(set);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		(void)sigaddset(set, list[i]);
}

void rast_container_attach_prepare(void)
{
	sigset_t set;

	passed_on(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void copy_size(int tty)
{
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(tty, TIOCSWINSZ, &ws);
}

static void on_signal(int sfd, int pidfd, int tty)
{
	struct signalfd_siginfo si;

	if (read(sfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && tty >= 0)
		copy_size(tty);
	else
		(void)syscall(SYS_pidfd_send_signal, pidfd, (int)si.ssi_signo, NULL, 0);
}

/* False when there is no more to read. */
static bool copy(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	/* EIO: the last process closed its side of the terminal. */
	return n > 0 && rast_write_all(to, buf, (size_t)n) == 0;
}

static void loop(int pidfd, int sfd, int tty)
{
	struct pollfd p[4] = {{.fd = pidfd, .events = POLLIN},
			      {.fd = sfd, .events = POLLIN},
			      {.fd = tty, .events = POLLIN},
			      {.fd = tty >= 0 ? STDIN_FILENO : -1, .events = POLLIN}};

	for (;;) {
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents & POLLIN)
			on_signal(sfd, pidfd, tty);
		if (p[2].revents && !copy(tty, STDOUT_FILENO))
			p[2].fd = -1;
		if (p[3].revents && !copy(STDIN_FILENO, tty))
			p[3].fd = -1;
		if (p[0].revents & POLLIN) {
			/* What it said last is still in the terminal. */
			struct pollfd rest = {.fd = p[2].fd, .events = POLLIN};

			while (rest.fd >= 0 && poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN) &&
			       copy(tty, STDOUT_FILENO))
				;
			return;
		}
	}
}

int rast_container_attach(int pidfd, int tty, int *ret_status, struct rast_err *err)
{
	_cleanup_close_ int sfd = -1;
	struct termios old, raw;
	bool restore = false;
	sigset_t set;
	int r;

	passed_on(&set);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sfd < 0)
		return rast_err_sys(err, errno, "signalfd");
	if (tty >= 0) {
		copy_size(tty);
		if (tcgetattr(STDIN_FILENO, &old) == 0) {
			raw = old;
			cfmakeraw(&raw);
			restore = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
		}
	}
	loop(pidfd, sfd, tty);
	if (restore)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	r = rast_launch_wait(pidfd, ret_status);
	return r < 0 ? rast_err_sys(err, -r, "waiting for the container") : 0;
}
