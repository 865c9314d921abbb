// SPDX-License-Identifier: BSD-2-Clause
/*
 * oci_inject FILE [P N ERRNO] COMMAND [ARG…]: runs the command under ptrace with all its children until each
 * executes something of its own, and writes one line "P N NAME" into FILE for each system call: the Nth of the
 * Pth process, both from 0. With P N ERRNO that one call is not made and returns the error instead; its line
 * ends with " !". Exit code: the command's; 125 when this program itself failed.
 *
 * strace counts each kind of call for itself, and stops at every call through two processes: it is several
 * times slower. What still waits when the command has ended (a created container) is let go.
 */
#include "container/seccomp_numbers.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_TASKS 64
#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACEEXEC)
#ifdef __x86_64__
#define ABI SECCOMP_X86_64
#else
#define ABI SECCOMP_AARCH64
#endif

struct task {
	pid_t pid;
	int number, calls;
	bool injected; /* the call that it is in */
};
static struct task tasks[MAX_TASKS];
static int n_tasks, want_task = -1, want_call = -1, want_errno;
static bool done; /* nothing more to stop for, but the exec of a child */
static FILE *out;

static void die(const char *what)
{
	(void)fprintf(stderr, "oci_inject: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static struct task *find(pid_t pid)
{
	int i;

	for (i = 0; i < n_tasks; i++)
		if (tasks[i].pid == pid)
			return &tasks[i];
	if (n_tasks == MAX_TASKS)
		die("too many processes");
	tasks[n_tasks] = (struct task){.pid = pid, .number = n_tasks};
	return &tasks[n_tasks++];
}

static const char *name_of(uint64_t nr)
{
	static char number[32];
	const struct seccomp_numbers *s;

	for (s = seccomp_numbers_all; s->name[0]; s++)
		if (s->nr[ABI] == (int32_t)nr)
			return s->name;
	(void)snprintf(number, sizeof(number), "%d", (int)nr);
	return number;
}

/* On x86-64 number and result are registers of their own, on arm64 the number is a register set. */
static void set_call(pid_t pid, bool entry, long value)
{
#ifdef __x86_64__
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		die("registers");
	if (entry)
		regs.orig_rax = (unsigned long)value;
	else
		regs.rax = (unsigned long)value;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) < 0)
		die("registers");
#else
	struct user_regs_struct regs;
	int nr = (int)value;
	struct iovec iov = {entry ? (void *)&nr : (void *)&regs, entry ? sizeof(nr) : sizeof(regs)};

	if (!entry) {
		if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
			die("registers");
		regs.regs[0] = (unsigned long)value;
	}
	if (ptrace(PTRACE_SETREGSET, pid, entry ? NT_ARM_SYSTEM_CALL : NT_PRSTATUS, &iov) < 0)
		die("registers");
#endif
}

static void at_call(struct task *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0)
		return; /* killed meanwhile */
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		/* The end of a process cannot fail. */
		t->injected = t->number == want_task && t->calls == want_call &&
			      info.entry.nr != SYS_exit_group && info.entry.nr != SYS_exit &&
			      info.entry.nr != SYS_rt_sigreturn;
		(void)fprintf(out, "%d %d %s%s\n", t->number, t->calls++, name_of(info.entry.nr),
			      t->injected ? " !" : "");
		if (t->injected)
			set_call(t->pid, true, -1);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->injected) {
		t->injected = false;
		done = true;
		set_call(t->pid, false, -want_errno);
	}
}

/* One stop; true when the first process has ended. */
static bool handle(pid_t pid, int status, pid_t first, int *ret_code)
{
	struct task *t = find(pid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		t->pid = -1;
		return pid == first;
	}
	if (event == PTRACE_EVENT_EXEC && pid != first) {
		t->pid = -1;
		(void)ptrace(PTRACE_DETACH, pid, NULL, 0);
		return false;
	}
	if (sig == (SIGTRAP | 0x80)) {
		at_call(t);
		sig = 0;
	} else if (event || sig == SIGTRAP) {
		sig = 0; /* a child's first stop, or one that says that there is a child */
	}
	(void)ptrace(done ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, sig);
	return false;
}

int main(int argc, char **argv)
{
	int status, code = 125, at = 2;
	pid_t first, pid;

	if (argc > 5 && strspn(argv[2], "0123456789") == strlen(argv[2])) {
		want_task = atoi(argv[2]);
		want_call = atoi(argv[3]);
		want_errno = atoi(argv[4]);
		at = 5;
	}
	if (argc <= at || !(out = fopen(argv[1], "we")))
		die("usage: oci_inject FILE [P N ERRNO] COMMAND [ARG…]");
	(void)setvbuf(out, NULL, _IOLBF, 0);
	first = fork();
	if (first < 0)
		die("fork");
	if (first == 0) {
		(void)raise(SIGSTOP);
		(void)execv(argv[at], argv + at);
		_exit(125);
	}
	if (waitpid(first, &status, WUNTRACED) != first ||
	    ptrace(PTRACE_SEIZE, first, NULL, OPTIONS) < 0)
		die("ptrace");
	(void)kill(first, SIGCONT);
	/* Its own start is not counted: from the exec on. */
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXEC) {
			(void)find(first);
			(void)ptrace(PTRACE_SYSCALL, pid, NULL, 0);
			break;
		}
		if (!WIFSTOPPED(status))
			die("exec");
		(void)ptrace(PTRACE_CONT, pid, NULL, 0);
	}
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0 && handle(pid, status, first, &code))
			break;
	(void)fclose(out);
	return code;
}
